"""What a person may ask of the executor: halt, reduce, resume, money that was paid out; and the answer, in one turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from actors.base import Address, handles
from actors.excess_closer import ExcessCloser
from actors.risk.guard import Moved
from actors.risk.state import RiskState
from actors.risk_messages import AnswerDue, HaltingAsked, OperatorAnswered, OperatorAsked
from protocol.terms import PairId, TradeId
from protocol.units import DOLLAR, Price

HOPS: Final = 16
"""More hops than the answer of anyone takes who is asked meanwhile."""

MAX_REASON: Final = 500
MAX_ACKS: Final = 100
NO_REASON: Final = "asked by a person, who gave no reason"

Document = dict[str, Any]

_WORTH: Final[Mapping[str, Price]] = {"yes": DOLLAR, "no": Price(0)}
"""What a contract of YES is paid, by the result."""


class OperatorDesk(ExcessCloser):
    """Guarantees: a halt holds before it is answered, whatever else is broken; every wish gets one answer."""

    def __init__(self) -> None:
        """What can be asked for, by name."""
        super().__init__()
        self.commands: dict[str, Callable[[int, Mapping[str, Any]], Document | None]] = {
            "halt": self.ask_halt,
            "reduce": self.ask_reduce,
            "resume": self.ask_resume,
            "risk": self.ask_risk,
            "paid_out": self.ask_paid_out,
        }

    @handles(OperatorAsked)
    def operator_asked(self, message: OperatorAsked, _sender: Address) -> None:
        """Do it and answer; a command may answer later in the turn."""
        command = self.commands.get(message.command)
        if command is None:
            document: Document | None = {"error": f"the controller knows no command {message.command[:40]!r}"}
        else:
            document = command(message.query_id, message.request)
        if document is not None:
            self.answer_operator(message.query_id, document)

    def answer_operator(self, query_id: int, document: Document) -> None:
        """Through the root of the tree to the socket."""
        self.send(self.roles["controller"], OperatorAnswered(query_id, document))

    # -- states ----------------------------------------------------------------------------------------------

    def ask_halt(self, query_id: int, request: Mapping[str, Any]) -> Document | None:
        """Nothing leaves from here on; the answer says whose ack is out."""
        already = self.risk.state is RiskState.HALTED
        moved = self.risk.halt(reason_of(request), self.turn.unix_us)
        self.settle_risk()
        if already:
            # Said again: an ack may have been lost with its connection.
            self.tell_traders()
        self.answer_soon(query_id, moved)
        return None

    def ask_reduce(self, query_id: int, request: Mapping[str, Any]) -> Document | None:
        """Only closing from here on."""
        moved = self.risk.reduce(reason_of(request), self.turn.unix_us, acks_of(request))
        self.settle_risk()
        self.answer_soon(query_id, moved)
        return None

    def ask_resume(self, query_id: int, request: Mapping[str, Any]) -> Document | None:
        """Trade again; refused while a breaker stands that was not acknowledged."""
        if self.stopping is not None:
            return {"error": f"the controller is stopping and takes up nothing: {self.stopping.reason}"}
        moved = self.risk.resume(reason_of(request), self.turn.unix_us, acks_of(request))
        self.settle_risk()
        self.try_again()
        self.answer_soon(query_id, moved)
        return None

    def ask_risk(self, query_id: int, _request: Mapping[str, Any]) -> Document | None:
        """How it stands; the next answer knows who has been out of reach for longer."""
        self.send(self.roles["router"], HaltingAsked())
        self.answer_soon(query_id, Moved(self.risk.state))
        return None

    def answer_soon(self, query_id: int, moved: Moved) -> None:
        """In this turn, when the router and the local traders have spoken."""
        self.send(self.myAddress, AnswerDue(query_id, HOPS, refused=moved.refused))

    @handles(AnswerDue)
    def answer_due(self, message: AnswerDue, _sender: Address) -> None:
        """Everyone had his turn: answer."""
        if message.hops > 0:
            self.send(self.myAddress, msgspec.structs.replace(message, hops=message.hops - 1))
        else:
            self.answer_operator(message.query_id, self.due_answer(message))

    def due_answer(self, message: AnswerDue) -> Document:
        """The state that holds, how far a halt has come, and why it is not the state that was asked for."""
        return {**self.halt_record(), "refused": message.refused}

    # -- money that came back --------------------------------------------------------------------------------

    def ask_paid_out(self, _query_id: int, request: Mapping[str, Any]) -> Document:
        """A person's word that a pair's market has settled and both venues have paid: its money is free again."""
        pair_id = request.get("pair")
        if not isinstance(pair_id, str) or not pair_id:
            return {"error": "say which pair was paid out"}
        result = request.get("result")
        if result is not None and result not in _WORTH:
            return {"error": "the result is yes or no"}
        trade_ids = self.risk.trades_of(PairId(pair_id))
        if not trade_ids:
            return {"error": f"nothing is at stake in {pair_id}"}
        still = [each for each in trade_ids if self.not_over(each)]
        if still:
            return {"error": f"trades of {pair_id} are not over yet: {', '.join(still)}"}
        self.risk.paid_out(PairId(pair_id), trade_ids, self.turn.unix_us, value=_WORTH.get(str(result)))
        self.settle_risk()
        self.note(f"paid out, by a person's word: {len(trade_ids)} trades of {pair_id}", pair_id=PairId(pair_id))
        return {
            "pair": pair_id,
            "trades": list(trade_ids),
            "kept": self.kept == self.written and self.ledger_broken is None,
        }

    def not_over(self, trade_id: TradeId) -> bool:
        """Whether the trade is under way."""
        trade = self.book.trades.get(trade_id)
        return trade is not None and not trade.over


def reason_of(request: Mapping[str, Any]) -> str:
    """The reason that a person gave, kept to a length that every frame takes."""
    reason = request.get("reason")
    return reason[:MAX_REASON] if isinstance(reason, str) and reason.strip() else NO_REASON


def acks_of(request: Mapping[str, Any]) -> list[str]:
    """The reasons of breakers that a person has seen."""
    acks = request.get("ack")
    return [ack for ack in acks[:MAX_ACKS] if isinstance(ack, str)] if isinstance(acks, list) else []
