"""All that a Kalshi account holds, read so that it fits together: positions, orders, fills and cash of one moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from protocol.holdings import HeldContracts, Holdings, ListedOrder
from protocol.terms import Side
from protocol.units import Quantity, quantity_from_text
from transport.kalshi.lookup import MAX_STRANGERS, NOT_FOUND
from transport.kalshi.reads import KalshiReads
from transport.venue_rest import ReadFailed
from venues.kalshi.account import Fill, Order, Position

SECOND_US: Final = 1_000_000

SETTLED_BACK_S: Final = 30 * 86_400
"""Settlements are read from so long before the orders: a controller may have been off when a market was paid out."""


async def read_holdings(reads: KalshiReads, since_us: int, moved: Callable[[], set[str]]) -> Holdings:
    """Everything, or :class:`ReadFailed`: a page that is missing, or something that moved meanwhile.

    Positions and resting orders are read twice, before and after all else, and must be the same: pages are not of one
    moment, and a page that was cut short without a word is not cut short the same way again. ``moved``: the markets in
    which we had an order under way since the question was asked; there nothing needs to be the same.
    """
    since_s = since_us // SECOND_US
    before = await _moving_part(reads)
    orders = {order.order_id: order for order in await reads.orders(min_ts=since_s)}
    fills = await reads.fills(min_ts=since_s)
    settlements = await reads.settlements(min_ts=max(0, since_s - SETTLED_BACK_S))
    balance = await reads.balance()
    positions, resting = await _moving_part(reads)
    moving = moved()
    if _still(*before, moving) != _still(positions, resting, moving):
        raise ReadFailed("the account moved while it was read")
    orders |= resting
    listed = [*map(_listed, orders.values()), *await _not_listed(reads, orders.keys(), fills)]
    shards = tuple((str(one.exchange_index), one.cash) for one in balance.balance_breakdown)
    return Holdings(
        positions=tuple(_held(market, contracts) for market, contracts in sorted(positions.items())),
        orders=tuple(listed),
        accounts=shards or (("", balance.cash),),
        nets=True,
        listed_from_us=since_us,
        moving=tuple(sorted(moving)),
        settled=tuple(settled for one in settlements if (settled := one.settled) is not None),
    )


async def _moving_part(reads: KalshiReads) -> tuple[dict[str, Quantity], dict[str, Order]]:
    """What is held of each market, and what rests."""
    positions: Sequence[Position] = await reads.positions()
    resting = await reads.open_orders()
    held = {position.ticker: position.contracts for position in positions if position.contracts}
    return held, {order.order_id: order for order in resting}


def _still(held: dict[str, Quantity], resting: dict[str, Order], moving: set[str]) -> tuple[object, object]:
    """What must not have changed."""
    still = {market: contracts for market, contracts in held.items() if market not in moving}
    return still, {order_id: order.remaining_count_fp for order_id, order in resting.items()}


async def _not_listed(reads: KalshiReads, listed: Collection[str], fills: Sequence[Fill]) -> list[ListedOrder]:
    """Orders whose fills are there and that are not: older ones that rested, or what the lists do not show yet."""
    missing = list(dict.fromkeys(fill.order_id for fill in fills if fill.order_id not in listed))
    if len(missing) > MAX_STRANGERS:
        raise ReadFailed(f"fills of {len(missing)} orders that are not listed")
    found: list[ListedOrder] = []
    for order_id in missing:
        try:
            found.append(_listed(await reads.order(order_id)))
        except ReadFailed as error:
            if error.status != NOT_FOUND:
                raise
            found.append(_of_fills(order_id, [fill for fill in fills if fill.order_id == order_id]))
    return found


def _listed(order: Order) -> ListedOrder:
    made = 0 if order.created_time is None else int(order.created_time.timestamp() * SECOND_US)
    left = quantity_from_text(order.remaining_count_fp) if order.status == "resting" else Quantity(0)
    return ListedOrder(order.client_order_id, order.order_id, order.ticker, order.filled, left, made)


def _of_fills(order_id: str, fills: Sequence[Fill]) -> ListedOrder:
    filled = Quantity(sum(fill.quantity for fill in {fill.key: fill for fill in fills}.values()))
    return ListedOrder("", order_id, fills[0].market, filled, Quantity(0), int(fills[0].unix_s * SECOND_US))


def _held(market: str, contracts: Quantity) -> HeldContracts:
    side = Side.YES if contracts > 0 else Side.NO
    return HeldContracts(market, side, Quantity(abs(contracts)))
