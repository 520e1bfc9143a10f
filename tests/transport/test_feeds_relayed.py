"""A trader's own feed, run for its relay: it is asked for what the controller wants, and its end is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from market.events import FeedBatch, FeedEnded
from protocol.terms import KALSHI, POLYMARKET, Platform
from transport.feeds.none import NoFeed
from transport.feeds.port import Deliver
from transport.feeds.relayed import RelayedFeed


class Asked:
    """A feed that must subscribe; it breaks when it is run."""

    platforms: tuple[Platform, ...] = (KALSHI,)

    def __init__(self) -> None:
        self.watched: list[tuple[str, ...]] = []

    def watch(self, markets: Iterable[str]) -> None:
        self.watched.append(tuple(markets))

    async def run(self, deliver: Deliver) -> None:
        deliver(FeedBatch(KALSHI, 1, ()))
        raise RuntimeError("no more")

    def resync(self) -> None:
        raise AssertionError


def test_batches_add_up_and_what_is_asked_for_again_changes_nothing() -> None:
    feed = Asked()
    relayed = RelayedFeed(feed, lambda _what: None)
    relayed.want(KALSHI, ("A", "B"), ())
    relayed.want(KALSHI, ("C",), ())
    relayed.want(KALSHI, ("A", "B"), ())
    relayed.want(KALSHI, ("D",), ("B", "never"))
    relayed.want(POLYMARKET, ("1",), ())
    assert feed.watched == [("A", "B"), ("A", "B", "C"), ("A", "C", "D")]


def test_a_feed_that_brings_everything_is_not_asked() -> None:
    RelayedFeed(NoFeed(), lambda _what: None).want(KALSHI, ("A",), ())


def test_a_feed_that_breaks_has_ended_and_says_why() -> None:
    said: list[FeedBatch | FeedEnded] = []
    asyncio.run(RelayedFeed(Asked(), said.append).run())
    assert said == [
        FeedBatch(KALSHI, 1, ()),
        FeedEnded(KALSHI, "the feed broke: RuntimeError('no more')", failed=True),
    ]
