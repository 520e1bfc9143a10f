"""What the matching engine is given, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocol.units import Price, Quantity


class TimeInForce(StrEnum):
    """How long an order stays: all at once or nothing, what is there and no more, or until it is canceled."""

    FILL_OR_KILL = "fill_or_kill"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    GOOD_TILL_CANCELED = "good_till_canceled"


class SelfTrade(StrEnum):
    """What gives way where an owner would trade with themselves: the arriving order, or the one that rests."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An order on its way into the book; ``price`` is the most a bid pays, the least an ask takes."""

    order_id: str
    owner: str
    is_bid: bool
    price: Price
    quantity: Quantity
    time_in_force: TimeInForce = TimeInForce.IMMEDIATE_OR_CANCEL
    self_trade: SelfTrade = SelfTrade.TAKER_AT_CROSS
    post_only: bool = False


@dataclass(slots=True)
class Resting:
    """An order in the book; ``left`` goes down as it is filled."""

    order_id: str
    owner: str
    is_bid: bool
    price: Price
    left: Quantity
