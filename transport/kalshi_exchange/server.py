"""The loopback Kalshi on a port."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from transport.feeds.port import FeedClock
from transport.kalshi_exchange.socket import PingingSocket
from transport.loopback.server import HOST, LoopbackServer
from transport.loopback.socket import AnyListener
from venues.kalshi.exchange.admin import Admin
from venues.kalshi.exchange.rest import ROOT, SOCKET_PATH
from venues.kalshi.exchange.service import KalshiService

PING_S: Final = 10.0


class KalshiServer(LoopbackServer[KalshiService]):
    """Serves a :class:`KalshiService`; see :class:`LoopbackServer`."""

    def __init__(
        self,
        service: KalshiService,
        *,
        port: int = 0,
        host: str = HOST,
        clock: FeedClock | None = None,
        ping_s: float = PING_S,
    ) -> None:
        super().__init__(service, Admin(service), port=port, host=host, clock=clock)
        self._ping_s = ping_s

    @property
    def rest_url(self) -> str:
        """Where the REST calls are."""
        return f"http://{self.host}:{self.port}{ROOT}"

    @property
    def ws_url(self) -> str:
        """Where the WebSocket is."""
        return f"ws://{self.host}:{self.port}{SOCKET_PATH}"

    def _socket(self, message: web.BaseRequest, listener: AnyListener) -> PingingSocket:
        return PingingSocket(message, listener, self.service, self._clock, self._ping_s)
