"""The ledger's tables, and how a database gets them.

``arb_facts`` holds one row a fact, in order. The columns beside ``body`` repeat parts of it, so that the database
itself can hold what must be unique, and a person can query it. Triggers refuse to change or delete a fact.

Migrations are a numbered list here, not a framework: there is one table of facts and one writer, both databases can
change a schema inside a transaction, and this is a page where Alembic would be an environment, a template engine and
a folder of scripts. Each migration and its number are one transaction; none is ever changed.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, Table, Text, inspect, text

from transport.sqlite_file import WrongFile

APPLICATION_ID: Final = 0x41524C47
"""What an SQLite file carries that is a ledger: "ARLG"."""

_METADATA: Final = MetaData()

FACTS: Final = Table(
    "arb_facts",
    _METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("t", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("trade_id", Text),
    Column("leg_id", Text),
    Column("revision", Integer),
    Column("proven", Boolean),
    Column("pair_id", Text),
    Column("body", Text, nullable=False),
)

ABOUT: Final = Table(
    "arb_ledger",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the ledger says of itself: its id, under ``ledger_id``."""

MIGRATED: Final = Table("arb_migrations", _METADATA, Column("version", Integer, primary_key=True))

UNIQUE: Final = ("arb_facts_trade", "arb_facts_leg", "arb_facts_result")
"""The indexes that keep a fact from being recorded twice."""

_FIRST: Final = (
    """
    CREATE TABLE arb_facts (
        seq {serial},
        t BIGINT NOT NULL,
        kind TEXT NOT NULL,
        trade_id TEXT,
        leg_id TEXT,
        revision INTEGER,
        proven BOOLEAN,
        pair_id TEXT,
        body TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX arb_facts_trade ON arb_facts (trade_id) WHERE kind = 'tradeopened'",
    "CREATE UNIQUE INDEX arb_facts_leg ON arb_facts (leg_id) WHERE kind IN ('legsent', 'legadopted')",
    # Of one revision "unknown" may be recorded beside its proof: a peer of level 1 cannot count revisions, and a
    # standby trader that proves another's leg begins to count anew.
    "CREATE UNIQUE INDEX arb_facts_result ON arb_facts (leg_id, revision, proven) WHERE kind = 'resultseen'",
    "CREATE TABLE arb_ledger (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

_SQLITE_KEEPS: Final = """
    CREATE TRIGGER arb_facts_{event} BEFORE {event} ON arb_facts
    BEGIN SELECT RAISE(ABORT, 'facts are never changed or deleted'); END
"""
_PG_REFUSES: Final = """
    CREATE FUNCTION arb_facts_kept() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'facts are never changed or deleted'; END $$
"""
_PG_KEEPS: Final = """
    CREATE TRIGGER arb_facts_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON arb_facts
    FOR EACH STATEMENT EXECUTE FUNCTION arb_facts_kept()
"""

MIGRATIONS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "sqlite": (
        (
            *(statement.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT") for statement in _FIRST),
            *(_SQLITE_KEEPS.format(event=event) for event in ("update", "delete")),
            f"PRAGMA application_id = {APPLICATION_ID}",
        ),
    ),
    "postgresql": (
        (
            *(statement.format(serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY") for statement in _FIRST),
            _PG_REFUSES,
            _PG_KEEPS,
        ),
    ),
}
"""``MIGRATIONS[database][n]`` takes a ledger of version ``n`` to ``n + 1``."""

_PG_LOCK: Final = APPLICATION_ID


def migrate(connection: Connection) -> None:
    """Bring the schema up to date in the connection's transaction. Raises :class:`WrongFile` for a newer one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
    connection.execute(text("CREATE TABLE IF NOT EXISTS arb_migrations (version INTEGER PRIMARY KEY)"))
    version = schema_version(connection)
    migrations = MIGRATIONS[connection.dialect.name]
    for number, statements in enumerate(migrations[version:], version + 1):
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.execute(MIGRATED.insert().values(version=number))


def schema_version(connection: Connection) -> int:
    """The database's version, 0 for an empty one. Raises :class:`WrongFile` for one that a newer arb has made."""
    if not inspect(connection).has_table(MIGRATED.name):
        return 0
    version = max(connection.scalars(MIGRATED.select()), default=0)
    newest = len(MIGRATIONS[connection.dialect.name])
    if version > newest:
        raise WrongFile(f"was written by a newer arb (schema {version}, this one knows {newest}): use that arb")
    return version
