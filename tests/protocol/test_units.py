"""Money is exact or refused: no number is rounded on its way in, none changes on its way over the wire."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.units import (
    DOLLAR,
    MAX_MONEY,
    MAX_QUANTITY,
    Money,
    Price,
    Quantity,
    UnitError,
    average_cents,
    money_from_dollars,
    money_to_dollars,
    notional,
    price_from_cents,
    price_from_dollars,
    price_to_cents,
    quantity_from_text,
    quantity_from_wire,
    quantity_to_wire,
    show_money,
    show_price,
    show_quantity,
)

PRICES = st.integers(1, DOLLAR - 1).map(Price)
QUANTITIES = st.integers(1, MAX_QUANTITY).map(Quantity)
MONEY = st.integers(-MAX_MONEY, MAX_MONEY).map(Money)

WRONG = [
    pytest.param(True, id="bool"),
    pytest.param(1.5, id="float"),
    pytest.param(None, id="none"),
    pytest.param([1], id="list"),
    pytest.param(Decimal("NaN"), id="nan"),
    pytest.param(Decimal("sNaN"), id="signalling-nan"),
    pytest.param(Decimal("Infinity"), id="inf"),
    pytest.param(Decimal("-Infinity"), id="minus-inf"),
    pytest.param(0, id="zero"),
    pytest.param(Decimal("-0.0"), id="minus-zero"),
    pytest.param(-1, id="negative"),
    pytest.param("52", id="text"),
    pytest.param("", id="empty"),
    pytest.param(Decimal("52.123"), id="three-decimals"),
    pytest.param(Decimal("52.00000000000000000000000000000001"), id="a-digit-beyond-28"),
    pytest.param(Decimal("1E+999999"), id="huge-exponent"),
    pytest.param(Decimal("1E-999999"), id="tiny-exponent"),
    pytest.param(10**400, id="huge-int"),
]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize(("read", "name"), [(price_from_cents, "price"), (quantity_from_wire, "contracts")])
def test_what_is_no_exact_amount_is_refused_by_the_name_of_its_field(
    read: Callable[[object], int], name: str, value: object
) -> None:
    with pytest.raises(UnitError, match=name):
        read(value)


@pytest.mark.parametrize("value", [100, Decimal("100.00"), 101, Decimal("0.001"), 10**6])
def test_a_price_is_strictly_between_nothing_and_the_dollar(value: object) -> None:
    with pytest.raises(UnitError, match="price"):
        price_from_cents(value)


def test_the_cheapest_and_the_dearest_price_are_taken() -> None:
    assert price_from_cents(Decimal("0.01")) == 1
    assert price_from_cents(Decimal("99.99")) == DOLLAR - 1


def test_a_quantity_has_a_limit_and_reaches_it() -> None:
    assert quantity_from_wire(MAX_QUANTITY // 100) == MAX_QUANTITY
    with pytest.raises(UnitError, match="at most 100000000"):
        quantity_from_wire(Decimal(MAX_QUANTITY + 1) / 100)


@pytest.mark.parametrize("value", ["nan", "inf", "1e999999", "1e-999999", "", "x", "0.0000001", "9" * 40, True, 0.5])
def test_dollars_that_are_no_exact_money_are_refused(value: object) -> None:
    with pytest.raises(UnitError):
        money_from_dollars(value)


@given(PRICES)
def test_a_price_survives_the_wire(price: Price) -> None:
    written = price_to_cents(price)
    assert price_from_cents(written) == price
    assert Fraction(written) == Fraction(price, 100)


@given(QUANTITIES)
def test_a_quantity_survives_the_wire(quantity: Quantity) -> None:
    written = quantity_to_wire(quantity)
    assert quantity_from_wire(written) == quantity
    assert Fraction(written) == Fraction(quantity, 100)


@given(MONEY)
def test_money_survives_the_wire(money: Money) -> None:
    written = money_to_dollars(money)
    assert money_from_dollars(written) == money
    assert Fraction(written) == Fraction(money, 1_000_000)


@given(st.one_of(PRICES.map(price_to_cents), QUANTITIES.map(quantity_to_wire), MONEY.map(money_to_dollars)))
def test_whole_numbers_are_written_without_a_point_and_others_digit_by_digit(number: int | Decimal) -> None:
    text = msgspec.json.Encoder(decimal_format="number").encode(number).decode()
    if isinstance(number, int):
        assert text == str(number)
    else:
        assert number != int(number)
        assert Decimal(text) == number
        assert "E" not in text.upper()
        assert not text.endswith("0")


def test_the_examples_of_the_docs() -> None:
    assert price_to_cents(Price(5_200)) == 52
    assert isinstance(price_to_cents(Price(5_200)), int)
    assert price_to_cents(Price(5_250)) == Decimal("52.5")
    assert quantity_to_wire(Quantity(1_050)) == Decimal("10.5")


EXACT_TEXT = st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 12)).map(
    lambda it: str(Decimal(it[0]).scaleb(-it[1]))
)


@pytest.mark.parametrize(
    ("read", "scale"), [(price_from_dollars, 10_000), (quantity_from_text, 100), (money_from_dollars, 1_000_000)]
)
@given(text=EXACT_TEXT)
def test_text_is_read_exactly_or_refused(read: Callable[[Any], int], scale: int, text: str) -> None:
    exact = Fraction(text) * scale
    if exact.denominator == 1:
        assert read(text) == exact
    else:
        with pytest.raises(UnitError, match="decimals"):
            read(text)


def read_or_refused(read: Callable[[Any], int], value: object) -> int | str:
    try:
        return read(value)
    except UnitError as error:
        return str(error)


@pytest.mark.parametrize("read", [price_from_cents, quantity_from_wire, money_from_dollars])
@given(value=st.integers(-200, 200) | st.integers() | st.integers(-2, 2).map(lambda more: 10**30 + more))
def test_a_whole_number_is_read_as_its_decimal_is(read: Callable[[Any], int], value: int) -> None:
    assert read_or_refused(read, value) == read_or_refused(read, Decimal(value))


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(UnitError):
        price_from_dollars(text)


@given(PRICES, QUANTITIES)
def test_price_times_quantity_is_exact(price: Price, quantity: Quantity) -> None:
    dollars = Fraction(price, DOLLAR) * Fraction(quantity, 100)
    assert Fraction(notional(price, quantity), 1_000_000) == dollars


@given(PRICES, QUANTITIES)
def test_the_average_of_one_price_is_that_price(price: Price, quantity: Quantity) -> None:
    assert average_cents(notional(price, quantity), quantity) == price_to_cents(price)


@given(st.integers(0, 10**15).map(Money), QUANTITIES)
def test_an_average_is_within_half_of_its_last_digit(cost: Money, quantity: Quantity) -> None:
    average = Fraction(average_cents(cost, quantity))
    assert abs(average - Fraction(cost, quantity) / 100) <= Fraction(1, 20_000)


def test_an_average_of_nothing_is_nothing() -> None:
    assert average_cents(Money(5), Quantity(0)) == 0


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**10) | st.integers(1, 400))
@example(1, 200)
@example(3, 200)
def test_an_average_is_what_decimal_arithmetic_makes_of_it_to_the_digit(cost: int, quantity: int) -> None:
    exact = (Decimal(cost) / quantity / 100).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    expected = int(exact) if exact == int(exact) else exact.normalize()
    assert repr(average_cents(Money(cost), Quantity(quantity))) == repr(expected)


@given(MONEY)
def test_money_is_shown_unrounded_with_at_least_cents(money: Money) -> None:
    shown = show_money(money)
    sign, digits = ("-", shown[2:]) if shown.startswith("-") else ("", shown[1:])
    assert Fraction(sign + digits) == Fraction(money, 1_000_000)
    assert len(digits.partition(".")[2]) >= 2


def test_prices_and_quantities_are_shown_in_the_fields_words() -> None:
    assert show_price(Price(5_250)) == "52.5c"
    assert show_quantity(Quantity(55_472)) == "554.72"
    assert show_money(Money(1_234_500)) == "$1.2345"
