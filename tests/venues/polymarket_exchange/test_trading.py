"""What orders do: amounts, limits, minimums, statuses, both tokens of one book."""

from __future__ import annotations

import pytest

from protocol.units import Price
from tests.venues.polymarket_exchange.kit import (
    BOB_KEY,
    CHARGED,
    FREE,
    HOME,
    RAIN,
    SECOND,
    SNOW,
    Member,
    document,
    error,
    new_service,
    placed,
)
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.changes import MarketChange, change_market
from venues.polymarket.exchange.listing import DEMO, Listing
from venues.polymarket.exchange.refusal import BAD_EXPIRATION, CROSSES, DUPLICATED, FAK_KILLED, FOK_KILLED, NOT_READY


def free_member(dollars: int = 1_000) -> Member:
    return Member(new_service((FREE, CHARGED)), dollars=dollars)


def test_a_buy_in_dollars_spends_them_all_and_a_better_price_gives_more_shares() -> None:
    member = free_member()
    assert placed(member.buy(member.yes("free"), "6", "0.6")) == ("matched", "6", "11.666666")
    # Ten at 0.50, then a dollar's worth at 0.60.
    assert [trade["size"] for trade in member.get("/data/trades")["data"]] == ["1.666666", "10"]
    order = member.get("/data/order/" + member.get("/data/trades")["data"][0]["taker_order_id"])
    assert (order["original_size"], order["size_matched"], order["status"]) == (
        "10",
        "11.666666",
        "ORDER_STATUS_MATCHED",
    )


def test_the_house_leaves_no_crumbs() -> None:
    member = free_member()
    token = member.yes("free")
    member.service.exchange.set_book(member.market("free"), (), [(Price(3000), Shares(3_340_000))], member.now_us)
    assert placed(member.buy(token, "1", "0.3")) == ("matched", "1", "3.333333")
    assert member.get("/book", token_id=token)["asks"] == []


def test_with_hundredths_of_a_share_the_rest_of_a_dollar_stays() -> None:
    member = Member(new_service((FREE,), share_step=10_000))
    assert placed(member.buy(member.yes("free"), "6", "0.6")) == ("matched", "5.996", "11.66")
    assert placed(member.buy(member.yes("free"), "1", "0.6", "FOK")) == ("matched", "0.996", "1.66")


def test_a_sell_is_in_shares_and_a_better_price_gives_more_dollars() -> None:
    member = free_member()
    member.account.shares[member.yes("free")] = 50_000_000
    assert placed(member.sell(member.yes("free"), "20", "0.3")) == ("matched", "20", "8")


def test_an_order_partly_filled_is_done_when_it_is_fak_and_killed_when_it_is_fok() -> None:
    member = free_member()
    token = member.yes("free")
    assert error(member.buy(token, "20", "0.5", "FOK")) == (400, FOK_KILLED)
    assert placed(member.buy(token, "20", "0.5")) == ("matched", "5", "10")
    assert error(member.buy(token, "20", "0.5")) == (400, FAK_KILLED)
    member.account.shares[token] += 200_000_000
    assert error(member.sell(token, "101", "0.4", "FOK")) == (400, FOK_KILLED)
    assert placed(member.sell(token, "101", "0.4")) == ("matched", "100", "40")


def test_what_was_killed_is_in_no_list_and_its_hash_is_spent() -> None:
    member = free_member()
    body = member.body(member.yes("free"), "BUY", 20_000_000, 40_000_000, "FOK")
    reply = member.post(body)
    order_id = document(reply)["orderID"]
    assert member.get(f"/data/order/{order_id}") is None
    assert error(member.post(body)) == (400, DUPLICATED)


def test_the_same_order_twice_is_a_duplicate_and_nothing_more_happens() -> None:
    member = free_member()
    body = member.body(member.yes("free"), "BUY", 1_000_000, 2_000_000)
    assert placed(member.post(body))[0] == "matched"
    before = member.account.free_cash()
    assert error(member.post(body)) == (400, DUPLICATED)
    assert member.account.free_cash() == before


def test_what_was_refused_may_be_sent_again() -> None:
    member = free_member(dollars=0)
    body = member.body(member.yes("free"), "BUY", 1_000_000, 2_000_000)
    assert "not enough balance / allowance" in error(member.post(body))[1]
    member.account.cash = 1_000_000
    assert placed(member.post(body))[0] == "matched"


def test_an_order_rests_is_read_and_is_canceled() -> None:
    member = Member(new_service())
    assert placed(member.rest(member.yes(), "BUY", "10", "0.4")) == ("live", "", "")
    (order,) = member.get("/data/orders")["data"]
    assert (order["status"], order["price"], order["original_size"], order["size_matched"]) == (
        "ORDER_STATUS_LIVE",
        "0.4",
        "10",
        "0",
    )
    assert {"price": "0.4", "size": "10"} in member.get("/book", token_id=member.yes())["bids"]
    assert {"price": "0.6", "size": "10"} in member.get("/book", token_id=member.no())["asks"]
    gone = document(member.call("DELETE", "/order", {"orderID": order["id"]}))
    assert gone == {"canceled": [order["id"]], "not_canceled": {}}
    again = document(member.call("DELETE", "/order", {"orderID": order["id"]}))
    assert list(again["not_canceled"]) == [order["id"]]
    assert member.get(f"/data/order/{order['id']}")["status"] == "ORDER_STATUS_CANCELED"
    assert {"price": "0.4", "size": "10"} not in member.get("/book", token_id=member.yes())["bids"]


def test_cancel_all_and_by_market() -> None:
    member = Member(new_service())
    for slug in (RAIN, SNOW):
        member.rest(member.yes(slug), "BUY", "10", "0.01")
        member.rest(member.no(slug), "BUY", "10", "0.02")
    by_token = document(member.call("DELETE", "/cancel-market-orders", {"asset_id": member.no(SNOW)}))
    assert len(by_token["canceled"]) == 1
    market = member.market(RAIN).condition
    assert len(document(member.call("DELETE", "/cancel-market-orders", {"market": market}))["canceled"]) == 2
    assert len(document(member.call("DELETE", "/cancel-all"))["canceled"]) == 1
    assert member.get("/data/orders")["data"] == []


def test_two_buyers_of_the_two_outcomes_make_a_pair_for_a_dollar() -> None:
    service = new_service((Listing(slug="empty", fee_schedule=None),))
    ann, bob = Member(service), Member(service, BOB_KEY)
    ann.rest(ann.yes("empty"), "BUY", "10", "0.6")
    assert placed(bob.rest(bob.no("empty"), "BUY", "5", "0.45")) == ("matched", "2", "5")
    bob.wait(10)
    assert (ann.account.cash, bob.account.cash) == (997_000_000, 998_000_000)
    assert (ann.account.shares[ann.yes("empty")], bob.account.shares[bob.no("empty")]) == (5_000_000, 5_000_000)
    (trade,) = ann.get("/data/trades")["data"]
    assert (trade["trader_side"], trade["maker_orders"][0]["price"], trade["price"]) == ("MAKER", "0.6", "0.4")


def test_two_sellers_of_the_two_outcomes_give_a_pair_back_for_a_dollar() -> None:
    service = new_service((Listing(slug="empty", fee_schedule=None),))
    ann, bob = Member(service), Member(service, BOB_KEY)
    ann.account.shares[ann.yes("empty")] = bob.account.shares[bob.no("empty")] = 10_000_000
    ann.rest(ann.yes("empty"), "SELL", "10", "0.3")
    assert placed(bob.rest(bob.no("empty"), "SELL", "5", "0.6")) == ("matched", "5", "3.5")
    bob.wait(10)
    assert (ann.account.cash, bob.account.cash) == (1_001_500_000, 1_003_500_000)
    assert (ann.account.shares[ann.yes("empty")], bob.account.shares[bob.no("empty")]) == (5_000_000, 5_000_000)


def test_own_orders_in_the_way_give_way() -> None:
    service = new_service((Listing(slug="empty", fee_schedule=None, asks=(("0.6", "100"),)),))
    ann = Member(service)
    ann.account.shares[ann.yes("empty")] = 10_000_000
    ann.rest(ann.yes("empty"), "SELL", "10", "0.5")
    assert placed(ann.buy(ann.yes("empty"), "6", "0.6")) == ("matched", "6", "10")
    assert ann.get("/data/orders")["data"] == []


def test_price_and_size_follow_the_tick() -> None:
    member = Member(new_service())
    token = member.yes()
    assert "breaks minimum tick size rule: 0.01" in error(member.rest(token, "BUY", "10", "0.405"))[1]
    assert "max accuracy of 2 decimals" in error(member.rest(token, "BUY", "10.001", "0.4"))[1]
    assert "max accuracy of 2 decimals" in error(member.buy(token, "1.005", "0.47"))[1]
    assert "max accuracy of 2 decimals" in error(member.sell(token, "6.001", "0.4"))[1]
    assert "breaks minimum tick size rule: 0.01" in error(member.buy(token, "1", "0.475"))[1]
    assert "invalid price" in error(member.post(member.body(token, "BUY", 1_000_000, 1_000_000)))[1]
    assert "invalid price" in error(member.rest(token, "BUY", "500", "1"))[1]
    market = member.market()
    change_market(member.service.exchange, market, MarketChange(market=RAIN, tick_size="0.001"), member.now_us)
    assert placed(member.rest(token, "BUY", "10", "0.405"))[0] == "live"
    change_market(member.service.exchange, market, MarketChange(market=RAIN, tick_size="0.01"), member.now_us)
    assert member.get("/data/orders")["data"] == []


def test_amounts_that_were_rounded_against_the_maker_meet_nothing_at_their_price() -> None:
    member = Member(new_service())
    token = member.yes()
    # 1 dollar at 0.47 is 2.12765957... shares.
    assert error(member.post(member.body(token, "BUY", 1_000_000, 2_127_700)))[1] == FAK_KILLED
    assert placed(member.post(member.body(token, "BUY", 1_000_000, 2_127_600))) == ("matched", "1", "2.127659")


def test_minimums() -> None:
    member = Member(new_service())
    token = member.yes()
    assert error(member.buy(token, "0.99", "0.47"))[1].endswith("min size: $1")
    member.account.shares[token] = 100_000_000
    assert error(member.sell(token, "2", "0.45"))[1].endswith("min size: $1")
    assert "Size (4.99) lower than the minimum: 5" in error(member.rest(token, "BUY", "4.99", "0.4"))[1]
    assert placed(member.rest(token, "BUY", "5", "0.01"))[0] == "live"


def test_post_only_never_takes() -> None:
    member = Member(new_service())
    assert error(member.rest(member.yes(), "BUY", "10", "0.47", postOnly=True)) == (400, CROSSES)
    assert placed(member.rest(member.yes(), "BUY", "10", "0.46", postOnly=True))[0] == "live"


def test_a_limit_order_takes_what_is_there_and_rests() -> None:
    member = Member(new_service())
    assert placed(member.rest(member.yes(), "BUY", "20", "0.47")) == ("matched", "5.64", "12")
    (order,) = member.get("/data/orders")["data"]
    assert (order["size_matched"], order["status"]) == ("12", "ORDER_STATUS_LIVE")


def test_gtd_must_be_ahead_and_ends_a_minute_early() -> None:
    member = Member(new_service())
    soon = member.now_us // SECOND
    for bad in ("0", str(soon + 170)):
        refused = member.rest(member.yes(), "BUY", "10", "0.4", kind="GTD", expiration=bad)
        assert error(refused) == (400, BAD_EXPIRATION)
    assert error(member.rest(member.yes(), "BUY", "10", "0.4", expiration=str(soon + 900))) == (400, BAD_EXPIRATION)
    placed(member.rest(member.yes(), "BUY", "10", "0.4", kind="GTD", expiration=str(soon + 200)))
    member.wait(135)
    assert len(member.get("/data/orders")["data"]) == 1
    member.wait(6)
    assert member.get("/data/orders")["data"] == []


def test_what_is_bound_cannot_be_spent_twice() -> None:
    member = Member(new_service(), dollars=10)
    assert placed(member.rest(member.yes(), "BUY", "20", "0.4"))[0] == "live"
    status, text = error(member.buy(member.yes(), "2.82", "0.47"))
    assert (status, text) == (
        400,
        "not enough balance / allowance: the balance is not enough -> balance: 2000000, order amount: 2879780",
    )
    assert error(member.sell(member.yes(), "6", "0.45"))[1].endswith("balance: 0, order amount: 6000000")


def test_the_contract_must_be_allowed_to_take_it() -> None:
    member = Member(new_service())
    for market in (RAIN, SNOW, HOME):
        spender = member.market(market).exchange
        member.account.allowances[spender] = 0
        assert f"spender: {spender}, allowance: 0" in error(member.buy(member.yes(market), "2", "0.62"))[1]
    member.account.shares[member.yes()] = 6_000_000
    member.account.approved[member.market().exchange] = False
    assert "the allowance is not enough" in error(member.sell(member.yes(), "6", "0.45"))[1]


def test_a_closed_market_and_an_unknown_token() -> None:
    member = Member(new_service())
    change_market(member.service.exchange, member.market(), MarketChange(market=RAIN, winner="yes"), member.now_us)
    assert error(member.buy(member.yes(), "2.82", "0.47")) == (400, NOT_READY)
    body = member.body(member.yes(SNOW), "BUY", 1_000_000, 2_000_000)
    body["order"]["tokenId"] = "1"
    assert error(member.post(body)) == (400, "the orderbook 1 does not exist")


def test_a_batch_answers_for_each() -> None:
    member = Member(new_service())
    good = member.body(member.yes(), "BUY", 2_820_000, 6_000_000)
    bad = member.body(member.yes(), "BUY", 282_000, 600_000)
    answers = document(member.call("POST", "/orders", [good, bad, good]))
    assert [(one["success"], one["status"], bool(one["errorMsg"])) for one in answers] == [
        (True, "matched", False),
        (False, "", True),
        (False, "", True),
    ]
    assert member.call("POST", "/orders", [good] * 16).status == 400


def test_the_rate_of_a_signer_is_limited() -> None:
    member = Member(new_service(limited=True))
    replies = [member.call("POST", "/order", {}) for _ in range(70)]
    assert [reply.status for reply in replies].count(429) == 70 - 60 - 2
    member.wait(1)
    assert member.call("POST", "/order", {}).status == 400


def test_a_delay_holds_an_order_that_would_trade_and_cannot_be_canceled() -> None:
    listing = Listing(slug="sport", fee_schedule=None, seconds_delay=3, bids=(("0.4", "100"),), asks=(("0.5", "100"),))
    member = Member(new_service((listing,)))
    token = member.yes("sport")
    assert placed(member.rest(token, "BUY", "10", "0.4"))[0] == "live"
    reply = member.buy(token, "5", "0.5")
    assert placed(reply) == ("delayed", "", "")
    order_id = document(reply)["orderID"]
    assert member.get(f"/data/order/{order_id}")["status"] == "ORDER_STATUS_DELAYED"
    assert list(document(member.call("DELETE", "/order", {"orderID": order_id}))["not_canceled"]) == [order_id]
    member.wait(3)
    order = member.get(f"/data/order/{order_id}")
    assert (order["status"], order["size_matched"]) == ("ORDER_STATUS_MATCHED", "10")


def test_a_delayed_order_may_find_nothing_any_more() -> None:
    listing = Listing(slug="sport", fee_schedule=None, seconds_delay=3, asks=(("0.5", "100"),))
    member = Member(new_service((listing,)))
    reply = member.buy(member.yes("sport"), "5", "0.5")
    member.service.exchange.set_book(member.market("sport"), (), (), member.now_us)
    member.wait(3)
    order = member.get("/data/order/" + document(reply)["orderID"])
    assert (order["status"], order["size_matched"]) == ("ORDER_STATUS_CANCELED", "0")
    assert member.account.free_cash() == 1_000_000_000


@pytest.mark.parametrize("making", ["0", "1000000000000000000000"])
def test_amounts_have_bounds(making: str) -> None:
    member = Member(new_service(DEMO))
    assert error(member.post(member.body(member.yes(), "BUY", int(making), 6_000_000)))[0] == 400
