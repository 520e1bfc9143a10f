"""What order and trades prove together, trade by trade."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.fees import PolymarketFees, polymarket_fees
from protocol.terms import Action, Status
from protocol.units import Price, Quantity
from tests.venues.polymarket.material import NO, ORDER_ID, YES, leg
from venues.polymarket.account import Order, Trade, read_order, read_trades
from venues.polymarket.fate import Evidence, fee_of, outcome_of, trades_of
from venues.polymarket.replies import Told

FEES = polymarket_fees(40_000, 1)
FREE = polymarket_fees(0, 1)


def trade(name: str = "t-1", size: str = "6", price: str = "0.47", status: str = "CONFIRMED", **other: object) -> Trade:
    told = {
        "id": name,
        "taker_order_id": ORDER_ID,
        "asset_id": YES,
        "side": "BUY",
        "size": size,
        "price": price,
        "status": f"TRADE_STATUS_{status}",
        "match_time": "1795339657",
        **other,
    }
    found, _ = read_trades(json.dumps({"data": [told], "next_cursor": "LTE="}).encode())
    return found[0]


def order(status: str = "MATCHED", matched: str = "6", **other: object) -> Order:
    told = {
        "id": ORDER_ID,
        "asset_id": YES,
        "side": "BUY",
        "status": f"ORDER_STATUS_{status}",
        "original_size": "6",
        "size_matched": matched,
        "price": "0.47",
        **other,
    }
    found = read_order(json.dumps(told).encode())
    assert found is not None
    return found


def seen(*trades: Trade, order_: Order | None = None, told: Told | None = None, still: bool = False) -> Evidence:
    return Evidence(ORDER_ID, order_, trades, told, still)


TOLD = Told(6_000_000, 2_820_000)


@pytest.mark.parametrize(
    ("evidence", "status", "filled", "cost", "final"),
    [
        (seen(trade(), order_=order()), Status.FILLED, 600, 2_820_000, True),
        (seen(trade(status="MATCHED"), order_=order()), Status.FILLED, 600, 2_820_000, False),
        (seen(trade(status="RETRYING"), order_=order()), Status.FILLED, 600, 2_820_000, False),
        (seen(trade(status="FAILED"), order_=order()), Status.UNFILLED, 0, 0, True),
        (seen(told=TOLD), Status.FILLED, 600, 2_820_000, False),
        (seen(trade(status="FAILED"), told=TOLD), Status.UNFILLED, 0, 0, True),
        (seen(trade(size="4"), trade("t-2", "2", status="FAILED"), told=TOLD), Status.PARTIAL, 400, 1_880_000, True),
        (seen(trade(size="4"), told=TOLD), Status.FILLED, 600, 2_820_000, False),
        (seen(trade(size="4"), order_=order()), Status.FILLED, 600, 2_820_000, False),
        (seen(order_=order("LIVE", "0")), Status.UNKNOWN, 0, 0, False),
        (seen(order_=order("DELAYED", "0")), Status.UNKNOWN, 0, 0, False),
        (seen(order_=order("CANCELED", "0")), Status.UNKNOWN, 0, 0, False),
        (seen(order_=order("CANCELED", "0"), still=True), Status.UNFILLED, 0, 0, True),
        (seen(order_=order("CANCELED_NOT_ENOUGH_BALANCE", "0"), still=True), Status.UNFILLED, 0, 0, True),
        (seen(trade()), Status.UNKNOWN, 600, 2_820_000, False),
        (seen(trade(), still=True), Status.FILLED, 600, 2_820_000, True),
        (seen(trade(size="9", price="0.31")), Status.UNKNOWN, 900, 2_790_000, False),
    ],
)
def test_the_table(evidence: Evidence, status: Status, filled: int, cost: int, final: bool) -> None:
    outcome = outcome_of(leg(), evidence, FREE)
    assert (outcome.status, outcome.filled, outcome.cost, outcome.final) == (status, filled, cost, final)


@pytest.mark.parametrize(
    "evidence", [seen(trade(asset_id=NO), order_=order()), seen(trade(side="SELL")), seen(order_=order(asset_id=NO))]
)
def test_an_order_that_is_not_the_leg_s_proves_nothing(evidence: Evidence) -> None:
    assert outcome_of(leg(), evidence, FREE).status is Status.UNKNOWN


def test_a_trade_is_counted_once_and_only_the_order_s_own() -> None:
    mine = trades_of(ORDER_ID.upper().replace("0X", "0x"), [trade(), trade(), trade("t-2", taker_order_id="0xother")])
    assert [one.id for one in mine] == ["t-1"]


def test_an_order_of_the_other_outcome_pays_the_rest_of_the_dollar() -> None:
    makers = [
        {"order_id": "a", "matched_amount": "2", "price": "0.53", "asset_id": NO},
        {"order_id": "b", "matched_amount": "4", "price": "0.46", "asset_id": YES},
    ]
    met = trade(maker_orders=makers)
    assert met.parts() == [(4_700, 2_000_000), (4_600, 4_000_000)]
    assert met.dollars(buys=True) == 940_000 + 1_840_000


def test_a_share_that_cannot_be_held_does_not_make_the_rest_too_dear() -> None:
    outcome = outcome_of(leg(limit=9_990), seen(trade(size="5.0099", price="0.999"), still=True), FREE)
    assert (outcome.status, outcome.filled, outcome.cost) == (Status.PARTIAL, 500, 5_000_000)


def test_a_sale_that_failed_has_sold_nothing() -> None:
    evidence = seen(trade(side="SELL", status="FAILED"), order_=order(side="SELL"))
    outcome = outcome_of(leg(action=Action.SELL), evidence, FEES)
    assert (outcome.status, outcome.filled, outcome.cost, outcome.fees) == (Status.UNFILLED, 0, 0, 0)


@given(
    rate=st.integers(0, 100_000),
    exponent=st.integers(0, 2),
    price=st.integers(1, 9_999),
    quantity=st.integers(1, 10_000_000),
)
def test_the_fee_of_whole_hundredths_is_that_of_the_fee_model(
    rate: int, exponent: int, price: int, quantity: int
) -> None:
    fees = PolymarketFees(rate, exponent)
    assert fee_of(fees, Price(price), quantity * 10_000) == fees.total([(Price(price), Quantity(quantity))])
