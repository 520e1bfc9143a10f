"""Kalshi's live port, and its reads alone, out of plain values: hosts, key files, times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from transport.feeds.port import FeedClock, WallClock
from transport.kalshi.key_file import SecretFileError, read_key_file
from transport.kalshi.order_wire import OrderWire, WirePolicy
from transport.kalshi.port import KalshiPort, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from transport.live import LiveVenueError
from venues.kalshi.hosts import Hosts
from venues.kalshi.signing import Credentials


@dataclass(frozen=True, slots=True)
class KalshiAccess:
    """Where Kalshi is, and who we are there. Shows neither id nor passphrase."""

    hosts: Hosts
    credentials: Credentials


def access(
    hosts: Hosts, key_id: str, key_file: Path, passphrase_file: Path | None = None, passphrase: str | None = None
) -> KalshiAccess:
    """Read the key. Raises :class:`LiveVenueError`."""
    try:
        return KalshiAccess(hosts, Credentials(key_id, read_key_file(key_file, passphrase_file, passphrase)))
    except SecretFileError as error:
        raise LiveVenueError(f"kalshi.key_file: {error}") from None


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
