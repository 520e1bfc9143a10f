"""What Polymarket does to an arb in real life, with a made-up Kalshi at the other side.

The default suite has both exchanges on loopback: `test_both_promises.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.polymarket_stage import World, staged
from transport.polymarket import lookup

pytestmark = pytest.mark.hunt

Strike = Callable[[World], Awaitable[None]]


def played(folder: Path, strike: Strike, *, before: bool = True) -> None:
    """Trade, be struck; the books agree each time."""

    async def play() -> None:
        async with staged(folder) as world:
            if before:
                await world.trade()
            world.agree()
            await strike(world)
            world.agree()

    asyncio.run(play())


def test_more_shares_than_were_asked_for_are_closed(tmp_path: Path) -> None:
    async def strike(world: World) -> None:
        world.strike("over_fill", ticks=5)
        await world.trade()
        assert world.server.service.faults.struck["over_fill"] == 1

    played(tmp_path, strike)


def test_a_fill_that_fails_after_the_hedge_is_made_good(tmp_path: Path) -> None:
    async def strike(world: World) -> None:
        world.strike("ghost_fill")
        await world.trade()
        await world.until(lambda: any((leg["error"] or "").startswith("reverted") for leg in world.legs()), "a revert")
        await world.until(lambda: world.settled(2), "the trade is closed")

    played(tmp_path, strike)


@pytest.mark.parametrize("fault", ["delayed", "live_then_filled"])
def test_an_order_that_fills_later_is_waited_for(tmp_path: Path, fault: str) -> None:
    async def strike(world: World) -> None:
        world.strike(fault, ms=400)
        await world.trade()

    played(tmp_path, strike)


def test_a_reply_that_is_lost_and_a_look_up_that_says_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "STILL_US", 500_000)

    async def strike(world: World) -> None:
        world.strike("null_lookup", times=-1)
        world.strike("drop_after", method="POST", path="/order")
        await world.trade()

    played(tmp_path, strike)


def test_what_was_bought_is_sold_when_it_has_settled_and_not_for_less(tmp_path: Path) -> None:
    async def strike(world: World) -> None:
        settlement = world.server.service.exchange.settlement
        settlement.mined_us = settlement.confirmed_us = 1_000_000
        world.other.refuses = True
        await world.begin()
        # Nobody buys YES there any more: what was bought here must be sold here, and has not settled yet.
        world.offer(0)
        await world.until(lambda: world.settled(1), "the excess is sold")
        sales = [leg for leg in world.legs() if leg["action"] == "sell"]
        assert [leg["status"] for leg in sales] == ["rejected", "filled"]
        assert sales[0]["error"].startswith("unsettled:")
        assert sales[1]["limit"] >= sales[0]["limit"]

    played(tmp_path, strike, before=False)
