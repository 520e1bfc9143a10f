"""Polymarket's live port, out of plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from transport.feeds.port import FeedClock, WallClock
from transport.kalshi.order_wire import WirePolicy
from transport.polymarket.access import PolymarketAccess
from transport.polymarket.policy import PortPolicy
from transport.polymarket.port import PolymarketPort
from transport.polymarket.rest import PolymarketRest
from transport.polymarket.session import Session
from transport.polymarket.user_socket import UserSocket
from transport.polymarket.wire import PolymarketWire
from transport.venue_rest import RestPolicy


def live_port(  # noqa: PLR0913 -- each by its name; what is not given is as it is in life
    found: PolymarketAccess,
    *,
    timeout_s: float,
    rng: Random,
    markets: Sequence[str] = (),
    report: Callable[[str], None],
    secret: Callable[[str], None] = lambda _: None,
    clock: FeedClock | None = None,
    policy: PortPolicy | None = None,
    rest_policy: RestPolicy | None = None,
) -> PolymarketPort:
    """The port of a trader; nothing is connected yet. ``secret`` hears of each text that no log may show."""
    time, patience = clock or WallClock(), policy or PortPolicy(timeout_s=timeout_s)
    rest = PolymarketRest(found.hosts, time, rng=rng, policy=rest_policy)
    wire = PolymarketWire(
        found.hosts, time, rng=rng, policy=WirePolicy(timeout_s=timeout_s), offset=rest.offset, report=report
    )
    session = Session(found, rest, wire, time, policy=patience, report=report, secret=secret)

    def socket(hint: Callable[[str | None], None]) -> UserSocket:
        return UserSocket(found.hosts.user_ws, lambda: rest.credentials, hint, rng=rng, report=report)

    return PolymarketPort(wire, session, time, policy=patience, markets=markets, socket=socket, report=report)
