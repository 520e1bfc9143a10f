"""Orders, fills and positions as the REST reads write them (OpenAPI 3.34.0).

Deprecated fields are filled as the specification still lists them. Costs of an order are in the terms of what it
positioned its owner for: YES dollars for a bid, NO dollars for an ask.
"""

from __future__ import annotations

from typing import Any

from protocol.units import Price
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Fill, Order
from venues.kalshi.exchange.position import Position
from venues.kalshi.exchange.texts import (
    SECOND_US,
    count_text,
    moment_text,
    money_short,
    money_text,
    other,
    price_text,
)


def direction(*, is_bid: bool) -> dict[str, str]:
    """The side in every vocabulary that Kalshi has for it."""
    return {
        "side": "yes",
        "action": "buy" if is_bid else "sell",
        "outcome_side": "yes" if is_bid else "no",
        "book_side": "bid" if is_bid else "ask",
    }


def prices(price: Price) -> dict[str, str]:
    """One price, from both sides."""
    return {"yes_price_dollars": price_text(price), "no_price_dollars": price_text(other(price))}


def order_document(order: Order) -> dict[str, Any]:
    """``Order``."""
    return {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        **direction(is_bid=order.is_bid),
        "type": "limit",
        "status": order.state,
        **prices(order.price),
        "fill_count_fp": count_text(order.filled),
        "remaining_count_fp": count_text(order.left),
        "initial_count_fp": count_text(order.initial),
        "taker_fill_cost_dollars": money_text(order.taker_cost),
        "maker_fill_cost_dollars": money_text(order.maker_cost),
        "taker_fees_dollars": money_text(order.taker_fees),
        "maker_fees_dollars": money_text(order.maker_fees),
        "expiration_time": None if order.expires_s is None else moment_text(order.expires_s * SECOND_US),
        "created_time": moment_text(order.created_us),
        "last_update_time": moment_text(order.updated_us),
        "self_trade_prevention_type": order.self_trade.value,
        "order_group_id": order.order_group_id,
        "cancel_order_on_pause": order.cancel_on_pause,
        "subaccount_number": 0,
        "exchange_index": order.shard,
    }


def fill_document(fill: Fill) -> dict[str, Any]:
    """``Fill``."""
    return {
        "fill_id": fill.trade_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "exchange_index": fill.shard,
        "ticker": fill.ticker,
        "market_ticker": fill.ticker,
        **direction(is_bid=fill.is_bid),
        "count_fp": count_text(fill.quantity),
        **prices(fill.price),
        "is_taker": fill.is_taker,
        "fee_cost": money_text(fill.fee),
        "created_time": moment_text(fill.t_us),
        "subaccount_number": 0,
        "ts": fill.t_us // SECOND_US,
    }


def position_document(market: Market, position: Position) -> dict[str, Any]:
    """``MarketPosition``."""
    return {
        "ticker": market.ticker,
        "exchange_index": market.shard,
        "total_traded_dollars": money_text(position.spent),
        "position_fp": count_text(position.net),
        "market_exposure_dollars": money_text(position.cost),
        "realized_pnl_dollars": money_text(position.realized),
        "fees_paid_dollars": money_text(position.fees),
        "last_updated_ts": moment_text(position.updated_us),
    }


def trade_document(fill: Fill) -> dict[str, Any]:
    """``Trade``, from its taker's side."""
    side = "yes" if fill.is_bid else "no"
    return {
        "trade_id": fill.trade_id,
        "ticker": fill.ticker,
        "count_fp": count_text(fill.quantity),
        **prices(fill.price),
        "taker_side": side,
        "taker_outcome_side": side,
        "taker_book_side": "bid" if fill.is_bid else "ask",
        "created_time": moment_text(fill.t_us),
        "is_block_trade": False,
    }


def fee_text(fee: int) -> str:
    """``fee_cost`` as the fill channel writes it."""
    return money_short(fee)
