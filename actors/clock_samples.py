"""How far the other end's clock is ahead of ours, from pings: of the last ones the quickest is believed."""

from __future__ import annotations

from typing import Final

from protocol.wire import Pong

CLOCK_SAMPLES: Final = 8

NEWS_US: Final = 100_000
"""What the offset must change by to be worth a frame."""


class ClockSamples:
    """The last pongs of one connection, as trip time and offset in microseconds."""

    def __init__(self) -> None:
        """Nothing measured."""
        self.samples: list[tuple[int, int]] = []
        self.told_us = 0

    def add(self, pong: Pong, unix_us: int) -> bool:
        """Take a pong that says what the other end's clock showed; False where it does not, or makes no sense."""
        if pong.sent_us is None or pong.at_us is None or unix_us < pong.sent_us:
            return False
        trip = unix_us - pong.sent_us
        self.samples = [*self.samples[-(CLOCK_SAMPLES - 1) :], (trip, pong.at_us - pong.sent_us - trip // 2)]
        return True

    def is_news(self) -> bool:
        """Whether the offset is well away from what was told last (at first: none). It counts as told."""
        best = self.best_us
        if best is None or abs(best - self.told_us) < NEWS_US:
            return False
        self.told_us = best
        return True

    @property
    def best_us(self) -> int | None:
        """The offset that the quickest trip showed; None before the first."""
        return min(self.samples)[1] if self.samples else None

    @property
    def best_ms(self) -> int | None:
        """The same in whole milliseconds, for people."""
        best = self.best_us
        return None if best is None else best // 1_000
