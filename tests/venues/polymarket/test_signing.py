"""The headers that prove who we are are those that the official client was seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shared_data import shared_data
from tests.venues.polymarket.material import SIGNER
from venues.polymarket.signing import ApiCredentials, signed_text

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXM="
CREDENTIALS = ApiCredentials(SIGNER, "00000000-0000-4000-8000-000000000001", SECRET, "pp")


def captured() -> list[dict[str, Any]]:
    found = json.loads(shared_data("vectors/polymarket_client_0.14.0_requests.json").read_text(encoding="utf-8"))
    requests: list[dict[str, Any]] = found["requests"]
    return [request for request in requests if "POLY_API_KEY" in request["headers"]]


def test_every_captured_request_gets_the_headers_that_were_captured() -> None:
    requests = captured()
    assert len(requests) >= 7
    for request in requests:
        sent = request["headers"]
        made = CREDENTIALS.headers(
            int(sent["POLY_TIMESTAMP"]), request["method"], request["path"], request["body_raw"].encode()
        )
        assert made == {name: value for name, value in sent.items() if name.startswith("POLY_")}


def test_the_query_is_not_signed_and_the_body_is() -> None:
    assert signed_text(7, "GET", "/a/b?c=d", b"") == b"7GET/a/b"
    assert signed_text(7, "POST", "/order", b"{}") == b"7POST/order{}"


def test_a_secret_that_is_no_base64_is_not_shown() -> None:
    with pytest.raises(ValueError, match="no base64") as caught:
        ApiCredentials(SIGNER, "k", "a", "p")
    assert caught.value.__cause__ is None


def test_only_the_address_is_shown() -> None:
    assert SECRET not in repr(CREDENTIALS)
    assert "pp" not in repr(CREDENTIALS)
    assert CREDENTIALS.key not in repr(CREDENTIALS)
