"""When the next line of a recording is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Final

from transport.feeds.port import FeedClock

MAX_PAUSE_US: Final = 60_000_000
"""A longer pause in the recording is cut to this much recorded time."""

MAX_BEHIND_US: Final = 1_000_000
"""A player further behind than this (a machine that slept) does not sprint to catch up: it goes on from there."""

LINES_A_BREATH: Final = 32
"""Lines played without waiting before the rest of the program gets its turn."""


class Pace:
    """Maps recorded time to the clock's at ``speed`` times real time; 0 means without waiting.

    Raises :class:`ValueError` for a negative speed.
    """

    def __init__(self, speed: Fraction, clock: FeedClock) -> None:
        if speed < 0:
            raise ValueError(f"the speed of a replay is 0 (as fast as it can) or more, not {speed}")
        self._speed = speed
        self._clock = clock
        self._start: int | None = None
        self._last_t = 0
        self._played_us = 0
        self._breathless = 0

    async def reach(self, t: int) -> None:
        """Wait until the line of recorded time ``t`` (not before the one before it) is due."""
        wait_us = self._until(t)
        self._breathless += 1
        if wait_us > 0 or self._breathless >= LINES_A_BREATH:
            self._breathless = 0
            await self._clock.sleep_us(wait_us)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Recorded time does not pass inside."""
        before = self._clock.mono_us()
        try:
            yield
        finally:
            if self._start is not None:
                self._start += self._clock.mono_us() - before

    def _until(self, t: int) -> int:
        now = self._clock.mono_us()
        if self._start is None:
            self._start, self._last_t = now, t
        self._played_us += min(t - self._last_t, MAX_PAUSE_US)
        self._last_t = t
        if not self._speed:
            return 0
        wait_us = self._start + self._played_us * self._speed.denominator // self._speed.numerator - now
        if wait_us < -MAX_BEHIND_US:
            self._start -= wait_us
        return max(0, wait_us)
