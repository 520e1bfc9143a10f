"""Every fault by its name, on a real socket: what the client sees, and what was done all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.ground.project import ROOT
from tests.venues.kalshi_exchange.http_kit import Caller, calling, frame
from tests.venues.kalshi_exchange.kit import RAIN, Member, new_service, order_body, public_pem, rsa_key
from tests.venues.kalshi_exchange.socket_kit import Connection, Follower, true_sides
from tests.venues.loopback_kit import BROKEN, T0, play_with, soon
from venues.kalshi.exchange.faults import FRAME_FAULTS, NAMES, REQUEST_FAULTS, SOCKET_FAULTS, STATES, Fault
from venues.loopback.faults import FaultError

ORDERS = "/portfolio/events/orders"
SUBSCRIBE = {"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_tickers": [RAIN]}}


def played(play: Callable[[Caller], Awaitable[None]]) -> None:
    play_with(calling, play)


async def filled(caller: Caller) -> int:
    """How many orders the exchange has carried out, whatever it said."""
    state = await caller.admin("GET", "state")
    return len(state["accounts"]["ann"]["orders"])


# name, more of the fault, what the client sees of the order, whether it was carried out
ANSWERS = [
    ("error_before", {}, (503, "service_unavailable"), 0),
    ("error_before", {"status": 500}, (500, "service_unavailable"), 0),
    ("error_after", {}, (503, "service_unavailable"), 1),
    ("error_after", {"status": 504}, (504, "service_unavailable"), 1),
    ("rate_limited", {}, (429, "too_many_requests"), 0),
    ("spent_id", {}, (409, "order_already_exists"), 0),
    ("insufficient_balance", {}, (400, "insufficient_balance"), 0),
    ("unfunded_shard", {}, (400, "user_not_found"), 0),
    ("timestamp_expired", {}, (401, "header_timestamp_expired"), 0),
    ("maintenance", {}, (503, "exchange_unavailable"), 0),
    ("trading_paused", {}, (409, "trading_is_paused"), 0),
    ("market_paused", {"ticker": RAIN}, (409, "market_paused"), 0),
]


@pytest.mark.parametrize(("name", "more", "seen", "done"), ANSWERS)
def test_an_answer_that_is_asked_for(name: str, more: dict[str, object], seen: tuple[int, str], done: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name, "method": "POST", "path": ORDERS, **more})
        status, body = await caller.call("POST", ORDERS, order_body(client_order_id="f"))
        assert (status, body["error"]["code"]) == seen
        assert await filled(caller) == done
        await caller.admin("DELETE", "faults")
        again, _ = await caller.call("POST", ORDERS, order_body(client_order_id="g"))
        assert again == 201

    played(play)


@pytest.mark.parametrize(("name", "done"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_breaks_says_nothing_of_what_was_done(name: str, done: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name})
        with pytest.raises(BROKEN):
            await caller.call("POST", ORDERS, order_body(client_order_id="f"))
        assert await filled(caller) == done

    played(play)


@pytest.mark.parametrize(("name", "before"), [("delay", 0), ("late_reply", 1)])
def test_a_reply_that_takes_its_time(name: str, before: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name, "ms": 4_000})
        call = asyncio.create_task(caller.call("POST", ORDERS, order_body(client_order_id="f")))
        while not caller.clock.sleepers:
            await asyncio.wait({call}, timeout=0.01)
        assert caller.clock.until_next() == 4_000_000
        assert (call.done(), await filled(caller)) == (False, before)
        caller.clock.advance(4_000_000)
        assert (await soon(call))[0] == 201
        assert await filled(caller) == 1

    played(play)


def test_a_reply_that_is_cut_off() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": "garbled_reply", "path": ORDERS})
        status, body = await caller.call("POST", ORDERS, order_body())
        assert status == 201
        assert isinstance(body, bytes)
        assert await filled(caller) == 1

    played(play)


def test_a_page_that_is_not_whole_and_a_cursor_that_is_lost() -> None:
    async def play(caller: Caller) -> None:
        for number in range(4):
            await caller.call("POST", ORDERS, order_body(client_order_id=str(number), count="1"))
        await caller.admin("POST", "faults", {"name": "short_page", "path": "/portfolio/orders"})
        _, page = await caller.call("GET", "/portfolio/orders")
        assert (len(page["orders"]), page["cursor"]) == (2, "")
        await caller.admin("POST", "faults", {"name": "lost_cursor", "skip": 1})
        _, page = await caller.call("GET", "/portfolio/orders", limit="2")
        status, _ = await caller.call("GET", "/portfolio/orders", limit="2", cursor=page["cursor"])
        assert status == 500

    played(play)


def test_a_clock_that_is_off_shows_in_the_date_and_refuses_what_was_signed_by_another() -> None:
    async def play(caller: Caller) -> None:
        status, given, _ = await caller.raw("GET", "/trade-api/v2/exchange/status", None, {}, signed=False)
        assert (status, given["Date"]) == (200, "Sat, 21 Nov 2026 22:26:40 GMT")
        await caller.admin("POST", "faults", {"name": "clock_offset", "ms": 60_000})
        _, given, _ = await caller.raw("GET", "/trade-api/v2/exchange/status", None, {}, signed=False)
        assert given["Date"] == "Sat, 21 Nov 2026 22:27:40 GMT"
        assert (await caller.call("GET", "/portfolio/balance"))[0] == 200
        await caller.admin("DELETE", "faults", name="clock_offset")
        assert caller.server.service.offset_us == 0

    played(play)


def test_the_status_tells_of_maintenance() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": "maintenance"})
        _, status = await caller.call("GET", "/exchange/status")
        assert (status["exchange_active"], status["trading_active"]) == (False, False)
        assert status["exchange_index_statuses"][3]["exchange_active"] is False

    played(play)


def test_reads_that_lag() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": "lag", "ms": 900})
        _, placed = await caller.call("POST", ORDERS, order_body())
        assert (await caller.call("GET", f"/portfolio/orders/{placed['order_id']}"))[0] == 404
        caller.clock.advance(900_000)
        assert (await caller.call("GET", f"/portfolio/orders/{placed['order_id']}"))[0] == 200

    played(play)


# -- sockets ----------------------------------------------------------------------------------------------------------


def test_a_socket_that_breaks_and_an_upgrade_that_is_refused() -> None:
    async def play(caller: Caller) -> None:
        async with caller.socket() as socket:
            await socket.send_json(SUBSCRIBE)
            assert (await frame(socket))["type"] == "subscribed"
            assert (await frame(socket))["type"] == "orderbook_snapshot"
            await caller.admin("POST", "faults", {"name": "socket_drop"})
            await caller.call("POST", ORDERS, order_body())
            message = await soon(socket.receive())
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSING}
        await caller.admin("POST", "faults", {"name": "refused_handshake"})
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with caller.socket():
                pass
        assert refused.value.status == 503
        async with caller.socket() as socket:
            await socket.send_json(SUBSCRIBE)
            assert (await frame(socket))["type"] == "subscribed"

    played(play)


def test_a_ping_comes_every_ten_seconds_unless_a_fault_stops_it() -> None:
    async def play(caller: Caller) -> None:
        async with caller.socket() as socket:
            await socket.send_json({"id": 1, "cmd": "list_subscriptions"})
            await frame(socket)
            for _ in range(2):
                assert caller.clock.until_next() == 10_000_000
                caller.clock.advance(10_000_000)
                message = await soon(socket.receive())
                assert (message.type, message.data) == (aiohttp.WSMsgType.PING, b"heartbeat")
                await socket.pong(message.data)
            await caller.admin("POST", "faults", {"name": "no_pings", "times": -1})
            caller.clock.advance(10_000_000)
            await socket.send_json({"id": 1, "cmd": "list_subscriptions"})
            assert (await frame(socket))["type"] == "ok"

    played(play)


def test_an_upgrade_without_a_signature_is_refused() -> None:
    async def play(caller: Caller) -> None:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(caller.server.ws_url)
        assert refused.value.status == 401

    played(play)


@pytest.fixture
def line() -> Connection:
    made = Connection(Member(new_service()))
    made.follow(RAIN)
    return made


def strike(line: Connection, name: str, **more: object) -> list[str]:
    """A fault, then a trade that moves one level: the frames of it."""
    line.texts()
    line.service.break_down(msgspec.convert({"name": name, "channel": "orderbook_delta", **more}, Fault), T0)
    line.member.order(count="1")
    return line.texts()


def test_a_gap_is_seen_in_the_sequence_and_mended_by_a_snapshot(line: Connection) -> None:
    follower = Follower()
    follower.take(line.texts())
    assert strike(line, "gap") == []
    line.member.order(count="1")
    follower.take(line.texts())
    assert follower.errors == ["gap in the sequence of sid 1: 3 came after 1"]
    params = {"sid": 1, "action": "get_snapshot", "market_tickers": [RAIN]}
    line.send(msgspec.json.encode({"cmd": "update_subscription", "params": params}).decode())
    follower.take(line.texts())
    assert follower.sides(RAIN) == true_sides(line.service, RAIN)


def test_a_silent_feed_loses_what_happens(line: Connection) -> None:
    assert strike(line, "silent", times=-1) == []
    line.member.order(count="1")
    line.service.mend("silent", T0)
    line.member.order(count="1")
    assert [msgspec.json.decode(text)["seq"] for text in line.texts()] == [4]


def test_a_frame_comes_twice_or_in_half(line: Connection) -> None:
    first, second = strike(line, "duplicate")
    assert first == second
    (half,) = strike(line, "garbled_frame")
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(half)


@pytest.mark.parametrize(("name", "code"), [("channel_error", 10), ("buffer_overflow", 25)])
def test_an_error_ends_the_subscription(line: Connection, name: str, code: int) -> None:
    (error,) = strike(line, name)
    told = msgspec.json.decode(error)
    assert (told["type"], told["sid"], told["msg"]["code"]) == ("error", 1, code)
    line.member.order(count="1")
    assert line.texts() == []


def test_a_command_that_times_out(line: Connection) -> None:
    line.texts()
    line.service.break_down(Fault(name="slow_command"), T0)
    (error,) = line.say("update_subscription", sid=1, action="get_snapshot", market_tickers=[RAIN])
    assert error["msg"]["code"] == 18


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_fault_waits_for_its_occasion_and_strikes_as_often_as_asked() -> None:
    ann = Member(new_service())
    ann.service.break_down(Fault(name="rate_limited", skip=1, times=2, method="GET", path="/portfolio/*"), T0)
    ann.service.break_down(Fault(name="rate_limited", times=-1, path="/trade-api/v2/portfolio/orders*"), T0)
    statuses = [ann.call("GET", path).status for path in ("/portfolio/fills", *["/portfolio/orders"] * 3)]
    assert statuses == [200, 429, 429, 429]
    assert ann.service.faults.struck == {"rate_limited": 3}
    ann.service.mend("rate_limited", T0)
    assert ann.call("GET", "/portfolio/orders").status == 200


def test_a_fault_of_orders_waits_for_an_order_and_one_of_reads_for_a_read() -> None:
    ann = Member(new_service())
    ann.service.break_down(Fault(name="spent_id"), T0)
    ann.service.break_down(Fault(name="short_page"), T0)
    assert ann.call("GET", "/portfolio/orders").status == 200
    assert ann.service.faults.struck == {"short_page": 1}
    assert ann.refused(client_order_id="x") == (409, "order_already_exists")
    assert ann.refused(client_order_id="x") == (409, "order_already_exists")


@pytest.mark.parametrize("times", [0, -2])
def test_a_fault_strikes_at_least_once(times: int) -> None:
    with pytest.raises(FaultError, match="times"):
        new_service().break_down(Fault(name="delay", times=times), T0)


def test_public_reads_may_be_limited_too() -> None:
    ann = Member(new_service())
    ann.service.break_down(Fault(name="rate_limited"), T0)
    assert [ann.call("GET", "/markets").status for _ in range(2)] == [429, 200]


def test_only_faults_that_exist_are_taken_from_this_machine_and_no_web_page() -> None:
    async def play(caller: Caller) -> None:
        path = "/arb-admin/faults"
        status, _, text = await caller.raw("POST", path, {"name": "rain"}, {}, signed=False)
        assert (status, b"no fault is called 'rain'" in text) == (400, True)
        status, _, _ = await caller.raw("GET", path, None, {}, signed=False, Origin="http://example.com")
        assert status == 403
        assert set((await caller.admin("GET", "faults"))["names"]) == NAMES

    played(play)
    with pytest.raises(FaultError):
        new_service().break_down(Fault(name="market_paused", ticker="NOPE"), T0)


def test_every_fault_is_named_once_and_tried_here() -> None:
    groups = (REQUEST_FAULTS, FRAME_FAULTS, SOCKET_FAULTS, STATES)
    assert len(NAMES) == sum(map(len, groups)) >= 20
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in NAMES if f'"{name}"' not in text] == []


def test_the_documentation_has_every_fault_with_the_same_words() -> None:
    page = (ROOT / "docs" / "kalshi-exchange.md").read_text(encoding="utf-8")
    words = {**REQUEST_FAULTS, **FRAME_FAULTS, **SOCKET_FAULTS, **STATES}
    assert [name for name, text in words.items() if f"| `{name}` | {text} |" not in page] == []


def test_the_operator_sets_books_money_markets_and_keys() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "markets", {"ticker": "KXN-1-T", "asks": [["0.30", "5"]]})
        await caller.admin("POST", "book", {"ticker": "KXN-1-T", "asks": [["0.25", "9"]], "bids": [["0.20", "1"]]})
        _, book = await caller.call("GET", "/markets/KXN-1-T/orderbook")
        assert book["orderbook_fp"] == {"yes_dollars": [["0.2000", "1.00"]], "no_dollars": [["0.7500", "9.00"]]}
        await caller.admin("POST", "funds", {"account": "ann", "dollars": "-999", "exchange_index": 0})
        _, refused = await caller.call("POST", ORDERS, order_body(ticker="KXN-1-T", price="0.25"))
        assert refused["error"]["code"] == "insufficient_balance"
        await caller.admin("POST", "market", {"ticker": "KXN-1-T", "status": "closed"})
        _, market = await caller.call("GET", "/markets/KXN-1-T")
        assert market["market"]["status"] == "closed"
        pem = public_pem(rsa_key()).decode()
        await caller.admin("POST", "keys", {"account": "eve", "key_id": "eve-key", "public_pem": pem})
        assert "eve" in (await caller.admin("GET", "state"))["accounts"]
        status, _, _ = await caller.raw("POST", "/arb-admin/markets", {"ticker": "KXN-1-T"}, {}, signed=False)
        assert status == 400

    played(play)
