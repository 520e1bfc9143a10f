"""How far Kalshi's clock is from ours, measured on every answer. Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

WINDOW_US: Final = 300_000_000
"""What was measured longer ago says nothing of a clock that may have been set since."""

SECOND_US: Final = 1_000_000


class ClockOffset:
    """Bounds on ``the venue's clock - ours``, in microseconds.

    An answer was written between its request and its arrival, so each gives an interval; they are intersected. Thereby
    even the whole seconds of a ``Date`` become exact to the time of the way, within some answers.
    """

    def __init__(self, venue: str = "kalshi") -> None:
        self._venue = venue
        self._bounds: tuple[int, int] | None = None
        self._since_us = 0

    def observe(self, server_us: int, grain_us: int, sent_us: int, received_us: int) -> None:
        """An answer that was written at ``server_us`` or up to ``grain_us`` later."""
        low, high = server_us - received_us, server_us + grain_us - sent_us
        if self._bounds is not None and received_us - self._since_us < WINDOW_US:
            both = max(low, self._bounds[0]), min(high, self._bounds[1])
            if both[0] <= both[1]:
                self._bounds = both
                return
        # The first; or long ago; or one of the clocks was set meanwhile.
        self._bounds, self._since_us = (low, high), received_us

    def date(self, text: str | None, sent_us: int, received_us: int) -> None:
        """The same from a ``Date`` header; one that cannot be read says nothing."""
        if not text:
            return
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return
        seconds = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
        self.observe(seconds * SECOND_US, SECOND_US, sent_us, received_us)

    @property
    def offset_us(self) -> int | None:
        """The middle of what is possible; None before the first answer."""
        return None if self._bounds is None else sum(self._bounds) // 2

    @property
    def doubt_us(self) -> int:
        """The offset may be so much more or less."""
        return 0 if self._bounds is None else (self._bounds[1] - self._bounds[0]) // 2

    @property
    def certain_us(self) -> int:
        """By how much the clocks differ at least, signed; 0 where they may agree."""
        low, high = self._bounds or (0, 0)
        return low if low > 0 else min(0, high)

    def __str__(self) -> str:
        """For people."""
        offset = self.offset_us
        if offset is None:
            return "not measured yet"
        ahead = "ahead of" if offset >= 0 else "behind"
        return (
            f"{self._venue} is {abs(offset) // 1_000} ms {ahead} this machine, give or take {self.doubt_us // 1_000} ms"
        )
