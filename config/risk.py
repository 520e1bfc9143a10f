"""The settings of risk, as fields to be taken into the one settings model: the limits and the breakers.

In the file they are a table ``[risk]``; in the environment they carry its name, as in ``ARB_RISK_TOTAL_USD``. A limit
that is not given is none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About

_DOLLARS: Final = kinds.decimal(1_000_000_000, 6, zero=True)
_COUNT: Final = kinds.whole(0, 1_000_000)
_SECONDS: Final = kinds.whole(1, 7 * 24 * 3_600)

Dollars = Annotated[Decimal | None, _DOLLARS]
Count = Annotated[int | None, _COUNT]
Seconds = Annotated[int, _SECONDS]


def zone_name() -> kinds.Kind:
    """The IANA name of a time zone that this machine knows."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value.strip() not in available_timezones():
            raise ValueError
        return value.strip()

    return kinds.Kind("the IANA name of a time zone, such as UTC or America/New_York", parse)


class RiskSettings(BaseModel):
    """What may be at stake, and when the trading stops by itself. Dollars are decimals, times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Limits on exposure at cost, fees included
    pair_usd: Annotated[Dollars, About("Most dollars at stake in one pair.", default="no limit")] = None
    event_usd: Annotated[
        Dollars, About("Most dollars at stake in one event, over all of its pairs.", default="no limit")
    ] = None
    venue_usd: Annotated[Dollars, About("Most dollars at stake at one venue.", default="no limit")] = None
    total_usd: Annotated[Dollars, About("Most dollars at stake in all.", default="no limit")] = None
    leg_contracts: Annotated[
        Decimal | None,
        kinds.decimal(100_000_000, 2, zero=True),
        About("Most contracts of one leg.", default="no limit"),
    ] = None
    trades_in_flight: Annotated[Count, About("Most trades that are not over.", default="no limit")] = None
    kalshi_orders_per_second: Annotated[Count, About("Most orders to Kalshi within any second.")] = 10
    polymarket_orders_per_second: Annotated[Count, About("Most orders to Polymarket within any second.")] = 40

    # Breakers
    daily_loss_usd: Annotated[
        Dollars, About("The trading reduces when so much was lost on one day.", default="no limit")
    ] = None
    day_zone: Annotated[str, zone_name(), About("Time zone of the day.")] = "UTC"
    day_hour: Annotated[int, kinds.whole(0, 23), About("Hour at which the day begins there.")] = 0
    errors_in_row: Annotated[Count, About("Orders that end in an error, one after the other.")] = 10
    error_percent: Annotated[
        int | None, kinds.whole(1, 100), About("Share of a venue's orders that may end in an error within a minute.")
    ] = 50
    mismatches_in_row: Annotated[
        Count, About("Trades of a pair whose fills differ, one after the other, until it is set aside.")
    ] = 3
    set_aside_s: Annotated[Seconds, About("For how long such a pair is set aside.")] = 3_600
    naked_usd: Annotated[Dollars, About("Most dollars without a partner for longer than `naked_s`.")] = Decimal(25)
    naked_s: Annotated[Seconds, About("How long that may last.")] = 30
    unknown_legs: Annotated[Count, About("Most legs whose fate is unknown.")] = 3
    feed_age_s: Annotated[int | None, _SECONDS, About("Longest silence of a feed.", default="no limit")] = None
    clock_offset_ms: Annotated[Count, About("Most that a trader's clock may be off.")] = 1_000
    disk_free_mb: Annotated[Count, About("What must be free on the disk of the ledger.")] = 100
    cool_down_s: Annotated[Seconds, About("How long a breaker stands that needs no person.")] = 60

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the day."""
        return ZoneInfo(self.day_zone)
