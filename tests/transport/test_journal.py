"""The journal: an id is placed once for ever, an outcome is written before it is told, results wait for their ack."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, LegId, Status
from tests.fact_kit import T0, leg, outcome, unfilled, unknown
from transport.journal import NONE, Entry, Journal, JournalError, JournalMisuse

LEG = leg()
ID = LEG.leg_id
NOTED = Entry(
    leg_id=ID,
    leg=LEG,
    platform=KALSHI,
    dry=True,
    paper=False,
    asked_us=T0,
    outcome=None,
    acked=NONE,
    placed=True,
    tombstone=False,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal(path) as opened:
        yield opened


def place(journal: Journal, *leg_ids: str) -> None:
    for name in leg_ids:
        assert journal.intent(leg(name), dry=False, paper=False, now_us=T0) is None


def ids(entries: list[Entry]) -> list[str]:
    return [entry.leg_id for entry in entries]


# An id is executed once


def test_an_intent_is_noted_with_all_of_the_leg(journal: Journal) -> None:
    assert journal.intent(LEG, dry=True, paper=False, now_us=T0) is None
    assert journal.entry(ID) == NOTED
    assert journal.open() == [NOTED]
    assert journal.unacked(10) == []


def test_an_id_noted_before_is_answered_with_its_entry_and_stays_as_it_was(journal: Journal) -> None:
    journal.intent(LEG, dry=True, paper=False, now_us=T0)
    again = journal.intent(leg(quantity=7), dry=False, paper=True, now_us=T0 + 1)
    assert again == NOTED
    assert journal.entry(ID) == NOTED


def test_a_tombstone_refuses_the_leg_that_arrives_after_all(journal: Journal) -> None:
    assert journal.tombstone(ID, KALSHI, T0) is None
    entry = journal.intent(LEG, dry=False, paper=False, now_us=T0 + 1)
    assert entry is not None
    assert (entry.tombstone, entry.placed, entry.leg, entry.outcome, entry.asked_us) == (True, False, None, None, T0)
    assert (journal.open(), journal.unacked(10)) == ([], [])


def test_a_leg_that_is_known_gets_no_tombstone(journal: Journal) -> None:
    journal.intent(LEG, dry=True, paper=False, now_us=T0)
    assert journal.tombstone(ID, KALSHI, T0 + 1) == NOTED
    assert journal.entry(ID) == NOTED


def test_a_second_tombstone_is_the_first(journal: Journal) -> None:
    journal.tombstone(ID, POLYMARKET, T0)
    entry = journal.tombstone(ID, POLYMARKET, T0 + 1)
    assert entry is not None
    assert (entry.tombstone, entry.platform, entry.asked_us) == (True, POLYMARKET, T0)


def test_a_refused_leg_is_remembered_with_its_answer_and_waits_for_its_ack(journal: Journal) -> None:
    answer = Outcome(leg_id=ID, status=Status.EXPIRED, error="late")
    assert journal.refused(LEG, answer, T0) is None
    entry = journal.intent(LEG, dry=False, paper=False, now_us=T0 + 1)
    assert entry is not None
    assert (entry.placed, entry.tombstone, entry.outcome, entry.leg) == (False, False, answer, LEG)
    assert journal.open() == []
    assert journal.unacked(10) == [entry]


def test_a_leg_that_was_placed_is_not_refused_afterwards(journal: Journal) -> None:
    journal.intent(LEG, dry=True, paper=False, now_us=T0)
    assert journal.refused(LEG, unfilled(), T0) == NOTED
    assert journal.entry(ID) == NOTED


def test_what_was_never_seen_is_none(journal: Journal) -> None:
    assert journal.entry(ID) is None
    assert (journal.open(), journal.unacked(10), journal.depth()) == ([], [], 0)


# Outcomes by revision


def test_the_highest_revision_holds_and_every_one_is_kept(journal: Journal, path: Path) -> None:
    place(journal, ID)
    for became in (unknown(), outcome(revision=2), outcome(revision=1, filled=5)):
        journal.outcome(became, T0)
    entry = journal.entry(ID)
    assert entry is not None
    assert entry.outcome == outcome(revision=2)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT revision FROM outcomes ORDER BY seq").fetchall() == [(0,), (2,), (1,)]
    other.close()


@pytest.mark.parametrize(
    ("became", "is_open"),
    [
        (unknown(), True),
        (outcome(status=Status.PARTIAL, filled=5, final=False), True),
        (outcome(), False),
        (unfilled(), False),
        (outcome(status=Status.UNKNOWN, final=True), True),
    ],
)
def test_a_leg_is_open_until_its_outcome_is_proven_and_final(
    journal: Journal, became: Outcome, *, is_open: bool
) -> None:
    place(journal, ID)
    journal.outcome(became, T0)
    assert ids(journal.open()) == [ID] * is_open


def test_an_older_revision_does_not_open_a_leg_again(journal: Journal) -> None:
    place(journal, ID)
    journal.outcome(outcome(revision=1), T0)
    journal.outcome(unknown(), T0)
    assert journal.open() == []


def test_the_same_outcome_again_changes_nothing(journal: Journal) -> None:
    place(journal, ID)
    journal.outcome(outcome(), T0)
    before = journal.entry(ID)
    journal.outcome(outcome(), T0 + 1)
    assert journal.entry(ID) == before
    assert journal.depth() == 1


@pytest.mark.parametrize(
    ("prepare", "break_it", "words"),
    [
        (lambda j: place(j, ID), lambda j: j.outcome(outcome("t2-1"), T0), "whose intent was never noted"),
        (lambda j: j.tombstone(ID, KALSHI, T0), lambda j: j.outcome(outcome(), T0), "which was never placed"),
        (lambda j: j.refused(LEG, unfilled(), T0), lambda j: j.outcome(outcome(revision=1), T0), "was never placed"),
        (Journal.depth, lambda j: j.refused(LEG, unfilled("t2-1"), T0), "the outcome of t2-1 was given for t1-1"),
    ],
)
def test_a_caller_that_contradicts_the_journal_changes_nothing_and_it_goes_on(
    journal: Journal, prepare: Callable[[Journal], object], break_it: Callable[[Journal], object], words: str
) -> None:
    prepare(journal)
    before = journal.entry(ID)
    with pytest.raises(JournalMisuse, match=words):
        break_it(journal)
    assert journal.entry(ID) == before
    place(journal, "t3-1")


def test_another_outcome_under_a_written_revision_is_refused(journal: Journal) -> None:
    place(journal, ID)
    journal.outcome(outcome(), T0)
    with pytest.raises(JournalMisuse, match="another outcome of t1-1"):
        journal.outcome(outcome(filled=9), T0)
    entry = journal.entry(ID)
    assert entry is not None
    assert entry.outcome == outcome()


# The outbox


def test_results_wait_for_their_ack_oldest_result_first(journal: Journal) -> None:
    place(journal, "t1-1", "t2-1", "t3-1")
    for name in ("t2-1", "t3-1", "t1-1"):
        journal.outcome(outcome(name), T0)
    assert ids(journal.unacked(10)) == ["t2-1", "t3-1", "t1-1"]
    assert ids(journal.unacked(2)) == ["t2-1", "t3-1"]
    journal.ack(LegId("t3-1"), 0)
    assert ids(journal.unacked(10)) == ["t2-1", "t1-1"]
    assert journal.depth() == 2


def test_a_newer_revision_waits_for_its_own_ack(journal: Journal) -> None:
    place(journal, ID)
    journal.outcome(unknown(), T0)
    journal.ack(ID, 0)
    assert journal.depth() == 0
    journal.outcome(outcome(revision=1), T0)
    assert ids(journal.unacked(10)) == [ID]


def test_nobody_can_ack_what_was_not_sent(journal: Journal) -> None:
    place(journal, ID)
    journal.ack(ID, 5)
    journal.outcome(unknown(), T0)
    assert ids(journal.unacked(10)) == [ID]
    journal.ack(ID, 99)
    journal.outcome(outcome(revision=1), T0)
    entry = journal.entry(ID)
    assert entry is not None
    assert (entry.acked, journal.depth()) == (0, 1)


def test_an_older_ack_takes_nothing_back_and_a_strange_one_is_ignored(journal: Journal) -> None:
    place(journal, ID)
    for became in (unknown(), outcome(revision=1)):
        journal.outcome(became, T0)
    journal.ack(ID, 1)
    journal.ack(ID, 0)
    journal.ack(LegId("never-seen"), 0)
    assert journal.depth() == 0


# The file


def test_everything_is_there_when_it_is_opened_again(path: Path) -> None:
    with Journal(path) as journal:
        journal.intent(LEG, dry=True, paper=False, now_us=T0)
        journal.outcome(outcome(), T0)
        journal.tombstone(LegId("t2-1"), KALSHI, T0)
    with Journal(path) as journal:
        entry = journal.entry(ID)
        assert entry == dataclasses.replace(NOTED, outcome=outcome())
        assert journal.unacked(10) == [entry]
        stone = journal.entry(LegId("t2-1"))
        assert stone is not None
        assert stone.tombstone


def test_only_its_owner_can_read_it(journal: Journal, path: Path) -> None:
    place(journal, ID)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["journal.db", "journal.db-shm", "journal.db-wal", "journal.db.lock"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    Journal(path).close()
    path.chmod(0o644)
    Journal(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_never_share_it(journal: Journal, path: Path) -> None:
    words = f"journal {path}: process {os.getpid()} uses it already"
    with pytest.raises(JournalError) as caught:
        Journal(path)
    assert str(caught.value) == f"{words} ({path}.lock is locked): stop that one first"
    place(journal, ID)


def test_closed_is_closed(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.close()
    uses: list[Callable[[], object]] = [
        lambda: journal.entry(ID),
        lambda: journal.intent(LEG, dry=True, paper=False, now_us=T0),
    ]
    for use in uses:
        with pytest.raises(JournalError, match="is closed"):
            use()
    Journal(path).close()


def test_each_durable_call_is_one_synced_transaction(journal: Journal, path: Path) -> None:
    def setting(name: str) -> object:
        return journal._db.execute(f"PRAGMA {name}").fetchone()[0]

    full = 2
    assert (setting("journal_mode"), setting("synchronous")) == ("wal", full)
    calls: list[tuple[Callable[[], object], tuple[int, int]]] = [
        (lambda: journal.intent(LEG, dry=False, paper=False, now_us=T0), (1, 0)),
        (lambda: journal.outcome(unknown(), T0), (1, 1)),
        (lambda: journal.tombstone(LegId("t2-1"), KALSHI, T0), (2, 1)),
        (lambda: journal.refused(leg("t3-1"), unfilled("t3-1"), T0), (3, 2)),
    ]
    other = sqlite3.connect(path)
    for call, (legs, outcomes) in calls:
        said: list[str] = []
        journal._db.set_trace_callback(said.append)
        call()
        journal._db.set_trace_callback(None)
        assert not journal._db.in_transaction
        assert [text for text in said if text.startswith(("BEGIN", "COMMIT"))] in ([], ["BEGIN IMMEDIATE", "COMMIT"])
        assert not [text for text in said if "synchronous" in text]
        assert other.execute("SELECT (SELECT count(*) FROM legs), (SELECT count(*) FROM outcomes)").fetchone() == (
            legs,
            outcomes,
        )
    other.close()
    journal.ack(ID, 0)
    assert setting("synchronous") == full


# Against a model

IDS = st.sampled_from(["a-1", "b-1", "c-1"])
BECAME = st.sampled_from(
    [
        unknown("x"),
        outcome("x"),
        unfilled("x"),
        outcome("x", status=Status.PARTIAL, filled=3, final=False),
    ]
)


class JournalAgainstModel(RuleBasedStateMachine):
    """Whatever is called in whatever order, also with a fresh start in between, the journal is as a dict would be."""

    entries: dict[str, Entry]
    results: list[tuple[str, int]]

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.journal = Journal(self.path)
        self.entries, self.results = {}, []

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    def note(self, name: str, answer: Entry | None, fresh: Entry) -> None:
        assert answer == self.entries.get(name)
        self.entries.setdefault(name, fresh)

    def fresh(self, name: str, **fields: object) -> Entry:
        base = dataclasses.replace(NOTED, leg_id=LegId(name), leg=leg(name), dry=False)
        return dataclasses.replace(base, **fields)  # type: ignore[arg-type]  # what the caller says

    @rule(name=IDS, dry=st.booleans(), paper=st.booleans())
    def intent(self, name: str, *, dry: bool, paper: bool) -> None:
        answer = self.journal.intent(leg(name), dry=dry, paper=paper, now_us=T0)
        self.note(name, answer, self.fresh(name, dry=dry, paper=paper))

    @rule(name=IDS)
    def tombstone(self, name: str) -> None:
        answer = self.journal.tombstone(LegId(name), KALSHI, T0)
        self.note(name, answer, self.fresh(name, leg=None, placed=False, tombstone=True))

    @rule(name=IDS)
    def refused(self, name: str) -> None:
        known = name in self.entries
        answer = self.journal.refused(leg(name), unfilled(name), T0)
        self.note(name, answer, self.fresh(name, placed=False, outcome=unfilled(name)))
        if not known:
            self.results.append((name, 0))

    @rule(name=IDS, became=BECAME)
    def outcome(self, name: str, became: Outcome) -> None:
        entry = self.entries.get(name)
        if entry is None or not entry.placed or entry.leg is None:
            return
        revision = 0 if entry.outcome is None else entry.outcome.revision + 1
        became = msgspec.structs.replace(became, leg_id=LegId(name), revision=revision)
        self.journal.outcome(became, T0)
        self.entries[name] = dataclasses.replace(entry, outcome=became)
        self.results = [result for result in self.results if result[0] != name] + [(name, revision)]

    @rule(name=IDS, revision=st.integers(0, 4))
    def ack(self, name: str, revision: int) -> None:
        self.journal.ack(LegId(name), revision)
        entry = self.entries.get(name)
        if entry is not None:
            newest = NONE if entry.outcome is None else entry.outcome.revision
            self.entries[name] = dataclasses.replace(entry, acked=max(entry.acked, min(revision, newest)))

    @rule()
    def prune(self) -> None:
        due = [
            entry
            for entry in self.entries.values()
            if entry.outcome is not None
            and entry.outcome.status.proven
            and entry.outcome.final
            and entry.acked >= entry.outcome.revision
            and entry.leg is not None
        ]
        assert self.journal.prune(T0 + 1) == len(due)
        for entry in due:
            assert entry.outcome is not None
            left = msgspec.structs.replace(entry.outcome, order_id=None)
            self.entries[entry.leg_id] = dataclasses.replace(
                entry, leg=None, outcome=left, paper=left.paper, acked=left.revision
            )

    @rule()
    def start_again(self) -> None:
        self.journal.close()
        self.journal = Journal(self.path)

    @invariant()
    def as_the_model(self) -> None:
        entries = list(self.entries.values())
        assert [self.journal.entry(entry.leg_id) for entry in entries] == entries
        is_open = [e for e in entries if e.placed and not (e.outcome and e.outcome.status.proven and e.outcome.final)]
        assert self.journal.open() == is_open
        waiting = [name for name, revision in self.results if self.entries[name].acked < revision]
        assert ids(self.journal.unacked(10)) == waiting
        assert self.journal.depth() == len(waiting)


TestJournalAgainstModel = JournalAgainstModel.TestCase
TestJournalAgainstModel.settings = settings(max_examples=30, stateful_step_count=25)
