"""Orders as Kalshi takes, fills, refuses and remembers them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import USD, Money
from tests.venues.kalshi_exchange.kit import (
    DOLLARS,
    HOME,
    RAIN,
    SECOND,
    SNOW,
    Member,
    document,
    headers,
    new_service,
    order_body,
    refusal,
)
from tests.venues.loopback_kit import T0
from venues.kalshi.exchange.changes import MarketChange, change_market
from venues.kalshi.exchange.listing import Listing
from venues.kalshi.exchange.texts import money_text
from venues.loopback.listing import ListingError
from venues.loopback.message import Reply, Request

GTC = "good_till_canceled"
FOK = "fill_or_kill"


@pytest.fixture
def ann() -> Member:
    return Member(new_service())


def cash(member: Member, shard: int = 0) -> int:
    return member.account.cash[shard] - DOLLARS * USD


def test_a_bid_buys_yes_and_pays_price_and_fee(ann: Member) -> None:
    placed = ann.order(client_order_id="a")
    assert placed["fill_count"] == "6.00"
    assert placed["remaining_count"] == "0.00"
    assert placed["average_fill_price"] == "0.4700"
    assert placed["client_order_id"] == "a"
    assert cash(ann) == -2_820_000 - 110_000
    (fill,) = ann.get("/portfolio/fills")["fills"]
    assert (fill["count_fp"], fill["fee_cost"], fill["outcome_side"]) == ("6.00", "0.110000", "yes")


def test_an_ask_from_flat_opens_no_at_the_other_price(ann: Member) -> None:
    placed = ann.order(side="ask", price="0.4600", count="10")
    assert placed["average_fill_price"] == "0.4600"
    assert cash(ann) == -5_400_000 - 180_000
    (held,) = ann.get("/portfolio/positions")["market_positions"]
    assert (held["position_fp"], held["market_exposure_dollars"]) == ("-10.00", "5.400000")


def test_the_other_side_nets_and_gives_its_dollar_back(ann: Member) -> None:
    ann.order(count="6", price="0.4700")
    before = cash(ann)
    ann.order(side="ask", count="10", price="0.4600")
    (held,) = ann.get("/portfolio/positions")["market_positions"]
    assert held["position_fp"] == "-4.00"
    # Six are sold at 46 cents, four NO bought at 54; the fee of ten.
    assert cash(ann) - before == 6 * 460_000 - 4 * 540_000 - 180_000
    assert held["realized_pnl_dollars"] == "-0.060000"


def test_an_order_walks_the_depth_at_the_makers_prices(ann: Member) -> None:
    placed = ann.order(count="8.00", price="0.4900")
    assert (placed["fill_count"], placed["average_fill_price"]) == ("8.00", "0.4725")
    fills = ann.get("/portfolio/fills")["fills"]
    assert [(fill["count_fp"], fill["yes_price_dollars"]) for fill in fills] == [("2.00", "0.4800"), ("6.00", "0.4700")]


def test_fractions_of_a_contract_trade(ann: Member) -> None:
    placed = ann.order(ticker=SNOW, count="0.37", price="0.061")
    assert placed["fill_count"] == "0.37"
    # 0.37 at 6.1 cents is $0.02257; the fee takes the balance down to the cent.
    assert cash(ann) == -30_000


def test_a_partial_fill_of_an_ioc_is_canceled_not_failed(ann: Member) -> None:
    placed = ann.order(count="20", price="0.4700")
    assert (placed["fill_count"], placed["remaining_count"]) == ("6.00", "0.00")
    order = ann.get(f"/portfolio/orders/{placed['order_id']}")["order"]
    assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == ("canceled", "6.00", "0.00")
    assert order["initial_count_fp"] == "20.00"


def test_an_ioc_without_a_match_fills_nothing_and_is_no_error(ann: Member) -> None:
    placed = ann.order(price="0.4500")
    assert (placed["fill_count"], "average_fill_price" in placed) == ("0.00", False)


def test_a_killed_order_is_409_and_its_id_is_spent(ann: Member) -> None:
    killed = ann.refused(client_order_id="k", count="500", time_in_force=FOK)
    assert killed == (409, "fill_or_kill_insufficient_resting_volume")
    assert ann.refused(client_order_id="k") == (409, "order_already_exists")
    assert ann.order(count="56", price="0.4800", time_in_force=FOK)["fill_count"] == "56.00"
    assert ann.get("/portfolio/orders")["orders"][0]["initial_count_fp"] == "56.00"


def test_a_client_order_id_is_spent_for_ever_but_by_its_owner_alone(ann: Member) -> None:
    ann.order(client_order_id="once", count="1")
    assert ann.refused(client_order_id="once", ticker=SNOW, price="0.061") == (409, "order_already_exists")
    assert Member(ann.service, "bob").order(client_order_id="once", count="1")["fill_count"] == "1.00"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": "0.4750"}, (400, "invalid_price")),
        ({"price": "0"}, (400, "invalid_price")),
        ({"price": "1.00"}, (400, "invalid_price")),
        ({"price": "0.47000"}, (400, "invalid_price")),
        ({"price": "4.7e-1"}, (400, "invalid_price")),
        ({"ticker": SNOW, "price": "0.1010"}, (400, "invalid_price")),
        ({"count": "0"}, (400, "invalid_parameters")),
        ({"count": "-1"}, (400, "invalid_parameters")),
        ({"count": "1.001"}, (400, "invalid_parameters")),
        ({"count": "1e3"}, (400, "invalid_parameters")),
        ({"count": "\u0661"}, (400, "invalid_parameters")),
        ({"count": "999999999999"}, (400, "invalid_parameters")),
        ({"count": 6}, (400, "invalid_parameters")),
        ({"side": "yes"}, (400, "invalid_parameters")),
        ({"time_in_force": "gtc"}, (400, "invalid_parameters")),
        ({"self_trade_prevention_type": None}, (400, "invalid_parameters")),
        ({"client_order_id": "a b"}, (400, "invalid_parameters")),
        ({"client_order_id": "x" * 65}, (400, "invalid_parameters")),
        ({"reduce_only": True, "time_in_force": GTC}, (400, "invalid_parameters")),
        ({"post_only": True}, (400, "invalid_parameters")),
        ({"expiration_time": 2_000_000_000}, (400, "invalid_parameters")),
        ({"expiration_time": 1, "time_in_force": GTC}, (400, "invalid_parameters")),
        ({"subaccount": 1}, (400, "invalid_parameters")),
        ({"ticker": "NOPE"}, (400, "market_not_found")),
        ({"exchange_index": 3}, (400, "market_not_found")),
        ({"count": "5000", "price": "0.40", "time_in_force": GTC}, (400, "insufficient_balance")),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_happens(
    ann: Member, changes: dict[str, object], expected: tuple[int, str]
) -> None:
    assert ann.refused(client_order_id=changes.pop("client_order_id", "mine"), **changes) == expected
    assert ann.account.orders == {}
    assert cash(ann) == 0
    assert ann.order(client_order_id="mine")["fill_count"] == "6.00"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"ticker":1}', b"[" * 5000])
def test_a_body_that_is_none_is_refused(ann: Member, body: bytes) -> None:
    path = "/trade-api/v2/portfolio/events/orders"
    request = Request(method="POST", path=path, headers=headers("POST", path, T0), body=body)
    assert refusal(ann.service.handle(request, T0, {})) == (400, "invalid_parameters")


def test_money_must_be_on_the_shard() -> None:
    service = new_service([Listing(ticker="KXC-1-T", exchange_index=2, asks=(("0.5", "10"),))])
    ann = Member(service)
    order = {"ticker": "KXC-1-T", "exchange_index": 2, "price": "0.50", "count": "2"}
    assert ann.refused(**order) == (400, "user_not_found")
    service.exchange.fund(ann.account, 2, Money(USD), T0)
    assert ann.refused(**order) == (400, "insufficient_balance")
    service.exchange.fund(ann.account, 2, Money(-USD), T0)
    assert ann.refused(**order) == (400, "market_not_found")
    service.exchange.fund(ann.account, 2, Money(2 * USD), T0)
    assert ann.order(**order)["fill_count"] == "2.00"


def test_money_goes_from_shard_to_shard(ann: Member) -> None:
    def transfer(dollars: int, name: str = "") -> Reply:
        body = {"source": "event_contract", "destination": "event_contract", "amount": dollars * 10_000}
        shards = {"source_exchange_shard": 0, "destination_exchange_shard": 2}
        return ann.call(
            "POST", "/portfolio/intra_exchange_instance_transfer", body | shards | {"client_transfer_id": name}
        )

    assert transfer(400, "once").status == 200
    assert (ann.account.cash[0], ann.account.cash[2]) == (600 * USD, 400 * USD)
    assert refusal(transfer(400, "once")) == (409, "transfer_already_exists")
    assert refusal(transfer(601)) == (400, "insufficient_balance")
    assert refusal(transfer(-1)) == (400, "invalid_parameters")


def test_closing_needs_no_money(ann: Member) -> None:
    ann.order(count="6")
    ann.service.exchange.fund(ann.account, 0, Money(-ann.account.cash[0]), T0)
    assert ann.refused(price="0.4800", count="1") == (400, "insufficient_balance")
    assert ann.order(side="ask", price="0.4600")["fill_count"] == "6.00"


def test_resting_orders_bind_money_until_they_end(ann: Member) -> None:
    resting = ann.order(price="0.4000", count="100", time_in_force=GTC)
    assert ann.account.available(0) == DOLLARS * USD - 40 * USD
    balance = ann.get("/portfolio/balance")
    assert (balance["balance"], balance["balance_dollars"]) == (196_000, "1960.000000")
    reply = ann.call("DELETE", f"/portfolio/events/orders/{resting['order_id']}", market_ticker=RAIN)
    assert document(reply)["reduced_by"] == "100.00"
    assert ann.account.available(0) == DOLLARS * USD


def test_a_resting_sale_of_what_is_held_binds_nothing_and_what_goes_beyond_does(ann: Member) -> None:
    ann.order(count="6")
    free = ann.account.available(0)
    ann.order(side="ask", price="0.6000", count="4", time_in_force=GTC)
    assert ann.account.available(0) == free
    ann.order(side="ask", price="0.7000", count="5", time_in_force=GTC)
    assert ann.account.available(0) == free - 3 * 300_000


def test_selling_a_part_leaves_the_cost_of_the_rest(ann: Member) -> None:
    ann.order(count="6")
    ann.order(side="ask", price="0.4600", count="2")
    (held,) = ann.get("/portfolio/positions")["market_positions"]
    assert (held["position_fp"], held["market_exposure_dollars"]) == ("4.00", "1.880000")
    assert held["realized_pnl_dollars"] == "-0.020000"


def test_reduce_only_is_capped_by_what_is_held(ann: Member) -> None:
    ann.order(count="4")
    placed = ann.order(side="ask", price="0.4600", count="10", reduce_only=True)
    assert (placed["fill_count"], placed["remaining_count"]) == ("4.00", "0.00")
    assert ann.account.positions[RAIN].net == 0
    nothing = ann.order(side="ask", price="0.4600", count="10", reduce_only=True)
    assert nothing["fill_count"] == "0.00"
    assert ann.get(f"/portfolio/orders/{nothing['order_id']}")["order"]["status"] == "canceled"


def test_members_trade_with_each_other_and_makers_pay_where_the_series_says_so(ann: Member) -> None:
    bob = Member(ann.service, "bob")
    resting = bob.order(ticker=HOME, exchange_index=3, side="ask", price="0.6100", count="100", time_in_force=GTC)
    placed = ann.order(ticker=HOME, exchange_index=3, price="0.6200", count="60")
    assert (placed["fill_count"], placed["average_fill_price"]) == ("60.00", "0.6100")
    order = bob.get(f"/portfolio/orders/{resting['order_id']}")["order"]
    assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == ("resting", "60.00", "40.00")
    # 0.0175 x 60 x 0.61 x 0.39, up to the cent.
    assert order["maker_fees_dollars"] == "0.250000"
    assert order["maker_fill_cost_dollars"] == "23.400000"
    assert (ann.account.positions[HOME].net, bob.account.positions[HOME].net) == (6_000, -6_000)
    assert ann.service.exchange.markets[HOME].open_interest == 6_000
    (fill,) = bob.get("/portfolio/fills")["fills"]
    assert fill["is_taker"] is False


def test_an_order_ends_at_its_time(ann: Member) -> None:
    resting = ann.order(price="0.4000", time_in_force=GTC, expiration_time=ann.now_us // SECOND + 30)
    ann.now_us += 31 * SECOND
    assert ann.service.exchange.markets[RAIN].book.best(is_bid=True) == 4_600
    ann.service.exchange.expire(ann.now_us)
    order = ann.get(f"/portfolio/orders/{resting['order_id']}")["order"]
    assert (order["status"], order["remaining_count_fp"]) == ("canceled", "0.00")
    assert resting["order_id"] not in ann.service.exchange.markets[RAIN].book


def test_an_order_is_canceled_on_its_shard_and_once(ann: Member) -> None:
    resting = ann.order(ticker=HOME, exchange_index=3, price="0.5000", time_in_force=GTC)
    path = f"/portfolio/events/orders/{resting['order_id']}"
    assert refusal(ann.call("DELETE", path)) == (404, "not_found")
    assert refusal(ann.call("DELETE", path, exchange_index=0)) == (404, "not_found")
    assert ann.call("DELETE", path, exchange_index=3).status == 200
    assert refusal(ann.call("DELETE", path, exchange_index=3)) == (404, "not_found")


def test_somebody_elses_order_is_not_found(ann: Member) -> None:
    resting = ann.order(price="0.4000", time_in_force=GTC)
    bob = Member(ann.service, "bob")
    path = f"/portfolio/events/orders/{resting['order_id']}"
    assert refusal(bob.call("DELETE", path, market_ticker=RAIN)) == (404, "not_found")
    assert refusal(bob.call("GET", f"/portfolio/orders/{resting['order_id']}")) == (404, "not_found")


def test_all_are_canceled_at_once(ann: Member) -> None:
    for price in ("0.4000", "0.4100"):
        ann.order(price=price, time_in_force=GTC)
    assert ann.call("DELETE", "/portfolio/events/orders").status == 204
    assert ann.get("/portfolio/orders", status="resting")["orders"] == []


def test_a_batch_answers_for_each_of_its_orders(ann: Member) -> None:
    orders = [order_body(count="1", client_order_id="b"), order_body(client_order_id="b"), order_body(price="0.4750")]
    reply = ann.call("POST", "/portfolio/events/orders/batched", {"orders": orders})
    assert reply.status == 201
    first, *others = document(reply)["orders"]
    assert first["fill_count"] == "1.00"
    assert [other["error"]["code"] for other in others] == ["order_already_exists", "invalid_price"]


def test_the_old_way_to_order_is_gone(ann: Member) -> None:
    assert ann.call("POST", "/portfolio/orders", order_body()).status == 410


def test_a_market_that_is_paused_or_closed_takes_nothing_and_reopening_cancels(ann: Member) -> None:
    exchange, market = ann.service.exchange, ann.service.exchange.markets[RAIN]
    ann.order(price="0.4000", time_in_force=GTC, client_order_id="stays")
    ann.order(price="0.4100", time_in_force=GTC, client_order_id="leaves", cancel_order_on_pause=True)
    exchange.set_status(market, "inactive", ann.now_us)
    assert ann.refused() == (409, "market_paused")
    resting = ann.get("/portfolio/orders", status="resting")["orders"]
    assert [order["client_order_id"] for order in resting] == ["stays"]
    exchange.set_status(market, "active", ann.now_us)
    assert ann.get("/portfolio/orders", status="resting")["orders"] == []
    assert ann.order()["fill_count"] == "6.00"
    exchange.set_status(market, "closed", ann.now_us)
    assert ann.refused() == (409, "market_closed")


def change(member: Member, **fields: Any) -> None:
    """What the operator asks for."""
    exchange = member.service.exchange
    change_market(exchange, exchange.markets[RAIN], MarketChange(ticker=RAIN, **fields), member.now_us)


@pytest.mark.parametrize(
    ("said", "yes", "no"),
    [
        ({"result": "yes"}, 6 * USD, 0),
        ({"result": "no"}, 0, 10 * USD),
        ({"result": "scalar", "settlement_value": "0.2500"}, 1_500_000, 7_500_000),
    ],
)
def test_a_market_that_settles_pays_its_dollar_and_nothing_of_it_is_held(
    said: dict[str, str], yes: int, no: int
) -> None:
    service = new_service()
    ann, bob = Member(service), Member(service, "bob")
    ann.order(count="6")
    bob.order(side="ask", price="0.4600", count="10")
    ann.order(price="0.4000", time_in_force=GTC)
    before, bob.now_us = (cash(ann), cash(bob)), ann.now_us + SECOND
    change(ann, status="determined", **said)
    assert ann.refused() == (409, "market_closed")
    assert ann.get("/portfolio/orders", status="resting")["orders"] == []
    assert (cash(ann), cash(bob)) == before, "determined is not paid"
    change(ann, status="finalized")
    assert (cash(ann) - before[0], cash(bob) - before[1]) == (yes, no)
    for member, paid, counts in ((ann, yes, ("6.00", "0.00")), (bob, no, ("0.00", "10.00"))):
        assert member.get("/portfolio/positions")["market_positions"] == []
        (settled,) = member.get("/portfolio/settlements", ticker=RAIN)["settlements"]
        assert (settled["market_result"], settled["revenue"]) == (said["result"], paid // 10_000)
        assert (settled["yes_count_fp"], settled["no_count_fp"]) == counts
        shard = member.get("/portfolio/balance")["balance_breakdown"][0]
        assert shard["balance"] == money_text(member.account.cash[0])
        assert member.account.positions[RAIN].realized == paid - (2_820_000 if member is ann else 5_400_000)
    market = ann.get(f"/markets/{RAIN}")["market"]
    assert (market["status"], market["result"], market["open_interest_fp"]) == ("finalized", said["result"], "0.00")


def test_a_market_settles_once_and_not_without_a_result(ann: Member) -> None:
    ann.order(count="6")
    for wrong in (
        {"status": "finalized"},
        {"status": "determined"},
        {"result": "yes"},
        {"status": "determined", "result": "scalar"},
        {"status": "determined", "result": "yes", "settlement_value": "0.5"},
        {"status": "determined", "result": "scalar", "settlement_value": "1.5"},
        {"settlement_value": "0.5"},
    ):
        with pytest.raises(ListingError):
            change(ann, **wrong)
    change(ann, status="determined", result="no")
    change(ann, status="amended", result="yes")
    change(ann, status="finalized")
    paid = cash(ann)
    assert paid == 6 * USD - 2_820_000 - 110_000
    for again in ({"status": "finalized"}, {"status": "active"}, {"status": "amended", "result": "no"}):
        with pytest.raises(ListingError):
            change(ann, **again)
    assert cash(ann) == paid


_order = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["bid", "ask"]),
    st.integers(1, 99),
    st.integers(1, 2_000),
    st.sampled_from([GTC, "immediate_or_cancel", FOK]),
    st.sampled_from(["taker_at_cross", "maker"]),
)


@settings(max_examples=50)
@given(st.lists(_order, max_size=25))
def test_no_cent_is_made_or_lost(orders: list[tuple[int, str, int, int, str, str]]) -> None:
    """Two members and nobody else: cash, fees and a dollar a pair of contracts are what they began with."""
    service = new_service([Listing(ticker="M")])
    members = [Member(service), Member(service, "bob")]
    for who, side, cents, count, force, prevention in orders:
        body = order_body(
            ticker="M",
            side=side,
            price=f"0.{cents:02d}",
            count=f"{count / 100:.2f}",
            time_in_force=force,
            self_trade_prevention_type=prevention,
        )
        reply = members[who].call("POST", "/portfolio/events/orders", body)
        assert reply.status in {201, 409} or refusal(reply) == (400, "insufficient_balance")
        accounts = [member.account for member in members]
        held = [account.position("M") for account in accounts]
        assert sum(position.net for position in held) == 0
        pairs = sum(max(position.net, 0) for position in held)
        assert service.exchange.markets["M"].open_interest == pairs
        fees = sum(position.fees for position in held)
        money = sum(account.cash[0] for account in accounts)
        assert money + fees + pairs * 10_000 == 2 * DOLLARS * USD
        assert all(account.available(0) >= 0 and account.cash[0] % 10_000 == 0 for account in accounts)
        assert all(
            position.fees == sum(fill.fee for fill in account.fills)
            for position, account in zip(held, accounts, strict=True)
        )
