"""Full disks, damaged files, SIGKILL and power cuts: the journal stops trading, and what it has said it has kept."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol.terms import KALSHI, LegId
from tests.fact_kit import T0, leg, outcome, unknown
from tests.ground.project import ROOT
from transport.journal import SCHEMA, Journal, JournalError
from transport.sqlite_file import open_sqlite

BOUND_S = 60
KILLS = 12
WRITER = (sys.executable, "-m", "tests.transport.journal_writer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def fill(path: Path, count: int) -> None:
    with Journal(path) as journal:
        for number in range(count):
            journal.intent(leg(f"trade{number}-1"), dry=False, paper=False, now_us=T0)
            journal.outcome(outcome(f"trade{number}-1"), T0)


def expect_all(path: Path, lines: list[str]) -> None:
    """Everything that the writer said was durable is there."""
    with Journal(path) as journal:
        for line in lines:
            kind, name, *revision = line.split()
            entry = journal.entry(LegId(name))
            assert entry is not None, line
            if kind == "outcome":
                assert entry.outcome is not None, line
                assert entry.outcome.revision >= int(revision[0]), line


def said(out: str) -> tuple[list[str], list[str]]:
    """The lines of the writer that are promises, and those that came after the first failure."""
    lines = out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("error"))
    return lines[:first], lines[first:]


# Full disk


def in_a_mount_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script whose mounts nobody else sees."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return subprocess.CompletedProcess(script, 1, "", "no unshare")
    words = [unshare, "--mount", "sh", "-c", script]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False)


def expect_stopped(path: Path, done: subprocess.CompletedProcess[str], words: str) -> None:
    promised, trouble = said(done.stdout)
    assert len(promised) > 10
    first, second, third, kept = trouble
    assert first.startswith(f"error journal {path}: {words}")
    # It is over until it is opened again, also for what would fit; reading goes on.
    assert [second, third] == [first, first]
    assert int(kept.removeprefix("kept ")) == len({line.split()[1] for line in promised if "outcome" in line})


def test_a_full_disk_stops_the_journal_and_loses_nothing(tmp_path: Path) -> None:
    """A real one: a file system of 400 kB, in a mount namespace of its own that ends with the process."""
    disk, rescue = tmp_path / "disk", tmp_path / "rescue"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=400k tmpfs {disk}"
    if in_a_mount_namespace(mount).returncode:
        pytest.skip("cannot mount a small file system here (that needs root and util-linux)")
    done = in_a_mount_namespace(f"{mount} && {' '.join(WRITER)} {disk / 'journal.db'} 0; cp -r {disk} {rescue}")
    assert done.returncode == 0, done.stderr
    expect_stopped(disk / "journal.db", done, "database or disk is full: free space on its disk")
    expect_all(rescue / "journal.db", said(done.stdout)[0])


def test_a_file_that_may_not_grow_stops_the_journal_and_loses_nothing(path: Path) -> None:
    done = subprocess.run(
        [*WRITER, str(path), "0", "1000000"], cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert done.returncode == 0, done.stderr
    expect_stopped(path, done, "disk I/O error: its disk refuses to read or write")
    expect_all(path, said(done.stdout)[0])
    with Journal(path) as journal:
        assert journal.intent(leg("fresh-1"), dry=False, paper=False, now_us=T0) is None


@pytest.mark.parametrize("call", ["intent", "outcome", "refused", "tombstone", "ack"])
def test_after_any_failed_write_every_further_write_is_refused(path: Path, call: str) -> None:
    name = LegId("trade0-1")
    calls: dict[str, Callable[[Journal], object]] = {
        "intent": lambda j: j.intent(leg(), dry=False, paper=False, now_us=T0),
        "outcome": lambda j: j.outcome(outcome(name, revision=1), T0),
        "refused": lambda j: j.refused(leg(), unknown(), T0),
        "tombstone": lambda j: j.tombstone(LegId("t9-1"), KALSHI, T0),
        "ack": lambda j: j.ack(name, 0),
    }
    fill(path, 1)
    with Journal(path) as journal:
        journal._db.execute("PRAGMA query_only = ON")
        with pytest.raises(JournalError, match=r"attempt to write a readonly database: make the file and its") as first:
            calls[call](journal)
        assert not journal._db.in_transaction
        for again in calls.values():
            with pytest.raises(JournalError) as later:
                again(journal)
            assert str(later.value) == str(first.value)
        assert journal.depth() == 1


def test_a_file_deleted_beneath_us_is_noticed_before_the_next_leg(path: Path) -> None:
    fill(path, 1)
    with Journal(path) as journal:
        path.rename(path.with_name("elsewhere.db"))
        with pytest.raises(JournalError, match="was deleted or replaced while in use"):
            journal.intent(leg(), dry=False, paper=False, now_us=T0)
        path.touch()
        with pytest.raises(JournalError, match="was deleted or replaced while in use"):
            journal.intent(leg(), dry=False, paper=False, now_us=T0)


def test_a_file_replaced_beneath_us_is_noticed_before_the_next_leg(path: Path) -> None:
    fill(path, 1)
    with Journal(path) as journal:
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
        with pytest.raises(JournalError, match="was deleted or replaced while in use"):
            journal.intent(leg(), dry=False, paper=False, now_us=T0)


# Damaged and foreign files


def overwrite(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * size)


def foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name)")


def from_the_future(path: Path) -> None:
    fill(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def damaged_middle(path: Path) -> None:
    fill(path, 200)
    overwrite(path, 3 * 4096, 4096)


def damaged_head(path: Path) -> None:
    fill(path, 20)
    overwrite(path, 0, 64)


def cut_short(path: Path) -> None:
    fill(path, 200)
    os.truncate(path, 5 * 4096)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damaged_middle, "is damaged .*: keep a copy of it, and restore it from a backup"),
        (damaged_head, "is damaged .*: keep a copy of it, and restore it from a backup"),
        (cut_short, "is damaged .*: keep a copy of it, and restore it from a backup"),
        (lambda path: path.write_text("dear diary\n" * 100), "is damaged .*not a database"),
        (foreign, "is no journal: name another file, or move this one away"),
        (from_the_future, r"was written by a newer arb \(schema 99, this one knows 4\): use that arb"),
        (lambda path: path.mkdir(), "is a directory|unable to open"),
        (lambda path: path.with_name("journal.db.lock").mkdir(), "is a directory"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_and_left_as_it_is(
    path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(JournalError, match=words) as caught:
            Journal(path)
        assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_directory_that_is_none_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"not a directory.*that this user can write"):
        Journal(tmp_path / "file" / "journal.db")


def test_a_body_that_makes_no_sense_breaks_the_journal(path: Path) -> None:
    fill(path, 1)
    with Journal(path) as journal:
        journal._db.execute("UPDATE legs SET leg = '{\"leg_id\": 5}'")
        with pytest.raises(JournalError, match="is damaged"):
            journal.entry(LegId("trade0-1"))
        with pytest.raises(JournalError, match="is damaged"):
            journal.intent(leg(), dry=False, paper=False, now_us=T0)


# Sudden death


@contextlib.contextmanager
def writing(path: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([*WRITER, str(path), str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield child
    finally:
        child.kill()
        child.wait(BOUND_S)
        assert child.stdout is not None
        child.stdout.close()


def test_nothing_that_was_said_is_lost_by_sigkill(path: Path) -> None:
    """Killed again and again in the middle of its writes, at moments that a seed chooses; one file all along."""
    moments, promised = random.Random(3), list[str]()
    for life in range(KILLS):
        with writing(path, life * 1_000_000) as child:
            assert child.stdout is not None
            for _ in range(moments.randint(1, 200)):
                promised.append(child.stdout.readline().rstrip("\n"))
            child.send_signal(signal.SIGKILL)
            # What it had said before the signal reached it counts, too; the last line may have been cut off.
            promised += child.stdout.read().split("\n")[:-1]
            assert child.wait(BOUND_S) == -signal.SIGKILL
    assert len(promised) > KILLS
    expect_all(path, promised)


def test_a_living_process_keeps_the_journal_and_a_dead_one_gives_it_back(path: Path) -> None:
    with writing(path, 0) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(JournalError, match=f"process {child.pid} uses it already"):
            Journal(path)
    Journal(path).close()


def copy_at(path: Path, folder: Path, size: int) -> Path:
    """The files as a power cut leaves them: the database, and the log up to a byte; memory is gone."""
    folder.mkdir()
    copy = folder / path.name
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    os.truncate(f"{copy}-wal", size)
    return copy


def test_a_power_cut_at_any_byte_of_the_next_write_leaves_what_was_said(path: Path, tmp_path: Path) -> None:
    """Cut the log after each synced byte count, then at many bytes of the write that followed it."""
    log = Path(f"{path}-wal")
    with Journal(path) as journal:
        journal.intent(leg("a-1"), dry=False, paper=False, now_us=T0)
        synced = log.stat().st_size
        journal.outcome(outcome("a-1"), T0)
        end = log.stat().st_size
        assert end > synced
        cuts = [*range(synced, end, 509), end - 1, end]
        copies = [copy_at(path, tmp_path / str(size), size) for size in cuts]
    after = []
    for copy in copies:
        with Journal(copy) as journal:
            entry = journal.entry(LegId("a-1"))
            assert entry is not None
            assert entry.outcome in {None, outcome("a-1")}
            assert journal.depth() == (entry.outcome is not None)
            after.append(entry.outcome is not None)
    assert not any(after[:-1])
    assert after[-1]


def test_garbage_behind_the_last_synced_write_is_ignored(path: Path, tmp_path: Path) -> None:
    with Journal(path) as journal:
        journal.intent(leg("a-1"), dry=False, paper=False, now_us=T0)
        copy = copy_at(path, tmp_path / "copy", Path(f"{path}-wal").stat().st_size)
    with Path(f"{copy}-wal").open("ab") as log:
        log.write(random.Random(1).randbytes(9_000))
    with Journal(copy) as journal:
        assert [entry.leg_id for entry in journal.open()] == ["a-1"]


def test_a_migration_that_fails_leaves_the_old_schema(path: Path) -> None:
    fill(path, 1)
    broken = (*SCHEMA.migrations, ("CREATE TABLE more (x)", "CREATE TABLE legs (x)"))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        open_sqlite(path, type(SCHEMA)(SCHEMA.what, SCHEMA.application_id, broken), synchronous="FULL")
    with Journal(path) as journal:
        assert journal.depth() == 1
        tables = journal._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        assert tables == [("halts",), ("held",), ("legs",), ("outcomes",), ("past",), ("signed_orders",)]


def test_a_newer_schema_is_reached_step_by_step(path: Path) -> None:
    fill(path, 1)
    longer = (*SCHEMA.migrations, ("CREATE TABLE more (x)",), ("ALTER TABLE more ADD COLUMN y",))
    with contextlib.closing(
        open_sqlite(path, type(SCHEMA)(SCHEMA.what, SCHEMA.application_id, longer), synchronous="FULL")
    ) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (6,)
        assert db.execute("SELECT x, y FROM more").fetchall() == []
