"""Opportunities over time: when one opens, changes and closes."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from market.opportunity import Opportunity, OpportunityLeg
from protocol.terms import PairId, Side
from protocol.units import average_cents, money_to_dollars, price_to_cents, quantity_to_wire


class EventKind(StrEnum):
    """What happened to the opportunity of a pair."""

    OPEN = "open"
    CHANGE = "change"
    CLOSE = "close"


class OpportunityEvent(msgspec.Struct, frozen=True, gc=False):
    """At ``t`` (unix microseconds) it opened, became ``opportunity``, or closed; then that is what it last was."""

    kind: EventKind
    t: int
    opportunity: Opportunity


class OpportunityTracker:
    """Turns what each check of a pair finds into events; holds the open opportunities and nothing else."""

    def __init__(self) -> None:
        self._open: dict[PairId, Opportunity] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def open(self) -> tuple[Opportunity, ...]:
        """The opportunities that are open, as last seen, in the order of their opening."""
        return tuple(self._open.values())

    def see(self, pair_id: PairId, found: Opportunity | None, t: int) -> OpportunityEvent | None:
        """What the pair offers at ``t``; the event that this is, if it is one."""
        before = self._open.get(pair_id)
        if found is None:
            if before is None:
                return None
            del self._open[pair_id]
            return OpportunityEvent(EventKind.CLOSE, t, before)
        self._open[pair_id] = found
        if before is None:
            return OpportunityEvent(EventKind.OPEN, t, found)
        return None if _terms(before) == _terms(found) else OpportunityEvent(EventKind.CHANGE, t, found)


def replay_record(event: OpportunityEvent) -> dict[str, str | int | Decimal]:
    """The event as one line of a replay: prices in cents (the limits), money in dollars, of the whole quantity."""
    opportunity = event.opportunity
    yes, no = opportunity.leg(Side.YES), opportunity.leg(Side.NO)
    return {
        "t": event.t,
        "event": event.kind.value,
        "pair_id": opportunity.pair_id,
        "arb_type": opportunity.arb_type.value,
        "contracts": quantity_to_wire(opportunity.quantity),
        "yes_price": price_to_cents(yes.limit),
        "no_price": price_to_cents(no.limit),
        "fees_usd": money_to_dollars(opportunity.fees),
        "edge_usd": money_to_dollars(opportunity.edge),
        "cost_usd": money_to_dollars(opportunity.cost),
        "yes_avg_price": average_cents(yes.cost, opportunity.quantity),
        "no_avg_price": average_cents(no.cost, opportunity.quantity),
    }


def _terms(opportunity: Opportunity) -> tuple[object, ...]:
    """What makes it another offer; when it was seen and from which version of the books does not."""
    return (
        opportunity.arb_type,
        opportunity.quantity,
        opportunity.cost,
        opportunity.fees,
        opportunity.edge,
        tuple(map(_order, opportunity.legs)),
    )


def _order(leg: OpportunityLeg) -> tuple[object, ...]:
    return leg.platform, leg.market, leg.side, leg.limit
