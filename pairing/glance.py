"""What the middle prices of two listings would make of a pair, fees off: where to look, nothing to trade on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from market.fees import SCALE
from market.pair import Pair
from pairing.listing import Listing
from pairing.lockup import edge_per_year, lockup
from protocol.units import DOLLAR, Money, Price

__all__ = ["Glance", "glance", "yearly"]


class Glance(msgspec.Struct, frozen=True):
    """One contract a side, the better of both ways, in 1/10,000 dollar: what is left, and what it costs, with fees."""

    edge: int
    cost: int


def glance(pair: Pair, kalshi: Listing, polymarket: Listing) -> Glance | None:
    """The edge after fees; None where a price is not listed."""
    prices = {outcome.token: outcome.price for outcome in polymarket.outcomes}
    yes, no = prices.get(pair.poly_yes_token), prices.get(pair.poly_no_token)
    kalshi_yes = kalshi.outcomes[0].price
    if yes is None or no is None or kalshi_yes is None:
        return None
    ways = ((kalshi_yes, no), (Price(DOLLAR - kalshi_yes), yes))
    costs = [
        on_kalshi + on_polymarket + _fee(pair, on_kalshi, on_polymarket)
        for on_kalshi, on_polymarket in ways
        if 0 < on_kalshi < DOLLAR and 0 < on_polymarket < DOLLAR
    ]
    return Glance(DOLLAR - min(costs), min(costs)) if costs else None


def yearly(look: Glance | None, kalshi: Listing, polymarket: Listing, now: datetime) -> Decimal | None:
    """The edge as a share of what it costs, by the year until the money is back; None where either is not known."""
    back = lockup(kalshi, polymarket).expected
    if look is None or look.edge <= 0 or back is None or back <= now:
        return None
    return edge_per_year(Money(look.edge), Money(look.cost), back - now)


def _fee(pair: Pair, on_kalshi: Price, on_polymarket: Price) -> int:
    """Of one contract a side, in units of price, rounded up."""
    fees = pair.kalshi_fees().marginal(on_kalshi) + pair.polymarket_fees().marginal(on_polymarket)
    return -(-fees // SCALE)
