"""The part of a status that is about relayed books: on a controller who brings them, on a trader what it tells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cli.output import Column, Style, table
from cli.status_document import Document, dicts, items, mapping, plain
from cli.words import count, milliseconds, text


def relays(document: Document, style: Style, width: int) -> Iterator[str]:
    """Each relayed platform: by whom, how old, what was lost, what it costs; and why one has no books."""
    found = dicts(mapping(document, "relays"), "platforms")
    columns = (
        Column("relayed"),
        Column("by", give=True),
        Column("books", "right"),
        Column("newest", "right"),
        Column("late", "right"),
        Column("gaps", "right"),
        Column("snapshots", "right"),
        Column("bytes/s", "right"),
        Column("standing by", give=True),
    )
    rows = [
        (
            text(row.get("platform")),
            text(row.get("trader")) or "nobody",
            f"{count(row.get('books'))} of {count(row.get('wanted'))}" if row.get("trader") else "",
            _ago(row.get("age_ms")),
            milliseconds(row["lag_ms"]) if row.get("lag_ms") is not None else "",
            count(row.get("gaps")),
            count(row.get("snapshots")),
            count(row.get("bytes_per_s")),
            plain(row.get("standing_by")),
        )
        for row in found
    ]
    if rows:
        yield style.strong("Relayed books")
        yield from table(columns, rows, width, head=style.faint)
    for row in found:
        if row.get("reason"):
            yield from _wrapped(f"{text(row.get('platform'))} has no books: {text(row.get('reason'))}", style, width)
        elif items(row, "cannot"):
            yield from _wrapped("; ".join(map(text, items(row, "cannot"))), style, width)


def relaying(document: Document, style: Style, width: int) -> Iterator[str]:
    """What a trader relays: its own feed, and what the controller has asked for."""
    columns = (
        Column("relays"),
        Column("feed"),
        Column("newest", "right"),
        Column("books", "right"),
        Column("asked for", "right"),
        Column("snapshots", "right"),
        Column("bytes", "right"),
        Column("merged", "right"),
        Column("why", give=True),
    )
    rows = [
        (
            text(row.get("platform")),
            "not read by the controller" if row.get("stalled") is True else text(row.get("feed")),
            _ago(row.get("age_ms")),
            *(count(row.get(name)) for name in ("books", "wanted", "snapshots", "bytes", "merged")),
            text(row.get("reason")),
        )
        for row in dicts(mapping(document, "relaying"), "platforms")
    ]
    if rows:
        yield style.strong("Relaying")
        yield from table(columns, rows, width, head=style.faint)


def _ago(value: object) -> str:
    return "" if value is None else f"{milliseconds(value)} ago"


def _wrapped(line: str, style: Style, width: int) -> Iterator[str]:
    for part in textwrap.wrap(line, width - 2, break_on_hyphens=False):
        yield style.alarm(f"  {part}")
