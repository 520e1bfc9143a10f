"""Market data from sockets: a WebSocket client a venue, read through the venue's own decoder, each step stamped."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect

from bench.stamps import Stamps
from market.events import FeedBatch, FeedUp
from protocol.terms import Platform
from transport.feeds.port import Deliver
from venues.capture import DECODERS


class StampedConnection(ClientConnection):
    """Notes when the loop has read bytes, before the library looks at them."""

    read_ns = 0

    def data_received(self, data: bytes) -> None:
        """Asyncio's callback."""
        self.read_ns = time.perf_counter_ns()
        super().data_received(data)


class SocketFeed:
    """Implements ``FeedPort``: one connection a venue, once :attr:`urls` is set."""

    def __init__(self, stamps: Stamps) -> None:
        self.urls: asyncio.Future[dict[Platform, str]] = asyncio.get_running_loop().create_future()
        self._stamps = stamps

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Every venue that has a decoder."""
        return tuple(DECODERS)

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled, or until both venues have gone."""
        urls = await self.urls
        await asyncio.gather(*(self._listen(platform, url, deliver) for platform, url in urls.items()))

    def resync(self) -> None:
        """A run whose scanner fails is no measurement: nothing is said again."""

    async def _listen(self, platform: Platform, url: str, deliver: Deliver) -> None:
        decoder = DECODERS[platform]()
        stamps = self._stamps
        options: dict[str, Any] = {"create_connection": StampedConnection, "max_size": None}
        async with connect(url, compression=None, ping_interval=None, **options) as client:
            connection = cast("StampedConnection", client)
            deliver(FeedBatch(platform, time.time_ns() // 1_000, (FeedUp(),), is_data=False))
            async for frame in connection:
                stamps.handed = time.perf_counter_ns()
                stamps.read = connection.read_ns
                decoded = decoder.decode(frame)
                stamps.decoded = time.perf_counter_ns()
                deliver(FeedBatch(platform, time.time_ns() // 1_000, decoded.events, decoded.is_data))
                stamps.over()
