"""What every feed is to the rest of the program, and the clock that paces those that are not live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from market.events import FeedBatch, FeedEnded
from protocol.terms import Platform

Deliver = Callable[[FeedBatch | FeedEnded], None]
"""Takes what a feed has to say, at once, one frame a call, in order."""

Report = Callable[[Platform, str], None]
"""Takes a line for the log: a frame that made no sense, a venue's complaint, a tick size that changed."""


class FeedPort(Protocol):
    """A source of market data. It knows nobody: whoever runs it says where the data goes."""

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The venues that it may speak of."""

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled, or until nothing more can come: then a ``FeedEnded`` for each platform."""

    def resync(self) -> None:
        """Whoever took what was delivered has lost it: see that every book is delivered whole again, now or soon."""


class FeedClock(Protocol):
    """The time, and a way to let it pass; tests hand in one that jumps."""

    def unix_us(self) -> int:
        """Microseconds since 1970."""

    def mono_us(self) -> int:
        """Microseconds that never go back."""

    async def sleep_us(self, us: int) -> None:
        """Let this much time pass; 0 or less lets everything else that is ready run once."""


class WallClock:
    """The machine's own time."""

    def unix_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1_000

    def mono_us(self) -> int:
        """Microseconds that never go back."""
        return time.monotonic_ns() // 1_000

    async def sleep_us(self, us: int) -> None:
        """Let this much time pass; 0 or less lets everything else that is ready run once."""
        await asyncio.sleep(max(0, us) / 1_000_000)


def no_report(_platform: Platform, _text: str) -> None:
    """For a caller that keeps no log."""
