"""Books and pairs: every update re-checks just the pairs it touches, and offers what is an arb to the executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import (
    Describe,
    Description,
    Directory,
    Note,
    OpportunityNote,
    OpportunitySeen,
    PairFree,
    StartTimer,
    TimerFired,
    Took,
    Wanted,
)
from actors.pair_books import BookView, PairBooks, WatchPair
from actors.risk_messages import AgesAsked, FeedAges
from market.book import Book as MarketBook
from market.detection import PairWatch
from market.events import BooksLost, FeedBatch, FeedEnded, FeedUp, MarketHalted
from market.opportunity import Opportunity
from market.pair import Pair
from market.scan import Scan
from market.shown import MAX_SHOWN, shown_book
from protocol.terms import PairId, Platform
from protocol.wire import Book

STATE_LEVELS: Final = {"up": "info", "ended": "info", "failed": "error"}
"""How a feed's state is logged; every other state is a warning."""

MOST_SHOWN: Final = 200
"""Markets of one kind in a status."""


class ScannerSetup(msgspec.Struct, frozen=True):
    """How to make the books and pairs (afresh after a restart), and the limit on a feed's silence, if any."""

    make_scan: Callable[[], Scan]
    platforms: tuple[Platform, ...]
    max_silence_us: int | None


class Feed(msgspec.Struct):
    """What is known of one platform's feed."""

    state: str = "waiting"
    frames: int = 0
    heard_us: int = 0
    heard_unix_us: int = 0
    market_t: int = 0
    lost_reason: str | None = None
    watching: bool = False


class Scanner(GuardedActor):
    """Guarantees: at most one offer per pair is with the executor; none is made from a book that is unusable."""

    def __init__(self) -> None:
        """No books."""
        super().__init__()
        self.config: ScannerSetup
        self.scan: Scan
        self.roles: dict[str, Address] = {}
        self.feeds: dict[Platform, Feed] = {}
        self.offered: set[PairId] = set()
        self.open: dict[PairId, Opportunity] = {}
        self.wanted = Wanted(frozenset(), frozenset(), {})
        self.seen: Counter[str] = Counter()
        self.t = 0
        self.watched: set[PairId] = set()
        self.lost: dict[MarketBook, str] = {}
        self.pairs: set[PairId] = set()

    @handles(ScannerSetup)
    def setup(self, message: ScannerSetup, _sender: Address) -> None:
        """Make the books; they are empty and unusable until the feeds speak."""
        self.config, self.scan = message, message.make_scan()
        self.pairs = {watch.pair.pair_id for watch in self.scan.watches}
        self.feeds = {platform: Feed() for platform in message.platforms}

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        self.roles = dict(message.roles)

    # -- market data -----------------------------------------------------------------------------------------

    @handles(FeedBatch)
    def batch(self, message: FeedBatch, _sender: Address) -> None:
        """Apply one frame whole, then look at the pairs it touched."""
        feed = self.feeds.get(message.platform) or self.feeds.setdefault(message.platform, Feed())
        feed.market_t = self.t = message.t
        if message.is_data:
            feed.frames += 1
            feed.heard_us, feed.heard_unix_us = self.turn.mono_us, self.turn.unix_us
            if feed.state in {"waiting", "silent"}:
                self.feed_state(message.platform, feed, "up", "market data arrives")
            if self.config.max_silence_us is not None and not feed.watching:
                self.watch_silence(message.platform, feed, self.config.max_silence_us)
        for event in message.events:
            if type(event) is FeedUp:
                self.feed_state(message.platform, feed, "up", "connected")
            elif type(event) is BooksLost:
                self.books_lost(message.platform, feed, event)
            elif type(event) is MarketHalted:
                text = f"{message.platform}: nothing opens on {event.market} any more: {event.reason}"
                self.note(text, level="error", count="markets_halted")
        self.offer(self.scan.apply(message))
        if self.watched:
            self.tell_watched(message.platform)

    @handles(FeedEnded)
    def ended(self, message: FeedEnded, _sender: Address) -> None:
        """That feed never speaks again."""
        feed = self.feeds.setdefault(message.platform, Feed())
        self.feed_state(message.platform, feed, "failed" if message.failed else "ended", message.reason)
        self.offer(self.scan.lost(message.platform, message.reason, self.t))

    def books_lost(self, platform: Platform, feed: Feed, event: BooksLost) -> None:
        """A disconnect empties all books of a platform; a gap those of its subscription."""
        if event.markets:
            for book in filter(None, (self.scan.books.get(platform, market) for market in event.markets)):
                self.lost[book] = event.reason
            text = f"{platform}: {len(event.markets)} books unusable until their next snapshot: {event.reason}"
            self.note(text, level="warning", count="feed_gaps")
        else:
            self.feed_state(platform, feed, "down", event.reason)

    def feed_state(self, platform: Platform, feed: Feed, state: str, reason: str) -> None:
        """Log a change of a feed's state."""
        if feed.state == state:
            return
        feed.state = state
        feed.lost_reason = None if state == "up" else reason
        self.note(f"{platform} feed {state}: {reason}", level=STATE_LEVELS.get(state, "warning"), count=f"feed_{state}")

    # -- silence ---------------------------------------------------------------------------------------------

    def watch_silence(self, platform: Platform, feed: Feed, after_us: int) -> None:
        """One timer per feed, set for the moment at which it would have been silent too long."""
        feed.watching = True
        self.send(self.roles["clock"], StartTimer(after_us, platform))

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """Too long silent: its books are unusable at once, however alive the socket looks."""
        platform = Platform(message.key)
        feed, limit = self.feeds[platform], self.config.max_silence_us
        feed.watching = False
        if limit is None or feed.state in {"down", "ended", "failed"}:
            return
        left = feed.heard_us + limit - self.turn.mono_us
        if left > 0:
            self.watch_silence(platform, feed, left)
            return
        self.feed_state(platform, feed, "silent", f"no market data for {limit / 1e6:g} s")
        self.offer(self.scan.silence(platform, self.t))

    @handles(AgesAsked)
    def ages_asked(self, _message: AgesAsked, sender: Address) -> None:
        """For how long each feed that may still speak has been silent."""
        ages = {
            platform: self.turn.mono_us - feed.heard_us if feed.frames else None
            for platform, feed in self.feeds.items()
            if feed.state not in {"ended", "failed"}
        }
        self.send(sender, FeedAges(ages))

    # -- offers ----------------------------------------------------------------------------------------------

    def offer(self, results: Iterable[tuple[PairWatch, Opportunity | None]]) -> None:
        """Offer each arb whose pair is not with the executor already; note what opened and closed."""
        for watch, found in results:
            pair_id = watch.pair.pair_id
            if found is None:
                closed = self.open.pop(pair_id, None)
                if closed is not None:
                    self.seen["closed"] += 1
                    self.send(self.roles["telemetry"], OpportunityNote(pair_id, "close", closed))
                continue
            if pair_id not in self.offered:
                self.offered.add(pair_id)
                self.send(self.roles["executor"], OpportunitySeen(found, self.books(found)))
            if pair_id not in self.open:
                self.seen["opened"] += 1
                self.send(self.roles["telemetry"], OpportunityNote(pair_id, "open", found))
            self.open[pair_id] = found

    def books(self, found: Opportunity) -> tuple[Book, ...]:
        """The books of the legs that a paper venue will fill."""
        if not self.wanted.paper:
            return ()
        watch = self.scan.watch(found.pair_id)
        needed = {(leg.platform, leg.market) for leg in found.legs if leg.platform in self.wanted.paper}
        return tuple(shown_book(book, watch.pair) for book in watch.books if (book.platform, book.market) in needed)

    def recheck(self, pair_id: PairId) -> None:
        """Look at the pair now instead of at its next update."""
        self.offer([(self.scan.watch(pair_id), self.scan.recheck(pair_id, self.t))])

    @handles(PairFree)
    def pair_free(self, message: PairFree, _sender: Address) -> None:
        """The executor is done with the pair."""
        self.offered.discard(message.pair_id)
        if message.recheck:
            self.recheck(message.pair_id)

    @handles(WatchPair)
    def watch_pair(self, message: WatchPair, _sender: Address) -> None:
        """The executor has something to close on this pair, or has no more."""
        if not message.wanted:
            self.watched.discard(message.pair_id)
        elif message.pair_id in self.pairs:
            self.watched.add(message.pair_id)
            self.tell_books(message.pair_id)

    def tell_watched(self, platform: Platform) -> None:
        """A frame came: whoever closes something on that platform decides again."""
        for pair_id in sorted(self.watched):
            if self.scan.watch(pair_id).uses(platform):
                self.tell_books(pair_id)

    def tell_books(self, pair_id: PairId) -> None:
        """The pair's books as they are now."""
        watch = self.scan.watch(pair_id)
        views = tuple(self.view(book, watch.pair) for book in watch.books)
        self.send(self.roles["executor"], PairBooks(watch.pair, views, self.scan.rules.kalshi_precision))

    def view(self, book: MarketBook, pair: Pair) -> BookView:
        """One book in its own terms; what cannot be traded on is empty."""
        shown = shown_book(book, pair) if book.platform in self.wanted.paper else None
        return BookView(
            platform=book.platform,
            market=book.market,
            version=book.version,
            bids=tuple(book.levels(buying=False)[:MAX_SHOWN]),
            asks=tuple(book.levels(buying=True)[:MAX_SHOWN]),
            shown=shown,
            known=book.usable,
        )

    @handles(Took)
    def took(self, message: Took, _sender: Address) -> None:
        """Our own fill took liquidity that the feed has not reported gone yet; other pairs may look at that book."""
        for watch in self.scan.took(message.leg, message.filled):
            self.recheck(watch.pair.pair_id)

    @handles(Wanted)
    def want(self, message: Wanted, _sender: Address) -> None:
        """Paths changed: other caps, other books; what stands open is offered again."""
        if message == self.wanted:
            return
        self.wanted = message
        self.scan.rules = self.scan.rules.capped(message.caps)
        for pair_id in list(self.open):
            self.recheck(pair_id)

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str, *, level: str = "info", count: str | None = None) -> None:
        """Log under the feed's prefix."""
        self.send(self.roles["telemetry"], Note("FEED", text, level, count=count))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Feeds with their age, and what stands open."""
        feeds = [
            {
                "platform": platform,
                "state": feed.state,
                "age_ms": (self.turn.mono_us - feed.heard_us) // 1_000 if feed.frames else None,
                "frames": feed.frames,
                "market_t": feed.market_t or None,
                "lost_reason": feed.lost_reason,
            }
            for platform, feed in self.feeds.items()
        ]
        data: dict[str, Any] = {
            "feeds": feeds,
            "latched": self.shown(self.scan.books.halted),
            "without_book": self.shown({book: why for book, why in self.lost.items() if not book.held}),
            "open_opportunities": len(self.open),
            "opportunities": dict(self.seen),
        }
        self.send(sender, Description("market", data))

    def shown(self, books: Mapping[MarketBook, str]) -> list[dict[str, Any]]:
        """Markets with a reason each, the first of them."""
        return [
            {
                "platform": book.platform,
                "market": book.market,
                "pairs": list(self.scan.pairs_of(book)[:MOST_SHOWN]),
                "reason": reason,
            }
            for book, reason in islice(books.items(), MOST_SHOWN)
        ]
