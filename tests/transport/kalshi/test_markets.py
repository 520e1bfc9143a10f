"""Rules of markets behind the orders' backs, and the tasks that fetch them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.transport.feed_clock import JumpingClock
from transport.kalshi.markets import AGAIN_US, FRESH_US, MarketRulesKept
from transport.kalshi.reads import KalshiReads
from transport.kalshi.tasks import MAX_TASKS, Tasks
from transport.venue_rest import ReadFailed
from venues.kalshi.grid import CENTS, MarketRules

T = "KXA-1"


class Reads(KalshiReads):
    """Knows the rules that it is given; else it fails."""

    def __init__(self) -> None:
        self.known: dict[str, MarketRules] = {}
        self.asked: list[str] = []

    async def market(self, ticker: str) -> MarketRules:
        self.asked.append(ticker)
        if ticker not in self.known:
            raise ReadFailed("not today")
        return self.known[ticker]

    async def markets(self, tickers: Sequence[str]) -> list[MarketRules]:
        return [self.known[ticker] for ticker in tickers if ticker in self.known]


def run(test: Callable[[Reads, JumpingClock, MarketRulesKept, Tasks], Awaitable[None]]) -> list[str]:
    said: list[str] = []

    async def main() -> None:
        reads, clock, tasks = Reads(), JumpingClock(), Tasks(said.append)
        await test(reads, clock, MarketRulesKept(reads, clock, tasks), tasks)
        await tasks.close()

    asyncio.run(main())
    return said


async def idle(tasks: Tasks) -> None:
    if tasks._running:
        await asyncio.wait(tasks._running, timeout=5)


def test_an_unknown_market_is_answered_at_once_and_known_a_moment_later() -> None:
    async def test(reads: Reads, _clock: JumpingClock, kept: MarketRulesKept, tasks: Tasks) -> None:
        reads.known[T] = MarketRules(T, CENTS, shard=3)
        assert kept.rules(T).shard is None
        assert kept.rules(T).shard is None
        await idle(tasks)
        assert kept.rules(T).shard == 3
        assert reads.asked == [T]

    run(test)


def test_rules_are_asked_for_again_in_time_and_after_a_failure_soon() -> None:
    async def test(reads: Reads, clock: JumpingClock, kept: MarketRulesKept, tasks: Tasks) -> None:
        for after, asked in ((0, 1), (AGAIN_US - 1, 1), (1, 2)):
            clock.at += after
            kept.rules(T)
            await idle(tasks)
            assert len(reads.asked) == asked
        kept.take(MarketRules(T, CENTS, shard=1))
        reads.known[T] = MarketRules(T, CENTS, shard=2)
        clock.at += FRESH_US - 1
        assert kept.rules(T).shard == 1
        clock.at += 1
        assert kept.rules(T).shard == 1
        await idle(tasks)
        assert kept.rules(T).shard == 2
        kept.doubt(T)
        assert kept.rules(T).shard is None
        await idle(tasks)

    run(test)


def test_what_is_prefetched_is_known() -> None:
    async def test(reads: Reads, _clock: JumpingClock, kept: MarketRulesKept, _tasks: Tasks) -> None:
        reads.known[T] = MarketRules(T, CENTS, shard=3)
        await kept.prefetch([T, "KXNONE-1", T])
        assert kept.rules(T).shard == 3
        assert reads.asked == []

    run(test)


def test_a_task_that_breaks_is_said() -> None:
    async def broken() -> None:
        raise ValueError("a bug")

    async def test(_reads: Reads, _clock: JumpingClock, _kept: MarketRulesKept, tasks: Tasks) -> None:
        assert tasks.start(broken(), "work")
        await idle(tasks)

    assert run(test) == ["work broke: ValueError('a bug')"]


@pytest.mark.parametrize("closed", [True, False])
def test_no_more_tasks_than_there_may_be_and_none_after_the_end(closed: bool) -> None:
    async def test(_reads: Reads, _clock: JumpingClock, _kept: MarketRulesKept, tasks: Tasks) -> None:
        async def forever() -> None:
            await asyncio.Event().wait()

        if closed:
            await tasks.close()
        else:
            assert all(tasks.start(forever(), "one") for _ in range(MAX_TASKS))
        assert not tasks.start(forever(), "too many")

    assert run(test) == []
