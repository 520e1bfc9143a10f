"""What the journal remembers for the trader's own limits: holdings since ever, the last hour, and halts."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.journal import HaltWord, Holding, JournalBrokenError
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, Side, Status
from protocol.units import Money, Quantity
from tests.fact_kit import T0, leg, outcome, unfilled, unknown
from transport.journal import SCHEMA, Journal
from transport.journal_port import JournalFile
from transport.sqlite_file import Schema, open_sqlite

HOUR = 3_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def traded(journal: Journal, leg_id: str, filled: int, now_us: int = T0, **more: object) -> None:
    """A leg that was placed and has its last word, told and acknowledged."""
    sold = more.pop("sold", False)
    dry = bool(more.pop("dry", False))
    asked = leg(leg_id, action=Action.SELL if sold else Action.BUY)
    journal.intent(asked, dry=dry, paper=dry, now_us=now_us)
    done = Outcome(leg_id=LegId(leg_id), status=Status.FILLED, filled=Quantity(filled), cost=Money(1), paper=dry)
    journal.outcome(done, now_us)
    journal.ack(LegId(leg_id), 0)


def holding(contracts: int, *, paper: bool = False) -> Holding:
    return Holding(KALSHI, leg().market, Side.YES, paper, contracts)


def held(path: Path, until_us: int = T0) -> list[Holding]:
    """What a start would read."""
    file = JournalFile(path)
    try:
        return sorted(file.held(until_us), key=lambda found: found.paper)
    finally:
        file.close()


def test_what_was_bought_and_sold_is_summed_paper_apart(path: Path) -> None:
    with Journal(path) as journal:
        traded(journal, "a", 1_000)
        traded(journal, "b", 300, sold=True)
        traded(journal, "c", 500, dry=True)
        journal.refused(leg("d"), unfilled("d"), T0)
    assert held(path) == [holding(700), holding(500, paper=True)]


def test_the_sums_survive_that_the_legs_are_reduced(path: Path) -> None:
    with Journal(path) as journal:
        traded(journal, "a", 1_000)
        traded(journal, "b", 300, sold=True)
        assert journal.prune(T0 + 1) == 2
        traded(journal, "c", 50, T0 + 2)
        assert journal.prune(T0 + 3) == 1
        traded(journal, "e", 7, T0 + 4)
    assert held(path, T0 + 4) == [holding(757)]
    assert held(path, T0 + 3) == [holding(750)], "the leg of the last hour is among the recent ones"


def test_a_leg_is_among_the_recent_ones_or_in_the_sums_and_never_in_both(path: Path) -> None:
    with Journal(path) as journal:
        traded(journal, "old", 100, T0 - HOUR)
        traded(journal, "new", 200, T0)
        journal.intent(leg("open"), dry=False, paper=False, now_us=T0 - 2 * HOUR)
        journal.intent(leg("unknown"), dry=False, paper=False, now_us=T0 - 2 * HOUR)
        journal.outcome(unknown("unknown"), T0)
        journal.refused(leg("refused"), unfilled("refused"), T0)
        journal.tombstone(LegId("never"), KALSHI, T0)
        assert [entry.leg_id for entry in journal.recent(T0 - HOUR)] == ["new", "open", "unknown"]
    assert held(path, T0 - HOUR) == [holding(100)]


def test_a_halt_is_there_after_the_process_died(path: Path) -> None:
    word = HaltWord("enough", everything=True, since_us=T0)
    journal = JournalFile(path)
    journal.note_halt("operator", word)
    journal.note_halt("controller", HaltWord("less", everything=False, since_us=T0 + 1))
    # Not closed: what was said to be on disk is there for whoever opens it next.
    other = journal.journal._db
    assert other.execute("PRAGMA synchronous").fetchone() == (2,)
    journal.close()
    journal = JournalFile(path)
    assert list(journal.halts().items()) == [
        ("operator", word),
        ("controller", HaltWord("less", everything=False, since_us=T0 + 1)),
    ]
    journal.note_halt("operator", None)
    journal.note_halt("controller", HaltWord("more", everything=True, since_us=T0 + 2))
    assert journal.halts() == {"controller": HaltWord("more", everything=True, since_us=T0 + 2)}
    journal.close()


def test_a_halt_that_cannot_be_written_is_said(path: Path) -> None:
    journal = JournalFile(path)
    path.unlink()
    with pytest.raises(JournalBrokenError, match="was deleted or replaced"):
        journal.note_halt("operator", HaltWord("enough", everything=True, since_us=T0))
    journal.close()


def test_an_older_journal_gets_what_it_lacks(path: Path) -> None:
    old = open_sqlite(path, Schema(SCHEMA.what, SCHEMA.application_id, SCHEMA.migrations[:2]), synchronous="FULL")
    old.close()
    with Journal(path) as journal:
        journal.intent(leg("a"), dry=False, paper=False, now_us=T0)
        journal.outcome(outcome("a"), T0)
        assert journal.halts() == {}
    assert held(path) == [holding(1_000)]
