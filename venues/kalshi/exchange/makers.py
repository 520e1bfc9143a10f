"""Market makers for a rehearsal: seeded ladders around a price that wanders."""

from __future__ import annotations

from typing import Final, Protocol

from protocol.units import CENT, CONTRACT, DOLLAR, Price, Quantity
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.price_grid import on_grid

LEVELS: Final = 5
_MOST: Final = 400
_EDGE: Final = 3


class Dice(Protocol):
    """A seeded source of chance."""

    def randint(self, a: int, b: int) -> int:
        """A whole number from ``a`` to ``b``, both included."""


class Makers:
    """Moves one market a step at a time. Members' orders, and what they took, stay as they are in the others."""

    def __init__(self, exchange: KalshiExchange, dice: Dice) -> None:
        self._exchange = exchange
        self._dice = dice
        self._middle = {ticker: _middle(market) for ticker, market in exchange.markets.items()}

    def step(self, now_us: int) -> str | None:
        """One market gets new quotes; which one, or None where none is open."""
        tickers = [name for name in self._middle if self._exchange.markets[name].status == "active"]
        if not tickers:
            return None
        ticker = tickers[self._dice.randint(0, len(tickers) - 1)]
        market = self._exchange.markets[ticker]
        middle = self._middle[ticker] + self._dice.randint(-1, 1) * CENT
        self._middle[ticker] = middle = min(max(middle, _EDGE * CENT), DOLLAR - _EDGE * CENT)
        self._exchange.set_book(market, self._ladder(market, middle, -CENT), self._ladder(market, middle, CENT), now_us)
        return ticker

    def _ladder(self, market: Market, middle: int, step: int) -> list[tuple[Price, Quantity]]:
        prices = [Price(middle + step * place) for place in range(1, LEVELS + 1)]
        wanted = [price for price in prices if on_grid(price, market.listing.ranges)]
        return [(price, Quantity(self._dice.randint(1, _MOST) * CONTRACT)) for price in wanted]


def _middle(market: Market) -> int:
    """Where the market is now, on a whole cent."""
    bid, ask = market.book.best(is_bid=True) or CENT, market.book.best(is_bid=False) or DOLLAR - CENT
    return (bid + ask) // 2 // CENT * CENT
