"""The keeper of Polymarket's books against a venue that loses frames and answers late."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.events import BooksLost, BookSnapshot, FeedUp, MarketHalted, TickSet, TopStated
from protocol.units import Price
from tests.venues.polymarket.world import NO, OWNER, TOKENS, YES, Venue
from venues.polymarket.feed import RESOLVED
from venues.polymarket.keeper import BookKeeper, KeeperPolicy

BOTH = (True, False)


def connected() -> Venue:
    venue = Venue()
    venue.connect()
    venue.deliver()
    return venue


def asked(venue: Venue) -> None:
    venue.now_us += venue.keeper.policy.every_us
    assert venue.ask()
    venue.look()
    venue.answer()


def right(venue: Venue, tokens: tuple[str, ...] = TOKENS) -> bool:
    return all(venue.believed(token, is_bid=one) == venue.books[token][one] for token in tokens for one in BOTH)


# -- one case at a time ------------------------------------------------------------------------------------------------


def test_a_connection_brings_every_book_and_each_is_verified() -> None:
    venue = connected()
    assert right(venue)
    number, tokens = venue.keeper.ask(venue.now_us, 1)
    assert tokens == (NO,)
    assert venue.keeper.ask(venue.now_us, 10) == (number + 1, (YES,))
    assert venue.keeper.ask(venue.now_us, 10)[1] == ()


def test_a_lost_frame_that_moved_the_best_price_is_seen_at_the_next_change_and_mended() -> None:
    venue = connected()
    asked(venue)
    venue.change(YES, 4_600, 300, is_bid=True, lost=True)
    venue.change(YES, 5_600, 300, is_bid=False)
    venue.deliver()
    assert venue.believed(YES, is_bid=True) is None
    assert venue.believed(YES, is_bid=False) == venue.books[YES][False]
    venue.now_us += 1
    assert venue.ask()
    assert venue.questions[0].tokens == (YES,)
    venue.look()
    venue.answer()
    assert right(venue)
    assert venue.keeper.mended == 1


def test_a_lost_frame_of_a_deeper_level_is_mended_by_the_next_round() -> None:
    venue = connected()
    asked(venue)
    venue.change(YES, 4_400, 300, is_bid=True, lost=True)
    venue.change(YES, 5_600, 300, is_bid=False)
    venue.deliver()
    assert venue.believed(YES, is_bid=True) != venue.books[YES][True]
    assert not venue.ask()
    asked(venue)
    assert right(venue)


def test_what_is_as_known_is_not_told_again() -> None:
    venue = connected()
    before = len(venue.batches)
    asked(venue)
    assert venue.batches[before:] == [()]
    assert venue.keeper.mended == 0


def test_changes_that_crossed_the_answer_are_not_taken_back() -> None:
    venue = connected()
    venue.ask()
    venue.change(YES, 4_500, 0, is_bid=True)
    venue.look()
    venue.change(YES, 4_400, 700, is_bid=True)
    venue.deliver()
    venue.deliver()
    venue.answer()
    assert right(venue)
    assert venue.keeper.mended == 0


def test_changes_older_than_the_answer_are_dropped_and_the_book_asked_for_again() -> None:
    venue = connected()
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.change(YES, 4_600, 0, is_bid=True)
    asked(venue)
    assert right(venue)
    venue.deliver()
    assert right(venue)
    assert venue.keeper.dropped == 2
    venue.now_us += 1
    assert venue.ask()


def test_times_that_are_hours_off_are_of_another_clock_and_drop_nothing() -> None:
    venue = connected()
    venue.ms += 7_200_000
    asked(venue)
    venue.ms -= 7_200_000
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.deliver()
    assert right(venue)


def test_an_answer_older_than_what_is_known_is_of_no_use() -> None:
    venue = connected()
    body = json.dumps([venue.book(YES)]).encode()
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.deliver()
    number, tokens = venue.keeper.ask(venue.now_us, 10)
    venue.tell(venue.keeper.answered(number, tokens, venue.read(body), venue.now_us))
    assert right(venue, (YES,))
    venue.now_us += 2
    assert venue.keeper.ask(venue.now_us, 10)[1] == (YES,)


def test_an_answer_of_a_connection_that_is_gone_is_no_book() -> None:
    venue = connected()
    venue.ask()
    venue.look()
    venue.disconnect()
    venue.answer()
    assert venue.believed(YES, is_bid=True) is None
    venue.ask()
    venue.connect()
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.deliver()
    venue.deliver()
    assert right(venue)


def test_a_book_that_the_venue_does_not_give_is_lost_and_says_so_once() -> None:
    venue = connected()
    del venue.books[NO][True]
    number, tokens = venue.keeper.ask(venue.now_us, 10)
    found = venue.read(json.dumps([venue.book(YES)]).encode())
    for _ in range(2):
        venue.tell(venue.keeper.answered(number, tokens, found, venue.now_us))
        venue.now_us += venue.keeper.policy.every_us
        number, tokens = venue.keeper.ask(venue.now_us, 10)
    lost = [event for batch in venue.batches for event in batch if isinstance(event, BooksLost)]
    assert lost == [BooksLost("polymarket has no book of it", (NO,))]
    assert right(venue, (YES,))


def test_a_level_too_small_to_trade_is_asked_about_ever_more_rarely() -> None:
    venue = connected()
    venue.keeper.policy = KeeperPolicy(settle_us=1_000)
    dust = {"asset_id": YES, "side": "BUY", "price": "0.46", "size": "0.004", "best_bid": "0.46", "best_ask": "0.55"}
    frame = {"event_type": "price_change", "timestamp": str(venue.ms + 1), "price_changes": [dust]}
    venue.tell(venue.keeper.frame(OWNER, venue.decoder.read(json.dumps(frame)), venue.now_us))
    assert venue.believed(YES, is_bid=True) is None
    waits: list[int] = []
    for _ in range(6):
        since = venue.now_us
        while not venue.ask() or YES not in venue.questions[-1].tokens:
            venue.questions.clear()
            venue.now_us += 500
        waits.append(venue.now_us - since)
        venue.look()
        venue.answer()
        assert venue.believed(YES, is_bid=True) is None
    assert waits == sorted(waits)
    assert waits[-1] >= 8 * waits[1] > 0


def test_where_an_answer_and_a_statement_of_the_same_moment_differ_nobody_knows() -> None:
    venue = connected()
    stated = {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": "0.47", "best_ask": "0.55"}
    venue.stream.append(json.dumps(stated | {"timestamp": str(venue.ms)}))
    venue.deliver()
    asked(venue)
    assert venue.believed(YES, is_bid=True) is None
    assert venue.believed(YES, is_bid=False) == venue.books[YES][False]
    venue.change(NO, 4_600, 300, is_bid=True)
    venue.deliver()
    asked(venue)
    assert right(venue)


def test_a_token_of_another_connection_is_left_alone() -> None:
    venue = connected()
    venue.keeper.begin(1, (NO,), venue.now_us)
    before = venue.believed(NO, is_bid=True)
    venue.change(NO, 4_700, 300, is_bid=True)
    venue.deliver()
    assert venue.believed(NO, is_bid=True) == before


def test_what_is_barred_has_no_book_until_it_is_allowed() -> None:
    venue = connected()
    venue.tell(venue.keeper.bar((YES,), "it is closed", venue.now_us))
    assert venue.keeper.bar((YES,), "it is closed", venue.now_us) == ()
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.deliver()
    assert venue.believed(YES, is_bid=True) is None
    assert YES not in venue.keeper.ask(venue.now_us, 10)[1]
    venue.keeper.allow(YES, venue.now_us)
    asked(venue)
    assert right(venue, (YES,))


def test_what_is_resolved_has_no_book_any_more_whoever_says_so() -> None:
    venue = connected()
    frame = {"event_type": "market_resolved", "market": "0xc", "winning_outcome": "Yes"}
    venue.stream.append(json.dumps(frame))
    venue.deliver()
    halted = [event for event in venue.batches[-1] if isinstance(event, MarketHalted)]
    assert [event.market for event in halted] == [YES, NO]
    venue.keeper.allow(YES, venue.now_us)
    venue.keeper.bar((YES,), "it is closed", venue.now_us)
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.quiet()
    assert venue.keeper.barred(YES) == RESOLVED
    assert venue.believed(YES, is_bid=True) is None


def test_two_tokens_that_cannot_be_one_book_are_lost_until_they_came_whole() -> None:
    venue = connected()
    venue.keeper.pair(YES, NO)
    # The venue's NO has moved with YES, but its frame is not here yet.
    venue.change(YES, 5_500, 0, is_bid=False)
    venue.change(YES, 4_400, 100, is_bid=False)
    for _ in range(2):
        venue.deliver()
    assert venue.believed(YES, is_bid=False) is None
    assert venue.believed(NO, is_bid=False) is None
    lost = [event for event in venue.batches[-1] if isinstance(event, BooksLost)]
    assert [set(event.markets) for event in lost] == [{YES, NO}]
    assert "contradict" in lost[0].reason
    venue.change(NO, 5_500, 0, is_bid=False)
    venue.change(NO, 5_700, 100, is_bid=False)
    venue.now_us += 1
    assert venue.ask()
    venue.look()
    venue.answer()
    assert right(venue)
    assert not venue.ask()


def test_all_that_is_known_can_be_told_again() -> None:
    venue = connected()
    venue.tell(venue.keeper.set_tick(YES, Price(10), 0))
    venue.tell(venue.keeper.halt(NO, "a reason", 0))
    assert venue.keeper.halt(NO, "another", 0) == ()
    venue.change(YES, 4_600, 300, is_bid=True, lost=True)
    venue.change(YES, 5_600, 300, is_bid=False)
    venue.deliver()
    events = venue.keeper.again()
    assert events[0] == FeedUp()
    assert TickSet(YES, Price(10)) in events
    assert MarketHalted(NO, "a reason") in events
    assert [event.market for event in events if isinstance(event, BookSnapshot)] == [YES, NO]
    assert [event.market for event in events if isinstance(event, TopStated)] == [YES]
    venue.tell(events)
    assert venue.believed(YES, is_bid=True) is None
    assert right(venue, (NO,))


@pytest.mark.parametrize("stamped", [True, False])
def test_an_answer_without_a_time_is_taken_with_all_that_came_since_the_question(stamped: bool) -> None:
    venue = connected()
    venue.ask()
    venue.look()
    question = venue.questions[0]
    assert question.body is not None
    if not stamped:
        books = [book | {"timestamp": None} for book in json.loads(question.body)]
        question.body = json.dumps(books).encode()
    venue.change(YES, 4_600, 300, is_bid=True)
    venue.deliver()
    venue.answer()
    assert right(venue)


# -- any history -------------------------------------------------------------------------------------------------------


def histories(*later: int) -> st.SearchStrategy[list[tuple[object, ...]]]:
    """Steps of the venue and of what is on its way; a change comes so many milliseconds after the last one."""
    changes = st.tuples(
        st.just("change"),
        st.sampled_from(TOKENS),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from([0, 0, 100, 250]),
        st.booleans(),
        st.sampled_from(later),
    )
    others = ["deliver", "deliver", "ask", "look", "answer", "fail", "wait", "cut"]
    return st.lists(changes | st.tuples(st.sampled_from(others)), max_size=60)


def play(venue: Venue, history: list[tuple[object, ...]], *, may_lose: bool) -> None:
    for step in history:
        match step:
            case ("change", str(token), bool(is_bid), int(place), int(size), bool(lost), int(later)):
                price = (4_200 if is_bid else 5_500) + 100 * place
                venue.change(token, price, size, is_bid=is_bid, lost=lost and may_lose, later=later)
            case ("deliver",):
                venue.deliver()
                tops_are_right_or_unknown(venue)
            case ("wait",):
                venue.now_us += venue.keeper.policy.every_us
            case ("cut",):
                venue.disconnect()
                assert venue.believed(YES, is_bid=True) is None
                venue.connect()
            case _:
                getattr(venue, str(step[0]))()


def tops_are_right_or_unknown(venue: Venue) -> None:
    """Past one statement of the best prices no side is traded on whose best is another."""
    for event in venue.batches[-1]:
        if isinstance(event, TopStated):
            for is_bid, stated in ((True, event.best_bid), (False, event.best_ask)):
                side = venue.believed(event.market, is_bid=is_bid)
                if side is not None:
                    assert (max(side, default=None) if is_bid else min(side, default=None)) == stated


@settings(max_examples=100)
@given(histories(0, 1, 30))
def test_without_losses_the_books_are_right_whatever_was_asked_meanwhile(history: list[tuple[object, ...]]) -> None:
    venue = connected()
    play(venue, history, may_lose=False)
    while venue.stream:
        venue.deliver()
    assert right(venue)


@settings(max_examples=100)
@given(histories(1, 30))
def test_with_losses_the_books_are_right_again_after_one_round(history: list[tuple[object, ...]]) -> None:
    venue = connected()
    play(venue, history, may_lose=True)
    venue.quiet()
    assert right(venue)


@settings(max_examples=100)
@given(histories(0, 1))
def test_with_losses_within_one_moment_they_are_right_or_not_traded_on(history: list[tuple[object, ...]]) -> None:
    venue = connected()
    play(venue, history, may_lose=True)
    venue.quiet()
    for token in TOKENS:
        for is_bid in BOTH:
            assert venue.believed(token, is_bid=is_bid) in (None, venue.books[token][is_bid])


@given(st.lists(st.text(max_size=3), max_size=4), st.integers(0, 5))
def test_a_keeper_that_knows_nothing_takes_anything(names: list[str], number: int) -> None:
    keeper = BookKeeper()
    assert keeper.answered(number, names, {}, 0) == ()
    assert keeper.lose(names, "gone", 0) == ()
    keeper.failed(number, names, 0)
    keeper.renew(names, 0)
    assert not keeper.expects(number)
