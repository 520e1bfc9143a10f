"""Money lies on one shard of Kalshi and the market on another: nothing leaves, and it trades once money was moved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from actors.risk.plan import RiskPlan
from protocol.terms import KALSHI
from protocol.units import USD, Money
from tests.e2e.kalshi_stage import TICKER, World, staged

ASKS = RiskPlan(cash_every_us=1_000_000)
SHARD = 3


def fund(world: World, shard: int, dollars: int) -> None:
    """So much, and no more, is ann's on this shard."""
    service = world.server.service
    account, now_us = service.exchange.accounts["ann"], service.now_us(world.server.now_us())
    service.exchange.fund(account, shard, Money(dollars * USD - account.cash.get(shard, 0)), now_us)


def stated(world: World) -> dict[str, int]:
    """What the controller was told, by shard, in dollars."""
    return {
        account.shard: int(amount) // USD
        for account, amount, _ in world.executor.risk.books[False].cash.every()
        if account.platform == KALSHI
    }


def test_an_unfunded_shard_is_named_nothing_leaves_and_with_money_on_it_the_market_trades(tmp_path: Path) -> None:
    async def play() -> None:
        async with staged(tmp_path, shard=SHARD, risk=ASKS) as world:
            fund(world, SHARD, 0)
            await world.until(lambda: world.ready and stated(world).get(str(SHARD)) == 0, "cash by shard")
            shards = world.executor.risk.shards
            await world.until(lambda: shards.told(KALSHI, TICKER) == str(SHARD), "the market's shard is told")
            await world.offers(3)
            assert world.trades() == []
            assert not world.server.posted, "nothing left for Kalshi"
            status = world.executor.risk_record()
            assert set(status["refused"]) == {"the cash at the venue"}
            lines = world.executor.risk.refusals._episodes["e2e"]
            assert {what for _, _, what in lines} == {f"kalshi shard {SHARD}"}
            fund(world, SHARD, 50)
            await world.until(lambda: stated(world).get(str(SHARD)) == 50, "the money is told")
            await world.trade()
            (first, *_) = world.trades()
            assert first["state"] == "hedged"
            assert world.server.service.exchange.accounts["ann"].cash[0] == 1_000 * USD, "no other shard paid"

    asyncio.run(play())


def test_a_trader_alone_refuses_what_an_unfunded_shard_would_have_to_pay(tmp_path: Path) -> None:
    """A controller that asks nobody sends the leg; the trader knows better, and the exchange sees no order."""

    async def play() -> None:
        async with staged(tmp_path, shard=SHARD) as world:
            fund(world, SHARD, 0)
            await world.until(lambda: world.ready, "both ways and both books")
            told: asyncio.Future[object] = asyncio.Future()
            world.port.cash(lambda accounts, _failed: told.set_result(accounts))
            await asyncio.wait_for(told, 5)
            await world.until(lambda: world.port.markets.rules(TICKER).shard == SHARD, "the market is known")
            await world.offers(20)
            await world.until(lambda: [leg for leg in world.legs() if leg["error"]], "the leg is refused")
            refused = next(leg for leg in world.legs() if leg["platform"] == KALSHI)
            assert refused["status"] == "rejected"
            assert f"{TICKER} is on shard {SHARD} of kalshi, which has none" in refused["error"]
            assert not world.server.posted

    asyncio.run(play())


@pytest.mark.parametrize("known", [True, False])
def test_a_market_that_moved_to_another_shard_is_followed(tmp_path: Path, known: bool) -> None:
    async def play() -> None:
        async with staged(tmp_path, risk=ASKS) as world:
            fund(world, SHARD, 50 if known else 0)
            shards = world.executor.risk.shards
            await world.until(lambda: shards.told(KALSHI, TICKER) == "0", "the market's shard is told")
            market = world.server.service.exchange.markets[TICKER]
            market.listing = msgspec.structs.replace(market.listing, exchange_index=SHARD)
            await world.until(lambda: shards.told(KALSHI, TICKER) == str(SHARD), "it is told again")
            if known:
                await world.trade()
                return
            await world.offers(3)
            assert world.trades() == []
            assert "the cash at the venue" in world.executor.risk_record()["refused"]

    asyncio.run(play())
