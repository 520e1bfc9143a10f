"""The trader's end of a stream: one window on the way, and changes merged meanwhile."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.book_stream import BookStream, FeedNews
from market.book import Book
from market.books import Books
from market.events import BookSnapshot, FeedBatch, LevelSet
from protocol.book_wire import MAX_BATCH, MAX_CHANGES, MAX_LOST, BookDelta, WantBooks, read_book_frame
from protocol.terms import KALSHI
from protocol.units import Price, Quantity
from tests.market.builders import cents, contracts, levels

NAMES = tuple(f"KX-{number}" for number in range(MAX_LOST + 10))


class End:
    """A stream over books that a test changes."""

    def __init__(self, count: int, window: int = 2_000) -> None:
        self.books = Books()
        self.known: dict[str, Book] = {name: self.books.track(KALSHI, name) for name in NAMES[:count]}
        self.stream = BookStream(WantBooks(KALSHI, 5), self.known, FeedNews("up"), window)
        for name in self.known:
            self.snapshot(name)
        for first in range(0, count, MAX_BATCH):
            add = NAMES[first : min(first + MAX_BATCH, count)]
            assert self.stream.want(WantBooks(KALSHI, 5, first, add))

    def snapshot(self, name: str) -> None:
        self.books.apply(FeedBatch(KALSHI, 1, (BookSnapshot(name, levels((40, 1)), ()),)))

    def put(self, name: str, price: int, size: int) -> None:
        event = LevelSet(name, True, cents(price), contracts(size))  # noqa: FBT003 -- a bid
        self.books.apply(FeedBatch(KALSHI, 2, (event,)))
        self.stream.changed(name, ((True, event.price),))

    def write(self) -> list[str]:
        return list(self.stream.frames(7, 0))

    def read_all(self) -> list[dict[str, Any]]:
        """Everything, by a reader that keeps up."""
        frames: list[dict[str, Any]] = []
        while texts := self.write():
            frames += map(json.loads, texts)
            self.stream.seen(frames[-1]["seq"])
        return frames


def test_no_more_than_one_window_is_on_the_way_whatever_happens_meanwhile() -> None:
    end = End(30, window=3_000)
    written = end.write()
    for number in range(2_000):
        end.put(NAMES[number % 30], 1 + number % 90, number % 7)
        written += end.write()
    longest = max(map(len, written))
    assert 3_000 <= sum(map(len, written)) <= 3_000 + longest
    assert end.stream.stalled
    assert end.stream.waiting <= 30


def test_what_was_merged_is_told_as_it_is_when_it_can_be_told() -> None:
    end = End(1)
    end.read_all()
    end.stream.beat()
    while not end.stream.stalled:
        end.stream.beat()
        end.write()
    for size in range(1, 50):
        end.put(NAMES[0], 41, size)
    end.put(NAMES[0], 42, 3)
    assert end.write() == []
    end.stream.seen(10**6)
    (delta,) = [frame for frame in end.read_all() if frame["type"] == "book_delta"]
    assert delta["d"] == [[0, [[41, 49], [42, 3]], []]]
    assert end.stream.merged == 49


def test_a_reader_that_comes_back_gets_every_change_once() -> None:
    end = End(MAX_CHANGES + 50, window=10**9)
    end.read_all()
    for name in end.known:
        end.put(name, 41, 2)
    frames = end.read_all()
    assert [len(frame["d"]) for frame in frames] == [MAX_CHANGES, 50]
    assert [frame["seq"] for frame in frames] == sorted(frame["seq"] for frame in frames)


def test_more_losses_than_one_frame_takes_are_all_told_before_what_is_mended() -> None:
    end = End(MAX_LOST + 10, window=10**9)
    end.read_all()
    for name, book in end.known.items():
        book.forget(2)
        end.stream.lost(name, "a gap")
    for name in NAMES[: MAX_LOST + 5]:
        end.snapshot(name)
        end.stream.held(name)
    frames = end.read_all()
    lost = [number for frame in frames if frame["type"] == "book_state" for number in frame.get("lost", ())]
    assert lost == [*range(MAX_LOST + 10)]
    held: set[str] = set()
    for frame in frames:
        held -= {NAMES[number] for number in frame.get("lost", ())}
        held |= {frame["market"]} if frame["type"] == "book" else set()
    assert held == set(NAMES[: MAX_LOST + 5])


def test_markets_given_up_are_not_spoken_of_again_and_their_numbers_not_used() -> None:
    end = End(2)
    end.read_all()
    assert end.stream.want(WantBooks(KALSHI, 5, 2, (NAMES[2],), (NAMES[0],)))
    end.put(NAMES[0], 41, 1)
    end.put(NAMES[1], 41, 1)
    assert [frame["d"] for frame in end.read_all() if "d" in frame] == [[[1, [[41, 1]], []]]]
    assert end.stream.markets == 2


def test_numbers_that_do_not_go_on_are_refused() -> None:
    end = End(2)
    assert not end.stream.want(WantBooks(KALSHI, 5, 1, ("x",)))
    assert not end.stream.want(WantBooks(KALSHI, 5, 3, ("x",)))


@given(st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 10**9)), max_size=8))
def test_prices_and_sizes_arrive_to_the_last_digit(changes: list[tuple[int, int]]) -> None:
    end = End(1, window=10**9)
    end.read_all()
    held: dict[int, int] = {4_000: 100}
    for price, size in changes:
        event = LevelSet(NAMES[0], True, Price(price), Quantity(size))  # noqa: FBT003 -- a bid
        end.books.apply(FeedBatch(KALSHI, 2, (event,)))
        end.stream.changed(NAMES[0], ((True, event.price),))
        held[price] = size
    for text in end.write():
        frame = read_book_frame(text)
        assert isinstance(frame, BookDelta)
        ((_, bids, asks),) = frame.changes
        assert asks == ()
        assert dict(bids) == {price: held[price] for price, _ in changes}
