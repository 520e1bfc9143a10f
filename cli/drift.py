"""`arb ledger drift`: where the venues' accounts and the ledger differ, as the running controller has found it."""

from __future__ import annotations

from cli.error import CliError
from cli.exit_codes import ERROR, OK
from cli.output import printable, say, say_json, stdout_style, terminal_width
from cli.risk import Ask, controller_says
from cli.status import REQUEST
from cli.status_document import Document, dicts, mapping
from cli.status_drift import summary, wrapped
from config.home import ArbHome
from transport.status_client import ask

NEVER = "accounts are not compared: reconcile_every_s is 0"


def run(*, as_json: bool, home: ArbHome | None = None, asking: Ask = ask) -> int:
    """Print it; the exit code is an error's where something differs."""
    home = ArbHome.from_environment() if home is None else home
    answer = controller_says(home, REQUEST, asking)
    if "role" not in answer:
        raise CliError(ERROR, printable(answer.get("error") or "no answer"))
    said = mapping(answer, "reconciliation")
    if as_json:
        say_json(said)
    elif not said:
        say(NEVER)
    else:
        for line in wrapped(list(summary(said, stdout_style(), whole=True)), terminal_width()):
            say(line)
        if not dicts(said, "accounts"):
            say("no account was compared yet")
    return ERROR if differs(said) else OK


def differs(said: Document) -> bool:
    """Whether anything does."""
    return any(dicts(account, "differences") for account in dicts(said, "accounts"))
