"""The controller's ledger as an actor: facts go to the store in order, and who waits for durability is told."""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.facts import AnyFact
from actors.messages import Describe, Description, Directory, Message
from protocol.terms import LegId

MAX_WAITING: Final = 10_000
"""Batches under way; a store that falls this far behind is broken for our purposes."""


class LedgerPort(Protocol):
    """The durable store, off the loop. Each write is answered later by `LedgerWritten` or `LedgerBroken`, in order."""

    def write(self, token: int, facts: tuple[AnyFact, ...]) -> None:
        """Append these facts; returns at once."""


class LedgerSetup(msgspec.Struct, frozen=True):
    """The store."""

    port: LedgerPort


class Record(Message, frozen=True):
    """Write these facts. With an ``ack`` the sender is told by :class:`Recorded` once they are durable."""

    facts: tuple[AnyFact, ...]
    ack: tuple[LegId, int] | None = None


class Recorded(Message, frozen=True):
    """The result of this revision is durable: it may be acked to whoever told it."""

    leg_id: LegId
    revision: int


class LedgerWritten(Message, frozen=True):
    """The store: everything up to this token is durable."""

    token: int


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
        self.waiting: dict[int, tuple[Address, tuple[LegId, int] | None]] = {}
        self.next_token = 0
        self.written = 0
        self.broken: str | None = None

    @handles(LedgerSetup)
    def setup(self, message: LedgerSetup, _sender: Address) -> None:
        """Take the store."""
        self.port = message.port

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
        self.waiting[self.next_token] = (sender, message.ack)
        self.port.write(self.next_token, message.facts)

    @handles(LedgerWritten)
    def ledger_written(self, message: LedgerWritten, _sender: Address) -> None:
        """Tell everyone whose facts are durable now."""
        for token in [token for token in self.waiting if token <= message.token]:
            asker, ack = self.waiting.pop(token)
            self.written += 1
            if ack is not None:
                self.send(asker, Recorded(*ack))

    @handles(LedgerBroken)
    def ledger_broken(self, message: LedgerBroken, _sender: Address) -> None:
        """The store gave up."""
        self.fail(message.reason)

    def fail(self, reason: str) -> None:
        """Nothing more is written or acked; the executor must not trade without a ledger."""
        if self.broken is None:
            self.broken = reason
            self.send(self.roles["executor"], LedgerBroken(reason))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """How far the store is behind."""
        data: dict[str, Any] = {"broken": self.broken, "writes": self.written, "behind": len(self.waiting)}
        self.send(sender, Description("ledger", data))
