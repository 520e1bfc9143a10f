"""The status of a process as text: its head, then a section for each thing it says something about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cli.output import Style
from cli.status_document import Document, dicts, mapping, plain
from cli.status_drift import drift
from cli.status_fate import fate, ledger_line
from cli.status_links import alerts, connections, executes, feeds, link, missing, paths
from cli.status_relays import relaying, relays
from cli.status_risk import risk
from cli.status_trades import aborted, positions, recent, trades
from cli.words import count, duration, number, text

LAST_PROBLEMS: Final = 5

# What has a place of its own; anything else that a process says is shown as name and value.
_PLACED: Final = frozenset(
    {"role", "version", "pid", "uptime_s", "dry_run", "dry_run_by", "state", "reason", "name", "feeds", "connections"}
    | {"rehearsal"}
    | {"link", "paths", "routes", "traders", "trades", "totals", "recent_trades", "positions", "aborted", "problems"}
    | {"unknown", "dust", "recovering", "ledger", "journal", "risk", "alerts", "reconciliation"}
    | {"relays", "relaying", "latched", "without_book"}
    | {"counters", "feed", "pairs", "addresses", "beacon", "opportunities", "open_opportunities", "restarts", "venue"}
)
_CONCERNS: Final = (("leg", "leg_id"), ("pair", "pair_id"))
_MAX_UNIX_S: Final = 10**11


def render(document: Document, style: Style, width: int, *, now_us: int | None = None) -> str:
    """Return the whole status of one process, no line wider than ``width`` where words allow it.

    With ``now_us`` (unix microseconds) a problem shows its age, else its time of day.
    """
    sections = (
        _head(document, style),
        (*_facts(document, style, width), *_others(document, width)),
        link(document, style, width),
        executes(document, style, width),
        alerts(document, style, width),
        feeds(document, style, width),
        relays(document, style, width),
        relaying(document, style, width),
        paths(document, style, width),
        connections(document, style, width),
        missing(document, style, width),
        fate(document, style, width),
        risk(document, style, width),
        drift(document, style, width),
        trades(document, style),
        aborted(document, style, width),
        recent(document, style, width),
        positions(document, style, width),
        _problems(document, style, width, now_us),
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
        if document["dry_run"]:
            yield f"dry run{by}: nothing reaches a venue"
        elif document.get("rehearsal") is True:
            yield style.strong(
                f"LIVE{by}, a rehearsal: orders go to exchanges on this machine, and no money is in them"
            )
        else:
            yield style.alarm(f"LIVE{by}: orders are real")


def _facts(document: Document, style: Style, width: int) -> Iterator[str]:
    """What it trades on and where it is to be found, a sentence each."""
    market = (
        f"feed {text(document['feed'])}" if document.get("feed") else "",
        f"{count(document['pairs'])} pairs" if document.get("pairs") is not None else "",
        f"venue {text(document['venue'])}" if document.get("venue") else "",
    )
    beacon = mapping(document, "beacon")
    place = (
        f"listens on {plain(document['addresses'])}" if document.get("addresses") else "",
        f"beacon sent {_times(beacon['sent'])}" if "sent" in beacon else "",
        f"beacon heard from {text(beacon['heard'])}" if beacon.get("heard") else "",
        f"{count(beacon['ignored_sources'])} senders of beacons ignored"
        if number(beacon.get("ignored_sources"))
        else "",
    )
    seen = mapping(document, "opportunities")
    offers = (
        f"opportunities: {count(document['open_opportunities'])} open now" if "open_opportunities" in document else "",
        *(f"{count(times)} {text(what)}" for what, times in seen.items()),
    )
    for facts in (market, place, offers, (ledger_line(document),)):
        sentence = ", ".join(filter(None, facts))
        yield from textwrap.wrap(sentence, width, subsequent_indent="  ", break_on_hyphens=False)
    if number(document.get("restarts")):
        yield style.alarm(f"parts that failed and were replaced: {count(document['restarts'])}")


def _times(number_of: object) -> str:
    return "once" if number(number_of) == 1 else f"{count(number_of)} times"


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


def _problems(document: Document, style: Style, width: int, now_us: int | None) -> Iterator[str]:
    """Return the last warnings and errors, the newest at the end; the same one again is counted, not repeated."""
    known: dict[tuple[str, str], list[Document]] = {}
    for problem in dicts(document, "problems"):
        what = text(problem.get("component")), text(problem.get("text"))
        # Where it stands in the list is when it was last seen.
        known[what] = [*known.pop(what, []), problem]
    shown = list(known.values())[-LAST_PROBLEMS:]
    if shown:
        more = (
            style.faint(f"  the last {len(shown)} of {len(known)}; --json has all") if len(shown) < len(known) else ""
        )
        yield style.strong("Problems") + more
    for again in shown:
        line = f"{_when(again[-1].get('t'), now_us)} {_problem(again)}"
        wrapped = textwrap.wrap(line, width - 2, subsequent_indent=" " * 9, break_on_hyphens=False)
        yield from (f"  {style.alarm(part) if again[-1].get('level') == 'error' else part}" for part in wrapped)


def _problem(again: list[Document]) -> str:
    """Return a problem in words, with the leg and pair that it concerns, or with how many times it came."""
    last = again[-1]
    about = [f"{word}={text(last[key])}" for word, key in _CONCERNS if last.get(key)]
    if len(again) > 1:
        about = [f"({len(again)} times)"]
    return " ".join(filter(None, (f"[{text(last.get('component'))}]", text(last.get("text")), *about)))


def _when(microseconds: object, now_us: int | None) -> str:
    """Return how long ago a unix time was, or where nobody says what time it is now, its local time of day."""
    if now_us is None or not number(microseconds):
        return _moment(microseconds)
    return f"{duration(max(0, (now_us - int(number(microseconds))) // 1_000_000))} ago"


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
