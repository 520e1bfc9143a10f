"""`arb run trader`: settings to options, then the process from start to end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping

from actors.ports import VenuePort
from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.processes import about, link_token, mode, run_loop, version
from cli.run_controller import PAPER_FILLS_KEPT, precision_of
from config.settings import Settings
from protocol.terms import Platform
from protocol.units import money_from_dollars
from transport.link.errors import LinkError
from transport.link.policy import ClientPolicy
from transport.link.tls import client_context
from transport.logs import log_event, setup_logging
from transport.status_client import StatusError
from transport.trader_process import TraderOptions, TraderProcess
from transport.udp import BeaconPortError
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue


def run(settings: Settings) -> int:
    """Run a trader until it is stopped; returns the exit code."""
    setup_logging(level=settings.log_level, as_json=settings.log_json)
    for warning in settings.warnings:
        log_event("CONTROL", "warning", warning)
    if settings.venue == "live":
        raise CliError(CONFIGURATION, "venue: the venues' live clients are not part of this version; use --venue paper")
    try:
        return OK if run_loop(_run(settings)) else ERROR
    except (LinkError, StatusError, BeaconPortError) as error:
        raise CliError(CONFIGURATION, str(error)) from None


async def _run(settings: Settings) -> bool:
    process = TraderProcess(trader_options(settings))
    process.take_signals()
    platforms = ", ".join(settings.platforms)
    log_event("CONTROL", "info", f"arb {version()} trader: {mode(settings)}")
    log_event("CONTROL", "info", f"executes {platforms} on venue {settings.venue} (by {settings.source('venue')})")
    return await process.run()


def trader_options(settings: Settings) -> TraderOptions:
    """Everything that the process needs, from the settings."""
    home = settings.home
    home.ensure_run_dir()
    name = settings.name or f"{os.getpid()}"
    trader_id = home.durable_id(f"trader_id-{settings.name or 'default'}", f"t{secrets.token_hex(5)}")
    return TraderOptions(
        trader_id=trader_id if settings.name is None else f"{settings.name}-{trader_id}",
        dry_run=settings.dry_run,
        venues=paper_venues(settings),
        max_leg_notional=money_from_dollars(settings.max_leg_notional_usd),
        venue_timeout_us=settings.leg_timeout_ms * 1_000 * 4 // 5,
        url=settings.websocket_url,
        beacon_port=settings.beacon_port,
        any_beacon_source=settings.insecure,
        policy=client_policy(settings),
        one_shot=settings.one_shot,
        socket=home.socket(f"trader-{name}"),
        about=about("trader", settings) | {"venue": settings.venue, "pid": os.getpid()},
    )


def paper_venues(settings: Settings) -> Mapping[Platform, tuple[VenuePort, VenuePort | None]]:
    """A paper venue for each platform."""
    platforms = (Platform(name) for name in settings.platforms)
    return {
        p: (PaperPort(PaperVenue(p, keep=PAPER_FILLS_KEPT, precision=precision_of(settings))), None) for p in platforms
    }


def client_policy(settings: Settings) -> ClientPolicy:
    """How the trader proves itself, and whose certificate it believes."""
    tls = client_context(settings.tls_ca) if settings.tls_ca is not None else None
    return ClientPolicy(token=link_token(settings), ssl=tls)
