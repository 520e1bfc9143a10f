"""The part of the status that must not be overlooked: what is not proven, not hedged, not written down."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output import Column, Style, table
from cli.status_document import Document, dicts, mapping
from cli.words import count, duration, number, text


def fate(document: Document, style: Style, width: int) -> Iterator[str]:
    """Legs whose fate is not proven, naked trades with the reason, dust, and a ledger or journal in trouble."""
    unknown = [*dicts(document, "unknown"), *_of_traders(document)]
    naked = [trade for trade in dicts(document, "recent_trades") if text(trade.get("state")) in {"naked", "unwinding"}]
    dust = dicts(document, "dust")
    trouble = list(_trouble(document))
    if not (unknown or naked or dust or trouble or number(document.get("recovering"))):
        return
    yield style.strong("Not settled")
    yield from (style.alarm(f"  {line}") for line in trouble)
    if number(document.get("recovering")):
        yield style.alarm(f"  recovering: {count(document['recovering'])} trades of an earlier run are not over yet")
    for trade in naked:
        reason = f": {text(trade['reason'])}" if trade.get("reason") else ""
        yield style.alarm(f"  {text(trade.get('state'))}: trade {text(trade.get('trade_id'))}{reason}")
        for excess in dicts(trade, "excess"):
            held = f"{count(excess.get('contracts'))} {text(excess.get('side'))} on {text(excess.get('platform'))}"
            yield style.alarm(f"    {held} stand alone")
    if unknown:
        columns = (Column("leg of unknown fate"), Column("platform"), Column("pair", give=True))
        ages = (Column("for", "right"), Column("asked", "right"))
        rows = [
            [
                text(leg.get("leg_id")),
                text(leg.get("platform")),
                text(leg.get("pair_id")),
                duration(leg.get("age_s")),
                f"{count(leg.get('asked'))} times",
            ]
            for leg in unknown
        ]
        yield from table((*columns, *ages), rows, width, head=style.faint)
    for speck in dust:
        held = f"{count(speck.get('contracts'))} {text(speck.get('side'))} on {text(speck.get('platform'))}"
        yield f"  dust: {held} ({text(speck.get('pair_id'))}), closed with the pair's next trade"


def ledger_line(document: Document) -> str:
    """How the ledger or journal is, in a few words; nothing where there is none."""
    ledger, journal = mapping(document, "ledger"), mapping(document, "journal")
    if ledger:
        behind = number(ledger.get("behind"))
        state = f"{count(behind)} writes behind" if behind else "all on disk"
        return f"ledger: {count(ledger.get('writes'))} writes, {state}"
    return f"journal: {count(journal['depth'])} results not acked yet" if journal.get("depth") is not None else ""


def _of_traders(document: Document) -> Iterator[Document]:
    for trader in dicts(document, "traders"):
        yield from dicts(trader, "unknown_legs")


def _trouble(document: Document) -> Iterator[str]:
    for name in ("ledger", "journal"):
        broken = mapping(document, name).get("broken")
        if broken:
            yield f"the {name} cannot be written, nothing new is traded: {text(broken)}"
