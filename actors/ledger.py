"""The controller's ledger as an actor: facts go to the store in order, and who waits for durability is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.facts import AnyFact
from actors.holdings_messages import LedgerAsked, LedgerTold
from actors.ledger_agreement import summary
from actors.ledger_state import LedgerState
from actors.ledger_sums import LedgerSums, sums_of
from actors.messages import Describe, Description, Directory, Message, Note
from protocol.terms import LegId

MAX_WAITING: Final = 10_000
"""Batches under way; a store that falls this far behind is broken for our purposes."""


class LedgerPort(Protocol):
    """The durable store, off the loop. Each write is answered later by `LedgerWritten` or `LedgerBroken`, in order."""

    def write(self, token: int, facts: tuple[AnyFact, ...]) -> None:
        """Append these facts; returns at once."""


class LedgerSetup(msgspec.Struct, frozen=True):
    """The store, and what it held at the start."""

    port: LedgerPort
    held: Callable[[], Iterable[AnyFact]] = tuple


class Record(Message, frozen=True):
    """Write these facts. With an ``ack`` the sender is told by :class:`Recorded` once they are durable.

    With a ``number`` of the sender's own it is told by :class:`FactsKept`.
    """

    facts: tuple[AnyFact, ...]
    ack: tuple[LegId, int] | None = None
    number: int | None = None


class Recorded(Message, frozen=True):
    """The result of this revision is durable: it may be acked to whoever told it."""

    leg_id: LegId
    revision: int


class FactsKept(Message, frozen=True):
    """The facts of that number are durable."""

    number: int


class LedgerWritten(Message, frozen=True):
    """The store: the facts of this token are durable."""

    token: int


class LedgerRefused(Message, frozen=True):
    """The store: the facts of this token contradict what is recorded and are not written; nothing of it is acked."""

    token: int
    reason: str


class LedgerBroken(Message, frozen=True):
    """The store cannot write; passed on to the executor, which then starts nothing new."""

    reason: str


class Ledger(GuardedActor):
    """Guarantees: facts are written in the order told; nothing is called durable that is not."""

    def __init__(self) -> None:
        """No store yet."""
        super().__init__()
        self.port: LedgerPort
        self.roles: dict[str, Address] = {}
        self.waiting: dict[int, tuple[Address, Record]] = {}
        self.state = LedgerState()
        self.sums = LedgerSums(self.state)
        self.next_token = 0
        self.written = 0
        self.refused = 0
        self.broken: str | None = None

    @handles(LedgerSetup)
    def setup(self, message: LedgerSetup, _sender: Address) -> None:
        """Take the store, and derive state from what it holds."""
        self.port, self.state = message.port, LedgerState()
        self.sums = sums_of(self.state, message.held())

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        self.roles = dict(message.roles)

    @handles(Record)
    def record(self, message: Record, sender: Address) -> None:
        """Hand the facts to the store."""
        if self.broken is not None:
            return
        if len(self.waiting) >= MAX_WAITING:
            self.fail(f"the store is more than {MAX_WAITING} writes behind")
            return
        self.next_token += 1
        self.waiting[self.next_token] = (sender, message)
        self.port.write(self.next_token, message.facts)

    @handles(LedgerWritten)
    def ledger_written(self, message: LedgerWritten, _sender: Address) -> None:
        """Tell whoever waits for these facts; each token is answered for itself, as another may have been refused."""
        asker, record = self.waiting.pop(message.token)
        self.written += 1
        # Derived here and not when it was told: an order's way out does not wait for bookkeeping.
        for fact in record.facts:
            self.state.add(fact)
            self.sums.add(fact)
        if record.ack is not None:
            self.send(asker, Recorded(*record.ack))
        if record.number is not None:
            self.send(asker, FactsKept(record.number))

    @handles(LedgerRefused)
    def ledger_refused(self, message: LedgerRefused, _sender: Address) -> None:
        """The opposite is recorded already: a person must look at it, and whoever told it keeps telling it."""
        self.waiting.pop(message.token, None)
        self.refused += 1
        text = f"not recorded and not acked, it contradicts the ledger: {message.reason}"
        self.send(self.roles["telemetry"], Note("LEDGER", text, "error", count="facts_refused"))

    @handles(LedgerBroken)
    def ledger_broken(self, message: LedgerBroken, _sender: Address) -> None:
        """The store gave up."""
        self.fail(message.reason)

    def fail(self, reason: str) -> None:
        """Nothing more is written or acked; the executor must not trade without a ledger."""
        if self.broken is None:
            self.broken = reason
            self.send(self.roles["executor"], LedgerBroken(reason))

    @handles(LedgerAsked)
    def holdings_asked(self, message: LedgerAsked, sender: Address) -> None:
        """What the ledger has of a venue's account; what is on its way there is named as moving."""
        waiting = (fact for _, record in self.waiting.values() for fact in record.facts)
        told = self.sums.told(message, waiting)
        self.send(sender, LedgerTold(message.number, message.platform, message.paper, told))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """How far the store is behind, and what it amounts to."""
        data: dict[str, Any] = {
            "broken": self.broken,
            "writes": self.written,
            "behind": len(self.waiting),
            "refused": self.refused,
            "summary": summary(self.state),
        }
        self.send(sender, Description("ledger", data))
