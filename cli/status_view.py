"""The status of a process as text: its head, then a section for each thing it says something about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cli.output import Style
from cli.status_document import Document, dicts, mapping, plain
from cli.status_links import connections, feeds, link, missing
from cli.status_trades import aborted, positions, recent, trades
from cli.words import count, duration, number, text

LAST_PROBLEMS: Final = 5

# What has a place of its own; anything else that a process says is shown as name and value.
_PLACED: Final = frozenset(
    {"role", "version", "pid", "uptime_s", "dry_run", "dry_run_by", "state", "reason", "name", "feeds", "connections"}
    | {"link", "trades", "totals", "recent_trades", "positions", "aborted", "problems", "counters"}
)
_CONCERNS: Final = (("leg", "leg_id"), ("pair", "pair_id"))
_MAX_UNIX_S: Final = 10**11


def render(document: Document, style: Style, width: int) -> str:
    """Return the whole status of one process, no line wider than ``width`` where words allow it."""
    sections = (
        _head(document, style),
        _others(document, width),
        link(document, style, width),
        feeds(document, style, width),
        connections(document, style, width),
        missing(document, style),
        trades(document, style),
        aborted(document, style, width),
        recent(document, style, width),
        positions(document, style, width),
        _problems(document, style, width),
        _counters(document, style, width),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def _head(document: Document, style: Style) -> Iterator[str]:
    title = " ".join(filter(None, (text(document.get("role")) or "process", text(document.get("name")))))
    state = ": ".join(filter(None, (text(document.get("state")), text(document.get("reason")))))
    age = (
        f"pid {text(document.get('pid'))}" if document.get("pid") else "",
        f"up {duration(document.get('uptime_s'))}",
    )
    facts = (
        style.strong(f"arb {title}"),
        text(document.get("version")),
        style.alarm(state) if state and state != "ACTIVE" else state,
        style.faint(", ".join(filter(None, age))) if "uptime_s" in document else "",
    )
    yield "  ".join(filter(None, facts))
    if "dry_run" in document:
        by = f" by {source}" if (source := text(document.get("dry_run_by"))) else ""
        yield (
            f"dry run{by}: nothing reaches a venue"
            if document["dry_run"]
            else style.alarm(f"LIVE{by}: orders are real")
        )


def _others(document: Document, width: int) -> Iterator[str]:
    """What this view does not know: short facts together, the others a line each."""
    others = {
        name: value for name, value in document.items() if name not in _PLACED and value not in (None, "", [], {})
    }
    short = {name: value for name, value in others.items() if not isinstance(value, (list, dict))}
    lines = [plain(short)] if short else []
    lines += [f"{text(name).replace('_', ' ')}: {plain(value)}" for name, value in others.items() if name not in short]
    for line in lines:
        yield from textwrap.wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)


def _problems(document: Document, style: Style, width: int) -> Iterator[str]:
    """Return the last warnings and errors, oldest first."""
    known = dicts(document, "problems")
    shown = known[-LAST_PROBLEMS:]
    if shown:
        more = style.faint(f"  the last {len(shown)} of {len(known)}; --json has all") if shown != known else ""
        yield style.strong("Problems") + more
    for problem in shown:
        about = (f"{word}={text(problem[key])}" for word, key in _CONCERNS if problem.get(key))
        words = " ".join(filter(None, (f"[{text(problem.get('component'))}]", text(problem.get("text")), *about)))
        line = f"{_moment(problem.get('t'))} {words}"
        wrapped = textwrap.wrap(line, width - 2, subsequent_indent=" " * 9, break_on_hyphens=False)
        yield from (f"  {style.alarm(part) if problem.get('level') == 'error' else part}" for part in wrapped)


def _moment(microseconds: object) -> str:
    """Return the local time of day of a unix time."""
    seconds = int(number(microseconds)) // 1_000_000
    if not 0 < seconds < _MAX_UNIX_S:
        return "--:--:--"
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%H:%M:%S}"


def _counters(document: Document, style: Style, width: int) -> Iterator[str]:
    """Name and number in as many columns as fit, read downwards."""
    cells = [(text(name), count(value)) for name, value in sorted(mapping(document, "counters").items())]
    if not cells:
        return
    yield style.strong("Counters")
    widths = [max(len(cell[part]) for cell in cells) for part in (0, 1)]
    across = max(1, (width - 2) // (sum(widths) + 5))
    down = -(-len(cells) // across)
    for row in range(down):
        line = "   ".join(f"{name:<{widths[0]}}  {value:>{widths[1]}}" for name, value in cells[row::down])
        yield f"  {line}"
