"""`arb run controller`: settings to options, then the process from start to end."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping

from actors.ports import VenuePort
from cli import pairs_watch
from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.feeds import feed_maker, relay_rules, relayed_markets
from cli.pairs_source import named_pairs, on_approved
from cli.processes import about, alert_plan, link_token, mode, open_journal, run_loop, trader_limits, version
from cli.rehearsal import own_home
from cli.risk_plan import free_disk, risk_plan
from config.home import ArbHome
from config.settings import DEFAULT_SILENCE_S, Settings
from market.fees import DIRECT_PRECISION, RETAIL_PRECISION
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import PLATFORMS, Platform
from protocol.units import Money, Quantity, money_from_dollars, quantity_from_text
from simulation.market_pairs import DEFAULT_PAIRS
from transport.alerts import AlertsError
from transport.controller_process import ControllerOptions, ControllerProcess, FeedMaker
from transport.ids import BootIds, next_boot
from transport.journal import JournalError
from transport.ledger.errors import LedgerError
from transport.ledger.identity import FILE_NAME, open_ledger
from transport.ledger.store import LedgerStore
from transport.link.errors import LinkError
from transport.link.policy import LinkPolicy
from transport.link.tls import server_context
from transport.logs import log_event, setup_logging
from transport.paper_account import PaperAccount
from transport.status_client import StatusError
from transport.tailscale import TailscaleStatus, tailscale_status
from venues.paper.account import AccountError
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

PAPER_FILLS_KEPT = 100_000


def run(settings: Settings) -> int:
    """Run a controller until it is stopped; returns the exit code."""
    setup_logging(level=settings.log_level, as_json=settings.log_json)
    for warning in settings.warnings:
        log_event("CONTROL", "warning", warning)
    pairs, make_feed = _market(settings)
    try:
        return OK if run_loop(_run(settings, pairs, make_feed)) else ERROR
    except (AlertsError, LinkError, StatusError, LedgerError, JournalError, AccountError) as error:
        raise CliError(CONFIGURATION, str(error)) from None


def _market(settings: Settings) -> tuple[list[Pair], FeedMaker]:
    """The pairs and where their books come from; approved ones on the terms of this moment, and watched."""
    if not on_approved(settings):
        pairs = load_pairs(settings)
        return pairs, feed_maker(settings, pairs)
    if settings.feed == "live" and settings.discovery_check_s:
        pairs_watch.check(settings)
    pairs = load_pairs(settings)
    for line in pairs_watch.greeting(settings):
        log_event("PAIRS", "info", line)
    return pairs, pairs_watch.watched(settings, pairs, feed_maker(settings, pairs))


async def _run(settings: Settings, pairs: list[Pair], make_feed: FeedMaker) -> bool:
    own_home(settings)
    tailscale = await tailscale_status()
    process = ControllerProcess(controller_options(settings, pairs, make_feed, tailscale))
    process.take_signals()
    for line in greeting(settings, pairs, tailscale):
        log_event("CONTROL", "info", line)
    return await process.run()


def greeting(settings: Settings, pairs: list[Pair], tailscale: TailscaleStatus) -> Iterator[str]:
    """What a person wants to know first, a fact a line."""
    yield f"arb {version()} controller: {mode(settings)}"
    edge = f"least edge {settings.min_edge_cents}c"
    yield f"feed {settings.feed} (by {settings.source('feed')}): {len(pairs)} pairs, {edge}"
    local = ", ".join(settings.controller_platforms)
    yield f"executes {local} itself" if local else "executes nothing itself (a pure router): every leg needs a trader"
    yield "Tailscale is up" if tailscale.running else str(tailscale.reason)


def load_pairs(settings: Settings) -> list[Pair]:
    """The pairs of the file or the approved ones; the simulated market brings its own."""
    if settings.pairs is None and settings.feed == "sim":
        return list(DEFAULT_PAIRS)
    if settings.pairs is None and not on_approved(settings):
        text = f"pairs: feed {settings.feed} needs pairs: approve some (`arb pairs review`), or give --pairs FILE"
        raise CliError(CONFIGURATION, text)
    return named_pairs(settings)


def rules_of(settings: Settings) -> Rules:
    """The operator's limits of detection."""
    most = settings.max_contracts
    return Rules.from_cents(
        settings.min_edge_cents,
        max_quantity=None if most is None else Quantity(quantity_from_text(most)),
        kalshi_precision=precision_of(settings),
    )


def precision_of(settings: Settings) -> Money:
    """How Kalshi rounds this account's fees."""
    return RETAIL_PRECISION if settings.kalshi_fee_precision == "retail" else DIRECT_PRECISION


def controller_options(
    settings: Settings, pairs: list[Pair], make_feed: FeedMaker, tailscale: TailscaleStatus
) -> ControllerOptions:
    """Everything that the process needs, from the settings."""
    home = settings.home
    home.ensure_run_dir()
    controller_id = home.durable_id("controller_id", f"c{secrets.token_hex(5)}")
    rules = rules_of(settings)
    return ControllerOptions(
        controller_id=controller_id,
        platforms=PLATFORMS,
        dry_run=settings.dry_run,
        rehearsal=settings.rehearsal,
        policy=link_policy(settings, tailscale),
        make_feed=make_feed,
        make_scan=lambda: Scan(pairs, rules),
        ids=ids_of_this_start(home, controller_id),
        local=local_venues(settings),
        heartbeat_us=settings.heartbeat_ms * 1_000,
        leg_timeout_us=settings.leg_timeout_ms * 1_000,
        order_ttl_ms=settings.order_ttl_ms,
        max_silence_us=max_silence_us(settings),
        max_leg_notional=money_from_dollars(settings.max_leg_notional_usd),
        pairs={pair.pair_id: pair for pair in pairs},
        max_unwind_loss=money_from_dollars(settings.max_unwind_loss_usd),
        dispatch_first=None if settings.dispatch_first is None else Platform(settings.dispatch_first),
        open_ledger=lambda: ledger_of(settings),
        open_journal=lambda platform: open_journal(settings, home.ensure() / f"journal-local-{platform}.db"),
        beacon_port=settings.beacon_port,
        beacon_addresses=settings.beacon_addresses,
        tailscale=tailscale,
        socket=home.socket("controller"),
        exit_at_end=settings.exit_at_end,
        risk=risk_plan(settings, precision_of(settings)),
        free_disk=free_disk(home.ensure()),
        about=about("controller", settings) | {"feed": settings.feed, "pairs": len(pairs), "pid": os.getpid()},
        alerts=alert_plan(settings, "controller", summary=True),
        limits=trader_limits(settings, settings.controller_platforms),
        relayed=relayed_markets(settings, pairs),
        relay=relay_rules(settings, max_silence_us(settings)),
        reconcile_every_us=settings.reconcile_every_s * 1_000_000 or None,
    )


def ids_of_this_start(home: ArbHome, controller_id: str) -> BootIds:
    """Ids that no other start of any controller has given or will give."""
    file = home.ensure() / "controller_boot"
    try:
        boot = next_boot(file)
    except ValueError as error:
        raise CliError(CONFIGURATION, str(error)) from None
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot keep {file}: {error.strerror}") from None
    return BootIds(controller_id, boot, time.time_ns() // 1_000_000)


def local_venues(settings: Settings) -> Mapping[Platform, tuple[VenuePort, VenuePort | None]]:
    """Paper venues for the platforms executed here; live ones come with the venues' own clients."""
    return {Platform(name): (paper_port(settings, Platform(name)), None) for name in settings.controller_platforms}


def paper_port(settings: Settings, platform: Platform) -> PaperPort:
    """A paper venue with the account of this home: it survives its traders, as a venue does."""
    account = PaperAccount(settings.home.ensure() / f"paper-{platform}.db")
    cash = None if settings.paper_cash_usd is None else money_from_dollars(settings.paper_cash_usd)
    venue = PaperVenue(platform, keep=PAPER_FILLS_KEPT, precision=precision_of(settings), account=account, cash=cash)
    return PaperPort(venue)


def ledger_of(settings: Settings) -> LedgerStore:
    """The ledger that this home expects; refuses where it is gone or another one."""
    return open_ledger(settings.ledger, settings.home.ensure() / FILE_NAME, secrets.token_hex(8))


def max_silence_us(settings: Settings) -> int | None:
    """The limit on a feed's silence; a recording has no heartbeats, so there it is off unless asked for."""
    seconds = settings.max_silence_s
    if seconds is None:
        seconds = None if settings.feed_file is not None else DEFAULT_SILENCE_S
    return int(seconds * 1_000_000) if seconds else None


def link_policy(settings: Settings, tailscale: TailscaleStatus) -> LinkPolicy:
    """Where to listen and who may connect: this machine and Tailscale, unless told otherwise."""
    if settings.bind is not None:
        bind = tuple((address.host, address.port) for address in settings.bind)
    else:
        hosts = ("127.0.0.1", *(ip for ip in tailscale.self_ips if tailscale.running and ":" not in ip))
        bind = tuple((host, settings.ws_port) for host in hosts)
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = server_context(settings.tls_cert, settings.tls_key)
    return LinkPolicy(bind=bind, token=link_token(settings), insecure=settings.insecure, ssl=tls)
