"""Kalshi's own client: create, fill, kill, rest, cancel, and every read of it. Prints what it was told, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import kalshi_python_async as kalshi
from kalshi_python_async.auth import KalshiAuth
from kalshi_python_async.exceptions import ApiException

TICKER = "KXDEMO-27DEC31-RAIN"
ORDER = {
    "ticker": TICKER,
    "side": "bid",
    "count": "6.00",
    "price": "0.4700",
    "time_in_force": "immediate_or_cancel",
    "self_trade_prevention_type": "taker_at_cross",
    "exchange_index": 0,
}


async def refused(call: object) -> list[object]:
    try:
        await call
    except ApiException as error:
        return [error.status, json.loads(error.body)["error"]["code"]]
    return []


async def main(rest_url: str, key_id: str, pem: str) -> dict[str, object]:
    configuration = kalshi.Configuration(host=rest_url)
    async with kalshi.ApiClient(configuration) as client:
        # `set_kalshi_auth` of 3.34.0 names a class that it does not import; this is what it would do.
        client.kalshi_auth = KalshiAuth(key_id, pem)
        orders, portfolio = kalshi.OrdersApi(client), kalshi.PortfolioApi(client)
        markets, exchange, account = kalshi.MarketApi(client), kalshi.ExchangeApi(client), kalshi.AccountApi(client)
        events = kalshi.EventsApi(client)
        filled = await orders.create_order_v2(**ORDER, client_order_id="o-filled")
        again = await refused(orders.create_order_v2(**ORDER, client_order_id="o-filled"))
        kill = ORDER | {"time_in_force": "fill_or_kill", "count": "900.00"}
        killed = await refused(orders.create_order_v2(**kill, client_order_id="o-killed"))
        spent = await refused(orders.create_order_v2(**kill, client_order_id="o-killed"))
        rest = ORDER | {"time_in_force": "good_till_canceled", "price": "0.4100"}
        resting = await orders.create_order_v2(**rest, client_order_id="o-resting")
        canceled = await orders.cancel_order_v2(resting.order_id, market_ticker=TICKER)
        gone = await refused(orders.cancel_order_v2(resting.order_id, market_ticker=TICKER))
        off_grid = await refused(orders.create_order_v2(**(ORDER | {"price": "0.4750"})))
        listed = await orders.get_orders(ticker=TICKER)
        one = await orders.get_order(filled.order_id)
        fills = await portfolio.get_fills()
        positions = await portfolio.get_positions()
        balance = await portfolio.get_balance()
        await portfolio.get_settlements()
        book = await markets.get_market_orderbook(TICKER)
        status = await exchange.get_exchange_status()
        await exchange.get_exchange_schedule()
        await exchange.get_user_data_timestamp()
        page = await markets.get_markets(limit=2)
        rest_of_them = await markets.get_markets(limit=2, cursor=page.cursor)
        market = await markets.get_market(TICKER)
        await events.get_events(with_nested_markets=True)
        await events.get_event("KXDEMO-27DEC31")
        await markets.get_series("KXDEMO")
        await markets.get_trades()
        limits = await account.get_account_api_limits()
        return {
            "filled": [filled.fill_count, filled.remaining_count, filled.average_fill_price, filled.average_fee_paid],
            "refused": [again, killed, spent, gone, off_grid],
            "canceled": canceled.reduced_by,
            "orders": [[order.client_order_id, order.status.value] for order in listed.orders],
            "order": [one.order.status.value, one.order.fill_count_fp, one.order.taker_fees_dollars],
            "fills": [[fill.count_fp, fill.yes_price_dollars, fill.fee_cost, fill.is_taker] for fill in fills.fills],
            "positions": [[held.ticker, held.position_fp] for held in positions.market_positions],
            "balance": [balance.balance, balance.balance_dollars],
            "book": [book.orderbook_fp.yes_dollars[-1], book.orderbook_fp.no_dollars[-1]],
            "status": [status.exchange_active, status.trading_active],
            "markets": [one.ticker for one in [*page.markets, *rest_of_them.markets]],
            "market": [market.market.status, market.market.price_level_structure],
            "limits": [limits.usage_tier, limits.read.refill_rate],
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text())), default=str))
