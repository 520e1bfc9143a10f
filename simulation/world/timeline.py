"""A trace that a person can read: the lines that matter, frames in words; and as a drawing for the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from simulation.world.scenario import Scenario
from simulation.world.trace import Line

ALWAYS: Final = frozenset({"start", "killed", "ended", "connected", "link lost", "cut"})
"""Lines about a process or a connection, which concern every trade."""

MOST_LINES: Final = 120

_TRADE: Final = re.compile(r"[0-9a-v]{13}[a-z]{3}-[0-9a-v]{6}")
_PAIR: Final = re.compile(r"\bq\d+\b")


def concerned(lines: Sequence[Line], text: str) -> list[Line]:
    """The lines about the trades (else pairs) that ``text`` names, and about deaths, cuts and other faults."""
    names = set(_TRADE.findall(text)) or set(_PAIR.findall(text))
    return [
        line
        for line in lines
        if line.who == "nemesis" or line.kind in ALWAYS or any(name in line.text for name in names)
    ]


def readable(lines: Sequence[Line]) -> Iterator[str]:
    """One text line each, ids shortened to what differs; of a long history the last part."""
    if len(lines) > MOST_LINES:
        yield f"  ... {len(lines) - MOST_LINES} earlier lines"
    for line in lines[-MOST_LINES:]:
        yield f"{line.at_us / 1e6:11.3f} s  {line.who:<11} {line.kind:<16} {short(in_words(line))}"


def short(text: str) -> str:
    """Ids without the part that all of them share."""
    return _TRADE.sub(lambda found: f"t{found.group().rsplit('-', 1)[1].lstrip('0')}", text)


def in_words(line: Line) -> str:
    """A frame in words; other lines as they are."""
    if line.kind != "send" or not line.text.startswith("{"):
        return line.text
    frame: dict[str, Any] = json.loads(line.text)
    match frame["type"]:
        case "execute_leg":
            what = f"{frame['action']} {frame['contracts']} {frame['side']} at {frame['price']}c on {frame['platform']}"
            return f"execute_leg {frame['leg_id']}: {what}"
        case "leg_result":
            what = frame.get("status", frame["success"])
            return f"leg_result {frame['leg_id']}: {what}, filled {frame['filled']}, revision {frame.get('revision')}"
        case "leg_ack" | "leg_query":
            return f"{frame['type']} {frame['leg_id']}"
        case other:
            return str(other)


def story(scenario: Scenario, lines: Sequence[Line], text: str) -> str:
    """What is printed for a violation: the world, its faults, and the timeline."""
    habits = {
        str(platform): {habit.value: rate for habit, rate in each.rates.items() if rate}
        for platform, each in scenario.habits.items()
    }
    head = [
        f"world     {scenario.shape}; {scenario.pairs} pairs; first: {scenario.first}; {scenario.minutes:.2f} minutes",
        *(f"habits    {platform}: {rates}" for platform, rates in habits.items() if rates),
        *(f"fault     {fault}" for fault in scenario.faults),
    ]
    return "\n".join([*head, "", *readable(concerned(lines, text))])


def drawing(lines: Iterable[Line], legs: Sequence[str]) -> str:
    """The story of these legs as a Mermaid sequence diagram; deaths and cuts that happen meanwhile are notes.

    The world is one with a trader for each venue.
    """
    told = list(lines)
    about = [at for at, line in enumerate(told) if any(leg in line.text for leg in legs)]
    actors = ("kalshi", "trader1", "ctl", "trader2", "polymarket")
    out = ["sequenceDiagram", *(f"    participant {who}" for who in actors)]
    seen: set[str] = set()
    for line in told[about[0] : about[-1] + 1]:
        if line.who == "nemesis":
            continue
        if line.kind in {"cut", "killed", "start", "link lost"} or any(leg in line.text for leg in legs):
            arrow = _arrow(line)
            if arrow is not None and arrow not in seen:
                # What is asked again and again is drawn once.
                seen.add(arrow)
                out.append(f"    {arrow.replace(': ', f': {line.at_us / 1e6:.3f} s ', 1)}")
    return "\n".join(out)


TRADER_OF: Final = {"kalshi": "trader1", "polymarket": "trader2"}


def _arrow(line: Line) -> str | None:
    text = short(in_words(line)).replace(";", ",").replace("#", "no. ")
    trader = TRADER_OF.get(line.who, "")
    match line.kind:
        case "send":
            other = TRADER_OF.get(json.loads(line.text).get("platform", ""), "") if line.who == "ctl" else "ctl"
            return f"{line.who}->>{other}: {text}" if other else None
        case "order sent":
            return f"{trader}->>{line.who}: order {text.split(' by ')[0]}"
        case "answer":
            return f"{line.who}->>{trader}: {text}"
        case "order" | "looked up":
            return f"Note over {line.who}: {line.kind} {text}"
        case "cut" | "link lost" | "killed":
            return f"Note over {'ctl' if line.who == 'network' else line.who}: {line.kind} {text}"
        case _:
            return None
