"""The scanner: offers from usable books only, one at a time per pair; silence, losses and ends of feeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import Directory, Note, OpportunityNote, OpportunitySeen, PairFree, Took, Wanted
from actors.scanner import Scanner, ScannerSetup
from market.events import BooksLost, FeedEnded, FeedUp, MarketHalted
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, PairId, Platform, Side
from protocol.units import Money
from simulation.boxes import SECOND_US, ControllerBox
from simulation.clock import VirtualClock
from simulation.doubles import inbox
from tests.actors.kit import ARB, fills, never, states, texts
from tests.market.builders import NO, TICKER, contracts, frame, kalshi, pair, poly
from transport.host import ActorHost

PAIR = PairId("pair_0")


class World:
    """A scanner whose executor is an inbox."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.host = ActorHost(self.clock)
        setup = ScannerSetup(lambda: Scan([pair(0), pair(1)], Rules.from_cents(1)), PLATFORMS, None)
        self.scanner = self.host.create(Scanner, "scanner", setup)
        executor, self.offers = inbox(self.host)
        others, self.told = inbox(self.host)
        roles = {"executor": executor, "telemetry": others, "clock": others, "scanner": self.scanner}
        self.tell(Directory(roles))

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.host.tell(self.scanner, message)

    @property
    def last(self) -> Any:  # noqa: ANN401 -- the opportunity
        return self.offers[-1].opportunity


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.host:
        yield made


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A feed may be silent for 10 seconds; there are traders that never answer."""
    with ControllerBox([pair(0)], max_silence_us=10 * SECOND_US) as made:
        for platform in PLATFORMS:
            made.simulate(platform, fills({Side.YES: 0, Side.NO: 0}))
        yield made


def feed_of(box: ControllerBox, platform: Platform) -> dict[str, Any]:
    return next(feed for feed in box.status()["feeds"] if feed["platform"] == platform)


def closes(box: ControllerBox) -> int:
    return sum(isinstance(note, OpportunityNote) and note.event == "close" for note in box.memory.notes)


# -- offers --------------------------------------------------------------------------------------------------------


def test_at_most_one_offer_of_a_pair_is_with_the_executor(world: World) -> None:
    for t in range(1, 5):
        world.tell(kalshi([(40, 10)], [(45, 10)], t=t), poly(NO, [(40, 10)], [(45, 10)], t=t))
    assert [type(offer) for offer in world.offers] == [OpportunitySeen]


def test_latched_and_lost_markets_are_in_the_status_with_their_pairs_and_reasons(box: ControllerBox) -> None:
    box.feed(poly(NO, [(40, 10)], [(45, 10)]), kalshi([(40, 10)], [(45, 10)]))
    assert (box.status()["latched"], box.status()["without_book"]) == ([], [])
    box.feed(
        frame(KALSHI, MarketHalted(TICKER, "its fees were changed")),
        frame(POLYMARKET, BooksLost("it is closed", (NO, "nobody's"))),
    )
    latched = {"platform": KALSHI, "market": TICKER, "pairs": [PAIR], "reason": "its fees were changed"}
    lost = {"platform": POLYMARKET, "market": NO, "pairs": [PAIR], "reason": "it is closed"}
    assert (box.status()["latched"], box.status()["without_book"]) == ([latched], [lost])
    box.feed(poly(NO, [(40, 10)], [(45, 10)]))
    assert box.status()["without_book"] == []


def test_a_halted_market_is_offered_no_more_and_that_is_said(world: World) -> None:
    world.tell(*ARB, frame(KALSHI, MarketHalted(TICKER, "its fees were changed")), PairFree(PAIR, recheck=True), *ARB)
    assert len(world.offers) == 1
    said = [note.text for note in world.told if isinstance(note, Note) and note.count == "markets_halted"]
    assert said == [f"kalshi: nothing opens on {TICKER} any more: its fees were changed"]


def test_a_free_pair_is_offered_again_at_its_next_update(world: World) -> None:
    world.tell(*ARB, PairFree(PAIR, recheck=False))
    assert len(world.offers) == 1
    world.tell(kalshi([(40, 10)], [(45, 7)], t=2))
    assert len(world.offers) == 2
    assert world.last.quantity == contracts(7)


def test_a_free_pair_to_be_looked_at_is_offered_at_once(world: World) -> None:
    world.tell(*ARB, PairFree(PAIR, recheck=True))
    assert len(world.offers) == 2


def test_a_pair_that_is_free_and_no_arb_any_more_is_not_offered(world: World) -> None:
    world.tell(*ARB, kalshi([(40, 10)], [(60, 10)], t=2), PairFree(PAIR, recheck=True))
    assert len(world.offers) == 1


def test_pairs_do_not_wait_for_each_other(world: World) -> None:
    world.tell(*ARB)
    world.tell(kalshi([], [(45, 10)], market=f"{TICKER}-1"), poly(f"{NO}-1", [], [(45, 10)]))
    assert [offer.opportunity.pair_id for offer in world.offers] == ["pair_0", "pair_1"]


def test_our_own_fills_are_taken_out_of_the_book_they_were_decided_on(world: World) -> None:
    world.tell(*ARB)
    first = world.last
    world.tell(*(Took(leg, contracts(4)) for leg in first.legs), PairFree(PAIR, recheck=True))
    assert world.last.quantity == contracts(6)
    world.tell(*(Took(leg, contracts(6)) for leg in first.legs), PairFree(PAIR, recheck=True))
    assert len(world.offers) == 2


def test_our_own_fill_is_not_taken_out_of_a_book_that_has_spoken_since(world: World) -> None:
    world.tell(*ARB)
    first = world.last
    world.tell(kalshi([(40, 10)], [(45, 6)], t=2), poly(NO, [(40, 10)], [(45, 6)], t=2))
    world.tell(*(Took(leg, contracts(4)) for leg in first.legs), PairFree(PAIR, recheck=True))
    assert world.last.quantity == contracts(6)


def test_the_caps_that_the_executor_wants_bound_the_next_offers(world: World) -> None:
    world.tell(Wanted(frozenset(PLATFORMS), frozenset(), {KALSHI: Money(1_350_000)}), *ARB)
    assert world.last.quantity == contracts(3)


def test_what_stands_open_is_offered_again_when_the_paths_change(world: World) -> None:
    world.tell(*ARB, PairFree(PAIR, recheck=False))
    paths = Wanted(frozenset({KALSHI}), frozenset(), {})
    world.tell(paths)
    assert len(world.offers) == 2
    world.tell(PairFree(PAIR, recheck=False), paths)
    assert len(world.offers) == 2


def test_books_are_sent_along_for_the_platforms_that_fill_on_paper(world: World) -> None:
    world.tell(*ARB, PairFree(PAIR, recheck=False))
    assert world.offers[0].books == ()
    world.tell(Wanted(frozenset(PLATFORMS), frozenset({POLYMARKET}), {}))
    (sent,) = world.offers[1].books
    assert (sent.platform, sent.market, sent.asks) == (POLYMARKET, NO, [(4_500, 1_000)])


def test_an_opportunity_is_noted_when_it_opens_and_when_it_closes(world: World) -> None:
    world.tell(*ARB, kalshi([(40, 10)], [(44, 10)], t=2), kalshi([(40, 10)], [(60, 10)], t=3))
    events = [note.event for note in world.told if isinstance(note, OpportunityNote)]
    assert events == ["open", "close"]


# -- books that are unusable ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("market", [(), None])
def test_a_disconnect_closes_the_opportunity_and_nothing_is_offered_until_a_snapshot(
    world: World, platform: Platform, market: tuple[str, ...] | None
) -> None:
    instrument = TICKER if platform == KALSHI else NO
    lost = BooksLost("reset", (instrument,) if market is None else market)
    world.tell(*ARB, PairFree(PAIR, recheck=False), frame(platform, lost, is_data=False, t=2))
    assert [note.event for note in world.told if isinstance(note, OpportunityNote)] == ["open", "close"]
    world.tell(PairFree(PAIR, recheck=True))
    assert len(world.offers) == 1
    world.tell(frame(platform, FeedUp(), is_data=False, t=3))
    assert len(world.offers) == 1
    world.tell(*ARB)
    assert len(world.offers) == 2


def test_a_feed_that_ended_takes_its_books_with_it(box: ControllerBox) -> None:
    box.feed(*ARB, FeedEnded(KALSHI, "end of the recording"))
    assert closes(box) == 1
    assert box.status()["opportunities"] == {"opened": 1, "closed": 1}
    assert (feed_of(box, KALSHI)["state"], feed_of(box, KALSHI)["lost_reason"]) == ("ended", "end of the recording")
    assert feed_of(box, POLYMARKET)["state"] == "up"
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
    assert box.status()["open_opportunities"] == 0


def test_a_gap_is_a_gap_and_no_disconnect(box: ControllerBox) -> None:
    box.feed(*ARB, frame(KALSHI, BooksLost("gap in sid 1", (TICKER,)), t=2))
    assert feed_of(box, KALSHI)["state"] == "up"
    assert "kalshi: 1 books unusable until their next snapshot: gap in sid 1" in texts(box, "FEED")
    assert box.status()["counters"]["feed_gaps"] == 1


# -- silence -------------------------------------------------------------------------------------------------------


def test_a_feed_that_is_silent_too_long_makes_its_books_unusable_at_once(box: ControllerBox) -> None:
    box.feed(*ARB)
    for _ in range(5):
        box.pass_time(1.9)
        box.feed(poly("777", t=2))
    assert closes(box) == 0
    box.pass_time(0.5)
    assert closes(box) == 1
    assert (feed_of(box, KALSHI)["state"], feed_of(box, POLYMARKET)["state"]) == ("silent", "up")
    assert "kalshi feed silent: no market data for 10 s" in texts(box, "FEED")


def test_silence_is_counted_from_the_last_frame(box: ControllerBox) -> None:
    box.feed(*ARB)
    box.pass_time(9)
    box.feed(kalshi(market="ANOTHER", t=2), poly("another", t=2))
    box.pass_time(9.9)
    assert closes(box) == 0
    box.pass_time(0.2)
    assert closes(box) == 1


def test_one_timer_watches_each_feed() -> None:
    with ControllerBox([pair(0)], max_silence_us=10 * SECOND_US, beacon=False) as box:
        for t in range(1, 9):
            box.feed(kalshi(market="ANOTHER", t=t), poly("another", t=t))
        assert len(box.clock.timers) == 2


def test_silence_is_of_the_whole_feed_and_not_of_one_quiet_market(box: ControllerBox) -> None:
    box.feed(*ARB)
    for t in range(2, 30):
        box.pass_time(9)
        box.feed(kalshi(market="ANOTHER", t=t), poly("another", t=t))
    assert closes(box) == 0
    assert feed_of(box, KALSHI)["state"] == "up"


def test_only_data_frames_break_a_silence(box: ControllerBox) -> None:
    box.feed(*ARB)
    for t in range(2, 12):
        box.pass_time(1)
        for platform in PLATFORMS:
            box.feed(frame(platform, is_data=False, t=t))
    assert closes(box) == 1
    assert feed_of(box, KALSHI)["state"] == "silent"


def test_a_feed_that_speaks_again_has_usable_books_again(box: ControllerBox) -> None:
    box.feed(*ARB)
    before = len(states(box))
    box.pass_time(11)
    assert box.status()["open_opportunities"] == 0
    box.feed(kalshi(market="ANOTHER", t=2), poly("another", t=2))
    assert box.status()["open_opportunities"] == 1
    assert len(states(box)) == before + 1
    box.pass_time(11)
    assert feed_of(box, KALSHI)["state"] == "silent"


def test_without_a_limit_no_silence_is_too_long() -> None:
    with ControllerBox([pair()]) as box:
        box.feed(*ARB)
        box.pass_time(100_000)
        assert closes(box) == 0


def test_a_feed_that_is_down_is_not_also_silent(box: ControllerBox) -> None:
    box.feed(*ARB, frame(KALSHI, BooksLost("reset"), is_data=False, t=2))
    box.pass_time(60)
    assert (feed_of(box, KALSHI)["state"], feed_of(box, KALSHI)["lost_reason"]) == ("down", "reset")


# -- for people ----------------------------------------------------------------------------------------------------


def test_the_status_shows_each_feed_and_its_age(box: ControllerBox) -> None:
    assert feed_of(box, KALSHI) == {
        "platform": "kalshi",
        "state": "waiting",
        "age_ms": None,
        "frames": 0,
        "market_t": None,
        "lost_reason": None,
    }
    box.feed(frame(KALSHI, FeedUp(), is_data=False, t=1))
    assert feed_of(box, KALSHI)["state"] == "up"
    box.feed(*ARB)
    box.pass_time(0.25)
    shown = feed_of(box, KALSHI)
    assert (shown["state"], shown["age_ms"], shown["frames"], shown["market_t"]) == ("up", 250, 1, 1)


def test_a_pair_that_is_with_the_executor_stays_there_while_its_legs_are_out() -> None:
    with ControllerBox([pair()]) as box:
        legs = [box.simulate(platform, never) for platform in PLATFORMS]
        for t in range(1, 9):
            box.feed(kalshi([(40, 10)], [(45, 10)], t=t), poly(NO, [(40, 10)], [(45, 10)], t=t))
        assert [len(received) for received in legs] == [1, 1]
        assert box.status()["aborted"] == {}
