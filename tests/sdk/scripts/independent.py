"""An independent client: orders by REST while it follows book, fills and orders by WebSocket. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys

import httpx
from kalshi import AsyncKalshiClient
from kalshi.auth import KalshiAuth
from kalshi.config import KalshiConfig
from kalshi.errors import KalshiError, KalshiOrderbookUnavailableError
from kalshi.models.orders import CreateOrderV2Request
from kalshi.ws import KalshiWebSocket

TICKER = "KXDEMO-27DEC31-RAIN"
PATIENCE_S = 10


def order(client_order_id: str, **changes: object) -> CreateOrderV2Request:
    fields = {
        "ticker": TICKER,
        "side": "bid",
        "count": "8.00",
        "price": "0.4800",
        "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "taker_at_cross",
        "exchange_index": 0,
    }
    return CreateOrderV2Request(**(fields | changes), client_order_id=client_order_id)


async def until(stream: object, true: object) -> object:
    async def look() -> object:
        while True:
            try:
                item = await anext(stream)
            except KalshiOrderbookUnavailableError:
                continue
            if true(item):
                return item

    return await asyncio.wait_for(look(), PATIENCE_S)


def top(book: object) -> list[str]:
    return [f"{level.price}x{level.quantity}" for level in (book.yes[-1], book.no[-1])]


async def lose_a_frame(admin_url: str) -> None:
    """The exchange skips one: this client is to notice, and to subscribe again by itself."""
    async with httpx.AsyncClient() as http:
        fault = {"name": "gap", "channel": "orderbook_delta"}
        (await http.post(f"{admin_url}/faults", json=fault)).raise_for_status()


async def main(rest_url: str, ws_url: str, admin_url: str, key_id: str, key_file: str) -> dict[str, object]:
    auth = KalshiAuth.from_key_path(key_id, key_file)
    config = KalshiConfig(base_url=rest_url, ws_base_url=ws_url, max_retries=0)
    async with AsyncKalshiClient(auth=auth, config=config) as client:
        async with KalshiWebSocket(auth=auth, config=config).connect() as socket:
            fills = await socket.subscribe_fill()
            changes = await socket.subscribe_user_orders()
            trades = await socket.subscribe_trade(tickers=[TICKER])
            tickers = await socket.subscribe_ticker(tickers=[TICKER])
            # The last: while this client subscribes, it drops what arrives for what it subscribed before.
            books = await socket.orderbook(TICKER)
            first = top(await until(books, lambda book: book.yes))
            placed = await client.orders.create_v2(request=order("i-filled"))
            fill = await until(fills, lambda _: True)
            trade = await until(trades, lambda _: True)
            ticker = await until(tickers, lambda _: True)
            change = await until(changes, lambda one: one.msg.client_order_id == "i-filled")
            book = top(await until(books, lambda book: book.no[-1].quantity == 48))
            rest = order("i-rests", time_in_force="good_till_canceled", price="0.4400")
            resting = await client.orders.create_v2(request=rest)
            seen = await until(books, lambda book: any(str(level.price) == "0.4400" for level in book.yes))
            canceled = await client.orders.cancel_v2(resting.order_id, market_ticker=TICKER)
            await until(books, lambda book: all(str(level.price) != "0.4400" for level in book.yes))
            await lose_a_frame(admin_url)
            for name in ("i-lost", "i-after"):
                await client.orders.create_v2(request=order(name, count="1.00"))
            mended = top(await until(books, lambda book: book.no[-1].quantity == 46))
        try:
            await client.orders.create_v2(request=order("i-filled"))
            refused = None
        except KalshiError as error:
            refused = error.status_code
        listed = [one async for one in client.orders.list_all(limit=1)]
        done = [one async for one in client.orders.fills_all(limit=1)]
        balance = await client.portfolio.balance()
        positions = await client.portfolio.positions()
        return {
            "placed": [str(placed.fill_count), str(placed.average_fill_price)],
            "first": first,
            "book": book,
            "mended": mended,
            "fill": [str(fill.msg.count), str(fill.msg.yes_price), str(fill.msg.fee_cost)],
            "trade": str(trade.msg.count),
            "ticker": str(ticker.msg.yes_bid),
            "change": change.msg.status,
            "resting_levels": len(seen.yes),
            "canceled": str(canceled.reduced_by),
            "refused": refused,
            "orders": [[one.client_order_id, one.status] for one in listed],
            "fills": [str(one.count) for one in done],
            "balance": str(balance.balance),
            "positions": [str(one.position) for one in positions.market_positions],
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:])), default=str))
