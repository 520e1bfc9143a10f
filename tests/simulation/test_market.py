from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.events import BooksLost
from market.opportunity import Opportunity
from market.pair import Pair
from market.pairs import parse_pairs
from market.rules import Rules
from market.scan import Scan
from market.tracker import EventKind, OpportunityTracker
from protocol.terms import KALSHI, POLYMARKET, PairId
from protocol.units import DOLLAR, Price
from simulation.market import MAX_CATCH_UP_US, STEP_US, SimulatedMarket
from simulation.market_pairs import DEFAULT_PAIRS, default_pairs_toml
from venues.capture import CaptureLine, CapturePlayer

S = 1_000_000
START = 1_800_000_000 * S

seeds = st.integers(0, 2**32)


def lines(seed: int, seconds: int, poll_us: int = 20_000) -> Iterator[CaptureLine]:
    market = SimulatedMarket(seed)
    for t in range(START, START + seconds * S + 1, poll_us):
        yield from market.frames(t)


@given(seeds)
@settings(max_examples=10)
def test_the_same_seed_gives_the_same_frames_however_often_it_is_asked(seed: int) -> None:
    once = list(lines(seed, 10))
    assert once == list(lines(seed, 10))
    assert once == list(lines(seed, 10, poll_us=500_000))
    assert once != list(lines(seed + 1, 10))


@given(seeds)
@settings(max_examples=10)
def test_books_are_never_crossed_and_never_senseless(seed: int) -> None:
    scan, player = Scan(DEFAULT_PAIRS, Rules()), CapturePlayer()
    books = [book for watch in scan.watches for book in watch.books]
    for line in lines(seed, 60):
        played = player.play(line)
        assert played.error is None
        if played.batch is not None:
            scan.apply(played.batch)
            assert line.event or not any(isinstance(event, BooksLost) for event in played.batch.events)
        for book in books:
            assert book.bid_known
            assert book.ask_known
            bid, ask = book.best_bid, book.best_ask
            assert bid is None or ask is None or bid < ask


@given(seeds)
@settings(max_examples=5)
def test_the_two_tokens_are_mirrors(seed: int) -> None:
    scan, player = Scan(DEFAULT_PAIRS, Rules()), CapturePlayer()
    for line in lines(seed, 20):
        batch = player.play(line).batch
        if batch is not None:
            scan.apply(batch)
    for pair in DEFAULT_PAIRS:
        yes = scan.books.get(POLYMARKET, pair.poly_yes_token or "")
        no = scan.books.get(POLYMARKET, pair.poly_no_token or "")
        assert yes is not None
        assert no is not None
        mirrored = [(Price(DOLLAR - price), size) for price, size in no.levels(buying=True)]
        assert yes.levels(buying=False) == mirrored


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_arbs_come_and_go_as_in_life(seed: int) -> None:
    """A minute and a half of market: enough arbs for a demonstration, most of the time none, all of them small."""
    seconds = 90
    opened: dict[PairId, int] = {}
    lasted: list[int] = []
    seen: list[Opportunity] = []
    kinds = Counter[EventKind]()
    scan, tracker, player = Scan(DEFAULT_PAIRS, Rules()), OpportunityTracker(), CapturePlayer()
    count = 0
    for line in lines(seed, seconds):
        count += 1
        batch = player.play(line).batch
        for watch, found in scan.apply(batch) if batch is not None else ():
            event = tracker.see(watch.pair.pair_id, found, line.t)
            if event is None:
                continue
            kinds[event.kind] += 1
            seen.append(event.opportunity)
            if event.kind is EventKind.OPEN:
                opened[event.opportunity.pair_id] = event.t
            elif event.kind is EventKind.CLOSE:
                lasted.append(event.t - opened.pop(event.opportunity.pair_id))
    assert seconds / 10 <= kinds[EventKind.OPEN] <= seconds
    assert 10 <= count / seconds <= 25
    # Time with an arb, summed over the pairs: most of it has none.
    assert sum(lasted) < seconds * S * len(DEFAULT_PAIRS) / 4
    assert S / 2 <= sorted(lasted)[len(lasted) // 2] <= 3 * S
    assert {opportunity.arb_type.value for opportunity in seen} == {"poly_yes_kalshi_no", "kalshi_yes_poly_no"}
    assert max(opportunity.quantity for opportunity in seen) <= 500_00
    assert max(opportunity.edge / opportunity.quantity for opportunity in seen) <= 500


def test_connections_are_lost_and_come_back() -> None:
    for platform in (KALSHI, POLYMARKET):
        events = [line.event for seed in range(3) for line in lines(seed, 240) if line.venue == platform and line.event]
        assert events.count("disconnected") >= 1
        assert events.count("connected") >= 4, "once at the start, and after each loss"
    back = [line.event for line in after_each_loss(lines(5, 240))]
    assert back
    assert set(back) == {"connected"}


def after_each_loss(stream: Iterable[CaptureLine]) -> Iterator[CaptureLine]:
    """The first line of each venue after each loss of its connection."""
    down: set[str] = set()
    for line in stream:
        if line.venue in down:
            down.discard(line.venue)
            yield line
        if line.event == "disconnected":
            down.add(line.venue)


def test_a_connection_opens_with_every_book() -> None:
    first = SimulatedMarket(1).frames(START)
    assert all(line.t == START for line in first)
    kalshi = [line for line in first if line.venue == KALSHI]
    assert kalshi[0].event == "connected"
    kinds = [json.loads(line.frame or "")["type"] for line in kalshi[1:]]
    assert kinds == ["subscribed", "subscribed", *["orderbook_snapshot"] * len(DEFAULT_PAIRS)]
    poly = [line for line in first if line.venue == POLYMARKET]
    assert [item["event_type"] for item in json.loads(poly[1].frame or "")] == ["book"] * 2 * len(DEFAULT_PAIRS)


def test_time_that_nobody_asked_for_is_skipped() -> None:
    market = SimulatedMarket(1)
    market.frames(START)
    later = START + MAX_CATCH_UP_US + 10 * STEP_US
    assert {line.t for line in market.frames(later)} <= {later}
    assert market.frames(later - S) == []
    assert {line.t for line in market.frames(later + S)} <= set(range(later, later + S + 1, STEP_US))


def test_the_pairs_are_a_pairs_file() -> None:
    assert parse_pairs(default_pairs_toml(), "sim") == list(DEFAULT_PAIRS)
    assert SimulatedMarket(1).pairs == DEFAULT_PAIRS
    assert "kalshi_rate" in default_pairs_toml()


def test_a_pair_without_one_of_its_instruments_cannot_be_simulated() -> None:
    half = Pair(pair_id=PairId("half"), market_id=0, kalshi_market_ticker="K")
    with pytest.raises(ValueError, match="half"):
        SimulatedMarket(1, [half])
