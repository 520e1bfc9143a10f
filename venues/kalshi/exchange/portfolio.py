"""What a member reads of their own: orders, fills, positions, balance, limits; as far as the reads show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocol.units import DOLLAR
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.buckets import CANCEL_COST, DEFAULT_COST, Buckets
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.page import limit_of, number_of, page, paged
from venues.kalshi.exchange.refusal import Refusal, invalid
from venues.kalshi.exchange.texts import SECOND_US, cents, count_text, moment_text, money_text
from venues.kalshi.exchange.view import Document, Kind

_STATES: Final = frozenset({"resting", "canceled", "executed"})
_ZERO: Final = "0.00"


def orders(account: Account, query: Mapping[str, str]) -> dict[str, Any]:
    """``GET /portfolio/orders``, newest first."""
    status = query.get("status", "")
    if status and status not in _STATES:
        raise invalid(f"status: resting, canceled or executed, not {status[:40]!r}")
    events = set(filter(None, query.get("event_ticker", "").split(",")))
    found = [
        document
        for document in _newest(account, "orders", query, "created_time")
        if status in {"", document["status"]}
        and query.get("ticker", "") in {"", document["ticker"]}
        and (not events or document["ticker"].rpartition("-")[0] in events)
    ]
    chosen, cursor = page(found, limit_of(query, 100, 1000), query.get("cursor", ""), lambda item: item["order_id"])
    return paged("orders", chosen, cursor)


def order(account: Account, order_id: str) -> dict[str, Any]:
    """``GET /portfolio/orders/{order_id}``."""
    document = account.view.get("orders", order_id)
    if document is None:
        raise Refusal(404, "not_found", "order not found")
    return {"order": document}


def fills(account: Account, query: Mapping[str, str]) -> dict[str, Any]:
    """``GET /portfolio/fills``, newest first."""
    tickers = set(filter(None, query.get("ticker", "").split(",")))
    found = [
        document
        for document in _newest(account, "fills", query, "created_time")
        if (not tickers or document["ticker"] in tickers) and query.get("order_id", "") in {"", document["order_id"]}
    ]

    def key(document: Document) -> str:
        return f"{document['trade_id']}/{document['order_id']}"

    chosen, cursor = page(found, limit_of(query, 100, 1000), query.get("cursor", ""), key)
    return paged("fills", chosen, cursor)


def positions(account: Account, exchange: KalshiExchange, query: Mapping[str, str]) -> dict[str, Any]:
    """``GET /portfolio/positions``, by ticker; the sums of events are those of the page."""
    wanted = set(filter(None, query.get("count_filter", "").split(",")))
    event = query.get("event_ticker", "")
    found = [
        document
        for ticker, document in sorted(account.view.shown("positions").items())
        if query.get("ticker", "") in {"", ticker}
        and event in {"", exchange.markets[ticker].listing.event}
        and _on_shard(document, query)
        and not ("position" in wanted and "total_traded" not in wanted and document["position_fp"] == _ZERO)
    ]
    chosen, cursor = page(found, limit_of(query, 100, 1000), query.get("cursor", ""), lambda item: item["ticker"])
    events: dict[str, list[str]] = {}
    for document in chosen:
        events.setdefault(exchange.markets[document["ticker"]].listing.event, []).append(document["ticker"])
    sums = [_event_sum(account, name, tickers) for name, tickers in events.items()]
    return {"market_positions": chosen, "event_positions": sums, "cursor": cursor}


def settlements(account: Account, query: Mapping[str, str]) -> dict[str, Any]:
    """``GET /portfolio/settlements``, newest first."""
    found = [
        document
        for document in _newest(account, "settlements", query, "settled_time")
        if query.get("ticker", "") in {"", document["ticker"]}
        and query.get("event_ticker", "") in {"", document["event_ticker"]}
    ]
    chosen, cursor = page(found, limit_of(query, 100, 1000), query.get("cursor", ""), lambda item: item["ticker"])
    return paged("settlements", chosen, cursor)


def balance(account: Account, exchange: KalshiExchange, query: Mapping[str, str]) -> dict[str, Any]:
    """``GET /portfolio/balance``: in cents, in dollars, and by shard."""
    only = number_of(query, "exchange_index")
    shown = {int(shard): document for shard, document in account.view.shown("balances").items()}
    scope = [document for shard, document in shown.items() if only in {None, -1, shard}]
    money = sum(document["money"] for document in scope)
    value = 0
    for ticker, held in account.positions.items():
        market = exchange.markets[ticker]
        if only in {None, -1, market.shard}:
            value += abs(held.net) * (market.last_price if held.net > 0 else DOLLAR - market.last_price)
    return {
        "balance": cents(money),
        "balance_dollars": money_text(money),
        "portfolio_value": cents(value),
        "updated_ts": max((document["t"] for document in scope), default=0) // SECOND_US,
        "balance_breakdown": [
            {"exchange_index": shard, "balance": document["text"]} for shard, document in sorted(shown.items())
        ],
    }


def limits(buckets: Buckets) -> dict[str, Any]:
    """``GET /account/limits``."""
    return {
        "usage_tier": buckets.tier,
        "read": {"refill_rate": buckets.read_rate, "bucket_capacity": buckets.read_rate},
        "write": {"refill_rate": buckets.write_rate, "bucket_capacity": buckets.write_rate},
        "grants": [],
    }


def endpoint_costs() -> dict[str, Any]:
    """``GET /account/endpoint_costs``."""
    path = "/trade-api/v2/portfolio/events/orders"
    costs = [
        {"method": "DELETE", "path": f"{path}/:order_id", "cost": CANCEL_COST},
        {"method": "DELETE", "path": f"{path}/batched", "cost": CANCEL_COST},
    ]
    return {"default_cost": DEFAULT_COST, "endpoint_costs": costs}


def as_of(account: Account | None, now_us: int) -> dict[str, Any]:
    """``GET /exchange/user_data_timestamp``: how far the reads are."""
    return {"as_of_time": moment_text(now_us if account is None else account.view.as_of_us)}


def _newest(account: Account, kind: Kind, query: Mapping[str, str], stamp: str) -> list[Document]:
    """All of a kind, newest first, of the query's shard and between its times (unix seconds)."""
    earliest, latest = number_of(query, "min_ts"), number_of(query, "max_ts")
    low = None if earliest is None else moment_text(earliest * SECOND_US)
    high = None if latest is None else moment_text(latest * SECOND_US)
    return [
        document
        for document in reversed(account.view.shown(kind).values())
        if (low is None or document[stamp] >= low)
        and (high is None or document[stamp] <= high)
        and _on_shard(document, query)
    ]


def _on_shard(document: Document, query: Mapping[str, str]) -> bool:
    return number_of(query, "exchange_index") in {None, -1, document["exchange_index"]}


def _event_sum(account: Account, event: str, tickers: list[str]) -> dict[str, Any]:
    held = [account.positions[ticker] for ticker in tickers]
    return {
        "event_ticker": event,
        "total_cost_dollars": money_text(sum(one.spent for one in held)),
        "total_cost_shares_fp": count_text(sum(one.volume for one in held)),
        "event_exposure_dollars": money_text(sum(one.cost for one in held)),
        "realized_pnl_dollars": money_text(sum(one.realized for one in held)),
        "fees_paid_dollars": money_text(sum(one.fees for one in held)),
    }
