"""One order as we mean it: what is asked of one venue, in our own units."""

from __future__ import annotations

import msgspec

from protocol.terms import Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import Price, Quantity


class Leg(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immediate-or-cancel limit order for ``quantity`` contracts of ``side`` at ``limit`` or better.

    ``market`` is the venue's instrument (Kalshi ticker, Polymarket token of ``side``); ``market_id`` the number
    that the wire gives the pair. It must not be executed at or after ``expires_at_ms`` (unix milliseconds).
    """

    leg_id: LegId
    trade_id: TradeId | None
    pair_id: PairId | None
    market_id: int
    platform: Platform
    market: str
    action: Action
    side: Side
    limit: Price
    quantity: Quantity
    expires_at_ms: int | None = None
    description: str = ""

    def asks_the_same(self, other: Leg) -> bool:
        """Whether the two would do the same at a venue, whatever their ids."""
        return _of_venue(self) == _of_venue(other)


def _of_venue(leg: Leg) -> tuple[object, ...]:
    return leg.platform, leg.market, leg.action, leg.side, leg.limit, leg.quantity
