"""Orders and fills as proofs: exact money, nothing final that may still change, no page that is half sense."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import Action, Side, Status
from tests.venues.kalshi.material import TICKER, leg
from venues.kalshi.account import (
    Fill,
    Order,
    filled_so_far,
    fills_of,
    order_of,
    outcome_of,
    read_as_of,
    read_balance,
    read_fills,
    read_orders,
    read_positions,
)
from venues.kalshi.replies import UNREADABLE

ORDER = {
    "order_id": "o1",
    "user_id": "u",
    "client_order_id": "coid-1",
    "ticker": TICKER,
    "status": "executed",
    "outcome_side": "yes",
    "book_side": "bid",
    "yes_price_dollars": "0.4700",
    "no_price_dollars": "0.5300",
    "initial_count_fp": "6.00",
    "fill_count_fp": "6.00",
    "remaining_count_fp": "0.00",
    "created_time": "2026-11-22T17:00:00.5Z",
    "news": None,
}
FILL = {
    "fill_id": "f1",
    "trade_id": "f1",
    "order_id": "o1",
    "ticker": TICKER,
    "count_fp": "2.00",
    "yes_price_dollars": "0.4600",
    "no_price_dollars": "0.5400",
    "is_taker": True,
    "fee_cost": "0.034800",
    "created_time": "2026-11-22T17:00:00.5Z",
}


def order(**change: Any) -> Order:
    (one,), _ = read_orders(json.dumps({"orders": [ORDER | change], "cursor": ""}).encode())
    return one


def fills(*changes: dict[str, Any]) -> list[Fill]:
    listed, _ = read_fills(json.dumps({"fills": [FILL | change for change in changes], "cursor": ""}).encode())
    return listed


TWO: tuple[dict[str, Any], ...] = (
    {},
    {"fill_id": "f2", "count_fp": "4.00", "yes_price_dollars": "0.4700", "fee_cost": "0.0752"},
)


def test_cost_and_fees_are_those_of_the_fills() -> None:
    outcome = outcome_of(leg(), order(), fills(*TWO))
    assert (outcome.status, outcome.filled, outcome.final) == (Status.FILLED, 600, True)
    assert (outcome.cost, outcome.fees) == (2 * 460_000 + 4 * 470_000, 110_000)
    assert outcome.order_id == "o1"


@pytest.mark.parametrize(("action", "book_side"), [(Action.BUY, "ask"), (Action.SELL, "bid")])
def test_contracts_of_no_cost_and_bring_the_price_of_no(action: Action, book_side: str) -> None:
    order_leg = leg(action, Side.NO, 5_300, 200)
    outcome = outcome_of(order_leg, order(book_side=book_side, fill_count_fp="2.00"), fills({}))
    assert (outcome.status, outcome.cost) == (Status.FILLED, 1_080_000)


def test_a_canceled_order_that_filled_in_part_is_a_partial_fill() -> None:
    outcome = outcome_of(leg(), order(status="canceled", fill_count_fp="2.00"), fills({}))
    assert (outcome.status, outcome.filled, outcome.final) == (Status.PARTIAL, 200, True)


def test_a_canceled_order_that_filled_nothing_is_proven() -> None:
    outcome = outcome_of(leg(), order(status="canceled", fill_count_fp="0.00"), [])
    assert (outcome.status, outcome.filled, outcome.final) == (Status.UNFILLED, 0, True)


def test_fills_that_lag_leave_it_proven_and_not_final_at_the_worst_cost() -> None:
    outcome = outcome_of(leg(), order(), fills({}))
    assert (outcome.status, outcome.filled, outcome.final) == (Status.FILLED, 600, False)
    assert outcome.cost == 2 * 460_000 + 4 * 470_000


def test_fills_beyond_the_order_s_count_are_not_ignored() -> None:
    outcome = outcome_of(leg(), order(status="canceled", fill_count_fp="2.00"), fills(*TWO))
    assert (outcome.filled, outcome.final) == (600, False)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "resting", "fill_count_fp": "2.00"},
        {"status": "a_word_of_next_week"},
        {"book_side": "ask"},
        {"ticker": "ANOTHER"},
    ],
)
def test_an_order_that_is_not_over_or_not_ours_proves_nothing(change: dict[str, Any]) -> None:
    outcome = outcome_of(leg(), order(**change), fills({}))
    assert (outcome.status, outcome.final) == (Status.UNKNOWN, False)


def test_a_fill_counts_once_and_only_for_its_order() -> None:
    listed = fills({}, {}, {"fill_id": "f2"}, {"fill_id": "f3", "order_id": "o2"})
    assert [fill.key for fill in fills_of("o1", listed)] == ["f1", "f2"]


def test_what_a_reply_told_becomes_final_with_all_its_fills() -> None:
    told = outcome_of(leg(), order(), [])
    assert filled_so_far(leg(), "o1", fills({}), told) is None
    exact = filled_so_far(leg(), "o1", fills(*TWO), told)
    assert exact is not None
    assert (exact.final, exact.cost, exact.fees) == (True, 2_800_000, 110_000)


def test_the_order_is_found_by_our_id() -> None:
    assert order_of(leg(), [order(client_order_id="x"), order()]) == order()
    assert order_of(leg(leg_id="y"), [order()]) is None


@pytest.mark.parametrize(
    "change", [{"fill_count_fp": "x"}, {"fill_count_fp": 6}, {"order_id": None}, {"fill_count_fp": "1E+9999"}]
)
def test_one_senseless_order_makes_the_page_senseless(change: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        read_orders(json.dumps({"orders": [ORDER, ORDER | change]}).encode())


@pytest.mark.parametrize("change", [{"fee_cost": "x"}, {"yes_price_dollars": "inf"}, {"count_fp": None}])
def test_one_senseless_fill_makes_the_page_senseless(change: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        read_fills(json.dumps({"fills": [FILL, FILL | change]}).encode())


def test_positions_balance_and_the_time_of_the_reads() -> None:
    page = {"market_positions": [{"ticker": TICKER, "position_fp": "-6.50"}], "event_positions": [], "cursor": "c"}
    (position,), cursor = read_positions(json.dumps(page).encode())
    assert (position.contracts, cursor) == (-650, "c")
    balance = read_balance(
        json.dumps(
            {"balance": 1, "balance_dollars": "100.5", "balance_breakdown": [{"exchange_index": 3, "balance": "0.50"}]}
        ).encode()
    )
    assert (balance.cash, balance.balance_breakdown[0].cash) == (100_500_000, 500_000)
    assert read_as_of(b'{"as_of_time":"2026-11-22T17:00:00Z"}') == datetime.fromisoformat("2026-11-22T17:00:00+00:00")


@given(st.binary(max_size=200))
def test_bytes_are_a_page_or_refused(data: bytes) -> None:
    for read in (read_orders, read_fills, read_positions):
        with pytest.raises(UNREADABLE):
            read(data)
