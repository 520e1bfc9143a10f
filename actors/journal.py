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
    """What the journal knows of a leg id. ``leg`` is None for a tombstone, ``outcome`` until there is one."""

    leg_id: LegId
    platform: Platform
    leg: Leg | None
    outcome: Outcome | None
    asked_us: int
    acked: int
    dry: bool
    tombstone: bool


class JournalBrokenError(Exception):
    """The journal cannot be written; everything written before is intact. Nothing may be ordered from now on."""


class JournalPort(Protocol):
    """The durable file. Writes return when they are on disk, or raise :class:`JournalBrokenError`."""

    def begin(self, leg: Leg, *, dry: bool, refused: Outcome | None, now_us: int) -> JournalEntry | None:
        """Write the intent to place a leg, or that it was refused; for a known id write nothing and return it."""

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Write what became of a leg as of this revision."""

    def ack(self, leg_id: LegId, revision: int) -> None:
        """The controller has this revision durably."""

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> JournalEntry | None:
        """Never execute this id; returns the entry when it is known already."""

    def unacked(self) -> list[JournalEntry]:
        """Entries whose latest outcome is not acked, oldest first."""

    def unproven(self) -> list[JournalEntry]:
        """Entries without an outcome, or whose outcome is unknown or may still change, oldest first."""

    def depth(self) -> int:
        """How many results are not acked yet."""


class JournalSetup(msgspec.Struct, frozen=True):
    """The file."""

    port: JournalPort


class Begin(Message, frozen=True):
    """Trader: this leg is about to be placed (or is refused). Answer: `Begun`, `AlreadyKnown`, `JournalFailed`."""

    leg: Leg
    dry: bool
    refused: Outcome | None


class Begun(Message, frozen=True):
    """The intent (or refusal) is on disk."""

    leg_id: LegId


class AlreadyKnown(Message, frozen=True):
    """The id was seen before; nothing was written."""

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


class JournalFailed(Message, frozen=True):
    """The write did not happen; ``leg_id`` is the leg it was about."""

    leg_id: LegId
    reason: str


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
            known = self.port.begin(message.leg, dry=message.dry, refused=message.refused, now_us=self.turn.unix_us)
        except JournalBrokenError as error:
            self.fail(leg_id, error, sender)
        else:
            self.send(sender, Begun(leg_id) if known is None else AlreadyKnown(known))

    @handles(NoteOutcome)
    def note_outcome(self, message: NoteOutcome, sender: Address) -> None:
        """Write the outcome."""
        try:
            self.check()
            self.port.outcome(message.outcome, self.turn.unix_us)
        except JournalBrokenError as error:
            self.fail(message.outcome.leg_id, error, sender)
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
            self.fail(message.leg_id, error, sender)
        else:
            self.send(sender, Buried(message.leg_id) if known is None else AlreadyKnown(known))

    @handles(ReadJournal)
    def read(self, _message: ReadJournal, sender: Address) -> None:
        """Read what a start must take up again."""
        self.send(sender, JournalRead(tuple(self.port.unproven()), tuple(self.port.unacked())))

    def check(self) -> None:
        """Nothing is written after a failure."""
        if self.broken is not None:
            raise JournalBrokenError(self.broken)

    def fail(self, leg_id: LegId, error: JournalBrokenError, sender: Address) -> None:
        """Say that it was not written."""
        self.broken = str(error)
        self.send(sender, JournalFailed(leg_id, str(error)))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Depth, and whether it can be written."""
        data: dict[str, Any] = {"broken": self.broken, "depth": None if self.broken else self.port.depth()}
        self.send(sender, Description("journal", data))
