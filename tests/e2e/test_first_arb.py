"""A trader whose own configuration names no market: the first arb in each is whole, or none of it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actors import market_desk
from protocol.terms import KALSHI, POLYMARKET
from tests.e2e import kalshi_stage, polymarket_stage
from tests.e2e.kalshi_stage import actor
from tests.e2e.ledger_look import pause
from transport.kalshi.port import KalshiPort
from transport.kalshi.reads import KalshiReads
from transport.venue_rest import ReadFailed
from venues.kalshi.grid import MarketRules
from venues.polymarket.exchange.faults import Fault

NOT_KNOWN = "the trader does not know the market's rules yet"


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not ready is asked for again soon, and as often as the test takes."""
    monkeypatch.setattr(market_desk, "EVERY_US", 200_000)
    monkeypatch.setattr(market_desk, "ALL_EVERY", 1)


def whole(legs: list[dict[str, Any]], trades: list[dict[str, Any]]) -> None:
    """From the first trade on both legs filled as they were sent, and nothing had to be closed."""
    assert {trade["state"] for trade in trades} == {"hedged"}
    assert [leg["error"] for leg in legs] == [None, None] * len(trades)


def test_the_first_arb_in_a_market_of_polymarket_is_executed_on_both_legs(tmp_path: Path) -> None:
    async def play() -> None:
        async with polymarket_stage.staged(tmp_path, named=False) as world:
            await world.until(lambda: world.ready, "both ways and both books")
            world.move()
            world.offer()
            await world.until(lambda: world.settled(1), "the first trade")
            whole(world.legs(), world.trades())

    asyncio.run(play())


def test_the_first_arb_in_a_market_of_kalshi_is_executed_on_both_legs(tmp_path: Path) -> None:
    async def play() -> None:
        async with kalshi_stage.staged(tmp_path, markets=()) as world:
            await world.until(lambda: world.ready, "both ways and both books")
            world.move("901")
            world.offer()
            await world.until(lambda: world.settled(1), "the first trade")
            whole(world.legs(), world.trades())
            assert world.port.markets.rules(kalshi_stage.TICKER).shard == 0, "it went out by the market's own rules"

    asyncio.run(play())


@pytest.mark.usefixtures("eager")
def test_a_market_of_polymarket_that_cannot_be_read_is_not_traded_until_it_can(tmp_path: Path) -> None:
    async def play() -> None:
        unread = Fault(name="garbled_reply", path="/markets-by-token/*", times=-1)
        async with polymarket_stage.staged(tmp_path, named=False, faults=(unread,)) as world:
            executor = actor(world.controller, "executor")
            await world.until(lambda: world.ready, "both ways and both books")
            world.offer()
            for _ in range(3):
                world.move()
                await pause(0.05)
            await world.until(lambda: executor.risk.refusals.counts["refused"], "an arb is refused")
            await world.until(lambda: "cannot be read" in str(executor.market_record()), "the reason is told")
            record = executor.risk_record()
            assert set(record["refused"]) == {NOT_KNOWN}
            assert record["markets"][POLYMARKET]["unready"] == 2
            assert world.trades() == []
            world.server.service.mend("garbled_reply")
            await world.until(lambda: world.settled(1), "what stands open is traded once the market is read")
            whole(world.legs(), world.trades())

    asyncio.run(play())


class Unread(KalshiReads):
    """Reads of the trader alone, which make no sense until ``readable``: the controller's feed goes on."""

    readable = False

    async def markets(self, tickers: Sequence[str]) -> list[MarketRules]:
        if not self.readable:
            raise ReadFailed("the answer to GET /markets cannot be read", unreadable=True)
        return await super().markets(tickers)


@pytest.mark.usefixtures("eager")
def test_a_market_of_kalshi_that_cannot_be_read_is_not_traded_until_it_can(tmp_path: Path) -> None:
    found: list[Unread] = []

    def prepare(port: KalshiPort) -> None:
        found.append(Unread(port._reads.rest))
        port.markets._reads = found[0]

    async def play() -> None:
        async with kalshi_stage.staged(tmp_path, markets=(), prepare=prepare) as world:
            executor = world.executor
            await world.until(lambda: world.ready, "both ways and both books")
            world.offer()
            for number in range(3):
                world.move(str(901 + number))
                await pause(0.05)
            assert world.trades() == []
            assert set(executor.risk_record()["refused"]) == {NOT_KNOWN}
            await world.until(lambda: "cannot be read" in str(executor.market_record()), "the reason is told")
            assert not world.server.posted
            found[0].readable = True
            await world.until(lambda: world.settled(1), "what stands open is traded once the market is read")
            assert executor.market_record()[KALSHI]["unready"] == 0
            whole(world.legs(), world.trades())

    asyncio.run(play())
