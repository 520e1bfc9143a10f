"""One WebSocket of the loopback Kalshi: a ping every ten seconds beside what is said on it."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from aiohttp import ClientConnectionError, web

from transport.feeds.port import FeedClock
from transport.loopback.socket import AnyListener, Socket
from venues.kalshi.exchange.service import KalshiService

HEARTBEAT: Final = b"heartbeat"


class PingingSocket(Socket):
    """Runs until either side ends it."""

    def __init__(
        self, message: web.BaseRequest, listener: AnyListener, service: KalshiService, clock: FeedClock, ping_s: float
    ) -> None:
        super().__init__(message, listener, service, clock)
        self._ping_s = ping_s

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [*super()._jobs(), self._ping()]

    async def _ping(self) -> None:
        with suppress(ClientConnectionError, ConnectionError):
            while True:
                await self._clock.sleep_us(int(self._ping_s * 1_000_000))
                if self._service.faults.socket("no_pings") is None:
                    await self._socket.ping(HEARTBEAT)
