"""One fill as the paper venue books it."""

from __future__ import annotations

import msgspec

from protocol.terms import Action, LegId, Side
from protocol.units import Money, Price, Quantity


class PaperFill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One level that an order took, in the order's own terms. ``fee`` is what was booked on this fill."""

    leg_id: LegId
    order_id: str
    market: str
    action: Action
    side: Side
    price: Price
    quantity: Quantity
    fee: Money
