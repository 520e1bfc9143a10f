"""Confirm mode: trades that wait for a person, and what the person says about them.

Nothing is held for what waits: the money is reserved on acceptance, when the scanner has looked at the books again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.base import Address, handles
from actors.fate_desk import FateDesk
from actors.messages import PairFree
from actors.operator_desk import HOPS, Document, reason_of
from actors.pair_books import PairBooks, WatchPair
from actors.risk.asking import Accepted, AskQueue, AskRules
from actors.risk_messages import AnswerDue
from market.opportunity import Opportunity
from protocol.terms import PairId


class AskDesk(FateDesk):
    """Guarantees: what must be asked about does not leave unasked, and what was accepted leaves at most once."""

    def __init__(self) -> None:
        """Nothing waits; without rules nothing is asked about."""
        super().__init__()
        self.queue = AskQueue(AskRules())
        self.answers: dict[PairId, str] = {}
        """What became of a trade that was just accepted."""
        self.commands |= {
            "confirm": self.ask_queue,
            "accept": self.ask_accept,
            "reject": self.ask_reject,
            "aside": self.ask_aside,
        }

    def waits_for_person(self, seen: Opportunity) -> bool:
        """True where the trade was put in the queue; False where it may run now."""
        if not self.queue.rules.about(seen):
            return False
        refused = self.risk.turned_down(seen.pair_id, self.turn.unix_us)
        if refused is not None:
            self.settle_risk()
            self.abort(seen, f"refused: {refused.reason}", said=True)
            return True
        answer = self.queue.ask(seen, self.turn.mono_us, self.turn.unix_us)
        if isinstance(answer, str):
            self.abort(seen, answer)
            return True
        pair_id = seen.pair_id
        text = f"trade {answer.number} waits for a person: `arb confirm`"
        self.note(text, level="warning", pair_id=pair_id, count="asked")
        self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))
        self.tick_soon()
        return True

    def accepted_of(self, seen: Opportunity) -> Accepted | None:
        """The acceptance that this offer is looked at again for."""
        return self.queue.take(seen)

    def answered(self, pair_id: PairId, text: str) -> None:
        """What became of a trade, for the person who accepted it."""
        if pair_id in self.answers:
            self.answers[pair_id] = text

    def abort(self, seen: Opportunity, reason: str, *, said: bool = False) -> None:
        """Nothing was sent."""
        raise NotImplementedError

    def may_look_again(self, pair_id: PairId) -> bool:
        """What a person is asked about is not offered meanwhile."""
        return super().may_look_again(pair_id) and pair_id not in self.queue.asked

    def must_tick(self) -> bool:
        """What waits must expire."""
        return super().must_tick() or bool(self.queue.asked or self.queue.rejected)

    def ticked(self) -> None:
        """Those that nobody answered in time are let go; what is still there is asked about anew."""
        for late in self.queue.expire(self.turn.mono_us):
            self.let_go(late.seen.pair_id, recheck=True)

    def let_go(self, pair_id: PairId, *, recheck: bool) -> None:
        """The pair waits no longer."""
        if pair_id not in self.watched:
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=False))
        self.send(self.roles["scanner"], PairFree(pair_id, recheck=recheck))

    def stop_watching(self, pair_id: PairId) -> None:
        """Books that a person looks at are still wanted."""
        super().stop_watching(pair_id)
        if pair_id in self.queue.asked:
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))

    @handles(PairBooks)
    def pair_books(self, message: PairBooks, sender: Address) -> None:
        """The books as they are now, for whoever looks at the queue."""
        asked = self.queue.asked.get(message.pair.pair_id)
        if asked is not None:
            asked.books = message
        super().pair_books(message, sender)

    # -- what a person says ----------------------------------------------------------------------------------

    def ask_queue(self, _query_id: int, _request: Mapping[str, Any]) -> Document:
        """What waits, oldest first."""
        return {"waiting": self.queue.records(self.turn.mono_us), **self.queue.counts}

    def ask_accept(self, query_id: int, request: Mapping[str, Any]) -> Document | None:
        """Have the scanner look at it again; what it offers then runs, if it still clears."""
        asked = self.queue.find(number_of(request))
        if asked is None:
            return self.no_such(request)
        pair_id = asked.seen.pair_id
        self.queue.accept(asked)
        self.answers[pair_id] = "not sent: on the books of now it does not clear any more"
        self.let_go(pair_id, recheck=True)
        self.send(self.myAddress, AnswerDue(query_id, HOPS, pair_id=pair_id))
        return None

    def due_answer(self, message: AnswerDue) -> Document:
        """By now the scanner has looked again: what it has not offered is gone."""
        if message.pair_id is None:
            return super().due_answer(message)
        gone = self.queue.accepted.pop(message.pair_id, None)
        if gone is not None:
            self.queue.counts["gone"] += 1
        said = self.answers.pop(message.pair_id, "")
        return {"pair_id": message.pair_id, "said": said}

    def ask_reject(self, _query_id: int, request: Mapping[str, Any]) -> Document:
        """It is not made, and the pair is not asked about for a while."""
        asked = self.queue.find(number_of(request))
        if asked is None:
            return self.no_such(request)
        self.queue.reject(asked, self.turn.mono_us)
        self.let_go(asked.seen.pair_id, recheck=False)
        return {"pair_id": asked.seen.pair_id, "said": "rejected"}

    def ask_aside(self, _query_id: int, request: Mapping[str, Any]) -> Document:
        """No new trade on the pair for as long as the rules say; also over a restart."""
        pair_id = PairId(str(request.get("pair", "")))
        if pair_id not in self.pairs:
            return {"error": f"there is no pair {pair_id!r} here"}
        self.risk.aside(pair_id, reason_of(request), self.turn.unix_us)
        self.settle_risk()
        if self.queue.drop(pair_id):
            self.let_go(pair_id, recheck=False)
        return {"pair_id": pair_id, "said": "set aside"}

    @staticmethod
    def no_such(request: Mapping[str, Any]) -> Document:
        """Nothing waits under that number."""
        return {"error": f"no trade {request.get('number')} waits: it has expired, or was answered (see `arb confirm`)"}


def number_of(request: Mapping[str, Any]) -> int:
    """The number of the trade that is meant; one that nothing has where it is no number."""
    number = request.get("number")
    return number if isinstance(number, int) and not isinstance(number, bool) else -1
