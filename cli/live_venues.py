"""The real venues of a trader, where `--venue live` asks for them; what they need is imported only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from config.kalshi import is_here
from config.settings import Settings
from market.pair import Pair
from protocol.terms import KALSHI, Platform
from transport.feeds.port import FeedPort, Report, WallClock
from transport.live import LiveVenue, LiveVenueError
from transport.logs import add_secret, log_event

if TYPE_CHECKING:
    from transport.kalshi.access import KalshiAccess
    from transport.polymarket.access import PolymarketAccess
    from venues.kalshi.hosts import Hosts
    from venues.polymarket.hosts import PolymarketHosts

NO_LIVE: Final[Mapping[Platform, LiveVenue]] = MappingProxyType({})

EXTRA: Final = "venue: live venues need more than is installed: pip install 'arb[live]'"


def live_venues(settings: Settings, names: Iterable[str]) -> Mapping[Platform, LiveVenue]:
    """The live port of each of these platforms; none at all unless the settings say `live`.

    Raises :class:`CliError` for what is missing in the configuration.
    """
    if settings.venue != "live":
        return NO_LIVE
    if settings.rehearsal:
        return {Platform(name): _rehearsed(settings, Platform(name)) for name in names}
    return {Platform(name): _live(settings, Platform(name)) for name in names}


def kalshi_access(settings: Settings) -> KalshiAccess:
    """Where Kalshi is and who we are there. Raises :class:`CliError` naming the setting that is missing or wrong."""
    try:
        from transport.kalshi.access import access
    except ImportError:
        raise CliError(CONFIGURATION, EXTRA) from None
    from venues.kalshi.hosts import DEMO, LIVE, Hosts

    if settings.kalshi_key_id is None or settings.kalshi_key_file is None:
        text = "kalshi.key_id and kalshi.key_file are missing: make an API key at Kalshi, keep its file (chmod 600), "
        raise CliError(CONFIGURATION, text + f"and name both in the table [kalshi] of {settings.home.config_file}")
    named = LIVE if settings.kalshi_environment == "live" else DEMO
    hosts = Hosts(settings.kalshi_rest_url or named.rest, settings.kalshi_socket_url or named.socket)
    if settings.rehearsal:
        must_be_here(hosts)
    passphrase = settings.kalshi_passphrase
    secret = None if passphrase is None else passphrase.get_secret_value()
    key_id = settings.kalshi_key_id.get_secret_value()
    for hidden in (secret, key_id):
        if hidden is not None:
            add_secret(hidden)
    try:
        return access(hosts, key_id, settings.kalshi_key_file, settings.kalshi_passphrase_file, secret)
    except LiveVenueError as error:
        raise CliError(CONFIGURATION, str(error)) from None


def kalshi_feed(settings: Settings, markets: Iterable[str], report: Report) -> FeedPort:
    """Kalshi's market data with our key. Raises :class:`CliError` as :func:`kalshi_access` does."""
    found = kalshi_access(settings)
    from transport.kalshi.live import DirectFeed

    rng = Random()  # noqa: S311 -- spreads reconnects, guards nothing
    return DirectFeed(found, markets, rng=rng, report=report)


def polymarket_hosts(settings: Settings) -> PolymarketHosts:
    """Where Polymarket is."""
    from venues.polymarket.hosts import LIVE, PolymarketHosts

    if settings.polymarket_url is None:
        if settings.rehearsal:
            text = "rehearsal: polymarket.url is missing: set it to what `arb exchange polymarket` said, or leave "
            raise CliError(CONFIGURATION, text + "`rehearsal` out; or have a made-up one relayed by a trader")
        return LIVE
    return PolymarketHosts.on_loopback(urlsplit(settings.polymarket_url).port or 0)


def polymarket_feed(settings: Settings, pairs: Iterable[Pair], tokens: Iterable[str], report: Report) -> FeedPort:
    """Polymarket's market data, for which nobody needs a key."""
    from transport.polymarket.feed import Asking, FeedPolicy, PolymarketFeed
    from transport.polymarket.public import PublicReads
    from venues.polymarket.facts import claims_of
    from venues.polymarket.keeper import KeeperPolicy

    rng, clock, hosts = Random(), WallClock(), polymarket_hosts(settings)  # noqa: S311 -- spreads reconnects
    policy = FeedPolicy(
        per_connection=settings.feeds_polymarket_tokens,
        connections=settings.feeds_polymarket_connections,
        # A server on this machine may play a recording, whose times are of another day.
        max_lag_ms=settings.feeds_max_lag_ms if settings.polymarket_url is None else None,
        books=KeeperPolicy(every_us=settings.feeds_polymarket_verify_s * 1_000_000),
    )
    asking = Asking(PublicReads(hosts, clock, rng=rng), claims_of(pairs))
    return PolymarketFeed(hosts, tokens, clock, rng=rng, asking=asking, policy=policy, report=report)


def must_be_here(hosts: Hosts) -> None:
    """A rehearsal's other side is made up: raise :class:`CliError` unless Kalshi is on this machine, too."""
    for origin in (hosts.rest, hosts.socket):
        if not is_here(urlsplit(origin).hostname or ""):
            text = f"rehearsal: {origin} is not on this machine: set kalshi.rest_url and kalshi.socket_url to what "
            raise CliError(CONFIGURATION, text + "`arb exchange kalshi` said, or leave `rehearsal` out")


def polymarket_access(settings: Settings) -> PolymarketAccess:
    """Where Polymarket is and whose wallet trades. Raises :class:`CliError` naming what is missing or wrong."""
    try:
        from transport.polymarket.access import access
    except ImportError:
        raise CliError(CONFIGURATION, EXTRA) from None
    if settings.polymarket_key_file is None and settings.polymarket_key_name is None:
        text = (
            "polymarket.key_file is missing: keep the wallet's private key in a file of its own (chmod 600), and name "
        )
        raise CliError(CONFIGURATION, text + f"it in the table [polymarket] of {settings.home.config_file}")
    if settings.polymarket_key_file is not None and settings.polymarket_key_name is not None:
        raise CliError(CONFIGURATION, "polymarket.key_file and polymarket.key_name are both given: keep one of them")
    try:
        return access(
            polymarket_hosts(settings),
            key_file=settings.polymarket_key_file,
            key_name=settings.polymarket_key_name,
            kind=settings.polymarket_wallet_kind,
            wallet=settings.polymarket_wallet,
        )
    except LiveVenueError as error:
        raise CliError(CONFIGURATION, str(error)) from None


def _live(settings: Settings, platform: Platform) -> LiveVenue:
    return _kalshi(settings) if platform == KALSHI else _polymarket(settings)


def _polymarket(settings: Settings) -> LiveVenue:
    found = polymarket_access(settings)
    from transport.polymarket.live import live_port

    return live_port(
        found,
        timeout_s=order_timeout_us(settings) / 1_000_000,
        rng=Random(),  # noqa: S311 -- spreads reconnects, guards nothing
        markets=_tokens(settings),
        report=lambda text: log_event("VENUE", "warning", f"polymarket: {text}"),
        secret=add_secret,
    )


def _tokens(settings: Settings) -> list[str]:
    """The tokens whose markets must be known before their first order: those of the pairs file, and of `markets`."""
    from cli.pairs_source import named_pairs

    pairs = [] if settings.pairs is None else named_pairs(settings)
    tokens = [token for pair in pairs for token in (pair.poly_yes_token, pair.poly_no_token) if token is not None]
    return [*tokens, *(name for name in settings.markets or () if name.isdigit())]


def _rehearsed(settings: Settings, platform: Platform) -> LiveVenue:
    if platform == KALSHI or settings.polymarket_url is not None:
        return _live(settings, platform)
    from cli.rehearsal import other_side

    return other_side(settings, platform)


def _kalshi(settings: Settings) -> LiveVenue:
    found = kalshi_access(settings)
    from transport.kalshi.live import live_port

    return live_port(
        found,
        timeout_s=order_timeout_us(settings) / 1_000_000,
        rng=Random(),  # noqa: S311 -- spreads reconnects, guards nothing
        # A Polymarket token is a number of 77 digits; what is left are tickers.
        markets=[name for name in settings.markets or () if not name.isdigit()],
        report=_report,
    )


def order_timeout_us(settings: Settings) -> int:
    """How long a venue may take to answer an order, so that its answer still reaches the controller in time."""
    return settings.leg_timeout_ms * 1_000 * 4 // 5


def _report(text: str) -> None:
    log_event("VENUE", "warning", f"kalshi: {text}")
