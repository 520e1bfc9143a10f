"""What a feed has said so far, told again to a scanner that has lost it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from actors.base import Address
from market.books import Books
from market.events import BooksLost, FeedBatch, FeedEnded, FeedUp, LevelSet, TopStated
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from simulation.market import SimulatedMarket
from tests.actors.kit import states
from tests.market.builders import NO, TICKER, YES, cents, contracts, kalshi, pair, poly
from tests.transport.feed_clock import JumpingClock
from transport.controller_process import ControllerProcess
from transport.feeds.mirror import Mirror
from transport.feeds.simulated import SimulatedFeed

Said = list[FeedBatch | FeedEnded]


def mirrored(*batches: FeedBatch | FeedEnded) -> Said:
    """What is told again after these."""
    mirror, said = Mirror(), Said()
    deliver = mirror.before(said.append)
    for batch in batches:
        deliver(batch)
    assert said == list(batches)
    said.clear()
    mirror.tell_again()
    return said


def book_of(batches: Said, market: str = TICKER) -> tuple[object, object]:
    """A market's book after these batches, asked as a scanner asks."""
    books = Books()
    book = books.track(KALSHI if market == TICKER else POLYMARKET, market)
    for batch in batches:
        if isinstance(batch, FeedBatch):
            books.apply(batch)
    return book.levels(buying=False), book.levels(buying=True)


def level(price: int, size: int, *, is_bid: bool) -> FeedBatch:
    return FeedBatch(KALSHI, 2, (LevelSet(TICKER, is_bid, cents(price), contracts(size)),))


LEVELS = st.builds(
    lambda price, size, bid: level(price, size, is_bid=bid), st.integers(1, 99), st.integers(0, 5), st.booleans()
)


@given(st.lists(LEVELS, max_size=12))
def test_the_book_that_is_told_again_is_the_book_as_it_stands(changes: list[FeedBatch]) -> None:
    before: Said = [kalshi([(40, 10)], [(45, 10)]), *changes]
    assert book_of(mirrored(*before)) == book_of(before)


def test_all_books_of_a_platform_are_told_again_in_one_batch_after_a_new_connection() -> None:
    (batch,) = mirrored(poly(NO, [(40, 10)], [(45, 10)]), poly(YES, [(50, 1)], []))
    assert isinstance(batch, FeedBatch)
    assert isinstance(batch.events[0], FeedUp)
    assert [getattr(event, "market", None) for event in batch.events] == [None, NO, YES]


def test_a_book_that_was_lost_or_is_in_doubt_is_not_told_again() -> None:
    book = kalshi([(40, 10)], [(45, 10)])
    assert mirrored(book, FeedBatch(KALSHI, 2, (BooksLost("gap", (TICKER,)),))) == []
    assert mirrored(book, FeedBatch(KALSHI, 2, (BooksLost("reset"),))) == []
    assert mirrored(book, FeedBatch(KALSHI, 2, (TopStated(TICKER, cents(41), cents(45)),))) == []


def test_a_feed_that_ended_has_ended_for_the_next_taker_too() -> None:
    end = FeedEnded(KALSHI, "the recording ended")
    assert mirrored(kalshi([(40, 10)], [(45, 10)]), end) == [end]


def test_before_a_feed_has_begun_there_is_nothing_to_tell() -> None:
    Mirror().tell_again()
    SimulatedFeed(SimulatedMarket(1), JumpingClock()).resync()


def test_what_breaks_its_taker_is_told_again_with_the_rest() -> None:
    mirror = Mirror()
    again: Said = []

    def break_down(what: FeedBatch | FeedEnded) -> None:
        again.append(what)
        if what is last:
            mirror.tell_again()

    first, last = kalshi([(40, 10)], [(45, 10)]), level(46, 3, is_bid=False)
    deliver = mirror.before(break_down)
    deliver(first)
    deliver(last)
    assert book_of(again[2:]) == book_of([first, last])


def test_a_new_scanner_has_its_books_again_and_trades_on_at_once() -> None:
    with ControllerBox([pair()]) as box:
        for platform in PLATFORMS:
            box.simulate(platform, filled)
        mirror = Mirror()
        deliver = mirror.before(lambda what: box.tell("scanner", what))
        deliver(kalshi([(40, 10)], [(45, 10)]))
        box.tell("scanner", object())
        mirror.tell_again()
        deliver(poly(NO, [(40, 10)], [(45, 10)]))
        assert states(box) == ["hedged"]


def test_the_process_has_its_feed_told_again_when_the_scanner_was_replaced_and_only_then() -> None:
    first, second, other = (cast("Address", SimpleNamespace(name=name)) for name in "abc")

    async def scenario() -> list[int]:
        asked: list[int] = []
        process = object.__new__(ControllerProcess)
        process.roles = {}
        process.feed = cast("SimulatedFeed", SimpleNamespace(resync=lambda: asked.append(len(asked))))
        for roles in ({"scanner": first}, {"scanner": first, "router": other}, {"scanner": second}):
            process.who(roles)
        assert process.roles == {"scanner": second}
        return asked

    assert asyncio.run(scenario()) == [0]
