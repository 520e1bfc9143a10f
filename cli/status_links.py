"""The part of a status that is about lines to the world: feeds, connections, the trader's link."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from cli.output import Column, Style, table
from cli.status_document import Document, dicts, items, mapping, plain
from cli.words import count, duration, milliseconds, text, usd

SHOWN: Final = 5
"""Latched markets that are named on the screen."""


def feeds(document: Document, style: Style, width: int) -> Iterator[str]:
    """Where market data comes from, how old the last of it is, and why one is lost."""
    columns = (
        Column("feed"),
        Column("state"),
        Column("last frame", "right"),
        Column("frames", "right"),
        Column("why", give=True),
    )
    rows = [
        (
            text(feed.get("platform")),
            text(feed.get("state")),
            f"{milliseconds(feed['age_ms'])} ago" if feed.get("age_ms") is not None else "",
            count(feed.get("frames")),
            text(feed.get("lost_reason")),
        )
        for feed in dicts(document, "feeds")
    ]
    if rows:
        yield style.strong("Feeds")
        yield from table(columns, rows, width, head=style.faint)
    yield from _latched(document, style, width)


def _latched(document: Document, style: Style, width: int) -> Iterator[str]:
    """Markets on which nothing opens, and those that have no book, each with the reason; a pair's two tokens once."""
    for section, words in (("latched", "nothing opens on"), ("without_book", "no book of")):
        lines = list(
            dict.fromkeys(
                f"{words} {plain(market.get('pairs')) or text(market.get('market'))} "
                f"({text(market.get('platform'))}): {text(market.get('reason'))}"
                for market in dicts(document, section)
            )
        )
        for line in lines[:SHOWN]:
            yield from map(style.alarm, textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    "))
        if len(lines) > SHOWN:
            yield style.alarm(f"  {words} {count(len(lines) - SHOWN)} more; --json has all")


def paths(document: Document, style: Style, width: int) -> Iterator[str]:
    """Who executes each platform of the feeds; a platform that nobody executes is an alarm."""
    found, routes = mapping(document, "paths"), mapping(document, "routes")
    if "paths" not in document:
        return
    columns = (Column("platform"), Column("executed by", give=True), Column("standing by", give=True))
    rows = []
    for platform, path in sorted(found.items()):
        by = text(path).removeprefix("remote: ")
        standby = [trader for trader in items(routes, platform) if text(trader) != by.removesuffix(" (sells only)")]
        rows.append((text(platform), by, plain(standby)))
    yield style.strong("Paths")
    if rows:
        yield from table(columns, rows, width, head=style.faint)
    wanted = {text(feed.get("platform")) for feed in dicts(document, "feeds")} - {text(name) for name in found}
    if wanted:
        yield style.alarm(f"  nobody executes {', '.join(sorted(wanted))}: arbs that need it are rejected")


def executes(document: Document, style: Style, width: int) -> Iterator[str]:
    """The trader itself, or a controller's local ones: what they execute, and what became of it."""
    columns = (
        Column("executes", give=True),
        Column("mode"),
        Column("most a leg", "right"),
        Column("at a venue", "right"),
        Column("answered", give=True),
    )
    rows = [
        (
            plain(trader.get("platforms")),
            "dry run" if trader.get("dry_run") is True else "live" if trader.get("dry_run") is False else "",
            usd(trader.get("max_leg_notional_usd")),
            count(trader.get("open_legs")),
            ", ".join(f"{count(times)} {text(status)}" for status, times in mapping(trader, "answers").items())
            or "nothing yet",
        )
        for trader in dicts(document, "traders")
    ]
    if rows:
        yield style.strong("Trader")
        yield from table(columns, rows, width, head=style.faint)
    for trader in dicts(document, "traders"):
        yield from _door(trader, style)


def _door(trader: Document, style: Style) -> Iterator[str]:
    """Who has halted a trader, and what its own limits have refused."""
    for who, word in mapping(trader, "halts").items():
        halt = word if isinstance(word, dict) else {}
        what = "halted" if halt.get("everything") is True else "reduced to selling"
        yield style.alarm(f"  {what} by the {text(who)}: {text(halt.get('reason'))}")
    for platform, why in mapping(trader, "out_of_reach").items():
        yield style.alarm(f"  {text(platform)} is out of reach, no leg is taken for it: {text(why)}")
    refused = ", ".join(f"{count(times)} {text(why)}" for why, times in mapping(trader, "refused").items())
    if refused:
        yield style.faint(f"  refused by its own limits: {refused}")


def alerts(document: Document, style: Style, width: int) -> Iterator[str]:
    """Where alerts go, and what did not arrive; nothing where nobody is told."""
    told = mapping(document, "alerts")
    columns = (
        Column("alerts to", give=True),
        *(Column(name, "right") for name in ("sent", "waiting", "failed", "lost")),
    )
    rows = [
        (text(one.get("service")), *(count(one.get(name)) for name in ("sent", "waiting", "failed", "lost")))
        for one in dicts(told, "services")
    ]
    if rows:
        yield style.strong("Alerts")
        yield from table(columns, rows, width, head=style.faint)


def connections(document: Document, style: Style, width: int) -> Iterator[str]:
    """The traders of a controller."""
    columns = (
        Column("trader", give=True),
        Column("from", give=True),
        Column("executes", give=True),
        Column("level", "right"),
        Column("since", "right"),
        Column("mode"),
    )
    rows = [
        (
            _trader(link),
            text(link.get("peer")),
            plain(link.get("platforms")).replace(", ", ","),
            text(link.get("level")),
            duration(link.get("since_s")),
            _mode(link),
        )
        for link in dicts(document, "connections")
    ]
    if rows:
        yield style.strong("Connections")
        yield from table(columns, rows, width, head=style.faint)
    for link in dicts(document, "connections"):
        for platform, why in mapping(mapping(link, "report"), "venues").items():
            line = f"{_trader(link)} takes no leg for {text(platform)}: {text(why)}"
            yield from map(style.alarm, textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    "))


def missing(document: Document, style: Style, width: int) -> Iterator[str]:
    """What an older peer cannot promise: the operator must know, so it is never cut."""
    promises = [
        f"{_trader(link)}: {text(promise)}"
        for link in dicts(document, "connections")
        for promise in items(link, "missing")
    ]
    lines = [
        f"  {line}"
        for promise in promises
        for line in textwrap.wrap(promise, width - 2, subsequent_indent="  ", break_on_hyphens=False)
    ]
    if lines:
        yield style.alarm("Not promised by a peer")
        yield from lines


def link(document: Document, style: Style, width: int) -> Iterator[str]:
    """The controller of a trader."""
    found = mapping(document, "link")
    columns = (
        Column("controller", give=True),
        Column("id", give=True),
        Column("state"),
        Column("level", "right"),
        Column("since", "right"),
        Column("results not acked", "right"),
    )
    row = (
        text(found.get("peer")),
        text(found.get("controller_id")),
        text(found.get("state")),
        text(found.get("level")),
        duration(found.get("since_s")),
        count(found.get("unacked")),
    )
    if found:
        yield style.strong("Link")
        yield from table(columns, [row], width, head=style.faint)
    for owner, results in mapping(found, "withheld").items():
        line = f"{count(results)} results wait for controller {text(owner)}, which sent those legs: no other is told"
        yield from map(style.alarm, textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    "))


def _trader(found: Document) -> str:
    return text(found.get("trader_id")) or text(found.get("conn_id"))


def _mode(found: Document) -> str:
    """Return how it trades, or what it is doing where it is not ready to."""
    state = text(found.get("state"))
    if state not in {"", "ready"}:
        return state
    dry_run = found.get("dry_run")
    return "dry run" if dry_run is True else "live" if dry_run is False else ""
