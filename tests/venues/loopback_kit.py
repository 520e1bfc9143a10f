"""What the tests of both loopback exchanges need: a clock that stands still, calls that end, a recording in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
import msgspec

from transport.loopback.server import AnyServer

T0: Final = 1_795_300_000_000_000
"""A moment in November 2026, unix microseconds."""

PATIENCE_S: Final = 10.0
BROKEN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
_T = TypeVar("_T")


class HeldClock:
    """Time that stands still until it is told to go on."""

    def __init__(self, unix_us: int = T0) -> None:
        self._unix_us = unix_us
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def unix_us(self) -> int:
        """Microseconds since 1970."""
        return self._unix_us

    def mono_us(self) -> int:
        """The same."""
        return self._unix_us

    async def sleep_us(self, us: int) -> None:
        """Wait until the time was moved that far."""
        if us <= 0:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._unix_us + us, waiting))
        await waiting

    def advance(self, us: int) -> None:
        """Move the time; whoever waited for it goes on."""
        self._unix_us += us
        due = [waiting for at, waiting in self._sleepers if at <= self._unix_us]
        self._sleepers = [(at, waiting) for at, waiting in self._sleepers if at > self._unix_us]
        for waiting in due:
            if not waiting.done():
                waiting.set_result(None)

    def until_next(self) -> int:
        """How long the first of those who sleep still waits."""
        return min(at for at, _ in self._sleepers) - self._unix_us

    @property
    def sleepers(self) -> int:
        """How many wait."""
        return sum(not waiting.done() for _, waiting in self._sleepers)


async def soon(what: Awaitable[_T]) -> _T:
    """The result, in time."""
    return await asyncio.wait_for(what, PATIENCE_S)


async def text(socket: aiohttp.ClientWebSocketResponse) -> str:
    """The next frame, as it came."""
    message = await soon(socket.receive())
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return str(message.data)


@asynccontextmanager
async def served(server: AnyServer) -> AsyncIterator[aiohttp.ClientSession]:
    """The server on its port, and a client for it."""
    await server.start()
    # Every call its own connection: a client that sends again what broke on a kept one would hide a fault.
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as http:
            yield http
    finally:
        await server.stop()


def play_with(calling: Callable[[], AbstractAsyncContextManager[_T]], play: Callable[[_T], Awaitable[None]]) -> None:
    """Have it played to its end."""

    async def main() -> None:
        async with calling() as caller:
            await play(caller)

    asyncio.run(main())


def write(path: Path, *lines: object) -> Path:
    """A recording of these lines."""
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path
