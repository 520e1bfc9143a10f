"""Kalshi's public listings: events with their markets, and the fees of their series; whole or not at all. No key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Final
from urllib.parse import quote

import msgspec

from transport.feeds.port import FeedClock
from transport.kalshi.bucket import BASIC_READ, DEFAULT_COST
from transport.kalshi.rest import KalshiRest
from transport.venue_rest import ReadFailed, RestPolicy
from venues.kalshi.hosts import Hosts

EVENTS: Final = 200
"""Events of one page, the most that Kalshi gives."""

OVERLAP_S: Final = 60
"""What changed shortly before the last reading is asked for again: clocks differ, and reads lag behind writes."""

MAX_SINGLE: Final = 300
"""More changed events than this are not asked for one by one: reading all of them is sooner done."""

_NOT_FOUND: Final = 404
_FROM_SERIES: Final = ("fee_type", "fee_multiplier", "settlement_sources", "category")


class KalshiPages:
    """What everybody may read, at half of the pace of the smallest account. Close it."""

    def __init__(self, hosts: Hosts, clock: FeedClock, *, rng: Random, policy: RestPolicy | None = None) -> None:
        patient = policy or RestPolicy(timeout_s=30.0, budget_s=120.0)
        self._rest = KalshiRest(hosts, None, clock, rng=rng, policy=patient)
        self._rest.bucket.resize(BASIC_READ // 2, DEFAULT_COST)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def open_events(self) -> list[Any]:
        """Every open event with its markets, none of them a combination; fees and sources as its series has them."""
        query: dict[str, str | int] = {"limit": EVENTS, "status": "open", "with_nested_markets": "true"}
        events = await self._rest.every("/events", _events, query)
        series = {str(each.get("ticker")): each for each in await self._rest.read("/series", _series_list)}
        return [_with(event, series.get(str(event.get("series_ticker")))) for event in events]

    async def changed_since(self, t_us: int) -> list[str] | None:
        """The events of the markets whose terms changed since then; None: too many to be asked for singly."""
        since = t_us // 1_000_000 - OVERLAP_S
        query: dict[str, str | int] = {"min_updated_ts": since, "mve_filter": "exclude"}
        markets = await self._rest.every("/markets", _markets, query)
        events = dict.fromkeys(str(each.get("event_ticker")) for each in markets if each.get("event_ticker"))
        return list(events) if len(events) <= MAX_SINGLE else None

    async def events(self, tickers: Iterable[str]) -> list[Any]:
        """These events with their markets; one that is not there is left out."""
        found: list[Any] = []
        series: dict[str, Mapping[str, Any]] = {}
        for ticker in tickers:
            try:
                path = f"/events/{quote(ticker, safe='')}"
                event = await self._rest.read(path, _event, {"with_nested_markets": "true"})
            except ReadFailed as error:
                if error.status == _NOT_FOUND:
                    continue
                raise
            name = str(event.get("series_ticker"))
            if name not in series:
                series[name] = await self._rest.read(f"/series/{quote(name, safe='')}", _series)
            found.append(_with(event, series[name]))
        return found


def _with(event: Mapping[str, Any], series: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an event leaves to its series."""
    inherited = {name: series[name] for name in _FROM_SERIES if series and series.get(name)}
    return inherited | {name: value for name, value in event.items() if value or name not in inherited}


def _document(body: bytes) -> dict[str, Any]:
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise msgspec.ValidationError("an object was expected")
    return document


def _list(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise msgspec.ValidationError(f"{name}: a list of objects was expected")
    return found


def _events(body: bytes) -> tuple[list[dict[str, Any]], str]:
    document = _document(body)
    return _list(document, "events"), str(document.get("cursor") or "")


def _markets(body: bytes) -> tuple[list[dict[str, Any]], str]:
    document = _document(body)
    return _list(document, "markets"), str(document.get("cursor") or "")


def _series_list(body: bytes) -> list[dict[str, Any]]:
    return _list(_document(body), "series")


def _event(body: bytes) -> dict[str, Any]:
    document = _document(body)
    event = document.get("event")
    if not isinstance(event, dict):
        raise msgspec.ValidationError("event: an object was expected")
    return event if event.get("markets") else {**event, "markets": document.get("markets") or []}


def _series(body: bytes) -> dict[str, Any]:
    series = _document(body).get("series")
    if not isinstance(series, dict):
        raise msgspec.ValidationError("series: an object was expected")
    return series
