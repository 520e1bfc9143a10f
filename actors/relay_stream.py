"""One stream of books from a trader, as the controller reads it: frames in, events of market data out, or why no more.

Nothing here is believed for long: a frame that is missing ends the stream; a heartbeat that is too old, a feed that is
down or silent at the trader, latch it. While it is latched the books that it brought are lost, and what it still brings
is dropped; when all is well again the whole of it is asked for anew, unless the trader itself starts over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.book_stream import WINDOW
from market.events import BooksLost, BookSnapshot, FeedBatch, FeedEvent, FeedUp, LevelSet, MarketHalted, TopStated
from protocol.book_wire import MAX_BATCH, BookDelta, BooksSeen, BookState, WantBooks
from protocol.terms import Platform
from protocol.wire import Book

BEATS_MISSED: Final = 3
"""A relay that has said nothing for so many heartbeats is dead."""

READ_OFTEN: Final = WINDOW // 4
"""Bytes after which the trader is told that they were read: well before its window is full."""

BEATS_MEASURED: Final = 11

ASKED: Final = "asked for, no answer yet"


class StreamRules(msgspec.Struct, frozen=True):
    """When a relayed book is too old. ``max_silence_us`` None: a feed may say nothing for as long as it likes."""

    heartbeat_us: int = 1_000_000
    max_lag_us: int = 2_000_000
    max_silence_us: int | None = None
    read_often: int = READ_OFTEN


class Heard(msgspec.Struct, frozen=True):
    """What a frame comes to: market data; or ``fault``, and the stream is over; or ``again``: it must begin anew."""

    batch: FeedBatch | None = None
    fault: str | None = None
    again: bool = False


NOTHING: Final = Heard()


class RelayStream:
    """Guarantees: events come only while the trader's feed was proven alive within the rules, in the trader's order."""

    def __init__(self, sub: int, platform: Platform, markets: tuple[str, ...], rules: StreamRules, now_us: int) -> None:
        """Asked for at ``now_us`` (monotonic)."""
        self.sub = sub
        self.platform = platform
        self.rules = rules
        self.heard_us = now_us
        self.latched: str | None = ASKED
        self.lag_us = 0
        self.offset_us = 0
        self.deltas = 0
        self.snapshots = 0
        self.bytes = 0
        self.books: set[str] = set()
        self._markets = markets
        self._wanted = frozenset(markets)
        self._asked = 0
        self._seq = 0
        self._unread = 0
        self._void = False
        self._data_at = 0
        self._t = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=BEATS_MEASURED)

    # -- asking ----------------------------------------------------------------------------------------------

    def next_wants(self, answered: int | None) -> WantBooks | None:
        """The next markets to ask for, once all before them are ``answered``; at the start None are."""
        if (answered or 0) != self._asked or (answered is not None and self._asked == len(self._markets)):
            return None
        first = self._asked
        add = self._markets[first : first + MAX_BATCH]
        self._asked += len(add)
        return WantBooks(self.platform, self.sub, first, add, heartbeat_ms=self.rules.heartbeat_us // 1_000)

    def read(self, *, at_once: bool) -> BooksSeen | None:
        """What the trader is to be told of our reading; None while it is not yet worth a frame."""
        if not self._unread or (self._unread < self.rules.read_often and not at_once):
            return None
        self._unread = 0
        return BooksSeen(self.sub, self._seq)

    # -- hearing ---------------------------------------------------------------------------------------------

    def left_us(self, now_us: int) -> int:
        """How long from now the relay may still say nothing before it is dead, on our monotonic clock."""
        return self.heard_us + BEATS_MISSED * self.rules.heartbeat_us - now_us

    def take(self, frame: Book | BookDelta | BookState, size: int, unix_us: int, mono_us: int) -> Heard:
        """One frame of this stream, the next one in its order."""
        self.heard_us = mono_us
        self.bytes += size
        self._unread += size
        missing = (frame.seq or 0) - self._seq - 1
        if missing:
            return Heard(fault=f"a gap: frame {self._seq + 1} was due, {frame.seq} came")
        self._seq += 1
        if isinstance(frame, BookState):
            self._marks.append((mono_us, self.bytes))
            return self._state(frame, unix_us)
        if self.latched is not None:
            self._void = True
            return NOTHING
        return self._snapshot(frame) if isinstance(frame, Book) else self._delta(frame)

    def _state(self, state: BookState, unix_us: int) -> Heard:
        if any(number >= self._asked for number in (*state.lost, *(number for number, _ in state.halted))):
            return Heard(fault="it lost a market that was not asked for")
        halts = [MarketHalted(self._markets[number], reason) for number, reason in state.halted]
        before, self.latched = self.latched, self._why_not(state, unix_us)
        self.lag_us = unix_us - state.at - state.offset_us
        self.offset_us = state.offset_us
        self._t = state.t
        if state.reset:
            self._void = False
            self.books.clear()
        if self.latched is not None:
            return self._latch(before, halts)
        if self._void:
            # Asked anew, the trader says again what is halted.
            return Heard(again=True)
        events: list[FeedEvent] = [*([FeedUp()] if before is not None or state.reset else []), *halts]
        if state.lost:
            names = tuple(self._markets[number] for number in state.lost)
            self.books.difference_update(names)
            events.append(BooksLost(state.reason or "lost by the trader's feed", names))
        return self._said(tuple(events), state.heard)

    def _why_not(self, state: BookState, unix_us: int) -> str | None:
        """Why the books of this stream may not be traded on now."""
        lag_us = unix_us - state.at - state.offset_us
        if abs(lag_us) > self.rules.max_lag_us:
            word = "late" if lag_us > 0 else "early: the clocks do not agree"
            return f"what it says is {abs(lag_us) / 1e6:.1f} s {word}"
        if state.feed != "up":
            return f"its feed is {state.feed}" + (f": {state.reason}" if state.reason else "")
        silent_us = unix_us - state.heard - state.offset_us
        limit = self.rules.max_silence_us
        if limit is not None and (not state.heard or silent_us >= limit):
            return "its feed has brought no data" + (f" for {silent_us / 1e6:.1f} s" if state.heard else " yet")
        return None

    def _latch(self, before: str | None, halts: list[MarketHalted]) -> Heard:
        """What is lost; what is halted is halted whether the books are there or not."""
        self.books.clear()
        events: list[FeedEvent] = [*halts]
        if before is None and self.latched is not None:
            self._void = True
            events.append(BooksLost(self.latched))
        return Heard(FeedBatch(self.platform, self._t, tuple(events), is_data=False)) if events else NOTHING

    def _snapshot(self, book: Book) -> Heard:
        if book.platform != self.platform or book.market not in self._wanted:
            return Heard(fault="a book that was not asked for")
        self.snapshots += 1
        self.books.add(book.market)
        self._t = max(self._t, book.t)
        events: list[FeedEvent] = [BookSnapshot(book.market, tuple(book.bids), tuple(book.asks))]
        if book.top is not None:
            events.append(TopStated(book.market, *book.top))
        return self._said(tuple(events), book.at or 0)

    def _delta(self, delta: BookDelta) -> Heard:
        numbers = [number for number, *_ in (*delta.changes, *delta.tops)]
        if any(number >= self._asked for number in numbers):
            return Heard(fault="a change of a market that was not asked for")
        self.deltas += 1
        self._t = delta.t
        events: list[FeedEvent] = []
        for number, bids, asks in delta.changes:
            market = self._markets[number]
            events += [LevelSet(market, True, price, size) for price, size in bids]  # noqa: FBT003 -- a bid
            events += [LevelSet(market, False, price, size) for price, size in asks]  # noqa: FBT003 -- an ask
        events += [TopStated(self._markets[number], bid, ask) for number, bid, ask in delta.tops]
        return self._said(tuple(events), delta.at)

    def _said(self, events: tuple[FeedEvent, ...], data_at: int) -> Heard:
        """Market data, where there is any; it proves that the feed lives only where the feed has spoken since."""
        is_data = data_at > self._data_at
        self._data_at = max(self._data_at, data_at)
        return Heard(FeedBatch(self.platform, self._t, events, is_data)) if events or is_data else NOTHING

    # -- for people ------------------------------------------------------------------------------------------

    def row(self, unix_us: int) -> Mapping[str, Any]:
        """The stream's part of the status."""
        return {
            "state": "relayed" if self.latched is None else "latched",
            "reason": self.latched,
            "wanted": len(self._markets),
            "books": len(self.books),
            "age_ms": (unix_us - self._data_at - self.offset_us) // 1_000 if self._data_at else None,
            "lag_ms": self.lag_us // 1_000,
            "clock_offset_ms": self.offset_us // 1_000,
            "snapshots": self.snapshots,
            "deltas": self.deltas,
            "bytes": self.bytes,
            "bytes_per_s": self._rate(),
        }

    def _rate(self) -> int:
        """Bytes a second over the last heartbeats."""
        if len(self._marks) < 2:  # noqa: PLR2004 -- two ends of a span
            return 0
        (begin, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) * 1_000_000 // max(1, end - begin)
