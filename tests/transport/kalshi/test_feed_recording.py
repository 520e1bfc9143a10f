"""What was recorded, served over a socket as it was sent, comes out of the real client as a naive rebuild has it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from market.books import Books
from market.events import FeedBatch, FeedEnded
from protocol.terms import KALSHI
from tests.transport.kalshi.test_feed import POLICY
from tests.venues.kalshi.material import credentials
from tests.venues.test_feed_recordings import NBA, SHAI, NaiveKalshi, offered, records
from transport.feeds.port import WallClock
from transport.kalshi.access import KalshiAccess
from transport.kalshi.feed import KalshiFeed
from venues.kalshi.hosts import Hosts

LIFECYCLE_SID = 900


def sessions(name: str, most: int) -> list[list[str]]:
    """The frames of each connection that was recorded."""
    found: list[list[str]] = []
    for record in itertools.islice(records(name, "kalshi"), most):
        if record.get("event") == "connected":
            found.append([])
        elif "frame" in record:
            found[-1].append(record["frame"])
    return [session for session in found if session]


class Player:
    """A socket that answers the subscriptions and then sends a session, the next one on each connection."""

    def __init__(self, recorded: list[list[str]]) -> None:
        self.recorded = iter(recorded)

    async def handle(self, connection: ServerConnection) -> None:
        session = next(self.recorded, None)
        async for frame in connection:
            command = json.loads(frame)
            channel = command["params"].get("channels", [None])[0]
            sid = 1 if channel == "orderbook_delta" else LIFECYCLE_SID
            said = {"id": command["id"], "type": "subscribed", "msg": {"channel": channel, "sid": sid}}
            await connection.send(json.dumps(said))
            if sid == 1 and session is not None:
                for line in session:
                    await connection.send(line)
                return


class Comparing:
    """Applies what the feed delivers and rebuilds the same frame naively beside it."""

    def __init__(self, recorded: list[list[str]]) -> None:
        self.books = Books()
        self.frames: Iterator[tuple[int, str]] = iter(
            [(number, line) for number, session in enumerate(recorded) for line in session]
        )
        self.left = sum(map(len, recorded))
        self.session, self.naive = -1, NaiveKalshi()
        self.compared = 0
        self.done = asyncio.Event()
        self.wrong: Any = None

    def __call__(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        if not what.is_data:
            self.books.apply(what)
            return
        session, line = next(self.frames)
        if session != self.session:
            self.session, self.naive = session, NaiveKalshi()
        market = self.naive.take(json.loads(line))
        if market is not None:
            self.books.track(KALSHI, market)
        self.books.apply(what)
        if market is not None:
            seen, meant = offered(self.books, "kalshi", market), self.naive.book(market)
            self.wrong = self.wrong or (None if seen == meant else (line, seen, meant))
            self.compared += 1
        self.left -= 1
        if not self.left or self.wrong:
            self.done.set()


@pytest.mark.parametrize(("name", "most"), [(NBA, 200_000), (SHAI, 10_000)])
def test_the_books_are_those_of_a_naive_rebuild_at_every_frame(name: str, most: int) -> None:
    recorded = sessions(name, most)
    markets = {json.loads(line)["msg"]["market_ticker"] for session in recorded for line in session}

    async def main() -> None:
        comparing, lines = Comparing(recorded), list[str]()
        async with serve(Player(recorded).handle, "127.0.0.1", 0, close_timeout=0.2) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            access = KalshiAccess(Hosts("", f"ws://127.0.0.1:{port}"), credentials())

            def report(_platform: object, text: str) -> None:
                lines.append(text)

            feed = KalshiFeed(access, sorted(markets), WallClock(), rng=Random(1), policy=POLICY, report=report)
            running = asyncio.create_task(feed.run(comparing))
            await asyncio.wait_for(comparing.done.wait(), 60)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert comparing.wrong is None
        assert comparing.compared > 500
        assert [line for line in lines if "connection lost" not in line] == []

    asyncio.run(main())
