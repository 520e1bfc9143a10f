"""What was recorded, served by the loopback Kalshi, comes out of the real client as a naive rebuild has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from market.books import Books
from market.events import FeedBatch, FeedEnded
from protocol.terms import KALSHI
from tests.shared_data import shared_data
from tests.transport.kalshi.test_feed import POLICY
from tests.venues.kalshi.material import KEY_ID, credentials, ed25519, public_pem
from tests.venues.test_feed_recordings import NBA, SHAI, NaiveKalshi, records
from transport.feeds.port import WallClock
from transport.kalshi.access import KalshiAccess
from transport.kalshi.feed import KalshiFeed
from transport.kalshi_exchange.server import KalshiServer
from transport.loopback.player import Player
from venues.capture import CaptureLine
from venues.kalshi.exchange.service import KalshiService
from venues.kalshi.hosts import Hosts

PATIENCE_S = 100

UNHURRIED = replace(POLICY, handshake_s=PATIENCE_S, ping_s=PATIENCE_S, probe_s=PATIENCE_S, dead_s=PATIENCE_S)
"""On a busy machine, too, no frame is in it but the recorded ones."""


class Recorded:
    """Who reads the recording beside the client, shares no code with it, and knows no more than the frames."""

    def __init__(self, name: str) -> None:
        self.naive = NaiveKalshi()
        self._lines: Iterator[dict[str, Any]] = records(name, "kalshi")

    def step(self) -> tuple[str, str]:
        """The next frame about a book, taken in, and its market."""
        for record in self._lines:
            if record.get("event") == "connected":
                self.naive = NaiveKalshi()
            elif "frame" in record:
                market = self.naive.take(json.loads(record["frame"]))
                if market is not None:
                    return record["frame"], market
        raise AssertionError("the recording is over, and the client heard more")


class Comparing:
    """Takes what the feed delivers into books, and holds the book of each frame against the rebuild's."""

    def __init__(self, recorded: Recorded, frames: int) -> None:
        self.books = Books()
        self.recorded = recorded
        self.left = frames
        self.connections = 0
        self.heard: str | None = None
        self.wrong: Any = None
        self.done = asyncio.Event()

    def hear(self, line: CaptureLine) -> None:
        """The frame as it came, just before it is delivered."""
        self.connections += line.event == "connected"
        self.heard = line.frame

    def __call__(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        if not what.is_data:
            self.books.apply(what)
            return
        frame, market = self.recorded.step()
        book = self.books.track(KALSHI, market)
        self.books.apply(what)
        bids, asks = self.recorded.naive.book(market)
        same = book.usable and book.depth(is_bid=True) == bids and book.depth(is_bid=False) == asks
        # Word for word, but that the client's first subscription is another.
        if not same or self.heard != frame.replace('"sid":1', '"sid":2', 1):
            self.wrong = self.wrong or (frame, self.heard, book, bids, asks)
        self.left -= 1
        if not self.left or self.wrong:
            self.done.set()


@pytest.mark.parametrize(("name", "frames", "connections"), [(NBA, 92_831, 2), (SHAI, 543, 8)])
def test_the_books_are_those_of_a_naive_rebuild_at_every_frame(name: str, frames: int, connections: int) -> None:
    """The whole recording, frame by frame, connection by connection, over a socket of this machine."""
    comparing, lines = Comparing(Recorded(name), frames), list[str]()

    def report(_platform: object, text: str) -> None:
        lines.append(text)

    async def main() -> None:
        service = KalshiService(())
        service.member("ann", KEY_ID, public_pem(ed25519()))
        server = KalshiServer(service)
        player = Player(server, shared_data(name), speed=0)
        player.list_markets()
        await server.start()
        access = KalshiAccess(Hosts("", f"ws://127.0.0.1:{server.port}"), credentials())
        feed = KalshiFeed(
            access, sorted(service.exchange.markets), WallClock(), rng=Random(1), policy=UNHURRIED, report=report
        )
        feed.record = comparing.hear
        running = [asyncio.create_task(player.run()), asyncio.create_task(feed.run(comparing))]
        try:
            await asyncio.wait_for(comparing.done.wait(), PATIENCE_S)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await server.stop()

    asyncio.run(main())
    assert comparing.wrong is None
    assert (comparing.left, comparing.connections) == (0, connections)
    assert [line for line in lines if "connection lost" not in line] == []
