"""How long money lies in a pair, and what an edge is worth per year of that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from market.fees import SCALE
from market.pair import Pair
from pairing.listing import Listing
from protocol.units import DOLLAR, Price

__all__ = ["Glance", "Lockup", "glance", "lockup", "per_year"]

UMA: Final = timedelta(hours=2)
"""After the outcome is known Polymarket waits for a dispute for so long; with one, days more (docs/pairs.md)."""

_YEAR: Final = timedelta(days=365)
_LEAST: Final = timedelta(hours=1)
"""No return is told for less: it would be a figure that nobody can earn again and again."""


class Lockup(msgspec.Struct, frozen=True):
    """When a pair's money comes back: as expected, and at the latest; ``early``: it may be sooner."""

    close: datetime | None
    expected: datetime | None
    latest: datetime | None
    early: bool


def lockup(kalshi: Listing, polymarket: Listing) -> Lockup:
    """From what both say: the money is back when the later of the two has paid."""
    timer = timedelta(seconds=kalshi.settlement_timer_s or 0)
    start = polymarket.game_start
    kalshi_end = kalshi.expected_expiry or kalshi.close_time
    # A Polymarket game ends some hours after it starts; its `endDate` says only when it starts.
    poly_end = polymarket.expected_expiry or (start or polymarket.close_time)
    ends = [each for each in (kalshi_end and kalshi_end + timer, poly_end and poly_end + UMA) if each]
    latest = kalshi.latest_expiry or kalshi.close_time
    closes = [each for each in (kalshi.close_time, polymarket.close_time) if each]
    return Lockup(
        close=min(closes, default=None),
        expected=max(ends, default=None),
        latest=latest and latest + timer,
        early=kalshi.can_close_early is not False,
    )


def per_year(edge: int, cost: int, now: datetime, back: datetime | None) -> float | None:
    """The edge as a share of the cost, per year of the time until the money is back; None where that is not known.

    Simple, not compounded. ``edge`` and ``cost`` in the same unit; less than an hour counts as one.
    """
    if back is None or cost <= 0:
        return None
    return edge / cost * (_YEAR / max(back - now, _LEAST))


class Glance(msgspec.Struct, frozen=True):
    """What the listings' middle prices would make of one contract a side, fees off: a look, nothing to trade on.

    In units of price (1/10,000 dollar): what the dearer-to-miss direction costs and leaves.
    """

    edge: int
    cost: int
    sum: int
    """Kalshi's YES and Polymarket's matching token would be equal in price; this is how far the two are apart."""


def glance(pair: Pair, kalshi: Listing, polymarket: Listing) -> Glance | None:
    """The better of both directions; None where a price is not listed."""
    prices = {outcome.token: outcome.price for outcome in polymarket.outcomes}
    yes, no = prices.get(pair.poly_yes_token), prices.get(pair.poly_no_token)
    kalshi_yes = kalshi.outcomes[0].price
    if yes is None or no is None or kalshi_yes is None:
        return None
    ways = ((kalshi_yes, no), (Price(DOLLAR - kalshi_yes), yes))
    found = []
    for on_kalshi, on_polymarket in ways:
        if not (0 < on_kalshi < DOLLAR and 0 < on_polymarket < DOLLAR):
            continue
        cost = on_kalshi + on_polymarket + _fee(pair, on_kalshi, on_polymarket)
        found.append(Glance(DOLLAR - cost, cost, abs(kalshi_yes - yes)))
    return max(found, key=lambda each: each.edge, default=None)


def _fee(pair: Pair, on_kalshi: Price, on_polymarket: Price) -> int:
    """Of one contract a side, in units of price, rounded up."""
    kalshi = pair.kalshi_fees().marginal(on_kalshi)
    polymarket = pair.polymarket_fees().marginal(on_polymarket)
    return -(-(kalshi + polymarket) // SCALE)
