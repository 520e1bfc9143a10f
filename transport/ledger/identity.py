"""Which ledger this home keeps: noticed when it was deleted, emptied, replaced, or put back from an old backup.

The ledger carries an id, and a file beside the configuration (``ledger_id``) says which one is expected and how far it
had come at the last start. A controller whose ledger is not that one must not trade: positions and open legs that it
has forgotten are still there. Only a person can say that a new beginning is meant (:func:`accept_new`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.facts import Remark
from transport.ledger.errors import LedgerError, LedgerMissing
from transport.ledger.store import LedgerStore
from transport.sqlite_file import sync_directory

FILE_NAME: Final = "ledger_id"
"""The file's name in a controller's home."""

_FIX: Final = "put it back, or say `arb ledger accept-new` where a new beginning is meant; nothing is traded until then"
_MAX_BYTES: Final = 4_096


class _Mark(msgspec.Struct, frozen=True):
    """What the file holds: the expected id, and the place of the last fact at the last start."""

    ledger_id: str
    facts: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What :func:`accept_new` did: the ledger's id now, and the one that was expected before (None: none)."""

    ledger_id: str
    before: str | None


def open_ledger(url: str, file: Path, proposed_id: str) -> LedgerStore:
    """Return the ledger that ``file`` expects, and note there how far it is now.

    Where neither the file nor a ledger is there, this is the first start: a new ledger takes ``proposed_id``. Raises
    :class:`LedgerMissing` where the ledger is not the expected one, and :class:`LedgerError` where something cannot
    be read or written.
    """
    mark = _read(file)
    try:
        store = LedgerStore(url, create=mark is None)
    except LedgerMissing as error:
        raise LedgerMissing(f"{error}, and {file} expects one: {_FIX}") from None
    try:
        _keep(file, _Mark(_settle(store, mark, file, proposed_id), store.last()))
    except BaseException:
        store.close()
        raise
    return store


def _settle(store: LedgerStore, mark: _Mark | None, file: Path, proposed_id: str) -> str:
    """The ledger's id, once it is clear that it is the right one."""
    found, last = store.ledger_id(), store.last()
    if mark is None:
        if found is None or last == 0:
            # The first start, or one that was cut off between naming the ledger and keeping the name.
            return found if found is not None else _named(store, proposed_id)
        raise LedgerMissing(f"ledger {store.name} is not of this home (there is no {file}): {_FIX}")
    if found is None:
        raise LedgerMissing(f"ledger {store.name} is empty, and {file} expects {mark.ledger_id}: {_FIX}")
    if found != mark.ledger_id:
        raise LedgerMissing(f"ledger {store.name} is another one ({found}, expected is {mark.ledger_id}): {_FIX}")
    if last < mark.facts:
        raise LedgerMissing(f"ledger {store.name} ends at fact {last}, and had come to {mark.facts} before: {_FIX}")
    return found


def accept_new(url: str, file: Path, proposed_id: str, now_us: int) -> Accepted:
    """Make whatever ledger is there now the expected one, or a new one where there is none; for a person to decide.

    The ledger itself remembers it, as a remark. Raises :class:`LedgerError`.
    """
    mark = _read(file, damaged_is_none=True)
    with LedgerStore(url) as store:
        found = store.ledger_id() or _named(store, proposed_id)
        before = None if mark is None else mark.ledger_id
        words = f"accepted by the operator; expected before: {before or 'none'}"
        if mark is not None and before == found:
            words += f", up to fact {mark.facts}"
        store.append([Remark(t=now_us, kind="ledger_accepted", text=words)])
        _keep(file, _Mark(found, store.last()))
        return Accepted(found, before)


def _named(store: LedgerStore, ledger_id: str) -> str:
    store.name_it(ledger_id)
    return ledger_id


def _read(file: Path, *, damaged_is_none: bool = False) -> _Mark | None:
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(_MAX_BYTES), type=_Mark)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(f"{file} cannot be read ({error.strerror}): make it readable for this user") from None
    except msgspec.MsgspecError:
        if damaged_is_none:
            return None
        raise LedgerMissing(f"{file} does not say which ledger is expected: {_FIX}") from None


def _keep(file: Path, mark: _Mark) -> None:
    """Replace the file as a whole, durably."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(msgspec.json.encode(mark) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
        sync_directory(file.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LedgerError(f"{file} cannot be written ({error.strerror}): make {file.parent} writable") from None
