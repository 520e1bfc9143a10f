"""Dollars and shares as the contracts count them (6 decimals each), and how Polymarket writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NewType

from protocol.units import DOLLAR, USD, Money, Price, UnitError

Shares = NewType("Shares", int)
"""Millionths of a share: what a dollar amount buys is rarely a whole hundredth."""

SHARE: Final = Shares(1_000_000)
CENT_MONEY: Final = 10_000
"""One cent in micro-dollars."""

HUNDREDTH: Final = Shares(10_000)
"""A hundredth of a share: what orders are written in."""

MOST: Final = 10**18
"""No amount of an order is above a million million."""


def paid(price: Price, shares: Shares, *, up: bool) -> Money:
    """What so many shares cost, to the micro-dollar; ``up`` where who pays is to be charged the part of one."""
    exact = price * shares
    return Money(-(-exact // DOLLAR) if up else exact // DOLLAR)


def bought(money: int, price: Price, step: int) -> Shares:
    """The shares that so much money buys, in whole steps."""
    return Shares(money * DOLLAR // price // step * step)


def shares_from_text(text: str | int | Decimal) -> Shares:
    """Shares with up to 6 decimals. Raises :class:`UnitError`."""
    try:
        exact = Decimal(text) * SHARE
    except (ArithmeticError, ValueError):
        raise UnitError(f"a size is a number such as 12.5, not {str(text)[:40]!r}") from None
    if not exact.is_finite() or not 0 < exact <= MOST or exact != int(exact):
        raise UnitError(f"a size is above 0 and has at most 6 decimals, not {str(text)[:40]!r}")
    return Shares(int(exact))


def price_text(price: int) -> str:
    """``4700 -> "0.47"``, ``5000 -> "0.5"``."""
    return _plain(price, DOLLAR, 4)


def amount_text(amount: int) -> str:
    """Dollars or shares: ``2_820_000 -> "2.82"``, ``6_000_000 -> "6"``; signed where negative."""
    return f"-{_plain(-amount, USD, 6)}" if amount < 0 else _plain(amount, USD, 6)


def _plain(units: int, one: int, places: int) -> str:
    whole, rest = divmod(units, one)
    return f"{whole}.{rest:0{places}d}".rstrip("0") if rest else str(whole)
