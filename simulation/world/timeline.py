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


def drawing(lines: Iterable[Line], trade: str) -> str:
    """The story of one trade as a Mermaid sequence diagram: who told whom what, deaths and cuts as notes."""
    drawn = [line for line in lines if trade in line.text or line.kind in {"cut", "killed", "start", "link lost"}]
    out = [
        "sequenceDiagram",
        *(f"    participant {who}" for who in ("kalshi", "trader1", "ctl", "trader2", "polymarket")),
    ]
    for line in drawn:
        arrow = _arrow(line)
        if arrow is not None:
            out.append(f"    {arrow[0]}: {line.at_us / 1e6:.3f} s {short(arrow[1])}")
    return "\n".join(out)


def _arrow(line: Line) -> tuple[str, str] | None:
    text = in_words(line).replace(";", ",")
    if line.kind == "send" and line.text.startswith("{"):
        frame = json.loads(line.text)
        trader = {"kalshi": "trader1", "polymarket": "trader2"}.get(frame.get("platform", ""), "")
        other = trader if line.who == "ctl" else "ctl"
        return (f"{line.who}->>{other}", text) if other else None
    if line.kind == "order sent":
        trader = {"kalshi": "trader1", "polymarket": "trader2"}[line.who]
        return f"{trader}->>{line.who}", text.split(" by ")[0]
    if line.kind == "answer":
        trader = {"kalshi": "trader1", "polymarket": "trader2"}[line.who]
        return f"{line.who}->>{trader}", text
    if line.kind in {"order", "looked up"}:
        return f"Note over {line.who}", f"{line.kind} {text}"
    if line.kind in {"cut", "link lost", "killed"}:
        who = "ctl" if line.who == "network" else line.who
        return f"Note over {who}", f"{line.kind} {text}"
    return None
