"""A fact as a row of the ledger, and back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.facts import AnyFact, LegAdopted, LegSent, ResultSeen, TradeOpened, TradeOver

Row = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AnyFact).decode


def to_row(fact: AnyFact) -> Row:
    """The columns of a fact, without its place in the order."""
    row: Row = {
        "t": fact.t,
        "kind": type(fact).__struct_config__.tag,
        "trade_id": None,
        "leg_id": None,
        "revision": None,
        "proven": None,
        "pair_id": None,
        "body": _encode(fact).decode(),
    }
    match fact:
        case TradeOpened():
            row.update(trade_id=fact.trade_id, pair_id=fact.pair_id)
        case LegSent() | LegAdopted():
            row.update(trade_id=fact.trade_id, leg_id=fact.leg_id, pair_id=fact.pair_id)
        case ResultSeen(outcome=outcome):
            row.update(
                trade_id=fact.trade_id,
                leg_id=outcome.leg_id,
                revision=outcome.revision,
                proven=outcome.status.proven,
            )
        case TradeOver():
            row.update(trade_id=fact.trade_id)
        case _:
            pass
    return row


def to_fact(body: str) -> AnyFact:
    """The fact of a row's body. Raises :class:`msgspec.MsgspecError` for one that makes no sense."""
    fact: AnyFact = _decode(body)
    return fact


def substance(fact: AnyFact) -> tuple[object, ...]:
    """What two facts of one key must agree in: all that money depends on, and none of what is said beside it.

    The same result may be told twice with other words, at another time, by another trader.
    """
    match fact:
        case TradeOpened():
            return (fact.trade_id, fact.pair_id, fact.arb_type, fact.quantity, fact.dry_run)
        case LegSent() | LegAdopted():
            return (fact.leg_id, fact.trade_id, fact.platform, fact.action, fact.side, fact.quantity)
        case ResultSeen(outcome=found):
            known = (found.status, found.filled, found.cost, found.fees, found.final, found.paper)
            return (fact.trade_id, found.leg_id, found.revision, *known)
        case _:
            return (fact,)
