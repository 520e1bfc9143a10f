"""A journal and a ledger without a disk: what is written is in a dict, until the test says that the disk is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from actors.facts import AnyFact
from actors.journal import HaltWord, Holding, JournalBrokenError, JournalEntry
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, Platform, Status


@dataclass
class MemoryJournal:
    """Implements ``JournalPort``. ``broken`` makes every write fail, as a full disk does; ``unread`` every reading."""

    entries: dict[LegId, JournalEntry] = field(default_factory=dict)
    broken: str | None = None
    unread: str | None = None
    halted: dict[str, HaltWord] = field(default_factory=dict)

    def begin(
        self, leg: Leg, *, dry: bool, refused: Outcome | None, owner: str | None, now_us: int
    ) -> JournalEntry | None:
        """Write the intent or the refusal, or return what is known."""
        self._check()
        known = self.entries.get(leg.leg_id)
        if known is None:
            self.entries[leg.leg_id] = JournalEntry(
                leg_id=leg.leg_id,
                platform=leg.platform,
                leg=leg,
                outcome=refused,
                asked_us=now_us,
                acked=-1,
                dry=dry,
                tombstone=False,
                owner=owner,
            )
        return known

    def outcome(self, outcome: Outcome, now_us: int) -> None:  # noqa: ARG002 -- the port's signature
        """Write an outcome."""
        self._check()
        self.entries[outcome.leg_id] = msgspec.structs.replace(self.entries[outcome.leg_id], outcome=outcome)

    def ack(self, leg_id: LegId, revision: int) -> None:
        """Write an ack."""
        self._check()
        entry = self.entries.get(leg_id)
        if entry is not None:
            self.entries[leg_id] = msgspec.structs.replace(entry, acked=max(entry.acked, revision))

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Bury an id, or return what is known."""
        self._check()
        known = self.entries.get(leg_id)
        if known is None:
            self.entries[leg_id] = JournalEntry(
                leg_id=leg_id,
                platform=platform,
                leg=None,
                outcome=None,
                asked_us=now_us,
                acked=-1,
                dry=True,
                tombstone=True,
            )
        return known

    def entry(self, leg_id: LegId) -> JournalEntry | None:
        """What is known of this id."""
        self._check_reading()
        return self.entries.get(leg_id)

    def unacked(self) -> list[JournalEntry]:
        """Entries whose outcome is not acked."""
        self._check_reading()
        return [e for e in self.entries.values() if e.outcome is not None and e.outcome.revision > e.acked]

    def unproven(self) -> list[JournalEntry]:
        """Entries without a final outcome."""
        self._check_reading()
        return [
            e
            for e in self.entries.values()
            if not e.tombstone and (e.outcome is None or not e.outcome.status.proven or not e.outcome.final)
        ]

    def probe(self) -> None:
        """Write something that changes nothing."""
        self._check()

    def depth(self) -> int:
        """How many results are not acked yet."""
        return len(self.unacked())

    def recent(self, since_us: int) -> list[JournalEntry]:
        """Legs of the last hour, or still open."""
        self._check_reading()
        return [e for e in self.entries.values() if _placed(e) and (e.asked_us > since_us or not e.settled)]

    def held(self, until_us: int) -> list[Holding]:
        """What the others brought and took."""
        self._check_reading()
        return [
            Holding(
                e.platform,
                e.leg.market,
                e.leg.side,
                e.dry or e.outcome.paper,
                e.outcome.filled if e.leg.action is Action.BUY else -e.outcome.filled,
            )
            for e in self.entries.values()
            if e.leg is not None and e.outcome is not None and _placed(e) and e.asked_us <= until_us and e.settled
        ]

    def halts(self) -> dict[str, HaltWord]:
        """Which halts stand."""
        self._check_reading()
        return dict(self.halted)

    def note_halt(self, who: str, word: HaltWord | None) -> None:
        """Write or remove one."""
        self._check()
        self.halted.pop(who, None)
        if word is not None:
            self.halted[who] = word

    def _check(self) -> None:
        if self.broken is not None:
            raise JournalBrokenError(self.broken)

    def _check_reading(self) -> None:
        if self.unread is not None:
            raise JournalBrokenError(self.unread)


def _placed(entry: JournalEntry) -> bool:
    refused = entry.outcome is not None and entry.outcome.status is Status.REJECTED and entry.outcome.revision == 0
    return entry.leg is not None and not refused


@dataclass
class MemoryLedger:
    """Implements ``LedgerPort``. ``written`` is told each token at once; ``held`` keeps it until :meth:`release`."""

    facts: list[AnyFact] = field(default_factory=list)
    written: Callable[[int], None] | None = None
    held: bool = False
    waiting: list[tuple[int, tuple[AnyFact, ...]]] = field(default_factory=list)

    def write(self, token: int, facts: tuple[AnyFact, ...]) -> None:
        """Append these facts, now or when released."""
        self.waiting.append((token, facts))
        if not self.held:
            self.release()

    def release(self) -> None:
        """Everything waiting becomes durable."""
        self.held = False
        waiting, self.waiting = self.waiting, []
        for token, facts in waiting:
            self.facts.extend(facts)
            if self.written is not None:
                self.written(token)
