"""What a taker is charged: the formula of market/fees.py on millionths of a share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from market.fees import MAX_EXPONENT, FeeError
from protocol.units import DOLLAR, Money, Price
from venues.polymarket.exchange.amounts import Shares

_QUANTUM: Final = 10
"""Micro-dollars in $0.00001, the step of a fee and the least that is charged."""


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """``shares x rate x (p x (1 - p)) ^ exponent``, floored to $0.00001 a trade and at least that; makers pay nothing.

    For sizes of whole hundredths it is :class:`market.fees.PolymarketFees`, as a test holds.
    """

    rate_ppm: int
    exponent: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.exponent <= MAX_EXPONENT:
            raise FeeError(f"an exponent is a whole number from 0 to {MAX_EXPONENT}, not {self.exponent}")

    def charge(self, price: Price, shares: Shares) -> Money:
        """The fee of one trade at one price."""
        # Rate 1e-6, each p x (1 - p) 1e-8, shares 1e-6, over the quantum of 1e-5.
        exact: int = self.rate_ppm * (price * (DOLLAR - price)) ** self.exponent * shares
        if exact <= 0:
            return Money(0)
        return Money(max(exact // 10 ** (8 * self.exponent + 7), 1) * _QUANTUM)
