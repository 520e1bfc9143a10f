"""A member on a real socket: signed calls and a WebSocket, on the clock of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.venues.kalshi_exchange.kit import headers, new_service
from tests.venues.loopback_kit import HeldClock, served, soon, text
from transport.kalshi_exchange.server import KalshiServer
from venues.kalshi.exchange.rest import ROOT, SOCKET_PATH
from venues.kalshi.exchange.service import KalshiService


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
    async with served(server) as http:
        yield Caller(server, http, clock)


async def frame(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next text frame, read."""
    document: dict[str, Any] = msgspec.json.decode(await text(socket))
    return document
