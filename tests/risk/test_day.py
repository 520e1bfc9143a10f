"""A trading day: the same hour of a zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.risk.day import TradingDay

HOUR = 3_600_000_000
NEW_YORK = ZoneInfo("America/New_York")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("hour", "now", "begin", "hours"),
    [
        (0, "2026-01-07T12:00:00-05:00", "2026-01-07T00:00:00-05:00", 24),
        (17, "2026-01-07T16:59:59-05:00", "2026-01-06T17:00:00-05:00", 24),
        (17, "2026-01-07T17:00:00-05:00", "2026-01-07T17:00:00-05:00", 24),
        (0, "2026-03-08T12:00:00-04:00", "2026-03-08T00:00:00-05:00", 23),
        (0, "2026-11-01T12:00:00-05:00", "2026-11-01T00:00:00-04:00", 25),
        # 02:00 does not exist that day; 01:00 comes twice the other.
        (2, "2026-03-08T03:00:00-04:00", "2026-03-08T03:00:00-04:00", 23),
        (1, "2026-11-01T01:30:00-05:00", "2026-11-01T01:00:00-04:00", 25),
    ],
)
def test_days_of_new_york(hour: int, now: str, begin: str, hours: int) -> None:
    assert TradingDay(NEW_YORK, hour).around(us(now)) == (us(begin), us(begin) + hours * HOUR)


@given(
    now=st.integers(0, 4_102_444_800_000_000),
    hour=st.integers(0, 23),
    zone=st.sampled_from([UTC, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")]),
)
def test_days_follow_each_other_without_a_gap(now: int, hour: int, zone: ZoneInfo) -> None:
    day = TradingDay(zone, hour)
    begin, end = day.around(now)
    assert begin <= now < end
    assert day.around(end)[0] == end
    assert day.around(begin) == day.around(end - 1) == (begin, end)


@pytest.mark.parametrize("hour", [-1, 24])
def test_an_hour_that_is_none_is_refused(hour: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 23"):
        TradingDay(UTC, hour)
