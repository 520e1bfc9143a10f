"""What an operator asks of an opportunity: the least edge, and the most to put into one trade."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from market.fees import ONE, RETAIL_PRECISION, SCALE
from protocol.terms import Platform
from protocol.units import CENT, DOLLAR, MAX_QUANTITY, Money, Quantity

_NO_LIMITS: Final[Mapping[Platform, Money]] = MappingProxyType({})


class Rules:
    """The limits of detection, compiled for comparison with integers.

    ``min_edge`` is what every contract must bring after both fees, in 1e-14 dollar (see
    :data:`market.fees.SCALE`); 0 still asks for more than nothing. ``max_leg_notional`` bounds limit times quantity
    of a leg, by platform. ``kalshi_precision`` is that of the account: retail or direct member.
    """

    __slots__ = ("ceiling", "kalshi_precision", "max_leg_notional", "max_quantity", "min_edge", "most")

    def __init__(
        self,
        min_edge: int = 0,
        *,
        max_quantity: Quantity | None = None,
        max_leg_notional: Mapping[Platform, Money] = _NO_LIMITS,
        kalshi_precision: Money = RETAIL_PRECISION,
    ) -> None:
        if not 0 <= min_edge < ONE:
            raise ValueError("min_edge must be from 0 to 100 cents")
        self.min_edge = min_edge
        self.max_quantity = MAX_QUANTITY if max_quantity is None else min(max_quantity, MAX_QUANTITY)
        self.max_leg_notional = max_leg_notional
        self.kalshi_precision = kalshi_precision
        # The most that a contract of each leg may cost together, fees included ...
        self.most = ONE - max(min_edge, 1)
        # ... and so without them: a sum of prices above this is no arb, whatever the fees.
        self.ceiling = min(self.most // SCALE, DOLLAR)

    @classmethod
    def from_cents(
        cls,
        min_edge: Decimal | int,
        *,
        max_quantity: Quantity | None = None,
        max_leg_notional: Mapping[Platform, Money] = _NO_LIMITS,
        kalshi_precision: Money = RETAIL_PRECISION,
    ) -> Rules:
        """Rules whose least edge is given in cents a contract. Raises :class:`ValueError` out of 0..100."""
        return cls(
            min_edge_from_cents(min_edge),
            max_quantity=max_quantity,
            max_leg_notional=max_leg_notional,
            kalshi_precision=kalshi_precision,
        )

    def capped(self, max_leg_notional: Mapping[Platform, Money]) -> Rules:
        """The same rules with other notional caps."""
        return Rules(
            self.min_edge,
            max_quantity=self.max_quantity,
            max_leg_notional=max_leg_notional,
            kalshi_precision=self.kalshi_precision,
        )


def min_edge_from_cents(cents: Decimal | int) -> int:
    """Cents a contract in 1e-14 dollar, exactly. Raises :class:`ValueError` for what is no such amount."""
    number = Decimal(cents)
    if not (number.is_finite() and 0 <= number < CENT):
        raise ValueError(f"the minimum edge is from 0 to 100 cents a contract, not {cents}")
    scaled = number * CENT * SCALE
    if scaled != int(scaled):
        raise ValueError(f"the minimum edge has more than 12 decimals: {cents}")
    return int(scaled)
