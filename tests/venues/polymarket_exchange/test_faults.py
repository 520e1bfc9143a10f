"""Every fault by its name: what the client sees, and what was done all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ground.project import ROOT
from tests.venues.loopback_kit import BROKEN, play_with, soon
from tests.venues.polymarket_exchange.http_kit import Caller, calling
from tests.venues.polymarket_exchange.kit import FREE, RAIN, Member, break_down, document, error, new_service, placed
from venues.loopback.faults import FaultError
from venues.polymarket.exchange.exchange import HELD
from venues.polymarket.exchange.faults import (
    FRAME_FAULTS,
    NAMES,
    ORDER_FAULTS,
    REQUEST_FAULTS,
    SOCKET_FAULTS,
    STATES,
    Fault,
)
from venues.polymarket.exchange.refusal import DUPLICATED, FAK_KILLED, POST_ONLY_MODE, WRONG_WALLET


def played(play: Callable[[Caller], Awaitable[None]]) -> None:
    play_with(calling, play)


async def filled(caller: Caller) -> int:
    """How many orders the exchange has carried out, whatever it said."""
    state = await caller.admin("GET", "state")
    return len(state["accounts"][caller.member.account.wallet]["orders"])


# name, more of the fault, what the client sees of the order
ANSWERS: list[tuple[str, dict[str, Any], int, str]] = [
    ("rate_limited", {}, 429, "Too Many Requests"),
    ("restarting", {}, 425, "Too Early"),
    ("unauthorized", {}, 401, "Unauthorized/Invalid api key"),
    ("killed", {}, 400, FAK_KILLED),
    ("maker_not_allowed", {}, 400, WRONG_WALLET),
    ("duplicated", {}, 400, DUPLICATED),
    ("not_enough_balance", {}, 400, "not enough balance / allowance: the balance is not enough"),
    ("cancel_only", {}, 503, "Trading is currently cancel-only"),
    ("post_only", {}, 503, POST_ONLY_MODE),
    ("market_paused", {"market": RAIN}, 400, "the market is not yet ready to process new orders"),
    ("deposit_wallets_only", {}, 400, WRONG_WALLET),
]


@pytest.mark.parametrize(("name", "more", "status", "told"), ANSWERS)
def test_an_answer_that_is_asked_for(name: str, more: dict[str, Any], status: int, told: str) -> None:
    member = Member(new_service())
    break_down(member.service, name, **more)
    reply = member.buy(member.yes(), "2.82", "0.47")
    assert error(reply)[0] == status
    assert error(reply)[1].startswith(told)
    assert reply.headers.get("Retry-After") == ("2" if name == "restarting" else None)
    assert member.service.exchange.orders == {}
    member.service.mend("")
    assert placed(member.buy(member.yes(), "2.82", "0.47"))[0] == "matched"


@pytest.mark.parametrize(("name", "done"), [("error_before", 0), ("error_after", 1)])
def test_an_error_says_nothing_of_what_was_done(name: str, done: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name, "status": 502, "method": "POST", "path": "/order"})
        assert await caller.order() == (502, {"error": "internal server error"})
        assert await filled(caller) == done

    played(play)


@pytest.mark.parametrize(("name", "done"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_breaks_says_nothing_of_what_was_done(name: str, done: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name})
        with pytest.raises(BROKEN):
            await caller.order()
        assert await filled(caller) == done

    played(play)


@pytest.mark.parametrize(("name", "before"), [("delay", 0), ("late_reply", 1)])
def test_a_reply_that_takes_its_time(name: str, before: int) -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": name, "ms": 4_000})
        call = asyncio.create_task(caller.order())
        # One sleeper is the exchange's own clock.
        while caller.clock.sleepers < 2:
            await asyncio.wait({call}, timeout=0.01)
        assert (call.done(), await filled(caller)) == (False, before)
        caller.clock.advance(4_000_000)
        assert (await soon(call))[0] == 200
        assert await filled(caller) == 1

    played(play)


def test_a_reply_that_is_cut_off() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": "garbled_reply", "path": "/order"})
        status, body = await caller.order()
        assert (status, isinstance(body, bytes), await filled(caller)) == (200, True, 1)

    played(play)


def test_a_handshake_that_is_refused_and_a_socket_that_breaks() -> None:
    async def play(caller: Caller) -> None:
        await caller.admin("POST", "faults", {"name": "refused_handshake", "status": 503})
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with caller.socket():
                raise AssertionError
        await caller.admin("POST", "faults", {"name": "socket_drop"})
        async with caller.socket(caller.member.yes()) as socket:
            assert (await soon(socket.receive())).type is aiohttp.WSMsgType.CLOSED

    played(play)


def test_a_clock_that_is_ahead() -> None:
    async def play(caller: Caller) -> None:
        before = (await caller.call("GET", "/time"))[1]
        headers = caller.member.headers("GET", "/data/orders")
        await caller.admin("POST", "faults", {"name": "clock_offset", "ms": 90_000})
        assert (await caller.call("GET", "/time"))[1] == before + 90
        assert (await caller.raw("GET", "/data/orders", b"", {}, headers))[0] == 401
        assert (await caller.call("GET", "/data/orders"))[0] == 200

    played(play)


def test_a_clock_that_is_set_back_leaves_nothing_waiting() -> None:
    member = Member(new_service())
    break_down(member.service, "clock_offset", ms=90_000)
    member.rest(member.yes(), "BUY", "10", "0.4")
    placed(member.buy(member.yes(), "2.82", "0.47"))
    break_down(member.service, "delayed", ms=3_000)
    order_id = document(member.buy(member.yes(), "2.35", "0.47"))["orderID"]
    assert member.call("POST", "/v1/heartbeats", {"heartbeat_id": ""}).status == 200
    member.service.mend("clock_offset")
    member.wait(6)
    assert member.get(f"/data/order/{order_id}")["status"] == "ORDER_STATUS_MATCHED"
    assert member.get("/data/trades")["data"][1]["status"] == "TRADE_STATUS_CONFIRMED"
    member.wait(5)
    assert member.get("/data/orders")["data"] == []


def test_what_is_asked_from_a_web_page_is_not_done() -> None:
    async def play(caller: Caller) -> None:
        origin = {"Origin": "http://example.org"}
        assert (await caller.raw("GET", "/arb-admin/state", b"", {}, origin))[0] == 403

    played(play)


# -- orders ------------------------------------------------------------------------------------------------------------


def test_a_lookup_says_null_and_the_trades_know_better() -> None:
    member = Member(new_service())
    order_id = document(member.buy(member.yes(), "2.82", "0.47"))["orderID"]
    break_down(member.service, "null_lookup")
    assert len(member.get("/data/trades")["data"]) == 1
    assert member.get(f"/data/order/{order_id}") is None
    assert member.get(f"/data/order/{order_id}")["size_matched"] == "6"
    break_down(member.service, "empty_page", path="/data/trades")
    assert member.get("/data/trades")["data"] == []
    assert len(member.get("/data/trades")["data"]) == 1


@pytest.mark.parametrize(("name", "word"), [("delayed", "delayed"), ("live_then_filled", "live")])
def test_filled_only_later(name: str, word: str) -> None:
    member = Member(new_service())
    break_down(member.service, name, ms=3_000)
    reply = member.buy(member.yes(), "2.82", "0.47")
    assert placed(reply) == (word, "", "")
    order_id = document(reply)["orderID"]
    order = member.get(f"/data/order/{order_id}")
    assert (order["status"], order["size_matched"]) == (f"ORDER_STATUS_{word.upper()}", "0")
    assert member.get("/data/trades")["data"] == []
    assert document(member.call("DELETE", "/cancel-all"))["not_canceled"] == {order_id: HELD}
    member.wait(3)
    order = member.get(f"/data/order/{order_id}")
    assert (order["status"], order["size_matched"]) == ("ORDER_STATUS_MATCHED", "6")
    assert len(member.get("/data/trades")["data"]) == 1


def test_reads_that_lag() -> None:
    member = Member(new_service())
    break_down(member.service, "lag", ms=2_000)
    order_id = document(member.buy(member.yes(), "2.82", "0.47"))["orderID"]
    member.rest(member.yes(), "BUY", "10", "0.4")
    assert member.get(f"/data/order/{order_id}") is None
    assert (member.get("/data/trades")["data"], member.get("/data/orders")["data"]) == ([], [])
    member.wait(2)
    assert member.get(f"/data/order/{order_id}")["size_matched"] == "6"
    assert [len(member.get(path)["data"]) for path in ("/data/trades", "/data/orders")] == [1, 1]
    break_down(member.service, "lag", ms=3_600_000)
    member.service.mend("lag")
    assert len(member.get("/data/trades")["data"]) == 1


def test_more_shares_than_were_asked_for() -> None:
    member = Member(new_service((FREE,)))
    break_down(member.service, "over_fill", ticks=5)
    assert placed(member.buy(member.yes("free"), "5", "0.5")) == ("matched", "5", "11.111111")
    # The better offer was for this order alone; what was there stays.
    assert member.get("/price", token_id=member.yes("free"), side="SELL") == {"price": "0.5"}
    member.account.shares[member.no("free")] += 10_000_000
    break_down(member.service, "over_fill", ticks=10)
    assert placed(member.sell(member.no("free"), "10", "0.5")) == ("matched", "10", "5.9")
    assert member.get("/price", token_id=member.yes("free"), side="SELL") == {"price": "0.5"}


def test_filled_only_later_and_then_never_mined() -> None:
    member = Member(new_service())
    break_down(member.service, "live_then_filled", ms=1_000)
    break_down(member.service, "ghost_fill")
    assert placed(member.buy(member.yes(), "2.82", "0.47"))[0] == "live"
    member.wait(1)
    assert member.get("/data/trades")["data"][0]["status"] == "TRADE_STATUS_MATCHED"
    member.wait(6)
    assert member.get("/data/trades")["data"][0]["status"] == "TRADE_STATUS_FAILED"


def test_success_that_is_none() -> None:
    member = Member(new_service())
    break_down(member.service, "success_with_error", text="could not insert order")
    answer = document(member.buy(member.yes(), "2.82", "0.47"))
    assert (answer["success"], answer["errorMsg"], answer["status"]) == (True, "could not insert order", "")
    break_down(member.service, "unmatched")
    answer = document(member.buy(member.yes(), "2.82", "0.47"))
    assert (answer["success"], answer["status"], answer["makingAmount"]) == (True, "unmatched", "")
    assert member.service.exchange.orders == {}


def test_a_fault_may_be_meant_for_one_wallet_or_market() -> None:
    member = Member(new_service())
    break_down(member.service, "killed", wallet="0x" + "1" * 40)
    break_down(member.service, "killed", market="another")
    assert placed(member.buy(member.yes(), "2.82", "0.47"))[0] == "matched"
    assert len(member.service.faults.waiting) == 2


def test_trades_wait_while_nothing_is_settled() -> None:
    member = Member(new_service())
    break_down(member.service, "unsettled")
    member.buy(member.yes(), "2.82", "0.47")
    member.wait(100)
    assert member.get("/data/trades")["data"][0]["status"] == "TRADE_STATUS_MATCHED"
    member.service.mend("unsettled")
    member.wait(0)
    assert member.get("/data/trades")["data"][0]["status"] == "TRADE_STATUS_CONFIRMED"


# -- all of them -------------------------------------------------------------------------------------------------------


def test_a_fault_waits_strikes_so_often_and_is_counted() -> None:
    service = new_service()
    break_down(service, "delay", times=2, skip=1)
    assert [len(service.faults.request("GET", "/book")) for _ in range(4)] == [0, 1, 1, 0]
    assert service.faults.struck == {"delay": 2}


@pytest.mark.parametrize("fault", [Fault(name="x"), Fault(name="delay", times=0), Fault(name="market_paused")])
def test_a_fault_that_cannot_be(fault: Fault) -> None:
    with pytest.raises(FaultError):
        new_service().break_down(fault)


def test_every_fault_is_in_the_documentation_and_in_a_test() -> None:
    page = (ROOT / "docs" / "polymarket-exchange.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for name, what in {**REQUEST_FAULTS, **ORDER_FAULTS, **FRAME_FAULTS, **SOCKET_FAULTS, **STATES}.items():
        assert f"| `{name}` | {what} |" in page
        assert f'"{name}"' in tests
    assert len(NAMES) == sum(map(len, (REQUEST_FAULTS, ORDER_FAULTS, FRAME_FAULTS, SOCKET_FAULTS, STATES)))
