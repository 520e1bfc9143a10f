"""The paper venue behind the interface that live venues have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from market.fees import FeeError
from protocol.holdings import HeldContracts, Holdings, HoldingsReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Platform
from protocol.units import Money
from protocol.wire import Book
from venues.paper.account import AccountError
from venues.paper.venue import MAX_BOOKS, PaperVenue


class PaperPort:
    """Implements the actors' ``VenuePort``: answers at once, from the books that came with the legs.

    A book that was seen already (same ``seq`` and ``t``) is not taken in again: that would give back what was taken.
    """

    paper = True

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self._seen: dict[str, tuple[int | None, int]] = {}

    @property
    def platform(self) -> Platform:
        """The venue's wire name."""
        return self.venue.platform

    def see(self, book: Book) -> None:
        """Take in the book unless it is the one seen last. A fee rate that is none leaves the dearest in force."""
        mark = (book.seq, book.t)
        if book.seq is not None and self._seen.get(book.market) == mark:
            return
        if len(self._seen) >= MAX_BOOKS:
            del self._seen[next(iter(self._seen))]
        self._seen[book.market] = mark
        try:
            self.venue.see_message(book)
        except FeeError:
            return

    def lookup(self, leg: Leg, report: Callable[[Outcome | None, str | None], None]) -> None:
        """What became of the leg here, as a venue's order query would say."""
        report(self.venue.outcome(leg.leg_id), None)

    def cash(self, report: Callable[[Sequence[tuple[str, Money]] | None, str | None], None]) -> None:
        """What the account has; nothing is said where it was given no cash to begin with."""
        try:
            there = self.venue.cash()
        except AccountError as error:
            report(None, str(error))
            return
        report([] if there is None else [("", there)], None)

    def holdings(self, since_us: int, report: HoldingsReport) -> None:  # noqa: ARG002 -- there is no list of orders
        """What the account holds; its orders are over as soon as they are there, and are not listed."""
        try:
            held, there = self.venue.held(), self.venue.cash()
        except AccountError as error:
            report(None, str(error))
            return
        positions = tuple(HeldContracts(market, side, count) for (market, side), count in held.items() if count > 0)
        report(Holdings(positions=positions, accounts=() if there is None else (("", there),)), None)

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:
        """Fill what the book gives, and say so at once."""
        report(self.venue.execute(leg, blind=blind))
