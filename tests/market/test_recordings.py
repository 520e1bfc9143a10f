"""The real recordings, through the venues' decoders: the arbs that they are known to hold."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest

from market.detection import PairWatch
from market.opportunity import ArbType, Opportunity
from market.pairs import parse_pairs
from market.rules import Rules
from market.scan import Scan
from market.tracker import EventKind, OpportunityEvent, OpportunityTracker
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import DOLLAR
from tests.market.recorded import recorded
from tests.shared_data import shared_data

HOUR = 3_600_000_000


def replayed(name: str, rules: Rules) -> list[OpportunityEvent]:
    scan = Scan(parse_pairs(shared_data("pairs.toml").read_text(), "pairs.toml"), rules)
    tracker = OpportunityTracker()
    events = []
    for batch in recorded(shared_data(name)):
        for watch, found in scan.apply(batch):
            event = tracker.see(watch.pair.pair_id, found, batch.t)
            if event is not None:
                events.append(event)
    assert tracker.open == (), "the recordings end with a disconnect"
    return events


def open_for(events: list[OpportunityEvent]) -> int:
    """Microseconds during which an opportunity was open."""
    total = 0
    for event in events:
        if event.kind is EventKind.OPEN:
            total -= event.t
        elif event.kind is EventKind.CLOSE:
            total += event.t
    return total


def test_shai_holds_hours_of_arbs_at_a_minimum_of_one_cent() -> None:
    events = replayed("nba-mvp-shai.jsonl.gz", Rules.from_cents(1))
    assert 2 * HOUR < open_for(events) < 3 * HOUR
    assert {event.opportunity.arb_type for event in events} == {ArbType.POLY_YES_KALSHI_NO}
    kinds = Counter(event.kind for event in events)
    assert kinds[EventKind.OPEN] == kinds[EventKind.CLOSE] == 5
    assert sum(event.opportunity.edge for event in events if event.kind is EventKind.OPEN) > 50_000_000


def test_luka_s_edges_are_thin() -> None:
    assert open_for(replayed("nba-mvp-luka.jsonl.gz", Rules())) > HOUR // 2
    thin = replayed("nba-mvp-luka.jsonl.gz", Rules.from_cents(1))
    assert 0 < open_for(thin) < HOUR // 60
    assert replayed("nba-mvp-luka.jsonl.gz", Rules.from_cents(2)) == []


@pytest.mark.parametrize("name", ["nba-mvp-shai.jsonl.gz", "nba-mvp-luka.jsonl.gz"])
@pytest.mark.parametrize("cents", [Decimal(0), Decimal("0.5"), Decimal(1)])
def test_every_arb_of_the_recordings_holds_its_minimum(name: str, cents: Decimal) -> None:
    for event in replayed(name, Rules.from_cents(cents)):
        arb: Opportunity = event.opportunity
        assert arb.edge == arb.quantity * 10_000 - arb.cost - arb.fees
        assert arb.edge > 0
        assert arb.edge >= cents * 100 * arb.quantity
        kalshi = next(leg for leg in arb.legs if leg.platform == KALSHI)
        poly = next(leg for leg in arb.legs if leg.platform == POLYMARKET)
        assert (kalshi.limit % 100, poly.fees) == (0, 0), "whole cents there, and these Polymarket markets are free"
        assert poly.limit * arb.quantity >= 1_000_000


def test_a_smaller_minimum_never_finds_less() -> None:
    hours = [open_for(replayed("nba-mvp-shai.jsonl.gz", Rules.from_cents(cents))) for cents in (0, 1, 2, 3)]
    assert hours == sorted(hours, reverse=True)
    assert hours[-1] == 0


def tops_that_clear(watch: PairWatch, least: Fraction) -> list[ArbType]:
    """The arbs of which one contract pays at the tops of the books, in fractions of a dollar."""
    assert watch.kalshi is not None
    assert watch.yes is not None
    assert watch.no is not None
    kalshi = Fraction(watch.pair.kalshi_rate_ppm, 10**6)
    asks = {
        ("kalshi", "yes"): watch.kalshi.best_ask,
        ("kalshi", "no"): None if watch.kalshi.best_bid is None else DOLLAR - watch.kalshi.best_bid,
        ("poly", "yes"): watch.yes.best_ask,
        ("poly", "no"): watch.no.best_ask,
    }
    clearing = []
    for arb_type, yes, no in (
        (ArbType.POLY_YES_KALSHI_NO, "poly", "kalshi"),
        (ArbType.KALSHI_YES_POLY_NO, "kalshi", "poly"),
        (ArbType.POLY_ONLY, "poly", "poly"),
        (ArbType.KALSHI_ONLY, "kalshi", "kalshi"),
    ):
        left = Fraction(1)
        for venue, side in ((yes, "yes"), (no, "no")):
            ask = asks[venue, side]
            price = Fraction(1 if ask is None else Fraction(ask, DOLLAR))
            left -= price + (kalshi if venue == "kalshi" else 0) * price * (1 - price)
        if left > 0 and left >= least:
            clearing.append(arb_type)
    return clearing


@pytest.mark.parametrize("name", ["nba-mvp-shai.jsonl.gz", "nba-mvp-luka.jsonl.gz"])
def test_after_every_frame_an_arb_is_found_where_the_tops_of_the_books_pay(name: str) -> None:
    scan = Scan(parse_pairs(shared_data("pairs.toml").read_text(), "pairs.toml"), Rules.from_cents(1))
    seen = Counter[bool]()
    for batch in recorded(shared_data(name)):
        for watch, found in scan.apply(batch):
            clearing = tops_that_clear(watch, Fraction(1, 100))
            seen[bool(clearing)] += 1
            # No top of these recordings is so small that a minimum or the rounding of fees undoes it.
            assert bool(clearing) == (found is not None)
            assert found is None or found.arb_type in clearing
    assert min(seen[True], seen[False]) > 10
