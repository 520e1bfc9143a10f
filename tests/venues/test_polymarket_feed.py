from __future__ import annotations

import json
from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import BooksLost, BookSnapshot, FeedEvent, Level, LevelSet, MarketHalted, TickSet, TopStated
from protocol.units import MAX_QUANTITY, Price, Quantity
from venues import polymarket
from venues.decoded import MAX_FEED_FRAME, MAX_MARKET, Decoded
from venues.numbers import MAX_REMEMBERED, Numbers
from venues.polymarket.feed import PolymarketDecoder

YES, NO = "7132", "5211"


def decode(item: object) -> Decoded:
    return PolymarketDecoder().decode(json.dumps(item))


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    return tuple((Price(price), Quantity(size)) for price, size in pairs)


def level_set(token: str, price: int, size: int, *, is_bid: bool) -> LevelSet:
    return LevelSet(token, is_bid, Price(price), Quantity(size))


def top(token: str, bid: int | None, ask: int | None) -> TopStated:
    return TopStated(token, None if bid is None else Price(bid), None if ask is None else Price(ask))


def book(token: str = YES, **fields: object) -> dict[str, object]:
    sides = {
        "bids": [{"price": "0.45", "size": "100"}],
        "asks": [{"price": "0.53", "size": "30"}, {"price": "0.47", "size": "12.5"}],
    }
    return {"event_type": "book", "asset_id": token, "market": "0xcond", "timestamp": "1"} | sides | fields


def change(token: str = YES, **fields: object) -> dict[str, object]:
    plain = {"price": "0.47", "size": "0", "side": "SELL", "hash": "..", "best_bid": "0.45", "best_ask": "0.53"}
    return {"asset_id": token} | plain | fields


def price_change(*changes: object) -> dict[str, object]:
    return {"event_type": "price_change", "market": "0xcond", "timestamp": "1", "price_changes": list(changes)}


def lost(decoded: Decoded) -> list[tuple[str, ...]]:
    return [event.markets for event in decoded.events if isinstance(event, BooksLost)]


def test_book_is_the_whole_book_in_any_order() -> None:
    expected = BookSnapshot(YES, levels((4500, 10_000)), levels((5300, 3_000), (4700, 1_250)))
    assert decode(book()) == Decoded((expected,), is_data=True)


def test_book_with_an_empty_side() -> None:
    assert decode(book(bids=[], asks=[])).events == (BookSnapshot(YES, (), ()),)


@pytest.mark.parametrize(("side", "is_bid"), [("BUY", True), ("SELL", False), ("buy", True), ("sell", False)])
def test_price_change_sets_the_size_and_states_the_top(side: str, is_bid: bool) -> None:
    decoded = decode(price_change(change(side=side, size="7")))
    assert decoded.events == (level_set(YES, 4700, 700, is_bid=is_bid), top(YES, 4500, 5300))
    assert decoded.is_data


def test_the_top_is_stated_once_a_token_after_all_changes_as_last_said() -> None:
    decoded = decode(price_change(
        change(YES, best_ask="0.47"),
        change(NO, side="BUY", price="0.53", best_bid="0.53", best_ask="0.55"),
        change(YES, price="0.46", size="3", best_ask="0.46"),
    ))  # fmt: skip
    assert decoded.events == (
        level_set(YES, 4700, 0, is_bid=False),
        level_set(NO, 5300, 0, is_bid=True),
        level_set(YES, 4600, 300, is_bid=False),
        top(YES, 4500, 4600),
        top(NO, 5300, 5500),
    )


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("0", "0.53", (None, 5300)),
        ("0", "1", (None, None)),
        ("0.000", "1.0000", (None, None)),
        ("0.45", "0", (4500, None)),
        ("0.4505", "0.9999", (4505, 9999)),
    ],
)
def test_how_an_empty_side_is_written(bid: str, ask: str, expected: tuple[int | None, int | None]) -> None:
    frames: list[object] = [
        price_change(change(best_bid=bid, best_ask=ask)),
        {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": bid, "best_ask": ask, "spread": "0.1"},
    ]
    for item in frames:
        assert decode(item).events[-1] == top(YES, *expected)


@pytest.mark.parametrize("missing", [{"best_bid": ""}, {"best_ask": ""}, {"best_bid": None}, {"best_ask": None}])
def test_a_top_that_is_not_stated_claims_nothing(missing: dict[str, object]) -> None:
    decoded = decode(price_change(change(YES, **missing)))
    assert decoded.events == (level_set(YES, 4700, 0, is_bid=False),)
    assert decoded.error is None
    best = {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": "0.45", "best_ask": "0.5"}
    assert decode(best | missing) == Decoded(is_data=True)


def test_an_array_is_its_objects_in_order() -> None:
    decoded = decode([book(YES), book(NO), price_change(change(NO))])
    assert [type(event) for event in decoded.events] == [BookSnapshot, BookSnapshot, LevelSet, TopStated]


def test_an_empty_array_says_nothing() -> None:
    assert decode([]) == Decoded()


@pytest.mark.parametrize("text", ["PING", "PONG", b"PING", b"PONG"])
def test_keepalive_is_no_data(text: str | bytes) -> None:
    assert PolymarketDecoder().decode(text) == Decoded()


def test_a_trade_is_data_without_events() -> None:
    traded = decode({"event_type": "last_trade_price", "asset_id": YES, "price": "0.47", "size": "12.345678"})
    assert traded == Decoded(is_data=True)


@pytest.mark.parametrize(("text", "tick"), [("0.001", 10), ("0.0025", 25), ("0.003", None), ("0", None), ("?", None)])
def test_a_new_tick_holds_and_nothing_opens_on_it(text: str, tick: int | None) -> None:
    item = {"event_type": "tick_size_change", "asset_id": YES, "old_tick_size": "0.01", "new_tick_size": text}
    decoded = decode(item)
    assert decoded.is_data
    *ticks, halted = decoded.events
    assert ticks == ([] if tick is None else [TickSet(YES, Price(tick))])
    assert isinstance(halted, MarketHalted)
    assert text in halted.reason
    assert "0.01" in halted.reason


def test_a_resolved_market_is_not_traded_any_more() -> None:
    item = {"event_type": "market_resolved", "market": "0xcond", "winning_asset_id": YES, "winning_outcome": "Yes"}
    assert lost(decode(item)) == [(YES,)]
    both = decode(item | {"assets_ids": [YES, NO]})
    assert lost(both) == [(YES, NO)]
    assert [event.market for event in both.events if isinstance(event, MarketHalted)] == [YES, NO]
    assert "Yes" in (both.note or "")
    assert not both.is_data
    assert decode({"event_type": "market_resolved", "market": "0xcond"}).events == ()


def test_a_result_is_of_every_token_whose_book_was_of_that_market() -> None:
    decoder = PolymarketDecoder()
    decoder.decode(json.dumps([book(YES), book(NO), book("other", market="0xelse"), book("odd", market=7)]))
    resolved = decoder.decode(json.dumps({"event_type": "market_resolved", "market": "0xcond"}))
    assert lost(resolved) == [(YES, NO)]


def test_every_event_has_the_time_of_its_object() -> None:
    decoder = PolymarketDecoder()
    traded = {"event_type": "last_trade_price", "asset_id": YES, "timestamp": "7"}
    frame = [book(timestamp="9000000000000"), price_change(change()) | {"timestamp": 5}, traded]
    read = decoder.read(json.dumps(frame))
    assert read.stamps == (9_000_000_000_000, 5, 5)
    assert read.happened_ms == 7
    assert len(read.decoded.events) == 3


@pytest.mark.parametrize("stamp", [None, "", "-1", "1.5", "9" * 30, 1.5, True, [], "\u0661"])
def test_what_is_no_time_says_none(stamp: object) -> None:
    read = PolymarketDecoder().read(json.dumps(price_change(change()) | {"timestamp": stamp}))
    assert read.stamps == (0, 0)
    assert read.happened_ms == 0


def test_a_new_market_is_a_note() -> None:
    decoded = decode({"event_type": "new_market", "market": "0xcond", "question": "?"})
    assert decoded.events == ()
    assert decoded.note


def test_unknown_types_are_ignored_and_counted_and_the_rest_of_the_frame_is_taken() -> None:
    decoder = PolymarketDecoder()
    decoded = decoder.decode(json.dumps([{"event_type": "weather"}, book(), {"event_type": "weather"}]))
    assert [type(event) for event in decoded.events] == [BookSnapshot]
    assert decoded.error is None
    assert decoder.unknown_types == {"weather": 2}


# -- what makes no sense ---------------------------------------------------------------------------------------

WRONG_PRICES = ["0", "1", "1.5", "-0.45", "0.45005", "NaN", "inf", "", " 0.45", "0.4_5", "4e-1", "0" * 50]


@pytest.mark.parametrize("price", [*WRONG_PRICES, 0.45, None])
def test_a_wrong_price_loses_its_token(price: object) -> None:
    assert lost(decode(book(asks=[{"price": price, "size": "1"}]))) == [(YES,)]
    assert lost(decode(price_change(change(price=price)))) == [(YES,)]


@pytest.mark.parametrize("size", ["-1", "NaN", "1e3", "", str(MAX_QUANTITY), 5, None])
def test_a_wrong_size_loses_its_token(size: object) -> None:
    assert lost(decode(book(asks=[{"price": "0.5", "size": size}]))) == [(YES,)]
    assert lost(decode(price_change(change(size=size)))) == [(YES,)]


@pytest.mark.parametrize("best", [{"best_bid": "1"}, {"best_bid": "-0.1"}, {"best_ask": "1.01"}, {"best_ask": "x"}])
def test_a_wrong_best_price_loses_its_token(best: dict[str, object]) -> None:
    assert lost(decode(price_change(change(YES, **best)))) == [(YES,)]
    item = {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": "0.4", "best_ask": "0.5"}
    assert lost(decode(item | best)) == [(YES,)]


def test_two_sizes_for_one_level() -> None:
    twice = [{"price": "0.5", "size": "1"}, {"price": "0.50", "size": "2"}]
    assert lost(decode(book(bids=twice))) == [(YES,)]


def test_one_broken_change_costs_its_token_and_no_other() -> None:
    decoded = decode(price_change(change(YES), change(YES, price="2"), change(YES), change(NO)))
    assert decoded.events[1:] == (
        BooksLost(decoded.error or "", (YES,)),
        level_set(NO, 4700, 0, is_bid=False),
        top(NO, 4500, 5300),
    )


@pytest.mark.parametrize(
    ("item", "tokens"),
    [
        (book(bids=None), (YES,)),
        (book(bids=[["0.45", "1"]]), (YES,)),
        ({"event_type": "book", "asset_id": YES, "bids": []}, (YES,)),
        (price_change(change(YES), change(NO, side="HOLD")), (YES, NO)),
        (price_change(change(YES), {"price": "0.5"}), ()),
        (price_change(change(YES), 7), ()),
        (price_change(change(YES), {"asset_id": [NO]}), ()),
        (price_change(change(YES), change("")), ()),
        ({"event_type": "price_change", "market": "0xcond"}, ()),
        ({"event_type": "price_change", "asset_id": YES, "price_changes": {}}, ()),
        (book(""), ()),
        (book("7" * (MAX_MARKET + 1)), ()),
        ({"asset_id": YES}, (YES,)),
        ({"event_type": None}, ()),
        ({"event_type": ["book"]}, ()),
        (None, ()),
        (7, ()),
        ("book", ()),
        ([[]], ()),
    ],
)
def test_a_broken_object_costs_the_tokens_that_it_names_else_all(item: object, tokens: tuple[str, ...]) -> None:
    for decoded in (decode(item), decode([item, book("other")])):
        assert lost(decoded) == [tokens]
        assert decoded.error
    rest = decode([item, book("other")])
    assert isinstance(rest.events[-1], BookSnapshot), "what came after it is sound again"


@pytest.mark.parametrize("text", ["", "{", "pong", "\ud800", b"\xff", "[" * 100_000, "x" * (MAX_FEED_FRAME + 1)])
def test_what_is_no_frame_loses_every_book(text: str | bytes) -> None:
    decoded = PolymarketDecoder().decode(text)
    assert lost(decoded) == [()]
    assert decoded.error
    assert not decoded.is_data


# -- sizes and limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"), [("219.217767", 21_921), ("0.009", 0), ("0.019", 1), (".5", 50), ("7.", 700)]
)
def test_more_decimals_than_can_be_traded_are_cut_off(text: str, size: int) -> None:
    assert decode(price_change(change(size=text))).events[0] == level_set(YES, 4700, size, is_bid=False)
    asks = levels((4700, size)) if size else ()
    assert decode(book(asks=[{"price": "0.47", "size": text}])).events == (
        BookSnapshot(YES, levels((4500, 10_000)), asks),
    )


def test_numbers_are_remembered_within_bounds() -> None:
    numbers = Numbers()
    for number in range(MAX_REMEMBERED + 10):
        assert numbers.size(str(number)) == number * 100
    assert len(numbers._sizes) <= MAX_REMEMBERED


def test_nothing_is_carried_from_frame_to_frame() -> None:
    decoder = PolymarketDecoder()
    decoder.decode("{")
    decoder.reset()
    assert decoder.decode(json.dumps(book())) == decode(book())
    assert polymarket.__doc__


# -- properties --------------------------------------------------------------------------------------------------

decimals = st.decimals(0, 1_000_000, allow_nan=False, allow_infinity=False, places=8)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WRONG_PRICES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
parts = st.fixed_dictionaries(
    {},
    optional={
        "asset_id": st.sampled_from([YES, NO]) | junk,
        "price": st.just("0.45") | junk,
        "size": st.just("5") | junk,
        "side": st.sampled_from(["BUY", "SELL"]) | junk,
        "best_bid": junk,
        "best_ask": junk,
    },
)
kinds = st.sampled_from(["book", "price_change", "best_bid_ask", "market_resolved", "tick_size_change", "new_market"])
objects = st.fixed_dictionaries(
    {"event_type": kinds | junk},
    optional={
        "asset_id": st.sampled_from([YES, NO]) | junk,
        "bids": st.lists(parts, max_size=3) | junk,
        "asks": st.lists(parts, max_size=3) | junk,
        "price_changes": st.lists(parts, max_size=3) | junk,
        "assets_ids": junk,
    },
)


@given(st.text() | st.binary())
def test_any_text_is_answered_with_a_value(text: str | bytes) -> None:
    assert isinstance(PolymarketDecoder().decode(text), Decoded)


@given(objects | st.lists(objects | junk, max_size=4) | junk)
def test_any_frame_is_answered_with_a_value_and_every_fault_is_said(item: object) -> None:
    decoded = decode(item)
    losses = [event for event in decoded.events if isinstance(event, BooksLost) and event.reason != "market resolved"]
    assert bool(losses) is (decoded.error is not None)


@given(st.integers(1, 9_999), decimals, st.booleans())
def test_prices_are_exact_and_sizes_never_more_than_there_is(price: int, size: Decimal, is_bid: bool) -> None:
    side = "BUY" if is_bid else "SELL"
    decoded = decode(price_change(change(price=f"{Decimal(price) / 10_000:f}", size=f"{size:f}", side=side)))
    floor = int(size.quantize(Decimal("0.01"), ROUND_FLOOR) * 100)
    expected: FeedEvent = level_set(YES, price, floor, is_bid=is_bid)
    assert decoded.events[0] == expected
