"""The ledger as a store: facts in, in order and once; facts out, in the same order."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, Self

import msgspec
from sqlalchemy import Connection, RowMapping, func, insert, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from actors.facts import AnyFact
from transport.ledger.engine import make_engine, read_url, reason, shown
from transport.ledger.errors import LedgerConflict, LedgerError, LedgerMissing
from transport.ledger.rows import Row, substance, to_fact, to_row
from transport.ledger.schema import ABOUT, FACTS, MIGRATIONS, UNIQUE, migrate, schema_version
from transport.sqlite_file import GONE, WrongFile, identities

PAGE: Final = 1_000
"""Facts read at a time; no transaction stays open between pages, so that a reader holds nobody up."""

_DIALECTS: Final = {"sqlite": sqlite, "postgresql": postgresql}
_ID: Final = "ledger_id"


class LedgerStore:
    """An append-only ledger in SQLite or PostgreSQL. Blocks; for one thread at a time.

    Guarantees: when :meth:`append` returns, its facts are on disk (SQLite: write-ahead log, ``synchronous=FULL``;
    PostgreSQL: ``synchronous_commit`` is never ``off``), all of them or none. A trade is opened once, a leg is sent or
    adopted once, a ``(leg, revision)`` has one result (an "unknown" may stand beside its proof). Facts are read in the
    order in which they were appended. No float is stored.
    """

    def __init__(self, url: str, *, read_only: bool = False, create: bool = True) -> None:
        """Open the ledger and bring its schema up to date.

        Without ``create`` an SQLite file that is not there is :class:`LedgerMissing`; ``read_only`` implies that, and
        changes nothing, the schema included. Raises :class:`LedgerError` for everything else that is wrong.
        """
        self.url = read_url(url)
        self.name = shown(self.url)
        """The ledger in words, with nothing secret."""
        self._engine = make_engine(self.url, create=create, read_only=read_only)
        dialect = _DIALECTS[self._engine.dialect.name]
        self._insert = dialect.insert(FACTS).on_conflict_do_nothing()
        # A server has no file that could be taken from under us.
        self._names = (str(self.url.database),) if dialect is sqlite else ()
        try:
            with self._transaction() as connection:
                if read_only:
                    self._expect_newest(connection)
                else:
                    migrate(connection)
            self._files = identities(*self._names)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection; closing again does nothing."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- facts -------------------------------------------------------------------------------------------------------

    def append(self, facts: Sequence[AnyFact]) -> int:
        """Record the facts in this order, durably; return how many were new.

        A fact recorded before is left out, so that appending again is safe. Raises :class:`LedgerConflict` where one
        contradicts what is recorded under its key, and :class:`LedgerError`; then none of them is recorded.
        """
        rows = [to_row(fact) for fact in facts]
        if not rows:
            return 0
        with self._transaction() as connection:
            if identities(*self._names) != self._files:
                raise WrongFile(GONE)
            options = {"preserve_rowcount": True}
            written = connection.execute(self._insert, rows, execution_options=options).rowcount
            if written != len(rows):
                self._compare(connection, facts, rows)
            return written

    def read(self, after: int = 0) -> Iterator[AnyFact]:
        """Every fact after this place, in order, up to the last one that is there when its page is read."""
        return (fact for _, fact in self.entries(after))

    def entries(self, after: int = 0) -> Iterator[tuple[int, AnyFact]]:
        """The same with each fact's place; places go up, and may leave some out."""
        for row in self._rows(after):
            yield row["seq"], self._decoded(row["seq"], row["body"])

    def count(self) -> int:
        """How many facts there are."""
        with self._transaction() as connection:
            return int(connection.scalar(select(func.count()).select_from(FACTS)) or 0)

    def last(self) -> int:
        """The place of the last fact; 0 where there is none."""
        with self._transaction() as connection:
            return int(connection.scalar(select(func.coalesce(func.max(FACTS.c.seq), 0))) or 0)

    # -- the ledger itself -------------------------------------------------------------------------------------------

    def ledger_id(self) -> str | None:
        """The id that this ledger was given; None: none yet."""
        with self._transaction() as connection:
            return connection.scalar(select(ABOUT.c.value).where(ABOUT.c.name == _ID))

    def name_it(self, ledger_id: str) -> None:
        """Give the ledger its id, durably. Raises :class:`LedgerError` where it has one."""
        with self._transaction() as connection:
            found = connection.scalar(select(ABOUT.c.value).where(ABOUT.c.name == _ID))
            if found is not None:
                raise LedgerError(f"ledger {self.name} has the id {found} already, and keeps it")
            connection.execute(insert(ABOUT).values(name=_ID, value=ledger_id))

    def problems(self) -> list[str]:
        """Everything in the database that is not as it must be, a sentence each; nothing for a sound ledger.

        Reads every page and every row: the database's own check (SQLite), the constraints, and that each row's
        columns say what its body says.
        """
        found = []
        with self._transaction() as connection:
            if connection.dialect.name == "sqlite":
                found += [str(line) for line in connection.scalars(text("PRAGMA integrity_check")) if line != "ok"]
            there = {index["name"] for index in inspect(connection).get_indexes(FACTS.name) if index["unique"]}
            found += [f"the constraint {name} is not there" for name in UNIQUE if name not in there]
        keys: set[tuple[object, ...]] = set()
        for row in self._rows():
            found += _row_problems(row, keys)
        return found

    # -- inside ------------------------------------------------------------------------------------------------------

    def _rows(self, after: int = 0) -> Iterator[RowMapping]:
        while True:
            query = select(FACTS).where(FACTS.c.seq > after).order_by(FACTS.c.seq).limit(PAGE)
            with self._transaction() as connection:
                page = connection.execute(query).mappings().all()
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]["seq"]

    def _compare(self, connection: Connection, facts: Sequence[AnyFact], rows: Sequence[Row]) -> None:
        """Some facts were there already, or came twice: make sure that they say the same."""
        for fact, row in zip(facts, rows, strict=True):
            recorded = self._recorded(connection, row)
            if recorded is not None and substance(recorded) != substance(fact):
                what = row["leg_id"] or row["trade_id"]
                raise LedgerConflict(
                    f"ledger {self.name}: {row['kind']} of {what} contradicts what is recorded of it: "
                    f"{row['body']} after {msgspec.json.encode(recorded).decode()}"
                )

    def _recorded(self, connection: Connection, row: Row) -> AnyFact | None:
        """The fact that stands under this row's key; None for a fact without a key."""
        match row["kind"]:
            case "tradeopened":
                where = (FACTS.c.kind == "tradeopened") & (FACTS.c.trade_id == row["trade_id"])
            case "legsent" | "legadopted":
                where = FACTS.c.kind.in_(("legsent", "legadopted")) & (FACTS.c.leg_id == row["leg_id"])
            case "resultseen":
                where = (
                    (FACTS.c.kind == "resultseen")
                    & (FACTS.c.leg_id == row["leg_id"])
                    & (FACTS.c.revision == row["revision"])
                    & (FACTS.c.proven == row["proven"])
                )
            case _:
                return None
        body = connection.scalar(select(FACTS.c.body).where(where))
        return None if body is None else to_fact(body)

    def _decoded(self, seq: int, body: str) -> AnyFact:
        try:
            return to_fact(body)
        except msgspec.MsgspecError as error:
            raise LedgerError(
                f"ledger {self.name}: fact {seq} makes no sense ({error}): was it written by a newer arb, or is the "
                "file damaged? `arb ledger rebuild` tells more"
            ) from None

    def _expect_newest(self, connection: Connection) -> None:
        version, newest = schema_version(connection), len(MIGRATIONS[connection.dialect.name])
        if version == 0:
            raise LedgerMissing(f"there is no ledger in {self.name}")
        if version < newest:
            raise WrongFile(f"is of an older arb (schema {version} of {newest}): start the controller, it migrates")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Have everything inside written or nothing, and every failure named."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError, WrongFile) as error:
            raise LedgerError(reason(self.url, error)) from error


def _row_problems(row: RowMapping, keys: set[tuple[object, ...]]) -> list[str]:
    """What is wrong with one row, given the keys of those before it."""
    seq = row["seq"]
    try:
        fact = to_fact(row["body"])
    except msgspec.MsgspecError as error:
        return [f"fact {seq} makes no sense: {error}"]
    expected = to_row(fact)
    wrong = [name for name, value in expected.items() if name != "body" and row[name] != value]
    problems = [f"fact {seq}: {name} is {row[name]!r}, and its body says {expected[name]!r}" for name in wrong]
    kind = "leg" if expected["kind"] in {"legsent", "legadopted"} else expected["kind"]
    if kind in {"tradeopened", "leg", "resultseen"}:
        key = (kind, expected["leg_id"] or expected["trade_id"], expected["revision"], expected["proven"])
        if key in keys:
            problems.append(f"fact {seq} is recorded twice: {kind} of {key[1]}")
        keys.add(key)
    return problems
