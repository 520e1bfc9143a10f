"""The settings of risk, as fields to be taken into the one settings model: the limits and the breakers.

In the file they are a table ``[risk]`` without the first word of their names; in the environment they carry it, as in
``ARB_RISK_TOTAL_USD``. A limit that is not given is none.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About

TABLE: Final = "risk_"
"""How the names of these settings begin; what follows is their name in the file's table ``[risk]``."""

MAX_PAIRS: Final = 10_000
MAX_PAIR: Final = 200

_DOLLARS: Final = kinds.decimal(1_000_000_000, 6, zero=True)
_COUNT: Final = kinds.whole(0, 1_000_000)
_SECONDS: Final = kinds.whole(1, 7 * 24 * 3_600)

Dollars = Annotated[Decimal | None, _DOLLARS]
Count = Annotated[int | None, _COUNT]
Seconds = Annotated[int, _SECONDS]


def zone_name() -> kinds.Kind:
    """The IANA name of a time zone that this machine knows."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value.strip() not in {"UTC", *available_timezones()}:
            raise ValueError
        return value.strip()

    return kinds.Kind("the IANA name of a time zone, such as UTC or America/New_York", parse)


def pair_names() -> kinds.Kind:
    """Ids of pairs, each kept once; perhaps none."""

    def parse(value: object) -> tuple[str, ...]:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)) or len(items) > MAX_PAIRS:
            raise ValueError
        names = [item.strip() if isinstance(item, str) else "" for item in items]
        if any(not name or len(name) > MAX_PAIR for name in names):
            raise ValueError
        return tuple(dict.fromkeys(names))

    return kinds.Kind("a comma-separated list of pair ids", parse)


class RiskSettings(BaseModel):
    """What may be at stake, when the trading stops by itself, and what a person is asked.

    Dollars are decimals, times are seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Limits on exposure at cost, fees included
    risk_pair_usd: Annotated[Dollars, About("Most dollars at stake in one pair.", default="no limit")] = None
    risk_event_usd: Annotated[
        Dollars, About("Most dollars at stake in one event, over all of its pairs.", default="no limit")
    ] = None
    risk_venue_usd: Annotated[Dollars, About("Most dollars at stake at one venue.", default="no limit")] = None
    risk_total_usd: Annotated[Dollars, About("Most dollars at stake in all.", default="no limit")] = None
    risk_leg_contracts: Annotated[
        Decimal | None,
        kinds.decimal(100_000_000, 2, zero=True),
        About("Most contracts of one leg.", default="no limit"),
    ] = None
    risk_trades_in_flight: Annotated[Count, About("Most trades that are not over.", default="no limit")] = None
    risk_kalshi_orders_per_second: Annotated[Count, About("Most orders to Kalshi within any second.")] = 10
    risk_polymarket_orders_per_second: Annotated[Count, About("Most orders to Polymarket within any second.")] = 40

    risk_cash_every_s: Annotated[
        int,
        kinds.whole(0, 24 * 3_600),
        About("How often venues are asked what cash is there; 0: never, and cash is no limit."),
    ] = 30

    # Breakers
    risk_daily_loss_usd: Annotated[
        Dollars, About("The trading reduces when so much was lost on one day.", default="no limit")
    ] = None
    risk_day_zone: Annotated[str, zone_name(), About("Time zone of the day.")] = "UTC"
    risk_day_hour: Annotated[int, kinds.whole(0, 23), About("Hour at which the day begins there.")] = 0
    risk_errors_in_row: Annotated[Count, About("Orders that end in an error, one after the other.")] = 10
    risk_error_percent: Annotated[
        int | None, kinds.whole(1, 100), About("Share of a venue's orders that may end in an error within a minute.")
    ] = 50
    risk_mismatches_in_row: Annotated[
        Count, About("Trades of a pair whose fills differ, one after the other, until it is set aside.")
    ] = 3
    risk_set_aside_s: Annotated[Seconds, About("For how long such a pair is set aside.")] = 3_600
    risk_naked_usd: Annotated[Dollars, About("Most dollars without a partner for longer than `risk.naked_s`.")] = (
        Decimal(25)
    )
    risk_naked_s: Annotated[Seconds, About("How long that may last.")] = 30
    risk_unknown_legs: Annotated[Count, About("Most legs whose fate is unknown.")] = 3
    risk_feed_age_s: Annotated[int | None, _SECONDS, About("Longest silence of a feed.", default="no limit")] = None
    risk_clock_offset_ms: Annotated[Count, About("Most that a trader's clock may be off.")] = 1_000
    risk_disk_free_mb: Annotated[Count, About("What must be free on the disk of the ledger.")] = 100
    risk_cool_down_s: Annotated[Seconds, About("How long a breaker stands that needs no person.")] = 60

    # Trades that a person is asked about
    risk_confirm: Annotated[
        Literal["none", "all"], kinds.choice("none", "all"), About("Whether all trades wait for `arb confirm`.")
    ] = "none"
    risk_confirm_pairs: Annotated[
        tuple[str, ...], pair_names(), About("Pairs whose trades wait for it.", default="none")
    ] = ()
    risk_confirm_above_usd: Annotated[
        Dollars, About("Trades that cost more than this, fees included, wait for it.", default="no limit")
    ] = None
    risk_confirm_s: Annotated[Seconds, About("How long a trade waits; then it is not made.")] = 60

    @property
    def risk_zone(self) -> tzinfo:
        """The zone of the day. UTC needs no table of zones, which a small machine may not have."""
        return UTC if self.risk_day_zone == "UTC" else ZoneInfo(self.risk_day_zone)
