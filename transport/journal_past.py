"""What the journal remembers for the trader's own limits: who holds what since ever, and who halted the trader.

Legs that are long over are reduced to what was filled (:meth:`transport.journal.Journal.prune`), and their market goes
with them; the sums here are what is left of it, written in the same transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Action, Platform, Side

PAST_SCHEMA: Final = (
    """
    CREATE TABLE held (
        platform TEXT NOT NULL,
        market TEXT NOT NULL,
        side TEXT NOT NULL,
        paper INTEGER NOT NULL,
        contracts INTEGER NOT NULL,
        PRIMARY KEY (platform, market, side, paper)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE halts (
        who TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        everything INTEGER NOT NULL,
        since_us INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)
"""The journal's third migration."""

_ADD: Final = """
    INSERT INTO held (platform, market, side, paper, contracts) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET contracts = contracts + excluded.contracts
"""

Slot = tuple[Platform, str, Side, bool]
"""One side of one instrument, of paper or real."""

Placed = tuple[Leg, Outcome, bool]
"""A leg that was placed, its last outcome, and whether it was dry."""


@dataclass(frozen=True, slots=True)
class HaltRow:
    """That somebody halted the trader, and why; without ``everything`` what is held may still be sold."""

    reason: str
    everything: bool
    since_us: int


def sums(legs: Iterable[Placed]) -> Counter[Slot]:
    """What these legs brought and took, in hundredths of a contract."""
    found: Counter[Slot] = Counter()
    for leg, outcome, dry in legs:
        moved = outcome.filled if leg.action is Action.BUY else -outcome.filled
        if moved:
            found[leg.platform, leg.market, leg.side, dry or outcome.paper] += moved
    return found


def add_held(db: sqlite3.Connection, held: Counter[Slot]) -> None:
    """Add to the sums; inside the caller's transaction."""
    db.executemany(_ADD, [(*slot, contracts) for slot, contracts in held.items()])


def read_held(db: sqlite3.Connection) -> Counter[Slot]:
    """The sums of all legs that were reduced."""
    rows = db.execute("SELECT platform, market, side, paper, contracts FROM held")
    return Counter({(Platform(p), market, Side(side), bool(paper)): n for p, market, side, paper, n in rows})


def read_halts(db: sqlite3.Connection) -> dict[str, HaltRow]:
    """The halts that stand, by who asked for them."""
    rows = db.execute("SELECT who, reason, everything, since_us FROM halts ORDER BY since_us, who")
    return {who: HaltRow(reason, bool(everything), since_us) for who, reason, everything, since_us in rows}


def write_halt(db: sqlite3.Connection, who: str, row: HaltRow | None) -> None:
    """Write one, or remove it; a single statement, so it is on disk when this returns."""
    if row is None:
        db.execute("DELETE FROM halts WHERE who = ?", (who,))
    else:
        values = (who, row.reason, row.everything, row.since_us)
        db.execute("INSERT OR REPLACE INTO halts (who, reason, everything, since_us) VALUES (?, ?, ?, ?)", values)
