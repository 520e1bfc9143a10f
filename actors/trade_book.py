"""All trades of this run: the open ones whole, the last few hundred for people, the rest as sums. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, Final

from actors.trade import State, Trade, TradeLeg
from actors.unproven import Unproven
from market.opportunity import OpportunityLeg
from protocol.terms import LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import (
    Money,
    average_cents,
    money_to_dollars,
    price_to_cents,
    quantity_to_wire,
)

KEPT: Final = 5_000
"""Trades that are over stay open to late news until this many younger ones are over too."""


Liquidity = tuple[Platform, str, Side]
"""One side of one book."""


def liquidity(leg: OpportunityLeg) -> Liquidity:
    """What the leg takes from."""
    return leg.platform, leg.market, leg.side


class TradeBook:
    """Trades by id, by leg and by pair; sums that do not forget what was dropped."""

    def __init__(self) -> None:
        """No trades."""
        self.trades: dict[TradeId, Trade] = {}
        self.by_leg: dict[LegId, Trade] = {}
        # Dicts, as the order of a set would differ from run to run.
        self.pair_in_use: dict[PairId, dict[TradeId, None]] = {}
        self.over: deque[TradeId] = deque()
        self.dropped: Counter[str] = Counter()
        self.waiting: dict[TradeId, None] = {}

    def add(self, trade: Trade) -> None:
        """Take in a trade; unless it is over its pair is in use from now on."""
        self.trades[trade.trade_id] = trade
        if not trade.over:
            self.latch(trade)
        self.note_legs(trade)

    def note_legs(self, trade: Trade) -> None:
        """Know the trade by its legs, also those that were added since, and whether any is waited for."""
        for leg_id in trade.legs:
            self.by_leg[leg_id] = trade
        if trade.waiting:
            self.waiting[trade.trade_id] = None
        else:
            self.waiting.pop(trade.trade_id, None)

    def out_on(self, places: Iterable[Liquidity]) -> bool:
        """Whether a leg that is not answered yet takes from one of these."""
        if not self.waiting:
            return False
        out = {
            liquidity(leg.plan)
            for trade_id in self.waiting
            for leg in self.trades[trade_id].legs.values()
            if leg.waiting
        }
        return any(place in out for place in places)

    def latch(self, trade: Trade) -> None:
        """The pair takes no other trade; also when late news opens a trade again that had let it go."""
        self.pair_in_use.setdefault(trade.opportunity.pair_id, {})[trade.trade_id] = None

    def release(self, trade: Trade) -> bool:
        """End the trade's hold on its pair; True when that freed the pair."""
        holders = self.pair_in_use.get(trade.opportunity.pair_id, {})
        if trade.trade_id not in holders:
            return False
        del holders[trade.trade_id]
        if holders:
            return False
        del self.pair_in_use[trade.opportunity.pair_id]
        return True

    def settle(self, trade: Trade) -> None:
        """The trade is over for now: remember it, and drop the oldest beyond the limit into the sums."""
        self.over.append(trade.trade_id)
        while len(self.over) > KEPT:
            old = self.trades.get(self.over.popleft())
            if old is not None and old.over:
                self.drop(old)

    def drop(self, trade: Trade) -> None:
        """Keep only its sums."""
        self.count(self.dropped, trade)
        del self.trades[trade.trade_id]
        for leg_id in trade.legs:
            del self.by_leg[leg_id]

    @staticmethod
    def count(sums: Counter[str], trade: Trade) -> None:
        """Add a trade to the sums (contracts in hundredths, money in micro-dollars)."""
        sums[trade.state.value] += 1
        sums["cost"] += trade.cost
        sums["fees"] += trade.fees
        sums["edge"] += trade.edge_locked or 0
        if trade.state is State.HEDGED:
            sums["contracts"] += trade.matched
        sums["unknown_legs"] += sum(
            1 for leg in trade.legs.values() if leg.outcome is not None and leg.outcome.status is Status.UNKNOWN
        )

    def sums(self) -> Counter[str]:
        """Over all trades of the run."""
        total = Counter(self.dropped)
        for trade in self.trades.values():
            self.count(total, trade)
        return total

    def records(self, most: int) -> list[dict[str, Any]]:
        """The youngest trades, youngest last."""
        return [trade_record(trade) for trade in list(self.trades.values())[-most:]]


class LateRecord:
    """A trade's record as of now, made when it is first read: most never are, and none before orders are out."""

    __slots__ = ("_made", "_trade")

    def __init__(self, trade: Trade) -> None:
        """Keep what the record is made from."""
        self._trade = trade.picture()
        self._made: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        """The record."""
        if self._made is None:
            self._made = trade_record(self._trade)
        return self._made


def trade_record(trade: Trade) -> dict[str, Any]:
    """A trade as plain JSON values: cents, contracts, dollars."""
    opportunity = trade.opportunity
    edge = trade.edge_locked
    return {
        "trade_id": trade.trade_id,
        "pair_id": opportunity.pair_id,
        "arb_type": opportunity.arb_type.value,
        "state": trade.state.value,
        "reason": trade.reason,
        "t": trade.sent_unix_us,
        "market_t": opportunity.t,
        "contracts": quantity_to_wire(opportunity.quantity),
        "matched": quantity_to_wire(trade.matched),
        "cost_usd": money_to_dollars(trade.cost),
        "fees_usd": money_to_dollars(trade.fees),
        "edge_seen_usd": money_to_dollars(opportunity.edge),
        "edge_usd": None if edge is None else money_to_dollars(edge),
        "excess": [
            {"platform": platform, "side": side.value, "contracts": quantity_to_wire(quantity)}
            for (platform, _, side), quantity in trade.excess.items()
        ],
        "legs": [_leg_record(leg) for leg in trade.legs.values()],
    }


def _leg_record(leg: TradeLeg) -> dict[str, Any]:
    asked, outcome = leg.leg, leg.outcome
    return {
        "leg_id": asked.leg_id,
        "platform": asked.platform,
        "market": asked.market,
        "action": asked.action.value,
        "side": asked.side.value,
        "asked": quantity_to_wire(asked.quantity),
        "limit": price_to_cents(asked.limit),
        "purpose": leg.purpose.value,
        "path": leg.path,
        "status": "waiting" if outcome is None else outcome.status.value,
        "filled": None if outcome is None else quantity_to_wire(outcome.filled),
        "price": None if outcome is None or not outcome.filled else average_cents(outcome.cost, outcome.filled),
        "cost_usd": money_to_dollars(outcome.cost if outcome else Money(0)),
        "fees_usd": money_to_dollars(outcome.fees if outcome else Money(0)),
        "order_id": None if outcome is None else outcome.order_id,
        "error": None if outcome is None else outcome.error,
        "paper": None if outcome is None else outcome.paper,
    }


def unknown_records(unproven: Unproven, book: TradeBook, now_us: int) -> list[dict[str, Any]]:
    """The legs whose fate is not proven, with age and how often was asked."""
    return [
        {
            "leg_id": leg_id,
            "platform": book.by_leg[leg_id].legs[leg_id].leg.platform,
            "pair_id": book.by_leg[leg_id].opportunity.pair_id,
            "age_s": (now_us - since) // 1_000_000,
            "asked": unproven.asked[leg_id],
        }
        for leg_id, since in unproven.since.items()
        if leg_id in book.by_leg
    ]
