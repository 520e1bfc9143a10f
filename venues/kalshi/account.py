"""Orders, fills, positions and balances as Kalshi lists them, page by page, and the fate of a leg that they prove.

Every function here takes one body and raises one of :data:`venues.kalshi.replies.UNREADABLE` where it makes no sense; a
page with one senseless entry is no page. Unknown fields and words are let be: there is a new one every week.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from protocol.holdings import SettledMarket
from protocol.leg import Leg
from protocol.outcome import Outcome, believable
from protocol.terms import Side
from protocol.units import CENT, DOLLAR, USD, Money, Price, Quantity, money_from_dollars, notional, quantity_from_text
from venues.kalshi.orders import BOOK_SIDE
from venues.kalshi.replies import fill_status, product, unknown

CENT_MONEY: Final = USD // 100
OVER: Final = frozenset({"canceled", "executed"})
"""Statuses of an order of which nothing is left in the book."""


class Order(msgspec.Struct, frozen=True, gc=False):
    """One order of ours."""

    order_id: str
    client_order_id: str
    ticker: str
    status: str
    fill_count_fp: str
    remaining_count_fp: str = "0"
    initial_count_fp: str = "0"
    book_side: str | None = None
    created_time: datetime | None = None
    exchange_index: int | None = None

    @property
    def filled(self) -> Quantity:
        """What of it was filled. Raises :class:`UnitError`."""
        return quantity_from_text(self.fill_count_fp)


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One trade of ours. Which of its two ids is the newer name changes; they are the same."""

    order_id: str
    count_fp: str
    yes_price_dollars: str
    no_price_dollars: str
    fee_cost: str
    ticker: str = ""
    market_ticker: str = ""
    fill_id: str = ""
    trade_id: str = ""
    is_taker: bool = True
    book_side: str | None = None
    created_time: datetime | None = None
    ts: int | None = None

    @property
    def key(self) -> str:
        """What no other fill has."""
        return self.fill_id or self.trade_id

    @property
    def market(self) -> str:
        """The market's ticker."""
        return self.ticker or self.market_ticker

    @property
    def quantity(self) -> Quantity:
        """How much was traded. Raises :class:`UnitError`."""
        return quantity_from_text(self.count_fp)

    def cost(self, side: Side) -> Money:
        """What it cost, or brought, as contracts of that side, without fees."""
        return product(self.yes_price_dollars if side is Side.YES else self.no_price_dollars, self.quantity)

    @property
    def unix_s(self) -> float:
        """When it was, in seconds; 0 where nothing says it."""
        if self.created_time is not None:
            return self.created_time.timestamp()
        return float(self.ts or 0)


class Position(msgspec.Struct, frozen=True, gc=False):
    """What is held of one market: above zero YES, below zero NO."""

    ticker: str
    position_fp: str
    last_updated_ts: datetime | None = None
    exchange_index: int | None = None

    @property
    def contracts(self) -> Quantity:
        """Signed. Raises :class:`UnitError`."""
        return quantity_from_text(self.position_fp)


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """A market that was paid out, what was held of it, and what that brought (whole cents)."""

    ticker: str
    market_result: str
    yes_count_fp: str
    no_count_fp: str
    revenue: int
    settled_time: datetime
    value: int | None = None

    @property
    def settled(self) -> SettledMarket | None:
        """The same in our units; None where its numbers do not agree with each other. Raises :class:`UnitError`."""
        yes, no = quantity_from_text(self.yes_count_fp), quantity_from_text(self.no_count_fp)
        worth = {"yes": DOLLAR, "no": 0}.get(self.market_result)
        if worth is None and self.value is not None and 0 <= self.value * CENT <= DOLLAR:
            worth = self.value * CENT
        if worth is None or (yes * worth + no * (DOLLAR - worth)) // CENT_MONEY != self.revenue:
            return None
        return SettledMarket(self.ticker, yes, no, Price(worth), int(self.settled_time.timestamp() * 1_000_000))


class ShardBalance(msgspec.Struct, frozen=True, gc=False):
    """Cash on one shard."""

    exchange_index: int
    balance: str

    @property
    def cash(self) -> Money:
        """Raises :class:`UnitError`."""
        return money_from_dollars(self.balance)


class Balance(msgspec.Struct, frozen=True, gc=False):
    """All cash, and where it is."""

    balance_dollars: str
    balance_breakdown: list[ShardBalance] = []

    @property
    def cash(self) -> Money:
        """Raises :class:`UnitError`."""
        return money_from_dollars(self.balance_dollars)


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """Tokens a second, and the most that collect."""

    refill_rate: int
    bucket_capacity: int


class Limits(msgspec.Struct, frozen=True, gc=False):
    """What this account may ask in a second."""

    usage_tier: str
    read: Bucket
    write: Bucket


class ShardStatus(msgspec.Struct, frozen=True, gc=False):
    """Whether one shard trades."""

    exchange_index: int
    exchange_active: bool
    trading_active: bool
    description: str = ""


class ExchangeStatus(msgspec.Struct, frozen=True, gc=False):
    """Whether the exchange trades, in all and shard by shard."""

    exchange_active: bool
    trading_active: bool
    exchange_estimated_resume_time: str | None = None
    exchange_index_statuses: list[ShardStatus] = []


class Cutoff(msgspec.Struct, frozen=True, gc=False):
    """Orders that were over before this are in the archive alone."""

    orders_updated_ts: datetime


class _AsOf(msgspec.Struct, gc=False):
    as_of_time: datetime


class _Orders(msgspec.Struct, gc=False):
    orders: list[Order]
    cursor: str | None = None


class _OneOrder(msgspec.Struct, gc=False):
    order: Order


class _Fills(msgspec.Struct, gc=False):
    fills: list[Fill]
    cursor: str | None = None


class _Settlements(msgspec.Struct, gc=False):
    settlements: list[Settlement]
    cursor: str | None = None


class _Positions(msgspec.Struct, gc=False):
    market_positions: list[Position]
    cursor: str | None = None


_orders: Final = msgspec.json.Decoder(_Orders)
_one_order: Final = msgspec.json.Decoder(_OneOrder)
_fills: Final = msgspec.json.Decoder(_Fills)
_positions: Final = msgspec.json.Decoder(_Positions)
_settlements: Final = msgspec.json.Decoder(_Settlements)
_as_of: Final = msgspec.json.Decoder(_AsOf)
_balance: Final = msgspec.json.Decoder(Balance).decode
read_limits: Final = msgspec.json.Decoder(Limits).decode
read_exchange_status: Final = msgspec.json.Decoder(ExchangeStatus).decode
read_cutoff: Final = msgspec.json.Decoder(Cutoff).decode


def read_orders(body: bytes) -> tuple[list[Order], str]:
    """One page of orders, and the cursor of the next; empty after the last."""
    page = _orders.decode(body)
    for order in page.orders:
        _ = order.filled
    return page.orders, page.cursor or ""


def read_order(body: bytes) -> Order:
    """One order, asked for by its id."""
    order = _one_order.decode(body).order
    _ = order.filled
    return order


def read_fills(body: bytes) -> tuple[list[Fill], str]:
    """One page of fills, and the cursor of the next."""
    page = _fills.decode(body)
    for fill in page.fills:
        _ = fill.quantity, fill.cost(Side.YES), fill.cost(Side.NO), money_from_dollars(fill.fee_cost)
    return page.fills, page.cursor or ""


def read_positions(body: bytes) -> tuple[list[Position], str]:
    """One page of positions, and the cursor of the next."""
    page = _positions.decode(body)
    for position in page.market_positions:
        _ = position.contracts
    return page.market_positions, page.cursor or ""


def read_settlements(body: bytes) -> tuple[list[Settlement], str]:
    """One page of markets that were paid out, and the cursor of the next."""
    page = _settlements.decode(body)
    for settlement in page.settlements:
        _ = settlement.settled
    return page.settlements, page.cursor or ""


def read_balance(body: bytes) -> Balance:
    """Cash, checked. Raises :class:`UnitError` and msgspec's errors."""
    balance = _balance(body)
    _ = balance.cash, [one.cash for one in balance.balance_breakdown]
    return balance


def read_as_of(body: bytes) -> datetime:
    """Up to when the reads of orders, fills, positions and balance are complete."""
    return _as_of.decode(body).as_of_time


def order_of(leg: Leg, orders: Iterable[Order]) -> Order | None:
    """The leg's own order among these."""
    return next((order for order in orders if order.client_order_id == leg.leg_id), None)


def fills_of(order_id: str, fills: Iterable[Fill]) -> list[Fill]:
    """The fills of that order, each once."""
    return list(
        {fill.key or str(number): fill for number, fill in enumerate(fills) if fill.order_id == order_id}.values()
    )


def outcome_of(leg: Leg, order: Order, fills: Sequence[Fill]) -> Outcome:
    """What the order and its fills prove of the leg.

    Final only when both are there and agree; where fills are missing yet, what they cost is taken at the leg's limit,
    the worst that it can be.
    """
    meant = BOOK_SIDE[leg.action, leg.side]
    if order.ticker != leg.market or order.book_side not in {None, meant}:
        why = f"the order of this id is {order.book_side} on {order.ticker}, and not {meant} on {leg.market}"
        return msgspec.structs.replace(unknown(leg, why), order_id=order.order_id)
    filled = order.filled
    if order.status not in OVER:
        held = unknown(leg, f"the order is {order.status[:40]}, not over")
        return msgspec.structs.replace(held, order_id=order.order_id, filled=filled)
    known, cost, fees = sums(leg.side, fills)
    missing = Quantity(filled - known)
    if missing > 0:
        cost = Money(cost + notional(leg.limit, missing))
    filled = max(filled, known)
    outcome = Outcome(
        leg_id=leg.leg_id,
        status=fill_status(leg, filled),
        filled=filled,
        cost=cost,
        fees=fees,
        order_id=order.order_id,
        error=None if filled else "nothing to take at the limit",
        final=missing == 0,
    )
    return believable(outcome)


def sums(side: Side, fills: Iterable[Fill]) -> tuple[Quantity, Money, Money]:
    """Quantity, cost as contracts of that side, and fees."""
    listed = list(fills)
    quantity = Quantity(sum(fill.quantity for fill in listed))
    cost = Money(sum(fill.cost(side) for fill in listed))
    return quantity, cost, Money(sum(money_from_dollars(fill.fee_cost) for fill in listed))


def filled_so_far(leg: Leg, order_id: str, fills: Sequence[Fill], told: Outcome) -> Outcome | None:
    """The outcome that a reply told, made exact and final by its fills; None while some of them are missing."""
    mine = fills_of(order_id, fills)
    quantity, cost, fees = sums(leg.side, mine)
    if quantity != told.filled:
        return None
    return believable(msgspec.structs.replace(told, cost=cost, fees=fees, final=True))
