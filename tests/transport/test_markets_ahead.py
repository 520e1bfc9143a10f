"""Rules that are read ahead of any order: in which markets one could leave, and why not in others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from actors.ports import Readiness
from protocol.terms import Status
from tests.transport.feed_clock import JumpingClock
from tests.transport.kalshi.server import Reply, Server
from tests.transport.kalshi.test_markets import Reads
from tests.transport.kalshi.test_port import POLICY, Kalshi, placed, run
from tests.transport.polymarket.trade_kit import leg, staged
from tests.venues.kalshi.material import TICKER
from transport.kalshi.markets import AHEAD_US, STALE_US, MarketRulesKept
from transport.kalshi.port import KalshiPort
from transport.kalshi.tasks import Tasks
from transport.polymarket.port import PolymarketPort
from transport.venue_rest import ReadFailed
from venues.kalshi.grid import CENTS, MarketRules
from venues.polymarket.exchange.faults import Fault


class Batches(Reads):
    """One market makes no sense, or nobody answers, or not soon."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.out = self.slow = False
        self.batches: list[tuple[str, ...]] = []

    async def markets(self, tickers: Sequence[str]) -> list[MarketRules]:
        self.batches.append(tuple(tickers))
        if self.slow:
            await asyncio.Event().wait()
        if self.out:
            raise ReadFailed("kalshi answered 503", status=503)
        if self.broken & set(tickers):
            raise ReadFailed("cannot be read", unreadable=True)
        return await super().markets(tickers)


def kept(test: Callable[[Batches, JumpingClock, MarketRulesKept], Awaitable[None]]) -> None:
    async def main() -> None:
        reads, clock, tasks = Batches(), JumpingClock(), Tasks(lambda _: None)
        await test(reads, clock, MarketRulesKept(reads, clock, tasks))
        await tasks.close()

    asyncio.run(main())


def test_one_market_of_kalshi_that_cannot_be_read_keeps_no_other_back() -> None:
    async def test(reads: Batches, _clock: JumpingClock, rules: MarketRulesKept) -> None:
        reads.known = {name: MarketRules(name, CENTS, shard=1) for name in "ABCDEFG"}
        reads.known["C"] = MarketRules("C", CENTS, status="closed")
        reads.broken = {"E"}
        told = dict(await rules.stated("ABCDEFGX", 1))
        assert {name for name, why in told.items() if why is None} == set("ABDFG")
        assert (told["C"], told["E"], told["X"]) == ("it is closed", "cannot be read", "kalshi does not list it")
        assert len(reads.batches) < 8
        assert [name for name, _ in await rules.shards("ABE")] == ["A", "B"], "nor the shards of others"

    kept(test)


def test_rules_of_kalshi_are_read_again_in_time_and_an_outage_unsays_nothing_at_once() -> None:
    async def test(reads: Batches, clock: JumpingClock, rules: MarketRulesKept) -> None:
        reads.known["A"] = MarketRules("A", CENTS)
        assert await rules.stated("A", 1) == [("A", None)]
        assert await rules.stated("A", 1) == [("A", None)]
        assert len(reads.batches) == 1
        clock.at += AHEAD_US
        reads.out = True
        assert await rules.stated("AB", 1) == [("A", None), ("B", "kalshi answered 503")]
        clock.at += STALE_US
        assert dict(await rules.stated("A", 1))["A"] == "kalshi answered 503"
        reads.out, reads.slow = False, True
        assert await rules.stated("B", 0.01) == [("B", "it was not read in time")]

    kept(test)


def test_a_market_of_kalshi_that_closes_or_is_doubted_is_told_unasked_once_it_was_stated() -> None:
    async def test(reads: Batches, _clock: JumpingClock, rules: MarketRulesKept) -> None:
        news: list[Readiness] = []
        rules.news = news.append
        rules.take(MarketRules("A", CENTS))
        rules.doubt("A")
        assert news == [], "nobody was told anything of it"
        reads.known["A"] = MarketRules("A", CENTS)
        await rules.stated("A", 1)
        rules.take(MarketRules("A", CENTS, status="closed"))
        rules.take(MarketRules("A", CENTS, status="closed"))
        rules.doubt("A")
        await asyncio.wait(rules._tasks._running, timeout=5)
        assert [why is None for _, why in news] == [False, False, True]
        assert news[0] == ("A", "it is closed")

    kept(test)


async def learned(port: KalshiPort | PolymarketPort, *markets: str) -> dict[str, str | None]:
    told: asyncio.Future[Sequence[Readiness]] = asyncio.get_running_loop().create_future()
    port.learn(markets, told.set_result)
    return dict(await asyncio.wait_for(told, 5))


def test_the_port_of_kalshi_says_what_it_can_order_and_cash_goes_on_without_markets() -> None:
    kalshi = Kalshi()

    async def test(_server: Server, port: KalshiPort) -> None:
        assert await learned(port, TICKER, "KXNONE") == {TICKER: None, "KXNONE": "kalshi does not list it"}
        kalshi.broken = "/markets"
        assert "500" in str((await learned(port, "KXOTHER"))["KXOTHER"])
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        port.cash(lambda *said: told.set_result(said))
        accounts, why = await asyncio.wait_for(told, 5)
        assert (len(accounts), why) == (1, None)

    run(kalshi, test, policy=replace(POLICY, learn_s=3))


def test_an_order_that_kalshi_refuses_holds_its_market_back_until_it_was_read_again() -> None:
    refused = Reply(400, msgspec.json.encode({"error": {"code": "invalid_price", "message": "tick"}}))

    async def test(_server: Server, port: KalshiPort) -> None:
        news: list[Readiness] = []
        seen = asyncio.Event()

        def hear(one: Readiness) -> None:
            news.append(one)
            if one[1] is None:
                seen.set()

        port.watch_markets(hear)
        await learned(port, TICKER)
        assert (await placed(port)).status is Status.REJECTED
        await asyncio.wait_for(seen.wait(), 5)
        assert news == [(TICKER, "its rules are being read again, as an order was refused"), (TICKER, None)]

    run(Kalshi(post=refused), test)


def test_the_port_of_polymarket_reads_a_market_once_for_both_of_its_tokens_and_tells_when_it_closes(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        async with staged(tmp_path) as stage:
            port, (yes, no) = stage.port, stage.market.tokens
            stage.fault("error_before", path=f"/markets-by-token/{no}", times=-1)
            await port.start() if not port._begun else None
            port.markets._known.clear()
            assert await learned(port, yes) == {yes: None}
            assert await learned(port, yes, no) == {yes: None, no: None}
            news: list[Readiness] = []
            port.watch_markets(news.append)
            stage.service.break_down(Fault(name="market_paused", market=stage.market.listing.slug))
            stage.place(leg(yes))
            await stage.until(lambda: len(news) == 2)
            assert dict(news) == dict.fromkeys((yes, no), "its market takes no orders")
            assert set((await learned(port, yes, no)).values()) == {"its market takes no orders"}
            assert "not known" not in str((await learned(port, "77"))["77"])

    asyncio.run(play())
