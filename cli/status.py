"""`arb status`: asks every process of this user on this machine; what does not answer now is not shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.error import CliError
from cli.exit_codes import ERROR, NOT_RUNNING, OK, TIMEOUT, USAGE
from cli.output import complain, say, say_json, stdout_style, terminal_width
from cli.status_view import render
from config.home import ArbHome
from transport.status_client import NoAnswer, NotRunning, PathTooLong, ask

ROLES: Final = ("controller", "trader")
PATIENCE_S: Final = 3.0
"""How long a process may take to answer; all are asked at once."""

REQUEST: Final[Mapping[str, Any]] = {"type": "status"}
MAX_ASKED_AT_ONCE: Final = 16

Document = dict[str, Any]
Ask = Callable[[Path, dict[str, Any], float], Document]


@dataclass(frozen=True, slots=True)
class _Failure:
    """A process that is there but gave no status."""

    exit_code: int
    reason: str


def run(*, role: str | None, as_json: bool, home: ArbHome | None = None, asking: Ask = ask) -> int:
    """Print the status of what runs and return the exit code: timeout where a process is there but silent.

    Raises :class:`CliError` (not running) where nothing of that role is there.
    """
    if role is not None and role not in ROLES:
        raise CliError(USAGE, f"--role {role}: must be controller or trader")
    home = ArbHome.from_environment() if home is None else home
    answers = _ask_all([path for path in home.sockets() if role in {None, _role(path)}], asking)
    if not answers:
        nobody = f"no {role}" if role else "neither a controller nor a trader"
        raise CliError(NOT_RUNNING, f"{nobody} is running: nobody answers in {home.run_dir}")
    failures = {path.stem: answer for path, answer in answers.items() if isinstance(answer, _Failure)}
    documents = {path: answer for path, answer in answers.items() if not isinstance(answer, _Failure)}
    if as_json:
        _print_json(documents, failures)
    else:
        _print_text(list(documents.values()))
    for name, failure in failures.items():
        complain(f"{name}: {failure.reason}")
    return max((failure.exit_code for failure in failures.values()), default=OK)


def _ask_all(sockets: Sequence[Path], asking: Ask) -> dict[Path, Document | _Failure]:
    """Return what each process says; a socket that a dead one left behind is left out."""
    if not sockets:
        return {}
    with ThreadPoolExecutor(MAX_ASKED_AT_ONCE) as pool:
        answers = pool.map(lambda path: _ask_one(path, asking), sockets)
        return {path: answer for path, answer in zip(sockets, answers, strict=True) if answer is not None}


def _ask_one(path: Path, asking: Ask) -> Document | _Failure | None:
    try:
        answer = asking(path, dict(REQUEST), PATIENCE_S)
    except NotRunning:
        return None
    except NoAnswer as error:
        return _Failure(TIMEOUT, str(error))
    except PathTooLong as error:
        return _Failure(ERROR, str(error))
    if "role" not in answer and "error" in answer:
        return _Failure(ERROR, str(answer["error"]))
    return answer


def _role(path: Path) -> str:
    return path.stem.partition("-")[0]


def _print_json(documents: Mapping[Path, Document], failures: Mapping[str, _Failure]) -> None:
    controllers, traders = ([found for path, found in documents.items() if _role(path) == role] for role in ROLES)
    failed = {name: failure.reason for name, failure in failures.items()}
    say_json({"controller": controllers[0] if controllers else None, "traders": traders, "failed": failed})


def _print_text(documents: Sequence[Document]) -> None:
    style, width, now_us = stdout_style(), terminal_width(), time.time_ns() // 1_000
    for number, document in enumerate(documents):
        if number:
            say(style.faint(f"\n{'─' * width}\n"))
        say(render(document, style, width, now_us=now_us))
