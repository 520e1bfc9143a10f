"""Signed reads: within the rate limits, patient with 429 and with what breaks, and whole or not at all.

Only reads: what may be repeated. Orders go another way (`order_wire.py`), on which nothing is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

import httpx

from transport.feeds.port import FeedClock
from transport.kalshi.bucket import BASIC_READ, DEFAULT_COST, TokenBucket
from transport.kalshi.clock_offset import ClockOffset
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff
from venues.kalshi.hosts import API, Hosts
from venues.kalshi.replies import CLOCK, TOO_MANY, UNREADABLE, Refusal, read_error
from venues.kalshi.signing import Credentials

MAX_PAGES: Final = 200
"""Of a thousand entries each; an account with more is not what this reads."""

PAGE: Final = 1_000

_OK: Final = 200
_SERVER_ERROR: Final = 500

T = TypeVar("T")
Params = Mapping[str, str | int]


class ReadFailed(Exception):
    """What was asked is not known; says why. ``code`` is Kalshi's own word for it, where it gave one.

    ``unreadable``: there was an answer, and it makes no sense.
    """

    def __init__(
        self, why: str, *, status: int | None = None, code: str | None = None, unreadable: bool = False
    ) -> None:
        super().__init__(why)
        self.status = status
        self.code = code
        self.unreadable = unreadable


@dataclass(frozen=True, slots=True)
class RestPolicy:
    """How patient reads are; tests make them hasty."""

    timeout_s: float = 5.0
    attempts: int = 4
    retry_base_s: float = 0.25
    budget_s: float = 30.0
    """Of one read with all its attempts; of a list, of each page."""
    tls: ssl.SSLContext | None = None


class KalshiRest:
    """One HTTP client. Close it."""

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
        self._credentials = credentials
        self._clock = clock
        self._rng = rng
        self._policy = policy or RestPolicy()
        self.offset = offset or ClockOffset()
        self.bucket = TokenBucket(BASIC_READ)
        # No proxy, no netrc: where a signed request goes is said by the configuration alone.
        self._http = httpx.AsyncClient(
            base_url=hosts.rest,
            transport=httpx.AsyncHTTPTransport(retries=0, trust_env=False, verify=self._policy.tls or client_tls()),
            timeout=self._policy.timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Content-Type": "application/json",
                "User-Agent": "arb",
            },
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(
        self, path: str, params: Params | None = None, *, cost: int = DEFAULT_COST, bucket: TokenBucket | None = None
    ) -> bytes:
        """The body of a 200. Raises :class:`ReadFailed`. ``path`` begins after the API's own prefix."""
        try:
            async with asyncio.timeout(self._policy.budget_s):
                return await self._tried(f"{API}{path}", params, cost, bucket or self.bucket)
        except TimeoutError:
            raise ReadFailed(f"no answer to GET {path} within {self._policy.budget_s:g} s") from None

    async def read(self, path: str, decode: Callable[[bytes], T], params: Params | None = None) -> T:
        """The same, read. Raises :class:`ReadFailed`."""
        return _decoded(path, decode, await self.get(path, params))

    async def every(
        self, path: str, decode: Callable[[bytes], tuple[list[T], str]], params: Params | None = None
    ) -> list[T]:
        """All pages of a list, or :class:`ReadFailed`: a list of which one page is missing is not a shorter list."""
        found: list[T] = []
        cursor, seen = "", set[str]()
        for number in range(1, MAX_PAGES + 1):
            query: dict[str, str | int] = {"limit": PAGE, **(params or {})}
            if cursor:
                query["cursor"] = cursor
            try:
                page, cursor = _decoded(path, decode, await self.get(path, query))
            except ReadFailed as error:
                why = f"incomplete: page {number} of {path}: {error}"
                status, code, unreadable = error.status, error.code, error.unreadable
                raise ReadFailed(why, status=status, code=code, unreadable=unreadable) from None
            found += page
            if not cursor:
                return found
            if cursor in seen:
                raise ReadFailed(f"incomplete: {path} gives the same cursor again after page {number}")
            seen.add(cursor)
        raise ReadFailed(f"incomplete: {path} has more than {MAX_PAGES} pages")

    # -- inside ----------------------------------------------------------------------------------------------

    async def _tried(self, path: str, params: Params | None, cost: int, bucket: TokenBucket) -> bytes:
        failed = ReadFailed("not asked")
        for attempt in range(self._policy.attempts):
            if attempt:
                await asyncio.sleep(backoff(attempt, self._rng, base=self._policy.retry_base_s))
            while wait := bucket.wait_us(cost, self._clock.mono_us()):  # noqa: ASYNC110 -- time is what it waits for
                await asyncio.sleep(wait / 1_000_000)
            bucket.take(cost, self._clock.mono_us())
            try:
                response = await self._once(path, params)
            except httpx.HTTPError as error:
                # Its text may be empty, and never holds a header.
                failed = ReadFailed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
                continue
            if response.status_code == _OK:
                return response.content
            failed = _refused(response)
            if response.status_code == TOO_MANY:
                bucket.drain(self._clock.mono_us())
            elif response.status_code < _SERVER_ERROR:
                break
        raise failed

    async def _once(self, path: str, params: Params | None) -> httpx.Response:
        sent_us = self._clock.unix_us()
        headers = {} if self._credentials is None else self._credentials.headers(sent_us // 1_000, "GET", path)
        response = await self._http.get(path, params=params, headers=headers)
        self.offset.date(response.headers.get("date"), sent_us, self._clock.unix_us())
        return response


def _refused(response: httpx.Response) -> ReadFailed:
    refusal: Refusal | None = read_error(response.content)
    code = None if refusal is None else refusal.code
    why = f"kalshi answered {response.status_code}: {refusal or 'without an error that can be read'}"
    return ReadFailed(why, status=response.status_code, code=code)


def _decoded(path: str, decode: Callable[[bytes], T], body: bytes) -> T:
    try:
        return decode(body)
    except UNREADABLE as error:
        why = f"the answer to GET {path} cannot be read: {str(error)[:200]}"
        raise ReadFailed(why, unreadable=True) from None


def clock_wrong(error: ReadFailed) -> bool:
    """Whether Kalshi refused it because of our clock."""
    return error.code == CLOCK
