"""The loopback Polymarket on a port."""

from __future__ import annotations

import asyncio
from typing import Final

from transport.feeds.port import FeedClock
from transport.loopback.server import LoopbackServer
from venues.polymarket.exchange.admin import Admin
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.hosts import PolymarketHosts

TICK_US: Final = 50_000
"""How often the exchange looks at its clock by itself: settlement, delays, expiry, heartbeats."""


class PolymarketServer(LoopbackServer[PolymarketService]):
    """Serves a :class:`PolymarketService`; see :class:`LoopbackServer`.

    What waits for the sockets leaves with the next look at the clock, too.
    """

    def __init__(self, service: PolymarketService, *, port: int = 0, clock: FeedClock | None = None) -> None:
        super().__init__(service, Admin(service), port=port, clock=clock)
        self._ticking: asyncio.Task[None] | None = None

    @property
    def hosts(self) -> PolymarketHosts:
        """Where each of Polymarket's hosts is."""
        return PolymarketHosts.on_loopback(self.port)

    async def start(self) -> None:
        """Listen. Raises ``OSError`` where the port cannot be had."""
        await super().start()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Close every connection, and stop listening."""
        self.drop_sockets()
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        await super().stop()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep_us(TICK_US)
            self.service.advance(self.now_us())
            self.flush()
