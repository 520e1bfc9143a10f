"""Numbers, times and ids as Kalshi writes them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

from protocol.units import DOLLAR, USD, Money, Price, Quantity

SECOND_US: Final = 1_000_000
MILLISECOND_US: Final = 1_000
_MICROCENT: Final = 10_000


def price_text(price: int) -> str:
    """Dollars with 4 decimals: ``4700 -> "0.4700"``."""
    return f"{price // DOLLAR}.{price % DOLLAR:04d}"


def count_text(quantity: int) -> str:
    """Contracts with 2 decimals, signed where negative: ``-600 -> "-6.00"``."""
    sign, size = ("-", -quantity) if quantity < 0 else ("", quantity)
    return f"{sign}{size // 100}.{size % 100:02d}"


def money_text(money: int) -> str:
    """Dollars with 6 decimals, signed where negative."""
    sign, size = ("-", -money) if money < 0 else ("", money)
    return f"{sign}{size // USD}.{size % USD:06d}"


def money_short(money: int) -> str:
    """Dollars with the decimals that are needed, 4 at least, as fees are written."""
    text = money_text(money)
    return text.removesuffix("00")


def cents(money: int) -> int:
    """Whole cents, rounded down."""
    return money // _MICROCENT


def average_text(cost: Money, quantity: Quantity) -> str:
    """Dollars a contract, 4 decimals, half up."""
    return price_text((2 * cost + quantity) // (2 * quantity))


def fee_average_text(fees: Money, quantity: Quantity) -> str:
    """Fee of one contract in dollars, 4 decimals, half up."""
    # Money over quantity is in price units already.
    return price_text((2 * fees + quantity) // (2 * quantity))


def moment_text(t_us: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(t_us, SECOND_US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def other(price: Price) -> Price:
    """The price of the opposite outcome."""
    return Price(DOLLAR - price)


def uuid_text(*parts: object) -> str:
    """An id in the form of a UUID, always the same for the same parts."""
    digits = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
