"""Tokens and clocks: pure, on made-up time."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.kalshi.bucket import TokenBucket
from transport.kalshi.clock_offset import WINDOW_US, ClockOffset

NOW = 1_795_300_000_000_000


def test_tokens_come_back_at_their_rate_up_to_the_capacity() -> None:
    bucket = TokenBucket(100)
    assert [bucket.take(10, 0) for _ in range(11)] == [True] * 10 + [False]
    assert bucket.wait_us(10, 0) == pytest.approx(100_000, abs=2)
    assert not bucket.take(10, 99_000)
    assert bucket.take(10, 100_001)
    assert [bucket.take(10, 60_000_000) for _ in range(11)].count(True) == 10


def test_a_drained_bucket_waits_and_another_tier_is_taken_over() -> None:
    bucket = TokenBucket(100)
    bucket.take(1, 0)
    bucket.drain(0)
    assert bucket.wait_us(10, 0) == pytest.approx(100_000, abs=2)
    bucket.resize(1_000, 2_000)
    assert bucket.wait_us(10, 0) == pytest.approx(10_000, abs=2)
    with pytest.raises(ValueError, match="must fill"):
        bucket.resize(0)


@given(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from([2, 10])), max_size=200))
def test_no_window_of_time_gives_more_than_capacity_and_rate(asks: list[tuple[int, int]]) -> None:
    bucket, now, taken = TokenBucket(100), 0, []
    for wait, cost in asks:
        now += wait
        if bucket.take(cost, now):
            taken.append((now, cost))
    for start, (from_us, _) in enumerate(taken):
        spent = 0
        for at_us, cost in taken[start:]:
            spent += cost
            assert spent <= 100 + (at_us - from_us) / 1_000_000 * 100 + 0.001


@given(
    off=st.integers(-5_000_000, 5_000_000),
    ways=st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 300_000), st.integers(0, 2_000_000)), min_size=1),
)
def test_the_true_offset_is_always_within_the_bounds(off: int, ways: list[tuple[int, int, int]]) -> None:
    measured, now = ClockOffset(), NOW
    for there, back, pause in ways:
        sent, received = now, now + there + back
        measured.date(formatdate((sent + there + off) // 1_000_000, usegmt=True), sent, received)
        now = received + pause
        offset = measured.offset_us
        assert offset is not None
        assert abs(offset - off) <= measured.doubt_us + 1
        assert measured.certain_us == 0 or (measured.certain_us > 0) == (off > 0)


def test_exact_times_and_many_dates_narrow_it() -> None:
    measured = ClockOffset()
    assert str(measured) == "not measured yet"
    measured.date("nonsense", NOW, NOW)
    measured.date(None, NOW, NOW)
    assert measured.offset_us is None
    measured.observe(NOW + 2_030_000, 1_000, NOW, NOW + 60_000)
    assert str(measured) == "kalshi is 2000 ms ahead of this machine, give or take 30 ms"
    assert measured.certain_us == 1_970_000


def test_a_clock_that_was_set_is_measured_anew() -> None:
    measured = ClockOffset()
    measured.observe(NOW + 9_000_000, 0, NOW, NOW)
    measured.observe(NOW, 0, NOW, NOW)
    assert measured.offset_us == 0
    later = NOW + 2 * WINDOW_US
    measured.observe(later, 5_000_000, later, later)
    assert measured.doubt_us == 2_500_000
