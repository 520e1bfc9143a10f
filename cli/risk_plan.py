"""What the settings say about risk, as the plan that the controller takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from actors.risk.asking import AskRules
from actors.risk.breaker import BreakerRules
from actors.risk.day import TradingDay
from actors.risk.limits import Limits
from actors.risk.plan import RiskPlan
from config.settings import Settings
from protocol.terms import KALSHI, POLYMARKET, PairId
from protocol.units import Money, Quantity, money_from_dollars, quantity_from_text

SECOND_US: Final = 1_000_000
MEGABYTE: Final = 1_000_000


def risk_plan(settings: Settings, precision: Money) -> RiskPlan:
    """The limits, breakers and questions of these settings; paper has the same limits, but no rate of orders."""
    limits = _limits(settings)
    return RiskPlan(
        limits=limits,
        paper=msgspec.structs.replace(limits, orders_per_second={}),
        rules=_rules(settings),
        day=TradingDay(settings.risk_zone, settings.risk_day_hour),
        precision=precision,
        cash_every_us=settings.risk_cash_every_s * SECOND_US or None,
        asks=AskRules(
            everything=settings.risk_confirm == "all",
            pairs=frozenset(map(PairId, settings.risk_confirm_pairs)),
            above=_dollars(settings.risk_confirm_above_usd),
            expires_us=settings.risk_confirm_s * SECOND_US,
        ),
    )


def free_disk(folder: Path) -> Callable[[], int | None]:
    """What is free where this folder lies; None where that cannot be said."""

    def look() -> int | None:
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return None

    return look


def _limits(settings: Settings) -> Limits:
    contracts = settings.risk_leg_contracts
    rates = {KALSHI: settings.risk_kalshi_orders_per_second, POLYMARKET: settings.risk_polymarket_orders_per_second}
    return Limits(
        per_pair=_dollars(settings.risk_pair_usd),
        per_event=_dollars(settings.risk_event_usd),
        per_venue=_dollars(settings.risk_venue_usd),
        total=_dollars(settings.risk_total_usd),
        contracts_per_leg=None if contracts is None else Quantity(quantity_from_text(contracts)),
        trades_in_flight=settings.risk_trades_in_flight,
        orders_per_second={platform: most for platform, most in rates.items() if most is not None},
    )


def _rules(settings: Settings) -> BreakerRules:
    disk = settings.risk_disk_free_mb
    return BreakerRules(
        daily_loss=_dollars(settings.risk_daily_loss_usd),
        errors_in_row=settings.risk_errors_in_row,
        error_percent=settings.risk_error_percent,
        mismatches_in_row=settings.risk_mismatches_in_row,
        naked=_dollars(settings.risk_naked_usd),
        naked_us=settings.risk_naked_s * SECOND_US,
        unknown_legs=settings.risk_unknown_legs,
        feed_age_us=None if settings.risk_feed_age_s is None else settings.risk_feed_age_s * SECOND_US,
        clock_offset_us=None if settings.risk_clock_offset_ms is None else settings.risk_clock_offset_ms * 1_000,
        disk_free_bytes=None if disk is None else disk * MEGABYTE,
        cool_down_us=settings.risk_cool_down_s * SECOND_US,
        set_aside_us=settings.risk_set_aside_s * SECOND_US,
    )


def _dollars(amount: Decimal | None) -> Money | None:
    return None if amount is None else money_from_dollars(amount)
