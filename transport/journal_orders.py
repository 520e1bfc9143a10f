"""Signed orders in the journal: where a venue takes no id of ours, the signed bytes are the id.

An order is here, on disk, before it is posted; so a leg of this journal that is not here was never at its venue.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final, Protocol

from protocol.terms import LegId

ORDERS_SCHEMA: Final = (
    """
    CREATE TABLE signed_orders (
        leg_id TEXT PRIMARY KEY,
        order_id TEXT NOT NULL,
        body BLOB NOT NULL,
        noted_us INTEGER NOT NULL,
        answer BLOB
    ) WITHOUT ROWID
    """,
    "CREATE INDEX signed_orders_by_id ON signed_orders (order_id)",
)
"""The journal's fourth migration."""

_ADD: Final = "INSERT INTO signed_orders (leg_id, order_id, body, noted_us) VALUES (?, ?, ?, ?)"
_FIND: Final = "SELECT order_id, body, noted_us, answer FROM signed_orders WHERE leg_id = ?"


@dataclass(frozen=True, slots=True)
class SignedRow:
    """One signed order: its id at the venue, the bytes that were or will be posted, and the 200 that came back."""

    order_id: str
    body: bytes
    noted_us: int
    answer: bytes | None = None


class SignedOrders(Protocol):
    """What a venue's port asks of the journal. What fails raises ``JournalBrokenError``."""

    def sign(self, leg_id: LegId, row: SignedRow) -> None:
        """Write it, durably. A leg has one signed order for ever: a second one raises."""

    def answered(self, leg_id: LegId, answer: bytes) -> None:
        """Write what the venue answered."""

    def signed(self, leg_id: LegId) -> SignedRow | None:
        """The leg's signed order; None where none was ever written."""

    def leg_of(self, order_id: str) -> LegId | None:
        """Whose order this is."""

    def placed_here(self, leg_id: LegId) -> bool:
        """Whether this journal has the leg as one that was to be placed."""


def add_signed(db: sqlite3.Connection, leg_id: LegId, row: SignedRow) -> None:
    """Write one; a single statement, so it is on disk when this returns. Raises where the leg has one."""
    db.execute(_ADD, (leg_id, row.order_id.lower(), row.body, row.noted_us))


def note_answer(db: sqlite3.Connection, leg_id: LegId, answer: bytes) -> None:
    """Write the answer; a single statement."""
    db.execute("UPDATE signed_orders SET answer = ? WHERE leg_id = ?", (answer, leg_id))


def read_signed(db: sqlite3.Connection, leg_id: LegId) -> SignedRow | None:
    """The leg's signed order."""
    row = db.execute(_FIND, (leg_id,)).fetchone()
    return None if row is None else SignedRow(*row)


def read_leg_of(db: sqlite3.Connection, order_id: str) -> LegId | None:
    """The leg of an order."""
    row = db.execute("SELECT leg_id FROM signed_orders WHERE order_id = ?", (order_id.lower(),)).fetchone()
    return None if row is None else LegId(row[0])
