from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from random import Random

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from tests.transport.link_kit import BOUND_S, HOST, Recorder, on_every_loop, serving, turn
from transport.link.client import LinkClient
from transport.link.policy import ClientPolicy, LinkPolicy
from transport.link.server import LinkServer


class Trader:
    """A client with its callbacks recorded, its sleeps counted and not slept, its URL to be changed at will."""

    def __init__(self, url: str, policy: ClientPolicy | None = None) -> None:
        self.heard = Recorder()
        self.url = url
        self.failures: list[tuple[str, int, float]] = []
        self.slept: list[float] = []
        self.client = LinkClient(
            policy or ClientPolicy(close_s=0.2),
            self.heard.callbacks(),
            next_url=self.next_url,
            on_failure=self.on_failure,
            rng=Random(1),
            sleep=self.sleep,
        )

    async def next_url(self) -> str:
        return self.url

    def on_failure(self, reason: str, attempt: int, delay: float) -> None:
        self.failures.append((reason, attempt, delay))
        self.heard.note("failure", attempt, reason)

    async def sleep(self, delay: float) -> None:
        self.slept.append(delay)
        await turn()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LinkClient]:
        task = asyncio.ensure_future(self.client.run())
        try:
            yield self.client
        finally:
            await self.client.stop()
            await asyncio.wait_for(task, BOUND_S)
        assert len(self.heard.all("on_open")) == len(self.heard.all("on_close"))


def _free_port() -> int:
    """A port that nobody listens on (until somebody does)."""
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])


@on_every_loop
async def test_texts_go_both_ways() -> None:
    far = Recorder()
    async with serving(LinkPolicy(), far) as server:
        trader = Trader(f"ws://{HOST}:{server.port}")
        async with trader.running() as client:
            assert await trader.heard.wait("on_open") == (1, f"{HOST}:{server.port}")
            await far.wait("on_open")
            assert client.open_ids == (1,)
            assert client.send(1, "from the trader")
            assert server.send(1, "from the controller")
            assert await far.wait("on_text") == (1, "from the trader")
            assert await trader.heard.wait("on_text") == (1, "from the controller")
            assert await client.drain(1, within=BOUND_S)
        assert not client.send(1, "too late")
        assert (await far.wait("on_close"))[1] == "peer closed (1001): 'the trader stops'"
        assert trader.heard.all("on_close") == [(1, "we closed (1001): 'the trader stops'")]
    assert trader.failures == []


@on_every_loop
async def test_a_text_sent_with_the_answer_to_the_handshake_is_heard() -> None:
    far = Recorder()

    def greet(conn_id: int, peer: str) -> None:
        far.note("on_open", conn_id, peer)
        assert server.send(conn_id, "init")

    async with serving(LinkPolicy(), far, on_open=greet) as server:
        trader = Trader(f"ws://{HOST}:{server.port}")
        async with trader.running():
            assert await trader.heard.wait("on_text") == (1, "init")


@on_every_loop
async def test_a_goodbye_in_the_packet_of_the_handshake_is_heard_at_once() -> None:
    async def greet_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("sec-websocket-key")
        )
        answer = (
            f"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(key)}"
        )
        writer.write(f"{answer}\r\n\r\n".encode() + b"\x81\x02hi" + b"\x88\x02\x03\xe9")
        await reader.read()  # and keeps its socket until the client is gone
        writer.close()
        has_gone.set()

    has_gone = asyncio.Event()
    async with await asyncio.start_server(greet_and_go, HOST, 0) as far:
        trader = Trader(f"ws://{HOST}:{next(iter(far.sockets)).getsockname()[1]}", ClientPolicy(close_s=60.0))
        task = asyncio.ensure_future(trader.client.run())
        await trader.heard.wait("on_close")
        assert trader.heard.events == [
            ("on_open", 1, trader.heard.events[0][2]),
            ("on_text", 1, "hi"),
            ("on_close", 1, "peer closed (1001)"),
        ]
        await trader.client.stop()
        await asyncio.wait_for(task, BOUND_S)
        await asyncio.wait_for(has_gone.wait(), BOUND_S)
        await turn()


@on_every_loop
async def test_it_comes_back_after_the_server_was_restarted_elsewhere() -> None:
    far = Recorder()
    trader = Trader(f"ws://{HOST}:{_free_port()}")
    async with trader.running() as client:
        for number in (1, 2, 3):
            async with serving(LinkPolicy(), far) as server:
                trader.url = f"ws://{HOST}:{server.port}"
                assert (await trader.heard.wait("on_open", number))[0] == number
                assert client.send(number, f"hello {number}")
                await far.wait("on_text", number)
            await trader.heard.wait("on_close", number)
            assert not client.send(number, "into the void")
    assert [text for _, text in far.all("on_text")] == ["hello 1", "hello 2", "hello 3"]
    assert all("is the controller running?" in reason for reason, _, _ in trader.failures)
    assert all(f"{HOST}:" in reason for reason, _, _ in trader.failures)


@on_every_loop
async def test_it_tries_for_ever_ever_slower_and_tells_each_time() -> None:
    trader = Trader(f"ws://{HOST}:{_free_port()}")
    async with trader.running():
        await trader.heard.wait("failure", 40)
    assert [attempt for _, attempt, _ in trader.failures] == list(range(1, len(trader.failures) + 1))
    assert [delay for _, _, delay in trader.failures] == trader.slept[: len(trader.failures)]
    assert trader.slept[0] <= 0.25
    assert max(trader.slept[5:]) > 2.5
    assert max(trader.slept) <= 5.0


@asynccontextmanager
async def _serving_one_word_each(far: Recorder) -> AsyncIterator[str]:
    """The URL of a server that lets everybody in and says goodbye at once."""

    def end(conn_id: int, peer: str) -> None:
        far.note("on_open", conn_id, peer)
        server.close(conn_id, 1000)

    async with serving(LinkPolicy(), far, on_open=end) as server:
        yield f"ws://{HOST}:{server.port}"


@on_every_loop
async def test_a_connection_that_ends_at_once_does_not_make_the_next_attempt_quick() -> None:
    async with _serving_one_word_each(Recorder()) as url:
        trader = Trader(url)
        async with trader.running():
            await trader.heard.wait("on_open", 30)
    assert trader.failures == []
    assert max(trader.slept) > 2.5


@on_every_loop
async def test_a_welcome_makes_the_next_attempt_quick() -> None:
    async with _serving_one_word_each(Recorder()) as url:
        trader = Trader(url)
        trader.heard.on("on_open", trader.client.welcomed)
        async with trader.running():
            await trader.heard.wait("on_open", 30)
    assert max(trader.slept) <= 0.25


@on_every_loop
async def test_a_connection_that_lived_makes_the_next_attempt_quick() -> None:
    async with _serving_one_word_each(Recorder()) as url:
        trader = Trader(url, ClientPolicy(steady_s=0.0, close_s=0.2))
        async with trader.running():
            await trader.heard.wait("on_open", 30)
    assert max(trader.slept) <= 0.25


@pytest.mark.parametrize("how", ["welcomed", "steady"])
@on_every_loop
async def test_after_a_good_connection_attempts_are_counted_from_one_again(how: str) -> None:
    far = Recorder()
    trader = Trader(f"ws://{HOST}:{_free_port()}", ClientPolicy(steady_s=0.0 if how == "steady" else 60.0, close_s=0.2))
    if how == "welcomed":
        trader.heard.on("on_open", trader.client.welcomed)
    async with trader.running():
        await trader.heard.wait("failure", 5)
        async with serving(LinkPolicy(), far) as server:
            nowhere, trader.url = trader.url, f"ws://{HOST}:{server.port}"
            await trader.heard.wait("on_open")
            before, trader.url = len(trader.failures), nowhere
        await trader.heard.wait("failure", before + 3)
    assert [attempt for _, attempt, _ in trader.failures[before : before + 3]] == [1, 2, 3]
    # The way back is begun at once, and the first failure on it waits no longer than any first one.
    back = trader.slept[before : before + 2]
    assert max(back) <= 0.25


@pytest.mark.parametrize("status", [401, 403, 426])
@on_every_loop
async def test_a_refusal_is_told_and_tried_again_at_the_cap(status: int) -> None:
    def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no\n")

    async with serve(_never, HOST, 0, process_request=refuse) as far:
        trader = Trader(f"ws://{HOST}:{next(iter(far.sockets)).getsockname()[1]}")
        async with trader.running():
            await trader.heard.wait("failure", 3)
    assert all(f"({status})" in reason for reason, _, _ in trader.failures)
    assert all(2.5 <= delay <= 5.0 for _, _, delay in trader.failures)


async def _never(_connection: ServerConnection) -> None:
    raise AssertionError("nobody was to get in")


@on_every_loop
async def test_the_token_is_shown_and_a_wrong_one_is_refused() -> None:
    far = Recorder()
    async with serving(LinkPolicy(token="right"), far) as server:
        url = f"ws://{HOST}:{server.port}"
        wrong = Trader(url, ClientPolicy(token="wrong"))
        async with wrong.running():
            assert "token (401)" in (await wrong.heard.wait("failure"))[1]
        right = Trader(url, ClientPolicy(token="right"))
        async with right.running():
            await right.heard.wait("on_open")
            await far.wait("on_open")
    assert len(far.all("on_open")) == 1
    assert "right" not in "".join(reason for reason, _, _ in wrong.failures)


@on_every_loop
async def test_no_redirect_is_followed_so_the_token_goes_nowhere_else() -> None:
    asked: list[str] = []

    def note(_connection: ServerConnection, request: Request) -> None:
        asked.append(request.headers.get("Authorization", ""))

    async with serve(_never, HOST, 0, process_request=note) as thief:
        elsewhere = f"ws://{HOST}:{next(iter(thief.sockets)).getsockname()[1]}/"

        def redirect(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "over there\n")
            response.headers["Location"] = elsewhere
            return response

        async with serve(_never, HOST, 0, process_request=redirect) as far:
            trader = Trader(f"ws://{HOST}:{next(iter(far.sockets)).getsockname()[1]}", ClientPolicy(token="secret"))
            async with trader.running():
                await trader.heard.wait("failure", 2)
    assert asked == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9001", "127.0.0.1:9001", "", "ws://", "ws://u:pw@127.0.0.1:1/", "ws://h:x"]
)
@on_every_loop
async def test_what_is_no_url_is_told_without_repeating_it(url: str) -> None:
    trader = Trader(url)
    async with trader.running():
        _, reason = await trader.heard.wait("failure")
    assert "ws://HOST:PORT" in reason
    assert "pw" not in reason


@on_every_loop
async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
        monkeypatch.setenv(name, f"http://{HOST}:{_free_port()}")
        monkeypatch.setenv(name.upper(), f"http://{HOST}:{_free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(LinkPolicy(), Recorder()) as server:
        trader = Trader(f"ws://{HOST}:{server.port}")
        async with trader.running():
            await trader.heard.wait("on_open")
    assert trader.failures == []


@on_every_loop
async def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server((HOST, 0)) as mute:
        trader = Trader(f"ws://{HOST}:{mute.getsockname()[1]}", ClientPolicy(handshake_s=0.1))
        async with trader.running():
            assert "no answer in time" in (await trader.heard.wait("failure"))[1]


@on_every_loop
async def test_a_server_that_speaks_something_else_is_told() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(babble, HOST, 0)
    async with server:
        trader = Trader(f"ws://{HOST}:{next(iter(server.sockets)).getsockname()[1]}")
        async with trader.running():
            assert "no WebSocket server" in (await trader.heard.wait("failure"))[1]


@on_every_loop
async def test_drop_is_at_once_and_it_comes_back() -> None:
    far = Recorder()
    async with serving(LinkPolicy(), far) as server:
        trader = Trader(f"ws://{HOST}:{server.port}")
        async with trader.running() as client:
            await trader.heard.wait("on_open")
            client.drop(1, "silent for 15 s")
            assert trader.heard.all("on_close") == []
            await turn()
            assert trader.heard.all("on_close") == [(1, "silent for 15 s")]
            await trader.heard.wait("on_open", 2)
            client.close(2, 1000, "enough")
            await trader.heard.wait("on_open", 3)
            await far.wait("on_open", 3)
    assert [number for number, _ in trader.heard.all("on_close")] == [1, 2, 3]


@on_every_loop
async def test_cancelling_run_cuts_the_connection_and_reports_it() -> None:
    far = Recorder()
    async with serving(LinkPolicy(), far) as server:
        trader = Trader(f"ws://{HOST}:{server.port}")
        task = asyncio.ensure_future(trader.client.run())
        await trader.heard.wait("on_open")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert trader.heard.all("on_close") == [(1, "the link was stopped")]
        await far.wait("on_close")


async def _wait_for_ever() -> str:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("place", ["before run", "waiting for a beacon", "sleeping", "in the handshake"])
@on_every_loop
async def test_stop_ends_it_wherever_it_is(place: str) -> None:
    reached = asyncio.Event()

    async def hang(_delay: float = 0) -> str:
        reached.set()
        return await _wait_for_ever()

    with socket.create_server((HOST, 0)) as mute:
        trader = Trader(f"ws://{HOST}:{mute.getsockname()[1] if place == 'in the handshake' else _free_port()}")
        hooks: dict[str, Callable[[], None]] = {
            "before run": reached.set,
            "waiting for a beacon": lambda: setattr(trader.client, "_next_url", hang),
            "sleeping": lambda: setattr(trader.client, "_sleep", hang),
            "in the handshake": reached.set,
        }
        hooks[place]()
        if place == "before run":
            await trader.client.stop()
        task = asyncio.ensure_future(trader.client.run())
        await asyncio.wait_for(reached.wait(), BOUND_S)
        await turn()
        await trader.client.stop()
        await asyncio.wait_for(task, BOUND_S)
        await trader.client.stop()


@on_every_loop
async def test_stop_is_bounded_when_the_server_does_not_answer() -> None:
    far = Recorder()
    server = LinkServer(LinkPolicy(close_s=0.1), far.callbacks())
    await server.start()
    trader = Trader(f"ws://{HOST}:{server.port}")
    task = asyncio.ensure_future(trader.client.run())
    await trader.heard.wait("on_open")
    await far.wait("on_open")
    for end in server._ends:
        end.wire.pause_reading()
    await trader.client.stop()
    await asyncio.wait_for(task, BOUND_S)
    assert len(trader.heard.all("on_close")) == 1
    await server.stop()


@on_every_loop
async def test_an_error_of_the_one_who_names_the_url_is_not_swallowed() -> None:
    async def broken() -> str:
        raise ZeroDivisionError

    heard = Recorder()
    client = LinkClient(ClientPolicy(), heard.callbacks(), next_url=broken, on_failure=lambda *_: None, rng=Random(1))
    with pytest.raises(ZeroDivisionError):
        await client.run()
    with pytest.raises(RuntimeError):
        await client.run()
