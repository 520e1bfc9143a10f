"""What the ledgers say of each leg against what the venues' own books say; and what nobody is left to tell of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from actors.facts import AnyFact
from actors.ledger_state import LedgerState
from protocol.terms import BUY, YES, LegId, Platform, Status
from simulation.world.exchange import Exchange, Order

Complaint = tuple[str, str]
Sums = tuple[int, int, int]
"""Contracts filled, their cost, the fees."""


class Folded:
    """What facts amount to, of ledgers that only grow: those that were folded before are not folded again."""

    def __init__(self) -> None:
        """Nothing folded."""
        self._known: dict[int, tuple[list[AnyFact], LedgerState, int]] = {}

    def of(self, facts: list[AnyFact]) -> LedgerState:
        """The state after all of them."""
        held, state, done = self._known.get(id(facts), (facts, LedgerState(), 0))
        for fact in facts[done:]:
            state.add(fact)
        # The list is kept, so that no other can have its place in memory.
        self._known[id(facts)] = held, state, len(facts)
        return state


def disagreement(
    exchanges: Mapping[Platform, Exchange],
    ledgers: Iterable[LedgerState],
    lost: Sequence[Order],
    is_foreign: Callable[[Order], bool] | None,
) -> Complaint | None:
    """The first leg of which a ledger and a venue say different things, or that a ledger has not proven."""
    told: dict[LegId, Sums] = {}
    for state in ledgers:
        for leg in state.legs.values():
            found = leg.outcome
            if found is None or found.paper:
                continue
            if found.status is Status.UNKNOWN:
                return "all proven", f"{leg.leg_id} is unknown in the ledger"
            told[leg.leg_id] = (found.filled, found.cost, found.fees)
    for platform, exchange in exchanges.items():
        for leg_id, order in exchange.orders.items():
            nobodys = order in lost or (is_foreign is not None and is_foreign(order))
            true = (0, 0, 0) if nobodys else (int(order.filled), int(order.cost), int(order.fees))
            if told.pop(leg_id, (0, 0, 0)) != true:
                return "2 fills agree", f"{leg_id}: {platform} has {true}, the ledger something else"
    for leg_id, claimed in told.items():
        if claimed != (0, 0, 0):
            return "2 fills agree", f"{leg_id}: the ledger has {claimed}, no venue knows it"
    return None


def lost_orders(
    exchanges: Mapping[Platform, Exchange], ledgers: Sequence[LedgerState], gone: Collection[str]
) -> list[Order]:
    """Orders of a machine that died for good, of trades that no ledger had written down when the controller died too.

    Only the venue knows of them: finding them takes a look at its orders and positions, which is reconciliation.
    """
    known = {trade_id for state in ledgers for trade_id in state.trades}
    return [
        order
        for exchange in exchanges.values()
        for order in exchange.orders.values()
        if order.by in gone and order.leg.trade_id not in known
    ]


def toward_yes(order: Order) -> int:
    """Contracts that the order brought toward YES, less those toward NO."""
    return order.filled if (order.leg.side is YES) == (order.leg.action is BUY) else -order.filled
