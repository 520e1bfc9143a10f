"""The scan: only touched pairs are re-checked, losses and silence close what they must, and a pair stays small."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.detection import detect
from market.events import (
    BooksLost,
    BookSnapshot,
    FeedBatch,
    FeedUp,
    Level,
    LevelChanged,
    LevelSet,
    MarketHalted,
    TopStated,
)
from market.opportunity import ArbType, Opportunity
from market.pair import Pair
from market.rules import Rules
from market.scan import Finding, Scan
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform, Side
from protocol.units import Price, Quantity
from tests.market.builders import NO, TICKER, YES, cents, contracts, frame, kalshi, levels, pair, poly, scan_of

ARB = (poly(YES, asks=[(50, 10), (51, 10)]), kalshi(bids=[(60, 5), (55, 30)]))
"""50 + 40 for 5 contracts, then 50 + 45 and 51 + 45 for 15 more."""


def summary(findings: list[Finding]) -> list[tuple[str, ArbType | None]]:
    return [(watch.pair.pair_id, None if found is None else found.arb_type) for watch, found in findings]


def must(found: Opportunity | None) -> Opportunity:
    assert found is not None
    return found


def test_a_frame_re_checks_the_pairs_that_it_touches_and_no_others() -> None:
    scan = Scan([pair(0), pair(1), pair(2, poly_yes_token=YES)], Rules())
    assert summary(scan.apply(kalshi([(60, 5)], market=f"{TICKER}-1"))) == [("pair_1", None)]
    assert summary(scan.apply(poly(YES, asks=[(50, 10)]))) == [("pair_0", None), ("pair_2", None)]
    assert summary(scan.apply(kalshi([(60, 5)], market="KXOTHER"))) == []
    assert len(scan) == 3
    assert [watch.pair.market_id for watch in scan.watches] == [0, 1, 2]
    assert repr(scan.watch(PairId("pair_1"))) == "<PairWatch pair_1>"


def test_a_frame_that_touches_both_books_of_a_pair_checks_it_once() -> None:
    scan, _ = scan_of()
    batch = frame(POLYMARKET, BookSnapshot(YES, (), levels((50, 10))), BookSnapshot(NO, (), levels((40, 10))), t=5)
    findings = scan.apply(batch)
    assert summary(findings) == [("pair_0", ArbType.POLY_ONLY)]
    assert must(findings[0][1]).t == 5


def test_opportunities_come_and_go_with_the_books() -> None:
    scan, _ = scan_of()
    assert [summary(scan.apply(batch)) for batch in ARB] == [
        [("pair_0", None)],
        [("pair_0", ArbType.POLY_YES_KALSHI_NO)],
    ]
    gone = frame(POLYMARKET, TopStated(YES, None, cents(49)))
    assert summary(scan.apply(gone)) == [("pair_0", None)]


def test_nothing_opens_on_a_market_that_was_halted_whatever_comes_and_its_book_stays() -> None:
    scan = Scan([pair(0), pair(1)], Rules())
    for batch in ARB:
        scan.apply(batch)
    assert summary(scan.apply(frame(KALSHI, MarketHalted(TICKER, "new terms"), is_data=False))) == [("pair_0", None)]
    for batch in (*ARB, frame(KALSHI, FeedUp()), *ARB):
        assert all(found is None for _, found in scan.apply(batch))
    assert scan.recheck(PairId("pair_0"), 9) is None
    book = scan.books.get(KALSHI, TICKER)
    assert book is not None
    assert book.usable
    assert scan.books.halted == {book: "new terms"}
    scan.apply(poly(f"{YES}-1", asks=[(50, 10)]))
    assert summary(scan.apply(kalshi([(60, 5)], market=f"{TICKER}-1"))) == [("pair_1", ArbType.POLY_YES_KALSHI_NO)]


def test_a_halt_of_a_market_that_nobody_watches_is_nothing() -> None:
    scan, _ = scan_of()
    assert scan.apply(frame(KALSHI, MarketHalted("KXOTHER", "new terms"))) == []
    assert scan.books.halted == {}


@pytest.mark.parametrize("event", [BooksLost("disconnected"), FeedUp()])
def test_losing_a_platform_closes_its_opportunities_and_names_no_other_pair(event: BooksLost | FeedUp) -> None:
    scan = Scan([pair(0), pair(1), pair(2, kalshi_market_ticker=None)], Rules())
    for batch in ARB:
        scan.apply(batch)
    scan.apply(poly(f"{YES}-2", asks=[(50, 10)]))
    scan.apply(poly(f"{NO}-2", asks=[(40, 10)]))
    assert summary(scan.apply(frame(KALSHI, event, is_data=False))) == [("pair_0", None)]
    assert summary(scan.apply(frame(KALSHI, event, is_data=False))) == []
    assert summary(scan.apply(frame(POLYMARKET, event, is_data=False))) == [("pair_2", None)]


def test_losing_one_venue_leaves_the_arbs_of_the_other() -> None:
    scan, _ = scan_of(*ARB, poly(NO, asks=[(45, 10)]))
    assert summary(scan.lost(KALSHI, "gap", 9)) == [("pair_0", ArbType.POLY_ONLY)]
    assert must(scan.recheck(PairId("pair_0"), 9)).t == 9


def test_a_frame_may_lose_a_platform_and_bring_a_book_back() -> None:
    scan, _ = scan_of(*ARB)
    batch = frame(KALSHI, FeedUp(), BookSnapshot(TICKER, levels((70, 5)), ()))
    ((_, found),) = scan.apply(batch)
    assert must(found).leg(Side.NO).limit == cents(30)


# --- silence --------------------------------------------------------------------------------------------------------


def test_silence_closes_and_the_next_data_opens_again() -> None:
    scan, _ = scan_of(*ARB)
    assert summary(scan.silence(KALSHI, 9)) == [("pair_0", None)]
    assert summary(scan.silence(KALSHI, 10)) == []
    assert scan.books.is_silent(KALSHI)
    assert summary(scan.apply(frame(KALSHI, is_data=False))) == []
    assert summary(scan.apply(frame(KALSHI, t=11))) == [("pair_0", ArbType.POLY_YES_KALSHI_NO)]
    assert not scan.books.is_silent(KALSHI)
    assert summary(scan.apply(frame(KALSHI, t=12))) == []


def test_what_changed_on_the_other_venue_during_the_silence_is_found_at_its_end() -> None:
    scan = Scan([pair(0), pair(1), pair(2)], Rules())
    for number in ("", "-1"):
        scan.apply(kalshi([(60, 5)], market=f"{TICKER}{number}"))
        scan.apply(poly(f"{YES}{number}", asks=[(70, 10)]))
    assert scan.silence(KALSHI, 9) == []
    assert summary(scan.apply(poly(f"{YES}-1", asks=[(50, 10)]))) == [("pair_1", None)]
    assert summary(scan.apply(frame(KALSHI, t=11))) == [("pair_1", ArbType.POLY_YES_KALSHI_NO)]


def test_a_pair_that_fell_back_on_another_arb_returns_to_the_cheaper_one() -> None:
    scan, _ = scan_of(*ARB, poly(NO, asks=[(45, 10)]))
    assert summary(scan.silence(KALSHI, 9)) == [("pair_0", ArbType.POLY_ONLY)]
    assert summary(scan.apply(frame(KALSHI, t=11))) == [("pair_0", ArbType.POLY_YES_KALSHI_NO)]


def test_a_loss_during_silence_counts() -> None:
    scan, _ = scan_of(*ARB)
    scan.silence(KALSHI, 9)
    scan.lost(KALSHI, "disconnected", 10)
    assert summary(scan.apply(frame(KALSHI, t=11))) == [("pair_0", None)]


# --- our own fills --------------------------------------------------------------------------------------------------


def test_our_fills_leave_the_books_until_the_venue_speaks() -> None:
    scan, watch = scan_of(*ARB, rules=Rules(max_quantity=contracts(8)))
    arb = must(scan.recheck(PairId("pair_0"), 1))
    for leg in arb.legs:
        assert scan.took(leg, arb.quantity) == (watch,)
    rest = must(scan.recheck(PairId("pair_0"), 2))
    # Of 10 at 50 two are left; Kalshi's 5 at 60 are gone and 3 of the 30 at 55.
    assert (rest.quantity, rest.leg(Side.YES).limit, rest.leg(Side.NO).limit) == (contracts(8), cents(51), cents(45))
    assert rest.leg(Side.NO).cost == 8 * 450_000
    scan.apply(frame(KALSHI, LevelChanged(TICKER, is_bid=True, price=cents(1), delta=contracts(1))))
    scan.apply(frame(POLYMARKET, LevelSet(YES, is_bid=True, price=cents(1), size=contracts(1))))
    assert must(scan.recheck(PairId("pair_0"), 3)).cost == arb.cost


def test_both_legs_of_one_book_are_taken_out_of_it() -> None:
    scan, watch = scan_of(kalshi(bids=[(60, 5)], asks=[(50, 5), (52, 5)]))
    arb = must(scan.recheck(PairId("pair_0"), 1))
    assert arb.arb_type is ArbType.KALSHI_ONLY
    assert [scan.took(leg, arb.quantity) for leg in arb.legs] == [(watch,), (watch,)]
    assert scan.recheck(PairId("pair_0"), 2) is None
    assert watch.kalshi is not None
    assert (watch.kalshi.best_bid, watch.kalshi.best_ask) == (None, cents(52))


def test_a_fill_is_not_taken_out_of_a_book_that_has_moved_on() -> None:
    scan, _ = scan_of(*ARB)
    arb = must(scan.recheck(PairId("pair_0"), 1))
    scan.apply(frame(POLYMARKET, TopStated(YES, None, cents(50))))
    assert scan.took(arb.leg(Side.YES), contracts(5)) == ()
    scan.lost(KALSHI, "disconnected", 2)
    assert scan.took(arb.leg(Side.NO), contracts(5)) == ()
    assert scan.took(arb.leg(Side.YES), Quantity(0)) == ()


def test_a_fill_concerns_every_pair_that_looks_at_the_book() -> None:
    scan = Scan([pair(0), pair(1, poly_yes_token=YES)], Rules())
    for batch in ARB:
        scan.apply(batch)
    arb = must(scan.recheck(PairId("pair_0"), 1))
    assert [watch.pair.pair_id for watch in scan.took(arb.leg(Side.YES), contracts(1))] == ["pair_0", "pair_1"]


def test_a_pair_is_given_once() -> None:
    with pytest.raises(ValueError, match="pair_0 is given twice"):
        Scan([pair(0), pair(0)], Rules())


# --- after any history ----------------------------------------------------------------------------------------------

markets = st.sampled_from(
    [(KALSHI, TICKER), (KALSHI, f"{TICKER}-1"), (POLYMARKET, YES), (POLYMARKET, NO), (POLYMARKET, f"{NO}-1")]
)
some_levels = st.lists(
    st.tuples(st.sampled_from([30, 45, 50, 55, 60]).map(cents), st.sampled_from([0, 5, 20]).map(contracts)), max_size=3
).map(tuple)
Step = tuple[str, tuple[Platform, str], tuple[Level, ...], tuple[Level, ...]]
kinds = st.sampled_from(["book", "book", "book", "top", "lose", "lose all", "silence", "speak"])
steps: st.SearchStrategy[Step] = st.tuples(kinds, markets, some_levels, some_levels)


def run(scan: Scan, step: Step) -> list[Finding]:
    kind, (platform, market), bids, asks = step
    match kind:
        case "book":
            return scan.apply(frame(platform, BookSnapshot(market, bids, asks)))
        case "top":
            return scan.apply(frame(platform, TopStated(market, cents(50), cents(55))))
        case "lose":
            return scan.apply(frame(platform, BooksLost("gap", (market,)), is_data=False))
        case "lose all":
            return scan.lost(platform, "gap", 1)
        case "silence":
            return scan.silence(platform, 1)
        case _:
            return scan.apply(frame(platform))


@given(st.lists(steps, max_size=15))
def test_what_was_last_reported_of_a_pair_is_what_a_check_of_it_finds(history: list[Step]) -> None:
    scan = Scan([pair(0), pair(1)], Rules())
    reported: dict[str, Opportunity | None] = {}
    for step in history:
        for watch, found in run(scan, step):
            reported[watch.pair.pair_id] = found
        for watch in scan.watches:
            now, before = detect(watch, scan.rules, 1), reported.get(watch.pair.pair_id)
            assert now == before


# --- cost -----------------------------------------------------------------------------------------------------------


NOISE = 30
"""Calls that a garbage collection in between may add; anything that visits each of 300 pairs makes more."""


def calls_of(action: Callable[[], object]) -> int:
    """How many Python functions ``action`` calls: a measure of work without a clock."""
    count = 0

    def profile(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def crowd(count: int) -> Scan:
    """Many pairs, one of which has an opportunity."""
    scan = Scan((pair(number) for number in range(count)), Rules())
    for number in range(count):
        scan.apply(kalshi([(60, 5)], market=f"{TICKER}-{number}" if number else TICKER))
    scan.apply(poly(YES, asks=[(50, 10)]))
    return scan


@pytest.mark.parametrize(
    "batch",
    [
        frame(KALSHI, LevelChanged(TICKER, is_bid=True, price=cents(59), delta=contracts(1))),
        poly(YES, asks=[(51, 10)]),
        frame(KALSHI, BooksLost("disconnected"), is_data=False),
        frame(KALSHI, FeedUp(), is_data=False),
    ],
    ids=["delta", "snapshot", "disconnected", "connected"],
)
def test_the_work_of_an_update_does_not_grow_with_the_number_of_pairs(batch: FeedBatch) -> None:
    few, many = crowd(3), crowd(300)
    assert calls_of(lambda: many.apply(batch)) < calls_of(lambda: few.apply(batch)) + NOISE


def test_nor_does_that_of_silence() -> None:
    few, many = crowd(3), crowd(300)
    assert calls_of(lambda: many.silence(KALSHI, 1)) < calls_of(lambda: few.silence(KALSHI, 1)) + NOISE
    assert calls_of(lambda: many.apply(frame(KALSHI))) < calls_of(lambda: few.apply(frame(KALSHI))) + NOISE


def test_a_pair_with_three_books_of_one_level_takes_less_than_5_kb() -> None:
    count = 2_000
    gc.collect()
    tracemalloc.start()
    try:
        scan = Scan((_long_named(number) for number in range(count)), Rules())
        for number in range(count):
            price, size = Price(4_000 + number), Quantity(100_000 + number)
            for platform, market in (
                (KALSHI, f"KXNBAMVP-26-{number:06d}"),
                (POLYMARKET, str(10**76 + number)),
                (POLYMARKET, str(2 * 10**76 + number)),
            ):
                scan.apply(
                    frame(platform, BookSnapshot(market, ((price, size),), ((Price(price + 9), size),)), t=10**15)
                )
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / count < 5_000
    assert len(scan.books) == 3 * count


def _long_named(number: int) -> Pair:
    return Pair(
        pair_id=PairId(f"nba_mvp_2026_number_{number:06d}"),
        market_id=number,
        description=f"NBA MVP 2025-26: player number {number:06d}",
        kalshi_market_ticker=f"KXNBAMVP-26-{number:06d}",
        poly_yes_token=str(10**76 + number),
        poly_no_token=str(2 * 10**76 + number),
    )
