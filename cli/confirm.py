"""`arb confirm`: the trades that wait for a person, with both books; accept, reject, or set a pair aside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from cli.error import CliError
from cli.exit_codes import ERROR, OK
from cli.output import printable, say, say_json
from cli.risk import Ask, controller_says
from cli.words import cents, count, duration, usd
from config.home import ArbHome
from transport.status_client import ask

Document = dict[str, Any]
Tell = Callable[[Document], Document]
QUESTION: Final = "[a]ccept, [r]eject, set the pair a[s]ide, [n]ext, [q]uit? "


def run(
    *,
    accept: list[int],
    reject: list[int],
    aside: list[str],
    as_json: bool,
    home: ArbHome | None = None,
    asking: Ask = ask,
    read: Callable[[str], str] | None = None,
) -> int:
    """Do what was asked for; without that show the queue, and on a terminal ask about each. Returns the exit code."""
    home = ArbHome.from_environment() if home is None else home

    def tell(wish: Document) -> Document:
        return controller_says(home, wish, asking)

    wishes: list[Document] = [
        *({"command": "accept", "number": number} for number in accept),
        *({"command": "reject", "number": number} for number in reject),
        *({"command": "aside", "pair": pair, "reason": "set aside by a person"} for pair in aside),
    ]
    if wishes:
        return _do(tell, wishes, as_json=as_json)
    document = tell({"command": "confirm"})
    if as_json:
        say_json(document)
        return ERROR if "error" in document else OK
    if "error" in document:
        raise CliError(ERROR, str(document["error"]))
    waiting = document["waiting"]
    if not waiting:
        say("No trade waits for a person.")
        return OK
    if read is None and sys.stdin.isatty() and sys.stdout.isatty():
        read = input
    if read is not None:
        return _one_by_one(tell, waiting, read)
    for asked in waiting:
        say("\n".join(shown(asked)))
    say("Answer with: arb confirm --accept N, --reject N or --aside PAIR")
    return OK


def _do(tell: Tell, wishes: list[Document], *, as_json: bool) -> int:
    answers = [tell(wish) for wish in wishes]
    if as_json:
        say_json(answers)
    else:
        for answer in answers:
            say(_line(answer))
    return OK if all(_well(answer) for answer in answers) else ERROR


def _well(answer: Document) -> bool:
    return "error" not in answer and not str(answer.get("said", "")).startswith("not sent")


def _line(answer: Document) -> str:
    if "error" in answer:
        return printable(answer["error"])
    return f"{printable(answer.get('pair_id'))}: {printable(answer.get('said'))}"


def _one_by_one(tell: Tell, waiting: list[Document], read: Callable[[str], str]) -> int:
    """Ask about each; the end of the input, or an interrupt, answers nothing."""
    for asked in waiting:
        say("\n".join(shown(asked)))
        try:
            word = read(QUESTION).strip().lower()
        except (EOFError, KeyboardInterrupt):
            say()
            return OK
        if word.startswith("q"):
            return OK
        wish = _wish(word, asked)
        if wish is not None:
            say(_line(tell(wish)))
    return OK


def _wish(word: str, asked: Mapping[str, Any]) -> Document | None:
    match word:
        case "a" | "accept":
            return {"command": "accept", "number": asked["number"]}
        case "r" | "reject":
            return {"command": "reject", "number": asked["number"]}
        case "s" | "aside":
            return {"command": "aside", "pair": asked["pair_id"], "reason": "set aside by a person"}
        case _:
            return None


def shown(asked: Mapping[str, Any]) -> list[str]:
    """One trade that waits: what would be bought, what it costs and brings, and the books as they are now."""
    what = printable(asked.get("description") or asked["pair_id"])
    sums = f"cost {usd(asked['cost_usd'])}, fees {usd(asked['fees_usd'])}, edge {usd(asked['edge_usd'])}"
    time = f"waits for {duration(asked['age_s'])}, expires in {duration(asked['expires_in_s'])}"
    return [
        f"#{asked['number']}  {what}  ({printable(asked['pair_id'])}, {printable(asked['arb_type'])})",
        f"    {count(asked['contracts'])} contracts, {sums}; {time}",
        *map(_leg, asked["legs"]),
        *(f"    book now: {_book(each)}" for each in asked["books"]),
    ]


def _leg(leg: Mapping[str, Any]) -> str:
    what = f"{leg['action']} {leg['side']} on {printable(leg['platform'])}"
    return f"    {what} at {cents(leg['limit'])} or better, fees {usd(leg['fees_usd'])}"


def _book(book: Mapping[str, Any]) -> str:
    name = f"{printable(book['platform'])} {printable(book['market'])}"
    if not book["known"]:
        return f"{name}: not known"
    sides = []
    for side in ("bids", "asks"):
        levels = ", ".join(f"{cents(price)} x {count(size)}" for price, size in book[side])
        sides.append(f"{side} {levels or 'none'}")
    return f"{name}: {'; '.join(sides)}"
