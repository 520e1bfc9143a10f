from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.beacon import MAX_BEACON_BYTES, MAX_PORT, format_beacon, parse_beacon

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_the_payload_is_exactly_the_words_and_the_port() -> None:
    assert format_beacon(9001) == b"arb-controller:9001"


@given(st.integers(1, MAX_PORT))
def test_what_is_sent_is_understood(port: int) -> None:
    assert parse_beacon(format_beacon(port)) == port
    assert parse_beacon(json.dumps({"role": "controller", "ws_port": port, "version": "0.1.0"}).encode()) == port


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_what_is_no_port_is_not_announced(port: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 65535"):
        format_beacon(port)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"arb-controller",
        b"arb-controller:",
        b"arb-controller:0",
        b"arb-controller:09001",
        b"arb-controller:65536",
        b"arb-controller:99999",
        b"arb-controller:100000",
        b"arb-controller:-1",
        b"arb-controller:+9001",
        b"arb-controller:9001 ",
        b" arb-controller:9001",
        b"arb-controller:9001\n",
        b"arb-controller: 9001",
        b"arb-controller:9001:9002",
        b"arb-controller:9_001",
        b"ARB-CONTROLLER:9001",
        b"arb-trader:9001",
        "arb-controller:\u0669\u0660\u0660\u0661".encode(),
        b'{"role":"controller"}',
        b'{"role":"trader","ws_port":9001}',
        b'{"ws_port":9001}',
        b'{"role":"controller","ws_port":"9001"}',
        b'{"role":"controller","ws_port":9001.0}',
        b'{"role":"controller","ws_port":true}',
        b'{"role":"controller","ws_port":null}',
        b'{"role":"controller","ws_port":0}',
        b'{"role":"controller","ws_port":65536}',
        b'{"role":"controller","ws_port":NaN}',
        b'[{"role":"controller","ws_port":9001}]',
        b'"arb-controller:9001"',
        b"9001",
        b"null",
        b"\xff\xfe{",
        b"[" * MAX_BEACON_BYTES,
        b'{"role":"controller","ws_port":9001,"version":"' + b"x" * MAX_BEACON_BYTES + b'"}',
    ],
)
def test_what_does_not_parse_exactly_is_ignored(payload: bytes) -> None:
    assert parse_beacon(payload) is None


@given(st.binary(max_size=600) | st.binary(max_size=10).map(lambda tail: b"arb-controller:" + tail))
def test_no_datagram_raises_and_only_a_beacon_has_a_port(payload: bytes) -> None:
    port = parse_beacon(payload)
    assert port is None or 0 < port <= MAX_PORT
    if not payload.startswith(b"arb-controller:"):
        assert port is None


@given(
    st.fixed_dictionaries({"role": st.just("controller") | _JSON, "ws_port": st.integers(-9, 70_000) | _JSON}) | _JSON
)
def test_no_json_raises_and_only_an_integer_port_counts(said: object) -> None:
    payload = json.dumps(said).encode()
    expected = None
    if isinstance(said, dict) and said.get("role") == "controller" and len(payload) <= MAX_BEACON_BYTES:
        port = said.get("ws_port")
        expected = port if type(port) is int and 1 <= port <= MAX_PORT else None
    assert parse_beacon(payload) == expected
