"""What the two venues quote, and what each controller is shown of it: late, with gaps, silences and lies.

Every pair has a value that jumps on news, which one venue takes in at once and the other a little later: that is when
an arbitrage stands. The feed of a controller shows each change after a delay; while it is silent, down or lying it
shows nothing, says so, or shows what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from market.events import BooksLost, BookSnapshot, FeedBatch, FeedEvent, FeedUp, Level
from market.pair import Pair
from protocol.terms import KALSHI, PLATFORMS, PairId, Platform
from protocol.units import CENT, DOLLAR, Price, Quantity
from simulation.clock import START_UNIX_US
from simulation.world.exchange import Book, Exchange
from simulation.world.kernel import Kernel, dice

LEVELS: Final = 3
LOWEST: Final = 8
HIGHEST: Final = 92

BREATH_US: Final = 6_000_000

CALM_SIZE: Final = Quantity(1_000_00)


@dataclass
class Quote:
    """What one venue believes a pair to be worth, in cents, and how sizes are thrown."""

    exchange: Exchange
    market: str
    cents: int
    rng: Random

    def place(self, *, deep: bool = False) -> None:
        """Quote around the belief: a bid below and an ask above, a few levels each."""
        bid = self.cents - 1
        ask = self.cents + (0 if self.rng.random() < 0.3 else 1)  # noqa: PLR2004 -- often one cent wide
        book = self.exchange.books[self.market]
        book.bids = [self._level(bid - step, deep=deep) for step in range(LEVELS)]
        book.asks = [self._level(ask + step, deep=deep) for step in range(LEVELS)]

    def _level(self, cents: int, *, deep: bool) -> Level:
        size = CALM_SIZE if deep else Quantity(self.rng.choice((1, 3, 8, 20, 60)) * 100 + self.rng.randint(0, 99))
        return Price(cents * CENT), size


class Tape:
    """The quotes of all pairs on both venues. ``pace_us``: the mean time between two changes of one pair."""

    def __init__(
        self, seed: int, kernel: Kernel, pairs: Sequence[Pair], exchanges: dict[Platform, Exchange], pace_us: int
    ) -> None:
        """Quoted from the start."""
        self.kernel = kernel
        self.pairs = pairs
        self.exchanges = exchanges
        self.pace_us = pace_us
        self.quotes: dict[tuple[PairId, Platform], Quote] = {}
        self.running = True
        self.breaths = 0
        for pair in pairs:
            rng = dice(seed, "tape", pair.pair_id)
            cents = rng.randint(30, 70)
            for platform in PLATFORMS:
                quote = Quote(exchanges[platform], str(pair.pair_id), cents, rng)
                self.quotes[pair.pair_id, platform] = quote
                quote.place()
            self._next(pair, rng)

    def _next(self, pair: Pair, rng: Random) -> None:
        self.kernel.after(int(rng.expovariate(1) * self.pace_us) + 1_000, partial(self._move, pair, rng))

    def _move(self, pair: Pair, rng: Random) -> None:
        if not self.running:
            return
        platforms = list(PLATFORMS)
        rng.shuffle(platforms)
        first, second = (self.quotes[pair.pair_id, platform] for platform in platforms)
        if rng.random() < 0.4:  # noqa: PLR2004 -- news
            step = rng.choice((-1, 1)) * rng.randint(3, 9)
            target = min(max(first.cents + step, LOWEST), HIGHEST)
            self._set(first, target)
            self.kernel.after(rng.randint(200_000, 4_000_000), partial(self._set, second, target))
        else:
            self._set(first, first.cents)
        self._next(pair, rng)

    def _set(self, quote: Quote, cents: int) -> None:
        if not self.running:
            return
        quote.cents = cents
        quote.place()
        quote.exchange.changed(quote.market)

    def calm(self) -> None:
        """Both venues agree on every pair from now on, with deep books: no arb, and everything can be closed."""
        self.running = False
        for pair in self.pairs:
            cents = self.quotes[pair.pair_id, KALSHI].cents
            for platform in PLATFORMS:
                quote = self.quotes[pair.pair_id, platform]
                quote.cents = cents
                quote.place(deep=True)
                quote.exchange.changed(quote.market)

    def breathe(self) -> None:
        """Have quiet markets say something now and then, as real ones do: a silent feed is not traded on."""
        self.breaths += 1
        market = str(self.pairs[self.breaths % len(self.pairs)].pair_id)
        for exchange in self.exchanges.values():
            exchange.changed(market)
        self.kernel.after(BREATH_US, self.breathe)

    def tempt(self, pair: Pair) -> None:
        """Quote an arb on this pair that nobody can overlook."""
        for platform, cents in ((KALSHI, 40), (next(p for p in PLATFORMS if p != KALSHI), 60)):
            quote = self.quotes[pair.pair_id, platform]
            quote.cents = cents
            quote.place(deep=True)
            quote.exchange.changed(quote.market)


class Feed:
    """One venue's market data as one controller sees it; ``deliver`` takes batches while the process runs."""

    def __init__(self, kernel: Kernel, rng: Random, exchange: Exchange, deliver: Callable[[FeedBatch], None]) -> None:
        """Not connected."""
        self.kernel = kernel
        self.rng = rng
        self.exchange = exchange
        self.deliver = deliver
        self.up = False
        self.silent = False
        self.silent_since_us = 0
        self.lying_us = 0
        self.epoch = 0
        self.told_lost: set[str] = set()
        """Markets whose books the controller was told not to use."""
        self.arrives_us = 0

    def connect(self) -> None:
        """Up, with a snapshot of everything."""
        self.up, self.silent = True, False
        self.epoch += 1
        events: list[FeedEvent] = [FeedUp()]
        for market in self.exchange.books:
            events += self._snapshots(market, self.exchange.books[market])
        self._send(tuple(events))

    def disconnect(self, reason: str) -> None:
        """The connection is lost, and the controller told so."""
        if self.up:
            self.up = False
            self.epoch += 1
            self._now(BooksLost(reason))

    def fall_silent(self) -> None:
        """The connection stays up and brings no more data."""
        if self.up and not self.silent:
            self.silent, self.silent_since_us = True, self.kernel.now_us

    def gap(self, market: str) -> None:
        """A hole in the sequence: this market's books are unusable until a snapshot comes."""
        if self.up and not self.silent:
            lost = tuple(name for name, (found, _) in self.exchange.questions.items() if found == market)
            self.epoch += 1
            self._now(BooksLost("gap", lost))
            self.kernel.after(self.rng.randint(100_000, 3_000_000), partial(self._resync, self.epoch))

    def _resync(self, epoch: int) -> None:
        if epoch == self.epoch and self.up:
            self.connect()

    def changed(self, market: str) -> None:
        """The venue's book of this market is another one now."""
        if not self.up:
            return
        if self.silent:
            # Its connection lives: it answers pings, and brings no data.
            self._send((), is_data=False)
            return
        book = self.exchange.books[market]
        if self.kernel.now_us < self.lying_us:
            shift = Price(self.rng.choice((-6, 6)) * CENT)
            moved = [[(Price(price + shift), size) for price, size in side] for side in (book.bids, book.asks)]
            if all(0 < price < DOLLAR for side in moved for price, _ in side):
                book = Book(*moved)
        self._send(tuple(self._snapshots(market, book)))

    def _snapshots(self, market: str, book: Book) -> Iterator[BookSnapshot]:
        for name, side in self.exchange.named[market]:
            bids, asks = book.side(side)
            yield BookSnapshot(name, bids, asks)

    def _send(self, events: tuple[FeedEvent, ...], *, is_data: bool = True) -> None:
        self.arrives_us = max(self.arrives_us + 1, self.kernel.now_us + self.rng.randint(10_000, 150_000))
        batch = FeedBatch(self.exchange.platform, START_UNIX_US + self.kernel.now_us, events, is_data)
        self.kernel.after(self.arrives_us - self.kernel.now_us, partial(self._arrive, self.epoch, batch))

    def _now(self, event: BooksLost) -> None:
        self.deliver(FeedBatch(self.exchange.platform, START_UNIX_US + self.kernel.now_us, (event,), is_data=False))

    def _arrive(self, epoch: int, batch: FeedBatch) -> None:
        if epoch == self.epoch:
            self.deliver(batch)
