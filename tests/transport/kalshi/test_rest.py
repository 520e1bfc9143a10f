"""Reads: signed, within the limits, tried again where that helps, and whole or not at all."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from tests.shared_data import shared_data
from tests.transport.kalshi.server import Act, Drop, Hang, Reply, Request, Server, says, serving
from tests.venues.kalshi.material import KEY_ID, TICKER, credentials, ed25519
from tests.venues.kalshi.test_account import ORDER
from transport.feeds.port import WallClock
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from transport.venue_rest import ReadFailed, RestPolicy
from venues.kalshi.hosts import API
from venues.kalshi.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_text

HASTY = RestPolicy(timeout_s=0.2, attempts=3, retry_base_s=0.001, budget_s=2)


def run(
    act: Callable[[Request], Act],
    test: Callable[[Server, KalshiReads], Awaitable[None]],
    policy: RestPolicy = HASTY,
) -> None:
    async def main() -> None:
        async with serving(act) as server:
            rest = KalshiRest(server.hosts, credentials(), WallClock(), rng=Random(1), policy=policy)
            try:
                await test(server, KalshiReads(rest))
            finally:
                await rest.close()

    asyncio.run(main())


def orders(*ids: str, cursor: str = "") -> Reply:
    return says({"orders": [ORDER | {"order_id": name, "client_order_id": name} for name in ids], "cursor": cursor})


def test_a_read_is_the_captured_one() -> None:
    vectors = json.loads(shared_data("vectors/kalshi_official_sdk_3.34.0_ed25519.json").read_text(encoding="utf-8"))
    captured = {one["path"]: one for one in vectors["requests"] if one["method"] == "GET"}

    async def test(server: Server, reads: KalshiReads) -> None:
        book = await reads.book(TICKER)
        assert book.bids == ((4_600, 2_000), (4_500, 10_000))
        assert book.asks == ((4_700, 600), (4_800, 5_000))
        balance = await reads.balance()
        assert balance.cash == 100_000_000
        assert {request.path for request in server.requests} == set(captured)
        for request in server.requests:
            theirs = captured[request.path]["headers"]
            ours = {name.title(): value for name, value in request.headers.items()}
            assert set(ours) - {"Connection"} == {name.title() for name in theirs}
            for name in ("Accept", "Content-Type", "Accept-Encoding"):
                assert ours[name] == theirs[name]
            headers = {name.upper(): value for name, value in request.headers.items()}
            assert headers[KEY_HEADER] == theirs[KEY_HEADER] == KEY_ID
            text = signed_text(int(headers[TIMESTAMP_HEADER]), "GET", request.target)
            ed25519().public_key().verify(base64.b64decode(headers[SIGNATURE_HEADER]), text.encode())

    run(lambda request: says(captured[request.path]["stub_reply"]), test)


def test_all_pages_are_one_list() -> None:
    def act(request: Request) -> Act:
        cursor = request.query.get("cursor")
        assert request.query["limit"] == "1000"
        assert request.query["ticker"] == TICKER
        return orders("c") if cursor == "two" else orders("b", cursor="two") if cursor else orders("a", cursor="one")

    async def test(_server: Server, reads: KalshiReads) -> None:
        assert [order.order_id for order in await reads.orders(TICKER)] == ["a", "b", "c"]

    run(act, test)


@pytest.mark.parametrize(
    "second",
    [
        Reply(500, b"{}"),
        Reply(400, b'{"code":"bad_cursor"}'),
        Reply(200, b"{}"),
        Reply(200, b'{"orders":[{}],"cursor":""}'),
        Reply(302, b"", {"Location": "/"}),
        orders("b", cursor="one"),
        Drop(),
        Hang(),
    ],
)
def test_a_list_with_a_page_that_is_missing_is_no_shorter_list(second: Act) -> None:
    async def test(_server: Server, reads: KalshiReads) -> None:
        with pytest.raises(ReadFailed, match=r"^incomplete: "):
            await reads.orders(TICKER)

    run(lambda request: second if "cursor" in request.query else orders("a", cursor="one"), test)


@pytest.mark.parametrize("first", [Reply(429, b"{}"), Reply(500, b"{}"), Reply(503, b"<html>"), Drop()])
def test_a_read_is_tried_again_where_that_helps(first: Act) -> None:
    async def test(server: Server, reads: KalshiReads) -> None:
        assert await reads.orders(TICKER) == []
        assert len(server.requests) == 2

    run(lambda request: orders() if request.number else first, test)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 301])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    async def test(server: Server, reads: KalshiReads) -> None:
        with pytest.raises(ReadFailed, match=r"answered \d+: some_code: its words") as caught:
            await reads.as_of()
        assert (caught.value.status, caught.value.code) == (status, "some_code")
        assert len(server.requests) == 1

    run(lambda _: says({"error": {"code": "some_code", "message": "its words"}}, status), test)


def test_trying_again_has_an_end() -> None:
    async def test(server: Server, reads: KalshiReads) -> None:
        with pytest.raises(ReadFailed, match="answered 429"):
            await reads.as_of()
        assert len(server.requests) == HASTY.attempts

    run(lambda _: Reply(429, b"{}"), test)


def test_the_tier_sets_the_pace() -> None:
    limits = {
        "usage_tier": "premier",
        "read": {"refill_rate": 1000, "bucket_capacity": 1000},
        "write": {"refill_rate": 1000, "bucket_capacity": 2000},
        "grants": [],
    }

    async def test(_server: Server, reads: KalshiReads) -> None:
        assert reads.rest.bucket.rate == 200
        assert (await reads.limits()).usage_tier == "premier"
        assert reads.rest.bucket.rate == 500, "half of it is for whoever else reads the account"

    run(lambda _: says(limits), test)


def test_no_error_holds_a_header() -> None:
    async def test(_server: Server, reads: KalshiReads) -> None:
        said: list[Any] = []
        for read in (reads.as_of, reads.orders):
            with pytest.raises(ReadFailed) as caught:
                await read()
            said += [caught.value, caught.value.__cause__, repr(caught.value)]
        assert KEY_ID not in "".join(map(str, said))

    run(lambda _: Drop(), test)


def test_markets_are_asked_for_by_the_hundred() -> None:
    def act(request: Request) -> Act:
        asked = request.query["tickers"].split(",")
        assert request.path == f"{API}/markets"
        assert len(asked) <= 100
        ranges = [{"start": "0.00", "end": "1.00", "step": "0.01"}]
        return says({"markets": [{"ticker": name, "status": "active", "price_ranges": ranges} for name in asked]})

    async def test(server: Server, reads: KalshiReads) -> None:
        tickers = [f"KX{number}" for number in range(150)]
        assert [rules.ticker for rules in await reads.markets(tickers)] == tickers
        assert len(server.requests) == 2

    run(act, test)
