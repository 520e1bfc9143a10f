"""Feeds of several venues as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from market.events import FeedEnded
from protocol.terms import Platform
from transport.feeds.port import Deliver, FeedPort


class SeveralFeeds:
    """Runs them side by side; each speaks for its own venues. One that breaks has ended, the others go on."""

    def __init__(self, feeds: Sequence[FeedPort]) -> None:
        self.feeds = tuple(feeds)

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The venues of all of them."""
        return tuple(platform for feed in self.feeds for platform in feed.platforms)

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled, or until all of them have ended."""
        # A group cancels each once, so that what a feed does at its end is not cut short.
        async with asyncio.TaskGroup() as group:
            for feed in self.feeds:
                group.create_task(_run(feed, deliver))

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`."""
        for feed in self.feeds:
            feed.resync()


async def _run(feed: FeedPort, deliver: Deliver) -> None:
    try:
        await feed.run(deliver)
    except Exception as error:  # noqa: BLE001 -- the books of the other venues are as good as before
        for platform in feed.platforms:
            deliver(FeedEnded(platform, f"the feed broke: {error!r}"[:300], failed=True))
