"""What a venue charges a taker: the exact model, and what is booked after the venue's own rounding.

Two questions, two answers. *Is one more contract worth it?* is asked of the unrounded :meth:`FeeModel.marginal`.
*What will this order cost?* is asked with the venue's rounding, fill by fill (:meth:`FeeModel.charges`). Everything
is an integer; rates are millionths, read from decimal text by :func:`rate_from_text`.

Sources: Kalshi's fee rounding page of 2026-10-08; Polymarket's trading fees page, and NautilusTrader's account of
how the venue rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Protocol

from protocol.terms import BUY, Action
from protocol.units import DOLLAR, Money, Price, Quantity

SCALE: Final = 10**10
"""A fee of one contract is counted in 1e-14 dollar, in which a :data:`Price` unit is ``SCALE``.

The product of such a fee and a ``Quantity`` is in 1e-16 dollar, in which a ``Money`` unit is ``SCALE`` as well.
"""

ONE: Final = DOLLAR * SCALE
"""One dollar, the payout of a contract, in units of 1e-14 dollar."""

RATE_UNIT: Final = 1_000_000
"""A rate of 1; rates are held in millionths."""

RETAIL_PRECISION: Final = Money(10_000)
"""Kalshi aligns the balance of a retail member to the cent."""

DIRECT_PRECISION: Final = Money(100)
"""Kalshi aligns the balance of a direct member to 1/100 of a cent."""

MAX_EXPONENT: Final = 4
"""No market has had an exponent above 2."""

_POLYMARKET_QUANTUM: Final = 10
"""Polymarket charges in steps of $0.00001."""


class FeeError(ValueError):
    """A rate or an exponent that cannot be a venue's; the text says why."""


class FeeModel(Protocol):
    """The taker fee of one market."""

    def marginal(self, price: Price) -> int:
        """The unrounded fee of one contract at ``price``, in 1e-14 dollar."""

    def charges(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> list[Money]:
        """What is booked on each fill of one order, in the order in which they happen."""

    def total(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> Money:
        """The fee of the whole order: the sum of :meth:`charges`."""


def rate_from_text(value: object) -> int:
    """A rate such as ``"0.07"`` in millionths, exactly. Raises :class:`FeeError`; a float is never taken."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise FeeError(f'a rate is a decimal text such as "0.07", not {type(value).__name__}')
    try:
        rate = Decimal(value)
    except InvalidOperation:
        raise FeeError(f'a rate is a decimal text such as "0.07", not {str(value)[:40]!r}') from None
    if not (rate.is_finite() and 0 <= rate <= 1):
        raise FeeError(f"a rate is a fraction from 0 to 1 (7 % is 0.07), not {str(value)[:40]}")
    millionths = rate * RATE_UNIT
    if millionths != int(millionths):
        raise FeeError(f"a rate has at most 6 decimals, not {str(value)[:40]}")
    return int(millionths)


@dataclass(frozen=True, slots=True)
class KalshiFees:
    """``rate x C x P x (1 - P)``, charged so that the member's balance stays aligned to ``precision``.

    Each fill is charged the model rounded up to $0.000001, plus what aligns the balance downwards. That second part
    adds up over the fills of one order, and whole units of it are given back with the fill that completes them. The
    series' fee multiplier is folded into ``rate_ppm``. With a rate of 0 the alignment is still charged, as the page
    has no exception for it; it is nothing where prices and sizes land on the cent.
    """

    rate_ppm: int
    precision: Money = RETAIL_PRECISION

    def marginal(self, price: Price) -> int:
        """The unrounded fee of one contract at ``price``, in 1e-14 dollar, exact."""
        return self.rate_ppm * price * (DOLLAR - price)

    def charges(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> list[Money]:
        """What is booked on each fill of one order. Buys and sells differ, as the balance is aligned downwards."""
        sign = -1 if action is BUY else 1
        charged: list[Money] = []
        carried = 0
        for price, quantity in fills:
            fee, carried = self._charge(price, quantity, sign * price * quantity, carried)
            charged.append(Money(fee))
        return charged

    def charge(self, price: Price, quantity: Quantity, revenue: Money, carried: Money) -> tuple[Money, Money]:
        """What is booked on one fill, and what the order carries on to its next; ``carried`` is 0 before its first.

        ``revenue`` is what the fill itself moves on the balance, below 0 for what is paid.
        """
        fee, carries = self._charge(price, quantity, revenue, carried)
        return Money(fee), Money(carries)

    def _charge(self, price: int, quantity: int, revenue: int, carried: int) -> tuple[int, int]:
        # In bare integers, with `marginal` written out: asked for each level of each opportunity.
        trade_fee = -(-self.rate_ppm * price * (DOLLAR - price) * quantity // SCALE)
        alignment = (revenue - trade_fee) % self.precision
        gross = trade_fee + alignment
        carried += alignment
        # Whole units only: a part of one would take the balance out of line again.
        rebate = min(carried, gross) // self.precision * self.precision
        return gross - rebate, carried - rebate

    def total(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> Money:
        """The fee of the whole order: the sum of :meth:`charges`."""
        return Money(sum(self.charges(fills, action)))


@dataclass(frozen=True, slots=True)
class PolymarketFees:
    """``C x rate x (p x (1 - p)) ^ exponent`` for takers, floored fill by fill to $0.00001, and at least that.

    The venue leaves the direction of its rounding open; NautilusTrader floors and reports that it matches. A fee
    below the quantum is charged as one quantum, the dearer of the two ways to read "minimum".
    """

    rate_ppm: int
    exponent: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.exponent, bool) or not 0 <= self.exponent <= MAX_EXPONENT:
            raise FeeError(f"an exponent is a whole number from 0 to {MAX_EXPONENT}, not {self.exponent}")

    def marginal(self, price: Price) -> int:
        """The unrounded fee of one contract at ``price``, in 1e-14 dollar.

        Exact for the exponents 0 and 1; above them rounded up to the unit, which changes no comparison of this fee
        with a whole number of units (prices, a minimum edge and Kalshi's fees all are).
        """
        if self.exponent == 1:
            return self.rate_ppm * price * (DOLLAR - price)
        return -(-self._exact(price) // 10 ** (8 * self.exponent - 8)) if self.exponent else self.rate_ppm * 10**8

    def charges(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> list[Money]:
        """What is booked on each fill of one order; the same for a buy (added) as for a sell (taken off)."""
        del action
        # Rate 1e-6, each p x (1 - p) 1e-8, quantity 1e-2, over the quantum of 1e-5.
        quantum = 10 ** (8 * self.exponent + 3)
        charged: list[Money] = []
        for price, quantity in fills:
            # `_exact` written out for the exponent that nearly every market has.
            base = price * (DOLLAR - price)
            exact = self.rate_ppm * (base if self.exponent == 1 else base**self.exponent) * quantity
            charged.append(Money(max(exact // quantum, 1) * _POLYMARKET_QUANTUM if exact > 0 else 0))
        return charged

    def total(self, fills: Sequence[tuple[Price, Quantity]], action: Action = BUY) -> Money:
        """The fee of the whole order: the sum of :meth:`charges`."""
        return Money(sum(self.charges(fills, action)))

    def _exact(self, price: Price) -> int:
        """The fee of one contract as an integer in ``10 ** -(6 + 8 x exponent)`` dollar."""
        exact: int = self.rate_ppm * (price * (DOLLAR - price)) ** self.exponent
        return exact


@lru_cache(maxsize=1024)
def kalshi_fees(rate_ppm: int, precision: Money = RETAIL_PRECISION) -> KalshiFees:
    """The model of that rate, shared: a hundred thousand pairs have a handful of rates."""
    return KalshiFees(rate_ppm, precision)


@lru_cache(maxsize=1024)
def polymarket_fees(rate_ppm: int, exponent: int = 1) -> PolymarketFees:
    """The model of that rate and exponent, shared."""
    return PolymarketFees(rate_ppm, exponent)
