"""A controller, a trader with a wallet and one of a made-up Kalshi, live, on a Polymarket on loopback.

The mirror of `kalshi_stage.py`: the arb is offered by the other side's book, each offer one trade of some contracts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Final

from market.events import BookSnapshot, FeedBatch, FeedUp
from market.fees import kalshi_fees
from market.pair import Pair
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, PairId
from protocol.units import CENT, CONTRACT, USD, Money, Price, Quantity
from tests.e2e.kalshi_stage import Offers, actor, controller, hundredths, micro, trader
from tests.e2e.ledger_look import LedgerLook, pause
from tests.transport.polymarket.trade_kit import HASTY, REST, wallet_key
from transport.controller_process import ControllerProcess
from transport.feeds.port import WallClock
from transport.journal_port import JournalFile
from transport.polymarket.access import PolymarketAccess, find_wallet
from transport.polymarket.feed import Asking, PolymarketFeed
from transport.polymarket.live import live_port
from transport.polymarket.port import PolymarketPort
from transport.polymarket.public import PublicReads
from transport.polymarket_exchange.server import PolymarketServer
from transport.rehearsal import OtherSide
from transport.trader_process import TraderProcess
from venues.paper.venue import PaperVenue
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.house import set_book
from venues.polymarket.exchange.listing import Listing, Schedule
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind
from venues.polymarket.facts import claims_of

TICKER: Final = "KXE2E-27DEC31-T"
LISTING: Final = Listing(
    slug="e2e",
    fee_schedule=Schedule(Decimal("0.04")),
    bids=(("0.45", "1000"),),
    asks=(("0.47", "1000"),),
)
DOLLARS: Final = 1_000
SETTLES_MS: Final = 300


class Other(OtherSide):
    """The made-up Kalshi; ``refuses`` everything where a test wants half an arb."""

    refuses = False

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:
        if self.refuses:
            self._moved.discard(leg.market)
            self.venue.forget(leg.market)
            report(self.venue.execute(leg))
        else:
            super().place(leg, report, blind=blind)


@dataclass
class World(LedgerLook):
    """What runs, and what a test does with it."""

    server: PolymarketServer
    controller: ControllerProcess
    port: PolymarketPort
    book: Offers
    other: Other
    wallet: str
    folder: Path
    traders: list[TraderProcess] = field(default_factory=list)
    number: int = 0
    unsettled: ClassVar = LedgerLook.unsettled | {"naked"}

    def strike(self, name: str, **fields: Any) -> None:
        self.server.service.break_down(Fault(name=name, **fields))

    def move(self) -> None:
        """Polymarket's book moves: a frame to whoever follows it."""
        service = self.server.service
        (market,) = service.exchange.markets.values()
        self.number += 1
        size = Shares((900 + self.number) * 1_000_000)
        set_book(service.exchange, market, {True: {Price(45 * CENT): size}, False: {Price(47 * CENT): size}})
        service.exchange.flush(market, service.now_us(self.server.now_us()), [])
        self.server.flush()

    def offer(self, contracts: int = 5, cents: int = 55) -> None:
        """The other side buys YES, by default so dearly that NO there and YES here is an arb."""
        bid = ((Price(cents * CENT), Quantity(contracts * CONTRACT)),) if contracts else ()
        ask = ((Price(60 * CENT), Quantity(500 * CONTRACT)),)
        events = (BookSnapshot(TICKER, bid, ask),)
        self.book.deliver(FeedBatch(KALSHI, self.server.now_us(), events, is_data=True))

    @property
    def ready(self) -> bool:
        remote = actor(self.controller, "executor").remote
        books = actor(self.controller, "scanner").scan.books
        (market,) = self.server.service.exchange.markets.values()
        known = [books.get(KALSHI, TICKER), books.get(POLYMARKET, market.tokens[0])]
        return all(p in remote and not remote[p].halted for p in PLATFORMS) and all(b and b.usable for b in known)

    async def begin(self) -> None:
        """Offer until there is one more trade."""
        before = len(self.trades())
        await self.until(lambda: self.ready, "both ways and both books")
        for _ in range(200):
            self.move()
            self.offer(5 + self.number % 2)
            await pause(0.05)
            if len(self.trades()) > before:
                return

    async def trade(self) -> None:
        """One more trade, and nothing about it is open any more."""
        before = len(self.trades())
        await self.begin()
        self.offer(500, cents=54)
        await self.until(lambda: self.settled(before + 1), "one more settled trade")

    def agree(self) -> None:
        """The exchange's own books are the ledger's, to the micro-dollar; nothing was posted twice or is naked."""
        exchange = self.server.service.exchange
        account = exchange.accounts[self.wallet]
        legs = [leg for leg in self.legs() if leg["platform"] == POLYMARKET]
        sign = {"buy": 1, "sell": -1}
        spent = sum(sign[leg["action"]] * micro(leg["cost_usd"] or 0) + micro(leg["fees_usd"] or 0) for leg in legs)
        assert account.cash == DOLLARS * USD - spent
        held = sum(sign[leg["action"]] * hundredths(leg["filled"]) for leg in legs)
        assert sum(account.shares.values()) == held * 10_000
        posted = [one for one in exchange.orders.values() if one.account is account]
        assert len({one.order_id for one in posted}) == len(posted) <= len(legs)
        assert exchange.duplicates == 0
        for trade in self.trades():
            assert trade["yes"] == trade["no"] or trade["state"] == "naked", trade


@asynccontextmanager
async def staged(folder: Path, *, named: bool = True, faults: tuple[Fault, ...] = ()) -> AsyncIterator[World]:
    """All of it, started; ended in order.

    ``named``: the trader's own configuration names the market. ``faults`` are there before anybody comes.
    """
    # Shares in hundredths, so that the two books can be compared to the last of them.
    service = PolymarketService((LISTING,), share_step=10_000)
    service.exchange.settlement.mined_us = service.exchange.settlement.confirmed_us = SETTLES_MS * 1_000
    server = PolymarketServer(service)
    await server.start()
    key, clock, rng = wallet_key(folder), WallClock(), Random(2)
    account = service.fund(key.address, WalletKind.SAFE, Money(DOLLARS * USD))
    (market,) = service.exchange.markets.values()
    pair = Pair(
        pair_id=PairId("e2e"),
        market_id=0,
        kalshi_market_ticker=TICKER,
        poly_yes_token=market.tokens[0],
        poly_no_token=market.tokens[1],
        kalshi_rate_ppm=0,
        polymarket_rate_ppm=40_000,
    )
    asking = Asking(PublicReads(server.hosts, clock, rng=rng), claims_of([pair]))
    feed = PolymarketFeed(server.hosts, market.tokens, clock, rng=rng, asking=asking)
    found = PolymarketAccess(server.hosts, key, find_wallet(key.address, "safe", None))
    port = live_port(
        found,
        timeout_s=1.0,
        rng=rng,
        markets=market.tokens if named else (),
        report=lambda _: None,
        policy=HASTY,
        rest_policy=REST,
    )
    for fault in faults:
        service.break_down(fault)
    port.keep_in(journal := JournalFile(folder / f"journal-{POLYMARKET}.db"))
    other, book = Other(PaperVenue(KALSHI, fees=lambda _: kalshi_fees(0))), Offers((KALSHI,))
    process = controller(folder, feed, pair=pair, relayed={KALSHI: (TICKER,)}, leg_timeout_us=1_500_000)
    world = World(server, process, port, book, other, account.wallet, folder)
    try:
        await world.controller.start()
        url = f"ws://127.0.0.1:{world.controller.server.port}"
        for venue, relayed in ((port, None), (other, other.fed_by(book))):
            world.traders.append(trader(folder, url, venue, relayed, journal=journal if venue is port else None))
            await world.traders[-1].start()
        await world.until(lambda: book.runs, "the other side's feed runs")
        book.deliver(FeedBatch(KALSHI, server.now_us(), (FeedUp(),), is_data=False))
        world.offer(cents=40)
        yield world
    finally:
        for one in world.traders:
            await one.finish()
        await world.controller.finish()
        await server.stop()
