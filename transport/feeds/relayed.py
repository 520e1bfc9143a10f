"""A trader's own feed, run for its relay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from market.events import FeedEnded
from protocol.terms import Platform
from transport.feeds.port import Deliver, FeedPort
from transport.logs import log_event


@runtime_checkable
class AskedFeed(Protocol):
    """A feed of one platform that brings what it is asked for, and not just everything."""

    def watch(self, markets: Iterable[str]) -> None:
        """From now on these markets, and no others."""


class RelayedFeed:
    """Runs a feed, and passes on to it which books the controller wants. Implements ``BookSource``.

    What was wanted once stays subscribed until it is given up by name: a controller that asks for all of it again,
    batch by batch, must not have the venue unsubscribe and subscribe thousands of markets meanwhile.
    """

    def __init__(self, feed: FeedPort, deliver: Deliver) -> None:
        """Not run yet."""
        self.feed = feed
        self._deliver = deliver
        self._wanted: dict[str, None] = {}

    def want(self, platform: Platform, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """See ``BookSource``."""
        if not isinstance(self.feed, AskedFeed) or platform not in self.feed.platforms:
            return
        before = tuple(self._wanted)
        for market in remove:
            self._wanted.pop(market, None)
        self._wanted.update(dict.fromkeys(add))
        if tuple(self._wanted) != before:
            self.feed.watch(self._wanted)

    async def run(self) -> None:
        """Run it; one that breaks is a feed that ended, and is said."""
        try:
            await self.feed.run(self._deliver)
        except Exception as error:  # noqa: BLE001 -- the trader must trade on, and the controller must hear of it
            log_event("FEED", "error", f"the feed broke: {error!r}")
            for platform in self.feed.platforms:
                self._deliver(FeedEnded(platform, f"the feed broke: {error!r}", failed=True))
