"""Time in the hands of a test: what sleeps wakes when the test lets time pass, and not before."""

from __future__ import annotations

import asyncio
import heapq


class HandClock:
    """Implements ``FeedClock``. ``sleepers`` says how many wait for time to pass."""

    def __init__(self, unix_us: int = 1_800_000_000_000_000) -> None:
        self.at = 1_000
        self.offset = unix_us - self.at
        self._count = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def unix_us(self) -> int:
        return self.offset + self.at

    def mono_us(self) -> int:
        return self.at

    @property
    def sleepers(self) -> int:
        return sum(not future.done() for _, _, future in self._waiting)

    async def sleep_us(self, us: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if us <= 0:
            asyncio.get_running_loop().call_soon(_wake, future)
        else:
            self._count += 1
            heapq.heappush(self._waiting, (self.at + us, self._count, future))
        await future

    def pass_us(self, us: int) -> None:
        """So much time passes at once."""
        self.at += us
        while self._waiting and self._waiting[0][0] <= self.at:
            _wake(heapq.heappop(self._waiting)[2])


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
