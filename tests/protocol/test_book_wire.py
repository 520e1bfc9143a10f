"""The messages of relayed books: read and written back exactly, and whatever else comes is answered with a value."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.book_wire import (
    MAX_BATCH,
    MAX_CHANGES,
    BookDelta,
    BooksSeen,
    BookState,
    Changes,
    DeltaFrame,
    WantBooks,
    wire_levels,
    wire_price,
)
from protocol.codec import MAX_FRAME_BYTES, Garbage, Invalid, UnknownType, decode, encode
from protocol.terms import KALSHI
from protocol.units import DOLLAR, MAX_QUANTITY, Price, Quantity
from protocol.wire import MAX_LEVELS, MAX_NAME, Book, WireMessage
from tests.protocol.messages import JSON_VALUES

STATE: dict[str, Any] = {
    "type": "book_state",
    "sub": 1,
    "seq": 4,
    "t": 5,
    "at": 6,
    "heard": 7,
    "offset_us": -8,
    "feed": "up",
    "markets": 2,
}
DELTA: dict[str, Any] = {
    "type": "book_delta",
    "sub": 1,
    "seq": 5,
    "t": 5,
    "at": 6,
    "d": [[0, [[52, 10], [52.5, 0]], [[60, 10.25]]]],
    "top": [[0, None, 60]],
}
WANT: dict[str, Any] = {"type": "want_books", "platform": "kalshi", "sub": 1, "add": ["A", "B"], "heartbeat_ms": 500}
SEEN: dict[str, Any] = {"type": "books_seen", "sub": 1, "seq": 9}
SNAPSHOT: dict[str, Any] = {
    "type": "book",
    "platform": "kalshi",
    "market": "A",
    "bids": [[44, 10]],
    "asks": [],
    "t": 1,
    "seq": 7,
    "sub": 1,
    "at": 5,
    "top": [None, 45],
}
VALID = [STATE, DELTA, WANT, SEEN]
ANSWERS = (WireMessage, Garbage, UnknownType, Invalid, BookDelta, BookState, BooksSeen, WantBooks)

SIDES = st.lists(
    st.tuples(st.integers(1, DOLLAR - 1).map(Price), st.integers(0, MAX_QUANTITY).map(Quantity)), max_size=5
).map(tuple)
TOPS = st.none() | st.integers(1, DOLLAR - 1).map(Price)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (STATE, BookState(sub=1, seq=4, t=5, at=6, heard=7, offset_us=-8, feed="up", markets=2)),
        (WANT, WantBooks(KALSHI, 1, 0, ("A", "B"), (), 500)),
        (SEEN, BooksSeen(1, 9)),
        (
            DELTA,
            BookDelta(
                1,
                5,
                5,
                6,
                (
                    (
                        0,
                        ((Price(5_200), Quantity(1_000)), (Price(5_250), Quantity(0))),
                        ((Price(6_000), Quantity(1_025)),),
                    ),
                ),
                ((0, None, Price(6_000)),),
            ),
        ),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_message_means_what_it_says_however_it_is_spaced(
    message: dict[str, Any], expected: object, separators: tuple[str, str]
) -> None:
    assert decode(json.dumps(message, separators=separators)) == expected
    reversed_order = dict(reversed(list(message.items())))
    assert decode(json.dumps(reversed_order)) == expected
    assert decode(json.dumps(message | {"new": 1}, separators=separators)) == expected


@given(SIDES, SIDES, TOPS, TOPS)
def test_every_price_and_size_survives_the_way(
    bids: Changes, asks: Changes, bid: Price | None, ask: Price | None
) -> None:
    frame = DeltaFrame(
        1, 2, 3, 4, ((9, wire_levels(bids), wire_levels(asks)),), ((9, wire_price(bid), wire_price(ask)),)
    )
    assert decode(encode(frame)) == BookDelta(1, 2, 3, 4, ((9, bids, asks),), ((9, bid, ask),))


def test_a_relayed_snapshot_is_a_book_with_its_place_in_a_stream() -> None:
    book = decode(json.dumps(SNAPSHOT))
    assert isinstance(book, Book)
    assert (book.sub, book.seq, book.at, book.top) == (1, 7, 5, (None, Price(4_500)))
    assert json.loads(encode(book)) == SNAPSHOT


def test_whole_numbers_have_no_point() -> None:
    frame = DeltaFrame(1, 2, 3, 4, ((9, wire_levels(((Price(5_200), Quantity(1_000)),)), ()),))
    assert encode(frame) == '{"type":"book_delta","sub":1,"seq":2,"t":3,"at":4,"d":[[9,[[52,10]],[]]]}'


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"d": [[0, [[0, 1]], []]]}, "price must be above 0"),
        ({"d": [[0, [[100, 1]], []]]}, "price must be above 0"),
        ({"d": [[0, [[52.123, 1]], []]]}, "price has more decimals"),
        ({"d": [[0, [[52, -1]], []]]}, "size must be from 0"),
        ({"d": [[0, [[52, 10**15]], []]]}, "size must be from 0"),
        ({"d": [[0, [["NaN", 1]], []]]}, "price must be a finite number"),
        ({"d": [[0, [[52, "Infinity"]], []]]}, "size must be a finite number"),
        ({"d": [[0, [["x", 1]], []]]}, "Invalid"),
        ({"d": [[0, [[True, 1]], []]]}, "Expected"),
        ({"d": [[-1, [], []]]}, "Expected"),
        ({"d": [[0, [], []]] * (MAX_CHANGES + 1)}, "Expected"),
        ({"d": [[0, [[52, 1]] * (2 * MAX_LEVELS + 1), []]]}, "more than 2000 levels"),
        ({"seq": "five"}, "seq"),
        ({"sub": -1}, "sub"),
        ({"top": [[0, 100, None]]}, "price must be"),
    ],
)
def test_a_delta_that_makes_no_sense_is_invalid_and_says_why(change: dict[str, Any], why: str) -> None:
    decoded = decode(json.dumps(DELTA | change))
    assert isinstance(decoded, Invalid)
    assert decoded.wire_type == "book_delta"
    assert why in decoded.reason


@pytest.mark.parametrize("number", ["1e400", "1e-400", "52." + "0" * 60 + "1", "1" * 60])
def test_numbers_beyond_all_reason_are_invalid(number: str) -> None:
    text = json.dumps(DELTA).replace("[52, 10]", f"[{number}, 10]")
    assert isinstance(decode(text), Invalid)
    text = json.dumps(DELTA).replace("[52, 10]", f"[52, {number}]")
    assert isinstance(decode(text), Invalid)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"type":"book_', Garbage),
        ('{"type":"book_delta","d":' + "[" * 100_000, Garbage),
        ('{"type":"book_worm","sub":1}', UnknownType),
        ('{"type":"books_seen","type":5}', UnknownType),
        ('{"type":"books_seen","sub":1}', Invalid),
        ('{"type":"want_books"}', Invalid),
    ],
)
def test_what_only_begins_like_one_of_them_is_told_apart(text: str, kind: type) -> None:
    assert isinstance(decode(text), kind)


@given(
    st.sampled_from(VALID),
    st.dictionaries(st.sampled_from(["sub", "seq", "d", "top", "add", "lost", "feed"]), JSON_VALUES),
)
def test_any_wrong_field_is_answered_with_a_value(message: dict[str, Any], changes: dict[str, Any]) -> None:
    decoded = decode(json.dumps(message | changes, separators=(",", ":")))
    assert isinstance(decoded, ANSWERS)


@given(st.text(max_size=40))
def test_any_text_after_the_beginning_is_answered_with_a_value(text: str) -> None:
    assert isinstance(decode('{"type":"book_' + text), ANSWERS)


def test_the_largest_honest_frames_fit() -> None:
    name = "n" * MAX_NAME
    assert len(encode(WantBooks(KALSHI, 1, 0, (name,) * MAX_BATCH))) < MAX_FRAME_BYTES
    level = (Decimal("99.99"), Decimal("99999999.99"))
    deepest = DeltaFrame(10**6, 10**12, 10**16, 10**16, ((149_999, (level,) * MAX_LEVELS, (level,) * MAX_LEVELS),))
    assert len(encode(deepest)) < MAX_FRAME_BYTES
