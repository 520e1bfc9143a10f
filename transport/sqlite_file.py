"""An SQLite file of ours: opened the same way everywhere, with a schema that knows its version.

The file is readable by its owner alone, in WAL mode, and marked with an application id, so that a file of another
kind is refused instead of filled. The schema's version is SQLite's ``user_version``; each migration and the new
number are one transaction.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

BUSY_MS: Final = 2_000
"""How long a writer waits for another process's transaction before it fails."""

_POLL_S: Final = 0.005
_SYNCHRONOUS: Final = {"FULL": 2, "NORMAL": 1}


class WrongFile(Exception):
    """The file is not what its name says; the text names the fix."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What is in the file. ``migrations[n]`` takes a file of version ``n`` to ``n + 1``; none is ever changed."""

    what: str
    application_id: int
    migrations: tuple[tuple[str, ...], ...]


def open_sqlite(path: Path, schema: Schema, *, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """Open the file, made where it is missing, with its newest schema and after a check of every page.

    No transaction is ever opened silently (``isolation_level=None``). Raises ``sqlite3.Error``, ``OSError`` and
    :class:`WrongFile`; :func:`explain` has the words for all three.
    """
    create_file(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1_000)
    try:
        check_kind(connection, schema.what, schema.application_id)
        configure(connection, synchronous)
        _migrate(connection, schema)
        _check_pages(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def explain(path: Path, what: str, error: sqlite3.Error | OSError | WrongFile) -> str:
    """One sentence that names the file, what is wrong with it, and what to do."""
    if isinstance(error, WrongFile):
        return f"{what} {path} {error}"
    if isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        return f"{what} {path} cannot be used ({reason}): make {path.parent} a directory that this user can write"
    name = getattr(error, "sqlite_errorname", "")
    for prefix, fix in _FIXES:
        if name.startswith(prefix):
            return f"{what} {path}: {error}: {fix}"
    return f"{what} {path} is damaged ({error}): keep a copy of it, and restore it from a backup"


_FIXES: Final = (
    ("SQLITE_FULL", "free space on its disk, then start again"),
    ("SQLITE_READONLY", "make the file and its directory writable for this user, then start again"),
    ("SQLITE_PERM", "make the file and its directory writable for this user, then start again"),
    ("SQLITE_CANTOPEN", "make the file and its directory writable for this user, then start again"),
    ("SQLITE_BUSY", "another process holds it: stop that one, then start again"),
    ("SQLITE_LOCKED", "another process holds it: stop that one, then start again"),
    ("SQLITE_IOERR", "its disk refuses to read or write (full, over a quota, or failing); mend that, then start again"),
)


def create_file(path: Path) -> None:
    """Make the file for its owner alone before SQLite would make it for everyone; its WAL file takes the same mode."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    os.close(handle)
    # SQLite syncs the directory for its WAL file, but not for the database itself.
    sync_directory(path.parent)


GONE: Final = "was deleted or replaced while in use: stop, and put the file back before starting"


def identities(*paths: str) -> tuple[tuple[int, int] | None, ...]:
    """Which files stand under these names now: one that somebody unlinked takes writes and keeps none of them."""
    found: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116 -- on the way of every order, and twice as fast as Path.stat
            found.append((stat.st_dev, stat.st_ino))
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


def sync_directory(folder: Path) -> None:
    """Make the names in the directory survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_kind(connection: sqlite3.Connection, what: str, application_id: int) -> None:
    """Refuse a database that is not ours before anything in it is touched."""
    # One statement, one moment: another process may be making the tables right now.
    query = "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id"
    mark, tables = connection.execute(query).fetchone()
    if mark != application_id and (mark or tables):
        raise WrongFile(f"is no {what}: name another file, or move this one away")


def configure(connection: sqlite3.Connection, synchronous: Literal["FULL", "NORMAL"]) -> None:
    """Turn on the write-ahead log, and say what a commit waits for: an fsync (``FULL``) or nothing (``NORMAL``)."""
    mode = _switch_to_wal(connection)
    if mode != "wal":
        raise WrongFile(f"is on a file system without shared memory ({mode}): move it to a local disk")
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[synchronous]}")
    # Without it, macOS answers an fsync when the data has reached the drive's own cache. Elsewhere it does nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> str:
    """Turn the write-ahead log on; of several processes that do so at once SQLite lets one wait for nobody."""
    deadline = time.monotonic() + BUSY_MS / 1_000
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return str(mode)


def _migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    newest = len(schema.migrations)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > newest:
        raise WrongFile(f"was written by a newer arb (schema {version}, this one knows {newest}): use that arb")
    while version < newest:
        with transaction(connection):
            # Another process may have been faster between the reading above and this lock.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < newest:
                for statement in schema.migrations[version]:
                    connection.execute(statement)
                version += 1
                connection.execute(f"PRAGMA application_id = {schema.application_id}")
                connection.execute(f"PRAGMA user_version = {version}")


def _check_pages(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(" ".join(str(found).split()))


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is written, or nothing is. The write lock is taken at the start, so what was read still holds.

    An exception rolls back, and so does a commit that fails.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite may have rolled back by itself, and then there is nothing to roll back.
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
