"""Orders made and signed by the official client, offline: byte for byte those that it was seen to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from polymarket._internal.actions.orders import orders as made

from tests.shared_data import shared_data
from tests.transport.polymarket.trade_kit import wallet_key
from tests.venues.polymarket.material import V2, YES, leg, rules
from tests.venues.polymarket.test_signing import CREDENTIALS
from transport.live import LiveVenueError
from transport.polymarket.access import KINDS, find_wallet
from transport.polymarket.auth import wallet_headers
from transport.polymarket.official import Kind, OrderMaker, Wallet, wallets_of
from venues.polymarket.exchange.wallets import WalletKind
from venues.polymarket.exchange.wallets import wallets_of as exchange_wallets_of
from venues.polymarket.hosts import LIVE
from venues.polymarket.market import MarketRules
from venues.polymarket.order_hash import order_hash
from venues.polymarket.orders import OrderRefused, SignedFields, plan_order


def known_orders() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        shared_data("vectors/polymarket_eip712_orders.json").read_text(encoding="utf-8")
    )
    return found


def captured_bodies() -> list[str]:
    found = json.loads(shared_data("vectors/polymarket_client_0.14.0_requests.json").read_text(encoding="utf-8"))
    return [one["body_raw"] for one in found["requests"] if (one["method"], one["path"]) == ("POST", "/order")]


def maker(directory: Path, kind: Kind = "eoa") -> OrderMaker:
    key = wallet_key(directory)
    return OrderMaker(key, Wallet(kind, wallets_of(key.address)[kind][0]), CREDENTIALS, LIVE)


def market_of(token: str) -> MarketRules:
    return rules() if token == YES else rules(t=[{"t": V2}], v="v2")


def fixed(monkeypatch: pytest.MonkeyPatch, salt: int, timestamp: int) -> None:
    monkeypatch.setattr(made, "_generate_salt", lambda: salt)
    monkeypatch.setattr(made, "_current_timestamp_ms", lambda: timestamp)


@pytest.mark.parametrize("number", [0, 1])
def test_the_known_orders_are_signed_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    known = known_orders()[number]
    message = known["message"]
    fixed(monkeypatch, message["salt"], message["timestamp"])
    token = str(message["tokenId"])
    market = market_of(token)
    signed = maker(tmp_path).make(plan_order(leg(token=token), market), market)
    body = json.loads(signed.body)
    assert body["order"]["signature"] == known["signature"]
    # The hash that we keep is what that signature signs.
    resigned = Account.unsafe_sign_hash(signed.order_id, known["private_key"])
    assert "0x" + bytes(resigned.signature).hex() == known["signature"]
    assert body["orderType"] == "FAK"


def test_the_body_is_what_the_client_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = next(text for text in captured_bodies() if '"GTC"' in text and YES in text)
    order = json.loads(sent)["order"]
    fixed(monkeypatch, order["salt"], int(order["timestamp"]))
    signed = maker(tmp_path).make(plan_order(leg(), rules()), rules())
    assert signed.body.decode() == sent.replace('"GTC"', '"FAK"')


def test_an_immediate_order_that_was_captured_is_ours_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [text for text in captured_bodies() if '"FAK"' in text]
    for sent in found:
        order = json.loads(sent)["order"]
        if order["tokenId"] != YES or order["side"] != "BUY" or order["takerAmount"] != "6000000":
            continue
        fixed(monkeypatch, order["salt"], int(order["timestamp"]))
        assert maker(tmp_path).make(plan_order(leg(), rules()), rules()).body.decode() == sent


def test_the_hash_depends_on_contract_and_version() -> None:
    message = known_orders()[0]["message"]
    fields = SignedFields(
        builder=message["builder"],
        expiration=0,
        maker=message["maker"],
        maker_amount=message["makerAmount"],
        metadata=message["metadata"],
        salt=message["salt"],
        side="BUY",
        signature="0x",
        signature_type=0,
        signer=message["signer"],
        taker_amount=message["takerAmount"],
        timestamp=message["timestamp"],
        token_id=str(message["tokenId"]),
    )
    made_of = {
        order_hash(fields, contract=contract, version=version, chain_id=chain)
        for contract in ("0x" + "11" * 20, "0x" + "22" * 20)
        for version in ("2", "3")
        for chain in (137, 1)
    }
    assert len(made_of) == 8


def test_a_better_known_tick_is_not_asked_of_anybody(tmp_path: Path) -> None:
    market = rules(mts=0.001, nr=True)
    signed = maker(tmp_path).make(plan_order(leg(limit=4_715, quantity=1_000), market), market)
    body = json.loads(signed.body)["order"]
    assert (body["makerAmount"], body["takerAmount"]) == ("4710000", "10000000")


def test_what_the_client_does_not_take_is_refused(tmp_path: Path) -> None:
    plan = plan_order(leg(), rules())
    with pytest.raises(OrderRefused, match="the official client does not make it"):
        maker(tmp_path).make(plan, rules(mts=0.1))


def test_the_wallets_of_a_key_are_those_that_the_exchange_knows(tmp_path: Path) -> None:
    signer = wallet_key(tmp_path).address
    ours = wallets_of(signer)
    for kind, theirs in zip(KINDS, WalletKind, strict=True):
        assert ours[kind] == exchange_wallets_of(signer, theirs)


def test_the_wallet_is_found_by_its_kind_or_by_its_address(tmp_path: Path) -> None:
    signer = wallet_key(tmp_path).address
    safe = wallets_of(signer)["safe"][0]
    assert find_wallet(signer, "safe", None) == find_wallet(signer, None, safe.lower()) == Wallet("safe", safe)
    assert [find_wallet(signer, kind, None).signature_type for kind in KINDS] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "wallet", "words"),
    [
        (None, None, "polymarket.wallet_kind: say which"),
        (None, "0x" + "12" * 20, "is none of this key's wallets"),
        (None, "0x12", "is no address"),
    ],
)
def test_a_wallet_that_is_not_the_key_s_is_refused_with_those_that_are(
    tmp_path: Path, kind: Kind | None, wallet: str | None, words: str
) -> None:
    with pytest.raises(LiveVenueError, match=words):
        find_wallet(wallet_key(tmp_path).address, kind, wallet)


def test_kind_and_address_must_agree(tmp_path: Path) -> None:
    signer = wallet_key(tmp_path).address
    with pytest.raises(LiveVenueError, match="is this key's eoa wallet, and not its proxy one"):
        find_wallet(signer, "proxy", signer)


def test_the_key_proves_itself_as_it_was_captured(tmp_path: Path) -> None:
    found = json.loads(shared_data("vectors/polymarket_client_0.14.0_requests.json").read_text(encoding="utf-8"))
    sent = next(one["headers"] for one in found["requests"] if one["path"] == "/auth/api-key")
    made_now = wallet_headers(wallet_key(tmp_path), int(sent["POLY_TIMESTAMP"]), 137)
    assert made_now == {name: value for name, value in sent.items() if name.startswith("POLY_")}
