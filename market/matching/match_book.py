"""The book of one market, with every order in it: who came first at the best price is filled first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from market.events import Level
from market.matching.matcher import planned
from market.matching.order import Arrival, Resting
from market.matching.plan import Plan
from protocol.units import Price, Quantity


class MatchBook:
    """Bids and asks in one price scale. :meth:`plan` looks, :meth:`apply` does; nothing is crossed in between calls.

    Which quantities, prices and owners are allowed is the caller's to check; here they are taken as they come.
    """

    def __init__(self) -> None:
        # Prices in ascending order of the key: asks as they are, bids negated, so that the best is always first.
        self._keys: dict[bool, list[int]] = {True: [], False: []}
        self._at: dict[bool, dict[Price, dict[str, Resting]]] = {True: {}, False: {}}
        self._orders: dict[str, Resting] = {}

    def __contains__(self, order_id: str) -> bool:
        """Whether an order of that id rests here."""
        return order_id in self._orders

    def get(self, order_id: str) -> Resting | None:
        """The order, if it rests here."""
        return self._orders.get(order_id)

    def of(self, owner: str) -> list[Resting]:
        """Everything of one owner, oldest first."""
        return [order for order in self._orders.values() if order.owner == owner]

    def orders(self, *, is_bid: bool) -> Iterator[Resting]:
        """The orders of one side as they would be filled."""
        for key in self._keys[is_bid]:
            yield from self._at[is_bid][Price(-key if is_bid else key)].values()

    def levels(self, *, is_bid: bool) -> list[Level]:
        """Prices with what rests there in all, best first."""
        prices = (Price(-key if is_bid else key) for key in self._keys[is_bid])
        return [(price, self.size(price, is_bid=is_bid)) for price in prices]

    def best(self, *, is_bid: bool) -> Price | None:
        """The best price of that side."""
        keys = self._keys[is_bid]
        return Price(-keys[0] if is_bid else keys[0]) if keys else None

    def size(self, price: Price, *, is_bid: bool) -> Quantity:
        """What rests at that price in all."""
        return Quantity(sum(order.left for order in self._at[is_bid].get(price, {}).values()))

    def plan(self, arrival: Arrival) -> Plan:
        """What the order would do now. Changes nothing."""
        return planned(arrival, self.orders(is_bid=not arrival.is_bid))

    def apply(self, plan: Plan) -> None:
        """Do what the plan says. It must have been made from this book as it is."""
        for match in plan.matches:
            self.reduce(match.maker.order_id, match.quantity)
        for order in plan.gives_way:
            self.cancel(order.order_id)
        if plan.rests:
            arrival = plan.arrival
            self._add(Resting(arrival.order_id, arrival.owner, arrival.is_bid, arrival.price, plan.rests))

    def reduce(self, order_id: str, quantity: Quantity) -> Quantity:
        """Take up to ``quantity`` off an order, which keeps its place; answers with what was taken."""
        order = self._orders.get(order_id)
        if order is None:
            return Quantity(0)
        taken = min(quantity, order.left)
        order.left = Quantity(order.left - taken)
        if not order.left:
            self._remove(order)
        return taken

    def cancel(self, order_id: str) -> Quantity:
        """Take an order out; answers with what was left of it, 0 where none of that id rests here."""
        order = self._orders.get(order_id)
        if order is None:
            return Quantity(0)
        left = order.left
        self._remove(order)
        return left

    def _add(self, order: Resting) -> None:
        levels = self._at[order.is_bid]
        if order.price not in levels:
            levels[order.price] = {}
            insort(self._keys[order.is_bid], -order.price if order.is_bid else order.price)
        levels[order.price][order.order_id] = order
        self._orders[order.order_id] = order

    def _remove(self, order: Resting) -> None:
        del self._orders[order.order_id]
        levels = self._at[order.is_bid]
        del levels[order.price][order.order_id]
        if not levels[order.price]:
            del levels[order.price]
            keys = self._keys[order.is_bid]
            del keys[bisect_left(keys, -order.price if order.is_bid else order.price)]
