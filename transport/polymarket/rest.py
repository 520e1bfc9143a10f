"""Reads of Polymarket's APIs, and what may be posted twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Final
from urllib.parse import urlencode

import httpx

from transport.feeds.port import FeedClock
from transport.kalshi.clock_offset import ClockOffset
from transport.venue_rest import OK, Params, ReadFailed, RestPolicy, T, VenueRest, broken
from transport.venue_rest import decoded as decoded_of
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.replies import TOO_MANY, UNREADABLE, read_error
from venues.polymarket.signing import ApiCredentials

AGENT: Final = "arb"
JSON: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": AGENT}

_TOO_EARLY: Final = 425


class PolymarketRest(VenueRest):
    """One HTTP client for all of the venue's hosts. Close it."""

    busy = (TOO_MANY, _TOO_EARLY)

    def __init__(
        self,
        hosts: PolymarketHosts,
        clock: FeedClock,
        *,
        rng: Random,
        policy: RestPolicy | None = None,
        offset: ClockOffset | None = None,
    ) -> None:
        """Nobody's at first: what is public can be read before there are credentials."""
        super().__init__(clock, rng=rng, policy=policy, offset=offset or ClockOffset("polymarket"), headers=JSON)
        self.hosts = hosts
        self.credentials: ApiCredentials | None = None

    async def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        signed: bool = False,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a 200. Raises :class:`ReadFailed`. ``host``: another than that of the order book."""
        query = f"{path}?{urlencode(params)}" if params else path
        url = f"{host or self.hosts.clob}{query}"

        def headers_at(now_us: int) -> dict[str, str]:
            return {**self._headers("GET", query, b"", now_us, signed=signed), **(headers or {})}

        return await self._tried(path, lambda: self._once(url, None, headers_at))

    async def read(
        self, path: str, decode: Callable[[bytes], T], params: Params | None = None, *, signed: bool = False
    ) -> T:
        """The same, read. Raises :class:`ReadFailed`."""
        return decoded(path, decode, await self.get(path, params, signed=signed))

    async def every(
        self, path: str, decode: Callable[[bytes], tuple[list[T], str]], params: Params | None = None
    ) -> list[T]:
        """All pages of a list of ours, or :class:`ReadFailed`: a list without one of them is not a shorter list."""

        async def page_at(cursor: str) -> tuple[list[T], str]:
            query = dict(params or {}) | ({"next_cursor": cursor} if cursor else {})
            return await self.read(path, decode, query, signed=True)

        return await self._all(path, page_at)

    async def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200, asked for once. For what may be said twice: a heartbeat, an API key; never an order."""
        now_us = self._clock.unix_us()
        told = {"Content-Type": "application/json", **self._headers("POST", path, body, now_us, signed=headers is None)}
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                response = await self._http.post(
                    self.hosts.clob + path, content=body, headers=told | dict(headers or {})
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise broken(error) from None
        if response.status_code != OK:
            raise self._refused(response)
        return response.content

    # -- inside ----------------------------------------------------------------------------------------------

    def _headers(self, method: str, path: str, body: bytes, now_us: int, *, signed: bool) -> dict[str, str]:
        if not signed:
            return {}
        if self.credentials is None:
            raise ReadFailed("there are no API credentials yet: polymarket has not been reached")
        return self.credentials.headers(now_us // 1_000_000, method, path, body)

    def _refused(self, response: httpx.Response) -> ReadFailed:
        words = read_error(response.content) or "without an error that can be read"
        why = f"polymarket answered {response.status_code}: {words}"
        return ReadFailed(why, status=response.status_code, body=response.content)


def decoded(path: str, decode: Callable[[bytes], T], body: bytes) -> T:
    """What the body says. Raises :class:`ReadFailed`."""
    return decoded_of(path, decode, body, UNREADABLE)
