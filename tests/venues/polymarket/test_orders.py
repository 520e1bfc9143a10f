"""A leg as dollars or shares: on the market's tick and decimals, and never worse than the leg."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.leg import Leg
from protocol.terms import KALSHI, Action
from protocol.units import DOLLAR, Price
from tests.venues.polymarket.material import leg, rules
from venues.polymarket.market import TICKS
from venues.polymarket.orders import OrderRefused, plan_order


def test_what_is_bought_is_an_amount_of_dollars() -> None:
    plan = plan_order(leg(), rules())
    assert (plan.side, plan.price, plan.amount, plan.spends) == ("BUY", 4_700, Decimal("2.82"), 2_820_000)


def test_what_is_sold_is_an_amount_of_shares() -> None:
    plan = plan_order(leg(action=Action.SELL, quantity=613), rules())
    assert (plan.side, plan.price, plan.amount, plan.spends) == ("SELL", 4_700, Decimal("6.13"), 0)


def test_a_limit_between_two_ticks_is_rounded_against_nobody_but_the_other_side() -> None:
    assert plan_order(leg(limit=4_755), rules()).price == 4_700
    assert plan_order(leg(limit=4_755, action=Action.SELL), rules()).price == 4_800


@given(
    limit=st.integers(1, DOLLAR - 1),
    quantity=st.integers(1, 10_000_000),
    tick=st.sampled_from(sorted(TICKS)),
    buys=st.booleans(),
)
def test_no_order_is_worse_than_its_leg(limit: int, quantity: int, tick: Price, buys: bool) -> None:
    order = leg(limit=limit, quantity=quantity, action=Action.BUY if buys else Action.SELL)
    try:
        plan = plan_order(order, rules(mts=tick / DOLLAR))
    except OrderRefused:
        return
    if buys:
        assert plan.price <= limit
        assert Decimal(1) <= plan.amount <= Decimal(limit * quantity) / 1_000_000
        # What is cut off is less than a cent, and what a cheaper tick spares.
        assert Decimal(plan.price * quantity) / 1_000_000 - plan.amount < Decimal("0.01")
        assert plan.amount == plan.amount.quantize(Decimal("0.01"))
    else:
        assert plan.price >= limit
        assert plan.amount * 100 == quantity


@pytest.mark.parametrize(
    ("order", "other", "words"),
    [
        (leg(quantity=0), {}, "contracts: must be"),
        (leg(quantity=200), {}, r"contracts: \$0.94 is less than the \$1"),
        (leg(limit=50), {}, "price: the market has no tick at or below 0.5c"),
        (leg(limit=9_950, action=Action.SELL), {}, "price: the market has no tick at or above 99.5c"),
        (leg(token="4711"), {}, "market: 4711 is no token"),
        (leg(), {"ao": False}, "market: it takes no orders"),
    ],
)
def test_what_is_no_order_is_named(order: Leg, other: dict[str, object], words: str) -> None:
    with pytest.raises(OrderRefused, match=words):
        plan_order(order, rules(**other))


def test_a_leg_of_another_venue_is_refused() -> None:
    order = leg()
    order = type(order)(**{name: getattr(order, name) for name in order.__struct_fields__} | {"platform": KALSHI})
    with pytest.raises(OrderRefused, match="platform"):
        plan_order(order, rules())
