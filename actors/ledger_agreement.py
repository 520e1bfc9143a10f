"""Whether two states of a ledger agree: in short, as a controller reports its own, or in every detail."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from actors.facts import AnyFact, LegAdopted, LegSent, ResultSeen, Settled
from actors.ledger_state import BookKey, LedgerState
from actors.ledger_view import PositionView, Totals, pairs, positions, totals
from actors.risk.facts import PaidOut
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, PairId, Platform, Side, Status
from protocol.units import DOLLAR, Price, average_cents, money_to_dollars, quantity_to_wire


def summary(state: LedgerState) -> dict[str, Any]:
    """The state in short, as plain JSON values: what a controller reports, so that it can be compared with the ledger.

    Dollars and contracts are exact; ``facts`` says of how many facts it is the sum.
    """
    found = pairs(state)
    return {
        "facts": state.facts,
        "trades": len(state.trades),
        "legs": len(state.legs),
        "open_trades": sum(1 for _ in state.open_trades()),
        "naked_trades": sum(1 for _ in state.naked_trades()),
        "open_legs": sum(1 for _ in state.open_legs()),
        "real": _money_of(totals(pair for pair in found if not pair.paper)),
        "paper": _money_of(totals(pair for pair in found if pair.paper)),
        "positions": [_position_of(position) for position in positions(state) if position.contracts],
    }


def _money_of(found: Totals) -> dict[str, Any]:
    return {f"{name}_usd": money_to_dollars(amount) for name, amount in found._asdict().items()}


def _position_of(position: PositionView) -> dict[str, Any]:
    return {
        "paper": position.paper,
        "pair_id": position.pair_id,
        "platform": position.platform,
        "side": position.side.value,
        "contracts": quantity_to_wire(position.contracts),
        "avg_price": average_cents(position.cost, position.contracts),
        "cost_usd": money_to_dollars(position.cost),
    }


def compare_summaries(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The differences between two summaries, a line each; none where they agree. Numbers may be of any exact type."""
    flat, other_flat = dict(_flattened("", one)), dict(_flattened("", other))
    return _differences(flat, other_flat)


def compare(one: LedgerState, other: LedgerState) -> list[str]:
    """The differences between two states, a line each: every trade, leg and book, and the number of facts."""
    return _differences(dict(_details(one)), dict(_details(other)))


def plain_sums(facts: Iterable[AnyFact]) -> dict[str, Any]:
    """Contracts and money of every book, by nothing but adding up: what the books of a state must agree with.

    Shares no code with :class:`~actors.ledger_state.LedgerState`: the last proven result of each leg, times what the
    leg was.
    """
    facts = tuple(facts)
    legs: dict[LegId, LegSent | LegAdopted] = {}
    last: dict[LegId, Outcome] = {}
    for fact in facts:
        if isinstance(fact, LegSent | LegAdopted):
            legs.setdefault(fact.leg_id, fact)
        elif isinstance(fact, ResultSeen) and fact.outcome.status is not Status.UNKNOWN:
            held = last.get(fact.outcome.leg_id)
            if held is None or held.revision < fact.outcome.revision:
                last[fact.outcome.leg_id] = fact.outcome
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    ends: dict[str, _End] = {}
    for leg_id, leg in legs.items():
        found = last.get(leg_id)
        if found is not None and (found.filled or found.cost or found.fees):
            name = _book_name(BookKey(found.paper, leg.pair_id, leg.platform, leg.side))
            buys = leg.action is Action.BUY
            sums[name]["contracts"] += found.filled if buys else -found.filled
            sums[name]["paid"] += found.cost if buys else -found.cost
            sums[name]["fees"] += found.fees
            known = ends.get(name)
            market = leg.market if known is None or known.market == leg.market else ""
            ends[name] = _End(found.paper, leg.pair_id, leg.platform, leg.side, market)
    for name, each in _paid_out(facts, ends):
        sums[name]["paid"] -= sums[name]["contracts"] * each
        sums[name]["contracts"] = 0
    return {name: {field: counted[field] for field in _SUMMED} for name, counted in sums.items()}


class _End(NamedTuple):
    """Whose end would settle a book; no market where it is of several."""

    paper: bool
    pair_id: PairId
    platform: Platform
    side: Side
    market: str


def _paid_out(facts: Iterable[AnyFact], ends: Mapping[str, _End]) -> Iterator[tuple[str, int]]:
    """What a contract of a book was paid, of every book that was paid out."""
    markets: dict[tuple[bool, Platform, str], Price] = {}
    words: dict[PairId, Price | None] = {}
    for fact in facts:
        if isinstance(fact, Settled):
            markets[fact.paper, fact.platform, fact.market] = fact.value
        elif isinstance(fact, PaidOut):
            words[fact.pair_id] = fact.value
    told = {name: markets.get((end.paper, end.platform, end.market)) for name, end in ends.items()}
    answers = {(end.paper, end.pair_id): told[name] for name, end in ends.items() if told[name] is not None}
    for name, end in ends.items():
        value = told[name]
        if value is None and end.pair_id in words:
            word = words[end.pair_id]
            value = answers.get((end.paper, end.pair_id)) if word is None else word
        if value is not None:
            yield name, value if end.side is Side.YES else DOLLAR - value


_SUMMED: Final = ("contracts", "paid", "fees")


def sums_of(state: LedgerState) -> dict[str, Any]:
    """The same of a state, from what its books make of average costs: paid is the cost held less what was realised."""
    return {
        _book_name(key): {
            "contracts": book.holding.contracts,
            "paid": book.holding.cost - book.realised,
            "fees": book.fees,
        }
        for key, book in state.books.items()
    }


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    missing = object()
    names = dict.fromkeys((*one, *other))
    pairs_of_values = ((name, one.get(name, missing), other.get(name, missing)) for name in names)
    return [
        f"{name}: {_said(value, missing)} here, {_said(there, missing)} there"
        for name, value, there in pairs_of_values
        if value != there
    ]


def _said(value: object, missing: object) -> str:
    return "nothing" if value is missing else str(value)


def _details(state: LedgerState) -> Iterator[tuple[str, object]]:
    yield "facts", state.facts
    for trade in state.trades.values():
        name = f"trade {trade.trade_id}"
        yield f"{name} state", (trade.state, trade.verdict)
        yield f"{name} opened", trade.opened
        yield f"{name} legs", tuple(leg.leg_id for leg in trade.legs)
    for leg in state.legs.values():
        name = f"leg {leg.leg_id}"
        yield f"{name} asked", leg.asked
        yield f"{name} outcome", leg.outcome
        yield f"{name} proven", leg.proven
        yield f"{name} realised", state.realised_by(leg)
    for key, book in state.books.items():
        yield _book_name(key), (book.holding, book.spent, book.received, book.fees, book.realised)


def _book_name(key: BookKey) -> str:
    return f"{'paper' if key.paper else 'real'} {key.pair_id} {key.platform} {key.side}"


def _flattened(name: str, value: object) -> Iterator[tuple[str, object]]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _flattened(f"{name} {key}".strip(), inner)
        case list() | tuple():
            yield from ((f"{name} {_label(inner, number)}", inner) for number, inner in enumerate(value))
        case _:
            yield name, value


def _label(item: object, number: int) -> str:
    """A position by what it is of, so that one more of them does not make all others differ."""
    if isinstance(item, Mapping):
        words = [str(item.get(name)) for name in ("pair_id", "platform", "side")]
        return " ".join([*words, "paper" if item.get("paper") else "real"])
    return str(number)
