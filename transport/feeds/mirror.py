"""What a feed that nobody can subscribe to again has said so far, for whoever has lost it."""

from __future__ import annotations

from collections.abc import Iterator

from market.book import Book
from market.books import Books
from market.events import BookSnapshot, FeedBatch, FeedEnded, FeedUp
from protocol.terms import Platform
from transport.feeds.port import Deliver


class Mirror:
    """The books of an offline feed, as its subscriber must have them now.

    A live venue sends every book again on a new connection. A recording, or a made-up market, does not: so what was
    delivered is kept here, and :meth:`tell_again` says it as a new connection would. A book of which something is in
    doubt is left out; its next snapshot makes it usable, as after a gap.
    """

    def __init__(self) -> None:
        self._books = Books()
        self._known: dict[Platform, dict[str, Book]] = {}
        self._t: dict[Platform, int] = {}
        self._ended: dict[Platform, FeedEnded] = {}
        self._deliver: Deliver | None = None

    def before(self, deliver: Deliver) -> Deliver:
        """The same, with a copy kept here first: what breaks its taker is known here all the same."""
        self._deliver = deliver

        def both(what: FeedBatch | FeedEnded) -> None:
            self._take(what)
            deliver(what)

        return both

    def tell_again(self) -> None:
        """Deliver what a new connection of each platform would bring; nothing before the feed has begun."""
        if self._deliver is not None:
            for what in list(self._said()):
                self._deliver(what)

    def _take(self, what: FeedBatch | FeedEnded) -> None:
        if isinstance(what, FeedEnded):
            self._ended[what.platform] = what
            return
        known = self._known.setdefault(what.platform, {})
        self._t[what.platform] = what.t
        for event in what.events:
            if isinstance(event, BookSnapshot) and event.market not in known:
                known[event.market] = self._books.track(what.platform, event.market)
        self._books.apply(what)

    def _said(self) -> Iterator[FeedBatch | FeedEnded]:
        for platform, known in self._known.items():
            sure = [book for book in known.values() if book.usable and book.bid_known and book.ask_known]
            if sure and platform not in self._ended:
                yield FeedBatch(platform, self._t[platform], (FeedUp(), *(_snapshot(book) for book in sure)))
        yield from self._ended.values()


def _snapshot(book: Book) -> BookSnapshot:
    return BookSnapshot(book.market, tuple(book.levels(buying=False)), tuple(book.levels(buying=True)))
