"""The real market data client on the loopback Polymarket, fault by fault: right, or not traded on, and right again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest

from market.events import MarketHalted, TickSet
from market.pairs import parse_pairs
from protocol.terms import POLYMARKET
from protocol.units import DOLLAR, Price
from tests.transport.polymarket.clock import HandClock
from tests.transport.polymarket.stage import SECOND, Heard
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import Asking, FeedPolicy, PolymarketFeed
from transport.polymarket.http import HttpPolicy
from transport.polymarket.public import PublicReads
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.changes import MarketChange, change_market
from venues.polymarket.exchange.faults import FRAME_FAULTS, Fault
from venues.polymarket.exchange.listing import Listing, Schedule
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.facts import claims_of

YES, NO = "71", "52"
PAIRS: Final = """
[[pairs]]
pair_id = "rain"
poly_yes_token = "71"
poly_no_token = "52"
fees = { polymarket_rate = "0.04" }
"""
POLICY: Final = replace(FeedPolicy(), socket=SocketPolicy(close_s=0.2, handshake_s=2))


class World:
    """An exchange whose book moves, a feed of it, and the time that both go by."""

    def __init__(self, listing: Listing, seed: int) -> None:
        self.clock = HandClock()
        self.server = PolymarketServer(PolymarketService((listing,), limited=False), clock=self.clock)
        self.heard = Heard((YES, NO))
        self.rng = Random(seed)
        self.feed: PolymarketFeed

    @property
    def market(self) -> Any:  # noqa: ANN401 -- the exchange's own
        return self.server.service.exchange.by_token[YES]

    def strike(self, name: str, **fields: Any) -> None:
        self.server.service.break_down(Fault(name=name, channel="market", **fields))

    def move(self) -> None:
        """Somebody's level is another one now."""
        exchange, rng = self.server.service.exchange, self.rng
        bids = [(Price(4_500 - 100 * place), Shares(rng.randrange(1, 9) * SHARE)) for place in range(rng.randrange(4))]
        asks = [(Price(4_600 + 100 * place), Shares(rng.randrange(1, 9) * SHARE)) for place in range(rng.randrange(4))]
        exchange.set_book(self.market, bids, asks, self.server.service.now_us(self.clock.unix_us()))
        self.server.flush()

    def right(self) -> bool:
        return all(self.is_right(token, is_bid=is_bid) is True for token in (YES, NO) for is_bid in (True, False))

    def is_right(self, token: str, *, is_bid: bool) -> bool | None:
        """Whether the side is what the exchange has; None while it cannot be traded on."""
        book = self.heard.books.get(POLYMARKET, token)
        assert book is not None
        if not book.usable or not (book.bid_known if is_bid else book.ask_known):
            return None
        truth = {price: size * 100 // SHARE for price, size in self.market.levels(token, is_bid=is_bid)}
        return dict(book.depth(is_bid=is_bid)) == truth


def run(test: Callable[[World], Any], seed: int = 1, policy: FeedPolicy = POLICY, **listing: Any) -> World:
    made = Listing(
        slug="rain",
        clob_token_ids=(YES, NO),
        bids=(("0.45", "100"),),
        asks=(("0.46", "100"),),
        fee_schedule=Schedule(Decimal(listing.pop("rate", "0.04"))),
        **listing,
    )
    world = World(made, seed)

    async def main() -> None:
        await world.server.start()
        hosts = world.server.hosts
        reads = PublicReads(hosts, world.clock, rng=Random(1), policy=HttpPolicy(apart_us=0))
        asking = Asking(reads, claims_of(parse_pairs(PAIRS, "pairs")))
        world.feed = PolymarketFeed(
            hosts,
            (YES, NO),
            world.clock,
            rng=Random(2),
            asking=asking,
            policy=policy,
            report=lambda _, line: world.heard.lines.append(line),
        )
        running = asyncio.create_task(world.feed.run(world.heard))
        try:
            await world.heard.through(world.clock, lambda: world.heard.usable(YES, NO), 5)
            await test(world)
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.server.stop()

    asyncio.run(main())
    return world


@pytest.mark.parametrize("fault", sorted(FRAME_FAULTS))
def test_a_fault_costs_a_book_for_a_while_and_never_makes_it_a_wrong_one_for_longer(fault: str) -> None:
    async def test(world: World) -> None:
        world.strike(fault, times=-1 if fault == "silent" else 3, skip=2)
        for _ in range(12):
            world.move()
            world.clock.pass_us(SECOND // 10)
            await world.heard.held(lambda: True, looks=2)
        assert world.server.service.faults.struck[fault] >= 3
        world.server.service.mend("")
        world.move()
        # Until the next round of questions at the latest.
        await world.heard.through(world.clock, world.right, 62)

    run(test)


async def all_faults_by_chance(world: World) -> None:
    for _ in range(60):
        if world.rng.random() < 0.3:
            world.strike(world.rng.choice(sorted(FRAME_FAULTS)))
        world.move()
        world.clock.pass_us(SECOND // 5)
        await world.heard.held(lambda: True, looks=1)
    world.server.service.mend("")
    world.move()
    await world.heard.through(world.clock, world.right, 80)


def test_all_faults_together() -> None:
    run(all_faults_by_chance, seed=7)


@pytest.mark.hunt
@pytest.mark.parametrize("seed", range(100, 200))
def test_all_faults_together_many_times(seed: int) -> None:
    run(all_faults_by_chance, seed)


def test_a_feed_that_only_answers_pings_is_found_by_its_silence() -> None:
    async def test(world: World) -> None:
        world.strike("silent", times=-1)
        world.move()
        await world.heard.through(world.clock, lambda: not world.heard.usable(YES), 26)
        assert any("no market data for 15 s" in reason for reason in world.heard.lost())
        world.server.service.mend("")
        await world.heard.through(world.clock, world.right, 40)

    # Nothing is verified meanwhile: the silence is found by the socket alone.
    books = replace(POLICY.books, every_us=10_000 * SECOND, first_us=10_000 * SECOND)
    run(test, policy=replace(POLICY, books=books))


def test_a_new_tick_and_a_result_latch_the_pair() -> None:
    async def test(world: World) -> None:
        exchange = world.server.service.exchange
        change_market(exchange, world.market, MarketChange(market="rain", tick_size="0.001"), world.clock.unix_us())
        world.server.flush()
        await world.heard.until(lambda: len(world.heard.of(MarketHalted)) == 2)
        assert {event.tick for event in world.heard.of(TickSet)[-2:]} == {DOLLAR // 1_000}
        assert "its tick size is 0.001" in world.heard.of(MarketHalted)[0].reason
        change_market(exchange, world.market, MarketChange(market="rain", winner="yes"), world.clock.unix_us())
        world.server.flush()
        await world.heard.until(lambda: not world.heard.usable(YES) and not world.heard.usable(NO))
        assert any("market resolved" in reason for reason in world.heard.lost())

    run(test)


def test_another_fee_than_the_pairs_file_says_latches_with_both_numbers() -> None:
    async def test(world: World) -> None:
        reasons = {event.reason for event in world.heard.of(MarketHalted)}
        assert reasons == {"its taker fee rate is 0.05 (exponent 1), the pairs file says 0.04 (exponent 1) (pair rain)"}

    run(test, rate="0.05")
