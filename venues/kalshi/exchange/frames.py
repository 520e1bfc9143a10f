"""What the WebSocket channels carry (AsyncAPI 2.0.0): the `msg` of each frame."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from protocol.units import Money
from venues.kalshi.exchange.catalog import sides, top_document
from venues.kalshi.exchange.documents import direction, prices
from venues.kalshi.exchange.events import LevelMoved, PositionChanged
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Fill, Order
from venues.kalshi.exchange.texts import (
    MILLISECOND_US,
    SECOND_US,
    count_text,
    moment_text,
    money_short,
    money_text,
    other,
    price_text,
)

ERRORS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Unable to process message",
        2: "Params required",
        3: "Channels required",
        4: "Subscription IDs required",
        5: "Unknown command",
        7: "Unknown subscription ID",
        8: "Unknown channel name",
        10: "Channel error",
        11: "Invalid parameter",
        12: "Exactly one subscription ID is required",
        13: "Unsupported action",
        14: "Market Ticker required",
        15: "Action required",
        18: "Command timeout",
        25: "Subscription buffer overflow",
        26: "Subscription market limit exceeded",
        27: "Too many requests",
    }
)
"""The codes that this exchange sends, and their words."""


def snapshot(market: Market, *, yes_price: bool) -> dict[str, Any]:
    """``orderbook_snapshot``; an empty side is left out."""
    yes, no = sides(market, yes_price=yes_price)
    msg: dict[str, Any] = {"market_ticker": market.ticker, "market_id": market.market_id, "clock": market.clock}
    if yes:
        msg["yes_dollars_fp"] = yes
    if no:
        msg["no_dollars_fp"] = no
    return msg


def delta(event: LevelMoved, user_id: str, now_us: int, *, yes_price: bool) -> dict[str, Any]:
    """``orderbook_delta``; who caused it learns by which order."""
    market, price = event.market, event.price
    msg: dict[str, Any] = {
        "market_ticker": market.ticker,
        "market_id": market.market_id,
        "clock": market.clock,
        "price_dollars": price_text(price if event.is_bid or yes_price else other(price)),
        "delta_fp": count_text(event.delta),
        "side": "yes" if event.is_bid else "no",
        "ts": moment_text(now_us),
        "ts_ms": now_us // MILLISECOND_US,
    }
    if event.cause is not None and event.cause.user_id == user_id and event.cause.client_order_id:
        msg["client_order_id"] = event.cause.client_order_id
    return msg


def ticker(market: Market, now_us: int) -> dict[str, Any]:
    """``ticker``."""
    dollars = market.traded // 1_000_000
    return {
        "market_id": market.market_id,
        "market_ticker": market.ticker,
        "price_dollars": price_text(market.last_price),
        **top_document(market),
        "volume_fp": count_text(market.volume),
        "open_interest_fp": count_text(market.open_interest),
        "dollar_volume": dollars,
        "dollar_open_interest": market.open_interest // 100,
        "last_trade_size_fp": count_text(market.last_size),
        "ts": now_us // SECOND_US,
        "ts_ms": now_us // MILLISECOND_US,
        "time": moment_text(now_us),
    }


def trade(fill: Fill) -> dict[str, Any]:
    """``trade``, from its taker's side."""
    side = "yes" if fill.is_bid else "no"
    return {
        "trade_id": fill.trade_id,
        "market_ticker": fill.ticker,
        **prices(fill.price),
        "count_fp": count_text(fill.quantity),
        "taker_side": side,
        "taker_outcome_side": side,
        "taker_book_side": "bid" if fill.is_bid else "ask",
        "is_block_trade": False,
        "ts": fill.t_us // SECOND_US,
        "ts_ms": fill.t_us // MILLISECOND_US,
    }


def fill(done: Fill) -> dict[str, Any]:
    """``fill``."""
    msg: dict[str, Any] = {
        "trade_id": done.trade_id,
        "order_id": done.order_id,
        "market_ticker": done.ticker,
        "exchange_index": done.shard,
        "is_taker": done.is_taker,
        **direction(is_bid=done.is_bid),
        "purchased_side": "yes" if done.is_bid else "no",
        "yes_price_dollars": price_text(done.price),
        "count_fp": count_text(done.quantity),
        "fee_cost": money_short(Money(done.fee)),
        "post_position_fp": count_text(done.position),
        "ts": done.t_us // SECOND_US,
        "ts_ms": done.t_us // MILLISECOND_US,
    }
    return msg | {"client_order_id": done.client_order_id} if done.client_order_id else msg


def user_order(order: Order) -> dict[str, Any]:
    """``user_order``."""
    sides_of = direction(is_bid=order.is_bid)
    msg: dict[str, Any] = {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        "exchange_index": order.shard,
        "status": order.state,
        "side": sides_of["side"],
        "is_yes": True,
        "outcome_side": sides_of["outcome_side"],
        "book_side": sides_of["book_side"],
        "yes_price_dollars": price_text(order.price),
        "fill_count_fp": count_text(order.filled),
        "remaining_count_fp": count_text(order.left),
        "initial_count_fp": count_text(order.initial),
        "taker_fill_cost_dollars": money_text(order.taker_cost),
        "maker_fill_cost_dollars": money_text(order.maker_cost),
        "taker_fees_dollars": money_text(order.taker_fees),
        "maker_fees_dollars": money_text(order.maker_fees),
        "self_trade_prevention_type": order.self_trade.value,
        "created_time": moment_text(order.created_us),
        "created_ts_ms": order.created_us // MILLISECOND_US,
        "last_update_time": moment_text(order.updated_us),
        "last_updated_ts_ms": order.updated_us // MILLISECOND_US,
        "subaccount_number": 0,
    }
    if order.expires_s is not None:
        msg |= {"expiration_ts_ms": order.expires_s * 1000, "expiration_time": moment_text(order.expires_s * SECOND_US)}
    return msg | {"last_update_reason": order.reason} if order.reason is not None else msg


def position(event: PositionChanged) -> dict[str, Any]:
    """``market_position``."""
    held = event.position
    return {
        "user_id": event.account.user_id,
        "market_ticker": event.market.ticker,
        "position_fp": count_text(held.net),
        "position_cost_dollars": money_text(held.cost),
        "realized_pnl_dollars": money_text(held.realized),
        "fees_paid_dollars": money_text(held.fees),
        "position_fee_cost_dollars": money_text(held.fees),
        "volume_fp": count_text(held.volume),
    }
