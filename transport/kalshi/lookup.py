"""What became of an order, asked of Kalshi: its order by our id, then fills, then positions; and when silence is a no.

Kalshi's reads lag behind its matching. "No such order" is said only when the venue's own word says that its reads are
past the moment until which the order could have arrived, when no fill is there that nobody can explain, and when the
position has not moved without a fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from protocol.leg import Leg
from protocol.outcome import Outcome
from transport.kalshi.reads import KalshiReads
from transport.venue_rest import ReadFailed
from venues.kalshi.account import Fill, Order, Position, fills_of, order_of, outcome_of, sums
from venues.kalshi.replies import unknown

DAY_S: Final = 86_400

MARGIN_S: Final = 60
"""Clocks may differ by so much, and a list begins that much earlier than what is looked for."""

MAX_STRANGERS: Final = 20
"""Orders that are asked for one by one, because their fills are listed and they are not."""

NOT_FOUND: Final = 404

NEAR_S: Final = 5.0
"""A fill this near to a change of the position explains it."""

UNEXPLAINED_S: Final = 600.0
"""So long after the order could have arrived a position that moved without a fill holds up nothing any more."""


@dataclass(frozen=True, slots=True)
class Span:
    """When the order can have reached the venue, in unix seconds of its clock, and its id if a reply told it.

    ``spent``: the venue has said that our id was used before, whenever that was: everything is searched.
    """

    after_s: float
    before_s: float
    order_id: str | None = None
    spent: bool = False


async def find(reads: KalshiReads, leg: Leg, span: Span) -> Outcome | None:
    """What the venue has of the leg; None: it has nothing, for certain. Raises :class:`ReadFailed`: not known."""
    # First: whatever is read after it is at least as new.
    as_of = (await reads.as_of()).timestamp()
    since = max(0, int(span.after_s) - MARGIN_S)
    orders = await reads.orders(leg.market, min_ts=since)
    order = order_of(leg, orders)
    if order is not None:
        return await _outcome(reads, leg, order)
    if span.spent or as_of - span.before_s > DAY_S:
        order = await _archived(reads, leg, span)
        if order is not None:
            return await _outcome(reads, leg, order, archived=True)
    fills = await reads.fills(leg.market, min_ts=since)
    if span.order_id is not None and (mine := fills_of(span.order_id, fills)):
        return _seen_in_fills(leg, span.order_id, mine)
    stranger = await _explained(reads, leg, orders, fills)
    if stranger is not None:
        return await _outcome(reads, leg, stranger)
    if span.order_id is not None:
        raise ReadFailed(f"the order {span.order_id} was accepted, and is not listed yet")
    if as_of <= span.before_s:
        raise ReadFailed(
            f"not listed; but the venue's lists lag behind: they are {span.before_s - as_of:.1f} s too old"
        )
    if as_of <= span.before_s + UNEXPLAINED_S:
        _still(leg, span, await reads.positions(leg.market), fills)
    return None


async def _outcome(reads: KalshiReads, leg: Leg, order: Order, *, archived: bool = False) -> Outcome:
    """What the order and all its fills prove."""
    fills = await reads.fills(order_id=order.order_id)
    if archived:
        fills = [*fills, *await reads.old_fills(leg.market)]
    return outcome_of(leg, order, fills_of(order.order_id, fills))


async def _archived(reads: KalshiReads, leg: Leg, span: Span) -> Order | None:
    """An order from so long ago that only the archive has it."""
    try:
        cutoff = await reads.cutoff()
    except ReadFailed as error:
        if error.status == NOT_FOUND:
            # A rehearsal has no archive: what it had, it lists.
            return None
        raise
    if cutoff.orders_updated_ts.timestamp() <= span.after_s:
        return None
    return order_of(leg, await reads.old_orders(leg.market))


def _seen_in_fills(leg: Leg, order_id: str, fills: Sequence[Fill]) -> Outcome:
    filled, cost, fees = sums(leg.side, fills)
    held = unknown(leg, "its fills are listed, and its order is not yet")
    return Outcome(
        leg_id=leg.leg_id,
        status=held.status,
        filled=filled,
        cost=cost,
        fees=fees,
        order_id=order_id,
        error=held.error,
        final=False,
    )


async def _explained(reads: KalshiReads, leg: Leg, orders: Sequence[Order], fills: Sequence[Fill]) -> Order | None:
    """Ask for each order that has fills here and is not listed: ours, if it is one of them.

    Raises :class:`ReadFailed` where one of them stays unknown.
    """
    listed = {order.order_id for order in orders}
    strangers = list(dict.fromkeys(fill.order_id for fill in fills if fill.order_id not in listed))
    if len(strangers) > MAX_STRANGERS:
        raise ReadFailed(f"fills of {len(strangers)} orders that are not listed")
    for order_id in strangers:
        order = await reads.order(order_id)
        if order.client_order_id == leg.leg_id:
            return order
    return None


def _still(leg: Leg, span: Span, positions: Sequence[Position], fills: Sequence[Fill]) -> None:
    """Raise :class:`ReadFailed` where the position moved since, and no fill says why."""
    for position in positions:
        moved = position.last_updated_ts
        if position.ticker != leg.market or moved is None or moved.timestamp() < span.after_s - MARGIN_S:
            continue
        if not any(abs(fill.unix_s - moved.timestamp()) <= NEAR_S for fill in fills):
            raise ReadFailed(f"the position of {leg.market} moved at {moved.isoformat()}, and no fill says why")
