"""Legs that are long over: little is left of them, but never so little that an id could be executed again."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from actors.journal import JournalBrokenError
from protocol.outcome import Outcome
from protocol.terms import KALSHI, LegId, Status
from protocol.units import Money, Quantity
from tests.fact_kit import T0, leg, outcome, unfilled, unknown
from transport import journal as journal_module
from transport.journal import SCHEMA, Journal, JournalError, JournalMisuse
from transport.journal_port import JournalFile
from transport.sqlite_file import Schema, open_sqlite

DAY = 24 * 60 * 60 * 1_000_000
ID = LegId("t1-1")

LEFT = Outcome(leg_id=ID, status=Status.FILLED, filled=Quantity(1_000), cost=Money(5_200_000), fees=Money(170_000))
"""All that is kept of `outcome()`."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def over(journal: Journal, leg_id: str = ID, now_us: int = T0) -> None:
    """A leg that was filled, told and acknowledged."""
    journal.intent(leg(leg_id), dry=False, paper=False, now_us=now_us, owner="ann")
    journal.outcome(outcome(leg_id), now_us)
    journal.ack(LegId(leg_id), 0)


def rows(path: Path) -> tuple[int, int, int]:
    """Legs, outcomes, and what is left of legs."""
    query = "SELECT (SELECT count(*) FROM legs), (SELECT count(*) FROM outcomes), (SELECT count(*) FROM past)"
    with contextlib.closing(sqlite3.connect(path)) as db:
        legs, outcomes, past = db.execute(query).fetchone()
    return legs, outcomes, past


def test_an_id_that_was_pruned_is_never_executed_again_and_is_answered_with_what_was_filled(path: Path) -> None:
    with Journal(path) as journal:
        over(journal)
        assert journal.prune(T0 + 1) == 1
        assert rows(path) == (0, 0, 1)
    with Journal(path) as journal:
        again = [
            journal.intent(leg(), dry=False, paper=False, now_us=T0 + DAY),
            journal.refused(leg(), unfilled(), T0 + DAY),
            journal.tombstone(ID, KALSHI, T0 + DAY),
            journal.entry(ID),
        ]
        assert rows(path) == (0, 0, 1)
        for entry in again:
            assert entry is not None
            assert (entry.outcome, entry.leg, entry.tombstone, entry.placed) == (LEFT, None, False, True)
        assert (journal.open(), journal.unacked(10), journal.depth()) == ([], [], 0)


def test_only_what_is_settled_acked_and_old_is_pruned(path: Path) -> None:
    with Journal(path) as journal:
        for name in ("new-1", "open-1", "told-1", "maybe-1", "late-1"):
            journal.intent(leg(name), dry=False, paper=False, now_us=T0)
        journal.outcome(outcome("new-1"), T0 + DAY)
        journal.ack(LegId("new-1"), 0)
        journal.outcome(outcome("told-1"), T0)
        journal.outcome(unknown("maybe-1"), T0)
        journal.ack(LegId("maybe-1"), 0)
        journal.outcome(outcome("late-1"), T0)
        journal.ack(LegId("late-1"), 0)
        journal.outcome(outcome("late-1", filled=Quantity(900), status=Status.PARTIAL, revision=1), T0)
        journal.tombstone(LegId("grave-1"), KALSHI, T0)
        assert journal.prune(T0 + DAY) == 0
        assert rows(path) == (6, 5, 0)
        assert journal.prune(T0 + DAY + 1) == 1


def test_a_leg_that_was_refused_stays_refused(path: Path) -> None:
    with Journal(path) as journal:
        journal.refused(leg(), unfilled(), T0)
        journal.ack(ID, 0)
        assert journal.prune(T0 + 1) == 1
        entry = journal.intent(leg(), dry=False, paper=False, now_us=T0 + DAY)
        assert entry is not None
        assert entry.outcome is not None
        assert (entry.placed, entry.outcome.status) == (False, Status.UNFILLED)


def test_late_news_of_a_leg_long_over_is_refused_and_an_ack_changes_nothing(path: Path) -> None:
    with Journal(path) as journal:
        over(journal)
        journal.prune(T0 + 1)
        with pytest.raises(JournalMisuse, match="long over"):
            journal.outcome(outcome(revision=1), T0 + DAY)
        journal.ack(ID, 5)
        assert journal.intent(leg("t2-1"), dry=False, paper=False, now_us=T0 + DAY) is None


def test_a_prune_that_is_cut_off_has_changed_nothing(path: Path) -> None:
    with Journal(path) as journal:
        for name in ("a-1", "b-1"):
            over(journal, name)
        journal._db.execute(
            "CREATE TRIGGER no BEFORE DELETE ON legs WHEN old.leg_id = 'b-1' BEGIN SELECT raise(ABORT, 'cut'); END"
        )
        with pytest.raises(JournalError, match="cut"):
            journal.prune(T0 + 1)
        assert rows(path) == (2, 2, 0)
        assert journal.depth() == 0


def test_one_call_takes_no_more_than_its_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_PRUNED", 2)
    with Journal(path) as journal:
        for name in ("a-1", "b-1", "c-1"):
            over(journal, name)
        assert [journal.prune(T0 + 1) for _ in range(3)] == [2, 1, 0]


def test_the_file_is_pruned_when_it_is_opened_and_opens_all_the_same_where_it_cannot_be(path: Path) -> None:
    with Journal(path) as journal:
        over(journal)
        journal._db.execute(
            "CREATE TRIGGER no BEFORE DELETE ON legs BEGIN SELECT raise(ABORT, 'the disk is full'); END"
        )
    stuck = JournalFile(path, prune_before_us=T0 + 1)
    entry = stuck.entry(ID)
    assert entry is not None
    assert entry.outcome == outcome()
    with pytest.raises(JournalBrokenError, match="the disk is full"):
        stuck.begin(leg("t2-1"), dry=False, refused=None, owner=None, now_us=T0)
    stuck.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER no")
    db.close()
    JournalFile(path).close()
    assert rows(path) == (1, 1, 0)
    JournalFile(path, prune_before_us=T0 + 1).close()
    assert rows(path) == (0, 0, 1)


def test_a_journal_of_the_first_schema_goes_on(path: Path) -> None:
    first = Schema(SCHEMA.what, SCHEMA.application_id, SCHEMA.migrations[:1])
    db = open_sqlite(path, first, synchronous="FULL")
    db.execute(
        "INSERT INTO legs (leg_id, platform, fate, dry, paper, asked_us, open)"
        " VALUES ('old', 'kalshi', 'tombstone', 0, 0, 1, 0)"
    )
    db.close()
    with Journal(path) as journal:
        entry = journal.intent(leg("old"), dry=False, paper=False, now_us=T0)
        assert entry is not None
        assert (entry.tombstone, entry.owner) == (True, None)


def test_who_sent_a_leg_is_kept(path: Path) -> None:
    with Journal(path) as journal:
        journal.intent(leg(), dry=False, paper=False, now_us=T0, owner="ann")
        journal.refused(leg("t2-1"), unfilled("t2-1"), T0, "bob")
    file = JournalFile(path)
    assert [entry.owner for entry in file.unproven()] == ["ann"]
    assert [entry.owner for entry in file.unacked()] == ["bob"]
    file.close()


# -- reading what cannot be written any more -----------------------------------------------------------------------


def test_a_journal_that_cannot_be_written_says_what_it_knows_and_what_it_never_saw(path: Path) -> None:
    with Journal(path) as journal:
        over(journal)
    file = JournalFile(path)
    file.journal._db.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalBrokenError):
        file.begin(leg("t2-1"), dry=False, refused=None, owner=None, now_us=T0)
    known = file.entry(ID)
    assert known is not None
    assert known.outcome == outcome()
    assert file.entry(LegId("t2-1")) is None
    file.close()


def test_a_damaged_journal_does_not_say_that_it_never_saw_an_id(path: Path) -> None:
    with Journal(path) as journal:
        over(journal)
        over(journal, "t2-1")
        journal._db.execute("UPDATE legs SET leg = '{' WHERE leg_id = 't2-1'")
    file = JournalFile(path)
    assert file.entry(LegId("t3-1")) is None
    with pytest.raises(JournalBrokenError, match="is damaged"):
        file.entry(LegId("t2-1"))
    with pytest.raises(JournalBrokenError, match="is damaged"):
        file.entry(LegId("t3-1"))
    assert file.entry(ID) is not None
    file.close()
