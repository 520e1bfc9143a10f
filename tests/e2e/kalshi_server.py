"""A Kalshi of some lines in a thread of its own: fills what is asked at the limit, and lists it a moment later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from tests.transport.kalshi.server import Act, Drop, Request, Server, says, serving
from tests.transport.kalshi.test_port import LIMITS, ahead
from venues.kalshi.hosts import API

FEE = "0.0100"


def listed(ticker: str) -> dict[str, Any]:
    """A market that trades in whole cents."""
    ranges = [{"start": "0.00", "end": "1.00", "step": "0.01"}]
    return {"ticker": ticker, "status": "active", "exchange_index": 0, "price_ranges": ranges}


class Filling:
    """What the server does. ``lost``: so many answers never come, though the orders were filled."""

    def __init__(self, lost: int = 0) -> None:
        self.orders: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.lost = lost
        self.server: Server | None = None

    def __call__(self, request: Request) -> Act:
        if request.method == "POST":
            return self.fill(request.json)
        path, query = request.path.removeprefix(API), request.query
        wanted = query.get("order_id")
        known: dict[str, Act] = {
            "/account/limits": says(LIMITS),
            "/exchange/user_data_timestamp": says({"as_of_time": ahead(60)}),
            "/markets": says(
                {"markets": [listed(ticker) for ticker in query.get("tickers", "").split(",")], "cursor": ""}
            ),
            "/portfolio/orders": says({"orders": [one for one in self.orders if one["ticker"] == query.get("ticker")]}),
            "/portfolio/fills": says({"fills": [one for one in self.fills if wanted in {None, one["order_id"]}]}),
            "/portfolio/positions": says({"market_positions": []}),
        }
        return known.get(path, says({"code": "not_found"}, 404))

    def fill(self, asked: dict[str, Any]) -> Act:
        number, yes = len(self.orders), Decimal(asked["price"])
        ids = {"order_id": f"o{number}", "client_order_id": asked["client_order_id"]}
        if any(one["client_order_id"] == asked["client_order_id"] for one in self.orders):
            return says({"error": {"code": "order_already_exists"}}, 409)
        told = {"ticker": asked["ticker"], "book_side": asked["side"], "is_taker": True}
        self.orders.append(ids | told | {"status": "executed", "fill_count_fp": asked["count"]})
        prices = {"yes_price_dollars": str(yes), "no_price_dollars": str(1 - yes)}
        fill = {"fill_id": f"f{number}", "count_fp": asked["count"], "fee_cost": FEE, "created_time": ahead(0)}
        self.fills.append(ids | told | prices | fill)
        if self.lost:
            self.lost -= 1
            return Drop()
        filled = {"fill_count": asked["count"], "remaining_count": "0.00", "average_fill_price": asked["price"]}
        return says(ids | filled | {"ts_ms": 1}, 201)


@contextmanager
def kalshi(filling: Filling) -> Iterator[str]:
    """The server's origin, for as long as the block lasts."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        async with serving(filling) as server:
            filling.server = server
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="kalshi")
    thread.start()
    try:
        assert ready.wait(30)
        assert filling.server is not None
        yield filling.server.hosts.rest
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(30)
