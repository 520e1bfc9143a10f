"""Two feeds as one: one that breaks takes nothing of the other with it."""

from __future__ import annotations

import asyncio

from market.events import FeedBatch, FeedEnded, FeedUp
from protocol.terms import KALSHI, POLYMARKET, Platform
from transport.feeds.port import Deliver
from transport.feeds.several import SeveralFeeds


class Feed:
    def __init__(self, platform: Platform, error: Exception | None = None) -> None:
        self.platforms = (platform,)
        self.error = error
        self.asked = 0
        self.cancelled = False

    async def run(self, deliver: Deliver) -> None:
        deliver(FeedBatch(self.platforms[0], 1, (FeedUp(),), is_data=False))
        if self.error is not None:
            raise self.error
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    def resync(self) -> None:
        self.asked += 1


def test_each_speaks_for_itself_and_one_that_breaks_has_ended() -> None:
    good, bad = Feed(POLYMARKET), Feed(KALSHI, RuntimeError("broken"))
    heard: list[FeedBatch | FeedEnded] = []

    async def main() -> None:
        both = SeveralFeeds([bad, good])
        assert both.platforms == (KALSHI, POLYMARKET)
        running = asyncio.create_task(both.run(heard.append))
        async with asyncio.timeout(5):
            while len(heard) < 3:
                turn = asyncio.Event()
                asyncio.get_running_loop().call_soon(turn.set)
                await turn.wait()
        both.resync()
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    (ended,) = [what for what in heard if isinstance(what, FeedEnded)]
    assert ended.failed
    assert "broken" in ended.reason
    assert ended.platform == KALSHI
    assert good.asked == bad.asked == 1
    assert good.cancelled
