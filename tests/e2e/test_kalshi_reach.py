"""A trader that cannot reach Kalshi is no path meanwhile, says why, and comes back by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.output import Style
from cli.status_links import connections, executes
from protocol.terms import KALSHI, POLYMARKET
from tests.e2e.kalshi_stage import staged

REASONS = {"connection": "connection:", "clock": "clock:", "key": "key:"}


@pytest.mark.parametrize("what", list(REASONS))
def test_it_is_no_path_until_it_is_back(tmp_path: Path, what: str) -> None:
    async def play() -> None:
        async with staged(tmp_path) as world:
            await world.trade()
            if what == "connection":
                await world.server.stop()
            elif what == "clock":
                world.strike("clock_offset", ms=60_000)
            else:
                world.strike("error_before", status=401, times=-1, path="/trade-api/v2/*")
            if what != "connection":
                # Nobody knows before something was signed: a question about the cash is enough.
                world.port.cash(lambda _accounts, _failed: None)
            await world.until(lambda: KALSHI in world.out_of_reach(), "it says so")
            assert world.out_of_reach()[KALSHI].startswith(REASONS[what])
            await world.until(lambda: world.executor.remote[KALSHI].halted, "it is no path")
            assert not world.executor.remote[POLYMARKET].halted
            assert world.executor.path(KALSHI) is None
            posted, trades = dict(world.server.posted), len(world.trades())
            for _ in range(5):
                await world.offers(1)
            assert (dict(world.server.posted), len(world.trades())) == (posted, trades)
            if what == "connection":
                await world.server.start()
            world.mend()
            await world.until(lambda: not world.executor.remote[KALSHI].halted, "it is a path again")
            assert world.out_of_reach() == {}
            await world.trade()
            world.agree()

    asyncio.run(play())


def test_the_reason_is_shown_at_both_ends() -> None:
    why = "connection: refused"
    trader = {"traders": [{"platforms": ["kalshi"], "out_of_reach": {"kalshi": why}}]}
    assert any(why in line and "kalshi is out of reach" in line for line in executes(trader, Style(), 80))
    link = {"connections": [{"trader_id": "t1", "report": {"venues": {"kalshi": why}}}]}
    assert any(why in line and "t1 takes no leg for kalshi" in line for line in connections(link, Style(), 80))
