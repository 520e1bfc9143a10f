"""`arb ledger settle-leg`: a person's word on a leg whose fate nobody could prove, told to the controller."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.output import printable, say, say_json
from cli.risk import Ask, controller_says
from config.home import ArbHome
from transport.status_client import ask


class Word(NamedTuple):
    """What the person says: contracts, cents and dollars as typed; ``unfilled``: nothing was filled."""

    filled: str | None
    price: str | None
    fees: str
    unfilled: bool
    reason: str


def run(
    leg: str,
    word: Word,
    *,
    yes: bool,
    as_json: bool,
    home: ArbHome | None = None,
    asking: Ask = ask,
    read: Callable[[str], str] | None = None,
) -> int:
    """Show the leg, ask whether it is so, tell it; returns the exit code."""
    if word.unfilled == (word.filled is not None):
        raise CliError(USAGE, "say either --unfilled, or --filled CONTRACTS with --price CENTS")
    if word.filled is not None and word.price is None:
        raise CliError(USAGE, "--filled needs --price: the average that the venue shows, in cents")
    home = ArbHome.from_environment() if home is None else home
    shown = _said(controller_says(home, {"command": "settle_leg", "leg": leg, "look": True}, asking))["leg"]
    if not yes:
        _confirmed(shown, word, read)
    said = {"filled": word.filled or "0", "price": word.price, "fees": word.fees, "reason": word.reason}
    answer = _said(controller_says(home, {"command": "settle_leg", "leg": leg, **said}, asking))
    if as_json:
        say_json(answer)
        return OK
    say(f"{printable(leg)}: {printable(answer['leg']['status'])}; its trade is {printable(answer['trade'])}")
    if answer.get("ledger"):
        say("The ledger is broken: this will not be remembered over a restart.")
    return OK


def _said(answer: dict[str, Any]) -> dict[str, Any]:
    if "leg" not in answer:
        raise CliError(ERROR, printable(answer.get("error") or answer.get("reason") or "no answer"))
    return answer


def _confirmed(shown: dict[str, Any], word: Word, read: Callable[[str], str] | None) -> None:
    if read is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise CliError(USAGE, "without a terminal nothing is settled unasked: add --yes")
        read = input
    what = "nothing was filled" if word.unfilled else f"{word.filled} filled at {word.price}c, fees ${word.fees}"
    say(f"{printable(shown['leg_id'])}: {printable(shown['order'])} (by {printable(shown['path'])})")
    say(f"Known of it: {printable(shown['known'] or 'nothing')}")
    say(f"Your word: {printable(what)}. It counts as proven until the venue proves something else.")
    if read("Type yes if you have seen that at the venue: ").strip().lower() != "yes":
        raise CliError(ERROR, "nothing was changed")
