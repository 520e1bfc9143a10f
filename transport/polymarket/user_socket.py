"""The user channel, kept open: it says at once that something happened to an order of ours. Polling finds the same."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from random import Random
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff
from venues.polymarket.signing import ApiCredentials
from venues.polymarket.user_feed import PING, orders_in, subscription

PING_S: Final = 10.0
SILENCE_S: Final = 30.0
OPEN_S: Final = 10.0
MAX_FRAME: Final = 1_000_000


class UserSocket:
    """``hint(order_id)`` for each order that was spoken of, ``hint(None)`` once connected: anything may be new."""

    def __init__(
        self,
        url: str,
        credentials: Callable[[], ApiCredentials | None],
        hint: Callable[[str | None], None],
        *,
        rng: Random,
        report: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._hint = hint
        self._rng = rng
        self._report = report
        self._tls = (tls or client_tls()) if url.startswith("wss:") else None
        self._trouble: str | None = None
        self.connected = False

    async def run(self) -> None:
        """Until cancelled."""
        attempt = 0
        while True:
            try:
                await self._once()
                attempt = 0
            except (OSError, WebSocketException, TimeoutError) as error:
                self._lost(str(error) or type(error).__name__)
            await asyncio.sleep(backoff(attempt, self._rng))
            attempt += 1

    async def _once(self) -> None:
        credentials = self._credentials()
        if credentials is None:
            return
        async with connect(
            self._url, ssl=self._tls, proxy=None, max_size=MAX_FRAME, open_timeout=OPEN_S, ping_interval=None
        ) as socket:
            await socket.send(subscription(credentials))
            self._arrived()
            pinging = asyncio.get_running_loop().create_task(_ping(socket), name="polymarket user ping")
            try:
                while True:
                    # Not `wait_for`: where a frame comes in the same moment it loses a cancellation (Python 3.11).
                    async with asyncio.timeout(SILENCE_S):
                        frame = await socket.recv()
                    for order_id in orders_in(frame):
                        self._hint(order_id)
            finally:
                self.connected = False
                pinging.cancel()
                with contextlib.suppress(asyncio.CancelledError, WebSocketException):
                    await pinging

    def _arrived(self) -> None:
        self.connected = True
        if self._trouble is not None:
            self._trouble = None
            self._report("the user channel is there again")
        self._hint(None)

    def _lost(self, why: str) -> None:
        if self._trouble is None:
            self._report(f"the user channel is gone ({why}): fills are heard of by asking alone")
        self._trouble = why


async def _ping(socket: ClientConnection) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send(PING)
