"""One stream of books to a controller: what it was told, what it must still be told, and how much may be on the way.

At most :data:`WINDOW` bytes of a stream are on the way: the other end says what it has read, and until it does nothing
more is written. Meanwhile changes are merged: for each book it is known *which* levels changed, and what they hold is
looked up when it can be written. So a slow link gets fewer and newer states, nothing here grows with its slowness, and
an order's result that is written to the same socket stands behind one window and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from market.book import Book
from protocol.book_wire import (
    MAX_CHANGES,
    MAX_HALTED,
    MAX_LOST,
    MAX_MARKETS,
    MAX_REASON,
    BookState,
    DeltaFrame,
    FeedWord,
    WantBooks,
    WireChange,
    WireTop,
    wire_levels,
    wire_price,
)
from protocol.codec import encode
from protocol.terms import Platform
from protocol.units import Price, Quantity
from protocol.wire import MAX_LEVELS
from protocol.wire import Book as WireBook

WINDOW: Final = 32 * 1024
"""Bytes of a stream that may be on the way, but for the frame that fills it: a quarter of a second at 1 Mbit/s."""

FULL_FRAME: Final = 1_000
"""Levels in a delta after which the next book begins another one."""

Key = tuple[bool, Price]
"""A level: of the bids or not, and its price."""


class FeedNews(msgspec.Struct):
    """What the trader knows of its own feed of one platform."""

    feed: FeedWord = "waiting"
    reason: str | None = None
    heard_us: int = 0
    t: int = 0
    halted: dict[str, str] = {}


class BookStream:
    """Guarantees: who reads every frame in order has after each our books as they were then, or is told which are lost.

    A market that was called lost is not spoken of again before its snapshot.
    """

    def __init__(self, asked: WantBooks, books: Mapping[str, Book], news: FeedNews, window: int = WINDOW) -> None:
        """Nothing is wanted yet; hand ``asked`` to :meth:`want`. ``books`` and ``news`` are the relay's, and live."""
        self.sub = asked.sub
        self.platform: Platform = asked.platform
        self.heartbeat_us = asked.heartbeat_ms * 1_000
        self.merged = 0
        self.snapshots = 0
        self.bytes = 0
        self._books = books
        self._news = news
        self._window = window
        self._numbers: dict[str, int] = {}
        self._asked = 0
        self._seq = 0
        self._unseen: deque[tuple[int, int]] = deque()
        self._on_the_way = 0
        self._state_due = True
        self._reset = False
        self._lost: dict[str, None] = {}
        self._lost_reason: str | None = None
        self._halted: dict[str, None] = {}
        self._ready: dict[str, None] = {}
        self._told: set[str] = set()
        self._doubted: set[str] = set()
        self._changed: dict[str, set[Key]] = {}

    # -- what is wanted --------------------------------------------------------------------------------------

    def want(self, asked: WantBooks) -> bool:
        """Add and remove markets; False where the numbers do not go on from the last ones, or are too many."""
        if asked.first != self._asked or self._asked + len(asked.add) > MAX_MARKETS:
            return False
        for market in asked.remove:
            self._forget(market)
            self._lost.pop(market, None)
            self._halted.pop(market, None)
            self._numbers.pop(market, None)
        for number, market in enumerate(asked.add, self._asked):
            self._numbers[market] = number
            self.halted(market)
            if market not in self._told:
                self.held(market)
        self._asked += len(asked.add)
        self._state_due = True
        return True

    @property
    def markets(self) -> int:
        """How many are wanted now."""
        return len(self._numbers)

    @property
    def stalled(self) -> bool:
        """Whether the other end must read before more is written."""
        return self._on_the_way >= self._window

    @property
    def waiting(self) -> int:
        """Books that changed and could not be told yet."""
        return len(self._ready) + len(self._changed)

    def seen(self, seq: int) -> None:
        """The other end has read so far."""
        while self._unseen and self._unseen[0][0] <= seq:
            self._on_the_way -= self._unseen.popleft()[1]

    # -- what has happened -----------------------------------------------------------------------------------

    def beat(self) -> None:
        """Time for a heartbeat."""
        self._state_due = True

    def feed_changed(self) -> None:
        """The feed is another one than it was said to be."""
        self._state_due = True

    def all_lost(self) -> None:
        """No book of the platform is held any more."""
        self._reset = self._state_due = True
        self._ready.clear()
        self._lost.clear()
        self._told.clear()
        self._doubted.clear()
        self._changed.clear()

    def lost(self, market: str, reason: str) -> None:
        """The book is not held any more."""
        if market in self._numbers:
            if market in self._told:
                self._lost[market] = None
                self._lost_reason = reason
                self._state_due = True
            self._forget(market)

    def held(self, market: str) -> None:
        """The whole book is known; it is told when it can be written, unless it was before."""
        if market in self._numbers and market not in self._told:
            book = self._books.get(market)
            if book is not None and book.held:
                self._ready[market] = None

    def halted(self, market: str) -> None:
        """Nothing opens on that market any more, if that is so."""
        if market in self._numbers and market in self._news.halted:
            self._halted[market] = None
            self._state_due = True

    def changed(self, market: str, keys: Iterable[Key]) -> None:
        """These levels of a book may hold another size now; none: what may be traded on is another part."""
        if market not in self._told:
            return
        known = self._changed.get(market)
        if known is None:
            self._changed[market] = set(keys)
        else:
            self.merged += 1
            known.update(keys)

    # -- what is written -------------------------------------------------------------------------------------

    def frames(self, now_us: int, offset_us: int) -> Iterator[str]:
        """What may be written now, in order: who takes one writes it."""
        while self._state_due and not self.stalled:
            yield self._sent(encode(self._state(now_us, offset_us)))
        while self._changed and not self.stalled:
            yield self._sent(encode(self._delta()))
        while self._ready and not self.stalled:
            market = next(iter(self._ready))
            del self._ready[market]
            text = self._snapshot(market, self._books[market])
            if text is not None:
                yield self._sent(text)

    def _sent(self, text: str) -> str:
        self._unseen.append((self._seq, len(text)))
        self._on_the_way += len(text)
        self.bytes += len(text)
        return text

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _state(self, now_us: int, offset_us: int) -> BookState:
        news = self._news
        lost, halted = tuple(islice(self._lost, MAX_LOST)), tuple(islice(self._halted, MAX_HALTED))
        state = BookState(
            sub=self.sub,
            seq=self._next(),
            t=news.t,
            at=now_us,
            heard=news.heard_us,
            offset_us=offset_us,
            feed=news.feed,
            markets=self._asked,
            reset=self._reset,
            lost=tuple(self._numbers[market] for market in lost),
            halted=tuple((self._numbers[market], news.halted[market][:MAX_REASON]) for market in halted),
            reason=self._lost_reason if lost and news.reason is None else news.reason,
        )
        for market in lost:
            del self._lost[market]
        for market in halted:
            del self._halted[market]
        self._reset = False
        self._state_due = bool(self._lost or self._halted)
        return state

    def _delta(self) -> DeltaFrame:
        changes: list[WireChange] = []
        tops: list[WireTop] = []
        levels = 0
        while self._changed and len(changes) < MAX_CHANGES and levels < FULL_FRAME:
            market = next(iter(self._changed))
            keys = self._changed.pop(market)
            number, book = self._numbers[market], self._books[market]
            doubt = self._has_doubt(market, book)
            if not keys and not doubt:
                keys = _best(book)
            levels += len(keys)
            bids, asks = _now(book, keys, is_bid=True), _now(book, keys, is_bid=False)
            changes.append((number, wire_levels(bids), wire_levels(asks)))
            if doubt:
                best_bid, best_ask = _top(book, is_bid=True), _top(book, is_bid=False)
                tops.append((number, wire_price(best_bid), wire_price(best_ask)))
        return DeltaFrame(self.sub, self._next(), self._news.t, self._news.heard_us, tuple(changes), tuple(tops))

    def _has_doubt(self, market: str, book: Book) -> bool:
        """Whether the other end must be told which side may be traded on: one is in doubt now, or was said to be."""
        certain = book.bid_known and book.ask_known
        if certain and market not in self._doubted:
            return False
        (self._doubted.discard if certain else self._doubted.add)(market)
        return True

    def _snapshot(self, market: str, book: Book) -> str | None:
        """The whole book; None for one with more levels than the wire takes, which stays untold."""
        bids, asks = book.depth(is_bid=True), book.depth(is_bid=False)
        if max(len(bids), len(asks)) > MAX_LEVELS:
            return None
        self._told.add(market)
        self.snapshots += 1
        doubt: dict[str, Any] = {}
        if self._has_doubt(market, book):
            doubt["top"] = (_top(book, is_bid=True), _top(book, is_bid=False))
        snapshot = WireBook.model_construct(
            platform=self.platform,
            market=market,
            bids=sorted(bids.items(), reverse=True),
            asks=sorted(asks.items()),
            t=book.t,
            seq=self._next(),
            sub=self.sub,
            at=self._news.heard_us,
            **doubt,
        )
        return encode(snapshot)

    def _is_held(self, market: str) -> bool:
        book = self._books.get(market)
        return book is not None and book.held

    def _forget(self, market: str) -> None:
        self._ready.pop(market, None)
        self._changed.pop(market, None)
        self._told.discard(market)
        self._doubted.discard(market)


def _now(book: Book, keys: Iterable[Key], *, is_bid: bool) -> tuple[tuple[Price, Quantity], ...]:
    """What those levels of one side hold."""
    depth = book.depth(is_bid=is_bid)
    return tuple((price, depth.get(price, Quantity(0))) for side, price in sorted(keys) if side is is_bid)


def _best(book: Book) -> set[Key]:
    """One level that is as it was: the venue has spoken of the book, which puts back what the other end had taken."""
    for is_bid, pick in ((True, max), (False, min)):
        depth = book.depth(is_bid=is_bid)
        if depth:
            return {(is_bid, pick(depth))}
    return set()


def _top(book: Book, *, is_bid: bool) -> Price | None:
    """The best price of a side that may be traded on."""
    known = book.bid_known if is_bid else book.ask_known
    depth = book.depth(is_bid=is_bid)
    return (max(depth) if is_bid else min(depth)) if known and depth else None
