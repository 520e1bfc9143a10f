"""What the tests of the link share: both event loops, a recorder of callbacks, and a peer without manners."""

from __future__ import annotations

import asyncio
import base64
import functools
import inspect
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
import uvloop

from transport.link.callbacks import LinkCallbacks
from transport.link.policy import LinkPolicy
from transport.link.server import LinkServer

BOUND_S = 20.0
"""No test waits longer for anything; a healthy one takes milliseconds."""
HOST = "127.0.0.1"

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9


def on_every_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test coroutine on each loop, bounded in time; it fails when it leaves a task behind or an error unseen."""

    @pytest.mark.parametrize("loop", LOOPS)
    def run(loop: str, **fixtures: object) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(_bounded(test(**fixtures)))

    functools.update_wrapper(run, test)
    wanted = list(inspect.signature(test).parameters.values())
    loop = inspect.Parameter("loop", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = inspect.Signature([*wanted, loop])  # type: ignore[attr-defined]
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


async def _bounded(test: Coroutine[Any, Any, None]) -> None:
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    await asyncio.wait_for(test, BOUND_S)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
    assert not unseen, f"errors that nobody saw: {unseen}"


async def turn() -> None:
    """One turn of the loop: what was ready has run, what can be written is written."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


class Recorder:
    """Every callback in order, as (what, conn_id, text), and a way to wait for them."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, str]] = []
        self.refused: list[tuple[str, str]] = []
        self._news = asyncio.Event()
        self._reactions: dict[str, Callable[[], None]] = {}

    def callbacks(self, **replaced: Callable[[int, str], None]) -> LinkCallbacks:
        named = {name: self._recorder(name) for name in ("on_open", "on_text", "on_garbage", "on_close")}
        return LinkCallbacks(**(named | replaced))

    def on_refused(self, peer: str, reason: str) -> None:
        self.refused.append((peer, reason))
        self._news.set()

    def on(self, what: str, react: Callable[[], None]) -> None:
        """Call ``react`` from inside every callback of this kind."""
        self._reactions[what] = react

    def note(self, what: str, conn_id: int, text: str) -> None:
        self.events.append((what, conn_id, text))
        self._news.set()
        if what in self._reactions:
            self._reactions[what]()

    def all(self, what: str) -> list[tuple[int, str]]:
        return [(conn_id, text) for name, conn_id, text in self.events if name == what]

    async def wait(self, what: str, count: int = 1) -> tuple[int, str]:
        """The ``count``-th event of this kind, once it has come."""
        await self._until(lambda: len(self.all(what)) >= count)
        return self.all(what)[count - 1]

    async def wait_refused(self, count: int = 1) -> str:
        await self._until(lambda: len(self.refused) >= count)
        return self.refused[count - 1][1]

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), BOUND_S)

    def _recorder(self, what: str) -> Callable[[int, str], None]:
        return lambda conn_id, text: self.note(what, conn_id, text)


@asynccontextmanager
async def serving(
    policy: LinkPolicy, recorder: Recorder, **replaced: Callable[[int, str], None]
) -> AsyncIterator[LinkServer]:
    server = LinkServer(policy, recorder.callbacks(**replaced), on_refused=recorder.on_refused)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    opened, closed = recorder.all("on_open"), recorder.all("on_close")
    assert sorted(number for number, _ in opened) == sorted(number for number, _ in closed), "one on_close each"


class RawPeer:
    """A socket on which a test says exactly what it wants, WebSocket or not."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        sock = socket.socket()
        sock.setblocking(False)  # noqa: FBT003 -- the socket module's own signature
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, (HOST, port)), BOUND_S)
        except OSError:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    async def upgraded(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        peer = await cls.connect(port, receive_buffer=receive_buffer)
        answer = await peer.ask(upgrade_request(port))
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return peer

    async def ask(self, request: bytes) -> bytes:
        """Send bytes, and read until a head of HTTP is complete or the other end has closed."""
        await self.write(request)
        said = b""
        while b"\r\n\r\n" not in said and (chunk := await self.read()):
            said += chunk
        return said

    async def write(self, data: bytes) -> None:
        await asyncio.wait_for(self._loop.sock_sendall(self.sock, data), BOUND_S)

    async def read(self) -> bytes:
        return await asyncio.wait_for(self._loop.sock_recv(self.sock, 65_536), BOUND_S)

    async def read_to_end(self) -> bytes:
        said = b""
        while chunk := await self.read():
            said += chunk
        return said

    def end_of_file(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


def upgrade_request(port: int, *headers: str) -> bytes:
    key = base64.b64encode(bytes(16)).decode()
    lines = [
        "GET / HTTP/1.1",
        f"Host: {HOST}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole frame as a client must send it; masked with zeros, so that the payload stays readable."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


def fails_with(response: bytes, status: int) -> bool:
    return response.startswith(b"HTTP/1.1 %d " % status)
