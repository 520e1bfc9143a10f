"""The way of an order to Polymarket: on connections of our own, as `transport/kalshi/order_wire.py` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from transport.feeds.port import FeedClock
from transport.kalshi.clock_offset import ClockOffset
from transport.kalshi.order_wire import WarmWire, WirePolicy
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.signing import ApiCredentials


class PolymarketWire(WarmWire):
    """Warm connections to the order book. Each request is signed anew, with the time at which it is written."""

    probe = "/time"

    def __init__(
        self,
        hosts: PolymarketHosts,
        clock: FeedClock,
        *,
        rng: Random,
        policy: WirePolicy | None = None,
        offset: ClockOffset | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(hosts.clob, clock, rng=rng, policy=policy, offset=offset, report=report)
        self.credentials: ApiCredentials | None = None
        """Set once they are there; without them nothing is posted."""

    def signed(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """See :class:`~transport.kalshi.order_wire.WarmWire`."""
        if self.credentials is None:
            raise RuntimeError("an order without credentials")
        return self.credentials.headers(self._clock.unix_us() // 1_000_000, method, path, body)
