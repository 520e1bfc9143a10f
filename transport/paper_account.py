"""A paper venue's books in a file, so that the venue survives its traders and two of them can share one account."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from protocol.outcome import Outcome
from protocol.terms import LegId, Side
from protocol.units import Money, Quantity
from transport.sqlite_file import Schema, WrongFile, explain, open_sqlite, transaction
from venues.paper.account import AccountError
from venues.paper.fill import PaperFill

SCHEMA: Final = Schema(
    what="paper account",
    application_id=0x41525041,  # "ARPA"
    migrations=(
        (
            "CREATE TABLE orders (leg_id TEXT PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID",
            """
            CREATE TABLE fills (
                seq INTEGER PRIMARY KEY,
                leg_id TEXT NOT NULL REFERENCES orders (leg_id),
                order_id TEXT NOT NULL,
                market TEXT NOT NULL,
                action TEXT NOT NULL,
                side TEXT NOT NULL,
                price INTEGER NOT NULL,
                quantity INTEGER NOT NULL,
                fee INTEGER NOT NULL
            )
            """,
        ),
    ),
)

_FIELDS: Final = PaperFill.__struct_fields__
_COLUMNS: Final = ", ".join(_FIELDS)
_ADD_FILL: Final = f"INSERT INTO fills ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608 -- our words

# A price times a quantity is in micro-dollars, as a fee is.
_EARNED: Final = (
    "SELECT MAX(seq), SUM(CASE action WHEN 'buy' THEN -price * quantity ELSE price * quantity END - fee) "
    "FROM fills WHERE seq > ?"
)

_HELD: Final = (
    "SELECT MAX(seq), market, side, SUM(CASE action WHEN 'buy' THEN quantity ELSE -quantity END) "
    "FROM fills WHERE seq > ? GROUP BY market, side"
)

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Outcome).decode


class PaperAccount:
    """Implements the paper venue's ``Account`` in an SQLite file: one file for one account at one platform.

    Any number of processes may have it open. A leg id is recorded once among all of them, because the check and the
    fills are one transaction. A process that is killed loses nothing that was recorded; a power cut may lose the last
    records (``synchronous=NORMAL``): this stands in for a venue, which would not wait for our disk, and its money is
    not real.
    """

    def __init__(self, path: Path) -> None:
        """Open the account, made where it is missing. Raises :class:`AccountError`."""
        self.path = path
        with self._translated():
            self._db = open_sqlite(path, SCHEMA, synchronous="NORMAL")
        self._added_up = (0, 0)
        """The last fill that was added up, and the sum so far: fills are never changed or taken out."""
        self._counted = 0
        self._held: dict[tuple[str, Side], Quantity] = {}
        """The same of contracts."""

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, outcome: Outcome, fills: Sequence[PaperFill]) -> bool:
        """Record an order with its fills, all or nothing; False where the leg id is recorded already."""
        with self._translated(), transaction(self._db):
            added = self._db.execute(
                "INSERT INTO orders (leg_id, outcome) VALUES (?, ?) ON CONFLICT (leg_id) DO NOTHING",
                (outcome.leg_id, _encode(outcome).decode()),
            )
            if not added.rowcount:
                return False
            self._db.executemany(_ADD_FILL, [msgspec.structs.astuple(fill) for fill in fills])
            return True

    def outcome(self, leg_id: LegId) -> Outcome | None:
        """What became of the order of this leg; None: the venue never had it."""
        with self._translated():
            row = self._db.execute("SELECT outcome FROM orders WHERE leg_id = ?", (leg_id,)).fetchone()
            return None if row is None else _decode(row[0])

    def earned(self) -> Money:
        """What all fills together have brought, fees off, over every process of the account."""
        with self._translated():
            last, earned = self._added_up
            seq, more = self._db.execute(_EARNED, (last,)).fetchone()
            if seq is not None:
                self._added_up = (seq, earned + more)
            return Money(self._added_up[1])

    def held(self) -> dict[tuple[str, Side], Quantity]:
        """Contracts by market and side, over every process of the account."""
        with self._translated():
            rows = self._db.execute(_HELD, (self._counted,)).fetchall()
            for last, market, side, contracts in rows:
                key = market, Side(side)
                self._held[key] = Quantity(self._held.get(key, 0) + contracts)
                self._counted = max(self._counted, last)
            return dict(self._held)

    def outcomes(self) -> list[Outcome]:
        """Every order's outcome, by leg id."""
        with self._translated():
            return [_decode(text) for (text,) in self._db.execute("SELECT outcome FROM orders ORDER BY leg_id")]

    def fills(self) -> list[PaperFill]:
        """Every fill of the account, in the order in which they were recorded."""
        with self._translated():
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM fills ORDER BY seq")  # noqa: S608 -- our own words
            return [msgspec.convert(dict(zip(_FIELDS, row, strict=True)), PaperFill) for row in rows]

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, WrongFile) as error:
            raise AccountError(explain(self.path, SCHEMA.what, error)) from error
        except msgspec.MsgspecError as error:
            raise AccountError(f"{SCHEMA.what} {self.path} is damaged ({error}): remove it, and begin anew") from error
