"""What Kalshi says there is to be spent, and when that is not told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol.units import Money
from tests.transport.kalshi.server import Drop, Server
from tests.transport.kalshi.test_port import Kalshi, placed, run
from transport.kalshi.port import KalshiPort


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
