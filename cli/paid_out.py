"""`arb ledger paid-out`: a person's word that a market has settled, told to the controller that holds the money."""

from __future__ import annotations

from cli.error import CliError
from cli.exit_codes import ERROR, OK
from cli.output import printable, say, say_json
from cli.risk import Ask, controller_says
from config.home import ArbHome
from transport.status_client import ask


def run(pair: str, *, as_json: bool, result: str | None = None, home: ArbHome | None = None, asking: Ask = ask) -> int:
    """Tell it, and print which trades are at stake no more; returns the exit code."""
    home = ArbHome.from_environment() if home is None else home
    wish = {"command": "paid_out", "pair": pair} | ({} if result is None else {"result": result})
    answer = controller_says(home, wish, asking)
    if "trades" not in answer:
        raise CliError(ERROR, printable(answer.get("error") or answer.get("reason") or "no answer"))
    if as_json:
        say_json(answer)
        return OK
    trades = ", ".join(map(printable, answer["trades"]))
    say(f"{printable(pair)}: paid out, at stake no more: {trades}")
    if answer.get("kept") is False:
        say("The ledger is broken: this will not be remembered over a restart.")
    return OK
