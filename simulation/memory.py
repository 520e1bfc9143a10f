"""A journal and a ledger without a disk: what is written is in a dict, until the test says that the disk is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from actors.facts import AnyFact
from actors.journal import JournalBrokenError, JournalEntry
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform


@dataclass
class MemoryJournal:
    """Implements ``JournalPort``. ``broken`` makes every write fail, as a full disk does; ``unread`` every reading."""

    entries: dict[LegId, JournalEntry] = field(default_factory=dict)
    broken: str | None = None
    unread: str | None = None

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

    def _check(self) -> None:
        if self.broken is not None:
            raise JournalBrokenError(self.broken)

    def _check_reading(self) -> None:
        if self.unread is not None:
            raise JournalBrokenError(self.unread)


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
