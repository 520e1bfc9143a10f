"""What an order does against what faces it: the one walk that every book of ours is taken by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from market.matching.order import Arrival, Resting, SelfTrade, TimeInForce
from market.matching.plan import Ended, Match, Plan
from protocol.units import Quantity


def planned(arrival: Arrival, facing: Iterable[Resting]) -> Plan:
    """What the order would do. Changes nothing.

    ``facing`` is the other side of the book in the order in which it is filled, best price first; it is read no further
    than the order reaches. It may be orders, or a feed's levels that stand for whoever is there.
    """
    makers = _crossed(arrival, facing)
    if arrival.post_only and next(makers, None) is not None:
        return Plan(arrival=arrival, canceled=arrival.quantity, ended=Ended.POST_ONLY_CROSS)
    matches, gives_way, left, blocked = _walk(arrival, makers)
    if not left:
        return Plan(arrival=arrival, matches=matches, gives_way=gives_way)
    if arrival.time_in_force is TimeInForce.FILL_OR_KILL:
        return Plan(arrival=arrival, canceled=arrival.quantity, ended=Ended.KILLED)
    if blocked:
        return Plan(arrival=arrival, matches=matches, gives_way=gives_way, canceled=left, ended=Ended.SELF_TRADE)
    if arrival.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL:
        return Plan(arrival=arrival, matches=matches, gives_way=gives_way, canceled=left, ended=Ended.UNFILLED_REST)
    return Plan(arrival=arrival, matches=matches, gives_way=gives_way, rests=left)


def _crossed(arrival: Arrival, facing: Iterable[Resting]) -> Iterator[Resting]:
    """Those whose price the order takes."""
    for maker in facing:
        if (maker.price > arrival.price) if arrival.is_bid else (maker.price < arrival.price):
            return
        yield maker


def _walk(arrival: Arrival, makers: Iterator[Resting]) -> tuple[tuple[Match, ...], tuple[Resting, ...], Quantity, bool]:
    """The matches, own orders that give way, what is left, and whether an own order stands in the way."""
    matches: list[Match] = []
    gives_way: list[Resting] = []
    left = arrival.quantity
    for maker in makers:
        if not left:
            break
        if maker.owner == arrival.owner:
            if arrival.self_trade is SelfTrade.TAKER_AT_CROSS:
                return tuple(matches), tuple(gives_way), left, True
            gives_way.append(maker)
            continue
        quantity = min(left, maker.left)
        matches.append(Match(maker, quantity))
        left = Quantity(left - quantity)
    return tuple(matches), tuple(gives_way), left, False
