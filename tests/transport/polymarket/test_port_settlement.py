"""What settles, fails or is kept alive after an order has been answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from protocol.terms import Status
from tests.transport.polymarket.trade_kit import Stage, leg, played


def test_a_fill_that_the_chain_reverts_is_taken_back(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("ghost_fill")
        order = leg(stage.token)
        done = await stage.traded(order, Status.UNFILLED, final=True)
        first = stage.told[order.leg_id][0]
        assert (first.status, first.filled, first.final) == (Status.FILLED, 600, False)
        assert (done.filled, done.cost, done.fees) == (0, 0, 0)
        assert "reverted" in (done.error or "")
        assert (stage.state()["cash"], stage.state()["shares"]) == ("100", {})

    played(tmp_path, scenario)


def test_of_several_trades_only_the_failed_one_is_taken_back(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token, limit=48, contracts=20)
        first = await stage.traded(order, Status.FILLED)
        assert first.final is False
        settlement = stage.service.exchange.settlement
        cheap, dear = settlement.unfinished
        settlement.step(cheap, "RETRYING", 0)
        settlement.step(cheap, "FAILED", 0)
        settlement.step(dear, "CONFIRMED", 0)
        done = await stage.hears(order, final=True)
        assert (done.status, done.filled, done.cost) == (Status.PARTIAL, dear.size // 10_000, dear.money)
        assert done.fees == dear.fee

    played(tmp_path, scenario, auto=False)


def test_a_fill_stays_provisional_over_a_restart_and_is_taken_back_after_it(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        await stage.traded(order, Status.FILLED)
        await stage.restart()
        found, _ = await stage.asked(order)
        assert found is not None
        assert (found.status, found.final) == (Status.FILLED, False)
        settlement = stage.service.exchange.settlement
        (trade,) = settlement.unfinished
        settlement.step(trade, "RETRYING", 0)
        settlement.step(trade, "FAILED", 0)
        done = await stage.hears(order, Status.UNFILLED, final=True)
        assert done.filled == 0

    played(tmp_path, scenario, auto=False)


def test_what_was_bought_and_has_not_settled_is_not_sold_for_less(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.traded(leg(stage.token), Status.FILLED)
        sale = leg(stage.token, leg_id="t1.b", buys=False, limit=45)
        refused = await stage.traded(sale)
        assert refused.status is Status.REJECTED
        assert (refused.error or "").startswith("unsettled:")
        (trade,) = stage.service.exchange.settlement.unfinished
        stage.service.exchange.settlement.step(trade, "CONFIRMED", 0)
        again = leg(stage.token, leg_id="t1.c", buys=False, limit=45)
        assert (await stage.traded(again, Status.FILLED)).filled == 600

    played(tmp_path, scenario, auto=False)


def test_the_heartbeat_beats_while_something_is_open_and_no_longer(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("delayed", ms=250)
        await stage.traded(leg(stage.token), Status.FILLED, final=True)
        beats = stage.port.heart.beats
        assert beats >= 2
        assert not stage.port.any_open
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.2)
        assert stage.port.heart.beats <= beats + 1

    played(tmp_path, scenario)


# -- what is refused here ---------------------------------------------------------------------------------------------
