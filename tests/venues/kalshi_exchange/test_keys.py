"""Who may ask: signatures of both kinds of key, and the clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shared_data import shared_data
from tests.venues.kalshi_exchange.kit import (
    Member,
    ed25519,
    headers,
    new_service,
    public_pem,
    refusal,
    rsa_key,
    write_key,
)
from tests.venues.loopback_kit import T0
from venues.kalshi.exchange.key_ring import BadKey, KeyRing
from venues.kalshi.exchange.refusal import Refusal
from venues.loopback.message import Request

PATH = "/trade-api/v2/portfolio/balance"
SECOND = 1_000_000


def ring() -> KeyRing:
    keys = KeyRing()
    keys.add("ed", "ann", public_pem(ed25519()))
    keys.add("rsa", "bob", public_pem(rsa_key()))
    return keys


def signed(**changes: str) -> dict[str, str]:
    return headers("GET", PATH, T0) | changes


def test_both_kinds_of_key_open_their_own_account() -> None:
    assert ring().account_of(signed(), "GET", PATH, T0) == "ann"
    assert ring().account_of(headers("GET", PATH, T0, rsa_key(), "rsa"), "GET", PATH, T0) == "bob"


@pytest.mark.parametrize(
    ("given", "method", "path", "now_us", "code"),
    [
        ({}, "GET", PATH, T0, "authentication_error"),
        (signed() | {"kalshi-access-signature": ""}, "GET", PATH, T0, "authentication_error"),
        (signed() | {"kalshi-access-key": "nobody"}, "GET", PATH, T0, "authentication_error"),
        (signed() | {"kalshi-access-timestamp": "now"}, "GET", PATH, T0, "header_timestamp_invalid"),
        (signed() | {"kalshi-access-timestamp": "1795300000001"}, "GET", PATH, T0, "incorrect_api_key_signature"),
        (signed() | {"kalshi-access-signature": "%%"}, "GET", PATH, T0, "incorrect_api_key_signature"),
        (signed() | {"kalshi-access-key": "rsa"}, "GET", PATH, T0, "incorrect_api_key_signature"),
        (signed(), "POST", PATH, T0, "incorrect_api_key_signature"),
        (signed(), "GET", f"{PATH}s", T0, "incorrect_api_key_signature"),
        (signed(), "GET", PATH, T0 + 6 * SECOND, "header_timestamp_expired"),
        (signed(), "GET", PATH, T0 - 6 * SECOND, "header_timestamp_expired"),
    ],
)
def test_what_is_not_signed_for_this_request_now_is_401(
    given: dict[str, str], method: str, path: str, now_us: int, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        ring().account_of(given, method, path, now_us)
    assert (refused.value.status, refused.value.code) == (401, code)


def test_a_private_key_a_weak_one_and_no_key_are_not_taken(tmp_path: Path) -> None:
    for pem in (write_key(ed25519(), tmp_path / "key").read_bytes(), b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"):
        with pytest.raises(BadKey):
            KeyRing().add("x", "ann", pem)


def test_the_clock_of_the_exchange_decides() -> None:
    ann = Member(new_service())
    request = Request(method="GET", path=PATH, headers=headers("GET", PATH, T0))
    ann.service.offset_us = 10 * SECOND
    assert refusal(ann.service.handle(request, T0, {})) == (401, "header_timestamp_expired")
    assert ann.get("/portfolio/balance")["balance"] == 200_000


def test_requests_that_the_official_client_once_signed_are_taken() -> None:
    recorded = json.loads(shared_data("vectors/kalshi_official_sdk_3.34.0_ed25519.json").read_text(encoding="utf-8"))
    keys = KeyRing()
    keys.add("test-key-id", "ann", shared_data("vectors/kalshi_test_ed25519_public.pem").read_bytes())
    for request in recorded["requests"]:
        given = {name.lower(): value for name, value in request["headers"].items()}
        now_us = int(given["kalshi-access-timestamp"]) * 1_000
        assert keys.account_of(given, request["method"], request["path"], now_us) == "ann"
    assert len(recorded["requests"]) == 4
