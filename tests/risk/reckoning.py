"""Every order of a made-up day with what was told of it, added up from the beginning: no code of the book of money."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.facts import Purpose
from actors.risk.limits import Kind, Scope
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, PairId, Platform, Side, TradeId
from tests.risk.kit import EVENTS, Market


class Order(msgspec.Struct):
    """An order with what really became of it, and what of that was told."""

    leg: Leg
    purpose: Purpose
    truth: Outcome
    told: list[Outcome] = []

    @property
    def last(self) -> Outcome | None:
        return max(self.told, key=lambda each: (each.revision, each.status.proven), default=None)

    @property
    def proven(self) -> Outcome | None:
        return max((each for each in self.told if each.status.proven), key=lambda each: each.revision, default=None)

    @property
    def closed(self) -> bool:
        last = self.last
        return last is not None and last.status.proven and last.final


class Reckoning:
    """What is at stake, of these orders and of what is kept for their trades."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.orders: dict[LegId, Order] = {}
        self.kept: dict[TradeId, dict[Platform, int]] = {}
        self.pair_of: dict[TradeId, PairId] = {}

    def worst(self, leg: Leg) -> int:
        assert leg.pair_id is not None
        return self.market(leg.pair_id, leg.platform).worst(leg.limit, leg.quantity)

    def outlay(self, order: Order) -> int:
        proven = order.proven
        return 0 if proven is None or order.leg.action is Action.SELL else proven.cost + proven.fees

    def open(self, order: Order) -> int:
        if order.leg.action is Action.SELL or order.closed:
            return 0
        claimed = order.last.cost + order.last.fees if order.last is not None else 0
        return max(0, max(self.worst(order.leg), claimed) - self.outlay(order))

    def used(self, trade_id: TradeId, platform: Platform) -> int:
        mine = (each for each in self.orders.values() if (each.leg.trade_id, each.leg.platform) == (trade_id, platform))
        return sum(self.open(each) + self.outlay(each) for each in mine)

    def lines(self) -> Iterator[tuple[PairId, Platform, int]]:
        """Every amount at stake, with what it is counted against."""
        pools: dict[tuple[PairId, Platform, Side], tuple[int, int]] = {}
        for each in self.orders.values():
            leg, proven = each.leg, each.proven
            assert leg.pair_id is not None
            yield leg.pair_id, leg.platform, self.open(each)
            if proven is not None and (leg.action is Action.BUY or each.closed):
                key = (leg.pair_id, leg.platform, leg.side)
                pools[key] = self.pooled(*pools.get(key, (0, 0)), leg.action, proven)
        for (pair_id, platform, _), (held, cost) in pools.items():
            yield pair_id, platform, cost if held >= 0 else max(0, -held * 10_000 - cost)
        for trade_id, kept in self.kept.items():
            for platform, line in kept.items():
                yield self.pair_of[trade_id], platform, max(0, line - self.used(trade_id, platform))

    @staticmethod
    def pooled(held: int, cost: int, action: Action, proven: Outcome) -> tuple[int, int]:
        """Average cost, one fill after the other. Of a short the cost is what was received for it."""
        buys = action is Action.BUY
        left = int(proven.filled)
        money = proven.cost + (proven.fees if buys else -proven.fees)
        sign = 1 if buys else -1
        if held * sign < 0 and left:
            part = min(abs(held), left)
            cost -= cost * part // abs(held)
            share = abs(money) * part // left
            money = money - share if money >= 0 else money + share
            held, left = held + sign * part, left - part
        if left:
            held, cost = held + sign * left, cost + money
        return held, cost

    def recount(self) -> dict[Scope, int]:
        sums: dict[Scope, int] = {}
        for pair_id, platform, amount in self.lines():
            names = {Kind.PAIR: pair_id, Kind.EVENT: EVENTS.get(pair_id, pair_id), Kind.VENUE: platform, Kind.TOTAL: ""}
            for kind, name in names.items():
                sums[Scope(kind, name)] = sums.get(Scope(kind, name), 0) + amount
        return {scope: amount for scope, amount in sums.items() if amount}
