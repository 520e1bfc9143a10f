"""The WebSocket: subscriptions, sequence numbers, channels, errors."""

from __future__ import annotations

import random

import pytest

from protocol.units import Price, Quantity
from tests.venues.kalshi_exchange.kit import RAIN, SNOW, Member, new_service
from tests.venues.kalshi_exchange.socket_kit import Connection, Follower, true_sides
from venues.kalshi.exchange import session
from venues.kalshi.exchange.changes import MarketChange, change_market
from venues.kalshi.exchange.frames import ERRORS
from venues.loopback.listing import ListingError

GTC = "good_till_canceled"


@pytest.fixture
def line() -> Connection:
    return Connection(Member(new_service()))


def test_a_book_begins_with_its_snapshot(line: Connection) -> None:
    subscribed, snapshot = line.subscribe("orderbook_delta", tickers=[RAIN])
    assert (subscribed["id"], subscribed["type"]) == (1, "subscribed")
    assert subscribed["msg"] == {"channel": "orderbook_delta", "sid": 1}
    assert (snapshot["type"], snapshot["sid"], snapshot["seq"]) == ("orderbook_snapshot", 1, 1)
    assert snapshot["msg"]["no_dollars_fp"] == [["0.5200", "50.00"], ["0.5300", "6.00"]]


def test_an_empty_side_is_absent(line: Connection) -> None:
    market = line.service.exchange.markets[RAIN]
    line.service.exchange.set_book(market, [(Price(4_000), Quantity(100))], [], line.member.now_us)
    _, snapshot = line.subscribe("orderbook_delta", tickers=[RAIN])
    assert "no_dollars_fp" not in snapshot["msg"]
    assert snapshot["msg"]["yes_dollars_fp"] == [["0.4000", "1.00"]]


def test_deltas_are_signed_changes_and_tell_their_cause_to_who_caused_them(line: Connection) -> None:
    line.subscribe("orderbook_delta", tickers=[RAIN])
    other = Connection(line.member)
    other.subscribe("orderbook_delta", tickers=[SNOW])
    line.member.order(client_order_id="mine", count="7", price="0.4800")
    first, second = line.taken()
    assert [first["seq"], second["seq"]] == [2, 3]
    assert (first["msg"]["side"], first["msg"]["price_dollars"], first["msg"]["delta_fp"]) == ("no", "0.5300", "-6.00")
    assert (second["msg"]["price_dollars"], second["msg"]["delta_fp"]) == ("0.5200", "-1.00")
    assert first["msg"]["client_order_id"] == "mine"
    assert first["msg"]["clock"] == second["msg"]["clock"]
    assert other.taken() == []
    Member(line.service, "bob").order(count="1", price="0.4800", client_order_id="his")
    assert "client_order_id" not in line.taken()[0]["msg"]


def test_no_levels_may_be_asked_for_in_yes_prices(line: Connection) -> None:
    _, snapshot = line.subscribe("orderbook_delta", tickers=[RAIN], use_yes_price=True)
    assert snapshot["msg"]["no_dollars_fp"] == [["0.4800", "50.00"], ["0.4700", "6.00"]]
    line.member.order(count="1")
    assert line.taken()[0]["msg"]["price_dollars"] == "0.4700"


def test_markets_are_added_taken_away_and_snapshot_again(line: Connection) -> None:
    line.subscribe("orderbook_delta", tickers=[RAIN])
    ok, snapshot = line.say("update_subscription", sid=1, action="add_markets", market_tickers=[RAIN, SNOW])
    assert (ok["type"], ok["sid"], ok["seq"], ok["msg"]) == ("ok", 1, 2, {"market_tickers": [RAIN, SNOW]})
    assert (snapshot["seq"], snapshot["msg"]["market_ticker"]) == (3, SNOW)
    (again,) = line.say("update_subscription", sids=[1], action="get_snapshot", market_tickers=[RAIN])
    assert (again["type"], again["id"], again["seq"]) == ("orderbook_snapshot", 3, 4)
    (ok,) = line.say("update_subscription", sid=1, action="delete_markets", market_ticker=RAIN)
    assert (ok["seq"], ok["msg"]) == (5, {"market_tickers": [SNOW]})
    line.member.order(count="1")
    assert line.taken() == []
    (listed,) = line.say("list_subscriptions")
    assert listed["msg"] == [{"channel": "orderbook_delta", "sid": 1}]
    (gone,) = line.say("unsubscribe", sids=[1])
    assert (gone["type"], gone["sid"], gone["seq"]) == ("unsubscribed", 1, 6)
    assert line.say("list_subscriptions")[0]["msg"] == []


def test_a_member_is_told_of_fills_orders_and_positions_and_everybody_of_trades(line: Connection) -> None:
    bob = Connection(Member(line.service, "bob"))
    for one in (line, bob):
        one.subscribe("fill", "user_orders", "market_positions", "trade", "ticker", tickers=[RAIN])
    line.member.order(client_order_id="mine")
    told = {frame["type"]: frame for frame in line.taken()}
    assert {frame["type"] for frame in bob.taken()} == {"trade", "ticker"}
    assert told["fill"]["msg"]["post_position_fp"] == "6.00"
    assert told["fill"]["msg"]["fee_cost"] == "0.1100"
    assert (told["user_order"]["msg"]["status"], told["user_order"]["msg"]["client_order_id"]) == ("executed", "mine")
    assert told["market_position"]["msg"]["position_fp"] == "6.00"
    assert told["trade"]["msg"]["taker_book_side"] == "bid"
    assert told["ticker"]["msg"]["yes_ask_dollars"] == "0.4800"
    assert [name for name in ("fill", "user_order", "market_position", "ticker") if "seq" in told[name]] == []
    assert told["trade"]["seq"] == 1


def test_a_maker_is_told_too(line: Connection) -> None:
    line.member.order(side="ask", price="0.4500", count="300", time_in_force=GTC)
    line.subscribe("fill", "user_orders")
    Member(line.service, "bob").order(count="5", price="0.4500")
    fill, order = sorted(line.taken(), key=lambda frame: str(frame["type"]))
    assert (fill["msg"]["is_taker"], fill["msg"]["book_side"]) == (False, "ask")
    assert (order["msg"]["status"], order["msg"]["last_update_reason"]) == ("resting", "Trade")


def test_a_pause_is_told_on_the_lifecycle(line: Connection) -> None:
    line.subscribe("market_lifecycle_v2")
    line.service.exchange.set_status(line.service.exchange.markets[RAIN], "inactive", line.member.now_us)
    (frame,) = line.taken()
    assert frame["seq"] == 1
    assert frame["msg"] == {"market_ticker": RAIN, "event_type": "deactivated", "is_deactivated": True}


def test_a_settlement_is_told_on_the_lifecycle_and_to_who_held_something(line: Connection) -> None:
    line.member.order(count="6")
    line.subscribe("market_lifecycle_v2", "market_positions")
    exchange, market = line.service.exchange, line.service.exchange.markets[RAIN]
    change_market(exchange, market, MarketChange(ticker=RAIN, status="finalized", result="yes"), line.member.now_us)
    determined, settled, held = (frame["msg"] for frame in line.taken())
    assert (determined["event_type"], determined["result"]) == ("determined", "yes")
    assert (determined["settlement_value"], settled["event_type"]) == ("1.0000", "settled")
    assert "settled_ts" in settled
    assert (held["position_fp"], held["realized_pnl_dollars"]) == ("0.00", "3.180000")


def test_what_changes_about_a_market_is_told_and_holds_at_once(line: Connection) -> None:
    exchange, market = line.service.exchange, line.service.exchange.markets[RAIN]
    line.subscribe("market_lifecycle_v2")
    change = MarketChange(
        ticker=RAIN, fee_multiplier="0.5", close_time="2027-06-01T00:00:00Z", price_level_structure="deci_cent"
    )
    change_market(exchange, market, change, line.member.now_us)
    closes, structure, fee = (frame["msg"] for frame in line.taken())
    assert (closes["event_type"], closes["close_ts"]) == ("close_date_updated", 1_811_808_000)
    assert structure["price_ranges"] == [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
    assert (fee["event_ticker"], fee["fee_multiplier_override"]) == ("KXDEMO-27DEC31", 0.5)
    assert line.member.order(price="0.4710")["average_fee_paid"] == "0.0100"
    assert line.member.get("/events/KXDEMO-27DEC31")["event"]["fee_multiplier_override"] == 0.5
    with pytest.raises(ListingError):
        change_market(exchange, market, MarketChange(ticker=RAIN, close_time="soon"), line.member.now_us)


def test_a_ticker_may_begin_with_what_is(line: Connection) -> None:
    _, ticker = line.subscribe("ticker", tickers=[RAIN], send_initial_snapshot=True)
    assert ticker["msg"]["yes_bid_dollars"] == "0.4600"
    by_id = line.say("subscribe", channels=["ticker"], market_id=ticker["msg"]["market_id"])
    assert by_id[0]["type"] == "subscribed"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("not json", 1),
        ("[]", 1),
        ('{"id":1}', 1),
        ('{"id":1,"cmd":"dance"}', 5),
        ('{"id":1,"cmd":"subscribe"}', 2),
        ('{"id":1,"cmd":"subscribe","params":{}}', 3),
        ('{"id":1,"cmd":"subscribe","params":{"channels":[]}}', 3),
        ('{"id":1,"cmd":"subscribe","params":{"channels":["weather"]}}', 8),
        ('{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}', 14),
        ('{"id":1,"cmd":"unsubscribe","params":{}}', 4),
        ('{"id":1,"cmd":"unsubscribe","params":{"sids":[77]}}', 7),
        ('{"id":1,"cmd":"update_subscription","params":{"action":"add_markets"}}', 12),
        ('{"id":1,"cmd":"update_subscription","params":{"sid":1,"sids":[1],"action":"add_markets"}}', 12),
        ('{"id":1,"cmd":"update_subscription","params":{"sid":9,"action":"add_markets"}}', 7),
        ('{"id":1,"cmd":"update_subscription","params":{"sid":1}}', 15),
        ('{"id":1,"cmd":"update_subscription","params":{"sid":1,"action":"turn"}}', 13),
        ('{"id":1,"cmd":"update_subscription","params":{"sid":1,"action":"add_markets"}}', 14),
    ],
)
def test_a_command_that_makes_no_sense_is_told_by_its_code(line: Connection, command: str, code: int) -> None:
    line.subscribe("orderbook_delta", tickers=[RAIN])
    (error,) = line.raw(command)
    assert (error["type"], error["msg"]) == ("error", {"code": code, "msg": ERRORS[code]})
    assert len(line.say("list_subscriptions")[0]["msg"]) == 1


def test_too_many_markets_and_too_many_commands_are_refused(line: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line.listener.session, "_most_markets", 1)
    assert line.subscribe("orderbook_delta", tickers=[RAIN, SNOW])[0]["msg"]["code"] == 26
    codes = [line.raw('{"id":1,"cmd":"dance"}')[0]["msg"]["code"] for _ in range(session.DEFAULT_COMMANDS_A_SECOND)]
    assert set(codes) == {5, 27}


def test_whatever_happens_a_follower_has_the_exchanges_book(line: Connection) -> None:
    """Two hundred random orders, cancels and quotes; our own decoder rebuilds the book frame by frame."""
    dice, follower = random.Random(7), Follower()
    line.follow(RAIN)
    members = [line.member, Member(line.service, "bob")]
    exchange = line.service.exchange
    for _ in range(200):
        member = dice.choice(members)
        kind = dice.randint(0, 9)
        if kind == 0:
            ladder = [(Price(dice.randint(30, 45) * 100), Quantity(dice.randint(1, 5_000))) for _ in range(3)]
            exchange.set_book(
                exchange.markets[RAIN], ladder, [(Price(10_000 - p), q) for p, q in ladder], member.now_us
            )
        elif kind == 1 and member.account.resting.get(RAIN):
            order_id = dice.choice(list(member.account.resting[RAIN]))
            member.call("DELETE", f"/portfolio/events/orders/{order_id}", market_ticker=RAIN)
        else:
            member.order(
                side=dice.choice(["bid", "ask"]),
                price=f"0.{dice.randint(30, 70)}",
                count=f"{dice.randint(1, 900) / 100:.2f}",
                time_in_force=dice.choice(["immediate_or_cancel", GTC]),
                self_trade_prevention_type=dice.choice(["taker_at_cross", "maker"]),
            )
        follower.take(line.texts())
        assert follower.sides(RAIN) == true_sides(line.service, RAIN)
    assert follower.errors == []
    assert all({fill.is_taker for fill in member.account.fills} == {True, False} for member in members)
