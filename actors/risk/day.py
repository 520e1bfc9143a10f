"""The day that a daily limit is about: from a fixed hour of a zone to the same hour of the next date."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

SECOND_US: Final = 1_000_000
_LAST_HOUR: Final = 23


class TradingDay:
    """Days that begin at ``hour`` o'clock in ``zone``; 23 or 25 hours long where its clocks change.

    An hour that the clocks skip is taken as the instant at which it would have been; of one that comes twice the
    first counts.
    """

    def __init__(self, zone: tzinfo, hour: int) -> None:
        """Raises :class:`ValueError` for an hour that is none."""
        if not 0 <= hour <= _LAST_HOUR:
            raise ValueError(f"a day begins at an hour from 0 to {_LAST_HOUR}, not {hour}")
        self._zone, self._hour = zone, time(hour)

    def around(self, now_us: int) -> tuple[int, int]:
        """Begin and end of the day that has this moment (unix microseconds); the end belongs to the next day."""
        there = datetime.fromtimestamp(now_us // SECOND_US, self._zone).date()
        begins = [self._begin(there + timedelta(days=days)) for days in range(-2, 3)]
        number = max(number for number, begin in enumerate(begins) if begin <= now_us)
        return begins[number], begins[number + 1]

    def clock(self, at_us: int) -> str:
        """A moment by the clocks of the zone, to the minute, for people."""
        return f"{datetime.fromtimestamp(at_us // SECOND_US, self._zone):%Y-%m-%d %H:%M %Z}"

    def _begin(self, day: date) -> int:
        begin = datetime.combine(day, self._hour, self._zone).astimezone(UTC)
        return int((begin - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)) * SECOND_US
