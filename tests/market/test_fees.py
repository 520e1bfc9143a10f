"""Fees to the digit: the reference values of the venues' pages, and what must hold for any order."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.fees import (
    DIRECT_PRECISION,
    MAX_EXPONENT,
    ONE,
    RETAIL_PRECISION,
    SCALE,
    FeeError,
    KalshiFees,
    PolymarketFees,
    kalshi_fees,
    polymarket_fees,
    rate_from_text,
)
from protocol.terms import Action
from protocol.units import DOLLAR, Money, Price, Quantity, money_from_dollars, price_from_dollars, quantity_from_text

Fills = list[tuple[Price, Quantity]]


def fills(*pairs: tuple[str, str]) -> Fills:
    """(contracts, dollars) as the reference values are written."""
    return [(price_from_dollars(price), quantity_from_text(size)) for size, price in pairs]


KALSHI_REFERENCE = [
    pytest.param(fills(("1", "0.055")), "0.005", "0.0037", id="kalshi's own example"),
    pytest.param(fills(("6", "0.47")), "0.11", "0.1047", id="6@0.47"),
    pytest.param(fills(("3", "0.47"), ("3", "0.47")), "0.11", "0.1047", id="3@0.47 twice in one order"),
    pytest.param(fills(("100", "0.50")), "1.75", "1.75", id="100@0.50"),
    pytest.param(fills(*[("1", "0.50")] * 10), "0.18", "0.175", id="ten fills of 1@0.50"),
    pytest.param(fills(("1", "0.99")), "0.01", "0.0007", id="1@0.99"),
    pytest.param(fills(("0.37", "0.471")), "0.01573", "0.00653", id="0.37@0.471"),
]


@pytest.mark.parametrize(("order", "retail", "direct"), KALSHI_REFERENCE)
def test_kalshi_reference_values(order: Fills, retail: str, direct: str) -> None:
    rate = rate_from_text("0.07")
    assert KalshiFees(rate, RETAIL_PRECISION).total(order) == money_from_dollars(retail)
    assert KalshiFees(rate, DIRECT_PRECISION).total(order) == money_from_dollars(direct)


@pytest.mark.parametrize(
    ("order", "rate", "fee"),
    [
        (fills(("6", "0.47")), "0.04", "0.05978"),
        (fills(("100", "0.50")), "0.07", "1.75"),
        (fills(("100", "0.50")), "0.05", "1.25"),
        (fills(("100", "0.50")), "0", "0"),
        (fills(("0.01", "0.01")), "0.04", "0.00001"),
    ],
)
def test_polymarket_reference_values(order: Fills, rate: str, fee: str) -> None:
    assert PolymarketFees(rate_from_text(rate)).total(order) == money_from_dollars(fee)


def test_kalshi_gives_back_what_alignment_took_with_the_fill_that_completes_a_cent() -> None:
    charged = KalshiFees(70_000).charges(fills(*[("1", "0.50")] * 4))
    assert charged == [20_000, 20_000, 20_000, 10_000]


def test_kalshi_aligns_a_sale_the_other_way() -> None:
    # 0.055 - 0.003639 = 0.051361 falls to 0.05; a buy falls from -0.058639 to -0.06.
    model = KalshiFees(70_000)
    assert model.total(fills(("1", "0.055")), Action.SELL) == money_from_dollars("0.005")
    assert model.total(fills(("1", "0.056")), Action.SELL) == money_from_dollars("0.006")
    assert model.total(fills(("1", "0.056")), Action.BUY) == money_from_dollars("0.004")


def test_half_the_rate_of_an_index_series() -> None:
    assert KalshiFees(rate_from_text("0.035")).total(fills(("100", "0.50"))) == money_from_dollars("0.88")
    assert KalshiFees(rate_from_text("0.035"), DIRECT_PRECISION).total(fills(("100", "0.50"))) == 875_000


def test_polymarket_exponents() -> None:
    price = price_from_dollars("0.5")
    assert PolymarketFees(250_000, 0).marginal(price) == ONE // 4
    assert PolymarketFees(250_000, 1).marginal(price) == ONE // 16
    assert PolymarketFees(250_000, 2).marginal(price) == ONE // 64
    assert PolymarketFees(250_000, 2).total([(price, Quantity(10_000))]) == money_from_dollars("1.5625")
    assert PolymarketFees(250_000, 0).total([(price, Quantity(10_000))]) == money_from_dollars(25)


def test_an_empty_order_costs_nothing() -> None:
    assert KalshiFees(70_000).total([]) == 0
    assert PolymarketFees(70_000).total([]) == 0


@pytest.mark.parametrize("exponent", [-1, MAX_EXPONENT + 1])
def test_an_exponent_out_of_range_is_refused(exponent: int) -> None:
    with pytest.raises(FeeError, match="exponent"):
        PolymarketFees(70_000, exponent)


@pytest.mark.parametrize(
    ("value", "rate"),
    [("0.07", 70_000), ("0", 0), (0, 0), (1, 1_000_000), (Decimal("0.0175"), 17_500), ("0.000001", 1)],
)
def test_rates_are_read_exactly(value: object, rate: int) -> None:
    assert rate_from_text(value) == rate


@pytest.mark.parametrize(
    "value",
    [0.07, True, None, "", "7 %", "7", "-0.01", "NaN", "inf", "1e400", "1e-400", "0.0000001", [], "0" * 500 + "x"],
)
def test_what_is_no_rate_is_refused_with_a_short_reason(value: object) -> None:
    with pytest.raises(FeeError, match="a rate") as refused:
        rate_from_text(value)
    assert len(str(refused.value)) < 150


def test_models_of_one_rate_are_shared() -> None:
    assert kalshi_fees(70_000) is kalshi_fees(70_000)
    assert polymarket_fees(50_000, 1) is polymarket_fees(50_000, 1)


prices = st.integers(1, DOLLAR - 1).map(Price)
orders = st.lists(st.tuples(prices, st.integers(1, 100_000).map(Quantity)), max_size=8)
rates = st.integers(0, 1_000_000)
actions = st.sampled_from(Action)


@given(rates, st.integers(0, MAX_EXPONENT), prices)
def test_the_marginal_fee_is_the_model_rounded_up_by_less_than_its_unit(rate: int, exponent: int, price: Price) -> None:
    chance = Fraction(price, DOLLAR)
    exact = Fraction(rate, 10**6) * (chance * (1 - chance)) ** exponent * 10**14
    marginal = PolymarketFees(rate, exponent).marginal(price)
    assert 0 <= marginal - exact < 1
    if exponent <= 1:
        assert marginal == exact
    if exponent == 1:
        assert KalshiFees(rate).marginal(price) == exact


@given(rates, st.sampled_from([RETAIL_PRECISION, DIRECT_PRECISION]), orders, actions)
def test_kalshi_never_charges_less_than_the_model_nor_a_unit_more_than_it_rounds(
    rate: int, precision: Money, order: Fills, action: Action
) -> None:
    model = KalshiFees(rate, precision)
    exact = Fraction(sum(model.marginal(price) * size for price, size in order), SCALE)
    total = model.total(order, action)
    # A micro-dollar a fill, and less than one unit of alignment that is not given back yet; a rebate that the cap
    # held back leaves at most as much again.
    assert exact <= total
    assert all(charge >= 0 for charge in model.charges(order, action))
    assert total < exact + len(order) + precision * max(len(order), 1)


@given(rates, orders, actions)
def test_kalshi_keeps_the_balance_on_its_precision(rate: int, order: Fills, action: Action) -> None:
    model = KalshiFees(rate)
    sign = -1 if action is Action.BUY else 1
    for (price, size), charge in zip(order, model.charges(order, action), strict=True):
        assert (sign * price * size - charge) % RETAIL_PRECISION == 0


@given(rates, st.integers(0, MAX_EXPONENT), orders)
def test_polymarket_is_within_a_quantum_of_the_model_on_every_fill(rate: int, exponent: int, order: Fills) -> None:
    model = PolymarketFees(rate, exponent)
    for (price, size), charge in zip(order, model.charges(order), strict=True):
        chance = Fraction(price, DOLLAR)
        exact = Fraction(rate * size, 100) * (chance * (1 - chance)) ** exponent
        assert charge % 10 == 0
        assert exact - 10 < charge
        assert charge <= exact or charge == 10
        assert (charge == 0) == (exact == 0)
    assert model.total(order) == sum(model.charges(order)) == model.total(order, Action.SELL)
