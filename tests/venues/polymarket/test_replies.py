"""Answers seen in life, each as what it proves; and that nothing else proves anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import Action, Status
from tests.venues.polymarket.material import ORDER_ID, leg
from venues.polymarket.replies import OrderReply, millionths, read_order_reply

MATCHED = {
    "errorMsg": "",
    "orderID": ORDER_ID,
    "takingAmount": "6",
    "makingAmount": "2.82",
    "status": "matched",
    "tradeIDs": ["t-1"],
    "success": True,
}


def answered(status: int, told: object, action: Action = Action.BUY) -> OrderReply:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return read_order_reply(leg(action=action), ORDER_ID, status, body)


def test_matched_is_a_fill_that_may_still_be_taken_back() -> None:
    reply = answered(200, MATCHED)
    outcome = reply.outcome
    assert (outcome.status, outcome.filled, outcome.cost, outcome.final) == (Status.FILLED, 600, 2_820_000, False)
    assert reply.told is not None
    assert (reply.told.shares, reply.told.dollars, reply.told.trades) == (6_000_000, 2_820_000, ("t-1",))


def test_a_sale_gives_shares_and_takes_dollars() -> None:
    outcome = answered(200, {**MATCHED, "makingAmount": "6", "takingAmount": "2.7"}, Action.SELL).outcome
    assert (outcome.filled, outcome.cost) == (600, 2_700_000)


def test_more_shares_for_the_same_dollars_are_an_overfill() -> None:
    outcome = answered(200, {**MATCHED, "takingAmount": "7.048999"}).outcome
    assert (outcome.status, outcome.filled, outcome.cost) == (Status.FILLED, 704, 2_820_000)


@pytest.mark.parametrize(
    ("status", "told", "means"),
    [
        (200, {**MATCHED, "takingAmount": "3", "makingAmount": "1.41"}, Status.PARTIAL),
        (200, {**MATCHED, "status": "live", "takingAmount": "", "makingAmount": ""}, Status.UNKNOWN),
        (200, {**MATCHED, "status": "delayed", "takingAmount": "", "makingAmount": ""}, Status.UNKNOWN),
        (200, {**MATCHED, "status": "unmatched", "takingAmount": "", "makingAmount": ""}, Status.UNKNOWN),
        (200, {**MATCHED, "status": "tomorrow"}, Status.UNKNOWN),
        (200, {**MATCHED, "takingAmount": ""}, Status.UNKNOWN),
        (200, {**MATCHED, "takingAmount": "-6"}, Status.UNKNOWN),
        (200, {**MATCHED, "takingAmount": "2", "makingAmount": "2.82"}, Status.UNKNOWN),
        (200, {**MATCHED, "errorMsg": "what?"}, Status.UNKNOWN),
        (200, {"success": True, "errorMsg": "invalid nonce", "status": "matched"}, Status.REJECTED),
        (200, {"success": False, "errorMsg": "not enough balance / allowance"}, Status.REJECTED),
        (200, {"success": True, "errorMsg": "order is invalid. Duplicated. Same order"}, Status.UNKNOWN),
        (200, {"success": False, "errorMsg": ""}, Status.UNKNOWN),
        (200, b"<html>", Status.UNKNOWN),
        (200, b"null", Status.UNKNOWN),
        (201, MATCHED, Status.UNKNOWN),
        (400, {"error": "not enough balance / allowance: the balance is not enough"}, Status.REJECTED),
        (400, {"error": "no orders found to match with FAK order. FAK orders are"}, Status.UNFILLED),
        (400, {"error": "order couldn't be fully filled. FOK orders are fully filled or killed."}, Status.UNFILLED),
        (400, {"error": "order is invalid. Duplicated. Same order has already been placed"}, Status.UNKNOWN),
        (400, {"error": "maker address not allowed, please use the deposit wallet flow"}, Status.REJECTED),
        (400, b"<html>", Status.UNKNOWN),
        (400, {}, Status.UNKNOWN),
        (401, {"error": "Unauthorized/Invalid api key"}, Status.REJECTED),
        (403, {"error": "Trading restricted in your region"}, Status.REJECTED),
        (403, b"<html>cloudflare</html>", Status.UNKNOWN),
        (408, {"error": "timeout"}, Status.UNKNOWN),
        (425, {"error": "Too Early"}, Status.UNKNOWN),
        (429, b"slow down", Status.REJECTED),
        (500, {"error": "could not run the execution"}, Status.UNKNOWN),
        (503, {"error": "cancel only"}, Status.UNKNOWN),
        (302, b"", Status.UNKNOWN),
    ],
)
def test_the_table(status: int, told: object, means: Status) -> None:
    outcome = answered(status, told).outcome
    assert outcome.status is means
    assert outcome.final is (means in {Status.REJECTED, Status.UNFILLED})


def test_a_refusal_says_what_helps() -> None:
    refused = answered(400, {"error": "maker address not allowed, please use the deposit wallet flow"}).outcome
    assert "polymarket.wallet_kind" in (refused.error or "")


def test_what_the_venue_calls_the_order_is_its_name() -> None:
    assert answered(200, {**MATCHED, "orderID": "0xother"}).outcome.order_id == "0xother"
    assert answered(200, {**MATCHED, "orderID": ""}).outcome.order_id == ORDER_ID


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_no_bytes_break_it_and_none_but_an_error_prove_anything(status: int, body: bytes) -> None:
    outcome = read_order_reply(leg(), ORDER_ID, status, body).outcome
    assert outcome.status in {Status.UNKNOWN, Status.REJECTED}


@pytest.mark.parametrize(
    ("text", "amount"), [("2.82", 2_820_000), ("", 0), (None, 0), (6, 6_000_000), ("0.0000019", 1)]
)
def test_amounts_are_cut_to_millionths(text: object, amount: int) -> None:
    assert millionths(text) == amount


@pytest.mark.parametrize("text", ["x", "NaN", "-1", "1e30", True, [], "Infinity"])
def test_what_is_no_amount_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="no amount"):
        millionths(text)
