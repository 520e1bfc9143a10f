"""Opportunities over time, and the line that a replay prints of each event."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from market.opportunity import ArbType, Opportunity
from market.tracker import EventKind, OpportunityTracker, replay_record
from protocol.terms import PairId
from protocol.units import Money
from tests.market.builders import YES, cents, contracts, kalshi, poly, scan_of

PAIR = PairId("pair_0")


@pytest.fixture
def opportunity() -> Opportunity:
    scan, _ = scan_of(poly(YES, asks=[(50, "10.5"), ("50.5", 20)]), kalshi(bids=[(60, 30)]), polymarket_rate_ppm=40_000)
    found = scan.recheck(PAIR, 7)
    assert found is not None
    return found


def test_open_change_close(opportunity: Opportunity) -> None:
    tracker = OpportunityTracker()
    assert tracker.see(PAIR, None, 1) is None
    opened = tracker.see(PAIR, opportunity, 2)
    assert opened is not None
    assert (opened.kind, opened.t, opened.opportunity) == (EventKind.OPEN, 2, opportunity)
    assert (len(tracker), tracker.open) == (1, (opportunity,))
    assert tracker.see(PAIR, opportunity, 3) is None
    smaller = msgspec.structs.replace(opportunity, quantity=contracts(3))
    changed = tracker.see(PAIR, smaller, 4)
    assert changed is not None
    assert (changed.kind, changed.t, changed.opportunity) == (EventKind.CHANGE, 4, smaller)
    closed = tracker.see(PAIR, None, 5)
    assert closed is not None
    assert (closed.kind, closed.t, closed.opportunity) == (EventKind.CLOSE, 5, smaller)
    assert (tracker.see(PAIR, None, 6), len(tracker)) == (None, 0)


def test_every_term_is_a_change_and_the_rest_is_none(opportunity: Opportunity) -> None:
    yes, no = opportunity.legs
    changes: list[dict[str, Any]] = [
        {"arb_type": ArbType.POLY_ONLY},
        {"quantity": contracts(1)},
        {"cost": Money(1)},
        {"fees": Money(1)},
        {"edge": Money(1)},
        {"legs": (msgspec.structs.replace(yes, limit=cents(1)), no)},
        {"legs": (yes, msgspec.structs.replace(no, market="other"))},
    ]
    for change in changes:
        tracker = OpportunityTracker()
        tracker.see(PAIR, opportunity, 1)
        event = tracker.see(PAIR, msgspec.structs.replace(opportunity, **change), 2)
        assert event is not None, change
        assert event.kind is EventKind.CHANGE
    tracker = OpportunityTracker()
    tracker.see(PAIR, opportunity, 1)
    later = msgspec.structs.replace(opportunity, t=9, legs=(msgspec.structs.replace(yes, book_version=99), no))
    assert tracker.see(PAIR, later, 2) is None
    assert tracker.open == (later,), "our fills are taken out of the book as it was last seen"


def test_pairs_are_told_apart(opportunity: Opportunity) -> None:
    tracker = OpportunityTracker()
    other = msgspec.structs.replace(opportunity, pair_id=PairId("other"))
    assert tracker.see(PAIR, opportunity, 1) is not None
    assert tracker.see(PairId("other"), other, 1) is not None
    assert tracker.open == (opportunity, other)


def test_the_line_of_a_replay(opportunity: Opportunity) -> None:
    tracker = OpportunityTracker()
    tracker.see(PAIR, opportunity, 1_765_656_187_789_000)
    event = tracker.see(PAIR, None, 1_765_656_187_999_000)
    assert event is not None
    record = replay_record(event)
    assert record == {
        "t": 1_765_656_187_999_000,
        "event": "close",
        "pair_id": "pair_0",
        "arb_type": "poly_yes_kalshi_no",
        "contracts": 30,
        "yes_price": Decimal("50.5"),
        "no_price": 40,
        "fees_usd": Decimal("0.29998"),
        "edge_usd": Decimal("2.60252"),
        "cost_usd": Decimal("27.0975"),
        "yes_avg_price": Decimal("50.325"),
        "no_avg_price": 40,
    }
    line = msgspec.json.Encoder(decimal_format="number").encode(record).decode()
    assert '"yes_price":50.5,' in line
    assert '"contracts":30,' in line
