"""Who we are there, where the start is a bad moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol.terms import Status
from tests.transport.polymarket.trade_kit import leg, staged


def test_a_clock_that_is_off_at_the_start_is_lived_through(tmp_path: Path) -> None:
    async def play() -> None:
        async with staged(tmp_path) as stage:
            stage.fault("clock_offset", ms=60_000)
            await stage.restart()
            assert stage.port.stopped is not None
            assert "clock: polymarket refuses our time" in stage.port.stopped
            assert "NTP" in stage.port.stopped
            stage.service.mend("clock_offset")
            await stage.until(lambda: stage.port.stopped is None)
            assert (await stage.traded(leg(stage.token), final=True)).status is Status.FILLED

    asyncio.run(play())
