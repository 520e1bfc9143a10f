"""How long a pair holds its money, and what an edge is worth by the year."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from pairing.listing import Listing
from protocol.units import DOLLAR, Money, Price

__all__ = ["Lockup", "edge_at", "edge_per_year", "lockup"]

UMA_LIVENESS: Final = timedelta(hours=2)
"""Polymarket pays no sooner than this after the answer was proposed; a dispute takes days."""

SHORTEST: Final = timedelta(hours=1)
"""What an hour's lockup is counted as at least: by the year, a minute's would be any number."""

_YEAR: Final = timedelta(days=365)


class Lockup(msgspec.Struct, frozen=True, kw_only=True):
    """When both legs of a pair have paid. ``expected`` and ``latest`` are None where a venue does not say.

    ``early`` is None where the listing does not say whether Kalshi may close before its time, and ``condition`` when.
    """

    kalshi_close: datetime | None
    polymarket_close: datetime | None
    expected: datetime | None
    latest: datetime | None
    early: bool | None
    condition: str
    settlement_timer_s: int | None


def lockup(kalshi: Listing, polymarket: Listing) -> Lockup:
    """The times of a pair: the later leg's, with what each venue takes to pay."""
    timer = timedelta(seconds=kalshi.settlement_timer_s or 0)
    ends = kalshi.expected_expiry or kalshi.close_time
    # Polymarket's end is when its game begins or its question is due, and is not kept up to date: never alone.
    polymarket_end = polymarket.close_time
    return Lockup(
        kalshi_close=kalshi.close_time,
        polymarket_close=polymarket_end,
        expected=_later(None if ends is None else ends + timer, polymarket_end),
        latest=_later(None if kalshi.latest_expiry is None else kalshi.latest_expiry + timer, polymarket_end),
        early=kalshi.can_close_early,
        condition=kalshi.early_close_condition,
        settlement_timer_s=kalshi.settlement_timer_s,
    )


def _later(kalshi: datetime | None, polymarket: datetime | None) -> datetime | None:
    if kalshi is None or polymarket is None:
        return None
    return max(kalshi, polymarket + UMA_LIVENESS)


def edge_per_year(edge: Money, capital: Money, locked: timedelta) -> Decimal:
    """The share of ``capital`` that ``edge`` is in a year, without compounding: 0.05 is 5 % a year.

    Raises :class:`ValueError` where no capital is locked.
    """
    if capital <= 0:
        raise ValueError("no capital is locked: a share of nothing is no number")
    years = Decimal(max(locked, SHORTEST) // timedelta(seconds=1)) / (_YEAR // timedelta(seconds=1))
    return Decimal(edge) / Decimal(capital) / years


def edge_at(kalshi: Listing, polymarket: Listing, yes: int) -> tuple[Price, Price] | None:
    """The edge of a contract and what it costs at the *listed* prices, before fees; None where those are not known.

    Of the two ways to hold both sides the better one. A listing's prices are a hint where to look, no offer.
    """
    mine, other = kalshi.outcomes, polymarket.outcomes
    ways = ((mine[0].price, other[1 - yes].price), (mine[1].price, other[yes].price))
    costs = [Price(first + second) for first, second in ways if first is not None and second is not None]
    if not costs:
        return None
    return Price(DOLLAR - min(costs)), min(costs)
