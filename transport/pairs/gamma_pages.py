"""Polymarket's public listings (Gamma), page by page: within the pace, patient, and whole or not at all. No key."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from transport.feeds.port import FeedClock
from transport.polymarket.http import HttpPolicy, PublicHttp, ReadFailed
from venues.polymarket.hosts import PolymarketHosts

PAGE: Final = 40
"""Gamma gives up to 100; but a game has fifty markets in 180 KB, and no answer of more than 16 MiB is read."""

MAX_PAGES: Final = 2_000
APART_US: Final = 100_000
"""A fifth of what Gamma allows one address (500 requests within 10 s), as others may share ours."""

_NO_CURSOR: Final = frozenset({"", "LTE="})
"""How the end of a list is said: nothing, or -1 in base64."""

_EVENTS: Final = "/events/keyset"


class GammaPages:
    """One connection. Close it."""

    def __init__(
        self, hosts: PolymarketHosts, clock: FeedClock, *, rng: Random, policy: HttpPolicy | None = None
    ) -> None:
        patient = policy or HttpPolicy(timeout_s=15.0, attempts=4, apart_us=APART_US)
        self._http = PublicHttp(hosts.gamma, clock, rng=rng, policy=patient)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def open_events(self) -> list[Any]:
        """Every open event with its markets. Raises :class:`ReadFailed` where a page is missing."""
        return await self._every([("closed", "false")])

    async def events(self, ids: Sequence[str]) -> list[Any]:
        """These events with all of their markets; one that is not there is left out."""
        found: list[Any] = []
        for start in range(0, len(ids), PAGE):
            found += await self._every([("id", each) for each in ids[start : start + PAGE]])
        wanted = set(ids)
        return [event for event in found if isinstance(event, dict) and str(event.get("id")) in wanted]

    async def _every(self, query: Sequence[tuple[str, str]]) -> list[Any]:
        found: list[Any] = []
        cursor, seen = "", set[str]()
        for number in range(1, MAX_PAGES + 1):
            after = [("after_cursor", cursor)] if cursor else []
            try:
                page, cursor = _page(await self._http.get(_EVENTS, [("limit", str(PAGE)), *query, *after]))
            except ReadFailed as error:
                why = f"incomplete: page {number} of polymarket's events: {error}"
                raise ReadFailed(why, status=error.status) from None
            found += page
            if cursor in _NO_CURSOR:
                return found
            if cursor in seen:
                raise ReadFailed(f"incomplete: polymarket gives the same cursor again after page {number}")
            seen.add(cursor)
        raise ReadFailed(f"incomplete: polymarket lists more than {MAX_PAGES} pages of events")


def _page(body: bytes) -> tuple[list[Any], str]:
    """The events of a page, and the cursor of the next; empty: this was the last."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ReadFailed(f"the answer cannot be read: {str(error)[:200]}") from None
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise ReadFailed("the answer is no page of events")
    cursor = document.get("next_cursor") or ""
    if not isinstance(cursor, str):
        raise ReadFailed("the cursor is no text")
    return events, cursor
