"""The store of books: those that somebody asked for, kept by what the feeds say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from market.book import Book
from market.events import (
    BooksLost,
    BookSnapshot,
    FeedBatch,
    FeedEvent,
    FeedUp,
    LevelChanged,
    LevelSet,
    MarketHalted,
    TickSet,
    TopStated,
)
from market.feed_state import FeedState
from protocol.terms import Platform
from protocol.units import Price


class Touched(msgspec.Struct, frozen=True, gc=False):
    """What one batch did: the books it changed, once each, in the order of the frame.

    ``lost``: every book of the platform was lost (before what ``books`` lists). ``spoke``: the feed was silent and
    is not any more, so that all its books are usable again.
    """

    books: Sequence[Book]
    lost: bool = False
    spoke: bool = False


_UNTOUCHED: Final = Touched(())


class _Feed:
    """One platform: the state that its books share, and the books by instrument."""

    __slots__ = ("books", "state")

    def __init__(self, platform: Platform) -> None:
        self.state = FeedState(platform)
        self.books: dict[str, Book] = {}


class Books:
    """Every tracked book by platform and instrument.

    The cost of :meth:`apply` is that of the frame: it does not grow with the number of books, not even when a whole
    platform is lost or silent. What a frame says of instruments that nobody tracks is skipped.
    """

    def __init__(self) -> None:
        self._feeds: dict[Platform, _Feed] = {}
        self.halted: dict[Book, str] = {}
        """Books of markets on which nothing opens, and why."""
        self.ticks: dict[Book, Price] = {}
        """Ticks that a venue has told of, until somebody takes them over."""

    def __len__(self) -> int:
        return sum(len(feed.books) for feed in self._feeds.values())

    def track(self, platform: Platform, market: str) -> Book:
        """The book of this instrument, from now on kept; always the same object."""
        books = self._feed(platform).books
        book = books.get(market)
        if book is None:
            book = books[market] = Book(self._feeds[platform].state, market)
        return book

    def get(self, platform: Platform, market: str) -> Book | None:
        """The book of this instrument, if it is tracked."""
        feed = self._feeds.get(platform)
        return None if feed is None else feed.books.get(market)

    def is_silent(self, platform: Platform) -> bool:
        """Whether the platform's books are unusable for its feed's silence."""
        feed = self._feeds.get(platform)
        return feed is not None and feed.state.silent

    def set_silent(self, platform: Platform, *, silent: bool) -> None:
        """Make all books of the platform unusable, or usable again. The next data of its feed does the latter too."""
        self._feed(platform).state.silent = silent

    def apply(self, batch: FeedBatch) -> Touched:
        """Apply one frame, whole. The venue's statements of its best prices are compared after all else in it."""
        feed = self._feeds.get(batch.platform)
        if feed is None:
            return _UNTOUCHED
        spoke = batch.is_data and feed.state.silent
        if spoke:
            feed.state.silent = False
        touched: dict[Book, None] = {}
        stated: dict[Book, TopStated] = {}
        lost = False
        for event in batch.events:
            change = _CHANGES.get(type(event))
            if change is not None:
                book = feed.books.get(event.market)  # type: ignore[union-attr]  # what changes a book names it
                if book is not None:
                    change(book, event, batch.t)
                    touched[book] = None
            elif isinstance(event, (FeedUp, BooksLost)) and _concerns_all(event):
                feed.state.epoch += 1
                lost = True
                touched.clear()
                stated.clear()
            else:
                _apply(event, feed.books, batch.t, touched, stated)
                if isinstance(event, (MarketHalted, TickSet)):
                    self._terms(event, feed.books)
        for book, top in stated.items():
            book.confirm(top.best_bid, top.best_ask, batch.t)
        return Touched(tuple(touched), lost, spoke)

    def _terms(self, event: MarketHalted | TickSet, books: dict[str, Book]) -> None:
        book = books.get(event.market)
        if book is None:
            return
        if isinstance(event, TickSet):
            self.ticks[book] = event.tick
        else:
            self.halted[book] = event.reason

    def _feed(self, platform: Platform) -> _Feed:
        feed = self._feeds.get(platform)
        if feed is None:
            feed = self._feeds[platform] = _Feed(platform)
        return feed


def _concerns_all(event: FeedUp | BooksLost) -> bool:
    return isinstance(event, FeedUp) or not event.markets


def _apply(
    event: FeedEvent, books: dict[str, Book], t: int, touched: dict[Book, None], stated: dict[Book, TopStated]
) -> None:
    """Apply an event about single markets, and note which tracked books it touched."""
    if isinstance(event, FeedUp):
        return
    if isinstance(event, BooksLost):
        for lost in filter(None, map(books.get, event.markets)):
            lost.forget(t)
            touched[lost] = None
        return
    book = books.get(event.market)
    if book is None:
        return
    if isinstance(event, TopStated):
        stated[book] = event
    touched[book] = None


def _set(book: Book, event: LevelSet, t: int) -> None:
    book.put(event.price, event.size, t, is_bid=event.is_bid)


def _change(book: Book, event: LevelChanged, t: int) -> None:
    book.add(event.price, event.delta, t, is_bid=event.is_bid)


def _replace(book: Book, event: BookSnapshot, t: int) -> None:
    book.replace(event.bids, event.asks, t)


_CHANGES: Final[Mapping[type, Callable[[Book, Any, int], None]]] = {
    LevelSet: _set,
    LevelChanged: _change,
    BookSnapshot: _replace,
}
"""What nearly every event is: found by its type, without asking for the rare ones first."""
