"""An order's quick way out says exactly what the checking model would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import decode, encode
from protocol.leg import Leg
from protocol.leg_frame import leg_frame
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Side, TradeId
from protocol.units import DOLLAR, MAX_QUANTITY, Price, Quantity
from protocol.wire import ExecuteLeg

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
LEGS = st.builds(
    Leg,
    leg_id=st.from_regex(r"\A[A-Za-z0-9-]{1,64}\Z").map(LegId),
    trade_id=st.none() | TEXTS.map(TradeId),
    pair_id=st.none() | TEXTS.map(PairId),
    market_id=st.integers(0, 65_535),
    platform=st.sampled_from([KALSHI, POLYMARKET]),
    market=TEXTS,
    action=st.sampled_from(Action),
    side=st.sampled_from(Side),
    limit=st.integers(1, DOLLAR - 1).map(Price),
    quantity=st.integers(1, MAX_QUANTITY).map(Quantity),
    expires_at_ms=st.none() | st.integers(0, 2**53),
    description=TEXTS,
)


def modelled(leg: Leg, level: int) -> ExecuteLeg:
    """The same order through the model; what it does not say is left out, as a field without a value is."""
    fields: dict[str, Any] = {
        "market_id": leg.market_id,
        "leg_id": leg.leg_id,
        "platform": leg.platform,
        "action": leg.action,
        "side": leg.side,
        "price": leg.limit,
        "contracts": leg.quantity,
        "kalshi_market_ticker": leg.market if leg.platform == KALSHI else None,
        "poly_token": leg.market if leg.platform == POLYMARKET else None,
        "pair_id": leg.pair_id,
        "description": leg.description,
    }
    if level > 1:
        fields |= {"trade_id": leg.trade_id, "expires_at_ms": leg.expires_at_ms}
    return ExecuteLeg.model_construct(**{name: value for name, value in fields.items() if value is not None})


@given(LEGS, st.sampled_from([1, 2]))
def test_the_text_is_the_one_that_the_model_would_write(leg: Leg, level: int) -> None:
    assert encode(leg_frame(leg, level)) == encode(modelled(leg, level))


@given(LEGS)
def test_a_trader_reads_back_what_was_meant(leg: Leg) -> None:
    order = decode(encode(leg_frame(leg, 2)))
    assert isinstance(order, ExecuteLeg)
    assert (order.leg_id, order.price, order.contracts) == (leg.leg_id, leg.limit, leg.quantity)
    assert (order.action, order.side, order.expires_at_ms) == (leg.action, leg.side, leg.expires_at_ms)
    assert (order.kalshi_market_ticker or order.poly_token) == leg.market


@pytest.mark.parametrize(
    ("limit", "quantity", "expected"),
    [(5200, 1000, '"price":52,"contracts":10,'), (5250, 1050, '"price":52.5,"contracts":10.5,')],
)
def test_whole_numbers_have_no_point_and_others_are_exact(limit: int, quantity: int, expected: str) -> None:
    leg = Leg(
        leg_id=LegId("l"),
        trade_id=None,
        pair_id=None,
        market_id=0,
        platform=KALSHI,
        market="T",
        action=Action.BUY,
        side=Side.YES,
        limit=Price(limit),
        quantity=Quantity(quantity),
    )
    assert expected in encode(leg_frame(leg, 2))


def test_level_one_is_told_nothing_of_level_two() -> None:
    leg = Leg(
        leg_id=LegId("l"),
        trade_id=TradeId("t"),
        pair_id=PairId("p"),
        market_id=7,
        platform=POLYMARKET,
        market="123",
        action=Action.SELL,
        side=Side.NO,
        limit=Price(100),
        quantity=Quantity(100),
        expires_at_ms=5,
        description="d",
    )
    assert encode(leg_frame(leg, 1)) == (
        '{"type":"execute_leg","market_id":7,"leg_id":"l","platform":"polymarket","action":"sell","side":"no",'
        '"price":1,"contracts":1,"poly_token":"123","pair_id":"p","description":"d"}'
    )
