"""Signed reads of Kalshi's REST API, within its rate limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

import httpx

from transport.feeds.port import FeedClock
from transport.kalshi.bucket import BASIC_READ, DEFAULT_COST, TokenBucket
from transport.kalshi.clock_offset import ClockOffset
from transport.venue_rest import Params, ReadFailed, RestPolicy, T, VenueRest, decoded
from venues.kalshi.hosts import API, Hosts
from venues.kalshi.replies import CLOCK, TOO_MANY, UNREADABLE, Refusal, read_error
from venues.kalshi.signing import Credentials

PAGE: Final = 1_000

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "arb",
}


class KalshiRest(VenueRest):
    """One HTTP client. Close it."""

    busy = (TOO_MANY,)

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials | None,
        clock: FeedClock,
        *,
        rng: Random,
        policy: RestPolicy | None = None,
        offset: ClockOffset | None = None,
    ) -> None:
        """Without ``credentials`` what is public can be read."""
        super().__init__(
            clock, rng=rng, policy=policy, offset=offset or ClockOffset(), headers=_HEADERS, base_url=hosts.rest
        )
        self._credentials = credentials
        self.bucket = TokenBucket(BASIC_READ)

    async def get(
        self, path: str, params: Params | None = None, *, cost: int = DEFAULT_COST, bucket: TokenBucket | None = None
    ) -> bytes:
        """The body of a 200. Raises :class:`ReadFailed`. ``path`` begins after the API's own prefix."""
        return await self._tried(path, lambda: self._paced(f"{API}{path}", params, cost, bucket or self.bucket))

    async def read(self, path: str, decode: Callable[[bytes], T], params: Params | None = None) -> T:
        """The same, read. Raises :class:`ReadFailed`."""
        return decoded(path, decode, await self.get(path, params), UNREADABLE)

    async def every(
        self, path: str, decode: Callable[[bytes], tuple[list[T], str]], params: Params | None = None
    ) -> list[T]:
        """All pages of a list, or :class:`ReadFailed`: a list of which one page is missing is not a shorter list."""

        async def page_at(cursor: str) -> tuple[list[T], str]:
            query: dict[str, str | int] = {"limit": PAGE, **(params or {})}
            if cursor:
                query["cursor"] = cursor
            return await self.read(path, decode, query)

        return await self._all(path, page_at)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _paced(self, path: str, params: Params | None, cost: int, bucket: TokenBucket) -> httpx.Response:
        while wait := bucket.wait_us(cost, self._clock.mono_us()):  # noqa: ASYNC110 -- time is what it waits for
            await asyncio.sleep(wait / 1_000_000)
        bucket.take(cost, self._clock.mono_us())
        response = await self._once(path, params, lambda now_us: self._signed(path, now_us))
        if response.status_code == TOO_MANY:
            bucket.drain(self._clock.mono_us())
        return response

    def _signed(self, path: str, now_us: int) -> dict[str, str]:
        return {} if self._credentials is None else self._credentials.headers(now_us // 1_000, "GET", path)

    def _refused(self, response: httpx.Response) -> ReadFailed:
        refusal: Refusal | None = read_error(response.content)
        code = None if refusal is None else refusal.code
        why = f"kalshi answered {response.status_code}: {refusal or 'without an error that can be read'}"
        return ReadFailed(why, status=response.status_code, code=code)


def clock_wrong(error: ReadFailed) -> bool:
    """Whether Kalshi refused it because of our clock."""
    return error.code == CLOCK
