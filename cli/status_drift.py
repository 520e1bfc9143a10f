"""The part of the status about the venues' accounts against the ledger: what differs, and what was not compared."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cli.output import Style
from cli.status_document import Document, dicts, items, mapping
from cli.words import count, duration, moment, number, text


def drift(document: Document, style: Style, width: int) -> Iterator[str]:
    """A line for each account, and one for each difference; the reasons are in `arb ledger drift`."""
    said = mapping(document, "reconciliation")
    lines = list(summary(said, style, whole=False))
    if lines:
        yield style.strong("Accounts against the ledger")
        yield from wrapped(lines, width)


def wrapped(lines: list[str], width: int) -> Iterator[str]:
    """The lines, broken where they are too long."""
    for line in lines:
        yield from textwrap.wrap(
            line, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        ) or [line]


def summary(said: Document, style: Style, *, whole: bool) -> Iterator[str]:
    """What is known of each account; ``whole``: with reasons, and what can be done."""
    for account in dicts(said, "accounts"):
        yield from _account(account, style, whole=whole)
    for platform, why in mapping(said, "silent").items():
        yield f"{text(platform)} is not compared: {text(why)}"


def _account(account: Document, style: Style, *, whole: bool) -> Iterator[str]:
    where = text(account.get("platform")) + (" (paper)" if account.get("money") == "paper" else "")
    found = dicts(account, "differences")
    when = "not compared yet"
    if account.get("compared_at_us"):
        differs = f"{count(len(found))} differ" if found else "agrees"
        when = f"{differs}, compared {duration(account.get('age_s'))} ago by {text(account.get('by'))}"
    line = f"{where}: {when}"
    yield style.alarm(line) if found else line
    if account.get("not_comparable"):
        yield f"{where}: not comparable now: {text(account.get('not_comparable'))}"
    if items(account, "moving"):
        yield f"{where}: left out, they moved meanwhile: {', '.join(map(text, items(account, 'moving')))}"
    for one in dicts(account, "tolerated"):
        legs = ", ".join(map(text, items(one, "unknown_legs")))
        off = f"{text(one.get('market'))} is off by {text(one.get('contracts'))}"
        yield f"{where}: {off}, as unknown legs may explain: {legs}"
    for one in found:
        yield from _difference(where, one, style, whole=whole)
    if number(account.get("more")):
        yield style.alarm(f"{where}: {count(account.get('more'))} more differences are not shown")


def _difference(where: str, one: Document, style: Style, *, whole: bool) -> Iterator[str]:
    what = " ".join(filter(None, (text(one.get("kind")), text(one.get("what")))))
    sides = f"the venue has {text(one.get('venue'))}, the ledger {text(one.get('ledger'))}"
    once = " (seen once)" if number(one.get("seen")) == 1 else ""
    yield style.alarm(f"{where}: {what}: {sides}, since {moment(one.get('since_us'))}{once}")
    if whole:
        yield f"  likely: {text(one.get('reason'))}"
        yield f"  to do:  {text(one.get('fix'))}"
