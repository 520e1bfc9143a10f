"""A trader's books at the controller: the same, or none."""

from __future__ import annotations

import json

import pytest

from actors.relay_stream import StreamRules
from market.events import (
    BooksLost,
    BookSnapshot,
    FeedBatch,
    FeedEnded,
    FeedEvent,
    LevelChanged,
    LevelSet,
    MarketHalted,
    TopStated,
)
from protocol.terms import KALSHI, POLYMARKET
from protocol.wire import MAX_LEVELS
from simulation.boxes import SECOND_US
from tests.market.builders import NO, TICKER, YES, cents, contracts, kalshi, levels, pair, poly
from tests.relay.kit import Relayed, up

WANTED = {KALSHI: (TICKER,)}
BOOK = BookSnapshot(TICKER, levels((40, 10), (39, 5)), levels((45, 10)))


def changed(price: int, size: int, *, is_bid: bool = True) -> FeedBatch:
    return FeedBatch(KALSHI, 2, (LevelSet(TICKER, is_bid, cents(price), contracts(size)),))


def alive(t: int = 3) -> FeedBatch:
    """The venue says something, but of no book that anybody wants."""
    return FeedBatch(KALSHI, t, ())


def test_a_book_known_before_it_was_asked_for_is_told_whole_then_only_what_changes() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        assert world.book(TICKER) == (levels((40, 10), (39, 5)), levels((45, 10)))
        wire.carried.clear()
        world.feed(changed(40, 0), changed(45, 7, is_bid=False))
        assert world.book(TICKER) == world.source(TICKER) == (levels((39, 5)), levels((45, 7)))
        assert [json.loads(text)["d"] for text in wire.carried] == [[[0, [[40, 0]], []]], [[0, [], [[45, 7]]]]]


def test_a_book_that_comes_later_is_told_when_it_comes() -> None:
    with Relayed(WANTED) as world:
        world.connect()
        assert world.book(TICKER) is None
        world.feed(up(BOOK))
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_what_one_frame_of_the_venue_changed_arrives_as_one() -> None:
    with Relayed({POLYMARKET: (YES, NO)}) as world:
        world.feed(poly(YES, [(40, 1)], [(45, 1)]), poly(NO, [(55, 1)], [(60, 1)]))
        wire = world.connect()
        wire.carried.clear()
        both = (LevelSet(YES, True, cents(41), contracts(2)), LevelSet(NO, False, cents(59), contracts(2)))  # noqa: FBT003
        world.feed(FeedBatch(POLYMARKET, 2, both))
        assert len(wire.carried) == 1
        assert world.book(YES, POLYMARKET) == world.source(YES, POLYMARKET)
        assert world.book(NO, POLYMARKET) == world.source(NO, POLYMARKET)


def test_a_new_snapshot_of_a_told_book_is_told_as_its_differences() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        wire.carried.clear()
        world.feed(kalshi([(40, 10), (38, 1)], [(45, 10)]))
        assert [json.loads(text)["d"] for text in wire.carried] == [[[0, [[38, 1], [39, 0]], []]]]
        assert world.book(TICKER) == world.source(TICKER)


@pytest.mark.parametrize(
    "again", [BOOK, TopStated(TICKER, cents(40), cents(45)), *changed(39, 5).events], ids=["whole", "top", "level"]
)
def test_what_we_took_is_back_when_the_venue_speaks_of_that_book_also_where_nothing_changed(
    again: FeedEvent,
) -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        book = world.controller.instance("scanner").scan.books.get(KALSHI, TICKER)
        assert book.take(cents(45), contracts(10), is_bid=False) == contracts(10)
        assert world.book(TICKER) == (levels((40, 10), (39, 5)), ())
        world.feed(alive())
        assert world.book(TICKER) == (levels((40, 10), (39, 5)), ()), "it said nothing of this book"
        wire.carried.clear()
        world.feed(FeedBatch(KALSHI, 4, (again,)))
        assert world.book(TICKER) == world.source(TICKER) == (levels((40, 10), (39, 5)), levels((45, 10)))
        assert len(wire.carried) == 1


def test_a_side_in_doubt_stays_in_doubt_at_the_controller_until_it_is_certain() -> None:
    with Relayed({POLYMARKET: (YES,)}) as world:
        world.feed(poly(YES, [(40, 1)], [(45, 1)]))
        world.connect()
        world.feed(FeedBatch(POLYMARKET, 2, (TopStated(YES, cents(42), cents(45)),)))
        assert world.book(YES, POLYMARKET) == ((), levels((45, 1))) == world.source(YES, POLYMARKET)
        world.feed(FeedBatch(POLYMARKET, 2, (LevelSet(YES, True, cents(41), contracts(2)),)))  # noqa: FBT003 -- a bid
        assert world.book(YES, POLYMARKET) == ((), levels((45, 1))) == world.source(YES, POLYMARKET)
        top = (LevelSet(YES, True, cents(42), contracts(2)), TopStated(YES, cents(42), cents(45)))  # noqa: FBT003
        world.feed(FeedBatch(POLYMARKET, 3, top))
        assert world.book(YES, POLYMARKET) == world.source(YES, POLYMARKET)
        assert world.book(YES, POLYMARKET) == (levels((42, 2), (41, 2), (40, 1)), levels((45, 1)))


def test_a_doubt_from_before_the_question_is_told_with_the_snapshot() -> None:
    with Relayed({POLYMARKET: (YES,)}) as world:
        world.feed(poly(YES, [(40, 1)], [(45, 1)]), FeedBatch(POLYMARKET, 2, (TopStated(YES, cents(42), cents(45)),)))
        world.connect()
        assert world.book(YES, POLYMARKET) == ((), levels((45, 1)))


def test_a_lost_book_is_lost_here_too_until_its_next_snapshot() -> None:
    with Relayed({KALSHI: (TICKER, "B")}) as world:
        world.feed(up(BOOK))
        world.connect()
        world.feed(FeedBatch(KALSHI, 2, (BooksLost("a gap", (TICKER,)),)))
        assert world.book(TICKER) is None
        assert world.controller.notes("kalshi: 1 books unusable until their next snapshot: a gap")
        world.feed(changed(40, 3))
        assert world.book(TICKER) is None
        world.feed(kalshi([(41, 1)], []))
        assert world.book(TICKER) == (levels((41, 1)), ())


def test_a_feed_that_is_down_at_the_trader_is_down_at_the_controller_with_its_reason() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.feed(FeedBatch(KALSHI, 2, (BooksLost("maintenance"),), is_data=False))
        assert world.book(TICKER) is None
        assert world.row()["reason"] == "its feed is down: maintenance"
        (feed, _) = world.controller.status()["feeds"]
        assert (feed["state"], feed["lost_reason"]) == ("down", "its feed is down: maintenance")
        world.feed(up(BOOK))
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_feed_that_ended_is_no_feed_any_more() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.traders[0].feed(FeedEnded(KALSHI, "the recording ended"))
        world.settle()
        assert world.book(TICKER) is None
        assert world.row()["reason"] == "its feed is ended: the recording ended"


def test_what_a_feed_says_over_again_replaces_what_it_said() -> None:
    other = f"{TICKER}-1"
    with Relayed({KALSHI: (TICKER, other)}, [pair(0), pair(1)]) as world:
        world.feed(up(BOOK, BookSnapshot(other, levels((1, 1)), ())))
        world.connect()
        assert world.book(other) == (levels((1, 1)), ())
        world.feed(up(BookSnapshot(TICKER, levels((30, 1)), ())))
        assert world.book(TICKER) == (levels((30, 1)), ())
        assert world.book(other) is None
        assert world.row()["books"] == 1


def test_the_end_of_the_link_takes_every_book_in_the_same_turn() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        world.controller.disconnect(wire.conn_id)
        assert world.book(TICKER) is None
        assert world.row()["reason"] == "no trader relays kalshi: none is connected"
        world.traders[0].disconnect(wire.conn_id)
        (row,) = world.traders[0].status()["relaying"]["platforms"]
        assert row["wanted"] == 0


def test_a_reconnect_begins_with_nothing_of_the_last_connection() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect().cut()
        world.feed(changed(40, 3))
        wire = world.connect()
        assert json.loads(wire.carried[-1])["type"] == "book"
        assert world.book(TICKER) == (levels((40, 3), (39, 5)), levels((45, 10)))


@pytest.mark.parametrize("lost", [0, 1])
def test_a_missing_frame_drops_the_books_and_asks_for_them_again(lost: int) -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        world.pass_time(2)
        world.feed(changed(40, 1), changed(40, 2), changed(40, 3), settle=False)
        wire.collect()
        del wire.up[lost]
        while not world.controller.notes("a gap: frame"):
            assert world.book(TICKER) is not None
            assert wire.one_up()
        assert world.book(TICKER) is None
        wire.settle()
        assert world.row()["gaps"] == 1
        assert world.book(TICKER) == world.source(TICKER) == (levels((40, 3), (39, 5)), levels((45, 10)))


def test_a_missing_last_frame_is_found_by_the_heartbeat() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        world.feed(changed(40, 1), settle=False)
        wire.collect()
        wire.up.pop()
        world.pass_time(1)
        assert world.row()["gaps"] == 1
        world.pass_time(1)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_frame_that_cannot_be_read_drops_the_books() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        world.controller.receive(wire.conn_id, {"type": "book_delta", "sub": 1, "seq": "four"})
        assert world.book(TICKER) is None
        world.pass_time(2)
        assert world.book(TICKER) == world.source(TICKER)


@pytest.mark.parametrize(
    "d", [[[7, [[40, 1]], []]], [[0, [[0, 1]], []]], [[0, [[40, -1]], []]], [[0, [[40.123, 1]], []]]]
)
def test_a_change_that_makes_no_sense_drops_the_books(d: list[object]) -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        seq = json.loads(wire.carried[-1])["seq"] + 1
        frame = {"type": "book_delta", "sub": 1, "seq": seq, "t": 1, "at": 1, "d": d}
        world.controller.receive(wire.conn_id, frame)
        assert world.book(TICKER) is None


def test_frames_of_an_older_stream_are_nobodys() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        old = json.loads(wire.carried[-1])
        assert old["type"] == "book"
        world.controller.receive(wire.conn_id, old | {"sub": 77, "bids": []})
        world.controller.receive(
            wire.conn_id, {key: value for key, value in old.items() if key != "sub"} | {"bids": []}
        )
        assert world.book(TICKER) == world.source(TICKER)


def test_a_relay_that_says_nothing_is_dead_and_its_books_with_it() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.pass_time(2.9, settle=False)
        assert world.book(TICKER) is not None
        world.pass_time(0.2, settle=False)
        assert world.book(TICKER) is None
        assert world.controller.notes("the relay has said nothing for 3.0 s")


def test_no_change_is_no_silence_while_the_feed_lives() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        for _ in range(20):
            world.pass_time(5)
            world.feed(alive(), settle=False)
        world.pass_time(1)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_feed_that_says_nothing_is_silent_however_alive_its_relay() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK), alive())
        world.connect()
        world.pass_time(28)
        assert world.book(TICKER) is not None
        assert world.controller.status()["feeds"][0]["age_ms"] >= 27_000, "a heartbeat is no data"
        world.pass_time(3)
        assert world.book(TICKER) is None
        world.feed(changed(40, 4))
        world.pass_time(3)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_feed_silent_since_before_the_question_brings_no_book() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK), alive())
        world.pass_time(31)
        world.connect()
        assert world.book(TICKER) is None
        assert world.row()["reason"] == "its feed has brought no data for 31.0 s"
        world.feed(alive())
        world.pass_time(3)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_what_is_late_on_the_way_is_not_traded_on_and_asked_for_again_when_the_way_is_free() -> None:
    with Relayed(WANTED, rules=StreamRules(max_lag_us=500_000)) as world:
        world.feed(up(BOOK))
        wire = world.connect()
        world.pass_time(1.6, settle=False)
        assert world.book(TICKER) is not None
        assert wire.one_up()
        assert world.book(TICKER) is None
        assert world.row()["reason"] == "what it says is 0.6 s late"
        world.feed(changed(40, 1))
        world.pass_time(1)
        assert world.book(TICKER) == world.source(TICKER) is not None


@pytest.mark.parametrize("skew_s", [-3600, 3600])
def test_ages_are_right_whatever_the_traders_clock_shows(skew_s: int) -> None:
    with Relayed(WANTED, skew_us=skew_s * SECOND_US) as world:
        world.feed(up(BOOK), alive())
        world.connect()
        world.pass_time(3)
        assert world.book(TICKER) is not None
        row = world.row()
        assert row["age_ms"] == 3_000
        assert row["lag_ms"] == 0
        assert row["clock_offset_ms"] == -skew_s * 1_000


def test_a_clock_that_was_put_forward_makes_no_book_look_young() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK), alive())
        world.connect()
        world.traders[0].clock.start_unix_us += 60 * SECOND_US
        world.pass_time(1)
        assert world.book(TICKER) is None
        assert "the clocks do not agree" in str(world.row()["reason"])


def test_thousands_of_markets_are_asked_for_in_batches_each_after_the_last_was_answered() -> None:
    names = tuple(f"KX-{number}" for number in range(600))
    with Relayed({KALSHI: names}) as world:
        world.feed(up(*(BookSnapshot(name, levels((40, 1)), ()) for name in (*names, "KX-other"))))
        wire = world.connect(settle=False)
        asked = 0
        while wire.one_down() or wire.one_up():
            frames = world.controller.frames(wire.conn_id, "want_books")
            asked = max(asked, len(frames))
            answered = [json.loads(text)["markets"] for text in wire.carried if '"book_state"' in text]
            assert len(frames) <= 1 + len(set(answered))
        assert asked == 3
        assert world.row()["books"] == 600
        assert [len(add) for _, add, _ in world.traders[0].wanted] == [250, 250, 100]


def test_a_book_of_more_levels_than_the_wire_takes_is_not_told() -> None:
    deep = tuple((price, contracts(1)) for price in range(1, MAX_LEVELS + 2))
    with Relayed({KALSHI: (TICKER, "B")}) as world:
        world.feed(up(BookSnapshot(TICKER, deep, ()), BookSnapshot("B", levels((1, 1)), ())))  # type: ignore[arg-type]
        world.connect()
        assert world.book(TICKER) is None
        assert world.row()["books"] == 1


def test_a_replaced_scanner_has_its_books_again() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.controller.tell("scanner", object())
        world.settle()
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_replaced_desk_begins_anew() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.controller.tell("books", object())
        world.settle()
        world.feed(changed(40, 4))
        world.pass_time(3)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_replaced_relay_is_not_taken_for_alive() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK))
        world.connect()
        world.traders[0].tell("relay", object())
        world.pass_time(3.1)
        assert world.book(TICKER) is None
        world.feed(up(BOOK))
        world.pass_time(1)
        assert world.book(TICKER) == world.source(TICKER) is not None


def test_a_market_that_is_halted_opens_nothing_whether_it_was_halted_before_or_after_the_question() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK), FeedBatch(KALSHI, 2, (MarketHalted(TICKER, "its rules changed"),)))
        world.connect()
        halted = world.controller.instance("scanner").scan.books.halted
        assert list(halted.values()) == ["its rules changed"]
        assert world.book(TICKER) == world.source(TICKER) is not None, "what is open can be closed"
    other = f"{TICKER}-1"
    with Relayed({KALSHI: (TICKER, other)}, [pair(0), pair(1)]) as world:
        world.feed(up(BOOK))
        world.connect()
        world.feed(FeedBatch(KALSHI, 2, (MarketHalted(other, "its rules changed"), BooksLost("and then a cut"))))
        halted = world.controller.instance("scanner").scan.books.halted
        assert [book.market for book in halted] == [other]


def test_the_status_says_what_the_relay_is_and_costs() -> None:
    with Relayed(WANTED, rules=StreamRules(max_silence_us=None)) as world:
        world.feed(up(BOOK))
        world.connect()
        world.pass_time(10)
        row = dict(world.row())
        assert row.pop("bytes") > row["bytes_per_s"] > 0  # type: ignore[operator]
        assert row.pop("bytes_per_s")
        assert row.pop("reason") is None
        assert row == {
            "platform": "kalshi",
            "trader": "trader-1",
            "state": "relayed",
            "wanted": 1,
            "books": 1,
            "age_ms": 10_000,
            "lag_ms": 0,
            "clock_offset_ms": 0,
            "snapshots": 1,
            "deltas": 0,
            "gaps": 0,
            "streams": 1,
            "failovers": 0,
            "standing_by": [],
            "cannot": [],
        }


def test_a_delta_ignores_what_nobody_wants() -> None:
    with Relayed(WANTED) as world:
        world.feed(up(BOOK, BookSnapshot("other", levels((1, 1)), ())))
        wire = world.connect()
        wire.carried.clear()
        world.feed(FeedBatch(KALSHI, 2, (LevelChanged("other", True, cents(1), contracts(1)),)))  # noqa: FBT003 -- a bid
        assert wire.carried == []
