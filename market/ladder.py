"""One side of an order book: size by price, its best level, and whether the venue agrees that it is the best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from market.events import Level
from protocol.units import DOLLAR, Price, Quantity

NO_BID: Final = Price(-1)
"""``best`` of bids without a level: below every price."""

NO_ASK: Final = Price(DOLLAR + 1)
"""``best`` of asks without a level: above every price, and the mirror of :data:`NO_BID`."""


class Ladder:
    """The levels of one side. Levels outside 0..$1 (exclusive) are dropped: no order can name such a price.

    ``best`` is always that of ``levels``: O(1) to read and to improve, O(levels) only when the best level goes.
    ``known`` is false while the venue says that its best is another price than ours.
    """

    __slots__ = ("best", "is_bid", "known", "levels")

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.levels: dict[Price, Quantity] = {}
        self.best: Price = NO_BID if is_bid else NO_ASK
        self.known = True

    def replace(self, levels: Iterable[Level]) -> None:
        """These levels and no others; their best is known."""
        self.levels = {price: size for price, size in levels if size > 0 and 0 < price < DOLLAR}
        self.best = self._find_best()
        self.known = True

    def put(self, price: Price, size: Quantity) -> None:
        """The level at ``price`` now holds ``size``; nothing or less removes it."""
        if size > 0:
            if 0 < price < DOLLAR:
                self.levels[price] = size
                if (price > self.best) if self.is_bid else (price < self.best):
                    self.best = price
        elif self.levels.pop(price, None) is not None and price == self.best:
            self.best = self._find_best()

    def add(self, price: Price, delta: Quantity) -> None:
        """The level at ``price`` grew by ``delta``, which may be negative; it ends at nothing."""
        self.put(price, Quantity(self.levels.get(price, 0) + delta))

    def confirm(self, stated: Price | None) -> None:
        """The venue says that its best is ``stated`` (``None``, or a price no order can have: no level at all)."""
        if stated is None or not 0 < stated < DOLLAR:
            stated = NO_BID if self.is_bid else NO_ASK
        self.known = self.best == stated

    def at_or_better(self, limit: Price | None = None) -> list[Level]:
        """The levels that an order with this limit can take, best first; all of them without a limit."""
        if limit is None:
            return sorted(self.levels.items(), reverse=self.is_bid)
        if self.is_bid:
            return sorted([level for level in self.levels.items() if level[0] >= limit], reverse=True)
        return sorted([level for level in self.levels.items() if level[0] <= limit])

    def _find_best(self) -> Price:
        if not self.levels:
            return NO_BID if self.is_bid else NO_ASK
        return max(self.levels) if self.is_bid else min(self.levels)
