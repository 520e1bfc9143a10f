"""A database engine from a ledger's URL: which databases serve, how each is made durable, what may be shown of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from transport.ledger.errors import LedgerError, LedgerMissing
from transport.ledger.schema import APPLICATION_ID
from transport.sqlite_file import BUSY_MS, WrongFile, check_kind, configure, create_file, explain

CONNECT_S: Final = 5
STATEMENT_MS: Final = 10_000
"""PostgreSQL gives up a statement, and the kernel a silent connection, after this long."""

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def read_url(text: str) -> URL:
    """Return the URL of a ledger. Raises :class:`LedgerError`, which shows nothing of the text."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise LedgerError(f"ledger_url is no database URL: {_WANTED}") from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        if url.database is None or not Path(url.database).is_absolute() or url.query or url.host:
            raise LedgerError(f"ledger_url names no file by its whole path: {_WANTED}")
    elif url.get_backend_name() != "postgresql":
        raise LedgerError(f"ledger_url names a database that cannot hold a ledger: {_WANTED}")
    return url


_WANTED: Final = "use sqlite:////path/to/ledger.db or postgresql://USER@HOST/DATABASE"


def shown(url: URL) -> str:
    """The ledger in words, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{url.host or 'local socket'}{port}/{url.database or ''}"


def make_engine(url: URL, *, create: bool, read_only: bool) -> Engine:
    """Return the engine; nothing is opened yet but a missing SQLite file is noticed.

    Raises :class:`LedgerMissing` where the file is not there and must not be made, and :class:`LedgerError` where the
    driver of the database is not installed.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, create=create, read_only=read_only)
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_S,
                "tcp_user_timeout": STATEMENT_MS,
                "application_name": "arb",
            },
        )
    except ModuleNotFoundError as error:
        raise LedgerError(f"ledger {shown(url)} needs {error.name}: pip install 'arb[postgresql]'") from None
    except (SQLAlchemyError, TypeError, ValueError):
        raise LedgerError(f"ledger_url is no database URL that works: {_WANTED}") from None

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: object) -> None:  # noqa: ANN401 -- a driver's connection
        # A server or a role may have been told not to wait for its disk; for a ledger it waits.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
            cursor.execute(f"SET statement_timeout = {STATEMENT_MS}")
            if read_only:
                cursor.execute("SET default_transaction_read_only = on")
        connection.commit()

    return engine


def _sqlite(url: URL, *, create: bool, read_only: bool) -> Engine:
    path = Path(str(url.database))
    if not path.exists() and (read_only or not create):
        raise LedgerMissing(f"there is no ledger {path}")

    def connect() -> sqlite3.Connection:
        if create and not read_only:
            create_file(path)
        # Never made by SQLite itself: a ledger that somebody removed must not come back empty.
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=BUSY_MS / 1_000,
            check_same_thread=False,
        )
        try:
            check_kind(connection, "ledger", APPLICATION_ID)
            if read_only:
                connection.execute("PRAGMA query_only = ON")
            else:
                configure(connection, "FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(url, creator=connect)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Python's sqlite3 begins a transaction when it sees fit, and never before a change of the schema.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def reason(url: URL, error: SQLAlchemyError | sqlite3.Error | OSError | WrongFile) -> str:
    """One sentence on what is wrong and how to mend it, without any secret."""
    cause: object = getattr(error, "orig", None) or error
    if url.get_backend_name() == "sqlite" and isinstance(cause, (sqlite3.Error, OSError, WrongFile)):
        return explain(Path(str(url.database)), "ledger", cause)
    if isinstance(cause, WrongFile):
        return f"ledger {shown(url)} {cause}"
    words = " ".join(str(cause).split())
    if url.password:
        words = words.replace(str(url.password), "***")
    return f"ledger {shown(url)}: {words[:_MAX_WORDS]}: is the server up, and may this user write there?"


_MAX_WORDS: Final = 400
