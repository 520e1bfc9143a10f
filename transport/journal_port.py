"""The journal's file behind the interface that the journal actor asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from actors.journal import JournalBrokenError, JournalEntry
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform
from transport.journal import Entry, Journal, JournalError

UNACKED_AT_ONCE: Final = 10_000


class JournalFile:
    """Implements ``JournalPort``. Opening raises :class:`~transport.journal.JournalError`."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)

    def begin(self, leg: Leg, *, dry: bool, refused: Outcome | None, now_us: int) -> JournalEntry | None:
        """Write the intent, or the refusal; or return what is known of the id."""
        try:
            if refused is not None:
                known = self.journal.refused(leg, refused, now_us)
            else:
                known = self.journal.intent(leg, dry=dry, paper=dry, now_us=now_us)
        except JournalError as error:
            raise JournalBrokenError(str(error)) from None
        return None if known is None else _entry(known)

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Write what became of a leg."""
        try:
            self.journal.outcome(outcome, now_us)
        except JournalError as error:
            raise JournalBrokenError(str(error)) from None

    def ack(self, leg_id: LegId, revision: int) -> None:
        """The controller has it."""
        try:
            self.journal.ack(leg_id, revision)
        except JournalError as error:
            raise JournalBrokenError(str(error)) from None

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Never execute this id; or return what is known of it."""
        try:
            known = self.journal.tombstone(leg_id, platform, now_us)
        except JournalError as error:
            raise JournalBrokenError(str(error)) from None
        return None if known is None else _entry(known)

    def unacked(self) -> list[JournalEntry]:
        """Oldest first."""
        return [_entry(entry) for entry in self.journal.unacked(UNACKED_AT_ONCE)]

    def unproven(self) -> list[JournalEntry]:
        """Oldest first."""
        return [_entry(entry) for entry in self.journal.open()]

    def depth(self) -> int:
        """How many results are not acked yet."""
        return self.journal.depth()

    def close(self) -> None:
        """Let another process have it."""
        self.journal.close()


def _entry(entry: Entry) -> JournalEntry:
    return JournalEntry(
        leg_id=entry.leg_id,
        platform=entry.platform,
        leg=entry.leg,
        outcome=entry.outcome,
        asked_us=entry.asked_us,
        acked=entry.acked,
        dry=entry.dry,
        tombstone=entry.tombstone,
    )
