"""WebSocket frames of both channels, as objects."""

from __future__ import annotations

from typing import Any

from protocol.units import DOLLAR, Price
from venues.polymarket.exchange.amounts import amount_text, price_text
from venues.polymarket.exchange.documents import (
    SECOND_US,
    book_document,
    millis,
    order_document,
    side_text,
    size_at,
    trade_document,
)
from venues.polymarket.exchange.events import OrderNews
from venues.polymarket.exchange.ids import book_hash
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Order, Trade


def book(market: Market, token: str) -> dict[str, Any]:
    """``book``: all of a token's book."""
    return {"event_type": "book", **book_document(market, token)}


def price_change(market: Market, places: tuple[tuple[bool, Price], ...]) -> dict[str, Any]:
    """``price_change``: levels of both tokens, each with the best prices after all of it."""
    changes = []
    for is_bid, price in places:
        for token in market.tokens:
            bids = market.is_bid(token, buys=is_bid)
            own = market.in_yes(token, price)
            size = size_at(market, token, own, is_bid=bids)
            bid, ask = (side_text(market, token, is_bid=side) for side in (True, False))
            changes.append(
                {
                    "asset_id": token,
                    "price": price_text(own),
                    "size": amount_text(size),
                    "side": "BUY" if bids else "SELL",
                    "hash": book_hash(token, own, bids, size),
                    "best_bid": bid,
                    "best_ask": ask,
                }
            )
    return {
        "event_type": "price_change",
        "market": market.condition,
        "timestamp": millis(market.t_us),
        "price_changes": changes,
    }


def last_trade(trade: Trade) -> dict[str, Any]:
    """``last_trade_price``."""
    taker = trade.taker
    return {
        "event_type": "last_trade_price",
        "asset_id": taker.token,
        "market": taker.market.condition,
        "price": price_text(trade.price),
        "size": amount_text(trade.size),
        "side": taker.side,
        "fee_rate_bps": amount_text(taker.market.fees.rate_ppm * 10_000),
        "timestamp": millis(trade.matched_us),
    }


def tick_change(market: Market, token: str, before: Price, now_us: int) -> dict[str, Any]:
    """``tick_size_change``."""
    return {
        "event_type": "tick_size_change",
        "asset_id": token,
        "market": market.condition,
        "old_tick_size": price_text(before),
        "new_tick_size": price_text(market.tick),
        "timestamp": millis(now_us),
    }


def best(market: Market, token: str) -> dict[str, Any]:
    """``best_bid_ask``."""
    bid, ask = market.best(token, is_bid=True) or Price(0), market.best(token, is_bid=False) or DOLLAR
    return {
        "event_type": "best_bid_ask",
        "market": market.condition,
        "asset_id": token,
        "best_bid": price_text(bid),
        "best_ask": price_text(ask),
        "spread": price_text(ask - bid),
        "timestamp": millis(market.t_us),
    }


def listed(market: Market, now_us: int) -> dict[str, Any]:
    """``new_market``."""
    return {
        "event_type": "new_market",
        **_described(market, now_us),
        "slug": market.listing.slug,
        "description": market.listing.description,
        "outcomes": list(market.listing.outcome_names),
    }


def resolved(market: Market, now_us: int) -> dict[str, Any]:
    """``market_resolved``."""
    return {
        "event_type": "market_resolved",
        **_described(market, now_us),
        "winning_asset_id": market.winner,
        "winning_outcome": market.outcome(market.winner),
    }


def order(one: Order, news: OrderNews, now_us: int) -> dict[str, Any]:
    """``order`` of the user channel; its status is bare, as the channel has it."""
    document = order_document(one)
    return {
        "event_type": "order",
        **document,
        "type": news,
        "status": one.status,
        "order_owner": one.owner,
        "created_at": str(document["created_at"]),
        "timestamp": millis(now_us),
    }


def trade(one: Trade, owner: str, now_us: int) -> dict[str, Any]:
    """``trade`` of the user channel, as the wallet of that key sees it; its status is bare."""
    mine = [fill.order for fill in one.makers if fill.order is not None and fill.order.owner == owner]
    account = one.taker.account if one.taker.owner == owner else mine[0].account if mine else None
    return {
        "event_type": "trade",
        "type": "TRADE",
        **trade_document(one, account),
        "status": one.status,
        "trade_owner": owner,
        "matchtime": str(one.matched_us // SECOND_US),
        "timestamp": millis(now_us),
    }


def _described(market: Market, now_us: int) -> dict[str, Any]:
    return {
        "id": str(market.number),
        "question": market.listing.question,
        "market": market.condition,
        "assets_ids": list(market.tokens),
        "timestamp": millis(now_us),
    }
