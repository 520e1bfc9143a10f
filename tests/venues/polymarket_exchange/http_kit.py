"""A member on a real socket, on the clock of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.venues.loopback_kit import HeldClock, served, soon
from tests.venues.polymarket_exchange.kit import Member, new_service
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.service import PolymarketService


class Caller:
    """Ann, at the exchange's address."""

    def __init__(self, server: PolymarketServer, http: aiohttp.ClientSession, clock: HeldClock) -> None:
        self.server = server
        self.clock = clock
        self.member = Member(server.service)
        self._http = http

    async def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """A signed call: status and document (raw where it is none)."""
        raw = b"" if body is None else msgspec.json.encode(body)
        headers = self.member.headers(method, path, raw)
        status, text = await self.raw(method, path, raw, query, headers)
        try:
            return status, msgspec.json.decode(text)
        except msgspec.DecodeError:
            return status, text

    async def order(self) -> tuple[int, Any]:
        """An order that takes six at 47 cents."""
        return await self.call("POST", "/order", self.member.body(self.member.yes(), "BUY", 2_820_000, 6_000_000))

    async def raw(
        self, method: str, path: str, body: bytes, query: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Any call: status and body."""
        url = f"{self.server.hosts.clob}{path}"
        async with await soon(self._http.request(method, url, headers=headers, data=body, params=query)) as reply:
            return reply.status, await soon(reply.read())

    async def admin(self, method: str, path: str, body: object = None, **query: str) -> Any:  # noqa: ANN401
        """What the operator asks for; it must be done."""
        raw = b"" if body is None else msgspec.json.encode(body)
        status, text = await self.raw(method, f"/arb-admin/{path}", raw, query, {})
        assert status == 200, text
        return msgspec.json.decode(text)

    @asynccontextmanager
    async def socket(self, *tokens: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket that follows these tokens."""
        async with self._http.ws_connect(self.server.hosts.market_ws) as socket:
            await socket.send_json({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True})
            yield socket


@asynccontextmanager
async def calling(service: PolymarketService | None = None) -> AsyncIterator[Caller]:
    """A service on a port, and ann who calls it, on one clock."""
    clock = HeldClock()
    server = PolymarketServer(service or new_service(), clock=clock)
    async with served(server) as http:
        yield Caller(server, http, clock)
