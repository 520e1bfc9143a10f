"""What can be asked of Polymarket without a key: books, the terms of markets, its clock."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final
from urllib.parse import quote

from transport.feeds.port import FeedClock
from transport.polymarket.http import HttpPolicy, PublicHttp, ReadFailed
from venues.polymarket.book import BookReply, UnreadableBooks, read_books
from venues.polymarket.commands import ask_books
from venues.polymarket.facts import MarketFacts, UnreadableFacts, read_clob, read_condition, read_gamma
from venues.polymarket.feed import PolymarketDecoder
from venues.polymarket.hosts import PolymarketHosts

BOOKS: Final = 100
"""Books of one question; the venue takes 500, whose answer would be megabytes."""

MARKETS: Final = 25
"""Tokens of one question to Gamma: longer ones would not fit into a URL everywhere."""

_NOT_FOUND: Final = 404


class PublicReads:
    """Each answer whole, or :class:`ReadFailed`. Close it."""

    def __init__(
        self, hosts: PolymarketHosts, clock: FeedClock, *, rng: Random, policy: HttpPolicy | None = None
    ) -> None:
        self._clob = PublicHttp(hosts.clob, clock, rng=rng, policy=policy)
        self._gamma = PublicHttp(hosts.gamma, clock, rng=rng, policy=policy)
        self._decoder = PolymarketDecoder()

    async def close(self) -> None:
        """Close the connections."""
        await self._clob.close()
        await self._gamma.close()

    async def books(self, tokens: Sequence[str]) -> dict[str, BookReply]:
        """At most :data:`BOOKS` books, by token; what the venue does not know is not among them."""
        body = await self._clob.post("/books", ask_books(tokens[:BOOKS]))
        try:
            return read_books(body, self._decoder)
        except UnreadableBooks as error:
            raise ReadFailed(str(error)) from None

    async def time_s(self) -> int:
        """The venue's clock in unix seconds, rounded down."""
        body = (await self._clob.get("/time")).strip(b' \r\n"')
        if not body.isdigit() or len(body) > 11:  # noqa: PLR2004 -- digits of a date in the year 5138
            raise ReadFailed(f"no time: {body[:40]!r}")
        return int(body)

    async def rows(self, tokens: Sequence[str]) -> list[MarketFacts]:
        """What Gamma has of the markets of these tokens, at most :data:`MARKETS` of them."""
        query = [("limit", str(MARKETS)), *(("clob_token_ids", token) for token in tokens[:MARKETS])]
        try:
            return read_gamma(await self._gamma.get("/markets/keyset", query))
        except UnreadableFacts as error:
            raise ReadFailed(str(error)) from None

    async def condition(self, token: str) -> str | None:
        """The market of a token; None where the venue knows no such token."""
        try:
            return read_condition(await self._clob.get(f"/markets-by-token/{quote(token, safe='')}"))
        except UnreadableFacts as error:
            raise ReadFailed(str(error)) from None
        except ReadFailed as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def market(self, condition: str) -> MarketFacts | None:
        """What orders on this market are judged by; None where there is no such market."""
        try:
            return read_clob(await self._clob.get(f"/clob-markets/{quote(condition, safe='')}"))
        except UnreadableFacts as error:
            raise ReadFailed(str(error)) from None
        except ReadFailed as error:
            if error.status == _NOT_FOUND:
                return None
            raise
