"""The part of a status that is about money: trades by state, sums, the last trades with their legs, positions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from cli.output import Column, Style, cut, table
from cli.status_document import Document, dicts, mapping
from cli.words import cents, count, number, text, usd

LAST_TRADES: Final = 5
"""How many of the recent trades a screen shows; ``--json`` has them all."""

_STATES: Final = ("open", "hedged", "flat", "naked", "unknown", "aborted")
_ALARMING: Final = frozenset({"naked", "unknown"})
_CENT_PLACES: Final = Decimal("0.01")


def trades(document: Document, style: Style) -> Iterator[str]:
    """How many trades are in which state, and their sums. A state beyond the usual shows where a trade is in it."""
    found, totals = mapping(document, "trades"), mapping(document, "totals")
    names = [name for name in _STATES if name in found] + [n for n in found if n not in _STATES and number(found[n])]
    words = []
    for name in names:
        word = f"{count(found[name])} {text(name).replace('_', ' ')}"
        words.append(style.alarm(word) if name in _ALARMING and number(found[name]) else word)
    if words or totals:
        yield style.strong("Trades")
    if words:
        yield f"  {', '.join(words)}"
    sums = (
        f"{count(totals['contracts'])} contracts" if "contracts" in totals else "",
        f"cost {usd(totals['cost_usd'])}" if "cost_usd" in totals else "",
        f"fees {usd(totals['fees_usd'])}" if "fees_usd" in totals else "",
    )
    if any(sums):
        yield f"  {', '.join(filter(None, sums))}"
    if "edge_locked_usd" in totals:
        yield f"  edge locked in {style.strong(usd(totals['edge_locked_usd']))}"
    if number(totals.get("unknown_legs")):
        yield style.alarm(f"  legs of unknown outcome, in none of these sums: {count(totals['unknown_legs'])}")


def aborted(document: Document, style: Style, width: int) -> Iterator[str]:
    """Why arbs were given up before anything was sent, the most frequent reason first."""
    found = mapping(document, "aborted")
    reasons = sorted(found.items(), key=lambda item: (-number(item[1]), item[0]))
    if reasons:
        yield style.strong("Aborted before anything was sent")
        columns = (Column("times", "right"), Column("reason", give=True))
        yield from table(columns, [(count(times), text(why)) for why, times in reasons], width, head=style.faint)


def recent(document: Document, style: Style, width: int) -> Iterator[str]:
    """The last trades, newest at the end, each with its legs."""
    known = dicts(document, "recent_trades")
    shown = known[-LAST_TRADES:]
    if shown:
        more = style.faint(f"  the last {len(shown)} of {len(known)}; --json has all") if shown != known else ""
        yield style.strong("Recent trades") + more
    for trade in shown:
        yield from _trade(trade, style, width)


def _trade(trade: Document, style: Style, width: int) -> Iterator[str]:
    state, legs = text(trade.get("state")), dicts(trade, "legs")
    facts = (
        " x ".join(filter(None, (count(trade.get("contracts")), text(trade.get("pair_id"))))),
        text(trade.get("arb_type")),
        f"edge {usd(trade['edge_usd'])}" if trade.get("edge_usd") is not None else "",
        "(paper)" if legs and all(leg.get("paper") for leg in legs) else "",
    )
    look = style.alarm if state in _ALARMING else style.strong
    yield f"  {look(state)}  {cut('  '.join(filter(None, facts)), width - len(state) - 4)}"
    yield from (f"    {line}" for line in _legs(legs, style, width - 4))
    if trade.get("reason"):
        yield f"    {text(trade['reason'])}"
    yield style.faint(cut(f"    {text(trade.get('trade_id'))}", width))


def _legs(legs: list[Document], style: Style, width: int) -> Iterator[str]:
    columns = (
        Column("leg"),
        Column("filled", "right"),
        Column("at", "right"),
        Column("limit", "right"),
        Column("fees", "right"),
        Column("status"),
        Column("by", give=True),
    )
    rows = [
        (
            _order(leg),
            f"{count(leg.get('filled')) or '?'}/{count(leg.get('asked')) or '?'}",
            cents(leg.get("price")),
            cents(leg.get("limit")),
            usd(leg.get("fees_usd")),
            text(leg.get("status")),
            text(leg.get("path")).removeprefix("remote:"),
        )
        for leg in legs
    ]
    if rows:
        yield from table(columns, rows, width, indent=0, head=style.faint)
    yield from (f"{_order(leg)}: {text(leg['error'])}" for leg in legs if leg.get("error"))


def _order(leg: Document) -> str:
    return " ".join(filter(None, (text(leg.get("action")), text(leg.get("side")), text(leg.get("platform")))))


def positions(document: Document, style: Style, width: int) -> Iterator[str]:
    """What is held of each pair on each platform."""
    columns = (
        Column("pair", give=True),
        Column("platform"),
        Column("side"),
        Column("contracts", "right"),
        Column("average", "right"),
        Column("cost", "right"),
        Column("fees", "right"),
    )
    rows = [
        (
            text(held.get("pair_id")),
            text(held.get("platform")),
            text(held.get("side")),
            count(held.get("contracts")),
            cents(_rounded(held.get("avg_price"))),
            usd(held.get("cost_usd")),
            usd(held.get("fees_usd")),
        )
        for held in dicts(document, "positions")
    ]
    if rows:
        yield style.strong("Positions")
        yield from table(columns, rows, width, head=style.faint)


def _rounded(average: object) -> Decimal | None:
    """Return an average to 1/100 cent; the exact sum stands beside it."""
    exact = number(average)
    return exact.quantize(_CENT_PLACES) if average is not None and 0 <= exact <= 100 else None  # noqa: PLR2004 -- cents
