"""What may change about a market while it is traded."""

from __future__ import annotations

from typing import Literal

import msgspec

from protocol.units import Price, price_from_dollars
from venues.loopback.listing import ListingError
from venues.polymarket.exchange.events import MarketResolved, TickChanged
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.listing import TICKS, Schedule, check_listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Order


class MarketChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of ``market`` (slug, condition id or token) is to be another. A winner closes it.

    ``redeem``: whoever holds shares of a market that has a winner is paid for them, a dollar for each that won.
    """

    market: str
    tick_size: str | None = None
    accepting_orders: bool | None = None
    seconds_delay: int | None = None
    fee_rate: str | None = None
    winner: Literal["yes", "no"] | None = None
    redeem: bool = False


def change_market(exchange: PolymarketExchange, market: Market, change: MarketChange, now_us: int) -> None:
    """Carry out all that is asked for. Raises :class:`ListingError`, before anything is done."""
    listing = market.listing
    if change.seconds_delay is not None:
        listing = msgspec.structs.replace(listing, seconds_delay=change.seconds_delay)
    if change.fee_rate is not None:
        schedule = msgspec.convert({"rate": change.fee_rate}, Schedule, strict=False)
        listing = msgspec.structs.replace(listing, fee_schedule=schedule, fees_enabled=True)
    check_listing(listing)
    if change.redeem and not (change.winner or market.winner):
        raise ListingError("redeem: the market has no winner yet")
    tick = None if change.tick_size is None else price_from_dollars(change.tick_size)
    if tick is not None and tick not in TICKS:
        raise ListingError(f"tick_size: {change.tick_size} is none of Polymarket's")
    market.listing, market.fees = listing, listing.fees
    if change.accepting_orders is not None:
        market.accepting = change.accepting_orders
    if tick is not None and tick != market.tick:
        _change_tick(exchange, market, tick, now_us)
    if change.winner is not None:
        _resolve(exchange, market, change.winner, now_us)
    if change.redeem:
        _redeem(exchange, market)


def _change_tick(exchange: PolymarketExchange, market: Market, tick: Price, now_us: int) -> None:
    """Orders that are not on a coarser grid are taken out, as nobody could place them."""
    before, market.tick = market.tick, tick
    for order in _working(exchange, market):
        if order.price % tick:
            exchange.end(order, now_us)
    exchange.tell(TickChanged(market, before), now_us)
    exchange.flush(market, now_us)


def _resolve(exchange: PolymarketExchange, market: Market, winner: str, now_us: int) -> None:
    market.winner = market.tokens[0 if winner == "yes" else 1]
    market.accepting, market.closed = False, True
    for order in _working(exchange, market):
        exchange.end(order, now_us)
    exchange.set_book(market, (), (), now_us)
    exchange.tell(MarketResolved(market), now_us)


def _redeem(exchange: PolymarketExchange, market: Market) -> None:
    for account in exchange.accounts.values():
        account.cash += account.shares[market.winner]
        for token in market.tokens:
            account.shares[token] = 0


def _working(exchange: PolymarketExchange, market: Market) -> list[Order]:
    return [
        order for account in exchange.accounts.values() for order in account.working.values() if order.market is market
    ]
