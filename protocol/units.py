"""The three integer units that all money is counted in, and the only ways in and out of them.

============  =======================================  ==========================
type          one unit is                              why
============  =======================================  ==========================
``Price``     1/10,000 dollar (of the $1 payout)       Polymarket's finest tick
``Quantity``  1/100 contract                           both venues' finest size
``Money``     1/1,000,000 dollar                       price x quantity, exactly
============  =======================================  ==========================

They are ``NewType`` over ``int``: free at run time, and mypy refuses a bare ``int``, or one unit where
another is asked for. Conversions from text go through :class:`decimal.Decimal`; no float is ever made.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import NewType

Price = NewType("Price", int)
Quantity = NewType("Quantity", int)
Money = NewType("Money", int)

DOLLAR = Price(10_000)
CENT = Price(100)
CONTRACT = Quantity(100)
USD = Money(1_000_000)

# A limit on everything: no order of a billion contracts is meant.
MAX_QUANTITY = Quantity(100_000_000 * 100)
MAX_MONEY = Money(1_000_000_000_000 * 1_000_000)

_PRICE_PLACES = 10_000
_QUANTITY_PLACES = 100
_MONEY_PLACES = 1_000_000
_CENT_PLACES = 100
_AVERAGE_PLACES = 10_000

_SENSIBLE = 10**30
"""No amount of any unit is near this."""

# The default context would round a number of more than 28 digits in silence.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


class UnitError(ValueError):
    """A number that is not an exact, finite amount of its unit; the text says what was wrong."""


def _exact(value: object, places: int, what: str) -> int:
    """Return ``value * places`` as an int, or raise :class:`UnitError` when that is not a whole number."""
    if type(value) is int and -_SENSIBLE < value < _SENSIBLE:
        # Most amounts are whole, and an integer is exact by itself.
        return value * places
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise UnitError(f"{what} must be a number, not {type(value).__name__}")
    try:
        number = value if type(value) is Decimal else Decimal(value)
    except InvalidOperation:
        raise UnitError(f"{what} must be a number, not {str(value)[:40]!r}") from None
    if not number.is_finite():
        raise UnitError(f"{what} must be a finite number, not {number}")
    # An exponent such as 1E+999999 would make an integer of a million digits below.
    if abs(number.adjusted()) > 30:  # noqa: PLR2004 -- no amount of any unit is near 1e30
        raise UnitError(f"{what} is out of any sensible range")
    above, below = number.as_integer_ratio()
    if places % below == 0:
        return above * (places // below)
    try:
        scaled = _EXACT.multiply(number, places)
    except Inexact:
        raise UnitError(f"{what} has more digits than any amount") from None
    whole = int(scaled)
    if whole != scaled:
        raise UnitError(f"{what} has more decimals than can be traded: {number}")
    return whole


def price_from_dollars(text: str | Decimal) -> Price:
    """Exact price from a venue's dollar string such as ``"0.4700"``; any value, 0 and 1 included."""
    return Price(_exact(text, _PRICE_PLACES, "price"))


def price_from_cents(value: object) -> Price:
    """Price of an order from wire cents (``52`` or ``52.5``): strictly between 0 and 100, 2 decimals at most.

    Raises :class:`UnitError` for text, NaN, infinities, 0, 100 and beyond, and a third decimal.
    """
    if isinstance(value, str):
        raise UnitError("price must be a number of cents, not text")
    price = _exact(value, _CENT_PLACES, "price")
    if not 0 < price < DOLLAR:
        raise UnitError(f"price must be above 0 and below 100 cents, not {value}")
    return Price(price)


def quantity_from_text(text: str | int | Decimal) -> Quantity:
    """Exact quantity from a venue's size string such as ``"554.72"``; may be zero or negative (a delta)."""
    return Quantity(_exact(text, _QUANTITY_PLACES, "quantity"))


def quantity_from_wire(value: object) -> Quantity:
    """Quantity of an order from wire contracts: above zero, at most 2 decimals. Raises :class:`UnitError`."""
    if isinstance(value, str):
        raise UnitError("contracts must be a number, not text")
    quantity = _exact(value, _QUANTITY_PLACES, "contracts")
    if not 0 < quantity <= MAX_QUANTITY:
        raise UnitError(f"contracts must be above 0 and at most {MAX_QUANTITY // 100}, not {value}")
    return Quantity(quantity)


def money_from_dollars(value: object) -> Money:
    """Exact money from dollars with at most 6 decimals, up to a million million. Raises :class:`UnitError`."""
    money = _exact(value, _MONEY_PLACES, "amount")
    if abs(money) > MAX_MONEY:
        raise UnitError("amount is out of any sensible range")
    return Money(money)


def notional(price: Price, quantity: Quantity) -> Money:
    """Price times quantity: 1e-4 dollar x 1e-2 contract = 1e-6 dollar, exactly."""
    return Money(price * quantity)


def _number(units: int, places: int) -> int | Decimal:
    """Units as a JSON number: an int where it is whole, else a Decimal without trailing zeros."""
    whole, rest = divmod(units, places)
    return _broken(units, places) if rest else whole


@lru_cache(maxsize=4096)
def _broken(units: int, places: int) -> Decimal:
    """Kept: what is written of a leg is written again in each word about it."""
    return (Decimal(units) / places).normalize()


def price_to_cents(price: Price) -> int | Decimal:
    """Cents as a JSON number: ``5200 -> 52``, ``5250 -> Decimal("52.5")``."""
    return _number(price, _CENT_PLACES)


def quantity_to_wire(quantity: Quantity) -> int | Decimal:
    """Contracts as a JSON number: ``1000 -> 10``, ``1050 -> Decimal("10.5")``."""
    return _number(quantity, _QUANTITY_PLACES)


def money_to_dollars(money: Money) -> int | Decimal:
    """Dollars as a JSON number, exact to the micro-dollar."""
    return _number(money, _MONEY_PLACES)


def average_cents(cost: Money, quantity: Quantity) -> int | Decimal:
    """Average price in cents of ``quantity`` bought for ``cost``, rounded half-even to 1/10,000 cent.

    Where the exact cost matters (it does in every sum), carry ``cost`` itself: an average cannot give it back.
    """
    if quantity <= 0:
        return 0
    # money/quantity is in price units (1e-4 dollar = 1/100 cent); in 1/10,000 cent that is 100 times as much.
    least, rest = divmod(cost * 100, quantity)
    up = 2 * rest > quantity or (2 * rest == quantity and least % 2 == 1)
    return _number(least + up, _AVERAGE_PLACES)


def show_price(price: Price) -> str:
    """``5250 -> "52.5c"``, for people."""
    return f"{price_to_cents(price)}c"


def show_quantity(quantity: Quantity) -> str:
    """``55472 -> "554.72"``, for people."""
    return str(quantity_to_wire(quantity))


def show_money(money: Money) -> str:
    """``1234500 -> "$1.2345"``, for people: at least cents, never rounded."""
    sign = "-" if money < 0 else ""
    dollars, micro = divmod(abs(money), 1_000_000)
    digits = f"{micro:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${dollars}.{digits}"
