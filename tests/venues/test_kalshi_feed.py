from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import BooksLost, BookSnapshot, Level, LevelChanged
from protocol.units import MAX_QUANTITY, Price, Quantity
from venues import kalshi
from venues.decoded import MAX_FEED_FRAME, MAX_MARKET, Decoded
from venues.kalshi import feed
from venues.kalshi.feed import KalshiDecoder

A, B, C = "KXA-26NOV22-T1", "KXB-26NOV22-T2", "KXC-26NOV22-T3"


def frame(kind: str, msg: object = None, **head: object) -> str:
    body = {"type": kind, **head}
    return json.dumps(body if msg is None else body | {"msg": msg})


def snapshot(market: str, seq: int | None = 1, sid: int | None = 1, **sides: object) -> str:
    sides = sides or {"yes_dollars_fp": [["0.4500", "100.00"]], "no_dollars_fp": [["0.5200", "50.00"]]}
    head = {key: value for key, value in (("sid", sid), ("seq", seq)) if value is not None}
    return frame("orderbook_snapshot", {"market_ticker": market, **sides}, **head)


def delta(market: str, seq: int | None, sid: int | None = 1, **changes: object) -> str:
    msg = {"market_ticker": market, "price_dollars": "0.4600", "delta_fp": "-20.00", "side": "yes", "ts_ms": 1}
    head = {key: value for key, value in (("sid", sid), ("seq", seq)) if value is not None}
    return frame("orderbook_delta", msg | changes, **head)


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    return tuple((Price(price), Quantity(size)) for price, size in pairs)


def lost(decoded: Decoded) -> set[str]:
    """The markets whose books a frame cost; never read as "all of them" by accident."""
    named = [event.markets for event in decoded.events if isinstance(event, BooksLost)]
    assert all(named), "every book of the venue was lost"
    return {market for markets in named for market in markets}


def loses_everything(decoded: Decoded) -> bool:
    return [event.markets for event in decoded.events if isinstance(event, BooksLost)] == [()]


def subscribed(*markets: str) -> KalshiDecoder:
    decoder = KalshiDecoder()
    for number, market in enumerate(markets, start=1):
        assert decoder.decode(snapshot(market, number)).error is None
    return decoder


def test_snapshot_is_in_yes_terms() -> None:
    text = snapshot(
        A,
        yes_dollars_fp=[["0.4500", "100.00"], ["0.4600", "20.00"]],
        no_dollars_fp=[["0.5200", "50.25"], ["0.501", "3"]],
        market_id="x",
        clock=101,
    )
    decoded = KalshiDecoder().decode(text)
    assert decoded == Decoded(
        (BookSnapshot(A, levels((4500, 10_000), (4600, 2_000)), levels((4800, 5_025), (4990, 300))),), is_data=True
    )


def test_an_empty_side_is_absent_and_a_level_of_nothing_is_none() -> None:
    decoded = KalshiDecoder().decode(snapshot(A, no_dollars_fp=[["0.5200", "0.00"]]))
    assert decoded.events == (BookSnapshot(A, (), ()),)


@pytest.mark.parametrize(("side", "is_bid", "price"), [("yes", True, 4600), ("no", False, 5400)])
def test_delta_is_a_signed_change_in_yes_terms(side: str, is_bid: bool, price: int) -> None:
    decoded = subscribed(A).decode(delta(A, 2, side=side))
    assert decoded.events == (LevelChanged(A, is_bid, Price(price), Quantity(-2_000)),)
    assert decoded.is_data
    assert decoded.error is None


def test_bytes_decode_like_text() -> None:
    assert subscribed(A).decode(delta(A, 2).encode()) == subscribed(A).decode(delta(A, 2))


def test_older_field_shape_without_sid_and_seq() -> None:
    record = json.loads(delta(A, None, None)) | {"logged_at": "2026-03-17T00:38:17.221Z"}
    record["msg"]["ts"] = "2026-03-17T00:38:09.808129Z"
    del record["msg"]["ts_ms"]
    expected = LevelChanged(A, is_bid=True, price=Price(4_600), delta=Quantity(-2_000))
    assert KalshiDecoder().decode(json.dumps(record)).events == (expected,)


@pytest.mark.parametrize("kind", ["trade", "ticker"])
def test_trades_and_tickers_prove_that_the_feed_lives(kind: str) -> None:
    decoded = subscribed(A).decode(frame(kind, {"market_ticker": A}, sid=2))
    assert decoded == Decoded(is_data=True)


def test_answers_to_commands_are_no_data() -> None:
    decoder = KalshiDecoder()
    said = frame("subscribed", {"channel": "orderbook_delta", "sid": 1}, id=1)
    listed = frame("ok", [{"channel": "orderbook_delta", "sid": 1}], id=3)
    assert decoder.decode(said) == decoder.decode(listed) == Decoded()


# -- sequence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [5, 2, 3, 1, 0], ids=["gap", "back", "twice", "restart", "zero"])
def test_a_gap_or_a_step_back_loses_every_book_of_the_subscription(seq: int) -> None:
    decoder = subscribed(A, B)
    decoder.decode(snapshot(C, 1, sid=2))
    decoder.decode(delta(A, 3))
    decoded = decoder.decode(delta(A, seq))
    assert lost(decoded) == {A, B}
    assert not any(isinstance(event, LevelChanged) for event in decoded.events)
    assert "sid 1" in (decoded.error or "")


def test_after_a_gap_counting_goes_on_from_the_new_number() -> None:
    decoder = subscribed(A)
    assert decoder.decode(delta(A, 9)).error
    assert decoder.decode(delta(A, 10)).error is None
    assert decoder.decode(delta(A, 12)).error


def test_a_snapshot_resyncs_its_own_market_and_no_other() -> None:
    decoder = subscribed(A, B)
    decoded = decoder.decode(snapshot(A, 9))
    assert [type(event) for event in decoded.events] == [BooksLost, BookSnapshot]
    assert lost(decoded) == {A, B}
    assert decoded.error


def test_subscriptions_count_for_themselves() -> None:
    decoder = subscribed(A)
    assert decoder.decode(snapshot(B, 700, sid=2)).error is None
    assert decoder.decode(delta(A, 2)).error is None
    assert decoder.decode(delta(B, 701, sid=2)).error is None


@pytest.mark.parametrize("kind", ["ok", "subscribed", "ticker", "trade", "error", "market_lifecycle_v2"])
def test_every_kind_of_message_with_a_number_counts(kind: str) -> None:
    decoder = subscribed(A)
    msg = {"code": 8, "msg": "Unknown channel name"} if kind == "error" else None
    decoder.decode(frame(kind, msg, sid=1, seq=2))
    assert decoder.decode(delta(A, 3)).error is None
    late = decoder.decode(frame(kind, msg, sid=1, seq=5))
    assert lost(late) == {A}


def test_messages_without_a_number_do_not_count() -> None:
    decoder = subscribed(A)
    decoder.decode(frame("trade", {"market_ticker": A}, sid=1))
    assert decoder.decode(delta(A, 2)).error is None


def test_a_gap_on_a_subscription_without_books_costs_none() -> None:
    decoder = subscribed(A)
    decoder.decode(frame("ticker", {}, sid=2, seq=1))
    decoded = decoder.decode(frame("ticker", {}, sid=2, seq=5))
    assert decoded.events == ()
    assert decoded.error


def test_a_new_connection_starts_to_count_anew() -> None:
    decoder = subscribed(A, B)
    decoder.reset()
    assert decoder.decode(snapshot(A, 1)).error is None


def test_a_new_connection_knows_no_market_of_the_one_before() -> None:
    decoder = subscribed(A)
    decoder.reset()
    assert decoder.decode(delta(A, 1, sid=2)).events != ()
    decoder.decode(snapshot(B, 1))
    assert lost(decoder.decode(delta(B, 5))) == {B}


def test_a_market_that_moved_to_another_subscription_takes_no_delta_of_the_old_one() -> None:
    decoder = subscribed(A, B)
    decoder.decode(snapshot(A, 1, sid=2))
    late = decoder.decode(delta(A, 3, sid=1))
    assert late.events == ()
    assert late.note
    assert lost(decoder.decode(delta(B, 9, sid=1))) == {B}


def test_an_unnumbered_delta_is_refused_where_numbers_are_kept() -> None:
    assert loses_everything(subscribed(A).decode(delta(A, None, None)))
    assert loses_everything(subscribed(A).decode(snapshot(A, None, None)))
    assert lost(subscribed(A).decode(delta(A, None))) == {A}
    assert loses_everything(subscribed(A).decode(delta(A, 2, None)))


# -- the end of a subscription ---------------------------------------------------------------------------------


def test_unsubscribed_loses_the_books_of_its_subscription() -> None:
    decoder = subscribed(A, B)
    decoder.decode(snapshot(C, 1, sid=2))
    decoded = decoder.decode(frame("unsubscribed", sid=1, seq=3, id=3))
    assert lost(decoded) == {A, B}
    assert decoded.ended
    assert decoded.error is None
    assert decoder.decode(snapshot(A, 1)).error is None
    assert lost(decoder.decode(delta(A, 5))) == {A}, "B is on no subscription any more"


@pytest.mark.parametrize("code", [10, 25])
def test_codes_that_end_a_subscription(code: int) -> None:
    decoder = subscribed(A)
    decoder.decode(snapshot(B, 1, sid=2))
    named = decoder.decode(frame("error", {"code": code, "msg": "Channel error"}, sid=1, seq=2))
    assert lost(named) == {A}
    assert named.ended
    assert str(code) in (named.error or "")
    unnamed = decoder.decode(frame("error", {"code": code, "msg": "Channel error"}))
    assert loses_everything(unnamed)
    assert unnamed.ended


@pytest.mark.parametrize("body", [{"code": 8, "msg": "Unknown channel name"}, {"code": "8"}, {}, [], None, 7, "text"])
def test_other_errors_are_said_and_cost_nothing(body: object) -> None:
    decoded = subscribed(A).decode(json.dumps({"id": 5, "type": "error", "msg": body}))
    assert decoded.events == ()
    assert (decoded.error or "").startswith("kalshi error")
    assert not decoded.ended


def test_markets_that_an_update_no_longer_lists_are_lost() -> None:
    decoder = subscribed(A, B)
    decoder.decode(snapshot(C, 1, sid=2))
    decoded = decoder.decode(frame("ok", {"market_tickers": [A, 7]}, id=2, sid=1, seq=3))
    assert lost(decoded) == {B}
    assert decoder.decode(frame("ok", {}, id=2, sid=1, seq=4)).events == ()


# -- what makes no sense ---------------------------------------------------------------------------------------

WRONG_PRICES = [
    "0",
    "1",
    "0.0000",
    "1.0000",
    "1.5",
    "-0.45",
    "0.45005",
    "NaN",
    "Infinity",
    "",
    " 0.45",
    "0.4_5",
    "4e-1",
]


@pytest.mark.parametrize("price", [*WRONG_PRICES, "\u0660.45", "0" * 50, 0.45, None, ["0.45"]])
def test_a_wrong_price_loses_the_books_of_its_subscription(price: object) -> None:
    for text in (
        delta(B, 3, price_dollars=price),
        snapshot(B, 3, yes_dollars_fp=[[price, "1.00"]]),
        snapshot(B, 3, no_dollars_fp=[[price, "1.00"]]),
    ):
        decoder = subscribed(A, B)
        decoded = decoder.decode(text)
        assert lost(decoded) == {A, B}
        assert decoded.error
        assert not decoded.is_data
        assert decoder.decode(delta(A, 4)).error is None, "the frame was counted all the same"


@pytest.mark.parametrize("size", ["1.005", "NaN", "1e3", "", str(MAX_QUANTITY), 5, None])
def test_a_wrong_size_loses_the_books_of_its_subscription(size: object) -> None:
    assert lost(subscribed(A, B).decode(delta(B, 3, delta_fp=size))) == {A, B}
    assert lost(subscribed(A, B).decode(snapshot(B, 3, yes_dollars_fp=[["0.45", size]]))) == {A, B}


@pytest.mark.parametrize("side", [[["0.45", "-1"]], [["0.45", "1"], ["0.4500", "2"]], [["0.45"]], {}, "x", None])
def test_a_senseless_side_loses_the_books_of_its_subscription(side: object) -> None:
    assert lost(subscribed(A, B).decode(snapshot(B, 3, yes_dollars_fp=side))) == {A, B}


@pytest.mark.parametrize("change", [{"side": "maybe"}, {"side": None}, {"market_ticker": ""}, {"market_ticker": 1}])
def test_other_wrong_fields(change: dict[str, Any]) -> None:
    assert lost(subscribed(A).decode(delta(A, 2, **change))) == {A}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        "{",
        '{"type":7}',
        '{"type":null}',
        "{}",
        '{"type":"orderbook_delta"}',
        '{"type":"orderbook_delta","sid":"1","msg":{}}',
        '{"type":"orderbook_delta","sid":1.5,"msg":{}}',
        "\ud800",
        b"\xff",
        "[" * 100_000,
        '{"type":"trade","sid":' + "9" * 5_000 + "}",
    ],
)
def test_what_is_no_frame_loses_every_book(text: str | bytes) -> None:
    decoded = subscribed(A).decode(text)
    assert loses_everything(decoded)
    assert decoded.error


def test_unknown_types_are_ignored_and_counted() -> None:
    decoder = subscribed(A)
    for _ in range(3):
        decoded = decoder.decode(frame("multivariate_market_lifecycle", {"anything": [1]}))
        assert decoded.events == ()
        assert decoded.error is None
        assert not decoded.is_data
    assert decoder.unknown_types == {"multivariate_market_lifecycle": 3}


# -- limits ------------------------------------------------------------------------------------------------------


def test_unknown_types_are_counted_within_bounds() -> None:
    decoder = KalshiDecoder()
    for number in range(500):
        decoder.decode(frame(f"kind {number}"))
    assert len(decoder.unknown_types) < 100
    assert sum(decoder.unknown_types.values()) == 500


def test_a_frame_beyond_the_limit_is_not_even_parsed() -> None:
    assert loses_everything(KalshiDecoder().decode("x" * (MAX_FEED_FRAME + 1)))


def test_a_name_beyond_the_limit() -> None:
    assert KalshiDecoder().decode(snapshot("K" * MAX_MARKET)).error is None
    assert KalshiDecoder().decode(snapshot("K" * (MAX_MARKET + 1))).error


def test_subscriptions_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_SUBSCRIPTIONS", 3)
    decoder = KalshiDecoder()
    decoded = [decoder.decode(frame("ticker", {}, sid=sid, seq=1)) for sid in (1, 2, 3, 4)]
    assert [loses_everything(one) for one in decoded] == [False, False, False, True]


def test_markets_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_MARKETS", 2)
    decoder = subscribed(A, B)
    assert loses_everything(decoder.decode(snapshot(C, 3)))
    assert decoder.decode(snapshot(B, 4)).error is None


def test_the_folder_has_a_table_of_contents() -> None:
    assert kalshi.__doc__


# -- properties --------------------------------------------------------------------------------------------------

prices = st.integers(1, 9_999)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WRONG_PRICES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
kinds = st.sampled_from(["orderbook_snapshot", "orderbook_delta", "trade", "subscribed", "ok", "unsubscribed", "error"])
bodies = st.fixed_dictionaries(
    {},
    optional={
        "market_ticker": st.just(A) | junk,
        "price_dollars": st.just("0.4500") | junk,
        "delta_fp": st.just("1.00") | junk,
        "side": st.sampled_from(["yes", "no"]) | junk,
        "yes_dollars_fp": st.lists(st.tuples(junk, junk), max_size=3) | junk,
        "no_dollars_fp": junk,
        "code": st.sampled_from([8, 10, 25]) | junk,
        "market_tickers": junk,
    },
)
frames = st.fixed_dictionaries(
    {"type": kinds | st.text(max_size=5)},
    optional={"sid": st.integers(1, 2) | junk, "seq": st.integers(0, 9) | junk, "msg": bodies | junk},
)


@given(st.text() | st.binary())
def test_any_text_is_answered_with_a_value(text: str | bytes) -> None:
    assert isinstance(subscribed(A).decode(text), Decoded)


@given(st.lists(frames, max_size=8))
def test_any_frames_are_answered_with_values_and_every_fault_is_said(objects: list[dict[str, object]]) -> None:
    decoder = subscribed(A, B)
    for item in objects:
        decoded = decoder.decode(json.dumps(item))
        if any(isinstance(event, BooksLost) for event in decoded.events):
            assert decoded.error or decoded.ended or item["type"] == "ok"


@given(prices, st.integers(-MAX_QUANTITY, MAX_QUANTITY), st.sampled_from(["yes", "no"]))
def test_every_price_and_quantity_is_exact(price: int, change: int, side: str) -> None:
    price_text, change_text = f"{Decimal(price) / 10_000:f}", f"{Decimal(change) / 100:f}"
    decoded = subscribed(A).decode(delta(A, 2, side=side, price_dollars=price_text, delta_fp=change_text))
    expected = price if side == "yes" else 10_000 - price
    assert decoded.events == (LevelChanged(A, side == "yes", Price(expected), Quantity(change)),)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12)), max_size=30))
def test_a_book_is_lost_exactly_when_its_subscription_is_not_contiguous(steps: list[tuple[int, int]]) -> None:
    decoder = KalshiDecoder()
    last: dict[int, int] = {}
    for sid in (1, 2, 3):
        decoder.decode(snapshot(f"M{sid}", 1, sid=sid))
        last[sid] = 1
    for sid, seq in steps:
        decoded = decoder.decode(delta(f"M{sid}", seq, sid=sid))
        assert (lost(decoded) == {f"M{sid}"}) is (seq != last[sid] + 1)
        last[sid] = seq
