"""Where Kalshi is: the real one, its demo, or one of your own (a rehearsal on this machine)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

API: Final = "/trade-api/v2"
"""How every REST path begins; it is part of what is signed."""

SOCKET: Final = "/trade-api/ws/v2"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Two origins such as ``https://HOST`` and ``wss://HOST``, without a path."""

    rest: str
    socket: str

    @property
    def socket_url(self) -> str:
        """The whole URL of the WebSocket."""
        return f"{self.socket}{SOCKET}"


LIVE: Final = Hosts("https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com")
DEMO: Final = Hosts("https://external-api.demo.kalshi.co", "wss://external-api-ws.demo.kalshi.co")
