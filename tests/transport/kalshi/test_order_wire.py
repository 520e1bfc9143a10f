"""An order leaves once, whole, before `post` returns, or not at all."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import select
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest
import uvloop

from tests.shared_data import shared_data
from tests.transport.kalshi.server import Act, Drop, Hang, Reply, Request, Server, says, serving
from tests.venues.kalshi.material import TICKER, credentials, ed25519, leg
from transport.feeds.port import WallClock
from transport.kalshi.connection import Answer, Lost
from transport.kalshi.order_wire import OrderWire, Sent, WirePolicy
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.hosts import Hosts
from venues.kalshi.orders import CREATE, order_body
from venues.kalshi.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_text

HASTY = WirePolicy(timeout_s=0.2, spare=2, most=4, retry_base_s=0.01)
BODY = b'{"an":"order"}'
FINE = says({"fine": True}, 201)


def run(
    act: Callable[[Request], Act],
    test: Callable[[Server, OrderWire], Awaitable[None]],
    policy: WirePolicy = HASTY,
    said: list[str] | None = None,
) -> None:
    async def main() -> None:
        async with serving(act) as server:
            report = (said if said is not None else list[str]()).append
            wire = OrderWire(server.hosts, credentials(), WallClock(), rng=Random(1), policy=policy, report=report)
            await wire.start(5)
            try:
                await test(server, wire)
            finally:
                await wire.close()

    asyncio.run(main())


async def answer_of(wire: OrderWire, body: bytes = BODY) -> Answer | Lost:
    told: asyncio.Future[Answer | Lost] = asyncio.get_running_loop().create_future()
    assert wire.post(CREATE, body, told.set_result) is Sent.WRITTEN
    return await asyncio.wait_for(told, 5)


def never(answer: Answer | Lost) -> None:
    pytest.fail(f"nothing was sent, and yet: {answer}")


def test_an_order_is_answered_on_a_connection_that_was_there() -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        await server.until(lambda: server.connections >= 2)
        answer = await answer_of(wire)
        assert isinstance(answer, Answer)
        assert (answer.status, json.loads(answer.body)) == (201, {"fine": True})
        again = await answer_of(wire)
        assert isinstance(again, Answer)
        first, second = server.posts
        assert first.connection <= 2
        assert first.body == second.body == BODY

    run(lambda _: FINE, test)


def test_the_request_is_the_captured_one_in_path_headers_and_body() -> None:
    vectors = json.loads(shared_data("vectors/kalshi_official_sdk_3.34.0_ed25519.json").read_text(encoding="utf-8"))
    (captured,) = [one for one in vectors["requests"] if one["method"] == "POST"]

    async def test(server: Server, wire: OrderWire) -> None:
        body = order_body(leg(), MarketRules(TICKER, CENTS, shard=0))
        await answer_of(wire, body)
        (request,) = server.posts
        assert request.target == captured["path"]
        assert request.json == captured["body"]
        assert set(request.headers) == set(captured["headers"])
        same = set(captured["headers"]) - {
            "Host", "User-Agent", "Content-Length", SIGNATURE_HEADER, TIMESTAMP_HEADER,
        }  # fmt: skip
        assert {name: request.headers[name] for name in same} == {name: captured["headers"][name] for name in same}
        assert request.headers["Content-Length"] == str(len(body))
        assert request.headers["Host"] == f"127.0.0.1:{server.port}"
        text = signed_text(int(request.headers[TIMESTAMP_HEADER]), "POST", CREATE)
        ed25519().public_key().verify(base64.b64decode(request.headers[SIGNATURE_HEADER]), text.encode())
        assert request.headers[KEY_HEADER] == "test-key-id"

    run(lambda _: FINE, test)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_bytes_have_left_before_post_returns(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The other end has them although the loop has not had a turn since: nothing later overtakes them."""

    async def main() -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            hosts = Hosts(f"http://127.0.0.1:{listener.getsockname()[1]}", "")
            policy = replace(HASTY, spare=1, most=1)
            wire = OrderWire(hosts, credentials(), WallClock(), rng=Random(1), policy=policy)
            await wire.start(5)
            with listener.accept()[0] as other:
                assert wire.post(CREATE, BODY, lambda _: None) is Sent.WRITTEN
                there, _, _ = select.select([other], [], [], 5)
                data = other.recv(65_536) if there else b""
            await wire.close()
            return data

    with asyncio.Runner(loop_factory=loop) as runner:
        data = runner.run(main())
    assert data.startswith(b"POST " + CREATE.encode())
    assert data.endswith(BODY)


@pytest.mark.parametrize(
    "act",
    [
        Drop(),
        Drop(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{"),
        Drop(b"HTTP/1.1 20"),
        Drop(b"nonsense\r\n\r\n"),
        Hang(),
        Reply(201, b"no zip at all", {"Content-Encoding": "gzip"}),
        Reply(201, b"x", {"Content-Encoding": "br"}),
    ],
)
def test_what_is_not_answered_is_lost_and_never_sent_again(act: Act) -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        answer = await answer_of(wire)
        assert isinstance(answer, Lost)
        # The wire connects again by itself, and brings nothing along.
        server.act = lambda _: FINE
        assert isinstance(await answer_of(wire, b"another"), Answer)
        assert [request.body for request in server.posts] == [BODY, b"another"]
        assert len([raw for raw in server.raw if BODY in raw]) == 1

    run(lambda _: act, test)


def test_a_connection_that_died_unseen_in_the_pool_is_not_a_reason_to_send_twice() -> None:
    """The server reads the order, resets the connection, and waits for whoever would try again."""

    async def test(server: Server, wire: OrderWire) -> None:
        assert isinstance(await answer_of(wire, b"first"), Answer)

        def reset(request: Request) -> Act:
            for writer in list(server.writers):
                writer.transport.abort()
            assert request.body == BODY
            return Hang()

        server.act = reset
        before = server.connections
        assert isinstance(await answer_of(wire), Lost)
        await server.until(lambda: server.connections >= before + 2)
        assert [request.body for request in server.posts] == [b"first", BODY]

    run(lambda _: FINE, test)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer_and_followed_nowhere(status: int) -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        answer = await answer_of(wire)
        assert isinstance(answer, Answer)
        assert answer.status == status
        assert len(server.requests) == 1

    run(lambda _: Reply(status, b"", {"Location": "/trade-api/v2/elsewhere"}), test)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_no_status_makes_it_try_again(status: int) -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        answer = await answer_of(wire)
        assert isinstance(answer, Answer)
        assert (answer.status, len(server.posts)) == (status, 1)

    run(lambda _: Reply(status, b"{}", {"Retry-After": "0"}), test)


def test_an_order_that_is_too_late_does_not_leave() -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        now = WallClock().unix_us() // 1_000
        assert wire.post(CREATE, BODY, never, expires_at_ms=now - 1) is Sent.EXPIRED
        assert wire.written == 0
        told: asyncio.Future[Answer | Lost] = asyncio.get_running_loop().create_future()
        assert wire.post(CREATE, b"in time", told.set_result, expires_at_ms=now + 60_000) is Sent.WRITTEN
        await told
        assert [request.body for request in server.posts] == [b"in time"]

    run(lambda _: FINE, test)


def test_without_a_free_connection_nothing_is_sent_and_it_is_said() -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        await server.until(lambda: server.connections >= 1)
        lost: list[Answer | Lost] = []
        sent = [wire.post(CREATE, f"{number}".encode(), lost.append) for number in range(10)]
        assert Sent.NO_CONNECTION in sent
        count = sent.count(Sent.WRITTEN)
        assert 1 <= count <= HASTY.most
        await server.until(lambda: len(server.posts) == count)

    run(lambda _: Hang(), test)


def test_a_host_that_is_not_there_is_tried_again_and_said_once() -> None:
    said: list[str] = []

    async def main() -> None:
        async with serving(lambda _: FINE) as server:
            hosts = Hosts(server.hosts.rest, server.hosts.socket)
        wire = OrderWire(hosts, credentials(), WallClock(), rng=Random(1), policy=HASTY, report=said.append)
        await wire.start(0.3)
        assert wire.post(CREATE, BODY, never) is Sent.NO_CONNECTION
        assert wire.trouble is not None
        await wire.close()

    asyncio.run(main())
    assert len(said) == 1
    assert "cannot connect" in said[0]


def test_whoever_accepts_only_to_drop_is_not_asked_in_a_circle() -> None:
    async def main() -> None:
        count = 0

        def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            count += 1
            writer.transport.abort()

        listener = await asyncio.start_server(drop, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        policy = replace(HASTY, retry_base_s=60)
        hosts = Hosts(f"http://127.0.0.1:{port}", "")
        wire = OrderWire(hosts, credentials(), WallClock(), rng=Random(1), policy=policy)
        await wire.start(0.2)
        await wire.close()
        listener.close()
        assert count <= 4

    asyncio.run(main())


def test_free_connections_are_kept_warm_and_their_dates_measure_the_clock() -> None:
    async def test(server: Server, wire: OrderWire) -> None:
        await server.until(lambda: len(server.probes) >= 2)
        assert server.posts == []
        offset = wire.offset.offset_us
        assert offset is not None
        assert abs(offset) <= 1_100_000
        assert isinstance(await answer_of(wire), Answer)

    run(lambda _: FINE, test, replace(HASTY, keep_warm_s=0.04))


def test_an_answer_may_be_packed_or_be_the_last_of_its_connection() -> None:
    async def test(_server: Server, wire: OrderWire) -> None:
        for _ in range(2):
            answer = await answer_of(wire)
            assert isinstance(answer, Answer)
            assert answer.body == b'{"packed":1}'

    packed = Reply(201, gzip.compress(b'{"packed":1}'), {"Content-Encoding": "gzip", "Connection": "close"}, last=True)
    run(lambda _: packed, test)


def test_closing_loses_what_is_under_way() -> None:
    lost: list[Answer | Lost] = []

    async def test(server: Server, wire: OrderWire) -> None:
        assert wire.post(CREATE, BODY, lost.append) is Sent.WRITTEN
        await server.until(lambda: len(server.posts) == 1)

    run(lambda _: Hang(), test, replace(HASTY, timeout_s=30))
    assert [type(one) for one in lost] == [Lost]
