"""Whatever a peer sends becomes a value: a message, or the reason why it is none. Decoding never raises."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.codec import _READER, Garbage, Invalid, UnknownType, _decimal, decode, encode
from protocol.wire import MESSAGES, ExecuteLeg, Init, LegResult, Ping, WireMessage
from tests.protocol.messages import EXECUTE_LEG, INIT, JSON_VALUES, LEG_RESULT, VALID, mutated

OUTCOMES = (WireMessage, Garbage, UnknownType, Invalid)


def order(**fields: Any) -> str:
    return json.dumps(EXECUTE_LEG | fields)


@given(st.text())
def test_any_text_is_answered_with_a_value(text: str) -> None:
    assert isinstance(decode(text), OUTCOMES)


@given(st.binary())
def test_any_bytes_are_answered_with_a_value(data: bytes) -> None:
    assert isinstance(decode(data), OUTCOMES)


@given(JSON_VALUES)
def test_any_json_is_answered_with_a_value(value: object) -> None:
    assert isinstance(decode(json.dumps(value)), OUTCOMES)


@given(mutated())
@example({"type": "status", "platforms": ["kalshi"], "halted": False, "venues": {"\n": None}})
def test_a_message_with_any_wrong_field_is_answered_with_a_value_that_can_be_answered(message: dict[str, Any]) -> None:
    decoded = decode(json.dumps(message))
    assert isinstance(decoded, OUTCOMES)
    if isinstance(decoded, WireMessage):
        assert decode(encode(decoded)) == decoded
    if isinstance(decoded, Invalid):
        answer = LegResult.model_construct(
            leg_id=decoded.leg_id or "none", platform=decoded.platform or "none", success=False, error=decoded.reason
        )
        assert json.loads(encode(answer))["error"] == decoded.reason
        assert "\n" not in decoded.reason


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("{", "not JSON"),
        ('{"type": "ping"} {"type": "ping"}', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"type": "ping", "timestamp": ' + "9" * 10_000 + "}", "not JSON"),
        ("[]", "not a JSON object but list"),
        ("null", "not a JSON object but NoneType"),
        ("1e5", "not a JSON object"),
        ("{}", "no `type`"),
        ('{"type": 3}', "no `type`"),
        ('{"type": null}', "no `type`"),
    ],
)
def test_what_is_no_message_is_garbage_with_the_reason(text: str | bytes, why: str) -> None:
    decoded = decode(text)
    assert isinstance(decoded, Garbage)
    assert why in decoded.reason
    assert len(decoded.reason) < 200


def test_a_type_that_is_not_known_is_told_apart_and_cut() -> None:
    assert decode('{"type": "leg_poem", "verses": 3}') == UnknownType("leg_poem")
    assert decode(json.dumps({"type": "x" * 5_000})) == UnknownType("x" * 60)


@given(
    st.text(max_size=60) | JSON_VALUES.map(json.dumps) | st.sampled_from(["\ufeff{}", "[1e999999999]", "{}x", " 1 "])
)
def test_text_and_its_bytes_are_read_alike(text: str) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    if not text.startswith("\ufeff") and "\0" not in text:
        assert decode(text) == decode(data)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,12})?", fullmatch=True)
TRICKY = st.sampled_from(
    ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "-0", "-0.0", "1E-400", '"\\ud83d\\ude00"']
) | st.sampled_from(
    ["01", "1.", ".5", "+1", "NaN", '"\\ud800"', '"\t"', '"\\x"', "1\u000b", "[1,]", '{"a":1,"a":2}', '"\u2028"']
)


@given(
    st.text(max_size=40) | JSON_VALUES.map(json.dumps) | NUMBERS | TRICKY, st.sampled_from(["", " ", "\n", "x", "\0"])
)
def test_what_the_fast_reader_takes_it_reads_as_the_standard_library_does(text: str, tail: str) -> None:
    for whole in (text + tail, f'{{"a": [{text}, 1.50]}}{tail}'):
        try:
            fast = _READER.decode(whole)
        except (msgspec.MsgspecError, ValueError):
            continue
        # By its text, which also tells 1 from 1.0, 1.5 from 1.50, and a NaN from none.
        assert repr(fast) == repr(json.loads(whole, parse_float=_decimal, parse_constant=Decimal))


@pytest.mark.parametrize("message", VALID, ids=lambda message: message["type"])
def test_unknown_fields_are_ignored(message: dict[str, Any]) -> None:
    assert decode(json.dumps(message | {"colour": "red", "nested": {"a": [1, 2.5]}})) == decode(json.dumps(message))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", '"52"'),
        ("price", "NaN"),
        ("price", "Infinity"),
        ("price", "-Infinity"),
        ("price", "0"),
        ("price", "100"),
        ("price", "-1"),
        ("price", "52.123"),
        ("price", "1e400"),
        ("price", "1E999999999999999999999"),
        ("price", "true"),
        ("price", "null"),
        ("contracts", "0"),
        ("contracts", "-10"),
        ("contracts", "1e9"),
        ("contracts", "0.001"),
        ("contracts", '"ten"'),
        ("market_id", "65536"),
        ("market_id", "-1"),
        ("market_id", '"42"'),
        ("market_id", "42.5"),
        ("side", '"maybe"'),
        ("action", '"hold"'),
        ("platform", "3"),
        ("expires_at_ms", '"soon"'),
        ("expires_at_ms", "1" + "0" * 30),
    ],
)
def test_an_order_with_a_wrong_field_names_the_field_and_carries_its_leg(field: str, value: str) -> None:
    message = {key: json.dumps(other) for key, other in EXECUTE_LEG.items()} | {field: value}
    decoded = decode("{" + ", ".join(f'"{key}": {text}' for key, text in message.items()) + "}")
    assert isinstance(decoded, Invalid)
    assert decoded.wire_type == "execute_leg"
    assert field in decoded.reason
    assert decoded.leg_id == "leg_001"
    assert decoded.platform == (None if field == "platform" else "kalshi")


@pytest.mark.parametrize("field", ["market_id", "leg_id", "platform", "action", "side", "price", "contracts"])
def test_an_order_without_a_field_names_it(field: str) -> None:
    message = {key: value for key, value in EXECUTE_LEG.items() if key != field}
    decoded = decode(json.dumps(message))
    assert isinstance(decoded, Invalid)
    assert field in decoded.reason


def test_all_wrong_fields_are_told_at_once() -> None:
    decoded = decode(order(price=0, contracts=-1, side="maybe"))
    assert isinstance(decoded, Invalid)
    assert all(field in decoded.reason for field in ("price", "contracts", "side"))


@pytest.mark.parametrize("leg_id", ["", "x" * 65, "half a pair \ud800", "line\nbreak", 7, None])
def test_a_leg_id_that_could_not_be_answered_is_not_carried(leg_id: object) -> None:
    decoded = decode(order(leg_id=leg_id))
    assert isinstance(decoded, Invalid)
    assert decoded.leg_id is None


@pytest.mark.parametrize("leg_id", ["a b", "leg#1", "über"])
def test_a_leg_id_with_wrong_characters_is_refused_and_still_answered(leg_id: str) -> None:
    decoded = decode(order(leg_id=leg_id))
    assert isinstance(decoded, Invalid)
    assert decoded.leg_id == leg_id
    assert "leg_id" in decoded.reason


@pytest.mark.parametrize("leg_id", ["leg_001", "A-z_0:9+=/.", "x" * 64])
def test_the_leg_ids_of_the_protocol_are_taken(leg_id: str) -> None:
    decoded = decode(order(leg_id=leg_id))
    assert isinstance(decoded, ExecuteLeg)
    assert decoded.leg_id == leg_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("filled", True), ("filled", -1), ("filled", "10"), ("avg_price", 101), ("avg_price", -1)),
        *(("avg_price", True), ("cost", -0.01), ("cost", "NaN"), ("revision", -1), ("success", 1)),
        *(("success", "true"), ("status", "lost"), ("avg_price", float("nan")), ("filled", float("nan"))),
    ],
)
def test_a_result_with_a_wrong_field_proves_nothing(field: str, value: object) -> None:
    decoded = decode(json.dumps(LEG_RESULT | {field: value}))
    assert isinstance(decoded, Invalid)
    assert field in decoded.reason
    assert decoded.leg_id == "leg_001"


def test_more_platforms_and_longer_texts_than_anyone_means_are_refused() -> None:
    assert isinstance(decode(json.dumps(INIT | {"platforms": ["kalshi"] * 33})), Invalid)
    assert isinstance(decode(json.dumps(INIT | {"platforms": ["k" * 201]})), Invalid)
    assert isinstance(decode(order(description="d" * 2_001)), Invalid)
    assert isinstance(decode(json.dumps(INIT | {"platforms": ["kalshi"] * 32})), Init)


def test_dry_run_is_said_and_never_guessed() -> None:
    assert isinstance(decode('{"type": "init", "platforms": ["kalshi"]}'), Invalid)
    assert isinstance(decode('{"type": "init", "platforms": ["kalshi"], "dry_run": 0}'), Invalid)


@pytest.mark.parametrize("stamp", ["null", "1767800000", "1767800000.25", "-1"])
def test_a_ping_is_taken_with_any_timestamp_and_with_none(stamp: str) -> None:
    assert isinstance(decode('{"type": "ping", "timestamp": ' + stamp + "}"), Ping)
    assert isinstance(decode('{"type": "ping"}'), Ping)


@pytest.mark.parametrize("stamp", ["true", '"noon"', "NaN", "1e99", "[]"])
def test_a_ping_whose_timestamp_is_no_time_is_refused_by_name(stamp: str) -> None:
    decoded = decode('{"type": "ping", "timestamp": ' + stamp + "}")
    assert isinstance(decoded, Invalid)
    assert "timestamp" in decoded.reason


def test_every_message_has_a_type_of_its_own() -> None:
    assert len({model.wire_type for model in MESSAGES}) == len(MESSAGES)
    assert all(model.wire_type for model in MESSAGES)
