"""A leg of unknown fate that a person settles, who has seen the venue's own books: the last resort, and on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.hand_word import PERSON, NoWord, outcome_by_hand
from actors.leg_words import describe_leg, in_words
from actors.operator_desk import Document, OperatorDesk
from actors.recovery import ASSUMED
from actors.trade import TradeLeg
from protocol.terms import LegId, Status
from protocol.units import quantity_to_wire


class FateDesk(OperatorDesk):
    """Guarantees: a person's word settles what is unknown, and nothing else; it is a fact with its reason.

    A venue's proof that comes later replaces it, and the difference is said.
    """

    def __init__(self) -> None:
        """One more thing that can be asked for."""
        super().__init__()
        self.commands |= {"settle_leg": self.ask_settle_leg}

    def ask_settle_leg(self, _query_id: int, request: Mapping[str, Any]) -> Document:
        """Show the leg (``look``), or take the person's word on it."""
        leg = self.unknown_leg(request.get("leg"))
        if isinstance(leg, str):
            return {"error": leg}
        if request.get("look") is True:
            return {"leg": self.leg_document(leg)}
        held, trade = leg.outcome, self.book.by_leg[leg.leg.leg_id]
        revision = 0 if held is None else max(0, held.revision)
        try:
            said = outcome_by_hand(leg.leg, request, revision=revision, paper=self.on_paper(trade.trade_id))
        except NoWord as error:
            return {"error": str(error)}
        # What was only assumed to have left becomes a fact before its fate does.
        self.confirm(leg, None, PERSON)
        self.note(
            f"settled by a person's word: {describe_leg(leg.leg)}: {in_words(said)}",
            level="warning",
            leg_id=leg.leg.leg_id,
            pair_id=leg.leg.pair_id,
            count="legs_settled_by_hand",
        )
        self.apply(said, PERSON)
        return {"leg": self.leg_document(leg), "trade": trade.state.value, "ledger": self.ledger_broken}

    def unknown_leg(self, leg_id: object) -> TradeLeg | str:
        """The leg, or why nobody may say what became of it."""
        trade = self.book.by_leg.get(LegId(leg_id)) if isinstance(leg_id, str) else None
        if trade is None:
            return "no leg of that id is open: see `arb status`, and `arb ledger legs` for those that are over"
        leg = trade.legs[LegId(str(leg_id))]
        if leg.outcome is not None and leg.outcome.status.proven:
            return f"its fate is proven: {leg.outcome.status}, {in_words(leg.outcome)}"
        if leg.outcome is None and leg.path != ASSUMED:
            return "it is under way: wait for its answer, or for its time-out"
        return leg

    def leg_document(self, leg: TradeLeg) -> Document:
        """What a person must know to look it up at the venue; plain JSON values."""
        held = leg.outcome
        return {
            "leg_id": leg.leg.leg_id,
            "order": describe_leg(leg.leg),
            "platform": leg.leg.platform,
            "market": leg.leg.market,
            "path": leg.path,
            "asked": quantity_to_wire(leg.leg.quantity),
            "status": (Status.UNKNOWN if held is None else held.status).value,
            "known": "" if held is None else in_words(held),
        }
