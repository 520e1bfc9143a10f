"""The one frame that is in a hurry: an order as the wire has it, without the model that checks what peers send.

A leg is ours and was checked when it was made, so on its way out it needs no checking model, only its text. A test
holds that the text is the one that :class:`~protocol.wire.ExecuteLeg` would have.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from protocol.leg import Leg
from protocol.terms import KALSHI, WIRE_VERSION, Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import CENT, CONTRACT, price_to_cents, quantity_to_wire
from protocol.wire import ExecuteLeg


class LegFrame(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag=ExecuteLeg.wire_type):
    """The fields of :class:`~protocol.wire.ExecuteLeg` in its order; ``price`` in cents, ``contracts`` in contracts."""

    market_id: int
    leg_id: LegId
    platform: Platform
    action: Action
    side: Side
    price: int | Decimal
    contracts: int | Decimal
    kalshi_market_ticker: str | None = None
    poly_token: str | None = None
    pair_id: PairId | None = None
    trade_id: TradeId | None = None
    description: str | None = None
    expires_at_ms: int | None = None
    arb_type: str | None = None


def leg_frame(leg: Leg, level: int, arb_type: str | None = None) -> LegFrame:
    """The leg in the wire's words; what only level 2 knows is left out below it."""
    limit, quantity, on_kalshi, knows = leg.limit, leg.quantity, leg.platform == KALSHI, level >= WIRE_VERSION
    return LegFrame(
        leg.market_id,
        leg.leg_id,
        leg.platform,
        leg.action,
        leg.side,
        # Nearly every price and size is whole, and an integer division is the cheapest way to see that.
        price_to_cents(limit) if limit % CENT else limit // CENT,
        quantity_to_wire(quantity) if quantity % CONTRACT else quantity // CONTRACT,
        leg.market if on_kalshi else None,
        None if on_kalshi else leg.market,
        leg.pair_id,
        leg.trade_id if knows else None,
        leg.description,
        leg.expires_at_ms if knows else None,
        arb_type if knows else None,
    )
