"""The trader's journal as an actor: thin. What is said to be written is on disk when it is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Describe, Description, Directory, Message
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Side


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal knows of a leg id.

    ``leg`` is None for a tombstone and for what is long over, ``outcome`` until there is one. ``owner`` is the
    controller that sent it, None where that had not said who it is. ``dry``: it was sent to a paper venue.
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


class Holding(msgspec.Struct, frozen=True):
    """What orders that are over have brought and taken of one side of one instrument; paper is a kind of its own."""

    platform: Platform
    market: str
    side: Side
    paper: bool
    contracts: int


class HaltWord(msgspec.Struct, frozen=True):
    """That somebody stopped this trader, and why. Without ``everything`` what is held may still be sold."""

    reason: str
    everything: bool
    since_us: int


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

    def recent(self, since_us: int) -> list[JournalEntry]:
        """Legs that were placed after then, or are still open; oldest first."""

    def held(self, until_us: int) -> list[Holding]:
        """The sums of all legs that were placed up to then and are over, however long ago."""

    def halts(self) -> dict[str, HaltWord]:
        """Which halts stand, by who asked for them."""

    def note_halt(self, who: str, word: HaltWord | None) -> None:
        """Write that ``who`` halted this trader, or (None) does not any more."""


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


class ReadPast(Message, frozen=True):
    """Trader, at its start: what counts against its limits, and is it halted? Answer: `PastRead`."""

    since_us: int


class PastRead(Message, frozen=True):
    """Legs of the last hour or still open, the sums of all others, and the halts that stand, by who asked for them."""

    recent: tuple[JournalEntry, ...]
    held: tuple[Holding, ...]
    halts: Mapping[str, HaltWord]
    failed: str | None = None


class NoteHalt(Message, frozen=True):
    """Trader: write that it is halted by ``who``, or not any more. Answer: `HaltNoted`."""

    who: str
    word: HaltWord | None


class HaltNoted(Message, frozen=True):
    """It is on disk, or (``failed``) could not be written."""

    who: str
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

    @handles(ReadPast)
    def read_past(self, message: ReadPast, sender: Address) -> None:
        """Read what the trader's own limits count."""
        try:
            recent, held = self.port.recent(message.since_us), self.port.held(message.since_us)
            found = PastRead(tuple(recent), tuple(held), self.port.halts())
        except JournalBrokenError as error:
            self.broken = str(error)
            found = PastRead((), (), {}, self.broken)
        self.send(sender, found)

    @handles(NoteHalt)
    def note_halt(self, message: NoteHalt, sender: Address) -> None:
        """Write that the trader is halted; where that fails no order leaves any more either."""
        try:
            self.check()
            self.port.note_halt(message.who, message.word)
        except JournalBrokenError as error:
            self.broken = str(error)
            self.send(sender, HaltNoted(message.who, self.broken))
        else:
            self.send(sender, HaltNoted(message.who))

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
