"""A ledger that was deleted, emptied, replaced or put back from an old backup is noticed before anything is traded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.facts import Remark
from tests.fact_kit import T0, sent
from tests.transport.ledger_kit import execute, fresh_database, on_every_database, sqlite_url
from transport.ledger import identity
from transport.ledger.errors import LedgerError, LedgerMissing
from transport.ledger.identity import accept_new, open_ledger
from transport.ledger.store import LedgerStore


class Home:
    """A controller's home with its ledger."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.database = folder / "ledger.db"
        self.file = folder / "ledger_id"

    def start(self, proposed: str = "l1", *facts: str) -> str | None:
        """Start, write, stop; returns the ledger's id."""
        with open_ledger(self.url, self.file, proposed) as store:
            store.append([sent(name) for name in facts])
            return store.ledger_id()

    def accept(self, proposed: str = "l9") -> str:
        return accept_new(self.url, self.file, proposed, T0).ledger_id


@pytest.fixture
def any_home(kind: str, tmp_path: Path) -> Iterator[Home]:
    with fresh_database(kind, tmp_path) as url:
        yield Home(tmp_path, url)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, sqlite_url(tmp_path / "ledger.db"))


@on_every_database
def test_the_first_start_makes_a_ledger_and_the_next_ones_find_it(any_home: Home) -> None:
    assert any_home.start("l1", "t1-1") == "l1"
    assert any_home.start("l2", "t2-1") == "l1"
    assert any_home.start("l3") == "l1"


def empty(home: Home) -> None:
    home.database.unlink()
    LedgerStore(home.url).close()


def replace(home: Home) -> None:
    home.database.unlink()
    with LedgerStore(home.url) as store:
        store.name_it("l7")
        store.append([sent(f"t{number}-1") for number in range(9)])


def restore_older(home: Home) -> None:
    shutil.copy(home.folder / "backup.db", home.database)


SPOILERS = [
    (lambda home: home.database.unlink(), r"there is no ledger .*ledger.db, and .*ledger_id expects one"),
    (empty, r"is empty, and .*ledger_id expects l1"),
    (replace, r"is another one \(l7, expected is l1\)"),
    (restore_older, r"ends at fact 1, and had come to 3 before"),
    (lambda home: home.file.unlink(), r"is not of this home \(there is no .*ledger_id\)"),
    (lambda home: home.file.write_text("l1"), r"does not say which ledger is expected"),
]


def spoiled(home: Home, spoil: Callable[[Home], object]) -> None:
    home.start("l1", "t1-1")
    shutil.copy(home.database, home.folder / "backup.db")
    home.start("l1", "t2-1", "t3-1")
    home.start()
    spoil(home)


@pytest.mark.parametrize(("spoil", "words"), SPOILERS)
def test_a_ledger_that_is_not_the_one_is_refused_at_every_start(
    home: Home, spoil: Callable[[Home], object], words: str
) -> None:
    spoiled(home, spoil)
    for _ in range(2):
        with pytest.raises(LedgerMissing, match=words + r": .*`arb ledger accept-new`") as caught:
            home.start("l2")
        assert "nothing is traded until then" in str(caught.value)


@pytest.mark.parametrize(("spoil", "words"), SPOILERS)
def test_what_the_operator_accepts_is_the_ledger_from_then_on(
    home: Home, spoil: Callable[[Home], object], words: str
) -> None:
    spoiled(home, spoil)
    accepted = home.accept()
    assert home.start("l2", "t8-1") == accepted, words
    with LedgerStore(home.url, read_only=True) as store:
        (said,) = [fact for fact in store.read() if isinstance(fact, Remark)]
        assert (said.kind, said.t) == ("ledger_accepted", T0)


def test_an_accepted_new_ledger_takes_a_new_id_and_remembers_the_old(home: Home) -> None:
    spoiled(home, lambda home: home.database.unlink())
    accepted = accept_new(home.url, home.file, "l9", T0)
    assert (accepted.ledger_id, accepted.before) == ("l9", "l1")
    with LedgerStore(home.url, read_only=True) as store:
        assert list(store.read()) == [
            Remark(t=T0, kind="ledger_accepted", text="accepted by the operator; expected before: l1")
        ]


def test_an_accepted_older_state_says_how_far_it_had_come(home: Home) -> None:
    spoiled(home, restore_older)
    accepted = accept_new(home.url, home.file, "l9", T0)
    assert (accepted.ledger_id, accepted.before) == ("l1", "l1")
    with LedgerStore(home.url, read_only=True) as store:
        said = list(store.read())[-1]
    assert isinstance(said, Remark)
    assert said.text == "accepted by the operator; expected before: l1, up to fact 3"


def test_refusing_changes_nothing(home: Home) -> None:
    spoiled(home, lambda home: home.database.unlink())
    mark = home.file.read_bytes()
    with pytest.raises(LedgerMissing):
        home.start("l2")
    assert home.file.read_bytes() == mark
    assert not home.database.exists()


@on_every_database
def test_a_first_start_that_was_cut_off_is_finished_by_the_next(
    any_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(identity, "_keep", cut_off)
        with pytest.raises(KeyboardInterrupt):
            any_home.start("l1")
    assert any_home.start("l2", "t1-1") == "l1"


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_ledger_of_another_home_on_the_server_is_refused(any_home: Home) -> None:
    any_home.start("l1", "t1-1")
    any_home.file.unlink()
    with pytest.raises(LedgerMissing, match="is not of this home"):
        any_home.start("l2")
    execute(any_home.url, "DROP TABLE arb_facts, arb_ledger, arb_migrations; DROP FUNCTION arb_facts_kept")
    assert any_home.start("l2") == "l2"


def test_a_file_that_cannot_be_kept_is_named(home: Home) -> None:
    home.file.mkdir()
    with pytest.raises(LedgerError, match=r"ledger_id cannot be read \(Is a directory\)"):
        home.start()
    home.file.rmdir()
    home.file = home.folder / "nowhere" / "ledger_id"
    with pytest.raises(LedgerError, match=r"ledger_id cannot be written .*: make .*nowhere writable"):
        home.start()


def test_only_its_owner_can_read_the_mark_and_no_half_written_one_is_left(home: Home) -> None:
    home.start("l1", "t1-1")
    home.start()
    assert home.file.stat().st_mode & 0o777 == 0o600
    assert home.file.read_text() == '{"ledger_id":"l1","facts":1}\n'
    assert [file.name for file in home.folder.glob(".*")] == []
