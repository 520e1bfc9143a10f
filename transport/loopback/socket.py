"""One WebSocket of an exchange: commands in, frames out in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from aiohttp import ClientConnectionError, WSMsgType, web

from transport.feeds.port import FeedClock
from venues.loopback.service import AnyService
from venues.loopback.session import Listener

MOST_WAITING: Final = 100_000
"""Frames that wait for a slow reader; one more, and the exchange gives it up in its own way."""

ROOM: Final = 2_000
"""A recording that is played without pauses waits while more than this wait."""

AnyListener = Listener[Any, Any]


class Socket:
    """Runs until either side ends it."""

    def __init__(self, message: web.BaseRequest, listener: AnyListener, service: AnyService, clock: FeedClock) -> None:
        self._message = message
        self._listener = listener
        self._service = service
        self._clock = clock
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=service.most_command, timeout=1.0)
        self._something = asyncio.Event()
        self._space = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()

    async def run(self, heard: Callable[[], Awaitable[None]]) -> web.StreamResponse:
        """Serve it; ``heard`` is awaited after each command."""
        await self._socket.prepare(self._message)
        tasks = [asyncio.create_task(job) for job in self._jobs()]
        try:
            async for frame in self._socket:
                if frame.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    continue
                self._service.command(self._listener, frame.data, self._clock.unix_us())
                self.flush()
                await heard()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._space.set()
            self._sent.set()
        return self._socket

    def flush(self) -> None:
        """Have the writer send what waits; give up what is too slow, break what is to be broken."""
        listener = self._listener
        if len(listener.waiting) > MOST_WAITING and not listener.session.broken:
            listener.waiting = listener.session.overflow(self._service.now_us(self._clock.unix_us()))
        if listener.session.broken:
            self.drop()
        elif listener.waiting:
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

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        """What runs while commands are heard."""
        return [self._write()]

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
