"""One book: what may be traded on, from which side, and what our own orders took."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from market.book import Book
from market.events import Level
from market.feed_state import FeedState
from market.ladder import NO_ASK
from protocol.terms import KALSHI
from protocol.units import DOLLAR, Price, Quantity
from tests.market.builders import Number, cents, contracts, levels


def book_of(
    bids: tuple[tuple[Number, Number], ...] = (), asks: tuple[tuple[Number, Number], ...] = ()
) -> tuple[Book, FeedState]:
    feed = FeedState(KALSHI)
    book = Book(feed, "M")
    book.replace(levels(*bids), levels(*asks), 1)
    return book, feed


def test_a_book_without_a_snapshot_offers_nothing_and_ignores_changes() -> None:
    book = Book(FeedState(KALSHI), "M")
    book.put(cents(50), contracts(1), 1, is_bid=True)
    book.add(cents(50), contracts(1), 1, is_bid=False)
    book.confirm(cents(50), cents(51), 1)
    assert (book.usable, book.version) == (False, 0)
    assert (book.best_bid, book.best_ask) == (None, None)
    book.replace((), (), 2)
    assert (book.usable, book.version) == (True, 1)
    assert (book.best_bid, book.best_ask) == (None, None)
    assert book.levels(buying=True) == []


def test_every_order_sees_the_side_that_it_takes_from() -> None:
    book, _ = book_of(bids=((48, 5), (47, 6)), asks=((52, 7), (53, 8)))
    assert (book.best_bid, book.best_ask) == (cents(48), cents(52))
    assert book.levels(buying=True) == list(levels((52, 7), (53, 8)))
    assert book.levels(buying=False) == list(levels((48, 5), (47, 6)))
    assert book.levels(buying=True, mirrored=True) == list(levels((52, 5), (53, 6)))
    assert book.levels(buying=False, mirrored=True) == list(levels((48, 7), (47, 8)))
    assert book.levels(buying=True, limit=cents(52)) == list(levels((52, 7)))
    assert book.levels(buying=False, limit=cents(48)) == list(levels((48, 5)))
    assert book.levels(buying=True, mirrored=True, limit=cents(52)) == list(levels((52, 5)))
    assert book.levels(buying=False, mirrored=True, limit=cents(48)) == list(levels((48, 7)))
    assert book.offer(mirrored=False) == cents(52)
    assert book.offer(mirrored=True) == cents(52)


def test_a_side_whose_top_the_venue_states_otherwise_has_no_size_until_they_agree() -> None:
    book, _ = book_of(bids=((48, 5),), asks=((52, 7),))
    book.confirm(cents(48), cents(51), 2)
    assert book.bid_known
    assert not book.ask_known
    assert book.best_ask is None
    assert book.levels(buying=True) == []
    assert book.levels(buying=False, mirrored=True) == []
    assert book.offer(mirrored=False) == NO_ASK
    assert book.best_bid == cents(48)
    book.put(cents(53), contracts(1), 3, is_bid=False)
    assert book.best_ask is None
    book.put(cents(51), contracts(2), 4, is_bid=False)
    assert book.best_ask is None, "only the venue's word settles it"
    book.confirm(cents(48), cents(51), 4)
    assert book.best_ask == cents(51)


def test_a_snapshot_settles_an_unknown_top() -> None:
    book, _ = book_of(bids=((48, 5),), asks=((52, 7),))
    book.confirm(None, None, 2)
    assert (book.bid_known, book.ask_known) == (False, False)
    book.replace(levels((47, 1)), levels((53, 1)), 3)
    assert (book.best_bid, book.best_ask) == (cents(47), cents(53))


def test_a_lost_book_comes_back_with_its_next_snapshot_only() -> None:
    book, _ = book_of(bids=((48, 5),), asks=((52, 7),))
    book.forget(2)
    book.put(cents(50), contracts(1), 3, is_bid=True)
    assert not book.usable
    assert book.levels(buying=False) == []
    book.replace(levels((40, 1)), (), 4)
    assert book.levels(buying=False) == list(levels((40, 1)))


def test_losing_the_whole_feed_reaches_every_book_through_its_state() -> None:
    book, feed = book_of(bids=((48, 5),))
    feed.epoch += 1
    assert not book.usable
    book.put(cents(49), contracts(1), 2, is_bid=True)
    assert book.best_bid is None
    book.replace(levels((40, 1)), (), 3)
    assert book.best_bid == cents(40)


def test_a_silent_feed_hides_a_book_that_goes_on_counting() -> None:
    book, feed = book_of(bids=((48, 5),))
    feed.silent = True
    assert not book.usable
    assert book.held
    assert book.best_bid is None
    assert book.take(cents(48), contracts(1), is_bid=True) == 0
    book.put(cents(49), contracts(1), 2, is_bid=True)
    feed.silent = False
    assert book.best_bid == cents(49)


def test_what_we_took_is_gone_until_the_venue_speaks_of_this_book() -> None:
    book, _ = book_of(bids=((48, 5),), asks=((52, 7), (53, 8)))
    version = book.version
    assert book.take(cents(52), contracts(9), is_bid=False) == contracts(7)
    assert book.take(cents(52), contracts(1), is_bid=False) == 0
    assert book.take(cents(48), contracts(2), is_bid=True) == contracts(2)
    assert book.best_ask == cents(53)
    assert book.levels(buying=False) == list(levels((48, 3)))
    assert book.version == version, "our own takes are no news from the venue"
    book.put(cents(60), contracts(1), 2, is_bid=False)
    assert book.levels(buying=True) == list(levels((52, 7), (53, 8), (60, 1)))
    assert book.levels(buying=False) == list(levels((48, 5)))


def test_the_venue_s_change_applies_to_its_own_size_not_to_what_we_left() -> None:
    book, _ = book_of(asks=((52, 7),))
    book.take(cents(52), contracts(5), is_bid=False)
    book.add(cents(52), contracts(-5), 2, is_bid=False)
    assert book.levels(buying=True) == list(levels((52, 2)))
    book.take(cents(52), contracts(2), is_bid=False)
    book.confirm(None, cents(52), 3)
    assert book.best_ask == cents(52)


def test_a_snapshot_or_a_loss_forgets_what_we_took() -> None:
    book, _ = book_of(asks=((52, 7),))
    book.take(cents(52), contracts(5), is_bid=False)
    book.replace((), levels((52, 6)), 2)
    book.put(cents(53), contracts(1), 3, is_bid=False)
    assert book.levels(buying=True) == list(levels((52, 6), (53, 1)))
    book.take(cents(52), contracts(5), is_bid=False)
    book.forget(4)
    book.replace((), levels((52, 1)), 5)
    book.put(cents(53), contracts(1), 6, is_bid=False)
    assert book.levels(buying=True) == list(levels((52, 1), (53, 1)))


def test_consuming_walks_the_depth_as_an_order_does() -> None:
    book, _ = book_of(bids=((48, 5), (47, 6)), asks=((52, 7), (53, 8)))
    assert book.consume(contracts(9), cents(53), buying=True) == list(levels((52, 7), (53, 2)))
    assert book.consume(contracts(9), cents(53), buying=True) == list(levels((53, 6)))
    assert book.consume(contracts(9), cents(53), buying=True) == []
    assert book.consume(contracts(6), cents(53), buying=True, mirrored=True) == list(levels((52, 5), (53, 1)))
    assert book.levels(buying=False) == list(levels((47, 5)))
    assert book.consume(contracts(1), cents(48), buying=False) == []
    assert book.consume(Quantity(0), cents(1), buying=False) == []


def test_a_crossed_book_is_read_as_it_is() -> None:
    book, _ = book_of(bids=((60, 5),), asks=((40, 7),))
    assert (book.best_bid, book.best_ask) == (cents(60), cents(40))
    assert book.offer(mirrored=True) == cents(40)


def test_version_and_time_follow_the_venue() -> None:
    book, _ = book_of()
    seen = [book.version]
    book.put(cents(50), contracts(1), 2, is_bid=True)
    seen.append(book.version)
    book.confirm(cents(50), None, 3)
    seen.append(book.version)
    book.forget(4)
    seen.append(book.version)
    assert seen == sorted(set(seen))
    assert book.t == 4


def test_its_name_is_readable_in_a_log() -> None:
    book, _ = book_of(bids=((48, 5),))
    assert repr(book) == "<Book kalshi M 4800/None v1 usable>"


# --- against a naive model ------------------------------------------------------------------------------------------

PRICES = [Price(-5), Price(0), Price(100), Price(4_800), Price(4_900), Price(5_000), Price(9_999), DOLLAR]
prices = st.sampled_from(PRICES)
sizes = st.integers(-300, 500).map(Quantity)
sides = st.lists(st.tuples(prices, sizes), max_size=5, unique_by=lambda level: level[0])
Operation = tuple[str, tuple[Any, ...]]
operations: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("replace"), st.tuples(sides, sides)),
    st.tuples(st.just("put"), st.tuples(prices, sizes, st.booleans())),
    st.tuples(st.just("add"), st.tuples(prices, sizes, st.booleans())),
    st.tuples(st.just("confirm"), st.tuples(st.none() | prices, st.none() | prices)),
    st.tuples(st.just("take"), st.tuples(prices, st.integers(0, 400).map(Quantity), st.booleans())),
    st.tuples(st.sampled_from(["forget", "lose_feed"]), st.just(())),
    st.tuples(st.just("silence"), st.tuples(st.booleans())),
)


class Real:
    """The book under test, with the words of :class:`Naive`."""

    def __init__(self) -> None:
        self.feed = FeedState(KALSHI)
        self.book = Book(self.feed, "M")

    def replace(self, bids: list[Level], asks: list[Level]) -> None:
        self.book.replace(bids, asks, 1)

    def put(self, price: Price, size: Quantity, is_bid: bool) -> None:
        self.book.put(price, size, 1, is_bid=is_bid)

    def add(self, price: Price, delta: Quantity, is_bid: bool) -> None:
        self.book.add(price, delta, 1, is_bid=is_bid)

    def confirm(self, bid: Price | None, ask: Price | None) -> None:
        self.book.confirm(bid, ask, 1)

    def take(self, price: Price, quantity: Quantity, is_bid: bool) -> None:
        self.book.take(price, quantity, is_bid=is_bid)

    def forget(self) -> None:
        self.book.forget(1)

    def lose_feed(self) -> None:
        self.feed.epoch += 1

    def silence(self, silent: bool) -> None:
        self.feed.silent = silent


class Naive:
    """What a book is, written as plainly as possible: everything is worked out when asked."""

    def __init__(self) -> None:
        self.silent = False
        self.forget()

    def forget(self) -> None:
        self.held = False
        self.sides: dict[bool, dict[Price, int]] = {True: {}, False: {}}
        self.taken: Counter[tuple[bool, Price]] = Counter()
        self.unknown: set[bool] = set()

    lose_feed = forget

    def silence(self, silent: bool) -> None:
        self.silent = silent

    def replace(self, bids: list[Level], asks: list[Level]) -> None:
        self.forget()
        self.held = True
        for is_bid, side in ((True, bids), (False, asks)):
            for price, size in side:
                self.put(price, size, is_bid)

    def put(self, price: Price, size: int, is_bid: bool) -> None:
        if self.held:
            self.taken.clear()
            self.sides[is_bid].pop(price, None)
            if size > 0 and 0 < price < DOLLAR:
                self.sides[is_bid][price] = size

    def add(self, price: Price, delta: int, is_bid: bool) -> None:
        self.put(price, self.sides[is_bid].get(price, 0) + delta, is_bid)

    def confirm(self, bid: Price | None, ask: Price | None) -> None:
        if self.held:
            self.taken.clear()
            self.unknown.clear()
            for is_bid, stated, pick in ((True, bid, max), (False, ask, min)):
                best = pick(self.sides[is_bid], default=None)
                if best != (stated if stated is not None and 0 < stated < DOLLAR else None):
                    self.unknown.add(is_bid)

    def take(self, price: Price, quantity: Quantity, is_bid: bool) -> None:
        if self.held and not self.silent:
            there = self.sides[is_bid].get(price, 0) - self.taken[is_bid, price]
            self.taken[is_bid, price] += min(there, quantity)

    def open(self, *, is_bid: bool) -> list[Level]:
        if not self.held or self.silent or is_bid in self.unknown:
            return []
        left = ((price, Quantity(size - self.taken[is_bid, price])) for price, size in self.sides[is_bid].items())
        return sorted((level for level in left if level[1] > 0), reverse=is_bid)


@given(st.lists(operations, max_size=25))
def test_a_book_is_what_the_naive_model_says_after_any_history(history: list[Operation]) -> None:
    real, naive = Real(), Naive()
    start: Operation = ("replace", ([], []))
    for name, arguments in [start, *history]:
        getattr(real, name)(*arguments)
        getattr(naive, name)(*arguments)
        book, bids, asks = real.book, naive.open(is_bid=True), naive.open(is_bid=False)
        assert book.levels(buying=False) == bids
        assert book.levels(buying=True) == asks
        assert book.best_bid == (bids[0][0] if bids else None)
        assert book.best_ask == (asks[0][0] if asks else None)
        assert book.levels(buying=True, mirrored=True) == [(DOLLAR - price, size) for price, size in bids]
        limit = Price(4_900)
        assert book.levels(buying=True, limit=limit) == [level for level in asks if level[0] <= limit]
        mirrored = [(DOLLAR - price, size) for price, size in asks]
        assert book.levels(buying=False, mirrored=True, limit=limit) == [
            level for level in mirrored if level[0] >= limit
        ]
