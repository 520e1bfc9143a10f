from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from market.events import BooksLost, FeedBatch, FeedEnded, FeedUp
from protocol.terms import KALSHI, POLYMARKET, Platform
from simulation.market import SimulatedMarket
from tests.transport.feed_clock import JumpingClock
from transport.feeds.port import FeedPort
from transport.feeds.simulated import POLL_US, SimulatedFeed
from venues.capture import CaptureLine

ENOUGH = 200


class Enough(Exception):
    """The test has seen what it wants."""


class Script:
    """A source that says what it was given, line by line, once each poll."""

    def __init__(self, *lines: tuple[Platform, str]) -> None:
        self.lines = list(lines)
        self.asked: list[int] = []

    @property
    def platforms(self) -> tuple[Platform, ...]:
        return (KALSHI,)

    def frames(self, now_us: int) -> Sequence[CaptureLine]:
        self.asked.append(now_us)
        if not self.lines:
            raise Enough
        platform, frame = self.lines.pop(0)
        return [CaptureLine(now_us, platform, frame=frame)]


def run(feed: FeedPort) -> list[FeedBatch]:
    batches: list[FeedBatch] = []

    def deliver(said: FeedBatch | FeedEnded) -> None:
        assert isinstance(said, FeedBatch)
        batches.append(said)
        if len(batches) >= ENOUGH:
            raise Enough

    try:
        asyncio.run(feed.run(deliver))
    except Enough:
        return batches
    raise AssertionError("a simulated feed does not end")


def test_it_delivers_what_the_source_makes_up_in_the_clocks_time() -> None:
    clock = JumpingClock(unix_us=1_800_000_000_000_000)
    source = Script((KALSHI, '{"type":"trade"}'), (KALSHI, '{"type":"ticker"}'))
    batches = run(SimulatedFeed(source, clock))
    assert [(batch.platform, batch.t) for batch in batches] == [
        (KALSHI, 1_800_000_000_000_000),
        (KALSHI, 1_800_000_000_000_000 + POLL_US),
    ]
    assert clock.sleeps == [POLL_US] * 2


def test_a_step_of_the_machines_time_does_not_stop_it() -> None:
    clock = JumpingClock()
    source = Script(*[(KALSHI, '{"type":"trade"}')] * 3)
    feed = SimulatedFeed(source, clock)

    def deliver(_said: FeedBatch | FeedEnded) -> None:
        clock.offset -= 3_600_000_000

    with contextlib.suppress(Enough):
        asyncio.run(feed.run(deliver))
    assert [later - before for before, later in zip(source.asked, source.asked[1:], strict=False)] == [POLL_US] * 3


def test_faults_are_reported() -> None:
    reports: list[tuple[Platform, str]] = []
    source = Script((KALSHI, "{"), (POLYMARKET, "PONG"))
    feed = SimulatedFeed(source, JumpingClock(), lambda platform, text: reports.append((platform, text)))
    batches = run(feed)
    assert [type(event) for batch in batches for event in batch.events] == [BooksLost]
    assert [platform for platform, _ in reports] == [KALSHI]
    assert feed.platforms == (KALSHI,)


def test_the_simulated_market_is_such_a_source() -> None:
    reports: list[str] = []
    market = SimulatedMarket(seed=7)
    feed = SimulatedFeed(market, JumpingClock(), lambda _platform, text: reports.append(text))
    batches = run(feed)
    assert [type(batch.events[0]) for batch in batches[:1]] == [FeedUp]
    assert {batch.platform for batch in batches} == set(feed.platforms) == {KALSHI, POLYMARKET}
    assert [batch.t for batch in batches] == sorted(batch.t for batch in batches)
    assert reports == []
