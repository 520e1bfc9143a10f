"""Reads of a venue's REST API: patient with what breaks and with who is busy, and whole or not at all.

Only what may be repeated. Orders go another way (`transport/kalshi/order_wire.py`), on which nothing is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Final, TypeVar

import httpx

from transport.feeds.port import FeedClock
from transport.kalshi.clock_offset import ClockOffset
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff

MAX_PAGES: Final = 200
"""An account with more is not what this reads."""

OK: Final = 200
_SERVER_ERROR: Final = 500

T = TypeVar("T")
Params = Mapping[str, str | int]


class ReadFailed(Exception):
    """What was asked is not known; says why. ``code``, ``body``: the venue's own words, where it said anything.

    ``unreadable``: there was an answer, and it makes no sense.
    """

    def __init__(
        self,
        why: str,
        *,
        status: int | None = None,
        code: str | None = None,
        body: bytes = b"",
        unreadable: bool = False,
    ) -> None:
        super().__init__(why)
        self.status = status
        self.code = code
        self.body = body
        self.unreadable = unreadable

    def within(self, where: str) -> ReadFailed:
        """The same of something larger that it was a part of."""
        return ReadFailed(
            f"{where}: {self}", status=self.status, code=self.code, body=self.body, unreadable=self.unreadable
        )


@dataclass(frozen=True, slots=True)
class RestPolicy:
    """How patient reads are; tests make them hasty."""

    timeout_s: float = 5.0
    attempts: int = 4
    retry_base_s: float = 0.25
    budget_s: float = 30.0
    """Of one read with all its attempts; of a list, of each page."""
    tls: ssl.SSLContext | None = None


class VenueRest:
    """One HTTP client. Close it."""

    busy: ClassVar[Collection[int]]
    """Statuses below 500 after which it is worth asking again."""

    def __init__(
        self,
        clock: FeedClock,
        *,
        rng: Random,
        policy: RestPolicy | None,
        offset: ClockOffset,
        headers: Mapping[str, str],
        base_url: str = "",
    ) -> None:
        self.offset = offset
        self._clock = clock
        self._rng = rng
        self._policy = policy or RestPolicy()
        # No proxy, no netrc: where a signed request goes is said by the configuration alone.
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=httpx.AsyncHTTPTransport(retries=0, trust_env=False, verify=self._policy.tls or client_tls()),
            timeout=self._policy.timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers=headers,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _refused(self, response: httpx.Response) -> ReadFailed:
        """What the venue said instead of an answer."""
        raise NotImplementedError

    async def _tried(self, path: str, ask: Callable[[], Awaitable[httpx.Response]]) -> bytes:
        """The body of a 200, within the budget. Raises :class:`ReadFailed`, in which ``path`` is named."""
        try:
            async with asyncio.timeout(self._policy.budget_s):
                return await self._repeated(ask)
        except TimeoutError:
            raise ReadFailed(f"no answer to GET {path} within {self._policy.budget_s:g} s") from None

    async def _repeated(self, ask: Callable[[], Awaitable[httpx.Response]]) -> bytes:
        failed = ReadFailed("not asked")
        for attempt in range(self._policy.attempts):
            if attempt:
                await asyncio.sleep(backoff(attempt, self._rng, base=self._policy.retry_base_s))
            try:
                response = await ask()
            except httpx.HTTPError as error:
                failed = broken(error)
                continue
            if response.status_code == OK:
                return response.content
            failed = self._refused(response)
            if response.status_code < _SERVER_ERROR and response.status_code not in self.busy:
                break
        raise failed

    async def _once(
        self, url: str, params: Params | None, headers_at: Callable[[int], Mapping[str, str]]
    ) -> httpx.Response:
        """One request, signed for the time at which it leaves (unix microseconds)."""
        sent_us = self._clock.unix_us()
        response = await self._http.get(url, params=params, headers=headers_at(sent_us))
        self.offset.date(response.headers.get("date"), sent_us, self._clock.unix_us())
        return response

    @staticmethod
    async def _all(path: str, page_at: Callable[[str], Awaitable[tuple[list[T], str]]]) -> list[T]:
        """All pages of a list, or :class:`ReadFailed`: a list of which one page is missing is not a shorter list."""
        found: list[T] = []
        cursor, seen = "", set[str]()
        for number in range(1, MAX_PAGES + 1):
            try:
                page, cursor = await page_at(cursor)
            except ReadFailed as error:
                raise error.within(f"incomplete: page {number} of {path}") from None
            found += page
            if not cursor:
                return found
            if cursor in seen:
                raise ReadFailed(f"incomplete: {path} gives the same cursor again after page {number}")
            seen.add(cursor)
        raise ReadFailed(f"incomplete: {path} has more than {MAX_PAGES} pages")


def broken(error: Exception) -> ReadFailed:
    """What became of the connection; its text may be empty, and never holds a header."""
    return ReadFailed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def decoded(path: str, decode: Callable[[bytes], T], body: bytes, unreadable: tuple[type[Exception], ...]) -> T:
    """What the body says. Raises :class:`ReadFailed`."""
    try:
        return decode(body)
    except unreadable as error:
        raise ReadFailed(f"the answer to GET {path} cannot be read: {str(error)[:200]}", unreadable=True) from None
