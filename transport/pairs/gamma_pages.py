"""Polymarket's public listings (Gamma), page by page: within the pace, patient, and whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

import httpx
import msgspec

from transport.feeds.port import FeedClock
from transport.kalshi.bucket import TokenBucket
from transport.kalshi.rest import ReadFailed, RestPolicy
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff

PAGE: Final = 100
"""The most that Gamma gives at once."""

MAX_PAGES: Final = 2_000
PER_SECOND: Final = 10
"""A fifth of what Gamma allows one address (500 requests within 10 s), as others may share ours."""

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_NO_CURSOR: Final = frozenset({"", "LTE="})
"""How the end of a list is said: nothing, or -1 in base64."""

Params = Mapping[str, str | int] | Sequence[tuple[str, str]]


class GammaPages:
    """One HTTP client. Close it."""

    def __init__(self, url: str, clock: FeedClock, *, rng: Random, policy: RestPolicy | None = None) -> None:
        self._clock = clock
        self._rng = rng
        self._policy = policy or RestPolicy(timeout_s=15.0)
        self._bucket = TokenBucket(PER_SECOND)
        self._url = url
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(retries=0, trust_env=False, verify=self._policy.tls or client_tls()),
            timeout=self._policy.timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "arb"},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def open_events(self) -> list[Any]:
        """Every open event with its markets. Raises :class:`ReadFailed` where a page is missing."""
        found: list[Any] = []
        cursor, seen = "", set[str]()
        for number in range(1, MAX_PAGES + 1):
            query: dict[str, str | int] = {"limit": PAGE, "closed": "false"}
            if cursor:
                query["after_cursor"] = cursor
            try:
                page, cursor = _page(await self._get("/events/keyset", query))
            except ReadFailed as error:
                raise ReadFailed(f"incomplete: page {number} of polymarket's events: {error}") from None
            found += page
            if cursor in _NO_CURSOR:
                return found
            if cursor in seen:
                raise ReadFailed(f"incomplete: polymarket gives the same cursor again after page {number}")
            seen.add(cursor)
        raise ReadFailed(f"incomplete: polymarket lists more than {MAX_PAGES} pages of events")

    async def events(self, ids: Sequence[str]) -> list[Any]:
        """These events with all of their markets; one that is not there is left out."""
        found: list[Any] = []
        for start in range(0, len(ids), PAGE):
            query = [("limit", str(PAGE)), *(("id", each) for each in ids[start : start + PAGE])]
            page, _ = _page(await self._get("/events/keyset", query))
            found += page
        return found

    # -- inside ----------------------------------------------------------------------------------------------

    async def _get(self, path: str, params: Params) -> bytes:
        try:
            async with asyncio.timeout(self._policy.budget_s):
                return await self._tried(path, params)
        except TimeoutError:
            raise ReadFailed(f"no answer from polymarket within {self._policy.budget_s:g} s") from None

    async def _tried(self, path: str, params: Params) -> bytes:
        failed = ReadFailed("not asked")
        for attempt in range(self._policy.attempts):
            if attempt:
                await asyncio.sleep(backoff(attempt, self._rng, base=self._policy.retry_base_s))
            while wait := self._bucket.wait_us(1, self._clock.mono_us()):  # noqa: ASYNC110 -- time is what it waits for
                await asyncio.sleep(wait / 1_000_000)
            self._bucket.take(1, self._clock.mono_us())
            try:
                response = await self._http.get(f"{self._url}{path}", params=_sent(params))
            except httpx.HTTPError as error:
                failed = ReadFailed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
                continue
            if response.status_code == _OK:
                return response.content
            failed = ReadFailed(f"polymarket answered {response.status_code}", status=response.status_code)
            if response.status_code == _TOO_MANY:
                self._bucket.drain(self._clock.mono_us())
            elif response.status_code < _SERVER_ERROR:
                break
        raise failed


def _sent(params: Params) -> httpx.QueryParams:
    return httpx.QueryParams(dict(params) if isinstance(params, Mapping) else list(params))


def _page(body: bytes) -> tuple[list[Any], str]:
    """The events of a page, and the cursor of the next; empty: this was the last."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ReadFailed(f"the answer of polymarket cannot be read: {str(error)[:200]}") from None
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise ReadFailed("the answer of polymarket is no page of events")
    cursor = document.get("next_cursor") or ""
    if not isinstance(cursor, str):
        raise ReadFailed("the cursor of polymarket is no text")
    return events, cursor
