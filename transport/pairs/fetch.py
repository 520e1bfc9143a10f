"""Reading the universe: what is too old is read again, from the venues or from files, and taken over whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from pairing.gamma import read_gamma
from pairing.kalshi import read_kalshi
from pairing.listing import Listing, ListingError, Unreadable
from protocol.terms import KALSHI, POLYMARKET, Platform
from transport.feeds.port import FeedClock
from transport.listing_file import ListingFileError, read_listing_file
from transport.pairs.book import Decision, Entry
from transport.pairs.errors import PairStoreError
from transport.pairs.store import PairStore
from transport.pairs.universe import Taken

MAX_UNREADABLE: Final = 0.5
"""A set of which more than this share makes no sense is a broken one: the venue speaks otherwise than we read."""

Read = Callable[[object], tuple[list[Listing], list[Unreadable]]]
_READERS: Final[dict[Platform, Read]] = {KALSHI: read_kalshi, POLYMARKET: read_gamma}


class Pages(Protocol):
    """A venue's public listings."""

    async def open_events(self) -> list[Any]:
        """Every open event with its markets."""

    async def events(self, names: Sequence[str], /) -> list[Any]:
        """These events with all of their markets."""

    async def close(self) -> None:
        """Close the connections."""


class Fetched(msgspec.Struct, frozen=True):
    """What one venue brought, and the pairs that this latched; ``taken`` None: not read, for this ``reason``."""

    platform: Platform
    taken: Taken | None
    latched: tuple[Decision, ...] = ()
    reason: str = ""


class Fetcher:
    """Reads both venues into one store; each by itself, so that one that is down keeps nothing of the other away."""

    def __init__(self, store: PairStore, clock: FeedClock) -> None:
        self._store = store
        self._clock = clock

    async def whole(self, platform: Platform, pages: Pages, source: str, *, max_age_us: int) -> Fetched:
        """All open markets, unless the last whole reading is younger than ``max_age_us``.

        Raises ``ReadFailed`` and :class:`PairStoreError`; then the store is as it was.
        """
        last = self._store.last(platform, whole=True)
        now = self._clock.unix_us()
        if last is not None and now - last.t_us < max_age_us:
            return Fetched(platform, None, reason="what is stored is young enough (--max-age 0 reads it again)")
        return self._take(platform, await pages.open_events(), source, now, whole=True)

    async def changed(
        self, platform: Platform, pages: Pages, since: Callable[[int], Awaitable[list[str] | None]], source: str
    ) -> Fetched | None:
        """Only what the venue says has changed since the last reading; None where only a whole reading will do."""
        last = self._store.last(platform, whole=True)
        if last is None:
            return None
        newest = self._store.last(platform)
        t_us = last.t_us if newest is None or newest.source != source else newest.t_us
        now = self._clock.unix_us()
        names = await since(t_us)
        if names is None:
            return None
        return self._take(platform, await pages.events(names) if names else [], source, now, whole=False)

    async def again(self, platform: Platform, pages: Pages, source: str, entries: Iterable[Entry]) -> Fetched:
        """The markets of these pairs alone, with their events."""
        markets: list[str] = []
        events: dict[str, None] = {}
        for entry in entries:
            kept = self._store.sides(entry)[0 if platform == KALSHI else 1]
            if kept is not None:
                markets.append(kept.listing.market_id)
                events[kept.listing.event_id] = None
        now = self._clock.unix_us()
        if not markets:
            return Fetched(platform, None, reason="no pair with a market there was approved")
        return self._take(platform, await pages.events(list(events)), source, now, whole=False, asked=markets)

    def file(self, path: Path) -> Fetched:
        """The markets of a saved answer of either venue. Raises :class:`PairStoreError` naming the file."""
        try:
            listings, unreadable = read_listing_file(path, read_either)
        except ListingFileError as error:
            raise PairStoreError(str(error)) from None
        if not listings:
            why = f": {unreadable[0].where}: {unreadable[0].reason}" if unreadable else ""
            raise PairStoreError(f"{path}: no market in it{why}")
        now = self._clock.unix_us()
        return self._keep(listings[0].platform, listings, unreadable, str(path), now, whole=False)

    def _take(
        self,
        platform: Platform,
        document: object,
        source: str,
        t_us: int,
        *,
        whole: bool,
        asked: Sequence[str] = (),
    ) -> Fetched:
        try:
            listings, unreadable = _READERS[platform](document)
        except ListingError as error:
            raise PairStoreError(f"{source}: {error}") from None
        return self._keep(platform, listings, unreadable, source, t_us, whole=whole, asked=asked)

    def _keep(
        self,
        platform: Platform,
        listings: Sequence[Listing],
        unreadable: Sequence[Unreadable],
        source: str,
        t_us: int,
        *,
        whole: bool,
        asked: Sequence[str] = (),
    ) -> Fetched:
        if len(unreadable) > MAX_UNREADABLE * (len(listings) + len(unreadable)):
            first = unreadable[0]
            raise PairStoreError(
                f"{platform}: {len(unreadable)} of {len(listings) + len(unreadable)} markets cannot be read, and "
                f"nothing was changed; the first is {first.where}: {first.reason}"
            )
        taken, latched = self._store.take(
            platform, listings, t_us=t_us, source=source, whole=whole, unreadable=len(unreadable), asked=asked
        )
        return Fetched(platform, taken, tuple(latched))


def read_either(document: object) -> tuple[list[Listing], list[Unreadable]]:
    """An answer of either venue. Raises :class:`ListingError` where it is neither's."""
    platform = platform_of(document)
    if platform is None:
        raise ListingError("neither Kalshi's /events or /markets nor Polymarket's (Gamma)")
    return _READERS[platform](document)


def platform_of(document: object) -> Platform | None:
    """Whose answer this is, by the names of its fields."""
    for event in _samples(document):
        if "event_ticker" in event or ("ticker" in event and not event.keys() & {"slug", "conditionId"}):
            return KALSHI
        if event.keys() & {"conditionId", "slug", "negRisk"}:
            return POLYMARKET
    return None


def _samples(document: object) -> Iterable[dict[str, Any]]:
    """Some objects of the answer, from the outside in."""
    if isinstance(document, list):
        for part in document[:3]:
            yield from _samples(part)
    elif isinstance(document, dict):
        yield document
        for name in ("events", "markets", "data", "event", "market"):
            yield from _samples(document.get(name))
