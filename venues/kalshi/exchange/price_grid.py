"""The prices that a market takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from protocol.units import DOLLAR, Price, UnitError, price_from_dollars


class PriceRange(msgspec.Struct, frozen=True, gc=False):
    """Prices from ``start`` to ``end`` in steps, as the venue writes them: dollars."""

    start: str
    end: str
    step: str

    def allows(self, price: Price) -> bool:
        """Whether the price is one of this range's."""
        start, end, step = (price_from_dollars(text) for text in (self.start, self.end, self.step))
        return start <= price <= end and (price - start) % step == 0


_TAIL: Final = "0.0010"
_CENT: Final = "0.0100"

STRUCTURES: Final[Mapping[str, tuple[PriceRange, ...]]] = {
    "linear_cent": (PriceRange("0.0000", "1.0000", _CENT),),
    "deci_cent": (PriceRange("0.0000", "1.0000", _TAIL),),
    "tapered_deci_cent": (
        PriceRange("0.0000", "0.1000", _TAIL),
        PriceRange("0.1000", "0.9000", _CENT),
        PriceRange("0.9000", "1.0000", _TAIL),
    ),
}
"""The structures that the exchange knows by name; a market may bring ranges of its own."""


def on_grid(price: Price, ranges: tuple[PriceRange, ...]) -> bool:
    """Whether an order may have that price: above $0, below $1 and on a step of a range."""
    return 0 < price < DOLLAR and any(one.allows(price) for one in ranges)


def check_ranges(ranges: tuple[PriceRange, ...]) -> None:
    """Raise :class:`UnitError` for ranges that are none."""
    for one in ranges:
        if price_from_dollars(one.step) <= 0 or price_from_dollars(one.end) < price_from_dollars(one.start):
            raise UnitError(f"price range from {one.start} to {one.end} in steps of {one.step} is none")
