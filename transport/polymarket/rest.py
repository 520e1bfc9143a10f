"""Reads of Polymarket's APIs: patient with 425, 429 and what breaks, and whole or not at all.

Only what may be repeated. Orders go another way (`wire.py`), on which nothing is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar
from urllib.parse import urlencode

import httpx

from transport.feeds.port import FeedClock
from transport.kalshi.clock_offset import ClockOffset
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.replies import TOO_MANY, UNREADABLE, read_error
from venues.polymarket.signing import ApiCredentials

MAX_PAGES: Final = 200
"""An account with more is not what this reads."""

AGENT: Final = "arb"
JSON: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": AGENT}

_OK: Final = 200
_SERVER_ERROR: Final = 500
_TOO_EARLY: Final = 425

T = TypeVar("T")
Params = Mapping[str, str | int]


class ReadFailed(Exception):
    """What was asked is not known; says why. ``body`` is what the venue said, where it said anything."""

    def __init__(self, why: str, *, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(why)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class RestPolicy:
    """How patient reads are; tests make them hasty."""

    timeout_s: float = 5.0
    attempts: int = 4
    retry_base_s: float = 0.25
    budget_s: float = 30.0
    """Of one read with all its attempts; of a list, of each page."""
    tls: ssl.SSLContext | None = None


class PolymarketRest:
    """One HTTP client for all of the venue's hosts. Close it."""

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
        self.hosts = hosts
        self.credentials: ApiCredentials | None = None
        self._clock = clock
        self._rng = rng
        self._policy = policy or RestPolicy()
        self.offset = offset or ClockOffset("polymarket")
        # No proxy, no netrc: where a signed request goes is said by the configuration alone.
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(retries=0, trust_env=False, verify=self._policy.tls or client_tls()),
            timeout=self._policy.timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers=JSON,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

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
        try:
            async with asyncio.timeout(self._policy.budget_s):
                return await self._tried(host or self.hosts.clob, query, signed=signed, headers=headers or {})
        except TimeoutError:
            raise ReadFailed(f"no answer to GET {path} within {self._policy.budget_s:g} s") from None

    async def read(
        self, path: str, decode: Callable[[bytes], T], params: Params | None = None, *, signed: bool = False
    ) -> T:
        """The same, read. Raises :class:`ReadFailed`."""
        return decoded(path, decode, await self.get(path, params, signed=signed))

    async def every(
        self, path: str, decode: Callable[[bytes], tuple[list[T], str]], params: Params | None = None
    ) -> list[T]:
        """All pages of a list of ours, or :class:`ReadFailed`: a list without one of them is not a shorter list."""
        found: list[T] = []
        cursor, seen = "", set[str]()
        for number in range(1, MAX_PAGES + 1):
            query = dict(params or {}) | ({"next_cursor": cursor} if cursor else {})
            try:
                page, cursor = decoded(path, decode, await self.get(path, query, signed=True))
            except ReadFailed as error:
                why = f"incomplete: page {number} of {path}: {error}"
                raise ReadFailed(why, status=error.status, body=error.body) from None
            found += page
            if not cursor:
                return found
            if cursor in seen:
                raise ReadFailed(f"incomplete: {path} gives the same cursor again after page {number}")
            seen.add(cursor)
        raise ReadFailed(f"incomplete: {path} has more than {MAX_PAGES} pages")

    async def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200, asked for once. For what may be said twice: a heartbeat, an API key; never an order."""
        told = {"Content-Type": "application/json", **self._headers("POST", path, body, signed=headers is None)}
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                response = await self._http.post(
                    self.hosts.clob + path, content=body, headers=told | dict(headers or {})
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise _broken(error) from None
        if response.status_code != _OK:
            raise _refused(response)
        return response.content

    # -- inside ----------------------------------------------------------------------------------------------

    async def _tried(self, host: str, path: str, *, signed: bool, headers: Mapping[str, str]) -> bytes:
        failed = ReadFailed("not asked")
        for attempt in range(self._policy.attempts):
            if attempt:
                await asyncio.sleep(backoff(attempt, self._rng, base=self._policy.retry_base_s))
            sent_us = self._clock.unix_us()
            told = {**self._headers("GET", path, b"", signed=signed), **headers}
            try:
                response = await self._http.get(host + path, headers=told)
            except httpx.HTTPError as error:
                failed = _broken(error)
                continue
            self.offset.date(response.headers.get("date"), sent_us, self._clock.unix_us())
            if response.status_code == _OK:
                return response.content
            failed = _refused(response)
            if response.status_code < _SERVER_ERROR and response.status_code not in {TOO_MANY, _TOO_EARLY}:
                break
        raise failed

    def _headers(self, method: str, path: str, body: bytes, *, signed: bool) -> dict[str, str]:
        if not signed:
            return {}
        if self.credentials is None:
            raise ReadFailed("there are no API credentials yet: polymarket has not been reached")
        return self.credentials.headers(self._clock.unix_us() // 1_000_000, method, path, body)


def _broken(error: Exception) -> ReadFailed:
    # Its text may be empty, and never holds a header.
    return ReadFailed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _refused(response: httpx.Response) -> ReadFailed:
    words = read_error(response.content) or "without an error that can be read"
    return ReadFailed(
        f"polymarket answered {response.status_code}: {words}", status=response.status_code, body=response.content
    )


def decoded(path: str, decode: Callable[[bytes], T], body: bytes) -> T:
    """What the body says. Raises :class:`ReadFailed`."""
    try:
        return decode(body)
    except UNREADABLE as error:
        raise ReadFailed(f"the answer to GET {path} cannot be read: {str(error)[:200]}") from None
