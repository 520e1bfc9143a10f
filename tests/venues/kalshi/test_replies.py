"""What an answer to an order proves: the table of answers seen in real life, and all that proves nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import Action, Side, Status
from tests.venues.kalshi.material import leg
from venues.kalshi.replies import ALREADY_EXISTS, CLOCK, read_error, read_order_reply

CREATED = {
    "order_id": "11111111-1111-4111-8111-111111111111",
    "client_order_id": "coid-1",
    "fill_count": "6.00",
    "remaining_count": "0.00",
    "average_fill_price": "0.4700",
    "average_fee_paid": "0.0175",
    "ts_ms": 1795300000000,
}


def body(**change: Any) -> bytes:
    return json.dumps(CREATED | change).encode()


def error(code: str, *, flat: bool = False) -> bytes:
    inner = {"code": code, "message": "words of the venue", "service": "x"}
    return json.dumps(inner if flat else {"error": inner}).encode()


@pytest.mark.parametrize("status", [200, 201])
def test_a_fill_is_proven_at_once_and_final_when_its_fills_were_read(status: int) -> None:
    reply = read_order_reply(leg(), status, body())
    outcome = reply.outcome
    assert (outcome.status, outcome.filled, outcome.final) == (Status.FILLED, 600, False)
    assert (outcome.cost, outcome.fees) == (2_820_000, 105_000)
    assert outcome.order_id == CREATED["order_id"]
    assert reply.ts_ms == CREATED["ts_ms"]


def test_the_average_price_is_one_of_the_yes_book() -> None:
    outcome = read_order_reply(leg(Action.BUY, Side.NO, 5_400), 201, body(average_fill_price="0.4700")).outcome
    assert outcome.cost == 600 * 5_300


def test_less_than_asked_is_a_partial_fill_and_no_failure() -> None:
    outcome = read_order_reply(leg(), 201, body(fill_count="2.50")).outcome
    assert (outcome.status, outcome.filled, outcome.final, outcome.error) == (Status.PARTIAL, 250, False, None)


def test_nothing_filled_is_final() -> None:
    nothing = body(fill_count="0.00", average_fill_price=None, average_fee_paid=None)
    outcome = read_order_reply(leg(), 201, nothing).outcome
    assert (outcome.status, outcome.filled, outcome.final) == (Status.UNFILLED, 0, True)


def test_more_than_asked_is_what_was_filled() -> None:
    outcome = read_order_reply(leg(), 201, body(fill_count="7.00")).outcome
    assert (outcome.status, outcome.filled) == (Status.FILLED, 700)


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (409, "fill_or_kill_insufficient_resting_volume", Status.UNFILLED),
        (401, "header_timestamp_expired", Status.REJECTED),
        (409, "order_already_exists", Status.UNKNOWN),
        (400, "insufficient_balance", Status.REJECTED),
        (404, "market_not_found", Status.REJECTED),
        (404, "user_not_found", Status.REJECTED),
        (403, "forbidden", Status.REJECTED),
        (410, "endpoint_removed", Status.REJECTED),
        (422, "unprocessable", Status.REJECTED),
        (429, "too_many_requests", Status.REJECTED),
        (409, "a_code_of_next_week", Status.UNKNOWN),
        (409, "trading_is_paused", Status.UNKNOWN),
        (409, "exchange_is_paused", Status.UNKNOWN),
        (409, "market_paused", Status.UNKNOWN),
        (409, "market_closed", Status.UNKNOWN),
        (402, "payment_required", Status.UNKNOWN),
        (408, "request_timeout", Status.UNKNOWN),
        (301, "moved", Status.UNKNOWN),
        (500, "internal_server_error", Status.UNKNOWN),
        (502, "bad_gateway", Status.UNKNOWN),
        (503, "service_unavailable", Status.UNKNOWN),
        (504, "gateway_timeout", Status.UNKNOWN),
    ],
)
def test_each_refusal_is_read_as_what_it_proves(status: int, code: str, expected: Status, flat: bool) -> None:
    reply = read_order_reply(leg(), status, error(code, flat=flat))
    assert reply.code == code
    assert reply.outcome.status is expected
    assert reply.outcome.final is (expected is not Status.UNKNOWN)
    assert code in (reply.outcome.error or "")
    assert "words of the venue" in (reply.outcome.error or "")


@pytest.mark.parametrize(
    ("status", "code", "helps"),
    [(401, CLOCK, "NTP"), (404, "market_not_found", "shard"), (400, "insufficient_balance", "shard")],
)
def test_it_says_what_helps(status: int, code: str, helps: str) -> None:
    assert helps in (read_order_reply(leg(), status, error(code)).outcome.error or "")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500, 503])
@pytest.mark.parametrize("text", [b"", b"<html>blocked</html>", b"{}", b"[]", b'{"error":{}}', b'{"error":7}'])
def test_a_refusal_that_kalshi_did_not_write_proves_nothing(status: int, text: bytes) -> None:
    assert read_order_reply(leg(), status, text).outcome.status is Status.UNKNOWN


def test_too_many_requests_needs_no_words() -> None:
    assert read_order_reply(leg(), 429, b"<html>").outcome.status is Status.REJECTED


@pytest.mark.parametrize(
    "change",
    [
        {"client_order_id": "another"},
        {"remaining_count": "4.00"},
        {"fill_count": "-1.00"},
        {"fill_count": "many"},
        {"fill_count": 6},
        {"average_fill_price": None},
        {"average_fill_price": "NaN"},
        {"average_fill_price": "1.0100"},
        {"average_fill_price": "x"},
        {"order_id": None},
    ],
)
def test_an_acceptance_that_contradicts_itself_is_looked_up(change: dict[str, Any]) -> None:
    outcome = read_order_reply(leg(), 201, body(**change)).outcome
    assert (outcome.status, outcome.final) == (Status.UNKNOWN, False)


def test_a_spent_id_is_known_by_its_code() -> None:
    assert read_order_reply(leg(), 409, error(ALREADY_EXISTS)).code == ALREADY_EXISTS


@given(status=st.integers(100, 599), text=st.binary(max_size=300))
def test_no_bytes_raise_or_prove_a_fill(status: int, text: bytes) -> None:
    outcome = read_order_reply(leg(), status, text).outcome
    assert outcome.status in {Status.UNKNOWN, Status.REJECTED}
    assert outcome.status is Status.UNKNOWN or status == 429 or read_error(text) is not None


def test_an_error_is_one_line() -> None:
    said = read_error(json.dumps({"code": "a\nb", "message": "c\x1b[31m"}).encode())
    assert said is not None
    assert str(said).isprintable()
