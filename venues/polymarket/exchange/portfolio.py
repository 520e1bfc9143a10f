"""What a key may read of itself: orders, trades, balances; in pages that survive what is added in between.

Orders and trades that are younger than ``until_us`` are not there yet: reads may lag.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.amounts import amount_text, price_text
from venues.polymarket.exchange.documents import SECOND_US, order_document, trade_document
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.order import Trade
from venues.polymarket.exchange.refusal import invalid

PAGE: Final = 100
END: Final = "LTE="
"""The cursor that says that there is no more (-1)."""


def order(exchange: PolymarketExchange, owner: str, order_id: str, until_us: int) -> dict[str, Any] | None:
    """``GET /data/order/{id}``; None (null) for one that is unknown, another's, or was never filled and is gone."""
    found = exchange.orders.get(order_id.lower())
    seen = found is not None and found.owner == owner and found.created_us <= until_us
    return order_document(found) if found is not None and seen else None


def orders(exchange: PolymarketExchange, owner: str, query: Mapping[str, str], until_us: int) -> dict[str, Any]:
    """``GET /data/orders``: what is open, newest first."""
    numbered = {order_id: number for number, order_id in enumerate(exchange.orders)}
    found = [
        (numbered[one.order_id], order_document(one))
        for one in exchange.working(owner, query.get("market", ""), query.get("asset_id", ""))
        if query.get("id", "") in {"", one.order_id} and one.created_us <= until_us
    ]
    return _page(sorted(found, key=lambda item: -item[0]), query)


def trades(exchange: PolymarketExchange, owner: str, query: Mapping[str, str], until_us: int) -> dict[str, Any]:
    """``GET /data/trades``: those of the key's wallets, taker or maker, newest first."""
    every = _trades(exchange, owner, query)
    return _page((item for trade, item in every if trade.matched_us <= until_us), query)


def _trades(
    exchange: PolymarketExchange, owner: str, query: Mapping[str, str]
) -> Iterator[tuple[Trade, tuple[int, dict[str, Any]]]]:
    """Newest first, each made when it is asked for: a page is a part of very many."""
    after, before = (_moment(query, name) for name in ("after", "before"))
    every = exchange.settlement.trades
    for back, trade in enumerate(reversed(every.values()), start=1):
        seconds = trade.matched_us // SECOND_US
        account = _side(trade, owner)
        if account is None or not _wanted(trade, query):
            continue
        if (after is None or seconds > after) and (before is None or seconds < before):
            yield trade, (len(every) - back, trade_document(trade, account))


def positions(exchange: PolymarketExchange, account: Account | None, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a wallet holds on the chain, as the data API lists it (``/positions``: ``limit`` and ``offset``)."""
    if account is None:
        return []
    start, limit = (_whole(query, name, default) for name, default in (("offset", 0), ("limit", PAGE)))
    return _rows(exchange, account)[start : start + limit]


def _rows(exchange: PolymarketExchange, account: Account) -> list[dict[str, Any]]:
    rows = []
    for token, shares in account.shares.items():
        market = exchange.by_token.get(token)
        if market is None or shares <= 0:
            continue
        best = market.best(token, is_bid=True)
        rows.append(
            {
                "proxyWallet": account.wallet,
                "asset": token,
                "conditionId": market.condition,
                "size": shares / 10**6,
                "curPrice": float(price_text(0 if best is None else best)),
                "redeemable": bool(market.winner),
                "mergeable": bool(account.shares.get(market.other(token), 0) > 0),
                "negativeRisk": market.listing.neg_risk,
                "title": market.listing.question,
                "slug": market.listing.slug,
                "eventSlug": market.listing.event_slug,
                "outcome": market.outcome(token),
                "outcomeIndex": 0 if market.is_yes(token) else 1,
                "oppositeAsset": market.other(token),
                "endDate": market.listing.end_date[:10],
            }
        )
    return rows


def state(exchange: PolymarketExchange) -> dict[str, Any]:
    """The exchange's own books, for the operator: what a ledger is compared with.

    ``cash`` and ``shares`` are on the chain; ``cash_settled`` and ``shares_settled`` are as they will be when every
    trade that is not FAILED or doomed is mined.
    """
    coming: dict[str, dict[str, int]] = {}
    for trade in exchange.settlement.unfinished:
        for move in () if trade.moved or trade.doomed else trade.moves:
            sums = coming.setdefault(move.account.wallet, {})
            sums["cash"] = sums.get("cash", 0) + move.money
            sums[move.token] = sums.get(move.token, 0) + move.shares
    return {
        wallet: _account(exchange, account, coming.get(wallet, {})) for wallet, account in exchange.accounts.items()
    }


def _account(exchange: PolymarketExchange, account: Account, coming: Mapping[str, int]) -> dict[str, Any]:
    held = {token: shares for token, shares in account.shares.items() if shares}
    tokens = {*held, *(coming.keys() - {"cash"})}
    settled = {token: account.shares.get(token, 0) + coming.get(token, 0) for token in sorted(tokens)}
    mine = [
        trade_document(trade, account) | {"fee": amount_text(trade.fee), "money": amount_text(trade.money)}
        for trade in exchange.settlement.trades.values()
        if any(move.account is account for move in trade.moves)
    ]
    return {
        "kind": account.kind.name.lower(),
        "cash": amount_text(account.cash),
        "cash_settled": amount_text(account.cash + coming.get("cash", 0)),
        "cash_free": amount_text(account.free_cash()),
        "shares": {token: amount_text(shares) for token, shares in sorted(held.items())},
        "shares_settled": {token: amount_text(shares) for token, shares in settled.items() if shares},
        "orders": [order_document(one) for one in exchange.orders.values() if one.account is account],
        "trades": [] if account.unlimited or account is exchange.till else mine,
    }


def _side(trade: Trade, owner: str) -> Account | None:
    """The wallet through which a key has part in a trade."""
    if trade.taker.owner == owner:
        return trade.taker.account
    mine = [fill.order.account for fill in trade.makers if fill.order is not None and fill.order.owner == owner]
    return mine[0] if mine else None


def _wanted(trade: Trade, query: Mapping[str, str]) -> bool:
    market, maker = query.get("market", ""), query.get("maker_address", "").lower()
    tokens = {trade.taker.token, *(fill.token for fill in trade.makers)}
    wallets = {trade.taker.account.wallet.lower()}
    wallets |= {fill.order.account.wallet.lower() for fill in trade.makers if fill.order is not None}
    return (
        query.get("id", "") in {"", trade.trade_id}
        and market in {"", trade.taker.market.condition}
        and (not query.get("asset_id") or query["asset_id"] in tokens)
        and (not maker or maker in wallets)
    )


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "") or str(default)
    if not text.isdecimal():
        raise invalid(f"{name}: a whole number, not {text[:40]!r}")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise invalid(f"{name}: unix seconds, not {text[:40]!r}")
    return int(text) if text else None


def _page(items: Iterable[tuple[int, dict[str, Any]]], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of items whose numbers go down; the cursor holds the last number of the page before."""
    cursor = query.get("next_cursor", "")
    bound: int | None = None
    if cursor not in {"", "MA=="}:
        try:
            bound = int(base64.b64decode(cursor.encode(), validate=True))
        except (binascii.Error, ValueError):
            raise invalid(f"next_cursor: {cursor[:40]!r} is none of ours") from None
    if bound == -1:
        return {"limit": PAGE, "count": 0, "next_cursor": END, "data": []}
    rest = list(islice((item for item in items if bound is None or item[0] < bound), PAGE + 1))
    chosen = rest[:PAGE]
    last = len(rest) <= PAGE
    following = END if last else base64.b64encode(str(chosen[-1][0]).encode()).decode()
    return {"limit": PAGE, "count": len(chosen), "next_cursor": following, "data": [one for _, one in chosen]}
