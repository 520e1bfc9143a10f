"""Kalshi's live port and its market data with a key, out of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from protocol.terms import Platform
from transport.feeds.port import Deliver, FeedClock, Report, WallClock, no_report
from transport.kalshi.access import KalshiAccess
from transport.kalshi.feed import FeedPolicy, KalshiFeed, Record
from transport.kalshi.order_wire import OrderWire, WirePolicy
from transport.kalshi.port import KalshiPort, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest


def live_port(
    found: KalshiAccess,
    *,
    timeout_s: float,
    rng: Random,
    markets: Sequence[str] = (),
    report: Callable[[str], None],
    clock: FeedClock | None = None,
) -> KalshiPort:
    """The port of a trader; nothing is connected yet."""
    time = clock or WallClock()
    rest = KalshiRest(found.hosts, found.credentials, time, rng=rng)
    wire = OrderWire(
        found.hosts,
        found.credentials,
        time,
        rng=rng,
        policy=WirePolicy(timeout_s=timeout_s),
        offset=rest.offset,
        report=report,
    )
    policy = PortPolicy(timeout_s=timeout_s)
    return KalshiPort(wire, KalshiReads(rest), time, policy=policy, markets=markets, report=report)


class DirectFeed:
    """Implements ``FeedPort``: Kalshi's market data with a key, and what must be asked of its REST API beside it."""

    def __init__(
        self,
        found: KalshiAccess,
        markets: Iterable[str],
        *,
        rng: Random,
        clock: FeedClock | None = None,
        report: Report = no_report,
        policy: FeedPolicy | None = None,
        record: Record | None = None,
    ) -> None:
        """Nothing is connected yet."""
        time = clock or WallClock()
        self._rest = KalshiRest(found.hosts, found.credentials, time, rng=rng)
        rules = KalshiReads(self._rest).markets
        self.feed = KalshiFeed(found, markets, time, rng=rng, rules=rules, policy=policy, report=report)
        self.feed.record = record

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Kalshi alone."""
        return self.feed.platforms

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`."""
        self.feed.resync()

    def watch(self, markets: Iterable[str]) -> None:
        """From now on these markets, and no others."""
        self.feed.watch(markets)

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled, and close what was opened."""
        try:
            await self.feed.run(deliver)
        finally:
            await self._rest.close()
