"""What is held, per pair, platform and side: contracts, what they cost, and the fees. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import BUY, PairId, Platform, Side
from protocol.units import Money, Quantity, average_cents, money_to_dollars, quantity_to_wire


@dataclass(slots=True)
class Position:
    """Contracts held and what they cost, as results say. A sell takes what it brought off the cost."""

    contracts: Quantity = Quantity(0)
    cost: Money = Money(0)
    fees: Money = Money(0)


class Positions:
    """Positions from outcomes; applying an outcome again, or a later revision of it, counts it once."""

    def __init__(self) -> None:
        """Nothing held."""
        self.held: dict[tuple[PairId | None, Platform, Side], Position] = {}

    def apply(self, leg: Leg, before: Outcome | None, after: Outcome) -> None:
        """Replace what ``before`` contributed by what ``after`` says."""
        position = self.held.setdefault((leg.pair_id, leg.platform, leg.side), Position())
        sign = 1 if leg.action is BUY else -1
        for outcome, weight in ((before, -sign), (after, sign)):
            if outcome is not None:
                position.contracts = Quantity(position.contracts + weight * outcome.filled)
                position.cost = Money(position.cost + weight * outcome.cost)
        position.fees = Money(position.fees + after.fees - (before.fees if before else 0))

    def records(self) -> list[dict[str, Any]]:
        """Every position that is not empty, as plain JSON values (cents, contracts, dollars)."""
        return [
            {
                "pair_id": pair_id,
                "platform": platform,
                "side": side.value,
                "contracts": quantity_to_wire(position.contracts),
                "avg_price": average_cents(position.cost, position.contracts),
                "cost_usd": money_to_dollars(position.cost),
                "fees_usd": money_to_dollars(position.fees),
            }
            for (pair_id, platform, side), position in self.held.items()
            if position.contracts
        ]
