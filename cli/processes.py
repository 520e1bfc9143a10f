"""What `arb run controller` and `arb run trader` have in common."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

from actors.alert_desk import SECOND_US, AlertRules
from actors.risk.trader_limits import TraderLimits
from config.settings import Settings
from protocol.terms import Platform
from protocol.units import CENT, Price, money_from_dollars
from transport.alerts import AlertPlan
from transport.journal_port import JournalFile
from transport.logs import add_secret

DAY_US: Final = 24 * 60 * 60 * 1_000_000


def run_loop(main: Coroutine[Any, Any, bool]) -> bool:
    """Run to the end on the fastest loop that this platform has."""
    # A full collection in the middle of an order's way out costs milliseconds; what is there now lives to the end.
    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The loop of uvloop; where this platform has none, the standard one does the same, slower."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop


def version() -> str:
    """The version of this build."""
    try:
        return installed("arb")
    except PackageNotFoundError:
        return "(uninstalled checkout)"


def open_journal(settings: Settings, path: Path) -> JournalFile:
    """A trader's journal; what is long over takes little room in it from now on."""
    return JournalFile(path, prune_before_us=time.time_ns() // 1_000 - settings.journal_days * DAY_US)


def mode(settings: Settings) -> str:
    """Dry or live, and who decided it."""
    return f"{'dry run' if settings.dry_run else 'LIVE'} (by {settings.dry_run_by})"


def trader_limits(settings: Settings, names: Iterable[str]) -> TraderLimits:
    """What a trader of these platforms does at most, whoever asks; one in the controller's process, too."""
    platforms = frozenset(map(Platform, names))
    rate, hour = settings.max_orders_per_second, settings.max_hour_notional_usd
    return TraderLimits(
        platforms=platforms,
        markets=None if settings.markets is None else frozenset(settings.markets),
        max_leg_notional=money_from_dollars(settings.max_leg_notional_usd),
        max_hour_notional=None if hour is None else money_from_dollars(hour),
        orders_per_second={} if rate is None else dict.fromkeys(platforms, rate),
        # The band's ends are prices themselves: nothing is traded at 0 or at a dollar anyway.
        least_price=Price(int(settings.min_price_cents * CENT)),
        most_price=Price(int(settings.max_price_cents * CENT)),
    )


def alert_plan(settings: Settings, where: str, *, summary: bool) -> AlertPlan:
    """Who is told what; nobody, where no URL is given. ``summary``: this process knows what a day has brought."""
    rules = AlertRules(
        repeat_us=settings.alerts_repeat_s * SECOND_US,
        per_hour=settings.alerts_per_hour,
        unknown_us=settings.alerts_unknown_s * SECOND_US,
        summary=summary and settings.alerts_summary,
    )
    urls = tuple(url.get_secret_value() for url in settings.alerts_urls)
    return AlertPlan(urls=urls, rules=rules, zone=settings.risk_zone, hour=settings.risk_day_hour, where=where)


def about(role: str, settings: Settings) -> dict[str, Any]:
    """The head of the status document."""
    return {
        "role": role,
        "version": version(),
        "dry_run": settings.dry_run,
        "dry_run_by": settings.dry_run_by,
        "rehearsal": settings.rehearsal,
    }


def link_token(settings: Settings) -> str | None:
    """The link's secret, never to be seen in a log."""
    if settings.token is None:
        return None
    token = settings.token.get_secret_value()
    add_secret(token)
    return token
