"""What the makers of one market quote: a few levels on each side of what they believe."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from protocol.units import CENT, DOLLAR, Price, Quantity

LEVELS: Final = 4
"""Price levels a side."""

TICK: Final = CENT

_LOWEST: Final = Price(CENT)
_HIGHEST: Final = Price(DOLLAR - CENT)
_BEST_SIZES: Final = (5_00, 90_00)
_DEEP_SIZES: Final = (10_00, 120_00)


class Change(NamedTuple):
    """A level that held ``before`` and now holds ``after``."""

    is_bid: bool
    price: Price
    before: Quantity
    after: Quantity


class Quotes:
    """Bids and asks of one market, never crossed and never empty. Sizes are whole multiples of ``size_step``."""

    def __init__(self, rng: Random, size_step: Quantity) -> None:
        self._rng = rng
        self._size_step = size_step
        self.bids: dict[Price, Quantity] = {}
        self.asks: dict[Price, Quantity] = {}

    @property
    def best_bid(self) -> Price:
        """The highest bid."""
        return max(self.bids)

    @property
    def best_ask(self) -> Price:
        """The lowest ask."""
        return min(self.asks)

    def requote(self, value: float) -> list[Change]:
        """Quote around ``value`` dollars, one to two ticks wide. Removals come first: no step between is crossed."""
        bid = min(max(int(value * DOLLAR / TICK - 0.5), 1), DOLLAR // TICK - 3) * TICK
        width = TICK * (1 if self._rng.random() < 0.5 else 2)  # noqa: PLR2004 -- either is as likely
        # An unchanged bid keeps its ask too, where that is as near: makers do not move for nothing.
        if self.bids and bid == self.best_bid and self.best_ask - bid <= 2 * TICK:
            return []
        ask = bid + width
        changes = [
            *self._moved(self.bids, [bid - step * TICK for step in range(LEVELS)], is_bid=True),
            *self._moved(self.asks, [ask + step * TICK for step in range(LEVELS)], is_bid=False),
        ]
        return sorted(changes, key=lambda change: change.after > 0)

    def resize(self) -> Change:
        """Change the size of one level, which stays above nothing."""
        is_bid = self._rng.random() < 0.5  # noqa: PLR2004 -- either side is as likely
        side = self.bids if is_bid else self.asks
        prices = sorted(side, reverse=is_bid)
        # The best level changes more often than those behind it.
        index = min(int(self._rng.expovariate(1.0)), len(prices) - 1)
        price = prices[index]
        before = side[price]
        side[price] = self._size(deep=index > 0)
        return Change(is_bid, price, before, side[price])

    def _moved(self, side: dict[Price, Quantity], prices: list[int], *, is_bid: bool) -> list[Change]:
        """Make the side hold levels at exactly these prices; a level that stays keeps its size."""
        wanted = [Price(price) for price in prices if _LOWEST <= price <= _HIGHEST]
        changes = [Change(is_bid, price, side.pop(price), Quantity(0)) for price in list(side) if price not in wanted]
        for index, price in enumerate(wanted):
            if price not in side:
                side[price] = self._size(deep=index > 0)
                changes.append(Change(is_bid, price, Quantity(0), side[price]))
        return changes

    def _size(self, *, deep: bool) -> Quantity:
        low, high = _DEEP_SIZES if deep else _BEST_SIZES
        return Quantity(self._rng.randint(low // self._size_step, high // self._size_step) * self._size_step)
