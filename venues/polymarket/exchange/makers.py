"""Market makers for a rehearsal: seeded ladders around a price that wanders."""

from __future__ import annotations

from typing import Final, Protocol

from protocol.units import CENT, DOLLAR, Price
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.market import Market

LEVELS: Final = 5
_MOST: Final = 400
_EDGE: Final = 6
_SPREAD: Final = 1


class Dice(Protocol):
    """A seeded source of chance."""

    def randint(self, a: int, b: int) -> int:
        """A whole number from ``a`` to ``b``, both included."""


class Makers:
    """Moves one market a step at a time. Wallets' orders, and what they took, stay as they are in the others."""

    def __init__(self, exchange: PolymarketExchange, dice: Dice) -> None:
        self._exchange = exchange
        self._dice = dice
        self._middle = {name: _middle(market) for name, market in exchange.markets.items()}

    def step(self, now_us: int) -> str | None:
        """One market gets new quotes; which one, or None where none is open."""
        open_ones = [name for name in self._middle if self._exchange.markets[name].accepting]
        if not open_ones:
            return None
        name = open_ones[self._dice.randint(0, len(open_ones) - 1)]
        market = self._exchange.markets[name]
        middle = self._middle[name] + self._dice.randint(-1, 1) * CENT
        self._middle[name] = middle = min(max(middle, _EDGE * CENT), DOLLAR - _EDGE * CENT)
        self._exchange.set_book(market, self._ladder(middle, -CENT), self._ladder(middle, CENT), now_us)
        return name

    def _ladder(self, middle: int, step: int) -> list[tuple[Price, Shares]]:
        prices = [Price(middle + step * place) for place in range(_SPREAD, LEVELS + _SPREAD)]
        return [(price, Shares(self._dice.randint(1, _MOST) * SHARE)) for price in prices]


def _middle(market: Market) -> int:
    """Where the market is now, on a whole cent."""
    bid, ask = market.book.best(is_bid=True) or CENT, market.book.best(is_bid=False) or DOLLAR - CENT
    return (bid + ask) // 2 // CENT * CENT
