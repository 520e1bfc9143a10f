"""A market of the loopback Kalshi settles under live traders: the ledger books what was paid, and nothing differs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from actors.ledger_agreement import compare_summaries, plain_sums, sums_of
from actors.ledger_state import fold
from actors.ledger_view import pairs
from actors.reconciler import Account
from cli import ledger_pnl
from cli.ledger_listing import LISTINGS, Wanted
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import USD
from tests.e2e.kalshi_stage import PAIR, TICKER, World, actor, micro, staged
from tests.venues.kalshi_exchange.kit import DOLLARS
from transport.ledger.store import LedgerStore
from venues.kalshi.exchange.changes import MarketChange, change_market

LOOK_US = 200_000


def finalize(world: World, **result: Any) -> None:
    service = world.server.service
    change = MarketChange(ticker=TICKER, status="finalized", **result)
    change_market(service.exchange, service.exchange.markets[TICKER], change, service.now_us(world.server.now_us()))
    world.server.flush()


def account(world: World) -> Account:
    """What reconciliation makes of the Kalshi account."""
    accounts: dict[tuple[str, bool], Account] = actor(world.controller, "reconciler").accounts
    return accounts.get((KALSHI, False), Account())


async def looked(world: World) -> None:
    """It is compared once more, with cash and all."""
    number = account(world).number
    await world.until(lambda: account(world).number > number + 1 and account(world).base, "another look")


def test_a_hedged_trade_ends_closed_with_its_profit_booked(tmp_path: Path) -> None:
    async def play() -> None:
        async with staged(tmp_path, reconcile_us=LOOK_US) as world:
            await world.trade()
            await looked(world)
            (before,) = pairs(world.ledger)
            assert (before.state, before.matched > 0) == ("even", True)
            finalize(world, result="yes")
            await world.until(lambda: world.ledger.settlements, "the settlement in the ledger")
            await looked(world)
            assert (account(world).episodes, account(world).waiting) == ({}, None)
            held = [row["platform"] for row in LISTINGS["positions"].rows(world.ledger, Wanted())]
            assert held == [POLYMARKET], "the other venue has not paid"
            said = world.controller.command("paid_out", {"pair": PAIR.pair_id})
            assert said["trades"]
            await world.until(lambda: world.ledger.settlements.pairs, "a person's word in the ledger")
            await looked(world)
            assert account(world).episodes == {}
            (after,) = pairs(world.ledger)
            assert (after.state, after.cost, after.at_risk, after.realised) == ("even", 0, 0, before.locked_in)
            assert list(LISTINGS["positions"].rows(world.ledger, Wanted())) == []
            (row,) = ledger_pnl.rows(world.ledger, Wanted())
            assert micro(row["net_usd"]) == before.locked_in - before.fees
            account_there = world.server.service.exchange.accounts["ann"]
            ours = [leg for leg in world.legs() if leg["platform"] == KALSHI and leg["filled"]]
            paid = sum(settlement.revenue for settlement in account_there.settlements)
            spent = sum(micro(leg["cost_usd"]) + micro(leg["fees_usd"]) for leg in ours)
            assert account_there.cash[0] == DOLLARS * USD - spent + paid
            with LedgerStore(f"sqlite:///{tmp_path}/ledger.db", read_only=True) as store:
                facts = list(store.read())
            assert compare_summaries(sums_of(fold(facts)), plain_sums(facts)) == []

    asyncio.run(play())
