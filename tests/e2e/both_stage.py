"""A controller and a trader with a key or a wallet for each venue, live, on both loopback exchanges.

The arb is offered by Polymarket's house: some shares of NO, so cheaply that one trade takes them all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import web

from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from market.pair import Pair
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, PairId
from protocol.units import CENT, USD, Money, Price
from tests.e2e.kalshi_stage import (
    ASKS,
    BIDS,
    TICKER,
    Counting,
    Offers,
    World,
    actor,
    controller,
    hundredths,
    kalshi_port,
    micro,
    trader,
)
from tests.transport.polymarket.trade_kit import wallet_key
from tests.venues.kalshi_exchange.kit import ed25519, new_service, write_key
from transport.feeds.port import WallClock
from transport.feeds.several import SeveralFeeds
from transport.kalshi.access import access
from transport.kalshi.feed import FeedPolicy as KalshiFeedPolicy
from transport.kalshi.live import DirectFeed
from transport.polymarket.access import PolymarketAccess, find_wallet
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import Asking, FeedPolicy, PolymarketFeed
from transport.polymarket.live import live_port
from transport.polymarket.policy import PortPolicy
from transport.polymarket.port import PolymarketPort
from transport.polymarket.public import PublicReads
from transport.polymarket.rest import RestPolicy
from transport.polymarket_exchange.server import PolymarketServer
from venues.kalshi.exchange.listing import Listing as KalshiListing
from venues.kalshi.hosts import Hosts
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.message import Request
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind
from venues.polymarket.facts import claims_of
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.keeper import KeeperPolicy

SLUG: Final = "e2e"
LISTING: Final = Listing(slug=SLUG, bids=(("0.38", "900"),), asks=(("0.6", "900"),))
YES, NO = LISTING.tokens
BOTH: Final = Pair(
    pair_id=PairId("e2e"),
    market_id=0,
    kalshi_market_ticker=TICKER,
    poly_yes_token=YES,
    poly_no_token=NO,
    kalshi_rate_ppm=70_000,
    polymarket_rate_ppm=40_000,
)
FUNDS: Final = 1_000 * USD
HUNDREDTH: Final = SHARE // 100

_PATIENCE: Final = PortPolicy(timeout_s=0.6, waits_s=(0.05,), heartbeat_s=0.2, again_s=0.05, learn_s=3)
_REST: Final = RestPolicy(timeout_s=0.5, attempts=2, retry_base_s=0.01, budget_s=3)
_FEED: Final = FeedPolicy(
    look_us=20_000,
    terms_us=500_000,
    socket=SocketPolicy(ping_s=0.3, close_s=0.2, silent_s=0.6, dead_s=0.5, backoff_s=0.02, backoff_cap_s=0.1),
    books=KeeperPolicy(every_us=500_000, settle_us=50_000, first_us=100_000, again_us=100_000),
)


class CountingPolymarket(PolymarketServer):
    """Keeps which signed order was posted how often, whatever became of the request."""

    posted: Counter[str]

    def _count(self, request: Request) -> None:
        if request.method == "POST" and request.path == "/order":
            self.posted[json.loads(request.body)["order"]["signature"]] += 1

    async def _struck(self, message: web.BaseRequest, request: Request, struck: dict[str, Fault]) -> web.Response:
        self._count(request)
        return await super()._struck(message, request, struck)

    async def _answered(self, request: Request, struck: dict[str, Fault]) -> web.Response:
        if not struck:
            self._count(request)
        return await super()._answered(request, struck)


class BothWorld(World):
    """``server`` is Kalshi's, ``polymarket`` the other; ``account`` is ours there."""

    polymarket: CountingPolymarket
    account: Account
    poly_port: PolymarketPort
    poly_feed: PolymarketFeed
    lines: list[str]
    kalshi_hosts: Hosts

    # -- what is done ----------------------------------------------------------------------------------------

    @property
    def market(self) -> Market:
        """The market of Polymarket."""
        return next(iter(self.polymarket.service.exchange.markets.values()))

    def strike_polymarket(self, name: str, **fields: Any) -> None:
        """One fault of Polymarket."""
        self.polymarket.service.break_down(Fault(name=name, **fields))
        self.polymarket.flush()

    def mend(self) -> None:
        """No fault any more, at either."""
        super().mend()
        self.polymarket.service.mend("")
        self.polymarket.flush()

    def offer(self, contracts: int = 5, cents: int = 45) -> None:
        """Polymarket's house sells NO at that price: who buys NO there sells YES to it."""
        exchange = self.polymarket.service.exchange
        bids = [(Price(100 * CENT - cents * CENT), Shares(contracts * SHARE)), (Price(38 * CENT), Shares(900 * SHARE))]
        asks = [(Price(60 * CENT), Shares((900 + self.number % 50) * SHARE))]
        exchange.set_book(self.market, [*dict(bids).items()], asks, self.polymarket.now_us())
        self.polymarket.flush()

    async def restart(self, number: int) -> None:
        """The trader of Kalshi (0) or Polymarket (1) ends, and starts again with its journal."""
        await self.traders[number].finish()
        if number:
            self.poly_port = polymarket_port(self.polymarket.hosts, self.folder, self.lines)
        else:
            self.port = kalshi_port(self.kalshi_hosts, self.folder)
        url = f"ws://127.0.0.1:{self.controller.server.port}"
        self.traders[number] = trader(self.folder, url, self.poly_port if number else self.port)
        await self.traders[number].start()

    # -- what is seen ----------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether both legs of an arb have a way, and both books are there."""
        remote = self.executor.remote
        books = actor(self.controller, "scanner").scan.books
        known = [books.get(KALSHI, TICKER), books.get(POLYMARKET, NO)]
        ways = all(p in remote and not remote[p].halted for p in (KALSHI, POLYMARKET))
        return ways and all(book and book.usable for book in known)

    def struck_polymarket(self, name: str) -> int:
        """How often Polymarket's fault has struck."""
        return self.polymarket.service.faults.struck.get(name, 0)

    def last_trade(self) -> dict[str, Any]:
        """The newest row of `arb ledger trades`."""
        return self.trades()[-1]

    def differences(self) -> dict[str, Any]:
        """What reconciliation has found that differs, by account."""
        accounts = actor(self.controller, "reconciler").accounts
        return {str(name): account.episodes for name, account in accounts.items() if account.episodes}

    async def compared(self) -> None:
        """Both accounts were compared with the ledger twice more."""

        def looks() -> dict[str, int]:
            accounts: dict[tuple[str, bool], Any] = actor(self.controller, "reconciler").accounts
            return {name: accounts[name, False].number for name in (KALSHI, POLYMARKET) if (name, False) in accounts}

        await self.until(lambda: len(looks()) == len(PLATFORMS), "both are compared")
        before = looks()
        await self.until(lambda: all(looks()[name] > number + 1 for name, number in before.items()), "another look")

    # -- what must hold --------------------------------------------------------------------------------------

    def agree(self) -> None:
        """Both exchanges' own books are the ledger's, to the micro-dollar; no order was posted twice."""
        super().agree()
        assert max(self.polymarket.posted.values(), default=1) == 1, self.polymarket.posted
        assert self.polymarket.service.exchange.duplicates == 0
        ours = [leg for leg in self.legs() if leg["platform"] == POLYMARKET]
        assert len(self.polymarket.posted) <= len(ours)
        assert {leg["order_id"]: _told(leg) for leg in ours if leg["filled"]} == self._matched()
        sign = {"buy": 1, "sell": -1}
        spent = sum(sign[leg["action"]] * micro(leg["cost_usd"]) + micro(leg["fees_usd"]) for leg in ours)
        assert self.account.cash == FUNDS - spent
        held = sum(sign[leg["action"]] * hundredths(leg["filled"]) for leg in ours)
        # Of what dollars bought, whole hundredths are ours to trade.
        crumbs = sum(self.account.shares.values()) - held * HUNDREDTH
        assert 0 <= crumbs < HUNDREDTH * (1 + len([leg for leg in ours if leg["filled"]])), crumbs
        assert not self.account.shares[YES]

    def _matched(self) -> dict[str, list[int]]:
        """By order: hundredths of a share, micro-dollars without fees, fees; of trades that did not fail."""
        found: dict[str, list[int]] = {}
        for trade in self.polymarket.service.exchange.settlement.trades.values():
            assert trade.final, trade.status
            if trade.taker.account is self.account and trade.status == "CONFIRMED":
                row = found.setdefault(trade.taker.order_id, [0, 0, 0])
                row[0] += trade.size
                row[1] += trade.money
                row[2] += trade.fee
        return {name: [row[0] // HUNDREDTH, *row[1:]] for name, row in found.items() if row[0] >= HUNDREDTH}


def _told(leg: dict[str, Any]) -> list[int]:
    return [hundredths(leg["filled"]), micro(leg["cost_usd"]), micro(leg["fees_usd"])]


def polymarket_port(hosts: PolymarketHosts, folder: Path, lines: list[str]) -> PolymarketPort:
    """A trader's port in a hurry."""
    key = wallet_key(folder)
    found = PolymarketAccess(hosts, key, find_wallet(key.address, "eoa", None))
    return live_port(
        found, timeout_s=0.6, rng=Random(1), markets=(YES, NO), report=lines.append, policy=_PATIENCE, rest_policy=_REST
    )


def polymarket_feed(hosts: PolymarketHosts) -> PolymarketFeed:
    """The controller's, in a hurry."""
    clock, rng = WallClock(), Random(3)
    asking = Asking(PublicReads(hosts, clock, rng=rng), claims_of([BOTH]))
    return PolymarketFeed(hosts, (YES, NO), clock, rng=rng, asking=asking, policy=_FEED)


@asynccontextmanager
async def both_staged(
    folder: Path, *, reconcile_us: int | None = None, risk: RiskPlan = NO_RISK_PLAN, share_step: int = 1
) -> AsyncIterator[BothWorld]:
    """All of it, started; ended in order."""
    kalshi = Counting(new_service([KalshiListing(ticker=TICKER, bids=BIDS, asks=ASKS)]))
    other = CountingPolymarket(PolymarketService([LISTING], share_step=share_step))
    kalshi.posted, other.posted = Counter(), Counter()
    settlement = other.service.exchange.settlement
    settlement.mined_us, settlement.confirmed_us = 100_000, 200_000
    await kalshi.start()
    await other.start()
    write_key(ed25519(), folder / "key.pem")
    origin = f"{kalshi.host}:{kalshi.port}"
    hosts = Hosts(f"http://{origin}", f"ws://{origin}")
    policy = KalshiFeedPolicy(backoff_s=0.02, backoff_cap_s=0.1, probe_s=0.3, dead_s=0.5, pause_s=0.05)
    feed = DirectFeed(access(hosts, "ed", folder / "key.pem"), (TICKER,), rng=Random(2), policy=policy)
    poly_feed = polymarket_feed(other.hosts)
    process = controller(
        folder, SeveralFeeds([feed, poly_feed]), reconcile_us=reconcile_us, risk=risk, pair=BOTH, relayed=False
    )
    world = BothWorld(kalshi, process, feed, Offers((POLYMARKET,)), folder)
    world.polymarket, world.poly_feed, world.lines = other, poly_feed, []
    world.kalshi_hosts = hosts
    world.account = other.service.fund(wallet_key(folder).address, WalletKind.EOA, Money(FUNDS))
    world.port, world.poly_port = kalshi_port(hosts, folder), polymarket_port(other.hosts, folder, world.lines)
    try:
        await process.start()
        url = f"ws://127.0.0.1:{process.server.port}"
        for venue in (world.port, world.poly_port):
            world.traders.append(trader(folder, url, venue))
            await world.traders[-1].start()
        yield world
    finally:
        for one in world.traders:
            await one.finish()
        await process.finish()
        await other.stop()
        await kalshi.stop()
