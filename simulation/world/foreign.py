"""What must hold while a mad controller shares the traders: their own limits and halts, and whose an order is.

Foreign is an order that the mad one asked for, and that the honest controller neither sent nor took in. Its contracts
are in the account and no trade of the honest ledger; a ledger cannot be asked to know of them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Final

from actors.facts import AnyFact, LegAdopted, LegSent
from actors.leg_checks import exposure
from actors.risk.trader_limits import TraderLimits
from protocol.leg import Leg
from protocol.terms import Action, LegId, Platform, Side
from simulation.world.exchange import Exchange, Order
from simulation.world.late_draws import OWN_NAME
from simulation.world.mad import MadController

HOUR_US: Final = 3_590_000_000
"""An hour less what two clocks may be apart."""

SECOND_US: Final = 1_000_000

Complaint = tuple[str, str]
"""The invariant that does not hold, and what was seen."""


class Foreign:
    """Watches what the traders do for whomever; answers whose an order is."""

    def __init__(self, mad: MadController, limits: TraderLimits, exchanges: Mapping[Platform, Exchange]) -> None:
        """Nothing has left yet."""
        self.mad = mad
        self.limits = limits
        self.exchanges = exchanges
        self.left: dict[str, deque[tuple[int, Leg]]] = defaultdict(deque)
        self.own_halts: dict[str, str] = {}
        """Traders that their own operator has halted, and the time of it in words."""
        self.contents: dict[LegId, Leg] = {}
        """What the honest controller has sent or taken in under each id."""

    # -- steps -----------------------------------------------------------------------------------------------

    def order_leaves(self, trader: str, leg: Leg, now_us: int, *, clock_right: bool) -> Complaint | None:
        """What is against it that the trader itself should have said."""
        if trader in self.own_halts:
            return "own halt", f"{leg.leg_id} leaves {trader}, which its operator halted at {self.own_halts[trader]}"
        left = self.left[trader]
        while left and left[0][0] <= now_us - HOUR_US:
            left.popleft()
        left.append((now_us, leg))
        return self._beyond(trader, leg) or (self._too_fast(trader, leg, now_us) if clock_right else None)

    def _beyond(self, trader: str, leg: Leg) -> Complaint | None:
        limits = self.limits
        risk = exposure(leg.action, leg.limit, leg.quantity)
        if not limits.least_price <= leg.limit <= limits.most_price:
            return "own limits", f"{leg.leg_id} leaves {trader} at {leg.limit}"
        if limits.max_leg_notional is not None and risk > limits.max_leg_notional:
            return "own limits", f"{leg.leg_id} leaves {trader} and can lose {risk}"
        if limits.markets is not None and leg.market not in limits.markets:
            return "own limits", f"{leg.leg_id} leaves {trader} for {leg.market!r}, which is not on its list"
        return None

    def _too_fast(self, trader: str, leg: Leg, now_us: int) -> Complaint | None:
        most = self.limits.orders_per_second.get(leg.platform)
        recent = sum(1 for at, other in self.left[trader] if at > now_us - SECOND_US and other.platform == leg.platform)
        if most is None or recent <= most:
            return None
        return "own limits", f"{leg.leg_id} is order number {recent} of {trader} to {leg.platform} within a second"

    def hour(self) -> Complaint | None:
        """What reached the venues within the hour and was not refused there."""
        most = self.limits.max_hour_notional
        for trader, left in self.left.items():
            spent = sum(exposure(leg.action, leg.limit, leg.quantity) for _, leg in left if self._reached(trader, leg))
            if most is not None and spent > most:
                return "own limits", f"{trader} has had orders for {spent} at the venues within an hour"
        return None

    def _reached(self, trader: str, leg: Leg) -> bool:
        order = self.exchanges[leg.platform].orders.get(leg.leg_id)
        return order is not None and order.refused is None and order.by == trader

    # -- whose it is -----------------------------------------------------------------------------------------

    def told(self, fact: AnyFact) -> Complaint | None:
        """A fact of the honest ledger: nothing that is the mad one's alone may become its own."""
        match fact:
            case LegSent() | LegAdopted():
                mine = self.mad.asked and fact.leg_id.startswith("mad-")
                if mine and (isinstance(fact, LegSent) or self.mad.names == {OWN_NAME}):
                    return "foreign", f"{fact.leg_id} of another controller became a leg of {fact.trade_id}"
                self.contents[fact.leg_id] = _leg(fact)
            case _:
                pass
        return None

    def is_foreign(self, order: Order) -> bool:
        """Whether it is none of the honest controller's."""
        leg = order.leg
        if leg.leg_id not in self.mad.named:
            return False
        honest = self.contents.get(leg.leg_id)
        return honest is None or not honest.asks_the_same(leg)

    def orders(self) -> Iterator[Order]:
        """Every foreign order."""
        for exchange in self.exchanges.values():
            for order in exchange.orders.values():
                if order.leg.leg_id in self.mad.named and self.is_foreign(order):
                    yield order

    def imbalance(self, market: str) -> int:
        """YES less NO that foreign orders have brought."""
        net = 0
        for order in self.orders():
            if (
                order.leg.pair_id == market
                or self.exchanges[order.leg.platform].questions[order.leg.market][0] == market
            ):
                sign = 1 if (order.leg.side is Side.YES) == (order.leg.action is Action.BUY) else -1
                net += sign * order.filled
        return net

    @property
    def bought(self) -> int:
        """Contracts that the mad one's orders have moved, whosever they are by now."""
        orders = (each.orders.get(leg_id) for each in self.exchanges.values() for leg_id in self.mad.asked)
        return sum(order.filled for order in orders if order is not None)

    @property
    def sold(self) -> bool:
        """The mad one has had something sold, or tried to: what the honest one holds may be gone."""
        return any(
            order.leg.action is Action.SELL
            for exchange in self.exchanges.values()
            for order in exchange.orders.values()
            if order.leg.leg_id in self.mad.asked
        )

    @property
    def in_the_way(self) -> bool:
        """The traders may have reached their limit of the hour, or the account is another one by now."""
        return self.limits.max_hour_notional is not None or any(
            leg_id in each.orders for each in self.exchanges.values() for leg_id in self.mad.asked
        )


def _leg(fact: LegSent | LegAdopted) -> Leg:
    return Leg(
        leg_id=fact.leg_id,
        trade_id=fact.trade_id,
        pair_id=fact.pair_id,
        market_id=fact.market_id,
        platform=fact.platform,
        market=fact.market,
        action=fact.action,
        side=fact.side,
        limit=fact.limit,
        quantity=fact.quantity,
    )
