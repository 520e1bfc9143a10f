"""`arb run trader`: settings to options, then the process from start to end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Final

from actors.ports import VenuePort
from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.feeds import trader_feed
from cli.live_venues import NO_LIVE, live_venues, order_timeout_us
from cli.pairs_source import named_pairs
from cli.processes import about, alert_plan, link_token, mode, open_journal, run_loop, trader_limits, version
from cli.rehearsal import own_home
from cli.run_controller import paper_port
from config.feeds import NONE
from config.settings import Settings
from protocol.terms import POLYMARKET, Platform
from protocol.units import money_from_dollars
from simulation.market_pairs import DEFAULT_PAIRS
from transport.alerts import AlertsError
from transport.journal import JournalError, JournalInUse
from transport.journal_port import JournalFile
from transport.link.errors import LinkError
from transport.link.policy import ClientPolicy
from transport.link.tls import client_context
from transport.live import KeepsOrders, LiveVenue, LiveVenueError
from transport.logs import log_event, setup_logging
from transport.rehearsal import OtherSide
from transport.status_client import StatusError
from transport.trader_process import TraderOptions, TraderProcess
from transport.udp import BeaconPortError
from venues.paper.account import AccountError

MAX_UNNAMED: Final = 16
"""Traders of one home that need no name."""


def run(settings: Settings) -> int:
    """Run a trader until it is stopped; returns the exit code."""
    setup_logging(level=settings.log_level, as_json=settings.log_json)
    for warning in settings.warnings:
        log_event("CONTROL", "warning", warning)
    try:
        return OK if run_loop(_run(settings)) else ERROR
    except (AlertsError, LinkError, StatusError, BeaconPortError, JournalError, AccountError, LiveVenueError) as error:
        raise CliError(CONFIGURATION, str(error)) from None


async def _run(settings: Settings) -> bool:
    own_home(settings)
    process = TraderProcess(trader_options(settings, live_venues(settings, settings.platforms)))
    process.take_signals()
    platforms = ", ".join(settings.platforms)
    log_event("CONTROL", "info", f"arb {version()} trader: {mode(settings)}")
    if settings.feeds_relay != NONE:
        log_event("CONTROL", "info", f"relays {settings.feeds_relay} (by {settings.source('feeds_relay')})")
    log_event("CONTROL", "info", f"executes {platforms} on venue {settings.venue} (by {settings.source('venue')})")
    return await process.run()


def trader_options(settings: Settings, live: Mapping[Platform, LiveVenue] = NO_LIVE) -> TraderOptions:
    """Everything that the process needs, from the settings; ``live`` are the venues that are real."""
    home = settings.home
    home.ensure_run_dir()
    # Before the journal is opened: what is wrong with the feed must leave nothing open.
    feed = trader_feed(settings, list(DEFAULT_PAIRS) if settings.pairs is None else named_pairs(settings))
    if feed is not None and isinstance(other := live.get(POLYMARKET), OtherSide):
        feed = other.fed_by(feed)
    name, journal = own_journal(settings)
    for venue in live.values():
        if isinstance(venue, KeepsOrders):
            venue.keep_in(journal)
    trader_id = home.durable_id(f"trader_id-{name}", f"t{secrets.token_hex(5)}")
    return TraderOptions(
        trader_id=trader_id if settings.name is None else f"{settings.name}-{trader_id}",
        max_clock_offset_us=settings.max_clock_offset_ms * 1_000,
        open_journal=lambda: journal,
        dry_run=settings.dry_run,
        rehearsal=settings.rehearsal,
        venues={platform: (paper, live.get(platform)) for platform, (paper, _) in paper_venues(settings).items()},
        live=tuple(live.values()),
        max_leg_notional=money_from_dollars(settings.max_leg_notional_usd),
        venue_timeout_us=order_timeout_us(settings),
        url=settings.websocket_url,
        beacon_port=settings.beacon_port,
        any_beacon_source=settings.insecure,
        policy=client_policy(settings),
        one_shot=settings.one_shot,
        socket=home.socket(f"trader-{settings.name or os.getpid()}"),
        about=about("trader", settings) | {"venue": settings.venue, "pid": os.getpid()},
        limits=trader_limits(settings, settings.platforms),
        alerts=alert_plan(settings, f"trader {name}", summary=False),
        feed=feed,
    )


def own_journal(settings: Settings) -> tuple[str, JournalFile]:
    """The trader's name among those of this home, and its journal.

    A trader that is not named takes the first name whose journal no other process has: the same one again after a
    crash, with what was open in it. A name that was given is not changed.
    """
    home = settings.home.ensure()
    base = settings.name or "-".join(settings.platforms)
    names = [base] if settings.name else [base, *(f"{base}-{number}" for number in range(2, MAX_UNNAMED + 1))]
    for name in names[:-1]:
        try:
            return name, open_journal(settings, home / f"journal-{name}.db")
        except JournalInUse:
            continue
    return names[-1], open_journal(settings, home / f"journal-{names[-1]}.db")


def paper_venues(settings: Settings) -> Mapping[Platform, tuple[VenuePort, VenuePort | None]]:
    """A paper venue for each platform."""
    return {Platform(name): (paper_port(settings, Platform(name)), None) for name in settings.platforms}


def client_policy(settings: Settings) -> ClientPolicy:
    """How the trader proves itself, and whose certificate it believes."""
    tls = client_context(settings.tls_ca) if settings.tls_ca is not None else None
    return ClientPolicy(token=link_token(settings), ssl=tls)
