"""Kalshi's live port, out of plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from transport.feeds.port import FeedClock, WallClock
from transport.kalshi.access import KalshiAccess
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
