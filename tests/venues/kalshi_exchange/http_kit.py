"""A member on a real socket: signed calls and a WebSocket, on the clock of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from tests.venues.kalshi_exchange.kit import T0, headers, new_service
from transport.kalshi_exchange.server import KalshiServer
from venues.kalshi.exchange.rest import ROOT, SOCKET_PATH
from venues.kalshi.exchange.service import KalshiService

PATIENCE_S: Final = 10.0
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


class Caller:
    """Ann, at the exchange's address."""

    def __init__(self, server: KalshiServer, http: aiohttp.ClientSession, clock: HeldClock) -> None:
        self.server = server
        self.clock = clock
        self._http = http

    async def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """A signed call below the root: status and document (raw where it is none)."""
        status, _, text = await self.raw(method, f"{ROOT}{path}", body, query, signed=True)
        try:
            return status, msgspec.json.decode(text) if text else None
        except msgspec.DecodeError:
            return status, text

    async def raw(
        self, method: str, path: str, body: object, query: dict[str, str], *, signed: bool, **more: str
    ) -> tuple[int, Any, bytes]:
        """Any call: status, headers, body."""
        given = headers(method, path, self.server.service.now_us(self.clock.unix_us())) if signed else {}
        url = f"http://127.0.0.1:{self.server.port}{path}"
        data = None if body is None else msgspec.json.encode(body)
        request = self._http.request(method, url, headers=given | more, data=data, params=query)
        async with await soon(request) as response:
            return response.status, response.headers, await soon(response.read())

    async def admin(self, method: str, path: str, body: object = None, **query: str) -> dict[str, Any]:
        """What the operator asks for; it must be done."""
        status, _, text = await self.raw(method, f"/arb-admin/{path}", body, query, signed=False)
        assert status == 200, text
        document: dict[str, Any] = msgspec.json.decode(text)
        return document

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket of hers that does not answer pings by itself."""
        given = headers("GET", SOCKET_PATH, self.clock.unix_us())
        async with self._http.ws_connect(self.server.ws_url, headers=given, autoping=False) as socket:
            yield socket


@asynccontextmanager
async def calling(service: KalshiService | None = None) -> AsyncIterator[Caller]:
    """A service on a port, and ann who calls it, on one clock."""
    clock = HeldClock()
    server = KalshiServer(service or new_service(), clock=clock)
    await server.start()
    # Every call its own connection: a client that sends again what broke on a kept one would hide a fault.
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as http:
            yield Caller(server, http, clock)
    finally:
        await server.stop()


async def frame(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next text frame, read."""
    message = await soon(socket.receive())
    assert message.type is aiohttp.WSMsgType.TEXT, message
    document: dict[str, Any] = msgspec.json.decode(message.data)
    return document
