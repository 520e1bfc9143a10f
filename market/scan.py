"""All pairs and their books as one pure thing: a frame in, the re-checked pairs out.

The ``Scanner`` actor and an offline replay both run this. It holds no clock: times come with the frames.
"""

from __future__ import annotations

from collections.abc import Iterable

from market.book import Book
from market.books import Books, Touched
from market.detection import PairWatch, detect
from market.events import BooksLost, FeedBatch
from market.opportunity import Opportunity, OpportunityLeg
from market.pair import Pair
from market.rules import Rules
from protocol.terms import KALSHI, POLYMARKET, Action, PairId, Platform, Side
from protocol.units import Quantity

Finding = tuple[PairWatch, Opportunity | None]
"""A pair that was re-checked, and what it offers now."""


class Scan:
    """Pairs watched under one set of rules.

    The cost of :meth:`apply` is that of the frame and of the pairs whose books it touches; it does not grow with the
    number of pairs. Losing or silencing a whole platform re-checks only the pairs that had an opportunity, as taking
    books away opens none. The order of findings is that of the frame, then of the pairs: always the same.
    """

    def __init__(self, pairs: Iterable[Pair], rules: Rules) -> None:
        self.rules = rules
        self.books = Books()
        self._by_pair: dict[PairId, PairWatch] = {}
        self._by_book: dict[Book, tuple[PairWatch, ...]] = {}
        # Watches with an opportunity when last checked; dicts, as the order of a set would differ from run to run.
        self._open: dict[PairWatch, None] = {}
        # By silent platform: the watches that may offer something else once it speaks again.
        self._suspended: dict[Platform, dict[PairWatch, None]] = {}
        for pair in pairs:
            self._add(pair)

    def __len__(self) -> int:
        return len(self._by_pair)

    @property
    def watches(self) -> Iterable[PairWatch]:
        """Every watched pair, in the order given."""
        return self._by_pair.values()

    def watch(self, pair_id: PairId) -> PairWatch:
        """The pair of that id. Raises :class:`KeyError` for one that was never given."""
        return self._by_pair[pair_id]

    def pairs_of(self, book: Book) -> tuple[PairId, ...]:
        """Who looks at the book."""
        return tuple(watch.pair.pair_id for watch in self._by_book.get(book, ()))

    def apply(self, batch: FeedBatch) -> list[Finding]:
        """Apply one frame and re-check the pairs that it touches, each once."""
        touched = self.books.apply(batch)
        if self.books.ticks:
            self._take_ticks()
        if len(touched.books) == 1 and not touched.lost and not touched.spoke:
            return [(watch, self._check(watch, batch.t)) for watch in self._by_book[touched.books[0]]]
        return [(watch, self._check(watch, batch.t)) for watch in self._concerned(batch.platform, touched)]

    def recheck(self, pair_id: PairId, t: int) -> Opportunity | None:
        """What the pair offers now, for instance after our own fills."""
        return self._check(self._by_pair[pair_id], t)

    def took(self, leg: OpportunityLeg, filled: Quantity) -> tuple[PairWatch, ...]:
        """Take our own fill out of the book that the leg was found in, walking it as the fill did.

        Nothing is taken when the venue has spoken of that book since: its word may include the fill already, and what
        the next frame says holds anyway. Answers with the pairs that look at the book, to be re-checked; with none
        when nothing was taken.
        """
        book = self.books.get(leg.platform, leg.market)
        if book is None or book.version != leg.book_version:
            return ()
        mirrored = leg.platform == KALSHI and leg.side is Side.NO
        taken = book.consume(filled, leg.limit, buying=leg.action is Action.BUY, mirrored=mirrored)
        return self._by_book[book] if taken else ()

    def lost(self, platform: Platform, reason: str, t: int) -> list[Finding]:
        """Every book of the platform is unusable until its next snapshot."""
        return self.apply(FeedBatch(platform=platform, t=t, events=(BooksLost(reason=reason),), is_data=False))

    def silence(self, platform: Platform, t: int) -> list[Finding]:
        """The platform's feed has been silent too long: its books are unusable until it sends data again."""
        if platform in self._suspended:
            return []
        self._suspended[platform] = {watch: None for watch in self._open if watch.uses(platform)}
        self.books.set_silent(platform, silent=True)
        return [(watch, self._check(watch, t)) for watch in list(self._suspended[platform])]

    def _add(self, pair: Pair) -> None:
        if pair.pair_id in self._by_pair:
            raise ValueError(f"pair {pair.pair_id} is given twice")
        watch = PairWatch(
            pair,
            kalshi=self._book(KALSHI, pair.kalshi_market_ticker),
            yes=self._book(POLYMARKET, pair.poly_yes_token),
            no=self._book(POLYMARKET, pair.poly_no_token),
        )
        self._by_pair[pair.pair_id] = watch
        for book in watch.books:
            self._by_book[book] = (*self._by_book.get(book, ()), watch)

    def _book(self, platform: Platform, market: str | None) -> Book | None:
        return None if market is None else self.books.track(platform, market)

    def _take_ticks(self) -> None:
        """Orders are priced on the tick that the venue has, not on the one that was written down."""
        for book, tick in self.books.ticks.items():
            for watch in self._by_book[book]:
                watch.on_tick(book, tick)
        self.books.ticks.clear()

    def _concerned(self, platform: Platform, touched: Touched) -> dict[PairWatch, None]:
        watches: dict[PairWatch, None] = {}
        if touched.spoke:
            watches.update(self._suspended.pop(platform, {}))
        if touched.lost:
            watches.update((watch, None) for watch in self._open if watch.uses(platform))
        for book in touched.books:
            watches.update(dict.fromkeys(self._by_book[book]))
        return watches

    def _check(self, watch: PairWatch, t: int) -> Opportunity | None:
        halted = self.books.halted
        found = None if halted and not halted.keys().isdisjoint(watch.books) else detect(watch, self.rules, t)
        if found is not None:
            self._open[watch] = None
        else:
            self._open.pop(watch, None)
        for platform, suspended in self._suspended.items():
            if watch.uses(platform):
                suspended[watch] = None
        return found
