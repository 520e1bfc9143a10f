"""The ledger actor: what is told is acked when it is durable, and only that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.facts import Remark
from actors.ledger import Ledger, LedgerBroken, LedgerRefused, LedgerSetup, LedgerWritten, Record, Recorded
from actors.messages import Directory
from protocol.terms import LegId
from simulation.doubles import inbox
from simulation.memory import MemoryLedger
from transport.host import ActorHost

FACT = Remark(t=1, kind="test", text="said")


class Desk:
    """A ledger actor over a store that writes when it is told to."""

    def __init__(self, host: ActorHost) -> None:
        self.host = host
        self.store = MemoryLedger(held=True)
        self.ledger = host.create(Ledger, "ledger", LedgerSetup(self.store))
        self.asker, self.heard = inbox(host)
        telemetry, self.notes = inbox(host)
        host.tell(self.ledger, Directory({"executor": self.asker, "telemetry": telemetry}))

    def record(self, leg: str) -> None:
        self.host.system.tell(self.ledger, Record((FACT,), (LegId(leg), 0)))

    @property
    def tokens(self) -> list[int]:
        return [token for token, _ in self.store.waiting]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ActorHost() as host:
        yield Desk(host)


def acked(desk: Desk) -> list[str]:
    """The legs that whoever told was told to be durable (told from outside, so heard outside)."""
    heard = []
    while (said := desk.host.system.listen(None)) is not None:
        if isinstance(said, Recorded):
            heard.append(str(said.leg_id))
    return heard


def test_nothing_is_acked_before_it_is_durable(desk: Desk) -> None:
    desk.record("l1")
    assert acked(desk) == []
    desk.host.tell(desk.ledger, LedgerWritten(desk.tokens[0]))
    assert acked(desk) == ["l1"]


def test_what_the_store_refused_is_not_acked_by_the_next_one_that_is_written(desk: Desk) -> None:
    desk.record("l1")
    desk.record("l2")
    first, second = desk.tokens
    desk.host.tell(desk.ledger, LedgerRefused(first, "another result is recorded"))
    desk.host.tell(desk.ledger, LedgerWritten(second))
    assert acked(desk) == ["l2"]
    assert [note.count for note in desk.notes] == ["facts_refused"]


def test_a_store_that_broke_is_told_once_and_written_no_more(desk: Desk) -> None:
    for _ in range(2):
        desk.host.tell(desk.ledger, LedgerBroken("disk full"))
    desk.record("l1")
    assert desk.tokens == []
    assert [said for said in desk.heard if isinstance(said, LedgerBroken)] == [LedgerBroken("disk full")]
