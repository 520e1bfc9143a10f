"""`arb halt`, `arb reduce`, `arb resume`: asks the process that runs here, and waits until a halt has drained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cli.error import CliError
from cli.exit_codes import ERROR, NOT_RUNNING, OK, TIMEOUT, USAGE
from cli.output import printable, say, say_json
from config.home import ArbHome
from transport.status_client import NoAnswer, NotRunning, PathTooLong, ask

PATIENCE_S: Final = 3.0
POLL_S: Final = 0.05
CONTROLLER: Final = "controller"

Document = dict[str, Any]
Ask = Callable[[Path, dict[str, Any], float], Document]


def command(
    word: str,
    *,
    reason: str | None,
    acks: list[str],
    role: str | None,
    force: bool,
    wait_s: float,
    as_json: bool,
    home: ArbHome | None = None,
    asking: Ask = ask,
) -> int:
    """Ask for another state and print what holds; returns the exit code: timeout where a halt has not drained in time.

    The controller of this home is asked; with ``role`` trader, or where no controller runs, the traders of this home.
    """
    home = ArbHome.from_environment() if home is None else home
    request = {"command": word, "reason": reason, "ack": acks, "force": force}
    documents: dict[str, Document] = {}
    for path, first in answers_of(home, role, request, asking).items():
        drains = word == "halt" and path.stem == CONTROLLER
        documents[path.stem] = _drained(path, first, wait_s, asking) if drains else first
    if as_json:
        say_json(documents)
    else:
        for name, answer in documents.items():
            for line in lines_of(name, answer):
                say(line)
    return max(_exit_code(word, answer) for answer in documents.values())


def answers_of(home: ArbHome, role: str | None, request: Mapping[str, Any], asking: Ask) -> dict[Path, Document]:
    """Who runs, and what each answers: at once, without asking first who is there.

    Raises :class:`CliError` where nobody of that role runs.
    """
    if role not in {None, CONTROLLER, "trader"}:
        raise CliError(USAGE, f"--role {role}: must be controller or trader")
    sockets = home.sockets()
    controllers = [path for path in sockets if path.stem == CONTROLLER]
    traders = [path for path in sockets if path.stem != CONTROLLER]
    for group in {CONTROLLER: [controllers], "trader": [traders], None: [controllers, traders]}[role]:
        answers = {path: request_of(path, request, asking) for path in group}
        there = {path: answer for path, answer in answers.items() if answer is not None}
        if there:
            return there
    who = f"no {role}" if role else "neither a controller nor a trader"
    raise CliError(NOT_RUNNING, f"{who} is running: nobody answers in {home.run_dir}")


def controller_says(home: ArbHome, request: Mapping[str, Any], asking: Ask) -> Document:
    """The answer of the controller of this home. Raises :class:`CliError` where none runs."""
    return next(iter(answers_of(home, CONTROLLER, request, asking).values()))


def request_of(path: Path, request: Mapping[str, Any], asking: Ask) -> Document | None:
    """The answer of the process; what went wrong is an answer too. None: it does not run."""
    try:
        return asking(path, dict(request), PATIENCE_S)
    except NotRunning:
        return None
    except (NoAnswer, PathTooLong) as error:
        return {"error": str(error)}


def _drained(path: Path, answer: Document, wait_s: float, asking: Ask) -> Document:
    """Ask again until nothing can leave any more, or the time is up."""
    until = time.monotonic() + wait_s
    while (answer.get("waiting_for") or _still_writing(answer)) and time.monotonic() < until:
        time.sleep(POLL_S)
        again = request_of(path, {"command": "risk"}, asking)
        if again is None or "state" not in again:
            break
        answer = again
    return answer


def _still_writing(answer: Document) -> bool:
    return answer.get("kept") is False and not answer.get("ledger")


def _exit_code(word: str, answer: Document) -> int:
    if answer.get("error") or answer.get("refused") or answer.get("failed"):
        return ERROR
    if word == "halt":
        if answer.get("for_good"):
            return OK
        well = answer.get("drained") and not answer.get("out_of_reach") and answer.get("kept") is not False
        return OK if well else TIMEOUT
    wanted = {"reduce": {"reducing"}, "resume": {"active"}}[word]
    return OK if answer.get("state") in wanted else ERROR


def lines_of(name: str, answer: Document) -> list[str]:
    """What a person reads of an answer."""
    if answer.get("error"):
        return [f"{name}: {printable(answer['error'])}"]
    lines = [f"{name}: {printable(answer.get('state', 'no answer'))}: {printable(answer.get('reason') or 'no reason')}"]
    if answer.get("refused"):
        lines.append(f"  refused: {printable(answer['refused'])}")
    if answer.get("state") == "halted" and not answer.get("for_good"):
        lines += _halt_lines(answer)
    return lines


def _halt_lines(answer: Document) -> list[str]:
    lines = []
    waiting = answer.get("waiting_for") or []
    if answer.get("drained"):
        lines.append("  nothing leaves any more, from here and from every trader that can be reached")
    if waiting:
        lines.append(f"  nothing leaves from here any more; no word yet from {printable(', '.join(map(str, waiting)))}")
    for trader, why in (answer.get("out_of_reach") or {}).items():
        lines.append(f"  {printable(trader)}: {printable(why)}")
    if answer.get("open_legs"):
        lines.append(f"  {answer['open_legs']} orders left before and are not settled")
    if answer.get("kept") is False:
        why = (
            f"the ledger is broken ({printable(answer['ledger'])})" if answer.get("ledger") else "not written down yet"
        )
        lines.append(f"  {why}: this halt may not be remembered over a restart")
    return lines
