"""Disks that keep what was synced when the power fails, and may lose what was not.

The journal syncs what the real one syncs: an intent, an outcome, a tombstone is on disk when the call returns; an ack
is not, and rides with the next synced write. The ledger takes facts without waiting and says later that they are
durable; one that contradicts what is recorded is refused, as by the real store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from actors.facts import AnyFact, LegAdopted, LegSent, ResultSeen, TradeOpened
from actors.journal import JournalEntry
from actors.ledger import LedgerBroken, LedgerRefused, LedgerWritten
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform
from simulation.memory import MemoryJournal
from simulation.world.kernel import Kernel
from transport.ledger.rows import substance

FULL: Final = "the disk is full"

Moment = Callable[[str], None]
"""Something is about to happen, or just has: the process may die here."""


@dataclass
class SimulatedJournal(MemoryJournal):
    """Implements ``JournalPort`` over a disk of its own; :meth:`crash` is what a death leaves of it."""

    moment: Moment = lambda _kind: None
    full: bool = False
    writes: int = 0
    _before_acks: dict[LegId, JournalEntry] = field(default_factory=dict)

    def begin(
        self, leg: Leg, *, dry: bool, refused: Outcome | None, owner: str | None, now_us: int
    ) -> JournalEntry | None:
        """Write the intent or the refusal, synced."""
        self.moment("journal intent")
        known = super().begin(leg, dry=dry, refused=refused, owner=owner, now_us=now_us)
        self._sync("intent")
        return known

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Write an outcome, synced."""
        self.moment("journal outcome")
        super().outcome(outcome, now_us)
        self._sync("outcome")

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Bury an id, synced."""
        self.moment("journal tombstone")
        known = super().tombstone(leg_id, platform, now_us)
        self._sync("tombstone")
        return known

    def ack(self, leg_id: LegId, revision: int) -> None:
        """Write an ack; it is synced with whatever is written next."""
        entry = self.entries.get(leg_id)
        if entry is not None:
            self._before_acks.setdefault(leg_id, entry)
        super().ack(leg_id, revision)
        self.moment("journal ack written")

    def _sync(self, what: str) -> None:
        self.writes += 1
        self._before_acks.clear()
        self.moment(f"journal {what} written")

    def _check(self) -> None:
        if self.full:
            self.broken = FULL
        super()._check()

    def crash(self, rng: Random) -> None:
        """The process died: unsynced acks are there or not."""
        if rng.random() < 0.5:  # noqa: PLR2004 -- as likely as not
            self.entries |= self._before_acks
        self._before_acks.clear()
        self.broken = None


@dataclass
class SimulatedLedger:
    """Implements ``LedgerPort``. ``facts`` are durable. A write takes up to ``most_us``."""

    kernel: Kernel
    rng: Random
    moment: Moment = lambda _kind: None
    survives: Callable[[str], bool] = lambda _kind: True
    tell: Callable[[object], None] = lambda _message: None
    on_fact: Callable[[AnyFact], None] = lambda _fact: None
    facts: list[AnyFact] = field(default_factory=list)
    most_us: int = 8_000
    full: bool = False
    slow: bool = False
    writes: int = 0
    conflicts: list[str] = field(default_factory=list)
    durable: dict[LegId, int] = field(default_factory=dict)
    """The highest revision of each leg that is on disk."""
    _waiting: list[tuple[int, tuple[AnyFact, ...]]] = field(default_factory=list)
    _keys: dict[tuple[object, ...], AnyFact] = field(default_factory=dict)
    _epoch: int = 0
    _broken: bool = False

    def write(self, token: int, facts: tuple[AnyFact, ...]) -> None:
        """Take the facts; a moment later they are durable, together with whatever waits then."""
        self.moment("ledger write")
        self.writes += 1
        for fact in facts:
            self.on_fact(fact)
        if not self._waiting:
            most = 2_000_000 if self.slow else self.most_us
            self.kernel.after(self.rng.randint(200, most), partial(self._flush, self._epoch))
        self._waiting.append((token, facts))

    @property
    def idle(self) -> bool:
        """Nothing waits to be written."""
        return not self._waiting

    def _flush(self, epoch: int) -> None:
        if epoch != self._epoch:
            return
        batch, self._waiting = self._waiting, []
        if self.full or self._broken:
            self._broken = True
            self.tell(LedgerBroken(FULL))
            return
        if not self.survives("ledger batch"):
            return
        answers: list[object] = []
        for token, facts in batch:
            conflict = self._append(facts)
            if conflict is not None:
                self.conflicts.append(conflict)
            answers.append(LedgerWritten(token) if conflict is None else LedgerRefused(token, conflict))
        if not self.survives("ledger batch written"):
            return
        for answer in answers:
            if epoch == self._epoch:
                self.tell(answer)

    def _append(self, facts: tuple[AnyFact, ...]) -> str | None:
        """All of them, or none and why."""
        if len(facts) == 1:
            return self._append_one(facts[0])
        new: dict[tuple[object, ...], AnyFact] = {}
        added: list[AnyFact] = []
        for fact in facts:
            key = _key(fact)
            known = None if key is None else self._keys.get(key) or new.get(key)
            if known is None:
                added.append(fact)
                if key is not None:
                    new[key] = fact
            elif substance(known) != substance(fact):
                return f"{fact} after {known}"
        self._keys |= new
        for fact in added:
            self._kept(fact)
        return None

    def _append_one(self, fact: AnyFact) -> str | None:
        """The same for the commonest write."""
        key = _key(fact)
        known = None if key is None else self._keys.get(key)
        if known is not None:
            return None if substance(known) == substance(fact) else f"{fact} after {known}"
        if key is not None:
            self._keys[key] = fact
        self._kept(fact)
        return None

    def _kept(self, fact: AnyFact) -> None:
        self.facts.append(fact)
        if type(fact) is ResultSeen:
            leg_id, revision = fact.outcome.leg_id, fact.outcome.revision
            self.durable[leg_id] = max(revision, self.durable.get(leg_id, -1))

    def crash(self, rng: Random) -> None:
        """The process died: what waited is lost, or the first part of it is durable though nobody heard."""
        self._epoch += 1
        waiting, self._waiting = self._waiting, []
        self._broken = False
        if not self.full and waiting and rng.random() < 0.3:  # noqa: PLR2004 -- rarely
            for _, facts in waiting[: rng.randint(1, len(waiting))]:
                self._append(facts)


def _key(fact: AnyFact) -> tuple[object, ...] | None:
    """What of its kind there is only one."""
    match fact:
        case TradeOpened():
            return ("trade", fact.trade_id)
        case LegSent() | LegAdopted():
            return ("leg", fact.leg_id)
        case ResultSeen(outcome=found):
            return ("result", found.leg_id, found.revision, found.status.proven)
        case _:
            return None
