"""A clock that stands still until it is told to move: time and timers for tests and simulations."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

START_UNIX_US: Final = 1_795_300_000_000_000
"""An arbitrary moment in November 2026."""


class VirtualClock:
    """Implements ``TimeSource`` and ``TimerPort``. Timers due at one moment fire in the order they were started."""

    def __init__(self, start_unix_us: int = START_UNIX_US) -> None:
        """Stands at the start."""
        self.start_unix_us = start_unix_us
        self.now_us = 0
        self.due: Callable[[int], None] = _nobody
        self.timers: list[tuple[int, int, int]] = []
        self.count = 0

    def unix_us(self) -> int:
        """Unix time in microseconds."""
        return self.start_unix_us + self.now_us

    def mono_us(self) -> int:
        """Monotonic time in microseconds; starts at 0."""
        return self.now_us

    def call_later(self, delay_us: int, token: int) -> None:
        """Start a timer."""
        self.count += 1
        heapq.heappush(self.timers, (self.now_us + delay_us, self.count, token))

    def advance(self, us: int) -> None:
        """Let so much time pass, firing every timer at its own moment, also those started on the way."""
        end = self.now_us + us
        while self.timers and self.timers[0][0] <= end:
            at, _, token = heapq.heappop(self.timers)
            self.now_us = max(self.now_us, at)
            self.due(token)
        self.now_us = end


def _nobody(_token: int) -> None:
    raise RuntimeError("a timer fired before VirtualClock.due was set")
