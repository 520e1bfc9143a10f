"""Trades on their way to the chain, what is there meanwhile, and the dead man's switch."""

from __future__ import annotations

import pytest

from market.fees import polymarket_fees
from protocol.units import Price, Quantity
from tests.venues.polymarket_exchange.kit import (
    CHARGED,
    FREE,
    RAIN,
    Member,
    break_down,
    document,
    error,
    new_service,
    placed,
)
from venues.loopback.message import Request
from venues.polymarket.exchange.admin import Admin
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.fees import FeeSchedule


def status(member: Member) -> list[str]:
    return [trade["status"].removeprefix("TRADE_STATUS_") for trade in member.get("/data/trades")["data"]]


def balance(member: Member, token: str = "") -> int:
    asset = "CONDITIONAL" if token else "COLLATERAL"
    return int(member.get("/balance-allowance", asset_type=asset, token_id=token, signature_type=0)["balance"])


def admin(member: Member, path: str, body: bytes) -> int:
    request = Request(method="POST", path=f"/arb-admin/{path}", body=body)
    return Admin(member.service).handle(request, member.now_us).status


def test_a_trade_is_mined_then_confirmed_and_moves_money_when_it_is_mined() -> None:
    member = Member(new_service((CHARGED,)))
    token = member.yes("charged")
    assert placed(member.buy(token, "2.82", "0.47")) == ("matched", "2.82", "6")
    assert (status(member), balance(member), balance(member, token)) == (["MATCHED"], 1_000_000_000, 0)
    assert member.account.free_cash() == 1_000_000_000 - 2_820_000 - 59_780
    member.wait(2)
    assert (status(member), balance(member, token)) == (["MINED"], 6_000_000)
    assert balance(member) == 997_120_220
    member.wait(3)
    assert status(member) == ["CONFIRMED"]
    assert member.get("/data/trades")["data"][0]["transaction_hash"].startswith("0x")


def test_what_was_bought_cannot_be_sold_before_it_is_mined() -> None:
    member = Member(new_service((FREE,)))
    token = member.yes("free")
    placed(member.buy(token, "5", "0.5"))
    assert error(member.sell(token, "10", "0.4"))[1].startswith("not enough balance / allowance: the balance is")
    member.wait(2)
    assert placed(member.sell(token, "10", "0.4")) == ("matched", "10", "4")
    # The dollars of a sale come with the block, too.
    assert (balance(member), member.account.free_cash()) == (995_000_000, 995_000_000)
    member.wait(2)
    assert balance(member) == 999_000_000


def test_what_was_sold_cannot_be_sold_again_before_it_is_mined() -> None:
    member = Member(new_service((FREE,)))
    token = member.yes("free")
    member.account.shares[token] = 10_000_000
    placed(member.sell(token, "10", "0.4"))
    assert error(member.sell(token, "10", "0.4"))[1].endswith("balance: 0, order amount: 10000000")


def test_a_fee_comes_on_top_of_a_buy_and_off_a_sale() -> None:
    member = Member(new_service((CHARGED,)))
    token = member.yes("charged")
    placed(member.buy(token, "2.82", "0.47"))
    member.wait(5)
    assert balance(member) == 1_000_000_000 - 2_820_000 - 59_780
    assert placed(member.sell(token, "6", "0.4")) == ("matched", "6", "2.4")
    before = balance(member)
    member.wait(5)
    assert balance(member) == before + 2_400_000 - 57_600
    assert member.service.exchange.till.cash == 59_780 + 57_600


@pytest.mark.parametrize(("rate", "exponent"), [(70_000, 1), (40_000, 1), (30_000, 2), (50_000, 0), (0, 1)])
@pytest.mark.parametrize(("price", "quantity"), [(4700, 600), (5000, 10_000), (100, 1), (9999, 12_345), (1, 1)])
def test_fees_are_those_that_we_reckon_with(rate: int, exponent: int, price: int, quantity: int) -> None:
    ours = polymarket_fees(rate, exponent).total([(Price(price), Quantity(quantity))])
    assert FeeSchedule(rate, exponent).charge(Price(price), Shares(quantity * 10_000)) == ours


def test_a_ghost_fill_is_retried_fails_and_gives_everything_back() -> None:
    member = Member(new_service((CHARGED,)))
    token = member.yes("charged")
    break_down(member.service, "ghost_fill")
    assert placed(member.buy(token, "2.82", "0.47"))[0] == "matched"
    order_id = member.get("/data/trades")["data"][0]["taker_order_id"]
    member.wait(2)
    assert (status(member), member.account.free_cash()) == (["RETRYING"], 997_120_220)
    member.wait(3)
    assert (status(member), balance(member), balance(member, token)) == (["FAILED"], 1_000_000_000, 0)
    assert member.account.free_cash() == 1_000_000_000
    # The order itself goes on saying that it was filled.
    assert member.get(f"/data/order/{order_id}")["size_matched"] == "6"


def test_the_operator_settles_by_hand() -> None:
    member = Member(new_service((FREE,)))
    token = member.yes("free")
    assert admin(member, "clock", b'{"auto":false}') == 200
    placed(member.buy(token, "5", "0.5"))
    member.wait(60)
    assert status(member) == ["MATCHED"]
    assert admin(member, "settle", b'{"status":"MINED"}') == 200
    assert (status(member), balance(member, token)) == (["MINED"], 10_000_000)
    assert admin(member, "settle", b'{"status":"FAILED"}') == 200
    assert (status(member), balance(member, token), balance(member)) == (["FAILED"], 0, 1_000_000_000)
    assert admin(member, "settle", b'{"status":"CONFIRMED"}') == 400
    trade = member.get("/data/trades")["data"][0]["id"]
    assert admin(member, "settle", f'{{"status":"MINED","trade":"{trade}"}}'.encode()) == 400


def test_a_market_that_has_a_winner_is_redeemed() -> None:
    member = Member(new_service((FREE,)))
    placed(member.buy(member.yes("free"), "5", "0.5"))
    placed(member.buy(member.no("free"), "6", "0.6"))
    assert admin(member, "market", b'{"market":"free","redeem":true}') == 400
    member.wait(5)
    assert admin(member, "market", b'{"market":"free","winner":"no","redeem":true}') == 200
    assert (balance(member), balance(member, member.yes("free")), balance(member, member.no("free"))) == (
        999_000_000,
        0,
        0,
    )
    assert sum(account.cash for account in member.service.exchange.accounts.values()) == 1_000_000_000


def test_a_trade_confirmed_by_hand_was_mined_on_the_way() -> None:
    member = Member(new_service((FREE,)))
    placed(member.buy(member.yes("free"), "5", "0.5"))
    assert admin(member, "settle", b'{"status":"CONFIRMED"}') == 200
    assert balance(member, member.yes("free")) == 10_000_000
    member.wait(60)
    assert balance(member, member.yes("free")) == 10_000_000


def test_a_resting_order_that_was_filled_settles_as_well() -> None:
    service = new_service((FREE,))
    maker, taker = Member(service), Member(service, bytes([0x22]) * 32)
    maker.rest(maker.no("free"), "BUY", "10", "0.55")
    assert placed(taker.buy(taker.yes("free"), "4.5", "0.45")) == ("matched", "4.5", "10")
    assert (maker.account.free_cash(), balance(maker)) == (994_500_000, 1_000_000_000)
    taker.wait(5)
    assert (balance(maker), maker.account.shares[maker.no("free")]) == (994_500_000, 10_000_000)


# -- heartbeats --------------------------------------------------------------------------------------------------------


def beat(member: Member, given: str) -> tuple[int, dict[str, str]]:
    reply = member.call("POST", "/v1/heartbeats", {"heartbeat_id": given})
    return reply.status, document(reply)


def test_ten_seconds_of_silence_cancel_everything_of_the_key() -> None:
    member = Member(new_service())
    member.rest(member.yes(), "BUY", "10", "0.4")
    member.wait(60)
    assert len(member.get("/data/orders")["data"]) == 1
    code, first = beat(member, "")
    member.wait(9)
    code, second = beat(member, first["heartbeat_id"])
    assert code == 200
    member.wait(9)
    assert len(member.get("/data/orders")["data"]) == 1
    member.wait(1.5)
    assert member.get("/data/orders")["data"] == []
    # It ended with that: the next begins anew.
    assert beat(member, second["heartbeat_id"]) == (400, {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": ""})
    assert beat(member, "")[0] == 200


def test_a_heartbeat_with_another_id_keeps_nothing_alive() -> None:
    member = Member(new_service())
    member.rest(member.yes(RAIN), "BUY", "10", "0.4")
    _, first = beat(member, "")
    member.wait(6)
    assert beat(member, "") == (
        400,
        {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": first["heartbeat_id"]},
    )
    member.wait(5)
    assert member.get("/data/orders")["data"] == []
