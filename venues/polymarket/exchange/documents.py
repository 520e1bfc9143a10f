"""Books, orders, trades and balances as the CLOB's replies have them."""

from __future__ import annotations

from typing import Any

from protocol.units import Price
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.amounts import Shares, amount_text, price_text
from venues.polymarket.exchange.ids import book_hash
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import MakerFill, Order, Trade

MILLISECOND_US = 1_000
SECOND_US = 1_000_000
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The key that the house's orders belong to."""


def millis(t_us: int) -> str:
    """A moment as text, unix milliseconds."""
    return str(t_us // MILLISECOND_US)


def levels_document(market: Market, token: str, *, is_bid: bool) -> list[dict[str, str]]:
    """A side of a token's book, best last."""
    rows = reversed(market.shown(token, is_bid=is_bid))
    return [{"price": price_text(price), "size": amount_text(size)} for price, size in rows]


def book_document(market: Market, token: str) -> dict[str, Any]:
    """``GET /book``, and what a ``book`` event holds."""
    bids, asks = (levels_document(market, token, is_bid=is_bid) for is_bid in (True, False))
    last = market.in_yes(token, market.last_price) if market.last_side else None
    return {
        "market": market.condition,
        "asset_id": token,
        "timestamp": millis(market.t_us),
        "hash": book_hash(token, bids, asks),
        "bids": bids,
        "asks": asks,
        "min_order_size": amount_text(market.listing.least),
        "tick_size": price_text(market.tick),
        "neg_risk": market.listing.neg_risk,
        "last_trade_price": "" if last is None else price_text(last),
    }


def order_document(order: Order) -> dict[str, Any]:
    """An order, as the reads have it."""
    return {
        "id": order.order_id,
        "status": f"ORDER_STATUS_{order.status}",
        "owner": order.owner,
        "maker_address": order.account.wallet,
        "market": order.market.condition,
        "asset_id": order.token,
        "side": order.side,
        "original_size": amount_text(order.size),
        "size_matched": amount_text(order.filled),
        "price": price_text(order.price),
        "outcome": order.market.outcome(order.token),
        "expiration": str(order.expires_s),
        "order_type": order.kind,
        "associate_trades": list(order.trades),
        "created_at": order.created_us // SECOND_US,
    }


def maker_document(market: Market, fill: MakerFill) -> dict[str, Any]:
    """A maker's part of a trade."""
    order = fill.order
    return {
        "order_id": fill.order_id,
        "owner": NOBODY if order is None else order.owner,
        "maker_address": "0x" + "0" * 40 if order is None else order.account.wallet,
        "matched_amount": amount_text(fill.size),
        "price": price_text(fill.price),
        "fee_rate_bps": "0",
        "asset_id": fill.token,
        "outcome": market.outcome(fill.token),
        "side": fill.side,
    }


def trade_document(trade: Trade, account: Account | None) -> dict[str, Any]:
    """A trade, as that wallet's reads have it. The fee is not in it: the market's schedule says what it is."""
    taker, market = trade.taker, trade.taker.market
    return {
        "id": trade.trade_id,
        "taker_order_id": taker.order_id,
        "market": market.condition,
        "asset_id": taker.token,
        "side": taker.side,
        "size": amount_text(trade.size),
        "fee_rate_bps": amount_text(market.fees.rate_ppm * 10_000),
        "price": price_text(trade.price),
        "status": f"TRADE_STATUS_{trade.status}",
        "match_time": str(trade.matched_us // SECOND_US),
        "last_update": str(trade.updated_us // SECOND_US),
        "outcome": market.outcome(taker.token),
        "bucket_index": 0,
        "owner": taker.owner,
        "maker_address": taker.account.wallet,
        "transaction_hash": trade.transaction,
        "trader_side": "TAKER" if account is taker.account else "MAKER",
        "maker_orders": [maker_document(market, fill) for fill in trade.makers],
    }


def balance_document(account: Account, token: str) -> dict[str, Any]:
    """``GET /balance-allowance``: what the chain has, of pUSD or of a token.

    What is matched and not mined is not in it, and open orders take nothing off.
    """
    if not token:
        allowances = {spender: str(most) for spender, most in account.allowances.items()}
        return {"balance": str(account.cash), "allowances": allowances}
    most = str((1 << 256) - 1)
    allowances = {spender: most if approved else "0" for spender, approved in account.approved.items()}
    return {"balance": str(account.shares.get(token, 0)), "allowances": allowances}


def market_document(market: Market) -> dict[str, Any]:
    """``GET /clob-markets/{condition_id}``; ``fd`` is null where nothing is charged."""
    listing, fees = market.listing, market.fees
    schedule = {"r": _number(fees.rate_ppm, 10**6), "e": fees.exponent, "to": True}
    return {
        "c": market.condition,
        "t": [{"t": token, "o": name} for token, name in zip(market.tokens, listing.outcome_names, strict=True)],
        "mos": _number(market.listing.least, 10**6),
        "mts": _number(market.tick, 10**4),
        "mbf": 1000,
        "tbf": 1000,
        "ao": market.accepting and not market.closed,
        "nr": listing.neg_risk,
        "sd": listing.seconds_delay,
        "v": listing.version,
        "fd": schedule if fees.rate_ppm else None,
    }


def side_text(market: Market, token: str, *, is_bid: bool) -> str:
    """The best price of a side: 0 where no bid is, 1 where no ask is."""
    best = market.best(token, is_bid=is_bid)
    return price_text((Price(0) if is_bid else Price(10_000)) if best is None else best)


def size_at(market: Market, token: str, price: Price, *, is_bid: bool) -> Shares:
    """What rests at one of the token's prices."""
    place = market.in_yes(token, price)
    return Shares(market.book.size(place, is_bid=market.is_bid(token, buys=is_bid)))


def _number(units: int, one: int) -> float | int:
    """A number as JSON has it. Of a scale that a float holds exactly enough to be written as it is meant."""
    return units // one if units % one == 0 else units / one
