"""The seed's own examples, and what the known peers make of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import decode, encode
from protocol.terms import KALSHI, Action, LegId, Side, Status
from protocol.units import DOLLAR, MAX_QUANTITY, Money, Price, Quantity
from protocol.wire import Book, ExecuteLeg, Init, LegResult, Ping, Pong, WireMessage
from tests.protocol.messages import BOOK, EXECUTE_LEG, INIT, LEG_RESULT, RUST_RESULT, SEED


@pytest.mark.parametrize("example", SEED, ids=lambda example: example["type"])
def test_the_seeds_examples_are_read_and_written_back_field_by_field(example: dict[str, Any]) -> None:
    message = decode(json.dumps(example))
    assert isinstance(message, WireMessage)
    written = json.loads(encode(message))
    assert written == example
    assert next(iter(written)) == "type"
    assert {key: type(value) for key, value in written.items()} == {key: type(value) for key, value in example.items()}


def test_the_seeds_order_means_what_it_says() -> None:
    order = decode(json.dumps(EXECUTE_LEG))
    assert isinstance(order, ExecuteLeg)
    assert (order.platform, order.action, order.side) == (KALSHI, Action.BUY, Side.YES)
    assert (order.price, order.contracts) == (5_200, 1_000)
    assert order.kalshi_market_ticker == "KXNBA-..."
    assert order.poly_token is None
    assert order.expires_at_ms is None


def test_the_seeds_result_means_what_it_says() -> None:
    result = decode(json.dumps(LEG_RESULT))
    assert isinstance(result, LegResult)
    assert result.success
    assert (result.filled, result.order_id, result.error) == (1_000, "ord_abc123", None)
    assert result.avg_price == Decimal(52)
    assert result.status is None


def test_the_seeds_hello_says_no_level() -> None:
    init = decode(json.dumps(INIT))
    assert isinstance(init, Init)
    assert init.protocol is None
    assert init.dry_run is False


def test_a_rust_peers_result_is_read_as_it_is() -> None:
    result = decode(json.dumps(RUST_RESULT))
    assert isinstance(result, LegResult)
    assert result.success
    assert result.filled is None
    assert result.avg_price is None
    assert (result.market_id, result.price, result.contracts, result.latency_ns) == (42, 4_700, 1_000, 81_000_000)


@pytest.mark.parametrize("wire_type", ["ping", "pong"])
def test_keepalive_is_taken_without_a_timestamp(wire_type: str) -> None:
    message = decode(json.dumps({"type": wire_type}))
    assert isinstance(message, (Ping, Pong))
    assert message.timestamp is None


def test_a_fraction_of_a_second_in_a_ping_is_echoed_digit_by_digit() -> None:
    ping = decode('{"type": "ping", "timestamp": 1767800000.123456789}')
    assert isinstance(ping, Ping)
    assert encode(Pong.model_construct(timestamp=ping.timestamp)) == '{"type":"pong","timestamp":1767800000.123456789}'


@given(st.integers(1, DOLLAR - 1).map(Price), st.integers(1, MAX_QUANTITY).map(Quantity))
def test_an_order_arrives_as_it_was_meant_to_the_last_digit(price: Price, quantity: Quantity) -> None:
    sent = ExecuteLeg.model_validate({key: value for key, value in EXECUTE_LEG.items() if key != "type"})
    sent = sent.model_copy(update={"price": price, "contracts": quantity})
    arrived = decode(encode(sent))
    assert arrived == sent
    fields = json.loads(encode(sent), parse_float=Decimal)
    assert isinstance(fields["price"], int) is (price % 100 == 0)
    assert isinstance(fields["contracts"], int) is (quantity % 100 == 0)


@given(
    filled=st.integers(0, MAX_QUANTITY).map(Quantity),
    cost=st.integers(0, 10**14).map(Money),
    fees=st.integers(-(10**9), 10**9).map(Money),
    status=st.sampled_from(Status),
)
def test_a_result_arrives_exact_to_the_micro_dollar(filled: Quantity, cost: Money, fees: Money, status: Status) -> None:
    sent = LegResult.model_construct(
        leg_id=LegId("l1"), platform=KALSHI, success=True, filled=filled, cost=cost, fees=fees, status=status
    )
    assert decode(encode(sent)) == sent


@pytest.mark.parametrize(("told", "written"), [("52", "52"), ("52.00", "52"), ("52.5", "52.5"), ("0.0001", "0.0001")])
def test_an_average_is_written_without_a_point_where_it_is_whole(told: str, written: str) -> None:
    result = decode(json.dumps(LEG_RESULT).replace('"avg_price": 52', f'"avg_price": {told}'))
    assert isinstance(result, LegResult)
    assert f'"avg_price":{written},' in encode(result)


def test_a_book_is_read_in_our_units() -> None:
    book = decode(json.dumps(BOOK))
    assert isinstance(book, Book)
    assert book.bids == [(4_400, 1_000), (4_300, 500)]
    assert book.asks == [(4_500, 1_000)]
    assert decode(encode(book)) == book


def test_fields_that_were_never_set_are_not_written() -> None:
    assert encode(Ping.model_construct(timestamp=5)) == '{"type":"ping","timestamp":5}'
    assert encode(Ping()) == '{"type":"ping"}'
