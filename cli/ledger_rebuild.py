"""`arb ledger rebuild`: everything derived from the facts anew, by more than one way, and compared.

What is compared:

1. the database with itself: its own check, its constraints, and each row's columns with its body;
2. two states, each folded from a reading of its own: every trade, leg and position;
3. the state's money and contracts with a plain sum over the results, which knows no average cost;
4. the state with the summary that the running controller gives, at the same number of facts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from actors.ledger_agreement import compare, compare_summaries, plain_sums, summary, sums_of
from actors.ledger_state import fold
from cli.exit_codes import ERROR, OK
from cli.ledger import opened
from cli.output import say, say_json, stdout_style
from config.load import load_settings
from transport.ledger.errors import LedgerError
from transport.ledger.store import LedgerStore
from transport.status_client import NotRunning, StatusError, ask

MAX_SHOWN: Final = 20
PATIENCE_S: Final = 3.0
"""How long the facts that a running controller has already counted may take to reach the ledger."""
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what agreed, or what did not; ``skipped`` says why it was not made."""

    agrees: str
    found: list[str]
    skipped: str | None = None


def run(*, as_json: bool) -> int:
    """Print what was compared and what differs; returns the exit code, 1 where anything does."""
    settings = load_settings()
    with opened(settings) as store:
        checks = [
            Check("the database is sound: its own check, constraints, each row and its body", store.problems()),
            _tried(_twice, store),
            _tried(_sums, store),
            _tried(partial(_controller, socket=settings.home.socket("controller")), store),
        ]
        name, facts = store.name, store.count()
    if as_json:
        said = [{"agrees": c.agrees, "differences": c.found, "skipped": c.skipped} for c in checks]
        say_json({"ledger": name, "facts": facts, "checks": said})
    else:
        _print(name, facts, checks)
    return ERROR if any(check.found for check in checks) else OK


def _tried(compared: Callable[[LedgerStore], Check], store: LedgerStore) -> Check:
    """A ledger that cannot be read to its end agrees with nothing."""
    try:
        return compared(store)
    except LedgerError as error:
        return Check("the ledger can be read to its end", [str(error)])


def _twice(store: LedgerStore) -> Check:
    # What is appended between the two readings belongs to neither.
    count = store.count()
    one, other = (fold(islice(store.read(), count)) for _ in range(2))
    return Check("two rebuilds agree in every trade, leg and position", compare(one, other))


def _sums(store: LedgerStore) -> Check:
    facts = list(store.read())
    found = compare_summaries(sums_of(fold(facts)), plain_sums(facts))
    return Check("money and contracts equal a plain sum over the results", found)


def _controller(store: LedgerStore, socket: Path) -> Check:
    agrees = "the running controller says the same"
    try:
        said = ask(socket, {"type": "status"}).get("ledger")
    except NotRunning:
        return Check(agrees, [], "no controller runs")
    except StatusError as error:
        return Check(agrees, [], f"the controller gave no answer: {error}")
    summarised = said.get("summary") if isinstance(said, Mapping) else None
    if not isinstance(summarised, Mapping) or not isinstance(summarised.get("facts"), int):
        return Check(agrees, [], "the running controller reports no summary of its ledger")
    count = int(summarised["facts"])
    return Check(f"{agrees} after {count:,} facts", compare_summaries(summarised, _summary_at(store, count)))


def _summary_at(store: LedgerStore, count: int) -> Mapping[str, Any]:
    """Our summary of the first so many facts; waits a moment for those that are still on their way to the ledger."""
    deadline = time.monotonic() + PATIENCE_S
    while store.count() < count and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return summary(fold(islice(store.read(), count)))


def _print(name: str, facts: int, checks: list[Check]) -> None:
    style = stdout_style()
    say(f"ledger {name}: {facts:,} facts")
    for check in checks:
        if check.skipped is not None:
            say(style.faint(f"  --    {check.agrees}: not compared, {check.skipped}"))
        elif not check.found:
            say(f"  ok    {check.agrees}")
        else:
            say(style.alarm(f"  WRONG it does not hold that {check.agrees}"))
            for line in check.found[:MAX_SHOWN]:
                say(f"        {line}")
            if len(check.found) > MAX_SHOWN:
                say(f"        and {len(check.found) - MAX_SHOWN} more")
