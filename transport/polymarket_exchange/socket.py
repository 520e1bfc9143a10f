"""One WebSocket of the loopback Polymarket: commands in, frames out in their order. It sends no pings of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import ClientConnectionError, WSMsgType, web

from transport.feeds.port import FeedClock
from venues.polymarket.exchange.service import Listener, PolymarketService
from venues.polymarket.exchange.session import MAX_COMMAND

MOST_WAITING: Final = 100_000
"""Frames that wait for a slow reader; one more, and the connection ends."""

ROOM: Final = 2_000
"""A recording that is played without pauses waits while more than this wait."""


class Socket:
    """Runs until either side ends it."""

    def __init__(
        self, message: web.BaseRequest, listener: Listener, service: PolymarketService, clock: FeedClock
    ) -> None:
        self._message = message
        self._listener = listener
        self._service = service
        self._clock = clock
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_COMMAND, timeout=1.0)
        self._something = asyncio.Event()
        self._space = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()

    async def run(self, heard: Callable[[], Awaitable[None]]) -> web.StreamResponse:
        """Serve it; ``heard`` is awaited after each command."""
        await self._socket.prepare(self._message)
        writer = asyncio.create_task(self._write())
        try:
            async for frame in self._socket:
                if frame.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    continue
                self._service.command(self._listener, frame.data, self._clock.unix_us())
                self.flush()
                await heard()
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._space.set()
            self._sent.set()
        return self._socket

    def flush(self) -> None:
        """Have the writer send what waits; break what is too slow, or what is to be broken."""
        if self._listener.session.broken or len(self._listener.waiting) > MOST_WAITING:
            self.drop()
        elif self._listener.waiting:
            self._sent.clear()
            self._something.set()

    def drop(self) -> None:
        """Break the connection, without a word."""
        self._service.disconnect(self._listener)
        self._listener.waiting = []
        if self._message.transport is not None:
            self._message.transport.abort()

    async def hang_up(self) -> None:
        """Send what waits, then end the connection without a word."""
        self._service.disconnect(self._listener)
        await self._sent.wait()
        if self._message.transport is not None:
            self._message.transport.close()

    async def room(self) -> None:
        """Wait until the reader has taken most of what waits."""
        while len(self._listener.waiting) > ROOM and not self._socket.closed and self._message.transport is not None:
            self._space.clear()
            await self._space.wait()

    async def _write(self) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._listener.waiting:
                    frames, self._listener.waiting = self._listener.waiting, []
                    self._space.set()
                    for text in frames:
                        await self._socket.send_str(text)
                self._sent.set()
        except (ClientConnectionError, ConnectionError):
            # The reader is gone: nobody is to wait for room, or for what is not sent any more.
            self._service.disconnect(self._listener)
            self._listener.waiting = []
            self._space.set()
            self._sent.set()
