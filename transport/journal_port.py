"""The journal's file behind the interface that the journal actor asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actors.journal import HaltWord, Holding, JournalBrokenError, JournalEntry
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform
from transport.journal import Entry, Journal, JournalError
from transport.journal_orders import SignedRow
from transport.journal_past import HaltRow

UNACKED_AT_ONCE: Final = 10_000


class JournalFile:
    """Implements ``JournalPort``. Opening raises :class:`~transport.journal.JournalError`.

    ``prune_before_us``: what was settled and acknowledged before is reduced to its id and what was filled.
    """

    def __init__(self, path: Path, *, prune_before_us: int | None = None) -> None:
        self.journal = Journal(path)
        if prune_before_us is not None:
            # Where it cannot be written no order is taken, but what was done before can still be told.
            with contextlib.suppress(JournalError):
                self.journal.prune(prune_before_us)

    def begin(
        self, leg: Leg, *, dry: bool, refused: Outcome | None, owner: str | None, now_us: int
    ) -> JournalEntry | None:
        """Write the intent, or the refusal; or return what is known of the id."""
        with _named():
            if refused is not None:
                known = self.journal.refused(leg, refused, now_us, owner)
            else:
                known = self.journal.intent(leg, dry=dry, paper=dry, now_us=now_us, owner=owner)
        return None if known is None else _entry(known)

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Write what became of a leg."""
        with _named():
            self.journal.outcome(outcome, now_us)

    def ack(self, leg_id: LegId, revision: int) -> None:
        """The controller has it."""
        with _named():
            self.journal.ack(leg_id, revision)

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Never execute this id; or return what is known of it."""
        with _named():
            known = self.journal.tombstone(leg_id, platform, now_us)
        return None if known is None else _entry(known)

    def entry(self, leg_id: LegId) -> JournalEntry | None:
        """What is known of this id; None: it was never seen."""
        with _named():
            found = self.journal.entry(leg_id)
        return None if found is None else _entry(found)

    def unacked(self) -> list[JournalEntry]:
        """Oldest first."""
        with _named():
            return [_entry(entry) for entry in self.journal.unacked(UNACKED_AT_ONCE)]

    def unproven(self) -> list[JournalEntry]:
        """Oldest first."""
        with _named():
            return [_entry(entry) for entry in self.journal.open()]

    def depth(self) -> int:
        """How many results are not acked yet."""
        with _named():
            return self.journal.depth()

    def probe(self) -> None:
        """Write something that changes nothing."""
        with _named():
            self.journal.probe()

    def recent(self, since_us: int) -> list[JournalEntry]:
        """Legs of the last hour, or still open; oldest first."""
        with _named():
            return [_entry(entry) for entry in self.journal.recent(since_us)]

    def held(self, until_us: int) -> list[Holding]:
        """What all others brought and took."""
        with _named():
            return [Holding(*slot, contracts) for slot, contracts in self.journal.held(until_us).items()]

    def halts(self) -> dict[str, HaltWord]:
        """Which halts stand."""
        with _named():
            return {
                who: HaltWord(row.reason, row.everything, row.since_us) for who, row in self.journal.halts().items()
            }

    def note_halt(self, who: str, word: HaltWord | None) -> None:
        """Write one, or remove it."""
        with _named():
            row = None if word is None else HaltRow(word.reason, word.everything, word.since_us)
            self.journal.halt(who, row)

    # -- for venues whose orders are known by their bytes alone (``SignedOrders``) --------------------------------

    def sign(self, leg_id: LegId, row: SignedRow) -> None:
        """Write a signed order before it is posted."""
        with _named():
            self.journal.sign(leg_id, row)

    def answered(self, leg_id: LegId, answer: bytes) -> None:
        """Write what the venue answered to it."""
        with _named():
            self.journal.answered(leg_id, answer)

    def signed(self, leg_id: LegId) -> SignedRow | None:
        """The leg's signed order."""
        with _named():
            return self.journal.signed(leg_id)

    def leg_of(self, order_id: str) -> LegId | None:
        """Whose order this is."""
        with _named():
            return self.journal.leg_of(order_id)

    def placed_here(self, leg_id: LegId) -> bool:
        """Whether the leg was to be placed from here."""
        with _named():
            found = self.journal.entry(leg_id)
        return found is not None and found.placed

    def close(self) -> None:
        """Let another process have it."""
        self.journal.close()


@contextlib.contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except JournalError as error:
        raise JournalBrokenError(str(error)) from None


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
        owner=entry.owner,
    )
