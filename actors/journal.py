"""The trader's journal as an actor: thin. What is said to be written is on disk when it is said."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Describe, Description, Directory, Message
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal knows of a leg id.

    ``leg`` is None for a tombstone and for what is long over, ``outcome`` until there is one. ``owner`` is the
    controller that sent it, None where that had not said who it is.
    """

    leg_id: LegId
    platform: Platform
    leg: Leg | None
    outcome: Outcome | None
    asked_us: int
    acked: int
    dry: bool
    tombstone: bool
    owner: str | None = None

    @property
    def settled(self) -> bool:
        """Whether the last word on it is proven and final."""
        return self.outcome is not None and self.outcome.status.proven and self.outcome.final


class JournalBrokenError(Exception):
    """The journal cannot be written, or not even read. Nothing may be ordered from now on."""


class JournalPort(Protocol):
    """The durable file. Writes return when they are on disk; what fails raises :class:`JournalBrokenError`."""

    def begin(
        self, leg: Leg, *, dry: bool, refused: Outcome | None, owner: str | None, now_us: int
    ) -> JournalEntry | None:
        """Write the intent to place a leg, or that it was refused; for a known id write nothing and return it."""

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Write what became of a leg as of this revision."""

    def ack(self, leg_id: LegId, revision: int) -> None:
        """The controller has this revision durably."""

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Never execute this id; returns the entry when it is known already."""

    def entry(self, leg_id: LegId) -> JournalEntry | None:
        """What is known of this id, also after a failed write; None: it was never seen, for certain."""

    def unacked(self) -> list[JournalEntry]:
        """Entries whose latest outcome is not acked, oldest first."""

    def unproven(self) -> list[JournalEntry]:
        """Entries without an outcome, or whose outcome is unknown or may still change, oldest first."""

    def depth(self) -> int:
        """How many results are not acked yet."""

    def probe(self) -> None:
        """Write something, synced, that changes nothing; raises :class:`JournalBrokenError` where it cannot be."""


class JournalSetup(msgspec.Struct, frozen=True):
    """The file."""

    port: JournalPort


class Begin(Message, frozen=True):
    """Trader: this leg is about to be placed (or is refused). Answer: `Begun`, `AlreadyKnown`, `JournalFailed`."""

    leg: Leg
    dry: bool
    refused: Outcome | None
    owner: str | None = None


class Begun(Message, frozen=True):
    """The intent (or refusal) is on disk."""

    leg_id: LegId


class AlreadyKnown(Message, frozen=True):
    """The id was seen before; nothing was written. A broken journal answers this, too, while it can be read."""

    entry: JournalEntry


class NoteOutcome(Message, frozen=True):
    """Trader: write this before it is told. Answer: `OutcomeNoted` or `JournalFailed`."""

    outcome: Outcome


class OutcomeNoted(Message, frozen=True):
    """The outcome is on disk."""

    outcome: Outcome


class NoteAck(Message, frozen=True):
    """Trader: the controller has this revision."""

    leg_id: LegId
    revision: int


class Bury(Message, frozen=True):
    """Trader: never execute this id. Answer: `Buried`, `AlreadyKnown` or `JournalFailed`."""

    leg_id: LegId
    platform: Platform


class Buried(Message, frozen=True):
    """The tombstone is on disk."""

    leg_id: LegId


class ReadJournal(Message, frozen=True):
    """Trader, at its start: what is open and what is not acked? Answer: `JournalRead`."""


class JournalRead(Message, frozen=True):
    """What a start must take up again."""

    unproven: tuple[JournalEntry, ...]
    unacked: tuple[JournalEntry, ...]
    failed: str | None = None


class JournalFailed(Message, frozen=True):
    """The write did not happen; ``leg_id`` is the leg it was about.

    ``unread``: nor could the journal be read. Otherwise it was, and this id was never seen before.
    """

    leg_id: LegId
    reason: str
    unread: bool = False


class Journal(GuardedActor):
    """Passes writes to the port, in order. After a failure every write fails, so that nothing is lost by halves."""

    def __init__(self) -> None:
        """No file yet."""
        super().__init__()
        self.port: JournalPort
        self.broken: str | None = None

    @handles(JournalSetup)
    def setup(self, message: JournalSetup, _sender: Address) -> None:
        """Take the file."""
        self.port = message.port

    @handles(Directory)
    def directory(self, _message: Directory, _sender: Address) -> None:
        """It answers whoever asks."""

    @handles(Begin)
    def begin(self, message: Begin, sender: Address) -> None:
        """Write the intent."""
        leg_id = message.leg.leg_id
        try:
            self.check()
            now_us, refused = self.turn.unix_us, message.refused
            known = self.port.begin(message.leg, dry=message.dry, refused=refused, owner=message.owner, now_us=now_us)
        except JournalBrokenError as error:
            self.recall(leg_id, error, sender)
        else:
            self.send(sender, Begun(leg_id) if known is None else AlreadyKnown(known))

    @handles(NoteOutcome)
    def note_outcome(self, message: NoteOutcome, sender: Address) -> None:
        """Write the outcome."""
        try:
            self.check()
            self.port.outcome(message.outcome, self.turn.unix_us)
        except JournalBrokenError as error:
            self.broken = str(error)
            self.send(sender, JournalFailed(message.outcome.leg_id, str(error)))
        else:
            self.send(sender, OutcomeNoted(message.outcome))

    @handles(NoteAck)
    def note_ack(self, message: NoteAck, _sender: Address) -> None:
        """A lost ack only means that the result is told again."""
        try:
            self.check()
            self.port.ack(message.leg_id, message.revision)
        except JournalBrokenError as error:
            self.broken = str(error)

    @handles(Bury)
    def bury(self, message: Bury, sender: Address) -> None:
        """Write the tombstone."""
        try:
            self.check()
            known = self.port.tombstone(message.leg_id, message.platform, self.turn.unix_us)
        except JournalBrokenError as error:
            self.recall(message.leg_id, error, sender)
        else:
            self.send(sender, Buried(message.leg_id) if known is None else AlreadyKnown(known))

    @handles(ReadJournal)
    def read(self, _message: ReadJournal, sender: Address) -> None:
        """Read what a start must take up again."""
        try:
            found = JournalRead(tuple(self.port.unproven()), tuple(self.port.unacked()))
        except JournalBrokenError as error:
            self.broken = str(error)
            found = JournalRead((), (), self.broken)
        try:
            self.check()
            self.port.probe()
        except JournalBrokenError as error:
            self.broken = str(error)
            found = JournalRead(found.unproven, found.unacked, self.broken)
        self.send(sender, found)

    def check(self) -> None:
        """Nothing is written after a failure."""
        if self.broken is not None:
            raise JournalBrokenError(self.broken)

    def recall(self, leg_id: LegId, error: JournalBrokenError, sender: Address) -> None:
        """The id was not written. What was written of it before can perhaps still be read, and is the answer then."""
        self.broken = str(error)
        try:
            known = self.port.entry(leg_id)
        except JournalBrokenError:
            self.send(sender, JournalFailed(leg_id, self.broken, unread=True))
        else:
            self.send(sender, JournalFailed(leg_id, self.broken) if known is None else AlreadyKnown(known))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Depth, and whether it can be written."""
        depth = None
        if self.broken is None:
            try:
                depth = self.port.depth()
            except JournalBrokenError as error:
                self.broken = str(error)
        data: dict[str, Any] = {"broken": self.broken, "depth": depth}
        self.send(sender, Description("journal", data))
