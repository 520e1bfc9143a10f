"""`arb ledger`: what the ledger knows, read from its facts, whether a controller runs or not."""

from __future__ import annotations

import csv
import os
import re
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from actors.ledger_state import LedgerState, fold
from cli import ledger_pnl
from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.ledger_listing import LISTINGS, Listing, Row, Wanted
from cli.output import say, say_json, stdout_style, table, terminal_width
from config.load import load_settings
from config.settings import Settings
from protocol.terms import PairId
from transport.ledger.engine import read_url, shown
from transport.ledger.errors import LedgerError, LedgerMissing
from transport.ledger.identity import FILE_NAME, accept_new
from transport.ledger.store import LedgerStore
from transport.status_client import NotRunning, StatusError, ask

_AGO: Final = re.compile(r"(\d{1,5})([dh])", re.ASCII)
_UNIT_US: Final = {"d": 86_400_000_000, "h": 3_600_000_000}


def show(what: str, *, as_json: bool, as_csv: bool, since: str | None, pair: str | None) -> int:
    """Print one list, or the profit and loss; returns the exit code. Raises :class:`CliError`."""
    if as_json and as_csv:
        raise CliError(USAGE, "--json and --csv: one of them")
    now_us = time.time_ns() // 1_000
    wanted = Wanted(
        since_us=None if since is None else since_us(since, now_us), pair_id=None if pair is None else PairId(pair)
    )
    with opened(load_settings()) as store:
        state = fold(store.read())
    _check_pair(state, wanted)
    with _pipe_may_close():
        if what == "pnl":
            _print_pnl(state, wanted, as_json=as_json, as_csv=as_csv)
        else:
            _print_list(LISTINGS[what], state, wanted, as_json=as_json, as_csv=as_csv)
    return OK


@contextmanager
def opened(settings: Settings) -> Iterator[LedgerStore]:
    """The ledger of these settings, for reading. Raises :class:`CliError` for everything that is wrong with it."""
    try:
        with LedgerStore(settings.ledger, read_only=True) as store:
            yield store
    except LedgerMissing as error:
        raise CliError(ERROR, f"{error}: a controller makes it when it first runs") from None
    except LedgerError as error:
        raise CliError(ERROR, str(error)) from None


def since_us(text: str, now_us: int) -> int:
    """The moment that ``--since`` names, in unix microseconds. Raises :class:`CliError`."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_us - int(ago[1]) * _UNIT_US[ago[2]]
    if text == "today":
        return now_us - now_us % _UNIT_US["d"]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    except (ValueError, OverflowError):
        raise CliError(USAGE, f"--since {text}: must be like 2026-01-07, 2026-01-07T18:30, today, 7d or 12h") from None


_MICROSECOND: Final = datetime.resolution


def _check_pair(state: LedgerState, wanted: Wanted) -> None:
    """A pair that was never traded is more likely misspelt than meant."""
    known = {trade.pair_id for trade in state.trades.values()}
    if wanted.pair_id is not None and wanted.pair_id not in known:
        raise CliError(ERROR, f"--pair {wanted.pair_id}: the ledger has no trade of this pair")


def _print_list(listing: Listing, state: LedgerState, wanted: Wanted, *, as_json: bool, as_csv: bool) -> None:
    rows = listing.rows(state, wanted)
    if as_json:
        for row in rows:
            say_json({name: row[name] for name in listing.fields})
    elif as_csv:
        _print_csv(listing.fields, rows)
    else:
        words = [[words(row) for _, words in listing.columns] for row in rows]
        columns = [column for column, _ in listing.columns]
        for line in table(columns, words, terminal_width(), head=stdout_style().faint, indent=0) if words else ():
            say(line)
        if not words:
            say(listing.nothing if wanted == Wanted() else f"{listing.nothing} of that time and pair")


def _print_pnl(state: LedgerState, wanted: Wanted, *, as_json: bool, as_csv: bool) -> None:
    rows = list(ledger_pnl.rows(state, wanted))
    if as_json:
        say_json(ledger_pnl.document(rows, wanted))
    elif as_csv:
        _print_csv(ledger_pnl.FIELDS, rows)
    elif rows:
        for line in ledger_pnl.lines(rows, terminal_width(), stdout_style()):
            say(line)
    else:
        say("no profit and no loss")


def _print_csv(fields: Sequence[str], rows: Iterable[Row]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(fields)
    for row in rows:
        out.writerow([" ".join(row[name]) if isinstance(row[name], list) else _cell(row[name]) for name in fields])
    sys.stdout.flush()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    # A spreadsheet would run it as a formula; what the ledger says comes from peers, too.
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else value


@contextmanager
def _pipe_may_close() -> Iterator[None]:
    """`arb ledger legs | head` is no error."""
    try:
        yield
    except BrokenPipeError:
        # What Python still holds for the pipe must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# -- accepting another ledger -----------------------------------------------------------------------------------------


def accept(*, yes: bool) -> int:
    """Make the ledger that is there the expected one, after asking. Raises :class:`CliError`."""
    settings = load_settings()
    _expect_no_controller(settings.home.socket("controller"))
    settings.home.ensure()
    proposed = f"l{secrets.token_hex(8)}"
    try:
        if not yes:
            name = shown(read_url(settings.ledger))
            _ask(f"Positions and open orders that only the ledger before knew are forgotten. Accept {name}? [y/N] ")
        accepted = accept_new(settings.ledger, settings.home.path / FILE_NAME, proposed, time.time_ns() // 1_000)
    except LedgerError as error:
        raise CliError(ERROR, str(error)) from None
    before = f" (before: {accepted.before})" if accepted.before else ""
    say(f"ledger {accepted.ledger_id} is accepted{before}: start the controller")
    return OK


def _expect_no_controller(socket: Path) -> None:
    try:
        ask(socket, {"type": "status"})
    except NotRunning:
        return
    except StatusError:
        pass
    raise CliError(ERROR, "a controller runs, and its ledger must not change beneath it: stop it first")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise CliError(USAGE, "nobody is here to ask: say --yes to accept")
    if input(question).strip().lower() not in {"y", "yes"}:
        raise CliError(ERROR, "nothing was changed")
