"""A controller, a trader with a key and one of the made-up other side, live, on a Kalshi on loopback.

The arb is offered by the other side's book: each offer is one trade of some contracts, taken once.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import web

from actors.ports import VenuePort
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from market.events import BookSnapshot, FeedBatch, FeedUp
from market.fees import polymarket_fees
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, PairId, Platform
from protocol.units import CENT, CONTRACT, USD, Money, Price, Quantity
from tests.e2e.ledger_look import LedgerLook
from tests.relay.sockets import PlayedFeed
from tests.venues.kalshi_exchange.kit import DOLLARS, ed25519, new_service, write_key
from transport.controller_process import ControllerOptions, ControllerProcess
from transport.feeds.port import Deliver, FeedPort, WallClock
from transport.ids import BootIds
from transport.journal_port import JournalFile
from transport.kalshi.access import access
from transport.kalshi.feed import FeedPolicy
from transport.kalshi.live import DirectFeed
from transport.kalshi.order_wire import OrderWire, WirePolicy
from transport.kalshi.port import KalshiPort, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from transport.kalshi_exchange.server import KalshiServer
from transport.ledger.store import LedgerStore
from transport.link.policy import LinkPolicy
from transport.live import KeepsOrders, LiveVenue
from transport.rehearsal import OtherSide
from transport.trader_process import TraderOptions, TraderProcess
from transport.venue_rest import RestPolicy
from venues.kalshi.exchange.faults import Fault
from venues.kalshi.exchange.listing import Listing
from venues.kalshi.hosts import Hosts
from venues.kalshi.orders import CREATE
from venues.loopback.message import Request
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

TICKER: Final = "KXE2E-27DEC31-T"
YES, NO = "e2e-yes", "e2e-no"
ASKS: Final = (("0.47", "1000"),)
BIDS: Final = (("0.45", "1000"),)
PAIR: Final = Pair(
    pair_id=PairId("e2e"),
    market_id=0,
    kalshi_market_ticker=TICKER,
    poly_yes_token=YES,
    poly_no_token=NO,
    kalshi_rate_ppm=70_000,
    polymarket_rate_ppm=0,
)
HASTY: Final = PortPolicy(timeout_s=0.6, settle_s=(0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6), clock_again_s=0.05, learn_s=3)
OTHER_SIDE: Final = {POLYMARKET: (YES, NO)}


class Offers(PlayedFeed):
    """The other side's market data."""

    runs = False

    async def run(self, deliver: Deliver) -> None:
        self.runs = True
        await super().run(deliver)

    def resync(self) -> None:
        """The next offer is whole anyway."""


class Counting(KalshiServer):
    """Keeps which order was posted how often, whatever became of the request."""

    posted: Counter[str]

    def _count(self, request: Request) -> None:
        if request.method == "POST" and request.path == CREATE:
            self.posted[json.loads(request.body)["client_order_id"]] += 1

    async def _struck(self, message: web.BaseRequest, request: Request, struck: dict[str, Fault]) -> web.Response:
        self._count(request)
        return await super()._struck(message, request, struck)

    async def _answered(self, request: Request, struck: dict[str, Fault]) -> web.Response:
        if not struck:
            self._count(request)
        return await super()._answered(request, struck)


class World(LedgerLook):
    """What runs, and what a test does with it."""

    def __init__(
        self, server: Counting, controller: ControllerProcess, feed: DirectFeed, book: Offers, folder: Path
    ) -> None:
        self.server = server
        self.controller = controller
        self.traders: list[TraderProcess] = []
        self.book = book
        self.folder = folder
        self.number = 0
        self.feed = feed
        self.port: KalshiPort

    # -- what is done ----------------------------------------------------------------------------------------

    def strike(self, name: str, **fields: Any) -> None:
        """One fault of the exchange."""
        self.server.service.break_down(Fault(name=name, **fields), self.server.now_us())
        self.server.flush()

    def mend(self) -> None:
        """No fault any more."""
        self.server.service.mend("", self.server.now_us())
        self.server.flush()

    def move(self, size: str = "1000") -> None:
        """Kalshi's book moves: a frame to whoever follows it."""
        exchange = self.server.service.exchange
        market = exchange.markets[TICKER]
        levels = [(Price(47 * CENT), Quantity(int(size) * CONTRACT))]
        bids = [(Price(45 * CENT), Quantity(int(size) * CONTRACT))]
        exchange.set_book(market, bids, levels, self.server.service.now_us(self.server.now_us()))
        self.server.flush()

    def offer(self, contracts: int = 5, cents: int = 45) -> None:
        """The other side sells NO, by default so cheaply that it is an arb."""
        ask = ((Price(cents * CENT), Quantity(contracts * CONTRACT)),)
        bid = ((Price(40 * CENT), Quantity(500 * CONTRACT)),)
        events = (BookSnapshot(NO, bid, ask), BookSnapshot(YES, bid, ((Price(60 * CENT), Quantity(CONTRACT)),)))
        self.book.deliver(FeedBatch(POLYMARKET, self.server.now_us(), events, is_data=True))

    # -- what is seen ----------------------------------------------------------------------------------------

    @property
    def executor(self) -> Any:  # noqa: ANN401 -- the actors are looked into
        return actor(self.controller, "executor")

    def out_of_reach(self) -> dict[str, str]:
        """The venues that the trader of Kalshi does not reach, by its own word."""
        return {name: why for name, why in actor(self.traders[0], "trader").outages.items() if why is not None}

    @property
    def ready(self) -> bool:
        """Whether both legs of an arb have a way, and both books are there."""
        remote = self.executor.remote
        books = actor(self.controller, "scanner").scan.books
        known = [books.get(KALSHI, TICKER), books.get(POLYMARKET, NO)]
        return all(p in remote and not remote[p].halted for p in PLATFORMS) and all(b and b.usable for b in known)

    async def trade(self) -> None:
        """Offer until one more trade is made, and wait until nothing about it is open."""
        before = len(self.trades())
        await self.until(lambda: self.ready, "both ways and both books")
        for _ in range(20):
            await self.offers(10)
            if len(self.trades()) > before:
                break
        await self.until(lambda: self.settled(before + 1), "one more settled trade")

    async def offers(self, count: int) -> None:
        """Offer so often, until there is one more trade."""
        before = len(self.trades())
        for _ in range(count):
            # Never the same twice: what did not change is not told.
            self.number += 1
            self.move(str(900 + self.number))
            self.offer(5 + self.number % 2)
            looked = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, looked.set)
            await looked.wait()
            if len(self.trades()) > before:
                return

    def struck(self, name: str) -> int:
        """How often the fault has struck."""
        return self.server.service.faults.struck.get(name, 0)

    # -- what must hold --------------------------------------------------------------------------------------

    def agree(self) -> None:
        """The exchange's own books are the ledger's, to the micro-dollar; no order was posted twice."""
        assert max(self.server.posted.values(), default=1) == 1, self.server.posted
        account = self.server.service.exchange.accounts["ann"]
        ours = {order.order_id: order.client_order_id for order in account.orders.values()}
        theirs: dict[str, list[int]] = {}
        for fill in account.fills:
            # NO costs what is left of the dollar.
            row = theirs.setdefault(ours[fill.order_id], [0, 0, 0])
            row[0] += fill.quantity
            row[1] += fill.quantity * fill.price
            row[2] += fill.fee
        kalshi = [leg for leg in self.legs() if leg["platform"] == KALSHI]
        known = {
            leg["leg_id"]: [hundredths(leg["filled"]), micro(leg["cost_usd"]), micro(leg["fees_usd"])]
            for leg in kalshi
            if leg["filled"]
        }
        assert known == theirs
        assert set(self.server.posted) <= {leg["leg_id"] for leg in kalshi}
        sign = {"buy": 1, "sell": -1}
        spent = sum(
            sign[leg["action"]] * micro(leg["cost_usd"]) + micro(leg["fees_usd"]) for leg in kalshi if leg["filled"]
        )
        assert account.cash[0] == DOLLARS * USD - spent
        held = sum(sign[leg["action"]] * hundredths(leg["filled"]) for leg in kalshi if leg["filled"])
        assert account.position(TICKER).net == held
        for trade in self.trades():
            equal = trade["yes"] == trade["no"]
            assert equal or trade["state"] == "naked", f"a naked trade that is not flagged: {trade}"
            assert trade["paper"] is False


def micro(dollars: object) -> int:
    """Micro-dollars of a figure of `arb ledger`."""
    return int(Decimal(str(dollars)) * USD)


def hundredths(contracts: object) -> int:
    """Hundredths of a contract, of a figure of `arb ledger`."""
    return int(Decimal(str(contracts)) * CONTRACT)


def actor(process: ControllerProcess | TraderProcess, role: str) -> Any:  # noqa: ANN401 -- whichever it is
    """The actor itself."""
    return process.host.system._systemBase.actorRegistry[process.roles[role].actorAddressString].instance


def kalshi_port(hosts: Hosts, folder: Path, markets: tuple[str, ...] = (TICKER,)) -> KalshiPort:
    """A trader's port in a hurry."""
    clock, rng = WallClock(), Random(1)
    found = access(hosts, "ed", folder / "key.pem")
    rest = KalshiRest(
        hosts, found.credentials, clock, rng=rng, policy=RestPolicy(timeout_s=1, retry_base_s=0.01, budget_s=3)
    )
    policy = WirePolicy(timeout_s=HASTY.timeout_s, retry_base_s=0.02)
    wire = OrderWire(hosts, found.credentials, clock, rng=rng, policy=policy, offset=rest.offset)
    return KalshiPort(wire, KalshiReads(rest), clock, policy=HASTY, markets=markets)


def trader(
    folder: Path,
    url: str,
    venue: LiveVenue,
    feed: FeedPort | None = None,
    *,
    rehearsal: bool = True,
    journal: JournalFile | None = None,
) -> TraderProcess:
    """A live trader of one platform; its ``journal`` is one that its venue has already, or its own."""
    platform: Platform = venue.platform
    venues: dict[Platform, tuple[VenuePort, VenuePort | None]] = {platform: (PaperPort(PaperVenue(platform)), venue)}
    kept = journal or JournalFile(folder / f"journal-{platform}.db")
    if journal is None and isinstance(venue, KeepsOrders):
        venue.keep_in(kept)
    options = TraderOptions(
        trader_id=str(platform),
        dry_run=False,
        rehearsal=rehearsal,
        venues=venues,
        live=(venue,),
        max_leg_notional=Money(1_000 * USD),
        venue_timeout_us=800_000,
        max_clock_offset_us=1_000_000,
        open_journal=lambda: kept,
        url=url,
        beacon_port=1,
        feed=feed,
    )
    return TraderProcess(options)


def controller(
    folder: Path,
    feed: FeedPort,
    *,
    pair: Pair = PAIR,
    relayed: Mapping[Platform, tuple[str, ...]] = OTHER_SIDE,
    **other: Any,
) -> ControllerProcess:
    """A live controller that reads books itself, and has those that are ``relayed`` from traders; ``other`` options."""
    options = ControllerOptions(
        controller_id="c",
        platforms=PLATFORMS,
        dry_run=False,
        rehearsal=True,
        policy=LinkPolicy(),
        make_feed=lambda _gate: feed,
        make_scan=lambda: Scan([pair], Rules.from_cents(1)),
        ids=BootIds("c", 1, 1),
        local={},
        heartbeat_us=2_000_000,
        leg_timeout_us=1_000_000,
        order_ttl_ms=5_000,
        max_silence_us=None,
        max_leg_notional=Money(1_000 * USD),
        pairs={pair.pair_id: pair},
        max_unwind_loss=Money(5 * USD),
        dispatch_first=None,
        open_ledger=lambda: LedgerStore(f"sqlite:///{folder}/ledger.db"),
        open_journal=lambda platform: JournalFile(folder / f"journal-c-{platform}.db"),
        beacon_port=None,
        relayed=relayed,
        reconcile_every_us=None,
    )
    return ControllerProcess(replace(options, **other))


@asynccontextmanager
async def staged(
    folder: Path,
    *,
    reconcile_us: int | None = None,
    shard: int = 0,
    risk: RiskPlan = NO_RISK_PLAN,
    markets: tuple[str, ...] = (TICKER,),
    prepare: Callable[[KalshiPort], None] = lambda _: None,
) -> AsyncIterator[World]:
    """All of it, started; ended in order. The market is on ``shard``, the money on the first.

    ``markets``: those that the trader's own configuration names. ``prepare`` sees its port before anybody comes.
    """
    listing = Listing(ticker=TICKER, bids=BIDS, asks=ASKS, exchange_index=shard)
    server = Counting(new_service([listing]))
    server.posted = Counter()
    await server.start()
    write_key(ed25519(), folder / "key.pem")
    origin = f"{server.host}:{server.port}"
    hosts = Hosts(f"http://{origin}", f"ws://{origin}")
    policy = FeedPolicy(backoff_s=0.02, backoff_cap_s=0.1, probe_s=0.3, dead_s=0.5, pause_s=0.05)
    feed = DirectFeed(access(hosts, "ed", folder / "key.pem"), (TICKER,), rng=Random(2), policy=policy)
    process, book = controller(folder, feed, reconcile_every_us=reconcile_us, risk=risk), Offers((POLYMARKET,))
    world = World(server, process, feed, book, folder)
    world.port = kalshi_port(hosts, folder, markets)
    prepare(world.port)
    other = OtherSide(PaperVenue(POLYMARKET, fees=lambda _: polymarket_fees(0)))
    try:
        await process.start()
        url = f"ws://127.0.0.1:{process.server.port}"
        for venue, relayed in ((world.port, None), (other, other.fed_by(book))):
            world.traders.append(trader(folder, url, venue, relayed))
            await world.traders[-1].start()
        await world.until(lambda: book.runs, "the other side's feed runs")
        book.deliver(FeedBatch(POLYMARKET, server.now_us(), (FeedUp(),), is_data=False))
        world.offer(cents=60)
        yield world
    finally:
        for one in world.traders:
            await one.finish()
        await process.finish()
        await server.stop()
