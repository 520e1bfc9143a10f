"""The store of books: frames applied whole, only to what somebody asked for."""

from __future__ import annotations

import pytest

from market.book import Book
from market.books import Books
from market.events import BooksLost, BookSnapshot, FeedEvent, FeedUp, LevelChanged, LevelSet, TopStated
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import Quantity
from tests.market.builders import cents, contracts, frame, kalshi, levels, poly


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_book_is_tracked_once(books: Books) -> None:
    book = books.track(KALSHI, "A")
    assert books.track(KALSHI, "A") is book
    assert books.track(POLYMARKET, "A") is not book
    assert (books.get(KALSHI, "A"), books.get(KALSHI, "B")) == (book, None)
    assert len(books) == 2
    assert (book.platform, book.market) == (KALSHI, "A")


def test_events_of_untracked_markets_and_platforms_are_skipped(books: Books) -> None:
    assert books.get(KALSHI, "A") is None
    assert books.apply(kalshi([(48, 5)], market="A")).books == ()
    books.track(KALSHI, "A")
    assert books.apply(kalshi([(48, 5)], market="B")).books == ()
    assert books.apply(frame(KALSHI, BooksLost("gap", ("B",)))).books == ()
    assert len(books) == 1


def test_every_event_reaches_its_book(books: Books) -> None:
    book = books.track(KALSHI, "A")
    events: list[FeedEvent] = [
        BookSnapshot("A", levels((48, 5)), levels((52, 7))),
        LevelChanged("A", is_bid=True, price=cents(49), delta=contracts(2)),
        LevelSet("A", is_bid=False, price=cents(51), size=contracts(3)),
    ]
    touched = books.apply(frame(KALSHI, *events, t=9))
    assert touched.books == (book,)
    assert (touched.lost, touched.spoke) == (False, False)
    assert book.levels(buying=False) == list(levels((49, 2), (48, 5)))
    assert book.levels(buying=True) == list(levels((51, 3), (52, 7)))
    assert book.t == 9


def test_a_stated_top_is_compared_after_the_whole_frame_and_the_last_word_counts(books: Books) -> None:
    book = books.track(POLYMARKET, "A")
    books.apply(poly("A", [(48, 5)], [(52, 7)]))
    books.apply(
        frame(
            POLYMARKET,
            TopStated("A", cents(30), cents(31)),
            TopStated("A", cents(49), cents(52)),
            LevelSet("A", is_bid=True, price=cents(49), size=contracts(1)),
        )
    )
    assert (book.bid_known, book.ask_known) == (True, True)
    assert book.best_bid == cents(49)


def test_a_top_that_the_book_does_not_have_hides_that_side(books: Books) -> None:
    book = books.track(POLYMARKET, "A")
    books.apply(poly("A", [(48, 5)], [(52, 7)]))
    touched = books.apply(frame(POLYMARKET, TopStated("A", cents(48), cents(51))))
    assert touched.books == (book,)
    assert (book.best_bid, book.best_ask) == (cents(48), None)


def test_books_touched_are_named_once_in_the_order_of_the_frame(books: Books) -> None:
    a, b = books.track(KALSHI, "A"), books.track(KALSHI, "B")
    touched = books.apply(
        frame(
            KALSHI,
            BookSnapshot("B", (), ()),
            BookSnapshot("A", (), ()),
            LevelChanged("B", is_bid=True, price=cents(1), delta=Quantity(1)),
        )
    )
    assert touched.books == (b, a)


def test_single_books_are_lost_by_name(books: Books) -> None:
    a, b = books.track(KALSHI, "A"), books.track(KALSHI, "B")
    books.apply(kalshi([(48, 5)], market="A"))
    books.apply(kalshi([(48, 5)], market="B"))
    touched = books.apply(frame(KALSHI, BooksLost("gap", ("A",)), TopStated("A", None, None)))
    assert touched.books == (a,)
    assert not touched.lost
    assert (a.usable, b.usable) == (False, True)


@pytest.mark.parametrize("event", [BooksLost("disconnected"), FeedUp()])
def test_all_books_of_a_platform_are_lost_at_once(books: Books, event: FeedEvent) -> None:
    a, b, other = books.track(KALSHI, "A"), books.track(KALSHI, "B"), books.track(POLYMARKET, "A")
    for batch in (kalshi([(48, 5)], market="A"), kalshi([(48, 5)], market="B"), poly("A", [(48, 5)])):
        books.apply(batch)
    touched = books.apply(
        frame(KALSHI, LevelChanged("A", is_bid=True, price=cents(40), delta=contracts(1)), event, is_data=False)
    )
    assert (touched.lost, touched.books) == (True, ())
    assert (a.usable, b.usable, other.usable) == (False, False, True)
    touched = books.apply(frame(KALSHI, event, BookSnapshot("B", levels((47, 1)), ())))
    assert (touched.lost, touched.books) == (True, (b,))
    assert (a.usable, b.usable) == (False, True)


def test_a_silent_platform_is_usable_again_with_its_next_data(books: Books) -> None:
    book, other = books.track(KALSHI, "A"), books.track(POLYMARKET, "A")
    books.apply(kalshi([(48, 5)], market="A"))
    books.apply(poly("A", [(48, 5)]))
    books.set_silent(KALSHI, silent=True)
    states = [(books.is_silent(KALSHI), books.is_silent(POLYMARKET), book.usable, other.usable)]
    books.apply(frame(POLYMARKET, t=2))
    books.apply(frame(KALSHI, is_data=False, t=3))
    states.append((books.is_silent(KALSHI), books.is_silent(POLYMARKET), book.usable, other.usable))
    assert books.apply(frame(KALSHI, t=4)).spoke
    states.append((books.is_silent(KALSHI), books.is_silent(POLYMARKET), book.usable, other.usable))
    assert states == [(True, False, False, True), (True, False, False, True), (False, False, True, True)]
    assert not books.apply(frame(KALSHI, t=5)).spoke


def test_silence_can_be_lifted_by_hand_and_needs_no_books(books: Books) -> None:
    assert not books.is_silent(KALSHI)
    books.set_silent(KALSHI, silent=True)
    assert books.is_silent(KALSHI)
    books.set_silent(KALSHI, silent=False)
    assert not books.is_silent(KALSHI)


def test_losing_a_platform_does_not_visit_its_books(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        books.track(KALSHI, str(number))

    def visited(*_: object) -> None:
        raise AssertionError("a book was visited")

    monkeypatch.setattr(Book, "forget", visited)
    assert books.apply(frame(KALSHI, BooksLost("disconnected"))).lost
