"""The frames that are in a hurry, or many: as the wire has them, without the model that checks what peers send.

What is ours was checked when it was made, so on its way out it needs no checking model, only its text. Tests hold
that the text is the one that the model of its type would have.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from protocol.leg import Leg
from protocol.terms import KALSHI, WIRE_VERSION, Action, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import CENT, CONTRACT, price_to_cents, quantity_to_wire
from protocol.wire import ExecuteLeg, LegAck, LegResult


class Frame(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag=""):
    """Base of them all: its fields are the message's, as the wire writes them."""


class AckFrame(Frame, frozen=True, tag=LegAck.wire_type):
    """The fields of :class:`~protocol.wire.LegAck`."""

    leg_id: LegId
    revision: int


class ResultFrame(Frame, frozen=True, kw_only=True, tag=LegResult.wire_type):
    """The fields of :class:`~protocol.wire.LegResult` in its order; what level 1 does not know is not set."""

    leg_id: LegId
    platform: Platform
    success: bool
    filled: int | Decimal
    avg_price: int | Decimal
    order_id: str | None
    error: str | None
    status: Status | UnsetType = UNSET
    cost: int | Decimal | UnsetType = UNSET
    fees: int | Decimal | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    final: bool | UnsetType = UNSET
    paper: bool | UnsetType = UNSET
    trader_id: str | UnsetType = UNSET
    trade_id: TradeId | UnsetType | None = UNSET
    pair_id: PairId | UnsetType | None = UNSET
    market_id: int | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    side: Side | UnsetType = UNSET
    price: int | Decimal | UnsetType = UNSET
    contracts: int | Decimal | UnsetType = UNSET
    latency_ns: int | UnsetType | None = UNSET
    kalshi_market_ticker: str | UnsetType = UNSET
    poly_token: str | UnsetType = UNSET
    arb_type: str | UnsetType | None = UNSET


class LegFrame(Frame, frozen=True, omit_defaults=True, tag=ExecuteLeg.wire_type):
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
