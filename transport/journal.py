"""The trader's journal: what it is about to do, and what became of it, on disk before anyone is told.

A leg is written before its venue is called (:meth:`Journal.intent`) and its outcome before it is answered
(:meth:`Journal.outcome`), so at every moment of the trader's death the journal knows each leg that may be at a venue.
An id that was seen once is known for ever.

*Durable* means: when the call returns, SQLite has appended the change to its write-ahead log and the operating system
has confirmed an fsync of it (``synchronous=FULL``). A process that is killed a moment later loses nothing, and neither
does a machine that loses power, as far as its disk keeps what it has confirmed. A write that was cut off in the middle
is not there at all when the file is opened again: each record of the log carries a checksum, and what follows the last
complete transaction is ignored. Acknowledgements alone are not synced: losing one only sends a result again.

One process has a journal at a time. Any failure to write (full disk, damaged file, a file that was deleted beneath us)
raises :class:`JournalError`, leaves everything written before as it was, and ends the journal: every further write is
refused until it is opened anew. No journal, no order.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status
from protocol.units import Money, Quantity
from transport.file_lock import AlreadyLocked, FileLock
from transport.journal_orders import ORDERS_SCHEMA, SignedRow, add_signed, note_answer, read_leg_of, read_signed
from transport.journal_past import PAST_SCHEMA, HaltRow, Placed, Slot, add_held, read_halts, read_held, sums, write_halt
from transport.sqlite_file import GONE, Schema, WrongFile, explain, identities, open_sqlite, transaction

NONE: Final = -1
"""The revision before the first: of a leg without an outcome, or without an acknowledgement."""

SCHEMA: Final = Schema(
    what="journal",
    application_id=0x41524A4C,  # "ARJL"
    migrations=(
        (
            # A leg's row is written once, but for three numbers that say where it stands and that its outcomes and
            # acknowledgements imply; they are here so that what is open is found without reading everything.
            """
            CREATE TABLE legs (
                seq INTEGER PRIMARY KEY,
                leg_id TEXT NOT NULL UNIQUE,
                platform TEXT NOT NULL,
                fate TEXT NOT NULL CHECK (fate IN ('placed', 'refused', 'tombstone')),
                leg TEXT,
                dry INTEGER NOT NULL,
                paper INTEGER NOT NULL,
                asked_us INTEGER NOT NULL,
                revision INTEGER NOT NULL DEFAULT -1,
                acked INTEGER NOT NULL DEFAULT -1,
                open INTEGER NOT NULL
            )
            """,
            """
            CREATE TABLE outcomes (
                seq INTEGER PRIMARY KEY,
                leg_id TEXT NOT NULL REFERENCES legs (leg_id),
                revision INTEGER NOT NULL CHECK (revision >= 0),
                noted_us INTEGER NOT NULL,
                body TEXT NOT NULL,
                UNIQUE (leg_id, revision)
            )
            """,
            "CREATE INDEX legs_open ON legs (seq) WHERE open",
            "CREATE INDEX legs_unacked ON legs (seq) WHERE revision > acked",
        ),
        (
            "ALTER TABLE legs ADD COLUMN owner TEXT",
            # What is left of a leg that was acknowledged long ago: its id for ever, and what was filled.
            """
            CREATE TABLE past (
                leg_id TEXT PRIMARY KEY,
                platform TEXT NOT NULL,
                placed INTEGER NOT NULL,
                dry INTEGER NOT NULL,
                asked_us INTEGER NOT NULL,
                revision INTEGER NOT NULL,
                status TEXT NOT NULL,
                filled INTEGER NOT NULL,
                cost INTEGER NOT NULL,
                fees INTEGER NOT NULL,
                paper INTEGER NOT NULL
            ) WITHOUT ROWID
            """,
        ),
        PAST_SCHEMA,
        ORDERS_SCHEMA,
    ),
)

MAX_PRUNED: Final = 20_000
"""Legs that one call of :meth:`Journal.prune` takes at most."""

_ENTRY: Final = """
    SELECT l.leg_id, l.platform, l.fate, l.leg, l.dry, l.paper, l.asked_us, l.acked, l.owner, o.body
    FROM legs AS l LEFT JOIN outcomes AS o ON o.leg_id = l.leg_id AND o.revision = l.revision
"""
_PLACED: Final = f"{_ENTRY} WHERE l.fate = 'placed'"
_ADD_LEG: Final = """
    INSERT INTO legs (leg_id, platform, fate, leg, dry, paper, asked_us, open, owner)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM past WHERE leg_id = ?1)
    ON CONFLICT (leg_id) DO NOTHING
"""
_DUE: Final = f"""
    {_ENTRY} WHERE NOT l.open AND l.revision >= 0 AND l.acked >= l.revision AND o.noted_us < ? ORDER BY l.seq LIMIT ?
"""
_ADD_PAST: Final = """
    INSERT INTO past (leg_id, platform, placed, dry, asked_us, revision, status, filled, cost, fees, paper)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PAST: Final = """
    SELECT leg_id, platform, placed, dry, asked_us, revision, status, filled, cost, fees, paper
    FROM past WHERE leg_id = ?
"""

_DAMAGE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

_encode: Final = msgspec.json.Encoder().encode
_decode_leg: Final = msgspec.json.Decoder(Leg).decode
_decode_outcome: Final = msgspec.json.Decoder(Outcome).decode


class JournalError(Exception):
    """The journal cannot be opened, read or written; the text names the file and the fix."""


class JournalInUse(JournalError):
    """Another process has this journal."""


class JournalMisuse(JournalError):
    """The caller contradicts what is written; nothing was changed, and the journal goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the journal knows of one leg id.

    ``outcome`` is the one with the highest revision, ``acked`` the highest revision that the controller has recorded
    (-1: none). ``placed``: the venue may have been called. A refused leg is not ``placed`` and has its outcome; a
    ``tombstone`` was asked about before it came, has neither leg nor outcome, and must not be executed any more. A
    leg that is long over (:meth:`Journal.prune`) has an outcome and no ``leg``. ``owner`` is the controller that sent
    it, None where that is not known.
    """

    leg_id: LegId
    leg: Leg | None
    platform: Platform
    dry: bool
    paper: bool
    asked_us: int
    outcome: Outcome | None
    acked: int
    placed: bool
    tombstone: bool
    owner: str | None = None


class Journal:
    """One trader's journal. Synchronous; for one thread; about 0.2 ms a durable call (see ``docs/ledger.md``)."""

    def __init__(self, path: Path) -> None:
        """Open the journal, made where it is missing. Raises :class:`JournalError`, also when another process has it.

        Opening reads the whole file once to see that it is not damaged.
        """
        self.path = path
        self._names = (str(path), f"{path}-wal")
        self._broken: str | None = None
        self._damaged = False
        self._closed = False
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        try:
            self._lock.acquire()
        except AlreadyLocked as error:
            raise JournalInUse(f"journal {path}: {error}") from None
        except OSError as error:
            raise JournalError(explain(path, "journal", error)) from None
        try:
            self._db = open_sqlite(path, SCHEMA, synchronous="FULL")
            self._files = identities(*self._names)
        except (sqlite3.Error, OSError, WrongFile) as error:
            self._lock.release()
            raise JournalError(explain(path, "journal", error)) from None

    def close(self) -> None:
        """Close the file and let another process have it; closing again does nothing."""
        self._closed = True
        self._db.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- written, durably --------------------------------------------------------------------------------------------

    def intent(self, leg: Leg, *, dry: bool, paper: bool, now_us: int, owner: str | None = None) -> Entry | None:
        """Note that this leg is about to be placed, durably; None means: noted, go ahead.

        Where the id is known in any way, nothing is written and its entry is returned: the leg must not be placed.
        """
        with self._writing():
            row = (leg.leg_id, leg.platform, "placed", _text(leg), dry, paper, now_us, 1, owner)
            # A single statement is a transaction of its own: it is synced when this returns.
            if self._db.execute(_ADD_LEG, row).rowcount:
                return None
            return self._find(leg.leg_id)

    def refused(self, leg: Leg, outcome: Outcome, now_us: int, owner: str | None = None) -> Entry | None:
        """Note a leg that was refused without touching a venue, with the answer that it got; None means: noted.

        Where the id is known, nothing is written and its entry is returned, as by :meth:`intent`.
        """
        if outcome.leg_id != leg.leg_id:
            raise JournalMisuse(f"the outcome of {outcome.leg_id} was given for {leg.leg_id}")
        with self._writing(), transaction(self._db):
            row = (leg.leg_id, leg.platform, "refused", _text(leg), 0, 0, now_us, 0, owner)
            if not self._db.execute(_ADD_LEG, row).rowcount:
                return self._find(leg.leg_id)
            self._append(outcome, now_us, is_open=False)
            return None

    def sign(self, leg_id: LegId, row: SignedRow) -> None:
        """Note the signed order of a leg, durably, before it is posted. Raises :class:`JournalMisuse` for a second."""
        with self._writing():
            if read_signed(self._db, leg_id) is not None:
                raise JournalMisuse(f"{leg_id} has a signed order already: it is not signed again")
            add_signed(self._db, leg_id, row)

    def answered(self, leg_id: LegId, answer: bytes) -> None:
        """Note what the venue answered to it."""
        with self._writing():
            note_answer(self._db, leg_id, answer)

    def outcome(self, outcome: Outcome, now_us: int) -> None:
        """Append what is known now of a leg that was placed, durably.

        The same outcome with the same revision again changes nothing; so does an older revision, but it is kept.
        Raises :class:`JournalMisuse` for another outcome with a revision that is written, for a leg that was never
        placed, and for one that is long over.
        """
        with self._writing(), transaction(self._db):
            known = self._find(outcome.leg_id)
            if known is None:
                raise JournalMisuse(f"an outcome of {outcome.leg_id}, whose intent was never noted")
            written = self._revision(outcome.leg_id, outcome.revision)
            if written is not None:
                if written != outcome:
                    raise JournalMisuse(f"another outcome of {outcome.leg_id} than the written one of its revision")
                return
            if not known.placed or known.leg is None:
                raise JournalMisuse(f"an outcome of {outcome.leg_id}, which was never placed, or is long over")
            self._append(outcome, now_us, is_open=not (outcome.status.proven and outcome.final))

    def tombstone(self, leg_id: LegId, platform: Platform, now_us: int) -> Entry | None:
        """Note, durably, that this id must never be executed; None means: noted.

        Where the id is known, nothing is written and its entry is returned.
        """
        with self._writing():
            row = (leg_id, platform, "tombstone", None, 0, 0, now_us, 0, None)
            if self._db.execute(_ADD_LEG, row).rowcount:
                return None
            return self._find(leg_id)

    def probe(self) -> None:
        """Write something, durably, that changes nothing: so that a full disk is found before an order is."""
        with self._writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            # A pragma takes no parameters; this is a number that the file itself has given.
            self._db.execute(f"PRAGMA user_version = {int(version)}")

    def prune(self, before_us: int) -> int:
        """Reduce legs to their id and what was filled; returns how many, at most ``MAX_PRUNED``.

        What they brought and took stays in the sums of :meth:`held`.

        Taken are those whose last outcome is proven, final, acknowledged, and was noted before ``before_us``. Their
        ids stay known as all others do. All of it happens, or nothing.
        """
        with self._writing(), transaction(self._db):
            due = [_entry(row) for row in self._db.execute(_DUE, (before_us, MAX_PRUNED))]
            add_held(self._db, sums(_placed(due)))
            self._db.executemany(_ADD_PAST, [_past_row(entry, entry.outcome) for entry in due if entry.outcome])
            ids = [(entry.leg_id,) for entry in due]
            self._db.executemany("DELETE FROM outcomes WHERE leg_id = ?", ids)
            self._db.executemany("DELETE FROM signed_orders WHERE leg_id = ?", ids)
            self._db.executemany("DELETE FROM legs WHERE leg_id = ?", ids)
            return len(due)

    def halt(self, who: str, row: HaltRow | None) -> None:
        """Note, durably, that ``who`` halted this trader, or (None) does not any more."""
        with self._writing():
            write_halt(self._db, who, row)

    # -- written, not synced -----------------------------------------------------------------------------------------

    def ack(self, leg_id: LegId, revision: int) -> None:
        """Note that the controller has recorded this revision and those before it. An id never seen is ignored.

        It survives the death of the process, but perhaps not a power cut; then the result is sent again. A revision
        beyond the last one counts as the last one: nobody can acknowledge what was not sent.
        """
        with self._writing():
            self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                self._db.execute(
                    "UPDATE legs SET acked = max(acked, min(?, revision)) WHERE leg_id = ?", (revision, leg_id)
                )
            finally:
                self._db.execute("PRAGMA synchronous = FULL")

    # -- read --------------------------------------------------------------------------------------------------------

    def entry(self, leg_id: LegId) -> Entry | None:
        """What is known of this id; None: never seen. Raises where the file is damaged: a gap there proves nothing."""
        with self._reading():
            found = self._find(leg_id)
        if found is None and self._damaged:
            raise JournalError(str(self._broken))
        return found

    def signed(self, leg_id: LegId) -> SignedRow | None:
        """The leg's signed order; None: none was ever noted, or the leg is long over."""
        with self._reading():
            return read_signed(self._db, leg_id)

    def leg_of(self, order_id: str) -> LegId | None:
        """The leg of a signed order."""
        with self._reading():
            return read_leg_of(self._db, order_id)

    def unacked(self, limit: int) -> list[Entry]:
        """Legs whose newest outcome is not acknowledged, the one whose outcome has waited longest first."""
        with self._reading():
            rows = self._db.execute(f"{_ENTRY} WHERE l.revision > l.acked ORDER BY o.seq LIMIT ?", (limit,))
            return [_entry(row) for row in rows]

    def open(self) -> list[Entry]:
        """Legs that may be at a venue without a final word, in the order in which they were placed."""
        with self._reading():
            return [_entry(row) for row in self._db.execute(f"{_ENTRY} WHERE l.open ORDER BY l.seq")]

    def recent(self, since_us: int) -> list[Entry]:
        """Legs that were placed after ``since_us``, or are still open; in the order in which they were placed."""
        with self._reading():
            rows = self._db.execute(f"{_PLACED} AND (l.open OR l.asked_us > ?) ORDER BY l.seq", (since_us,))
            return [_entry(row) for row in rows]

    def held(self, until_us: int) -> Counter[Slot]:
        """What all legs that were placed up to ``until_us`` and are over brought and took, however long ago."""
        with self._reading():
            rows = self._db.execute(f"{_PLACED} AND NOT l.open AND l.asked_us <= ?", (until_us,))
            found = sums(_placed(_entry(row) for row in rows))
            found.update(read_held(self._db))
            return found

    def halts(self) -> dict[str, HaltRow]:
        """Which halts stand, by who asked for them."""
        with self._reading():
            return read_halts(self._db)

    def depth(self) -> int:
        """How many legs :meth:`unacked` would return without a limit."""
        with self._reading():
            (count,) = self._db.execute("SELECT count(*) FROM legs WHERE revision > acked").fetchone()
            return int(count)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _find(self, leg_id: LegId) -> Entry | None:
        row = self._db.execute(f"{_ENTRY} WHERE l.leg_id = ?", (leg_id,)).fetchone()
        if row is not None:
            return _entry(row)
        row = self._db.execute(_PAST, (leg_id,)).fetchone()
        return None if row is None else _past(row)

    def _revision(self, leg_id: LegId, revision: int) -> Outcome | None:
        query = "SELECT body FROM outcomes WHERE leg_id = ? AND revision = ?"
        row = self._db.execute(query, (leg_id, revision)).fetchone()
        return None if row is None else _decode_outcome(row[0])

    def _append(self, outcome: Outcome, now_us: int, *, is_open: bool) -> None:
        self._db.execute(
            "INSERT INTO outcomes (leg_id, revision, noted_us, body) VALUES (?, ?, ?, ?)",
            (outcome.leg_id, outcome.revision, now_us, _text(outcome)),
        )
        self._db.execute(
            "UPDATE legs SET revision = ?, open = ? WHERE leg_id = ? AND revision < ?",
            (outcome.revision, is_open, outcome.leg_id, outcome.revision),
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Refuse once broken; a failure inside breaks the journal, a misuse does not."""
        if self._broken is not None:
            raise JournalError(self._broken)
        with self._reading():
            if identities(*self._names) != self._files:
                raise WrongFile(GONE)
            yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Have every failure named; reading goes on after a failed write, until the journal is closed."""
        if self._closed:
            raise JournalError(f"journal {self.path} is closed")
        try:
            yield
        except (sqlite3.Error, OSError, WrongFile) as error:
            self._broken = explain(self.path, "journal", error)
            self._damaged = self._damaged or getattr(error, "sqlite_errorname", "").startswith(_DAMAGE)
            raise JournalError(self._broken) from error
        except msgspec.MsgspecError as error:
            self._broken = f"journal {self.path} is damaged ({error}): keep a copy of it, and restore it from a backup"
            self._damaged = True
            raise JournalError(self._broken) from error


def _text(value: Leg | Outcome) -> str:
    return _encode(value).decode()


def _entry(row: tuple[str, str, str, str | None, int, int, int, int, str | None, str | None]) -> Entry:
    leg_id, platform, fate, leg, dry, paper, asked_us, acked, owner, body = row
    return Entry(
        leg_id=LegId(leg_id),
        leg=None if leg is None else _decode_leg(leg),
        platform=Platform(platform),
        dry=bool(dry),
        paper=bool(paper),
        asked_us=asked_us,
        outcome=None if body is None else _decode_outcome(body),
        acked=acked,
        placed=fate == "placed",
        tombstone=fate == "tombstone",
        owner=owner,
    )


def _placed(entries: Iterable[Entry]) -> Iterator[Placed]:
    for entry in entries:
        if entry.placed and entry.leg is not None and entry.outcome is not None:
            yield entry.leg, entry.outcome, entry.dry


def _past_row(entry: Entry, last: Outcome) -> tuple[str | int, ...]:
    what = (entry.leg_id, entry.platform, entry.placed, entry.dry, entry.asked_us)
    return (*what, last.revision, last.status.value, last.filled, last.cost, last.fees, last.paper)


def _past(row: tuple[str, str, int, int, int, int, str, int, int, int, int]) -> Entry:
    leg_id, platform, placed, dry, asked_us, revision, status, filled, cost, fees, paper = row
    return Entry(
        leg_id=LegId(leg_id),
        leg=None,
        platform=Platform(platform),
        dry=bool(dry),
        paper=bool(paper),
        asked_us=asked_us,
        outcome=Outcome(
            leg_id=LegId(leg_id),
            status=Status(status),
            filled=Quantity(filled),
            cost=Money(cost),
            fees=Money(fees),
            revision=revision,
            paper=bool(paper),
        ),
        acked=revision,
        placed=bool(placed),
        tombstone=False,
    )
