"""The ledger's lists: each row as plain values for programs, and as words in 80 columns for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from actors.facts import LegSent
from actors.ledger_state import LedgerState, LegRecord
from actors.ledger_view import PositionView, TradeView, positions, trades
from cli.output import Column
from cli.words import cents, count, text, usd
from protocol.terms import PairId
from protocol.units import average_cents, money_to_dollars, price_to_cents, quantity_to_wire

Row = dict[str, Any]
"""A row for programs: money in dollars, prices in cents, contracts, times as ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: those from this moment on (unix microseconds), and of this pair."""

    since_us: int | None = None
    pair_id: PairId | None = None

    def takes(self, t: int, pair_id: PairId | None) -> bool:
        """Whether something of this moment and pair is wanted."""
        return (self.since_us is None or t >= self.since_us) and self.pair_id in {None, pair_id}


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its rows, and the columns that a person sees of them."""

    fields: tuple[str, ...]
    rows: Callable[[LedgerState, Wanted], Iterator[Row]]
    columns: tuple[tuple[Column, Callable[[Row], str]], ...]
    nothing: str


def iso(t: int) -> str:
    """``2026-01-07T12:00:00.000000Z``."""
    return f"{datetime.fromtimestamp(t // 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{t % 1_000_000:06d}Z"


def _trades(state: LedgerState, wanted: Wanted) -> Iterator[Row]:
    for view in trades(state):
        if wanted.takes(view.record.t, view.record.pair_id):
            yield _trade(view)


def _trade(view: TradeView) -> Row:
    record = view.record
    opened, verdict = record.opened, record.verdict
    return {
        "t": iso(record.t),
        "trade_id": record.trade_id,
        "pair_id": record.pair_id,
        "arb_type": opened.arb_type.value if opened else None,
        "state": record.state,
        "reason": verdict.reason if verdict else "",
        "dry_run": opened.dry_run if opened else None,
        "paper": view.paper,
        "contracts": quantity_to_wire(opened.quantity) if opened else None,
        "yes": quantity_to_wire(view.yes),
        "no": quantity_to_wire(view.no),
        "spent_usd": money_to_dollars(view.spent),
        "received_usd": money_to_dollars(view.received),
        "fees_usd": money_to_dollars(view.fees),
        "edge_seen_usd": money_to_dollars(opened.edge) if opened else None,
        "earned_usd": None if view.earned is None else money_to_dollars(view.earned),
        "legs": [leg.leg_id for leg in record.legs],
    }


def _legs(state: LedgerState, wanted: Wanted) -> Iterator[Row]:
    for leg in state.legs.values():
        t = leg.asked.t if leg.asked else leg.t
        if wanted.takes(t, leg.asked.pair_id if leg.asked else None):
            yield {**_asked(leg), "t": iso(t), **_became(leg)}


def _asked(leg: LegRecord) -> Row:
    asked = leg.asked
    return {
        "t": "",
        "leg_id": leg.leg_id,
        "trade_id": leg.trade_id,
        "pair_id": asked.pair_id if asked else None,
        "platform": asked.platform if asked else None,
        "market": asked.market if asked else None,
        "action": asked.action.value if asked else None,
        "side": asked.side.value if asked else None,
        "contracts": quantity_to_wire(asked.quantity) if asked else None,
        "limit": price_to_cents(asked.limit) if asked else None,
        "purpose": leg.purpose.value if leg.purpose else None,
        "path": asked.path if isinstance(asked, LegSent) else f"adopted:{asked.source}" if asked else None,
    }


def _became(leg: LegRecord) -> Row:
    found = leg.outcome
    if found is None:
        return {**dict.fromkeys(_BECAME), "status": "waiting"}
    return {
        "status": found.status.value,
        "filled": quantity_to_wire(found.filled),
        "price": average_cents(found.cost, found.filled) if found.filled else None,
        "cost_usd": money_to_dollars(found.cost),
        "fees_usd": money_to_dollars(found.fees),
        "revision": found.revision,
        "final": found.final,
        "paper": found.paper,
        "order_id": found.order_id,
        "error": found.error,
        "result_t": iso(leg.t),
    }


_BECAME: Final = (
    *("status", "filled", "price", "cost_usd", "fees_usd", "revision", "final", "paper", "order_id", "error"),
    "result_t",
)
_ASKED: Final = (
    *("t", "leg_id", "trade_id", "pair_id", "platform", "market", "action", "side", "contracts", "limit"),
    *("purpose", "path"),
)


def _fills(state: LedgerState, wanted: Wanted) -> Iterator[Row]:
    for leg in state.legs.values():
        asked, proven = leg.asked, leg.proven
        if asked is None or proven is None or not proven.filled or not wanted.takes(leg.proven_t, asked.pair_id):
            continue
        yield {
            "t": iso(leg.proven_t),
            "leg_id": leg.leg_id,
            "trade_id": leg.trade_id,
            "pair_id": asked.pair_id,
            "platform": asked.platform,
            "market": asked.market,
            "action": asked.action.value,
            "side": asked.side.value,
            "contracts": quantity_to_wire(proven.filled),
            "price": average_cents(proven.cost, proven.filled),
            "cost_usd": money_to_dollars(proven.cost),
            "fees_usd": money_to_dollars(proven.fees),
            "realised_usd": money_to_dollars(state.realised_by(leg)),
            "final": proven.final,
            "paper": proven.paper,
            "order_id": proven.order_id,
        }


def _positions(state: LedgerState, wanted: Wanted) -> Iterator[Row]:
    moved = {leg.key for leg in state.legs.values() if leg.key and wanted.takes(leg.proven_t, leg.key.pair_id)}
    for view in positions(state):
        if view.contracts and view[:4] in moved:
            yield _position(view)


def _position(view: PositionView) -> Row:
    return {
        "pair_id": view.pair_id,
        "platform": view.platform,
        "side": view.side.value,
        "paper": view.paper,
        "contracts": quantity_to_wire(view.contracts),
        "avg_price": average_cents(view.cost, view.contracts),
        "cost_usd": money_to_dollars(view.cost),
        "spent_usd": money_to_dollars(view.spent),
        "received_usd": money_to_dollars(view.received),
        "fees_usd": money_to_dollars(view.fees),
        "realised_usd": money_to_dollars(view.realised),
    }


# -- for people -------------------------------------------------------------------------------------------------------


def moment(row: Row) -> str:
    """``01-07 12:00:00``: the year stands in what programs get."""
    return str(row["t"])[5:19].replace("T", " ")


def _of(name: str, words: Callable[[object], str] = text) -> Callable[[Row], str]:
    return lambda row: words(row[name])


def _paper(row: Row) -> str:
    return "paper" if row["paper"] else ""


def _order(row: Row) -> str:
    return " ".join(text(row[name]) for name in ("action", "side", "platform") if row[name])


def _right(title: str) -> Column:
    return Column(title, "right")


LISTINGS: Final[Mapping[str, Listing]] = {
    "trades": Listing(
        fields=(
            *("t", "trade_id", "pair_id", "arb_type", "state", "reason", "dry_run", "paper", "contracts", "yes", "no"),
            *("spent_usd", "received_usd", "fees_usd", "edge_seen_usd", "earned_usd", "legs"),
        ),
        rows=_trades,
        columns=(
            (Column("time (UTC)"), moment),
            (Column("pair", give=True), _of("pair_id")),
            (Column("state"), _of("state")),
            (Column(""), _paper),
            (_right("yes"), _of("yes", count)),
            (_right("no"), _of("no", count)),
            (_right("fees"), _of("fees_usd", usd)),
            (_right("earned"), _of("earned_usd", usd)),
        ),
        nothing="no trades",
    ),
    "legs": Listing(
        fields=(*_ASKED, *_BECAME),
        rows=_legs,
        columns=(
            (Column("time (UTC)"), moment),
            (Column("leg", give=True), _of("leg_id")),
            (Column("order"), _order),
            (_right("asked"), _of("contracts", count)),
            (_right("filled"), _of("filled", count)),
            (Column("status"), _of("status")),
            (Column(""), _paper),
        ),
        nothing="no legs",
    ),
    "fills": Listing(
        fields=(
            *("t", "leg_id", "trade_id", "pair_id", "platform", "market", "action", "side", "contracts", "price"),
            *("cost_usd", "fees_usd", "realised_usd", "final", "paper", "order_id"),
        ),
        rows=_fills,
        columns=(
            (Column("time (UTC)"), moment),
            (Column("pair", give=True), _of("pair_id")),
            (Column("order"), _order),
            (_right("filled"), _of("contracts", count)),
            (_right("at"), _of("price", cents)),
            (_right("fees"), _of("fees_usd", usd)),
            (Column(""), _paper),
        ),
        nothing="no fills",
    ),
    "positions": Listing(
        fields=(
            *("pair_id", "platform", "side", "paper", "contracts", "avg_price", "cost_usd", "spent_usd"),
            *("received_usd", "fees_usd", "realised_usd"),
        ),
        rows=_positions,
        columns=(
            (Column("pair", give=True), _of("pair_id")),
            (Column("platform"), _of("platform")),
            (Column("side"), _of("side")),
            (Column(""), _paper),
            (_right("contracts"), _of("contracts", count)),
            (_right("average"), _of("avg_price", cents)),
            (_right("cost"), _of("cost_usd", usd)),
            (_right("fees"), _of("fees_usd", usd)),
        ),
        nothing="nothing is held",
    ),
}
