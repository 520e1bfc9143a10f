"""Who signed what: the known orders and headers, each kind of wallet, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.shared_data import shared_data
from tests.venues.loopback_kit import T0
from tests.venues.polymarket_exchange.kit import (
    ANN_KEY,
    BOB_KEY,
    HOME,
    RAIN,
    SNOW,
    Member,
    document,
    error,
    new_service,
    placed,
)
from venues.loopback.message import Request
from venues.polymarket.exchange.authority import Authority
from venues.polymarket.exchange.eip712 import address_of, digest, order_domain, recovered, signature_bytes
from venues.polymarket.exchange.key_ring import ApiKey, KeyRing, l2_signature
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order_request import ORDERS, SignedOrder
from venues.polymarket.exchange.refusal import Refusal
from venues.polymarket.exchange.wallets import WalletKind, wallets_of

ANN = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


def vectors(name: str) -> Any:  # noqa: ANN401 -- any document
    return json.loads(shared_data(f"vectors/{name}").read_text(encoding="utf-8"))


@pytest.mark.parametrize("place", [0, 1])
def test_the_known_orders_were_signed_by_their_key(place: int) -> None:
    vector = vectors("polymarket_eip712_orders.json")[place]
    message, domain = vector["message"], vector["domain"]
    texts = {name: str(message[name]) for name in ("tokenId", "makerAmount", "takerAmount", "timestamp")}
    order = msgspec.convert(
        message | texts | {"side": "BUY" if message["side"] == 0 else "SELL", "signature": vector["signature"]},
        SignedOrder,
    )
    separator = order_domain(domain["verifyingContract"], domain["version"])
    order_hash = digest(separator, order.contents())
    assert recovered(order_hash, signature_bytes(order.signature)) == ANN
    listing = Listing(
        slug="known",
        version="v2" if domain["version"] == "3" else "v1",
        clob_token_ids=(order.token_id, "1"),
        position_ids=(order.token_id, "1"),
    )
    signed = Authority().check(order, Market.listed(listing, 1))
    assert (signed.order_id, signed.wallet, signed.signer) == ("0x" + order_hash.hex(), ANN, ANN)


def test_the_captured_requests_are_those_of_their_key() -> None:
    captured = vectors("polymarket_client_0.14.0_requests.json")["requests"]
    first = captured[0]
    made = first["stub_reply"]
    ring = KeyRing("arb")
    ring.add(ApiKey(made["apiKey"], made["secret"], made["passphrase"], ANN))
    checked = 0
    for one in captured:
        headers = {name.lower(): value for name, value in one["headers"].items()}
        path, body = one["path"].partition("?")[0], one["body_raw"].encode()
        request = Request(method=one["method"], path=path, headers=headers, body=body)
        if "poly_api_key" in headers:
            assert ring.key_of(request, int(headers["poly_timestamp"]) * 1_000_000).key == made["apiKey"]
            checked += 1
        elif "poly_signature" in headers:
            assert ring.create(request, int(headers["poly_timestamp"]) * 1_000_000).address == ANN
            checked += 1
    assert checked == 8


def test_a_captured_body_is_read_as_an_order() -> None:
    captured = vectors("polymarket_client_0.14.0_requests.json")["requests"]
    orders = [ORDERS.decode(one["body_raw"]) for one in captured if one["path"] == "/order" and one["method"] == "POST"]
    assert [order.order_type for order in orders] == ["GTC", "FAK", "FAK", "GTC"]


@pytest.mark.parametrize("kind", list(WalletKind))
@pytest.mark.parametrize("slug", [RAIN, SNOW, HOME])
def test_each_kind_of_wallet_trades_on_each_kind_of_market(kind: WalletKind, slug: str) -> None:
    member = Member(new_service(), kind=kind)
    assert member.account.wallet == wallets_of(ANN, kind)[0]
    best = member.market(slug).best(member.yes(slug), is_bid=False)
    assert best is not None
    status, making, _ = placed(member.buy(member.yes(slug), "1", f"0.{best:04d}"))
    assert (status, making) == ("matched", "1")


def test_an_order_signed_for_another_contract_or_version_is_not_believed() -> None:
    member = Member(new_service())
    body = member.body(member.yes(), "BUY", 2_820_000, 6_000_000)
    body["order"]["signature"] = member.sign(body["order"], member.market(SNOW))
    assert error(member.post(body)) == (400, "invalid signature")
    body["order"]["signature"] = member.sign(body["order"], member.market(), "3")
    assert error(member.post(body)) == (400, "invalid signature")
    body["order"]["signature"] = member.sign(body["order"], member.market())
    assert placed(member.post(body))[0] == "matched"


def test_any_change_of_what_was_signed_is_seen() -> None:
    member = Member(new_service())
    for name, value in (("makerAmount", "2830000"), ("salt", 1), ("side", "SELL"), ("timestamp", "1")):
        body = member.body(member.yes(), "BUY", 2_820_000, 6_000_000)
        body["order"][name] = value
        assert error(member.post(body)) == (400, "invalid signature")


@pytest.mark.parametrize("kind", [WalletKind.PROXY, WalletKind.SAFE, WalletKind.DEPOSIT])
def test_nobody_trades_for_the_wallet_of_another(kind: WalletKind) -> None:
    service = new_service()
    ann, bob = Member(service, kind=kind), Member(service, BOB_KEY, kind=kind)
    body = bob.body(bob.yes(), "BUY", 2_820_000, 6_000_000, maker=ann.account.wallet)
    status, text = error(bob.post(body))
    assert (status, text.startswith("invalid signature")) == (400, True)


def test_the_signature_of_a_deposit_wallet_names_the_order_that_it_is_for() -> None:
    member = Member(new_service(), kind=WalletKind.DEPOSIT)
    body = member.body(member.yes(), "BUY", 2_820_000, 6_000_000)
    whole = body["order"]["signature"]
    for cut in (whole[:132], whole[:-2] + "00", whole[:134] + "00" + whole[136:]):
        body["order"]["signature"] = cut
        assert error(member.post(body))[1].startswith("invalid signature")
    body["order"]["signature"] = whole
    assert placed(member.post(body))[0] == "matched"


def test_a_wallet_that_was_registered_is_traded_for() -> None:
    service = new_service()
    wallet = "0x00000000000000000000000000000000000000AA"
    service.rest.authority.register(wallet, WalletKind.SAFE, ANN)
    member = Member(service, kind=WalletKind.SAFE)
    assert member.account.wallet.lower() == wallet.lower()
    assert placed(member.buy(member.yes(), "2.82", "0.47"))[0] == "matched"


def test_an_order_is_posted_with_the_key_of_its_signer_alone() -> None:
    service = new_service()
    ann, bob = Member(service), Member(service, BOB_KEY)
    body = ann.body(ann.yes(), "BUY", 2_820_000, 6_000_000)
    assert error(bob.post(body))[1] == "the order owner has to be the owner of the API KEY"
    body["owner"] = bob.api.key
    assert error(bob.post(body))[1] == "the order signer address has to be the address of the API KEY"


@pytest.mark.parametrize(
    "name", ["poly_address", "poly_api_key", "poly_passphrase", "poly_timestamp", "poly_signature"]
)
def test_each_header_counts(name: str) -> None:
    member = Member(new_service())
    headers = member.headers("GET", "/data/orders") | {name: "1"}
    request = Request(method="GET", path="/data/orders", headers=headers)
    assert member.service.handle(request, member.now_us, {}).status == 401


def test_a_clock_that_is_off_is_refused() -> None:
    member = Member(new_service())
    headers = member.headers("GET", "/data/orders")
    request = Request(method="GET", path="/data/orders", headers=headers)
    assert member.service.handle(request, member.now_us + 29_000_000, {}).status == 200
    assert member.service.handle(request, member.now_us + 32_000_000, {}).status == 401


def test_a_key_is_made_once_and_derived_ever_after() -> None:
    member = Member(new_service())
    again = member.service.handle(member.l1("POST", "/auth/api-key"), T0, {})
    assert (again.status, document(again)["error"]) == (400, "Could not create api key")
    derived = document(member.service.handle(member.l1("GET", "/auth/derive-api-key"), T0, {}))
    assert derived["apiKey"] == member.api.key
    assert member.service.handle(member.l1("GET", "/auth/derive-api-key", 7), T0, {}).status == 400
    assert member.service.handle(member.l1("POST", "/auth/api-key", poly_nonce="1"), T0, {}).status == 401


def test_a_secret_that_is_no_base64_opens_nothing_and_breaks_nothing() -> None:
    assert l2_signature("!", "1", "GET", "/") != l2_signature("c2VjcmV0", "1", "GET", "/")
    with pytest.raises(Refusal):
        KeyRing("x").key_of(Request(method="GET", path="/"), T0)


def test_the_address_of_the_known_key() -> None:
    assert Member(new_service(), ANN_KEY).address == ANN
    assert address_of(Member(new_service(), BOB_KEY).key.public_key) != ANN
