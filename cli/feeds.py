"""Settings to market data: the controller's own feed, what it has relayed, and what a trader relays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actors.relay_stream import StreamRules
from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from cli.live_venues import kalshi_feed, polymarket_feed
from config.feeds import NONE
from config.kinds import FEED_FILE
from config.settings import Settings
from market.pair import Pair
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from simulation.market import SimulatedMarket
from transport.controller_process import FeedMaker
from transport.feeds.none import NoFeed
from transport.feeds.port import FeedPort, WallClock
from transport.feeds.replay import ReplayFeed
from transport.feeds.several import SeveralFeeds
from transport.feeds.simulated import SimulatedFeed
from transport.logs import log_event


def feed_maker(settings: Settings, pairs: list[Pair]) -> FeedMaker:
    """How to make the controller's own feed, the one that the settings name."""
    file = settings.feed_file
    if file is not None:
        _must_be_there(file, "feed", "--feed")
        speed = settings.speed
        return lambda gate: ReplayFeed(file, WallClock(), speed, hold=gate.idle, report=report)
    if settings.feed == "sim":
        return lambda _gate: simulated(settings, pairs)
    direct = [name for name in PLATFORMS if not is_relayed(settings, name) and instruments(pairs, name)]
    own: list[FeedPort] = []
    if KALSHI in direct:
        own.append(kalshi_feed(settings, instruments(pairs, KALSHI), report))
    if POLYMARKET in direct:
        own.append(polymarket_feed(settings, pairs, instruments(pairs, POLYMARKET), report))
    return lambda _gate: NoFeed() if not own else own[0] if len(own) == 1 else SeveralFeeds(own)


def is_relayed(settings: Settings, platform: Platform) -> bool:
    """Whether live books of the platform are to come from traders."""
    return (settings.feeds_kalshi if platform == KALSHI else settings.feeds_polymarket) == "relay"


def relayed_markets(settings: Settings, pairs: list[Pair]) -> Mapping[Platform, tuple[str, ...]]:
    """The instruments whose books traders are asked for, each once, in the order of the pairs."""
    if settings.feed != "live":
        return {}
    wanted = {name: instruments(pairs, name) for name in PLATFORMS if is_relayed(settings, name)}
    return {platform: markets for platform, markets in wanted.items() if markets}


def instruments(pairs: list[Pair], platform: Platform) -> tuple[str, ...]:
    """The books of a platform that these pairs look at, each once, in their order."""
    names: dict[str, None] = {}
    for pair in pairs:
        own = (pair.kalshi_market_ticker,) if platform == KALSHI else (pair.poly_yes_token, pair.poly_no_token)
        names.update((name, None) for name in own if name is not None)
    return tuple(names)


def relay_rules(settings: Settings, max_silence_us: int | None) -> StreamRules:
    """When a relayed book is too old."""
    return StreamRules(max_lag_us=settings.feeds_max_lag_ms * 1_000, max_silence_us=max_silence_us)


def trader_feed(settings: Settings, pairs: list[Pair]) -> FeedPort | None:
    """What this trader relays, if anything."""
    source = settings.feeds_relay
    if source == NONE:
        return None
    if source == "sim":
        return simulated(settings, pairs)
    if source == "live":
        return kalshi_feed(settings, (), report)
    file = Path(source.removeprefix(FEED_FILE))
    _must_be_there(file, "feeds.relay", "--relay")
    return ReplayFeed(file, WallClock(), settings.speed, report=report)


def simulated(settings: Settings, pairs: list[Pair]) -> SimulatedFeed:
    """The made-up market of these pairs."""
    try:
        market = SimulatedMarket(settings.seed, pairs)
    except ValueError as error:
        raise CliError(CONFIGURATION, f"feed sim: {error}") from None
    return SimulatedFeed(market, WallClock(), report=report)


def report(platform: Platform, text: str) -> None:
    """A feed's line for the log."""
    log_event("FEED", "warning", f"{platform}: {text}")


def _must_be_there(file: Path, name: str, flag: str) -> None:
    if not file.is_file():
        raise CliError(CONFIGURATION, f"{name}: {file} is not a file: give {flag} replay:FILE of a recording")
