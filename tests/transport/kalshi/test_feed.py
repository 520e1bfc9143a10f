"""The feed against a socket on loopback: subscribing, gaps, silence, pauses, and coming back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from market.events import BooksLost, BookSnapshot, FeedBatch, FeedEnded, FeedUp, LevelChanged, MarketHalted
from protocol.terms import KALSHI
from tests.transport.kalshi.server import Reply, Request, says, serving
from tests.venues.kalshi.material import KEY_ID, credentials, ed25519
from transport.feeds.port import WallClock
from transport.kalshi.access import KalshiAccess
from transport.kalshi.feed import FeedPolicy, KalshiFeed
from transport.kalshi.live import DirectFeed
from transport.venue_rest import ReadFailed
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.hosts import SOCKET, Hosts
from venues.kalshi.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_text

POLICY = FeedPolicy(
    handshake_s=2, close_s=0.2, ping_s=5, probe_s=5, dead_s=5, pause_s=0.01, backoff_s=0.001, backoff_cap_s=0.01
)
A, B, C = "KXA-26-T1", "KXA-26-T2", "KXB-26-T1"


class Socket:
    """Kalshi's WebSocket, as far as a test needs it; ``on`` may answer a command in another way."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: list[ServerConnection] = []
        self.seq: dict[int, int] = {}
        self.sids: dict[int, list[str]] = {}
        self.on: Callable[[dict[str, Any]], list[Any] | None] = lambda _: None
        self.mute = False
        self.port = 0

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == SOCKET
        self.headers.append(dict(connection.request.headers.raw_items()))
        self.connections.append(connection)
        self.seq, self.sids = {}, {}
        async for frame in connection:
            command = json.loads(frame)
            self.commands.append(command)
            answer = self.on(command)
            for message in self.answer(command) if answer is None else answer:
                if not self.mute:
                    await connection.send(json.dumps(message))

    def numbered(self, sid: int, kind: str, msg: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.seq[sid] = self.seq.get(sid, 0) + 1
        return {"type": kind, "sid": sid, "seq": self.seq[sid], "msg": msg, **more}

    def snapshot(self, sid: int, market: str, **more: Any) -> dict[str, Any]:
        body = {"market_ticker": market, "market_id": "u", "clock": 1, "yes_dollars_fp": [["0.4500", "100.00"]]}
        return self.numbered(sid, "orderbook_snapshot", body, **more)

    def delta(self, sid: int, market: str) -> dict[str, Any]:
        body = {"market_ticker": market, "price_dollars": "0.4600", "delta_fp": "5.00", "side": "yes"}
        return self.numbered(sid, "orderbook_delta", body)

    def lifecycle(self, market: str, what: str, **more: Any) -> dict[str, Any]:
        return self.numbered(1, "market_lifecycle_v2", {"market_ticker": market, "event_type": what, **more})

    def answer(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        params, number = command["params"], command["id"]
        markets = params.get("market_tickers", [])
        if command["cmd"] == "subscribe":
            sid = len(self.sids) + 1
            self.sids[sid] = list(markets)
            said = {"id": number, "type": "subscribed", "msg": {"channel": params["channels"][0], "sid": sid}}
            return [said, *(self.snapshot(sid, market) for market in markets)]
        sid = params["sid"]
        if params["action"] == "get_snapshot":
            return [self.snapshot(sid, market, id=number) for market in markets]
        held = self.sids[sid]
        if params["action"] == "add_markets":
            held += markets
        else:
            self.sids[sid] = held = [market for market in held if market not in markets]
        fresh = [self.snapshot(sid, market) for market in markets] if params["action"] == "add_markets" else []
        return [*fresh, self.numbered(sid, "ok", {"market_tickers": held}, id=number)]

    async def send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.connections[-1].send(json.dumps(message))

    def asked(self, action: str) -> list[list[str]]:
        return [one["params"]["market_tickers"] for one in self.commands if one["params"].get("action") == action]


class Heard:
    """What the feed delivered, and a way to wait for it."""

    def __init__(self) -> None:
        self.batches: list[FeedBatch] = []
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        self.batches.append(what)
        self._more.set()

    @property
    def events(self) -> list[Any]:
        return [event for batch in self.batches for event in batch.events]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    async def until(self, what: Callable[[], bool], within_s: float = 5) -> None:
        async with asyncio.timeout(within_s):
            while not what():
                self._more.clear()
                await self._more.wait()


Test = Callable[[Socket, KalshiFeed, Heard], Awaitable[None]]


def run(
    test: Test,
    markets: Sequence[str] = (A, B),
    policy: FeedPolicy = POLICY,
    rules: Callable[[Sequence[str]], Awaitable[Sequence[MarketRules]]] | None = None,
    before: Callable[[Socket], None] = lambda _: None,
) -> Heard:
    heard = Heard()

    async def main() -> None:
        socket = Socket()
        before(socket)
        async with serve(socket.handle, "127.0.0.1", 0, close_timeout=0.2) as server:
            socket.port = next(iter(server.sockets)).getsockname()[1]
            access = KalshiAccess(Hosts("", f"ws://127.0.0.1:{socket.port}"), credentials())

            def report(_platform: object, text: str) -> None:
                heard.lines.append(text)

            feed = KalshiFeed(access, markets, WallClock(), rng=Random(1), rules=rules, policy=policy, report=report)
            running = asyncio.create_task(feed.run(heard))
            try:
                await test(socket, feed, heard)
                assert not running.done()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    return heard


def books(heard: Heard) -> set[str]:
    return {event.market for event in heard.of(BookSnapshot)}


async def up(heard: Heard) -> None:
    await heard.until(lambda: books(heard) >= {A, B})


def test_it_signs_its_way_in_and_brings_every_book() -> None:
    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        (headers,) = socket.headers
        assert headers[KEY_HEADER] == KEY_ID
        text = signed_text(int(headers[TIMESTAMP_HEADER]), "GET", SOCKET)
        ed25519().public_key().verify(base64.b64decode(headers[SIGNATURE_HEADER]), text.encode())
        await socket.send(socket.delta(2, A))
        await heard.until(lambda: bool(heard.of(LevelChanged)))
        assert heard.events[0] == FeedUp()
        lifecycle, subscribed = socket.commands
        assert lifecycle["params"] == {"channels": ["market_lifecycle_v2"]}
        assert subscribed["params"]["use_yes_price"] is False

    assert run(test).lines == []


def test_thousands_of_markets_come_batch_by_batch() -> None:
    markets = [f"KX{number}-1" for number in range(2_000)]

    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await heard.until(lambda: len(books(heard)) == 2_000)
        assert len(socket.asked("add_markets")) == 7
        assert len(socket.sids) == 2

    run(test, markets)


@pytest.mark.parametrize(("code", "subscriptions"), [(26, 3), (27, 2), (18, 2)])
def test_limits_of_the_venue_are_lived_with(code: int, subscriptions: int) -> None:
    markets = [f"KX{number}-1" for number in range(400)]
    refused: list[int] = []

    def on(command: dict[str, Any]) -> list[Any] | None:
        if command["params"].get("action") == "add_markets" and not refused:
            refused.append(command["id"])
            return [{"id": command["id"], "type": "error", "msg": {"code": code, "msg": "no"}}]
        return None

    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        socket.on = on
        await heard.until(lambda: len(books(heard)) == 400)
        assert len(socket.sids) == subscriptions
        assert len(socket.connections) == 1

    run(test, markets, before=lambda socket: setattr(socket, "on", on))


def test_a_gap_costs_the_books_of_its_subscription_until_they_came_whole() -> None:
    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        before = len(heard.of(BookSnapshot))
        socket.seq[2] += 1
        await socket.send(socket.delta(2, A))
        await heard.until(lambda: len(heard.of(BookSnapshot)) == before + 2)
        (lost,) = heard.of(BooksLost)
        assert set(lost.markets) == {A, B}
        assert [set(one) for one in socket.asked("get_snapshot")] == [{A, B}]
        assert len(socket.connections) == 1

    run(test)


@pytest.mark.parametrize("how", ["close", "ended", "nonsense", "gap in lifecycle", "refused"])
def test_whatever_else_happens_it_connects_again_and_brings_every_book(how: str) -> None:
    async def test(socket: Socket, feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        before = len(heard.of(BookSnapshot))
        match how:
            case "close":
                await socket.connections[-1].close()
            case "ended":
                await socket.send({"type": "error", "sid": 2, "msg": {"code": 25, "msg": "overflow"}})
            case "nonsense":
                await socket.connections[-1].send("no json")
            case "gap in lifecycle":
                socket.seq[1] = 5
                await socket.send(socket.lifecycle("KXOTHER-1", "created"))
                await socket.send({"type": "event_lifecycle", "sid": 1, "seq": 9, "msg": {}})
            case _:
                socket.on = lambda command: [{"id": command["id"], "type": "error", "msg": {"code": 8, "msg": "no"}}]
                feed.watch([A, B, C])
                await heard.until(lambda: len(socket.connections) >= 2)
                socket.on = lambda _: None
        await heard.until(lambda: len(heard.of(BookSnapshot)) >= before + 2)
        assert len(socket.connections) >= 2
        last_lost = max(number for number, event in enumerate(heard.events) if type(event) is BooksLost)
        assert heard.events[last_lost].markets == ()
        assert FeedUp() in heard.events[last_lost:]

    assert run(test).lines != []


def test_silence_is_asked_about_and_an_answer_is_data() -> None:
    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        before = len(heard.of(BookSnapshot))
        await heard.until(lambda: len(heard.of(BookSnapshot)) >= before + 2)
        assert {market for one in socket.asked("get_snapshot") for market in one} == {A, B}
        assert all(batch.is_data for batch in heard.batches if any(type(one) is BookSnapshot for one in batch.events))
        assert len(socket.connections) == 1

    run(test, policy=FeedPolicy(**{**_policy(), "probe_s": 0.04, "dead_s": 2}))


def test_a_connection_that_only_answers_pings_is_given_up() -> None:
    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        socket.mute = True
        await heard.until(lambda: len(socket.connections) >= 2)
        socket.mute = False
        assert any("no " in line for line in heard.lines)

    run(test, policy=FeedPolicy(**{**_policy(), "probe_s": 0.04, "dead_s": 0.04, "ping_s": 0.02}))


def _policy() -> dict[str, Any]:
    return {name: getattr(POLICY, name) for name in POLICY.__slots__}


def test_a_market_that_stops_has_no_book_until_it_is_active_again() -> None:
    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        await socket.send(socket.lifecycle(A, "deactivated", is_deactivated=True))
        await heard.until(lambda: bool(heard.of(BooksLost)))
        seen = len(heard.batches)
        await socket.send(socket.delta(2, A), socket.snapshot(2, A), socket.delta(2, B))
        await heard.until(lambda: len(heard.batches) >= seen + 3)
        event: Any
        (event,) = [event for batch in heard.batches[seen:] for event in batch.events]
        assert (type(event), event.market) == (LevelChanged, B)
        assert socket.asked("get_snapshot") == []
        await socket.send(socket.lifecycle(A, "activated", is_deactivated=False))
        await heard.until(lambda: type(heard.events[-1]) is BookSnapshot)
        assert heard.events[-1].market == A
        assert socket.asked("get_snapshot") == [[A]]

    run(test)


@pytest.mark.parametrize("what", ["close_date_updated", "metadata_updated", "fees"])
def test_what_changes_a_contract_halts_it_for_this_run(what: str) -> None:
    async def test(socket: Socket, feed: KalshiFeed, heard: Heard) -> None:
        await heard.until(lambda: books(heard) >= {A, B, C})
        if what == "fees":
            await socket.send(socket.numbered(1, "event_fee_update", {"event_ticker": "KXB-26"}))
        else:
            await socket.send(socket.lifecycle(C, what))
        await heard.until(lambda: bool(heard.of(MarketHalted)))
        assert {event.market for event in heard.of(MarketHalted)} == {C}
        count = len(heard.events)
        feed.resync()
        await heard.until(lambda: {type(one) for one in heard.events[count:]} >= {FeedUp, MarketHalted, BookSnapshot})
        await socket.connections[-1].close()
        await heard.until(lambda: len(socket.connections) == 2 and len(heard.of(MarketHalted)) >= 3)

    run(test, [A, B, C])


def test_at_each_connection_it_is_asked_what_trades_and_under_which_terms() -> None:
    now = {A: MarketRules(A, CENTS, terms=("one",)), B: MarketRules(B, CENTS, status="closed")}
    failures = [ReadFailed("no rest today")]

    async def rules(markets: Sequence[str]) -> Sequence[MarketRules]:
        if failures:
            raise failures.pop()
        return [now[market] for market in markets if market in now]

    async def test(socket: Socket, _feed: KalshiFeed, heard: Heard) -> None:
        await heard.until(lambda: A in books(heard))
        assert books(heard) == {A}
        assert len(socket.connections) == 2
        now[A] = MarketRules(A, CENTS, terms=("another",))
        await socket.connections[-1].close()
        await heard.until(lambda: bool(heard.of(MarketHalted)))
        assert heard.of(MarketHalted)[0].market == A

    said = run(test, [A, B, C], rules=rules).lines
    assert any(f"{B} does not trade: closed" in line for line in said)
    assert any(f"{C} does not trade: no such market" in line for line in said)


def test_the_markets_can_change_while_it_runs() -> None:
    async def test(socket: Socket, feed: KalshiFeed, heard: Heard) -> None:
        await up(heard)
        feed.watch([B, C])
        await heard.until(lambda: C in books(heard) and bool(heard.of(BooksLost)))
        assert heard.of(BooksLost)[-1].markets == (A,)
        assert socket.asked("delete_markets") == [[A]]
        assert socket.asked("get_snapshot") == []

    run(test)


def test_a_host_that_refuses_is_tried_again_and_its_words_show_no_key() -> None:
    async def main() -> list[str]:
        lines: list[str] = []
        access = KalshiAccess(Hosts("", "ws://127.0.0.1:9"), credentials())
        feed = KalshiFeed(
            access, [A], WallClock(), rng=Random(1), policy=POLICY, report=lambda _, text: lines.append(text)
        )
        heard = Heard()
        running = asyncio.create_task(feed.run(heard))
        await heard.until(lambda: len(heard.of(BooksLost)) >= 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return lines

    lines = asyncio.run(main())
    assert len(lines) >= 3
    assert KEY_ID not in "".join(lines)


def test_a_direct_feed_asks_rest_what_trades_and_closes_what_it_opened() -> None:
    ranges = [{"start": "0.00", "end": "1.00", "step": "0.01"}]

    def act(request: Request) -> Reply:
        asked = request.query["tickers"].split(",")
        states = {A: "active", B: "closed"}
        listed = [{"ticker": one, "status": states[one], "price_ranges": ranges} for one in asked]
        return says({"markets": listed, "cursor": ""})

    async def main() -> None:
        socket, heard = Socket(), Heard()
        async with serve(socket.handle, "127.0.0.1", 0, close_timeout=0.2) as server, serving(act) as rest:
            port = next(iter(server.sockets)).getsockname()[1]
            access = KalshiAccess(Hosts(rest.hosts.rest, f"ws://127.0.0.1:{port}"), credentials())
            feed = DirectFeed(access, [A, B], rng=Random(1), policy=POLICY)
            assert feed.platforms == (KALSHI,)
            running = asyncio.create_task(feed.run(heard))
            await heard.until(lambda: A in books(heard))
            feed.resync()
            await heard.until(lambda: len(heard.of(BookSnapshot)) >= 2)
            assert books(heard) == {A}
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
