"""`arb ledger pnl`: what each pair realised, paid in fees, has locked in, and has at risk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from actors.ledger_state import LedgerState, LegRecord
from actors.ledger_view import SETTLING, Flow, PairView, flow, pairs
from cli.ledger_listing import Row, Wanted, iso
from cli.output import Column, Style, table
from cli.words import count, text, usd
from protocol.terms import PairId
from protocol.units import Money, money_to_dollars, quantity_to_wire

FIELDS: Final = (
    *("pair_id", "paper", "state", "legs", "realised_usd", "fees_usd", "net_usd", "locked_in_usd", "at_risk_usd"),
    *("matched", "excess", "excess_side"),
)
_SUMMED: Final = ("realised_usd", "fees_usd", "net_usd", "locked_in_usd", "at_risk_usd")

_COLUMNS: Final = (
    Column("pair", give=True),
    Column(""),
    Column("state"),
    *(Column(title, "right") for title in ("realised", "fees", "net", "locked in", "at risk")),
)


def rows(state: LedgerState, wanted: Wanted) -> Iterator[Row]:
    """A row a pair that moved money in the time asked about, or still holds something."""
    legs: defaultdict[tuple[bool, PairId], list[LegRecord]] = defaultdict(list)
    for leg in state.legs.values():
        if leg.key is not None and wanted.takes(leg.proven_t, leg.key.pair_id):
            legs[leg.key.paper, leg.key.pair_id].append(leg)
    gains = state.settled_gains(wanted.since_us)
    for pair in pairs(state):
        moved = legs[pair.paper, pair.pair_id]
        settled = gains.get((pair.paper, pair.pair_id))
        something = moved or pair.matched or pair.at_risk or settled is not None or pair.state == SETTLING
        if wanted.pair_id in {None, pair.pair_id} and something:
            yield _row(pair, flow(state, moved).and_settled(settled or Money(0)))


def _row(pair: PairView, moved: Flow) -> Row:
    return {
        "pair_id": pair.pair_id,
        "paper": pair.paper,
        "state": pair.state,
        "legs": moved.legs,
        "realised_usd": money_to_dollars(moved.realised),
        "fees_usd": money_to_dollars(moved.fees),
        "net_usd": money_to_dollars(moved.net),
        "locked_in_usd": money_to_dollars(pair.locked_in),
        "at_risk_usd": money_to_dollars(pair.at_risk),
        "matched": quantity_to_wire(pair.matched),
        "excess": quantity_to_wire(pair.excess),
        "excess_side": None if pair.excess_side is None else pair.excess_side.value,
    }


def document(found: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """Everything at once, for programs."""
    return {
        "since": None if wanted.since_us is None else iso(wanted.since_us),
        "pairs": list(found),
        "real": _sum(row for row in found if not row["paper"]),
        "paper": _sum(row for row in found if row["paper"]),
    }


def _sum(found: Iterator[Row]) -> Row:
    listed = list(found)
    return {name: sum(row[name] for row in listed) for name in _SUMMED}


def lines(found: Sequence[Row], width: int, style: Style) -> Iterator[str]:
    """A table for people, with a sum for real money and one for paper, which are never one sum."""
    shown = [_words(row) for row in found]
    for paper in (False, True):
        those = [row for row in found if row["paper"] is paper]
        if those:
            shown.append(_words({**_sum(iter(those)), "pair_id": "sum", "paper": paper, "state": ""}))
    yield from table(_COLUMNS, shown, width, head=style.faint, indent=0)
    for row in found:
        if row["excess"] and row["state"] in {"naked", "dust"}:
            words = f"{row['state']}: {count(row['excess'])} {text(row['excess_side'])} of {text(row['pair_id'])}"
            line = f"{words} without a partner{' (paper)' if row['paper'] else ''}"
            yield style.alarm(line) if row["state"] == "naked" else line


def _words(row: Row) -> tuple[str, ...]:
    return (
        text(row["pair_id"]),
        "paper" if row["paper"] else "",
        text(row["state"]),
        *(usd(row[name]) for name in _SUMMED),
    )
