"""What Kalshi says there is to be spent, and when that is not told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from protocol.terms import Action, Status
from protocol.units import Money
from tests.transport.feed_clock import JumpingClock
from tests.transport.kalshi.server import Drop, Server
from tests.transport.kalshi.test_port import Kalshi, placed, run
from tests.venues.kalshi.material import TICKER, leg
from transport.kalshi.funds import FRESH_US, ShardFunds
from transport.kalshi.port import KalshiPort
from venues.kalshi.account import read_balance
from venues.kalshi.grid import CENTS, MarketRules


async def counted(port: KalshiPort) -> tuple[list[tuple[str, Money]] | None, str | None]:
    told: asyncio.Future[tuple[list[tuple[str, Money]] | None, str | None]] = asyncio.Future()
    port.cash(lambda accounts, why: told.set_result((None if accounts is None else list(accounts), why)))
    return await asyncio.wait_for(told, 5)


def test_cash_is_told_of_each_shard_or_of_the_account() -> None:
    shards = [{"exchange_index": 0, "balance": "90.000000"}, {"exchange_index": 3, "balance": "10.5"}]
    kalshi = Kalshi()

    async def test(_server: Server, port: KalshiPort) -> None:
        assert await counted(port) == ([("", Money(5_000_000))], None)
        kalshi.balance = {"balance": 10_050, "balance_dollars": "100.5", "balance_breakdown": shards}
        assert await counted(port) == ([("0", Money(90_000_000)), ("3", Money(10_500_000))], None)

    run(kalshi, test)


@pytest.mark.parametrize(
    ("change", "ordered", "why"),
    [
        ({"as_of": -1.0}, False, None),
        ({"as_of": -1.0}, True, "lag behind"),
        ({"as_of": 60.0}, True, None),
        ({"broken": "/portfolio/balance"}, False, "500"),
        ({"balance": {"balance_dollars": "plenty"}}, False, "cannot be read"),
    ],
)
def test_cash_of_before_an_order_is_not_told(change: dict[str, Any], ordered: bool, why: str | None) -> None:
    async def test(_server: Server, port: KalshiPort) -> None:
        if ordered:
            await placed(port)
        accounts, failed = await counted(port)
        assert (accounts is None) is (why is not None)
        assert (why or "") in (failed or "")

    run(Kalshi(post=Drop(), **change), test)


SHARDS = [{"exchange_index": 0, "balance": "90.000000"}, {"exchange_index": 3, "balance": "0"}]
NONE_THERE = {"balance": 9_000, "balance_dollars": "90", "balance_breakdown": SHARDS}


def test_the_shards_of_markets_are_told_with_the_cash() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        told: asyncio.Future[Any] = asyncio.Future()
        port.cash_and_shards(("KXNONE", TICKER), lambda *said: told.set_result(said))
        accounts, shards, why = await asyncio.wait_for(told, 5)
        assert (list(accounts), list(shards), why) == (
            [("0", Money(90_000_000)), ("3", Money(0))],
            [(TICKER, "3")],
            None,
        )
        assert any(request.query.get("tickers") == f"KXNONE,{TICKER}" for request in server.requests)

    run(Kalshi(balance=NONE_THERE), test)


def test_what_the_account_has_is_told_also_where_the_markets_cannot_be_read() -> None:
    kalshi = Kalshi(balance=NONE_THERE)

    async def test(_server: Server, port: KalshiPort) -> None:
        kalshi.broken = "/markets"
        told: asyncio.Future[Any] = asyncio.Future()
        port.cash_and_shards((TICKER,), lambda *said: told.set_result(said))
        accounts, shards, why = await asyncio.wait_for(told, 10)
        assert (len(accounts), list(shards), why) == (2, [], None)

    run(kalshi, test)


def test_nothing_is_bought_on_a_shard_that_is_known_to_have_nothing() -> None:
    kalshi = Kalshi(balance=NONE_THERE)

    async def test(server: Server, port: KalshiPort) -> None:
        await counted(port)
        refused = await placed(port)
        assert refused.status is Status.REJECTED
        assert refused.error == f"cash: {TICKER} is on shard 3 of kalshi, which has none; what there is is on shard 0"
        assert not any(request.method == "POST" for request in server.requests)
        # What is held can be sold: a sale brings cash.
        assert (await placed(port, leg(leg_id="s", action=Action.SELL))).status is not Status.REJECTED
        kalshi.balance = {**NONE_THERE, "balance_breakdown": [{"exchange_index": 3, "balance": "0.01"}]}
        await counted(port)
        # That it is too little is Kalshi's own to say.
        assert (await placed(port, leg(leg_id="b"))).status is not Status.REJECTED

    run(kalshi, test)


def test_an_old_word_holds_nothing_back_and_a_new_one_is_asked_for_behind_the_order() -> None:
    clock = JumpingClock()
    funds = ShardFunds(clock)
    rules = MarketRules(TICKER, CENTS, 3)
    assert funds.stale
    assert funds.against(rules) is None
    funds.take(read_balance(json.dumps(NONE_THERE).encode()))
    assert not funds.stale
    assert funds.against(rules) is not None
    assert funds.against(MarketRules(TICKER, CENTS, None)) is None, "nobody knows its shard"
    assert funds.against(MarketRules(TICKER, CENTS, 0)) is None
    clock.at += FRESH_US + 1
    assert funds.against(rules) is None
    assert funds.stale
    funds.asked()
    assert not funds.stale, "it was asked for a moment ago"
