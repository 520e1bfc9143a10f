"""The house: liquidity that is there for everybody, in YES prices, and that keeps no crumbs in the book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from market.matching.order import Arrival, Resting, TimeInForce
from market.matching.plan import Plan
from protocol.units import DOLLAR, Price, Quantity
from venues.polymarket.exchange.account import HOUSE
from venues.polymarket.exchange.amounts import HUNDREDTH, Shares, bought
from venues.polymarket.exchange.ids import hash_text
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Order

if TYPE_CHECKING:
    from venues.polymarket.exchange.exchange import PolymarketExchange


def set_book(exchange: PolymarketExchange, market: Market, wanted: Mapping[bool, Mapping[Price, Shares]]) -> None:
    """Have the house's orders be these, bids under True; what would cross something is left out."""
    there = {(order.is_bid, order.price): order for order in market.book.of(HOUSE)}
    for (is_bid, price), order in there.items():
        if wanted[is_bid].get(price) != Shares(order.left):
            withdraw(exchange, market, order)
    for is_bid in (True, False):
        for price, size in wanted[is_bid].items():
            order_now = there.get((is_bid, price))
            if order_now is None or order_now.order_id not in market.book:
                offer(exchange, market, price, size, is_bid=is_bid)


def set_level(exchange: PolymarketExchange, market: Market, price: Price, size: Shares, *, is_bid: bool) -> None:
    """Have the house's order at that place be of that size; 0 takes it away."""
    for order in market.book.of(HOUSE):
        if (order.is_bid, order.price) == (is_bid, price):
            withdraw(exchange, market, order)
    if size:
        offer(exchange, market, price, size, is_bid=is_bid)


def better(exchange: PolymarketExchange, order: Order, ticks: int) -> None:
    """Offer what the order will take, ``ticks`` better than what it would meet first, as far as the spread allows."""
    market = order.market
    met = next(market.facing(order.token, buys=order.buys), None)
    if met is None:
        return
    behind = market.book.best(is_bid=not met.is_bid)
    if met.is_bid:
        price = Price(min(met.price + market.tick * ticks, (DOLLAR if behind is None else behind) - market.tick))
    else:
        price = Price(max(met.price - market.tick * ticks, (behind or 0) + market.tick))
    own = market.in_yes(order.token, price)
    size = order.left if order.amount is None else bought(order.amount, own, exchange.share_step)
    offer(exchange, market, price, size, is_bid=met.is_bid)


def sweep(exchange: PolymarketExchange, market: Market, plan: Plan) -> None:
    """What a dollar amount left of a house's order below a hundredth of a share goes."""
    for match in plan.matches:
        left = market.book.get(match.maker.order_id)
        if left is not None and left.owner == HOUSE and left.left < HUNDREDTH:
            withdraw(exchange, market, left)


def offer(exchange: PolymarketExchange, market: Market, price: Price, size: Shares, *, is_bid: bool) -> None:
    """One more order of the house, unless it would cross what is there."""
    facing = market.book.best(is_bid=not is_bid)
    if facing is not None and (price >= facing if is_bid else price <= facing):
        return
    arrival = Arrival(
        order_id=hash_text(exchange.salt, "house", exchange.count()),
        owner=HOUSE,
        is_bid=is_bid,
        price=price,
        quantity=Quantity(size),
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
    )
    market.book.apply(Plan(arrival=arrival, rests=Quantity(size)))
    exchange.touch(market, price, is_bid=is_bid)


def withdraw(exchange: PolymarketExchange, market: Market, order: Resting) -> None:
    """Take an order of the house out."""
    market.book.cancel(order.order_id)
    exchange.touch(market, order.price, is_bid=order.is_bid)
