"""A feed on a made-up Polymarket: real sockets, REST by call, time by hand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from market.books import Books
from market.events import BooksLost, FeedBatch, FeedEnded
from protocol.terms import POLYMARKET
from tests.transport.polymarket.clock import HandClock
from tests.venues.polymarket.world import Venue, text
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import Asking, FeedPolicy, PolymarketFeed
from transport.polymarket.http import ReadFailed
from venues.capture import CaptureLine
from venues.polymarket.book import BookReply, read_books
from venues.polymarket.facts import Claim, MarketFacts
from venues.polymarket.feed import PolymarketDecoder
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.keeper import KeeperPolicy

SECOND: Final = 1_000_000
POLICY: Final = FeedPolicy(
    socket=SocketPolicy(close_s=0.2, handshake_s=2),
    books=KeeperPolicy(first_us=SECOND, settle_us=SECOND // 4),
)


class Stub(Venue):
    """The venue on a port: who is connected, what they were told, and what of it goes wrong."""

    def begin(self, tokens: Sequence[str]) -> None:
        self.connected = True
        self.books = {token: {True: {4_500: 100}, False: {5_500: 100}} for token in tokens}
        self.connections: list[ServerConnection] = []
        self.subscribed: dict[ServerConnection, dict[str, None]] = {}
        self.frames: list[list[str]] = []
        self.mute = False
        self.refuse = False
        self.asked: list[tuple[str, ...]] = []
        self.rest_down = False
        self.facts: dict[str, MarketFacts | None] = {}
        self.offset_s = 0
        self.clock = HandClock()

    async def handle(self, connection: ServerConnection) -> None:
        if self.refuse:
            return
        self.connections.append(connection)
        self.subscribed[connection] = {}
        self.frames.append([])
        mine = self.frames[-1]
        try:
            async for frame in connection:
                assert isinstance(frame, str)
                mine.append(frame)
                await self._frame(connection, frame)
        except ConnectionClosed:
            pass
        finally:
            self.subscribed.pop(connection, None)

    async def _frame(self, connection: ServerConnection, frame: str) -> None:
        if frame == "PING":
            await connection.send("PONG")
            return
        command = json.loads(frame)
        tokens = command["assets_ids"]
        if command.get("operation") == "unsubscribe":
            for token in tokens:
                self.subscribed[connection].pop(token, None)
            return
        self.subscribed[connection].update(dict.fromkeys(tokens))
        self.ms = max(self.ms, self.clock.unix_us() // 1_000)
        if not self.mute:
            await connection.send(json.dumps([self.book(token) for token in tokens if token in self.books]))

    async def move(self, token: str, price: int, size: int, *, is_bid: bool, lost: bool = False) -> None:
        """A level of the book changes, and who has subscribed is told."""
        self.ms = max(self.ms, self.clock.unix_us() // 1_000)
        self.change(token, price, size, is_bid=is_bid, lost=lost)
        while self.stream:
            await self.say(self.stream.popleft(), token)

    async def say(self, frame: str, token: str) -> None:
        for connection, tokens in tuple(self.subscribed.items()):
            if token in tokens and not self.mute:
                await connection.send(frame)

    # -- REST, as `PublicReads` --------------------------------------------------------------------------------

    def _up(self) -> None:
        if self.rest_down:
            raise ReadFailed("no rest today")

    async def books_of(self, tokens: Sequence[str]) -> dict[str, BookReply]:
        self._up()
        self.asked.append(tuple(tokens))
        body = json.dumps([self.book(token) for token in tokens if token in self.books]).encode()
        return read_books(body, PolymarketDecoder())


class Reads:
    """What a feed asks over REST."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.books = stub.books_of
        self.looks: Counter[str] = Counter()
        self.is_closed = False

    async def time_s(self) -> int:
        self.stub._up()
        return self.stub.clock.unix_us() // SECOND + self.stub.offset_s

    async def rows(self, tokens: Sequence[str]) -> list[MarketFacts]:
        self.stub._up()
        self.looks["rows"] += 1
        found = [self.stub.facts.get(token) for token in tokens]
        return [facts for facts in found if facts is not None and facts.resolution is not None]

    async def condition(self, token: str) -> str | None:
        self.stub._up()
        self.looks["condition"] += 1
        return f"of {token}" if self.stub.facts.get(token) is not None else None

    async def market(self, condition: str) -> MarketFacts | None:
        self.stub._up()
        self.looks["market"] += 1
        return self.stub.facts.get(condition.removeprefix("of "))

    async def close(self) -> None:
        self.is_closed = True


class Heard:
    """What the feed delivered, the books that this makes, and a way to wait."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.batches: list[FeedBatch] = []
        self.lines: list[str] = []
        self.books = Books()
        for token in tokens:
            self.books.track(POLYMARKET, token)

    def __call__(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        self.batches.append(what)
        self.books.apply(what)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for batch in self.batches for event in batch.events if type(event) is kind]

    def lost(self) -> list[str]:
        return [event.reason for event in self.of(BooksLost)]

    def usable(self, *tokens: str) -> bool:
        found = [self.books.get(POLYMARKET, token) for token in tokens]
        return all(book is not None and book.usable and book.bid_known and book.ask_known for book in found)

    def bid(self, token: str) -> str | None:
        book = self.books.get(POLYMARKET, token)
        best = None if book is None else book.best_bid
        return None if best is None else text(best, 10_000)

    async def until(self, what: Callable[[], object], within_s: float = 5) -> None:
        """Look, turn by turn of the loop, until it is so."""
        async with asyncio.timeout(within_s):
            while not what():
                looked = asyncio.Event()
                asyncio.get_running_loop().call_later(0.001, looked.set)
                await looked.wait()

    async def through(self, clock: HandClock, what: Callable[[], object], most_s: int = 60) -> None:
        """Let time pass, second by second, until it is so."""
        for _ in range(most_s):
            clock.pass_us(SECOND)
            await self.held(lambda: True, looks=5)
            if what():
                return
        raise AssertionError(f"not within {most_s} s: {self.lines}")

    async def held(self, what: Callable[[], object], looks: int = 20) -> None:
        """It is so, and stays so while everything that is under way comes to its end."""
        for _ in range(looks):
            assert what()
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.001, looked.set)
            await looked.wait()


Test = Callable[[Stub, PolymarketFeed, Heard, Reads], Awaitable[None]]


def run(
    test: Test,
    tokens: Sequence[str],
    policy: FeedPolicy = POLICY,
    *,
    claims: tuple[Claim, ...] = (),
    asking: bool = True,
    before: Callable[[Stub], None] = lambda _: None,
    record: Callable[[CaptureLine], None] | None = None,
) -> Heard:
    """Run a feed of these tokens against a stub, and the test beside it."""
    heard = Heard(tokens)

    async def main() -> None:
        stub = Stub()
        stub.begin(tokens)
        before(stub)
        reads: Any = Reads(stub)
        async with serve(stub.handle, "127.0.0.1", 0, close_timeout=0.2) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            feed = PolymarketFeed(
                PolymarketHosts.on_loopback(port),
                tokens,
                stub.clock,
                rng=Random(1),
                asking=Asking(reads, claims) if asking else None,
                policy=policy,
                report=lambda _, line: heard.lines.append(line),
            )
            feed.record = record
            running = asyncio.create_task(feed.run(heard))
            try:
                await test(stub, feed, heard, reads)
                assert not running.done()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        assert reads.is_closed is asking

    asyncio.run(main())
    return heard
