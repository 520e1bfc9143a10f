"""An order as the exchange keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from market.matching.order import SelfTrade
from protocol.units import Money, Price, Quantity

OrderState = Literal["resting", "canceled", "executed"]


@dataclass(slots=True, kw_only=True)
class Order:
    """One order of one account. ``number`` counts them; ``carried`` is its fee accumulator (market/fees.py)."""

    number: int
    order_id: str
    client_order_id: str
    user_id: str
    ticker: str
    shard: int
    is_bid: bool
    price: Price
    initial: Quantity
    left: Quantity
    self_trade: SelfTrade
    created_us: int
    updated_us: int
    expires_s: int | None = None
    cancel_on_pause: bool = False
    order_group_id: str | None = None
    state: OrderState = "resting"
    reason: str | None = None
    taker_filled: int = 0
    taker_cost: int = 0
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    carried: Money = Money(0)
    filled: int = 0
    yes_cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One side of a trade. ``position`` is what the account holds after it."""

    number: int
    trade_id: str
    order_id: str
    client_order_id: str
    ticker: str
    shard: int
    is_bid: bool
    price: Price
    quantity: Quantity
    is_taker: bool
    fee: Money
    position: int
    t_us: int
