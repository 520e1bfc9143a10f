"""A Kalshi and a Polymarket on loopback for one case, in a thread that serves those of all cases, and their own books.

Both always offer what the recordings of these tests show, so that every recorded arb can be had.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple, Self, TypeVar

from protocol.units import DOLLAR, USD, Money
from tests.e2e.captures import ticker, yes_token
from tests.e2e.kalshi_stage import Counting
from tests.e2e.processes import PATIENCE_S
from tests.transport.polymarket.trade_kit import wallet_key
from tests.venues.kalshi_exchange.kit import DOLLARS, ed25519, new_service, write_key
from transport.polymarket_exchange.server import PolymarketServer
from venues.kalshi.exchange.listing import Listing as KalshiListing
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.amounts import SHARE
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.exchange.message import Reply, Request
from venues.polymarket.exchange.order import TradeStatus
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind

FUNDS: Final = DOLLARS * USD
PLENTY: Final = "1000000"
HUNDREDTH: Final = SHARE // 100
MINED_MS: Final = 150
CONFIRMED_MS: Final = 400

T = TypeVar("T")


class Taken(NamedTuple):
    """What one order came to: hundredths of a contract, micro-dollars without fees in YES prices, fees."""

    filled: int
    cost: int
    fees: int


class VenueBooks(NamedTuple):
    """The exchanges' own books: what was taken by order id, what is left, and what came to them how often.

    ``kalshi`` is by our leg id, its costs in prices of YES; ``polymarket`` is by the hash, in those of the token.
    """

    kalshi: dict[str, Taken]
    polymarket: dict[str, Taken]
    kalshi_posted: Counter[str]
    polymarket_posted: Counter[bytes]
    polymarket_twice: int
    cash: tuple[int, int]
    kalshi_net: int
    shares: int


class Posts(PolymarketService):
    """Keeps every body that was posted as an order."""

    posted: Counter[bytes]

    def handle(self, request: Request, world_us: int, struck: dict[str, Fault]) -> Reply:
        """See the base."""
        if request.method == "POST" and request.path == "/order":
            self.posted[request.body] += 1
        return super().handle(request, world_us, struck)


class Venues:
    """The two of one case. Its methods are called from the test's thread, and run in that of the exchanges."""

    def __init__(self, thread: ExchangeThread, home: Path, numbers: range) -> None:
        self._thread = thread
        wallet = wallet_key(home)
        write_key(ed25519(), home / "key.pem")
        self.service = Posts([_polymarket(number) for number in numbers])
        self.service.posted = Counter()
        self.account: Account = self.service.fund(wallet.address, WalletKind.EOA, Money(FUNDS))
        settlement = self.service.exchange.settlement
        settlement.mined_us, settlement.confirmed_us = MINED_MS * 1_000, CONFIRMED_MS * 1_000
        self.tickers = [ticker(number) for number in numbers]
        thread.do(self._start)

    async def _start(self) -> None:
        listings = [
            KalshiListing(ticker=name, bids=(("0.50", PLENTY),), asks=(("0.51", PLENTY),)) for name in self.tickers
        ]
        self.kalshi, self.polymarket = Counting(new_service(listings)), PolymarketServer(self.service)
        self.kalshi.posted = Counter()
        await self.kalshi.start()
        await self.polymarket.start()

    def stop(self) -> None:
        """Close them."""

        async def stop() -> None:
            await self.polymarket.stop()
            await self.kalshi.stop()

        self._thread.do(stop)

    def config(self) -> str:
        """The file of whoever trades on them."""
        kalshi = f"{self.kalshi.host}:{self.kalshi.port}"
        return f"""
live = true
rehearsal = true
venue = "live"
pairs = "pairs.toml"

[kalshi]
key_id = "ed"
key_file = "key.pem"
rest_url = "http://{kalshi}"
socket_url = "ws://{kalshi}"

[polymarket]
url = "{self.polymarket.hosts.clob}"
key_file = "wallet.hex"
wallet_kind = "eoa"
"""

    def strike(self, name: str, **how: Any) -> None:
        """One fault of Polymarket."""
        self._call(lambda: self.service.break_down(Fault(name=name, **how)))

    def struck(self, name: str) -> int:
        """How often a fault has struck."""
        return self._call(lambda: self.service.faults.struck.get(name, 0))

    def hold_settlement(self) -> None:
        """No trade of Polymarket settles by itself from now on."""
        self.strike("unsettled")

    def settle(self, status: TradeStatus) -> int:
        """Have every trade that is not final come to this, and those to come settle by the clock; how many."""

        def settle() -> int:
            settlement, now_us = self.service.exchange.settlement, self.service.now_us(self.polymarket.now_us())
            trades = settlement.unfinished
            for trade in trades:
                settlement.step(trade, status, now_us)
            self.service.mend("unsettled")
            self.polymarket.flush()
            return len(trades)

        return self._call(settle)

    def unsettled(self) -> int:
        """Trades of Polymarket that may still be another."""
        return self._call(lambda: len(self.service.exchange.settlement.unfinished))

    def books(self) -> VenueBooks:
        """As they are now."""
        return self._call(self._books)

    def _books(self) -> VenueBooks:
        kalshi = self.kalshi.service.exchange.accounts["ann"]
        ours = {order.order_id: order.client_order_id for order in kalshi.orders.values()}
        rows: dict[str, list[int]] = {}
        for fill in kalshi.fills:
            _add(rows, ours[fill.order_id], fill.quantity, fill.quantity * fill.price, fill.fee)
        trades: dict[str, list[int]] = {}
        for trade in self.service.exchange.settlement.trades.values():
            if trade.taker.account is self.account and trade.status != "FAILED":
                _add(trades, trade.taker.order_id, trade.size, trade.money, trade.fee)
        return VenueBooks(
            kalshi={name: Taken(*row) for name, row in rows.items()},
            polymarket={name: Taken(row[0] // HUNDREDTH, *row[1:]) for name, row in trades.items()},
            kalshi_posted=self.kalshi.posted.copy(),
            polymarket_posted=self.service.posted.copy(),
            polymarket_twice=self.service.exchange.duplicates,
            cash=(kalshi.cash[0], self.account.cash),
            kalshi_net=sum(kalshi.position(name).net for name in self.tickers),
            shares=sum(self.account.shares.values()),
        )

    def _call(self, what: Callable[[], T]) -> T:
        async def call() -> T:
            return what()

        return self._thread.do(call)


class ExchangeThread:
    """The thread that serves."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="exchanges")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def do(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run it there, and wait."""
        done: Future[T] = asyncio.run_coroutine_threadsafe(what(), self._loop)
        return done.result(PATIENCE_S)


def _polymarket(number: int) -> Listing:
    return Listing(slug=f"pair-{number}", bids=(("0.39", PLENTY),), asks=(("0.4", PLENTY),))


def with_real_tokens(text: str, numbers: range) -> str:
    """The text with tokens as an exchange has them, instead of the short ones of made-up recordings."""
    for number in numbers:
        for short, token in zip((yes_token(number), f"8{number:05d}"), _polymarket(number).tokens, strict=True):
            text = text.replace(f'"{short}', f'"{token}')
    return text


def _add(rows: dict[str, list[int]], name: str, *values: int) -> None:
    row = rows.setdefault(name, [0] * len(values))
    for index, value in enumerate(values):
        row[index] += value


def of_no(taken: Taken) -> Taken:
    """The same in prices of NO, which is what is left of the dollar."""
    return taken._replace(cost=taken.filled * DOLLAR - taken.cost)
