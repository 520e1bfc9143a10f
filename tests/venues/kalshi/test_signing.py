"""Our requests and signatures beside those of Kalshi's own client, and of a working WebSocket client."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.shared_data import shared_data
from tests.venues.kalshi.material import KEY_ID, TICKER, credentials, ed25519, leg
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.hosts import API, DEMO, LIVE, SOCKET
from venues.kalshi.orders import CREATE, order_body
from venues.kalshi.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_text

OURS = (KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER)


def captured() -> list[dict[str, Any]]:
    path = shared_data("vectors/kalshi_official_sdk_3.34.0_ed25519.json")
    requests: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["requests"]
    return requests


def theirs() -> Ed25519PublicKey:
    key = load_pem_public_key(shared_data("vectors/kalshi_test_ed25519_public.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    return key


def test_the_text_that_we_sign_is_the_one_that_their_signatures_are_of() -> None:
    key = theirs()
    for request in captured():
        headers = request["headers"]
        text = signed_text(int(headers[TIMESTAMP_HEADER]), request["method"], request["path"])
        key.verify(base64.b64decode(headers[SIGNATURE_HEADER]), text.encode())
        with pytest.raises(InvalidSignature):
            key.verify(base64.b64decode(headers[SIGNATURE_HEADER]), (text + "/").encode())


def test_our_headers_have_their_names_and_our_signature_verifies() -> None:
    for request in captured():
        when = int(request["headers"][TIMESTAMP_HEADER])
        headers = credentials().headers(when, request["method"], request["path"])
        assert set(headers) == set(OURS)
        assert headers[KEY_HEADER] == request["headers"][KEY_HEADER] == KEY_ID
        assert headers[TIMESTAMP_HEADER] == request["headers"][TIMESTAMP_HEADER]
        signature = base64.b64decode(headers[SIGNATURE_HEADER])
        ed25519().public_key().verify(signature, signed_text(when, request["method"], request["path"]).encode())


def test_our_order_is_the_captured_one() -> None:
    (request,) = [one for one in captured() if one["method"] == "POST"]
    assert request["path"] == CREATE
    body = order_body(leg(), MarketRules(TICKER, CENTS, shard=0))
    assert json.loads(body) == request["body"]


def test_a_query_is_not_signed() -> None:
    path = f"{API}/portfolio/orders"
    assert signed_text(7, "GET", f"{path}?ticker=A&limit=5") == signed_text(7, "GET", path) == f"7GET{path}"


def test_the_upgrade_of_the_socket_is_signed_as_a_get() -> None:
    upgrade = json.loads(shared_data("vectors/kalshi_websocket_client_frames.json").read_text(encoding="utf-8"))
    headers = upgrade["upgrade_headers"]
    assert headers["_path"] == SOCKET
    assert set(OURS) <= set(headers)


def test_the_id_of_the_key_is_not_shown() -> None:
    assert KEY_ID not in repr(credentials())


@pytest.mark.parametrize("hosts", [LIVE, DEMO])
def test_the_hosts_are_https_and_wss(hosts: Any) -> None:  # noqa: ANN401 -- either
    assert hosts.rest.startswith("https://")
    assert hosts.socket_url.startswith("wss://")
    assert hosts.socket_url.endswith(SOCKET)
