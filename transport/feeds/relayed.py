"""A trader's own feed, run for its relay."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from market.events import FeedEnded
from protocol.terms import Platform
from transport.feeds.port import Deliver, FeedPort
from transport.logs import log_event


@runtime_checkable
class AskedFeed(Protocol):
    """A feed that brings what it is asked for, and not just everything."""

    def want(self, platform: Platform, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """These markets are wanted now, those no longer; markets that are wanted already may be named again."""


class RelayedFeed:
    """Runs a feed, and passes on to it which books the controller wants. Implements ``BookSource``."""

    def __init__(self, feed: FeedPort, deliver: Deliver) -> None:
        """Not run yet."""
        self.feed = feed
        self._deliver = deliver

    def want(self, platform: Platform, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """See ``BookSource``."""
        if isinstance(self.feed, AskedFeed):
            self.feed.want(platform, add, remove)

    async def run(self) -> None:
        """Run it; one that breaks is a feed that ended, and is said."""
        try:
            await self.feed.run(self._deliver)
        except Exception as error:  # noqa: BLE001 -- the trader must trade on, and the controller must hear of it
            log_event("FEED", "error", f"the feed broke: {error!r}")
            for platform in self.feed.platforms:
                self._deliver(FeedEnded(platform, f"the feed broke: {error!r}", failed=True))
