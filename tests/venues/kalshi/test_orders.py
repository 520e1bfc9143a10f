"""Legs as orders: the eight ways, the grid, and what is refused before anything is sent."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import Action, LegId, Platform, Side
from protocol.units import DOLLAR, Price, Quantity, UnitError
from tests.venues.kalshi.material import TICKER, leg
from transport.ids import BootIds
from venues.kalshi.grid import CENTS, MarketRules, PriceGrid, PriceRange, read_market, read_markets, unknown_market
from venues.kalshi.orders import OrderRefused, contracts, dollars, order_body, order_fields, yes_price

TAPERED = PriceGrid(
    (
        PriceRange(Price(0), Price(1_000), Price(10)),
        PriceRange(Price(1_000), Price(9_000), Price(100)),
        PriceRange(Price(9_000), Price(10_000), Price(10)),
    )
)
DECI = PriceGrid((PriceRange(Price(0), DOLLAR, Price(10)),))
RULES = MarketRules(TICKER, CENTS, shard=3)


@pytest.mark.parametrize(
    ("action", "side", "limit", "book_side", "price"),
    [
        (Action.BUY, Side.YES, 4_700, "bid", "0.4700"),
        (Action.BUY, Side.NO, 4_700, "ask", "0.5300"),
        (Action.SELL, Side.YES, 4_700, "ask", "0.4700"),
        (Action.SELL, Side.NO, 4_700, "bid", "0.5300"),
        # Off the grid: never worse than the limit. To buy NO at 47.5c or less is to sell YES at 52.5c or more.
        (Action.BUY, Side.YES, 4_750, "bid", "0.4700"),
        (Action.BUY, Side.NO, 4_750, "ask", "0.5300"),
        (Action.SELL, Side.YES, 4_750, "ask", "0.4800"),
        (Action.SELL, Side.NO, 4_750, "bid", "0.5200"),
    ],
)
def test_the_eight_ways(action: Action, side: Side, limit: int, book_side: str, price: str) -> None:
    fields = order_fields(leg(action, side, limit), RULES)
    assert (fields["side"], fields["price"]) == (book_side, price)
    assert fields.get("reduce_only") is (True if action is Action.SELL else None)
    assert fields["time_in_force"] == "immediate_or_cancel"
    assert fields["self_trade_prevention_type"] == "taker_at_cross"
    assert fields["exchange_index"] == 3
    assert fields["client_order_id"] == "coid-1"


@given(
    action=st.sampled_from(Action),
    side=st.sampled_from(Side),
    limit=st.integers(1, 9_999),
    grid=st.sampled_from([CENTS, TAPERED, DECI]),
)
def test_the_price_is_on_the_grid_and_never_worse_than_the_limit(
    action: Action, side: Side, limit: int, grid: PriceGrid
) -> None:
    ticks = {tick for one in grid.ranges for tick in range(one.start, one.end + 1, one.step) if 0 < tick < DOLLAR}
    own = {tick if side is Side.YES else DOLLAR - tick for tick in ticks}
    fair = [tick for tick in own if (tick <= limit if action is Action.BUY else tick >= limit)]
    order = leg(action, side, limit)
    if not fair:
        with pytest.raises(OrderRefused, match=r"price: .* has no tick"):
            yes_price(order, MarketRules(TICKER, grid))
        return
    price = yes_price(order, MarketRules(TICKER, grid))
    assert price in ticks
    assert (price if side is Side.YES else DOLLAR - price) == (max(fair) if action is Action.BUY else min(fair))


@given(price=st.integers(1, 9_999), quantity=st.integers(1, 10_000_000))
def test_prices_and_counts_are_written_exactly(price: int, quantity: int) -> None:
    assert Fraction(dollars(Price(price))) == Fraction(price, 10_000)
    assert Fraction(contracts(Quantity(quantity))) == Fraction(quantity, 100)
    assert re.fullmatch(r"0\.\d{4}", dollars(Price(price)))
    assert re.fullmatch(r"\d+\.\d{2}", contracts(Quantity(quantity)))


def test_a_fraction_of_a_contract_is_asked_for_as_it_is() -> None:
    assert json.loads(order_body(leg(quantity=37), RULES))["count"] == "0.37"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"leg_id": LegId("a leg")}, "leg_id: must be"),
        ({"leg_id": LegId("")}, "leg_id: must be"),
        ({"leg_id": LegId("x" * 65)}, "leg_id: must be"),
        ({"leg_id": LegId("é")}, "leg_id: must be"),
        ({"leg_id": LegId("a\n")}, "leg_id: must be"),
        ({"platform": Platform("polymarket")}, "platform: this is kalshi"),
        ({"quantity": Quantity(0)}, "contracts: must be at least 0.01"),
        ({"limit": Price(99)}, "price: KXTEST-26NOV22-T1 has no tick at or below 0.99c of yes"),
        ({"limit": Price(0)}, "price: "),
        ({"action": Action.SELL, "limit": Price(9_901)}, "price: KXTEST-26NOV22-T1 has no tick at or above 99.01c"),
    ],
)
def test_what_is_no_order_is_refused_by_its_field(change: dict[str, object], why: str) -> None:
    with pytest.raises(OrderRefused, match=f"^{re.escape(why)}"):
        order_fields(msgspec.structs.replace(leg(), **change), RULES)


def test_a_market_that_is_closed_takes_no_order() -> None:
    with pytest.raises(OrderRefused, match="market: KXTEST-26NOV22-T1 is closed"):
        order_fields(leg(), MarketRules(TICKER, CENTS, status="closed"))


def test_a_market_that_nobody_looked_at_gets_whole_cents_and_the_venue_s_own_routing() -> None:
    fields = order_fields(leg(limit=4_790), unknown_market(TICKER))
    assert fields["price"] == "0.4700"
    assert "exchange_index" not in fields


def test_our_ids_are_ids_there() -> None:
    ids = BootIds("c0123456789abcdef", 7, 1_795_300_000_000)
    trade = ids.trade_id()
    for index in range(4):
        assert order_fields(leg(leg_id=ids.leg_id(trade, index)), RULES)


MARKET = {
    "ticker": TICKER,
    "event_ticker": "KXTEST-26NOV22",
    "status": "active",
    "exchange_index": 2,
    "close_time": "2026-11-23T00:00:00Z",
    "price_level_structure": "tapered_deci_cent",
    "price_ranges": [
        {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
        {"start": "0.1000", "end": "0.9000", "step": "0.0100"},
        {"start": "0.9000", "end": "1.0000", "step": "0.0010"},
    ],
    "field_of_next_week": {"a": 1},
}


def test_the_rules_are_read_from_the_market() -> None:
    rules = read_market(json.dumps({"market": MARKET}).encode())
    assert rules.grid.ranges == TAPERED.ranges
    assert (rules.shard, rules.status, rules.event_ticker) == (2, "active", "KXTEST-26NOV22")
    assert read_markets(json.dumps({"markets": [MARKET], "cursor": "next"}).encode())[1] == "next"


@pytest.mark.parametrize(
    "ranges",
    [
        [],
        [{"start": "0.5", "end": "0.4", "step": "0.01"}],
        [{"start": "0", "end": "1", "step": "0"}],
        [{"start": "0", "end": "2", "step": "0.01"}],
        [{"start": "0", "end": "1", "step": "0.00001"}],
    ],
)
def test_ranges_that_are_none_are_refused(ranges: list[dict[str, str]]) -> None:
    with pytest.raises(UnitError):
        read_market(json.dumps({"market": MARKET | {"price_ranges": ranges}}).encode())
