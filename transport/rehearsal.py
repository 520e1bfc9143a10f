"""The other side of a rehearsal: a made-up venue that calls itself live, with books of its own.

It may stand beside a Kalshi on this machine alone; `cli/live_venues.py` and the hello (`Init.rehearsal`) see to that.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from market.books import Books
from market.events import BookSnapshot, FeedBatch, FeedEnded
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Platform
from protocol.wire import Book
from transport.feeds.port import Deliver, FeedPort
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue


class OtherSide(PaperPort):
    """Implements ``LiveVenue``. Fills come from the books of its own feed, and stay taken until that moves them."""

    paper = False

    def __init__(self, venue: PaperVenue) -> None:
        super().__init__(venue)
        self._books = Books()
        self._moved: set[str] = set()

    async def start(self) -> None:
        """It is here."""

    async def close(self) -> None:
        """Nothing is open."""

    def see(self, book: Book) -> None:
        """It has its own books, as a real venue does."""

    def fed_by(self, feed: FeedPort) -> FeedPort:
        """The feed, of this venue alone, whose books are this venue's from now on."""
        return _Heard(feed, self)

    def hear(self, batch: FeedBatch) -> None:
        """Keep what the venue's own feed says."""
        for event in batch.events:
            if isinstance(event, BookSnapshot):
                self._books.track(batch.platform, event.market)
        self._moved.update(book.market for book in self._books.apply(batch).books)

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:  # noqa: ARG002 -- never blind
        """Fill what the venue's own book gives, and say so at once."""
        book = self._books.get(self.platform, leg.market)
        if book is None or not book.usable:
            self.venue.forget(leg.market)
        elif leg.market in self._moved:
            self._moved.discard(leg.market)
            self.venue.see(leg.market, book.depth(is_bid=True).items(), book.depth(is_bid=False).items())
        report(_real(self.venue.execute(leg)))

    def lookup(self, leg: Leg, report: Callable[[Outcome | None, str | None], None]) -> None:
        """What became of the leg here."""
        found = self.venue.outcome(leg.leg_id)
        report(None if found is None else _real(found), None)


def _real(outcome: Outcome) -> Outcome:
    return msgspec.structs.replace(outcome, paper=False)


class _Heard:
    """Implements ``FeedPort``: another feed's word on one venue, which hears it first."""

    def __init__(self, feed: FeedPort, venue: OtherSide) -> None:
        self._feed = feed
        self._venue = venue

    @property
    def platforms(self) -> tuple[Platform, ...]:
        return (self._venue.platform,)

    def resync(self) -> None:
        self._feed.resync()

    async def run(self, deliver: Deliver) -> None:
        def heard(what: FeedBatch | FeedEnded) -> None:
            if what.platform != self._venue.platform:
                return
            if isinstance(what, FeedBatch):
                self._venue.hear(what)
            deliver(what)

        await self._feed.run(heard)
