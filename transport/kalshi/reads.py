"""What can be asked of Kalshi about markets and about our account, each answer whole or :class:`ReadFailed`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from transport.kalshi.bucket import DEFAULT_COST, TokenBucket
from transport.kalshi.rest import KalshiRest
from transport.venue_rest import ReadFailed
from venues.kalshi.account import (
    Balance,
    Cutoff,
    ExchangeStatus,
    Fill,
    Limits,
    Order,
    Position,
    Settlement,
    read_as_of,
    read_balance,
    read_cutoff,
    read_exchange_status,
    read_fills,
    read_limits,
    read_order,
    read_orders,
    read_positions,
    read_settlements,
)
from venues.kalshi.book import BookReply, read_book
from venues.kalshi.grid import MarketRules, read_market, read_markets
from venues.kalshi.replies import UNREADABLE

TICKERS: Final = 100
"""Markets that are asked for at once; a longer list would not fit into a URL everywhere."""

_BALANCE_RATE: Final = 1
"""Reads of the balance a second, of every tier; higher tiers have more, which nothing here needs."""


class KalshiReads:
    """The reads over one :class:`KalshiRest`."""

    def __init__(self, rest: KalshiRest) -> None:
        self.rest = rest
        self._balance_bucket = TokenBucket(_BALANCE_RATE)

    async def market(self, ticker: str) -> MarketRules:
        """What an order must know of this market."""
        return await self.rest.read(f"/markets/{quote(ticker, safe='')}", read_market)

    async def markets(self, tickers: Sequence[str]) -> list[MarketRules]:
        """The same of many; one that is not there is left out."""
        found: list[MarketRules] = []
        for start in range(0, len(tickers), TICKERS):
            asked = ",".join(tickers[start : start + TICKERS])
            found += await self.rest.every("/markets", read_markets, {"tickers": asked})
        return found

    async def some_market(self) -> MarketRules | None:
        """An open market, whichever; None where there is none."""
        page, _ = await self.rest.read(
            "/markets", read_markets, {"limit": 1, "status": "open", "mve_filter": "exclude"}
        )
        return page[0] if page else None

    async def book(self, ticker: str, depth: int = 0) -> BookReply:
        """The market's book, in YES terms."""
        path = f"/markets/{quote(ticker, safe='')}/orderbook"
        return await self.rest.read(path, read_book, {"depth": depth})

    async def orders(self, ticker: str | None = None, *, min_ts: int | None = None) -> list[Order]:
        """Orders, of one market or all, created after ``min_ts`` (unix seconds)."""
        return await self.rest.every("/portfolio/orders", read_orders, _query(ticker=ticker, min_ts=min_ts))

    async def order(self, order_id: str) -> Order:
        """One order, by the venue's id."""
        return await self.rest.read(f"/portfolio/orders/{quote(order_id, safe='')}", read_order)

    async def open_orders(self) -> list[Order]:
        """Orders that rest in a book; of ours there are none, but a person may have some."""
        return await self.rest.every("/portfolio/orders", read_orders, {"status": "resting"})

    async def old_orders(self, ticker: str) -> list[Order]:
        """Orders of one market that are so old that they are in the archive alone."""
        return await self.rest.every("/historical/orders", read_orders, {"ticker": ticker})

    async def old_fills(self, ticker: str) -> list[Fill]:
        """The same of fills."""
        return await self.rest.every("/historical/fills", read_fills, {"ticker": ticker})

    async def fills(
        self, ticker: str | None = None, *, order_id: str | None = None, min_ts: int | None = None
    ) -> list[Fill]:
        """Fills, of one market or order or all."""
        query = _query(ticker=ticker, order_id=order_id, min_ts=min_ts)
        return await self.rest.every("/portfolio/fills", read_fills, query)

    async def positions(self, ticker: str | None = None) -> list[Position]:
        """What is held and not settled."""
        return await self.rest.every("/portfolio/positions", read_positions, _query(ticker=ticker))

    async def settlements(self, *, min_ts: int) -> list[Settlement]:
        """Markets that were paid out since then (unix seconds)."""
        return await self.rest.every("/portfolio/settlements", read_settlements, {"min_ts": min_ts})

    async def balance(self) -> Balance:
        """Cash, in all and by shard."""
        body = await self.rest.get("/portfolio/balance", cost=1, bucket=self._balance_bucket)
        try:
            return read_balance(body)
        except UNREADABLE as error:
            raise ReadFailed(f"the balance cannot be read: {str(error)[:200]}") from None

    async def as_of(self) -> datetime:
        """Up to when orders, fills, positions and balance are told."""
        return await self.rest.read("/exchange/user_data_timestamp", read_as_of)

    async def cutoff(self) -> Cutoff:
        """What is older is in the archive alone."""
        return await self.rest.read("/historical/cutoff", read_cutoff)

    async def status(self) -> ExchangeStatus:
        """Whether the exchange trades."""
        return await self.rest.read("/exchange/status", read_exchange_status)

    async def limits(self) -> Limits:
        """The tier of this account, taken over for what is read from now on."""
        limits = await self.rest.read("/account/limits", read_limits)
        if limits.read.refill_rate > 0:
            # Half of it: the other half is for whoever else reads this account, such as a controller or a person.
            rate, capacity = limits.read.refill_rate // 2, limits.read.bucket_capacity // 2
            self.rest.bucket.resize(max(DEFAULT_COST, rate), max(DEFAULT_COST, capacity))
        return limits


def _query(**asked: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in asked.items() if value is not None}
