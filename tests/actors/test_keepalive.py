"""When to ping and when to give a link up, at both ends the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.keepalive import DEFAULT_INTERVAL_US, Keepalive

TIMES = st.integers(0, 10**9)


def test_an_end_pings_when_it_has_sent_nothing_for_one_interval() -> None:
    link = Keepalive(0)
    assert not link.must_ping(DEFAULT_INTERVAL_US - 1)
    assert link.must_ping(DEFAULT_INTERVAL_US)
    link.sent_us = DEFAULT_INTERVAL_US
    assert not link.must_ping(DEFAULT_INTERVAL_US + 1)


def test_an_end_gives_up_after_three_intervals_without_any_frame() -> None:
    link = Keepalive(0)
    assert link.limit_us == 3 * DEFAULT_INTERVAL_US == 15_000_000
    assert not link.silent(link.limit_us - 1)
    assert link.silent(link.limit_us)
    link.received_us = 1
    assert not link.silent(link.limit_us)


@given(sent=TIMES, received=TIMES, later=TIMES, interval=st.integers(10_000, 10**8))
def test_looking_when_told_misses_no_deadline(sent: int, received: int, later: int, interval: int) -> None:
    link = Keepalive(0, interval)
    link.sent_us, link.received_us = sent, received
    now = max(sent, received) + later % interval
    wait = link.next_check_us(now)
    assert wait >= 1_000
    if wait > 1_000:
        assert not link.must_ping(now + wait - 1)
        assert not link.silent(now + wait - 1)
    assert link.must_ping(now + wait) or link.silent(now + wait)
