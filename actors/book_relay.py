"""The trader's relay: its own feed's books, told to the controller that asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.book_stream import WINDOW, BookStream, FeedNews, Key
from actors.messages import Describe, Description, Directory, Note, Outgoing, StartTimer, TimerFired
from actors.relay_messages import BooksAsked, RelayClock, RelayTo
from market.book import Book
from market.books import Books
from market.events import (
    BooksLost,
    BookSnapshot,
    FeedBatch,
    FeedEnded,
    FeedEvent,
    FeedUp,
    LevelChanged,
    LevelSet,
    MarketHalted,
    TickSet,
    TopStated,
)
from protocol.book_wire import MAX_MARKETS, WantBooks
from protocol.terms import Platform

MAX_EARLY: Final = 1_000
"""Questions kept until the clocks are compared."""


class BookSource(Protocol):
    """The trader's feed, as its relay sees it."""

    def want(self, platform: Platform, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """These markets are wanted now, perhaps as before, and those no longer."""


class BookRelaySetup(msgspec.Struct, frozen=True):
    """Whose books can be relayed, and who brings them."""

    platforms: tuple[Platform, ...]
    source: BookSource
    window: int = WINDOW


class BookRelay(GuardedActor):
    """Guarantees: one stream per platform, to the connection that holds; nothing before the clocks are compared.

    Every book that the feed brings is kept, asked for or not: a recording tells none of them twice.
    """

    def __init__(self) -> None:
        """No book, and nobody who asks."""
        super().__init__()
        self.config: BookRelaySetup
        self.roles: dict[str, Address] = {}
        self.books = Books()
        self.known: dict[Platform, dict[str, Book]] = {}
        self.news: dict[Platform, FeedNews] = {}
        self.streams: dict[Platform, BookStream] = {}
        self.beats: dict[str, BookStream] = {}
        self.count = 0
        self.conn_id: int | None = None
        self.offset_us: int | None = None
        self.early: list[BooksAsked] = []

    @handles(BookRelaySetup)
    def setup(self, message: BookRelaySetup, _sender: Address) -> None:
        """Take the feed."""
        self.config = message
        self.known = {platform: {} for platform in message.platforms}
        self.news = {platform: FeedNews() for platform in message.platforms}

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        self.roles = dict(message.roles)

    # -- the controller --------------------------------------------------------------------------------------

    @handles(RelayTo)
    def relay_to(self, message: RelayTo, _sender: Address) -> None:
        """Another connection, or none: it begins with nothing."""
        self.conn_id, self.offset_us = message.conn_id, None
        self.streams.clear()
        self.beats.clear()
        self.early.clear()

    @handles(RelayClock)
    def clock(self, message: RelayClock, _sender: Address) -> None:
        """Now the controller can tell how old a book is: what it asked for until now is begun."""
        self.offset_us = message.offset_us
        early, self.early = self.early, []
        for asked in early:
            self.take(asked)

    @handles(BooksAsked)
    def asked(self, message: BooksAsked, _sender: Address) -> None:
        """Books are wanted, or were read."""
        if self.offset_us is not None:
            self.take(message)
        elif len(self.early) < MAX_EARLY:
            self.early.append(message)

    def take(self, message: BooksAsked) -> None:
        """Do what is asked; what belongs to no stream of ours is left alone."""
        asked = message.asked
        if isinstance(asked, WantBooks):
            self.want(asked)
            return
        for stream in self.streams.values():
            if stream.sub == asked.sub:
                stream.seen(asked.seq)
                self.flush(stream)

    def want(self, asked: WantBooks) -> None:
        """Begin a stream, or go on with it."""
        platform = asked.platform
        if platform not in self.known:
            self.note(f"the controller asks for books of {platform}, which this trader does not relay", "warning")
            return
        stream = self.streams.get(platform)
        if asked.first == 0:
            stream = self.streams[platform] = BookStream(
                asked, self.known[platform], self.news[platform], self.config.window
            )
            self.count += 1
            self.beat_later(stream, f"{platform} {self.count}")
            self.note(f"relays books of {platform} to the controller", count="streams")
        if stream is None or stream.sub != asked.sub:
            return
        if not stream.want(asked):
            self.note(f"books of {platform} asked for out of order, or too many: that stream ends", "warning")
            del self.streams[platform]
            return
        self.config.source.want(platform, asked.add, asked.remove)
        self.flush(stream)

    # -- the feed --------------------------------------------------------------------------------------------

    @handles(FeedBatch)
    def batch(self, message: FeedBatch, _sender: Address) -> None:
        """Apply one frame, and tell what it changed."""
        platform = message.platform
        if platform not in self.known:
            return
        news, stream = self.news[platform], self.streams.get(platform)
        news.t = message.t
        if message.is_data:
            if not news.heard_us and stream is not None:
                # The controller believes no feed that was never heard: it must know before it is told a book.
                stream.feed_changed()
            news.heard_us = self.turn.unix_us
            if news.feed == "waiting":
                self.feed_is(platform, FeedNews("up"))
        steps = [self.step(platform, event, stream) for event in message.events]
        self.books.apply(message)
        if stream is not None:
            for step in steps:
                step()
            self.flush(stream)

    @handles(FeedEnded)
    def ended(self, message: FeedEnded, _sender: Address) -> None:
        """That feed never speaks again."""
        if message.platform in self.known:
            lost = FeedBatch(
                message.platform, self.news[message.platform].t, (BooksLost(message.reason),), is_data=False
            )
            self.batch(lost, self.myAddress)
            self.feed_is(message.platform, FeedNews("failed" if message.failed else "ended", message.reason))
            if message.platform in self.streams:
                self.flush(self.streams[message.platform])

    def step(self, platform: Platform, event: FeedEvent, stream: BookStream | None) -> Callable[[], None]:
        """What the stream is to be told of an event once the whole frame is applied; looks at the books before it."""
        match event:
            case FeedUp():
                self.feed_is(platform, FeedNews("up"))
                return _nothing if stream is None else stream.all_lost
            case BooksLost(reason=reason, markets=()):
                self.feed_is(platform, FeedNews("down", reason))
                return _nothing if stream is None else stream.all_lost
            case BooksLost(reason=reason, markets=markets):
                return _nothing if stream is None else partial(_lose, stream, markets, reason)
            case BookSnapshot():
                return self.snapshot(platform, event, stream)
            case (
                LevelSet(market=market, is_bid=is_bid, price=price)
                | LevelChanged(market=market, is_bid=is_bid, price=price)
            ):
                return _nothing if stream is None else partial(stream.changed, market, ((is_bid, price),))
            case MarketHalted(market=market, reason=reason):
                self.news[platform].halted[market] = reason
                return _nothing if stream is None else partial(stream.halted, market)
            case TickSet():
                # The wire has no word for it: what a trader relays is traded by its own knowledge of the tick.
                return _nothing
            case TopStated(market=market):
                return _nothing if stream is None else partial(stream.changed, market, ())

    def snapshot(self, platform: Platform, event: BookSnapshot, stream: BookStream | None) -> Callable[[], None]:
        """A whole book: where it is told already, just what is different."""
        known = self.known[platform]
        book = known.get(event.market)
        if book is None:
            if len(known) >= MAX_MARKETS:
                return _nothing
            book = known[event.market] = self.books.track(platform, event.market)
        return _nothing if stream is None else partial(_replace, stream, event.market, _differences(book, event))

    def feed_is(self, platform: Platform, now: FeedNews) -> None:
        """Say what became of the feed."""
        news = self.news[platform]
        if (news.feed, news.reason) != (now.feed, now.reason):
            news.feed, news.reason = now.feed, now.reason
            if platform in self.streams:
                self.streams[platform].feed_changed()

    # -- out -------------------------------------------------------------------------------------------------

    def flush(self, stream: BookStream) -> None:
        """Write what may be written."""
        if self.conn_id is None or self.offset_us is None:
            return
        for text in stream.frames(self.turn.unix_us, self.offset_us):
            self.send(self.roles["bridge"], Outgoing(self.conn_id, text))

    def beat_later(self, stream: BookStream, key: str) -> None:
        """The next heartbeat."""
        self.beats[key] = stream
        self.send(self.roles["clock"], StartTimer(stream.heartbeat_us, key))

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """The relay lives; how its feed is."""
        stream = self.beats.pop(message.key, None)
        if stream is not None and self.streams.get(stream.platform) is stream:
            stream.beat()
            self.flush(stream)
            self.beat_later(stream, message.key)

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str, level: str = "info", *, count: str | None = None) -> None:
        """Log under the feed's prefix."""
        self.send(self.roles["telemetry"], Note("FEED", text, level, count=count))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Each platform that can be relayed: the feed, and the stream if there is one."""
        rows = [self.row(platform) for platform in self.known]
        self.send(sender, Description("relaying", {"platforms": rows}))

    def row(self, platform: Platform) -> Mapping[str, Any]:
        """One platform's line."""
        news, stream = self.news[platform], self.streams.get(platform)
        return {
            "platform": platform,
            "feed": news.feed,
            "reason": news.reason,
            "age_ms": (self.turn.unix_us - news.heard_us) // 1_000 if news.heard_us else None,
            "books": sum(book.held for book in self.known[platform].values()),
            "wanted": 0 if stream is None else stream.markets,
            "snapshots": 0 if stream is None else stream.snapshots,
            "bytes": 0 if stream is None else stream.bytes,
            "merged": 0 if stream is None else stream.merged,
            "waiting": 0 if stream is None else stream.waiting,
            "stalled": stream is not None and stream.stalled,
        }


def _nothing() -> None:
    """Nobody is told."""


def _lose(stream: BookStream, markets: tuple[str, ...], reason: str) -> None:
    for market in markets:
        stream.lost(market, reason)


def _replace(stream: BookStream, market: str, keys: tuple[Key, ...]) -> None:
    stream.changed(market, keys)
    stream.held(market)


def _differences(book: Book, event: BookSnapshot) -> tuple[Key, ...]:
    """The levels at which the snapshot is not what is held."""
    keys: list[Key] = []
    for is_bid, levels in ((True, event.bids), (False, event.asks)):
        old, new = book.depth(is_bid=is_bid), dict(levels)
        keys += [(is_bid, price) for price in old.keys() | new.keys() if old.get(price) != new.get(price)]
    return tuple(keys)
