"""The book of one market, with every order in it: who came first at the best price is filled first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from market.events import Level
from market.matching.order import Arrival, Resting, SelfTrade, TimeInForce
from market.matching.plan import Ended, Match, Plan
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
        if arrival.post_only and self._crosses(arrival, next(self.orders(is_bid=not arrival.is_bid), None)):
            return Plan(arrival=arrival, canceled=arrival.quantity, ended=Ended.POST_ONLY_CROSS)
        matches, gives_way, left, blocked = self._walk(arrival)
        if not left:
            return Plan(arrival=arrival, matches=matches, gives_way=gives_way)
        if arrival.time_in_force is TimeInForce.FILL_OR_KILL:
            return Plan(arrival=arrival, canceled=arrival.quantity, ended=Ended.KILLED)
        if blocked:
            return Plan(arrival=arrival, matches=matches, gives_way=gives_way, canceled=left, ended=Ended.SELF_TRADE)
        if arrival.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL:
            return Plan(arrival=arrival, matches=matches, gives_way=gives_way, canceled=left, ended=Ended.UNFILLED_REST)
        return Plan(arrival=arrival, matches=matches, gives_way=gives_way, rests=left)

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

    def _walk(self, arrival: Arrival) -> tuple[tuple[Match, ...], tuple[Resting, ...], Quantity, bool]:
        """The matches, own orders that give way, what is left, and whether an own order stands in the way."""
        matches: list[Match] = []
        gives_way: list[Resting] = []
        left = arrival.quantity
        for maker in self.orders(is_bid=not arrival.is_bid):
            if not left or not self._crosses(arrival, maker):
                break
            if maker.owner == arrival.owner:
                if arrival.self_trade is SelfTrade.TAKER_AT_CROSS:
                    return tuple(matches), tuple(gives_way), left, True
                gives_way.append(maker)
                continue
            quantity = min(left, maker.left)
            matches.append(Match(maker, quantity))
            left = Quantity(left - quantity)
        return tuple(matches), tuple(gives_way), left, False

    @staticmethod
    def _crosses(arrival: Arrival, maker: Resting | None) -> bool:
        if maker is None:
            return False
        return maker.price <= arrival.price if arrival.is_bid else maker.price >= arrival.price

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
