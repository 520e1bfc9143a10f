"""The part of the status about risk: breakers, what is at stake against its limits, what was refused, what waits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from cli.output import Style
from cli.status_document import Document, dicts, mapping
from cli.words import count, duration, moment, number, text, usd

_SHOWN: Final = ("in total", "venue ")
"""Scopes whose exposure is shown; --json has all."""


def risk(document: Document, style: Style, width: int) -> Iterator[str]:
    """Nothing where nothing is at stake, limited, refused or halted."""
    said = mapping(document, "risk")
    lines = [
        *_states(said, style),
        *_stakes(said),
        *_cash(said, style),
        *_markets(said, style),
        *_counts(said),
        *_waiting(said, style),
    ]
    if not lines:
        return
    yield style.strong("Risk")
    for line in lines:
        yield from textwrap.wrap(
            line, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        ) or [line]


def _states(said: Document, style: Style) -> Iterator[str]:
    for trip in dicts(said, "breakers"):
        what = f" {text(trip.get('what'))}" if trip.get("what") else ""
        ends = "acknowledge it with arb resume --ack"
        if trip.get("until_us"):
            word = "it is traded again" if trip.get("effect") == "set-aside" else "it ends by itself"
            ends = f"{word} at {moment(trip['until_us'])}"
        yield style.alarm(f"{text(trip.get('id'))}{what}: {text(trip.get('text'))} ({ends})")
    if text(said.get("state")) != "halted":
        return
    waiting = said.get("waiting_for")
    if isinstance(waiting, list) and waiting:
        yield style.alarm(f"halted, and no word yet from {', '.join(map(text, waiting))}")
    for trader, why in mapping(said, "out_of_reach").items():
        yield style.alarm(f"{text(trader)}: {text(why)}")


def _stakes(said: Document) -> Iterator[str]:
    limits = mapping(said, "limits")
    if number(said.get("lost_today_usd")) or limits.get("daily_loss"):
        yield f"lost today {_of(said.get('lost_today_usd'), limits.get('daily_loss'))}"
    for kind, exposure in mapping(said, "exposure").items():
        if not isinstance(exposure, dict):
            continue
        parts = [
            f"{text(scope)} {_of(amount, limits.get('venue' if scope.startswith('venue ') else 'total'))}"
            for scope, amount in exposure.items()
            if scope.startswith(_SHOWN)
        ]
        if parts:
            yield f"at stake, {text(kind)}: {', '.join(parts)}"


def _cash(said: Document, style: Style) -> Iterator[str]:
    """What each account had, how old that is, and who says nothing: there the venue's own refusal is the limit."""
    cash = mapping(said, "cash")
    for account in dicts(cash, "accounts"):
        shard = f" shard {text(account.get('shard'))}" if account.get("shard") else ""
        where = f"{text(account.get('platform'))}{shard}"
        kind = " (paper)" if account.get("money") == "paper" else ""
        when = f"{usd(account.get('stated_usd'))} {duration(account.get('age_s'))} ago"
        yield f"cash at {where}{kind}: {usd(account.get('free_usd'))} free, {when}"
        if account.get("failed"):
            yield style.alarm(f"cash at {where} could not be asked for since: {text(account.get('failed'))}")
    unknown = mapping(cash, "no_shard")
    if unknown:
        few = unknown.get("first")
        named = ", ".join(map(text, few)) if isinstance(few, list) else ""
        more = ", ..." if isinstance(few, list) and number(unknown.get("markets")) > len(few) else ""
        which = f"{count(unknown.get('markets'))} markets ({named}{more})"
        where = f"{text(unknown.get('platform'))} has cash by shard"
        yield style.alarm(f"{where}, and nobody has said where {which} are: not traded for money")
    for platform, why in mapping(cash, "silent").items():
        yield f"cash at {text(platform)} is not known and no limit: {text(why)}"


def _markets(said: Document, style: Style) -> Iterator[str]:
    """The markets that a trader cannot order in, as far as it says so."""
    for platform, told in mapping(said, "markets").items():
        if not (isinstance(told, dict) and number(told.get("unready"))):
            continue
        first = mapping(told, "first")
        named = "; ".join(f"{text(market)}: {text(why)}" for market, why in first.items())
        more = "; ..." if number(told.get("unready")) > len(first) else ""
        which = f"{count(told.get('unready'))} of {count(told.get('of'))} markets at {text(platform)}"
        yield style.alarm(f"{which} are not traded for money, by the word of {text(told.get('by'))}: {named}{more}")


def _of(amount: object, limit: object) -> str:
    return usd(amount) if limit is None else f"{usd(amount)} of {usd(limit)}"


def _counts(said: Document) -> Iterator[str]:
    for word in ("refused", "capped"):
        counted = [f"{count(times)} by {text(reason)}" for reason, times in mapping(said, word).items()]
        if counted:
            yield f"{word}: {', '.join(counted)}"


def _waiting(said: Document, style: Style) -> Iterator[str]:
    waiting = mapping(said, "confirm").get("waiting")
    if number(waiting):
        yield style.alarm(f"{count(waiting)} trades wait for a person: arb confirm")
