"""Relayed books over real sockets: a whole recording, a link that dies, a reader that does not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from actors.book_stream import WINDOW
from actors.relay_stream import StreamRules
from market.books import Books
from market.events import BooksLost, BookSnapshot, FeedBatch, FeedUp, LevelSet
from market.pair import Pair
from protocol.codec import MAX_FRAME_BYTES
from protocol.terms import KALSHI, PairId
from protocol.units import Price, Quantity
from tests.market.builders import TICKER, levels, pair
from tests.market.recorded import recorded
from tests.relay.kit import Relayed
from tests.relay.kit import levels as tradable
from tests.relay.sockets import PlayedFeed, a_trader, relay_of, relaying
from tests.shared_data import shared_data
from tests.transport.link_kit import BOUND_S

RECORDING = "kalshi-nba-2026-01-07.jsonl.gz"
EVERY_STEP = 6_000
THROUGH_SOCKETS = 60_000
PATIENT = StreamRules(heartbeat_us=60_000_000, max_lag_us=60_000_000)
"""For both ends in one process on a machine that may be busy: nobody is taken for dead there."""

BOOK = FeedBatch(KALSHI, 1, (FeedUp(), BookSnapshot(TICKER, levels((40, 10)), levels((45, 10)))))


def change(number: int) -> FeedBatch:
    event = LevelSet(TICKER, True, Price(1 + number % 4_000), Quantity(1 + number % 997))  # noqa: FBT003 -- a bid
    return FeedBatch(KALSHI, 2 + number, (event,))


def of_recording(count: int) -> tuple[list[FeedBatch], tuple[str, ...]]:
    """Its first batches without a disconnect at their end, and the markets in them."""
    batches = list(islice(recorded(shared_data(RECORDING)), count))
    while any(isinstance(event, BooksLost) for event in batches[-1].events):
        batches.pop()
    names = {event.market: None for batch in batches for event in batch.events if isinstance(event, BookSnapshot)}
    return batches, tuple(names)


def pairs_of(markets: tuple[str, ...]) -> list[Pair]:
    return [
        pair(number, pair_id=PairId(f"p{number}"), kalshi_market_ticker=market) for number, market in enumerate(markets)
    ]


def test_a_recording_is_at_every_step_at_the_controller_as_it_is_parsed_directly() -> None:
    batches, markets = of_recording(EVERY_STEP)
    assert len(markets) >= 13
    direct = Books()
    books = {market: direct.track(KALSHI, market) for market in markets}
    with Relayed({KALSHI: markets}, pairs_of(markets), rules=StreamRules(max_silence_us=None)) as world:
        world.connect()
        for batch in batches:
            direct.apply(batch)
            world.feed(batch)
            for event in batch.events:
                if market := getattr(event, "market", None):
                    assert world.book(market) == tradable(books[market]), batch
        for market in markets:
            assert world.book(market) == tradable(books[market])
        assert world.row()["gaps"] == 0


def test_a_recording_as_fast_as_it_can_through_sockets_ends_with_the_books_of_a_direct_parse(tmp_path: Path) -> None:
    batches, markets = of_recording(THROUGH_SOCKETS)
    direct = Books()
    books = {market: direct.track(KALSHI, market) for market in markets}

    async def play() -> None:
        feed = PlayedFeed()
        async with relaying(tmp_path, {KALSHI: markets}, pairs_of(markets), feed, rules=PATIENT) as (
            controller,
            (trader,),
        ):
            await controller.until(lambda: bool(relay_of(trader).streams))
            for number, batch in enumerate(batches):
                feed.deliver(batch)
                direct.apply(batch)
                if number % 100 == 0:
                    await controller.until(lambda: True)
            stream = relay_of(trader).streams[KALSHI]
            await controller.until(lambda: not stream.waiting and not stream.stalled)
            assert any(books[market].usable for market in markets)
            await controller.until(lambda: same(controller.books, books))
            assert stream.merged > 0, "faster than the window: some changes were merged"

    asyncio.run(play())


def same(theirs: Books, ours: dict[str, Any]) -> bool:
    return all(tradable(theirs.get(KALSHI, market)) == tradable(book) for market, book in ours.items())


@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_link_that_dies_takes_its_books_and_the_next_one_brings_them_back(tmp_path: Path, how: str) -> None:
    async def play() -> None:
        feed = PlayedFeed()
        async with relaying(tmp_path, {KALSHI: (TICKER,)}, [pair()], feed) as (controller, (trader,)):
            await controller.until(lambda: bool(relay_of(trader).streams))
            feed.deliver(BOOK)
            await controller.until(lambda: tradable(controller.books.get(KALSHI, TICKER)) is not None)
            (conn_id,) = controller.process.server.open_ids
            if how == "close":
                trader.client.close(trader.client.open_ids[0], 1000, "a test")
            else:
                trader.client.drop(trader.client.open_ids[0], "a test")
            await controller.until(lambda: conn_id not in controller.process.server.open_ids)
            await controller.until(lambda: tradable(controller.books.get(KALSHI, TICKER)) is None)
            feed.deliver(change(7))
            await controller.until(lambda: tradable(controller.books.get(KALSHI, TICKER)) is not None)
            assert Price(8) in dict(controller.books.get(KALSHI, TICKER).depth(is_bid=True))  # type: ignore[union-attr]

    asyncio.run(play())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not is_so():
            turned = asyncio.Event()
            asyncio.get_running_loop().call_later(0.001, turned.set)
            await turned.wait()


def test_a_result_stands_behind_one_window_of_books_however_slowly_they_are_read(tmp_path: Path) -> None:
    """The reader reads nothing while 30,000 changes are made; then its order's result comes after one window."""

    async def play() -> None:
        feed = PlayedFeed()
        connected: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()
        over = asyncio.Event()

        async def hold(connection: ServerConnection) -> None:
            connected.set_result(connection)
            await over.wait()

        async def say(connection: ServerConnection, **message: Any) -> None:
            await connection.send(json.dumps(message))

        async with serve(hold, "127.0.0.1", 0, compression=None, ping_interval=None, max_queue=1) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            trader = a_trader(tmp_path, f"ws://127.0.0.1:{port}", feed)
            await trader.start()
            connection = await asyncio.wait_for(connected, BOUND_S)
            await say(connection, type="init", platforms=["kalshi"], dry_run=True, protocol=2, controller_id="c")
            await heard(connection, "status")
            ping = await heard(connection, "ping")
            await say(connection, type="pong", timestamp=1, sent_us=ping["sent_us"], at_us=ping["sent_us"])
            await say(connection, type="want_books", platform="kalshi", sub=1, add=[TICKER])
            feed.deliver(BOOK)
            await heard(connection, "book")
            stream = relay_of(trader).streams[KALSHI]
            for number in range(30_000):
                feed.deliver(change(number))
                if stream.stalled and number % 3_000 == 0:
                    await until(lambda: True)
            assert stream.stalled
            order = {"market_id": 7, "platform": "kalshi", "action": "buy", "side": "yes", "price": 45, "contracts": 1}
            await say(connection, type="execute_leg", leg_id="l1", kalshi_market_ticker=TICKER, **order)
            before = 0
            while True:
                text = str(await asyncio.wait_for(connection.recv(), BOUND_S))
                if json.loads(text)["type"] == "leg_result":
                    break
                before += len(text)
            assert WINDOW // 2 < before <= WINDOW + MAX_FRAME_BYTES
            assert stream.merged > 10_000
            over.set()
            await trader.finish()

    asyncio.run(play())


async def heard(connection: ServerConnection, wire_type: str) -> dict[str, Any]:
    """The next message of that type."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), BOUND_S))
        if message["type"] == wire_type:
            return message
