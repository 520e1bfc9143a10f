"""One member: keys' owner, money by shard, orders, fills, positions, and the client order ids that are spent."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from protocol.units import Money, Price, Quantity
from venues.kalshi.exchange.order import Fill, Order
from venues.kalshi.exchange.position import Position, unit_cost
from venues.kalshi.exchange.settlement import Settlement
from venues.kalshi.exchange.texts import uuid_text
from venues.kalshi.exchange.view import View

HOUSE: Final = "house"
"""Who the seeded liquidity belongs to: has no limit, and nobody reads its books."""


class Account:
    """The books of one member as they are now; what its reads show may lag behind (:class:`View`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.user_id = uuid_text("user", name)
        self.cash: dict[int, int] = {}
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.positions: dict[str, Position] = {}
        self.settlements: list[Settlement] = []
        self.spent: set[str] = set()
        self.resting: dict[str, dict[str, Order]] = defaultdict(dict)
        self.view = View()

    @property
    def unlimited(self) -> bool:
        """Whether it is the house."""
        return self.name == HOUSE

    def position(self, ticker: str) -> Position:
        """What it holds of the market; kept from now on."""
        return self.positions.setdefault(ticker, Position())

    def move(self, shard: int, money: int) -> None:
        """Money in, or out."""
        self.cash[shard] = self.cash.get(shard, 0) + money

    def reserved(self, shard: int) -> Money:
        """What resting orders would cost that open something."""
        return Money(sum(self._reserved(ticker, shard) for ticker in self.resting))

    def available(self, shard: int) -> Money:
        """What can be spent on the shard."""
        return Money(self.cash.get(shard, 0) - self.reserved(shard))

    def rest(self, order: Order) -> None:
        """The order rests from now on."""
        self.resting[order.ticker][order.order_id] = order

    def unrest(self, order: Order) -> None:
        """The order rests no longer."""
        orders = self.resting.get(order.ticker)
        if orders is not None:
            orders.pop(order.order_id, None)
            if not orders:
                del self.resting[order.ticker]

    def _reserved(self, ticker: str, shard: int) -> int:
        held = self.positions.get(ticker, Position())
        covered = {True: held.closable(Quantity(abs(held.net)), is_bid=True), False: Quantity(max(held.net, 0))}
        money = 0
        for order in self.resting[ticker].values():
            if order.shard == shard:
                free = min(order.left, covered[order.is_bid])
                covered[order.is_bid] = Quantity(covered[order.is_bid] - free)
                money += (order.left - free) * unit_cost(Price(order.price), is_bid=order.is_bid)
        return money
