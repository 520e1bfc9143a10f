"""The tree: one replacement in five seconds, else halt and say why; a stop in order, within its patience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.messages import Drained
from actors.supervisor import RESTART_WINDOW_US
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Status
from simulation.boxes import Box, ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import ARB, book, never, offer, order, outcome, report, states, texts, trades
from tests.market.builders import NO, kalshi, pair, poly

REPLACEABLE = ["scanner", "telemetry", "router", "bridge", "beacon"]


class Unknown:
    """A message that no actor has a handler for: the bug that a test can plant."""


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """Kalshi is executed locally, Polymarket by a trader."""
    with ControllerBox([pair(0), pair(1)], local=(KALSHI,)) as made:
        yield made


def fail(box: Box, role: str) -> None:
    box.tell(role, Unknown())


def halted(box: Box) -> str | None:
    status = box.status()
    assert (status["state"] == "HALTED") is bool(status["reason"])
    reason: str | None = status["reason"]
    return reason


# -- replacement ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", REPLACEABLE)
def test_an_actor_that_failed_is_replaced_and_said_so(box: ControllerBox, role: str) -> None:
    before = box.address(role)
    fail(box, role)
    assert box.address(role) != before
    assert any(f"{role} failed on Unknown" in text for text in texts(box, "CONTROL"))
    assert f"{role} was replaced" in texts(box, "CONTROL")
    assert any("has no handler for Unknown" in note.text for note in box.notes("Traceback") if note.level == "debug")
    status = box.status()
    assert (status["state"], status["restarts"]) == ("ACTIVE", 1)


@pytest.mark.parametrize("role", [*REPLACEABLE, "trader:kalshi", "venue:kalshi:paper"])
def test_after_any_replacement_a_trade_works_again(box: ControllerBox, role: str) -> None:
    box.say_hello(1, ["polymarket"])
    fail(box, role)
    if role in {"router", "bridge"}:
        # Its connections went with it; the trader comes back by itself.
        assert not box.traders.is_connected(POLYMARKET)
        box.disconnect(1)
        box.say_hello(2, ["polymarket"])
    box.feed(kalshi([(40, 10)], [(45, 10)]), poly(NO, [(40, 10)], [(45, 10)]))
    conn_id = 2 if role in {"router", "bridge"} else 1
    (frame,) = box.frames(conn_id, "execute_leg")
    answer = {"type": "leg_result", "leg_id": frame["leg_id"], "platform": "polymarket", "success": True}
    box.receive(conn_id, answer | {"filled": 10, "avg_price": 45})
    assert states(box) == ["hedged"]


@pytest.mark.parametrize("role", ["router", "bridge"])
def test_connections_whose_sessions_were_lost_are_ended_so_that_their_traders_come_back(
    box: ControllerBox, role: str
) -> None:
    box.say_hello(1, ["polymarket"])
    box.say_hello(2, ["polymarket"])
    fail(box, role)
    assert box.link.ended == [(conn_id, f"1011 the {role} was restarted") for conn_id in (1, 2)]
    assert box.status()["connections"] == []


@pytest.mark.parametrize("role", ["router", "bridge"])
def test_no_half_of_an_arb_leaves_while_the_traders_are_away(box: ControllerBox, role: str) -> None:
    box.say_hello(1, ["polymarket"])
    fail(box, role)
    box.feed(*ARB)
    assert states(box) == []
    assert not box.venues[KALSHI].fills
    assert box.status()["paths"] == {"kalshi": "local"}


@pytest.mark.parametrize("role", ["telemetry", "scanner"])
def test_connections_outlive_the_failure_of_what_they_do_not_need(box: ControllerBox, role: str) -> None:
    box.say_hello(1, ["polymarket"])
    fail(box, role)
    box.receive(1, {"type": "init_ack", "success": True, "platforms": []})
    assert box.notes("said hello twice")
    assert box.link.ended == []


def test_legs_under_way_survive_the_loss_of_the_bridge_as_unknown(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    offer(box)
    fail(box, "bridge")
    assert [leg["status"] for leg in trades(box)["t1"]["legs"]] == ["unfilled", "unknown"]


def test_legs_under_way_survive_the_loss_of_the_router_and_are_unknown_in_time(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    offer(box)
    fail(box, "router")
    box.pass_time(6)
    assert [leg["status"] for leg in trades(box)["t1"]["legs"]] == ["unfilled", "unknown"]


def test_what_a_lost_local_trader_had_in_hand_is_unknown() -> None:
    live = ScriptedVenue(KALSHI)
    with ControllerBox([pair()], local=PLATFORMS, dry_run=False, live={KALSHI: live, POLYMARKET: _live_poly()}) as box:
        box.feed(*ARB)
        assert [leg["status"] for leg in trades(box)["t1"]["legs"]] == ["waiting", "waiting"]
        fail(box, "trader:kalshi")
        assert states(box) == ["unknown"]
        assert halted(box) is None


def _live_poly() -> ScriptedVenue:
    return ScriptedVenue(POLYMARKET)


def test_a_new_scanner_makes_no_offer_from_books_it_has_not_seen(box: ControllerBox) -> None:
    box.simulate(POLYMARKET, never)
    box.feed(kalshi([(40, 10)], [(45, 10)]))
    fail(box, "scanner")
    box.feed(poly(NO, [(40, 10)], [(45, 10)]))
    assert states(box) == []
    box.feed(kalshi([(40, 10)], [(45, 10)]))
    assert len(states(box)) == 1


def test_what_telemetry_missed_by_failing_is_why_it_failed_and_that_is_told(box: ControllerBox) -> None:
    fail(box, "telemetry")
    assert box.status()["problems"][0]["text"] == "telemetry was replaced"
    assert "telemetry failed on Unknown" in box.status()["problems"][1]["text"]


# -- the budget ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", REPLACEABLE)
def test_a_second_failure_within_five_seconds_halts_and_says_why(box: ControllerBox, role: str) -> None:
    fail(box, role)
    box.clock.advance(RESTART_WINDOW_US - 1)
    fail(box, role)
    assert (halted(box) or "").startswith(f"{role} failed twice within 5 s")
    assert box.memory.ends == []


def test_a_second_failure_after_five_seconds_is_the_first_of_a_new_window(box: ControllerBox) -> None:
    for _ in range(4):
        fail(box, "scanner")
        box.clock.advance(RESTART_WINDOW_US)
    assert halted(box) is None
    assert box.status()["restarts"] == 4


def test_two_actors_that_fail_once_each_are_both_replaced(box: ControllerBox) -> None:
    fail(box, "scanner")
    fail(box, "beacon")
    assert halted(box) is None


def test_nothing_leaves_after_a_halt(box: ControllerBox) -> None:
    box.simulate(POLYMARKET)
    for _ in range(2):
        fail(box, "scanner")
    offer(box)
    assert states(box) == []
    assert any("stopping: halted: scanner failed twice" in reason for reason in box.status()["aborted"])
    assert [note.level for note in box.notes("HALTED: scanner failed twice")] == ["error"]


def test_the_failure_of_the_executor_halts_and_says_why(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    fail(box, "executor")
    assert "executor failed and its state cannot be rebuilt" in (halted(box) or "")
    box.feed(*ARB)
    assert box.frames(1, "execute_leg") == []
    assert not box.venues[KALSHI].fills


def test_the_first_reason_of_a_halt_stays(box: ControllerBox) -> None:
    fail(box, "executor")
    for _ in range(2):
        fail(box, "scanner")
    assert "executor" in (halted(box) or "")


def test_the_failure_of_the_root_is_fatal_for_the_process() -> None:
    with ControllerBox([pair()]) as box, pytest.raises(RuntimeError, match="the root actor controller failed"):
        box.host.tell(box.root, Unknown())


# -- the trader's tree ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["trader", "uplink", "bridge", "clock"])
def test_a_trader_that_forgot_its_legs_ends(trader: TraderBox, role: str) -> None:
    trader.say_init(1)
    fail(trader, role)
    ((how, _, failed),) = trader.memory.ends
    assert failed
    assert f"halted: {role} failed and its state cannot be rebuilt" in how


@pytest.mark.parametrize("role", ["telemetry", "beacon", "venue:kalshi:paper"])
def test_a_trader_replaces_what_holds_no_legs(trader: TraderBox, role: str) -> None:
    trader.say_init(1)
    fail(trader, role)
    trader.receive(1, order())
    assert trader.frames(1, "leg_result")[0]["success"]
    assert trader.memory.ends == []


def test_a_venue_port_that_raises_leaves_its_leg_unknown_and_the_next_one_works() -> None:
    def broken(_leg: object) -> None:
        raise OSError("socket gone")

    venue = ScriptedVenue(KALSHI, script=broken)
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False, protocol=2)
        box.receive(1, order("l1"))
        assert len(venue.placed) == 1
        venue.script = None
        box.receive(1, order("l2"))
        venue.answer(outcome("l2", Status.FILLED, 10))
        box.pass_time(5)
        told = {frame["leg_id"]: frame["status"] for frame in box.frames(1, "leg_result")}
        assert told == {"l2": "filled", "l1": "unknown"}


# -- stopping ------------------------------------------------------------------------------------------------------


def test_a_stop_in_order_ends_the_process_once(box: ControllerBox) -> None:
    box.stop()
    box.stop()
    assert box.memory.ends == [("in order", 0, False)]
    assert texts(box, "CONTROL") == ["stopping: asked to", "stopped in order"]
    assert (box.status()["state"], box.status()["reason"]) == ("STOPPING", "asked to")


def test_a_stop_waits_for_a_local_leg_too() -> None:
    live = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    with ControllerBox([pair()], local=PLATFORMS, dry_run=False, live=live) as box:
        box.feed(*ARB)
        box.stop()
        live[KALSHI].answer(outcome("t1-1", Status.FILLED, 10))
        assert box.memory.ends == []
        live[POLYMARKET].answer(outcome("t1-2", Status.FILLED, 10))
        assert box.memory.ends == [("in order", 0, False)]
        assert states(box) == ["hedged"]


def test_a_leg_that_is_never_answered_holds_a_stop_up_no_longer_than_its_timeout(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    offer(box)
    box.stop()
    box.pass_time(4.9)
    assert box.memory.ends == []
    box.pass_time(0.3)
    assert box.memory.ends == [("in order", 1, False)]


def test_nobody_but_the_role_that_was_asked_can_say_that_it_is_drained(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    offer(box)
    box.stop()
    for _ in range(5):
        box.host.tell(box.root, Drained(7))
    assert box.memory.ends == []
    box.pass_time(6)
    assert box.memory.ends == [("in order", 1, False)]
    box.host.tell(box.root, Drained(7))
    assert box.status()["state"] == "STOPPING"


def test_patience_bounds_a_stop_that_nobody_answers(box: ControllerBox) -> None:
    fail(box, "executor")
    box.stop()
    box.pass_time(10.9)
    assert box.memory.ends == []
    box.pass_time(0.1)
    ((how, _, failed),) = box.memory.ends
    assert how.startswith("without waiting longer for executor")
    assert failed


def test_a_stop_after_a_halt_still_drains(box: ControllerBox) -> None:
    box.simulate(POLYMARKET, never)
    offer(box)
    for _ in range(2):
        fail(box, "beacon")
    box.stop()
    assert box.memory.ends == []
    report(box, "t1-2", Status.FILLED, 10)
    assert box.memory.ends == [("in order", 1, True)], "a halted controller closes nothing: the naked trade is counted"


# -- status --------------------------------------------------------------------------------------------------------


def test_the_status_is_one_document_of_all_parts(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    box.pass_time(3)
    status = box.status()
    assert (status["role"], status["state"], status["reason"], status["uptime_s"]) == ("controller", "ACTIVE", None, 3)
    expected = {"feeds", "trades", "totals", "positions", "aborted", "paths", "routes", "connections", "traders"}
    assert expected | {"counters", "problems", "beacon", "recent_trades", "open_opportunities"} <= set(status)
    assert len(status["connections"]) == 1
    assert status["paths"] == {"kalshi": "local", "polymarket": "remote: 127.0.0.1:1"}


def test_each_status_is_as_of_now(box: ControllerBox) -> None:
    box.status()
    box.say_hello(1, ["polymarket"])
    assert len(box.status()["connections"]) == 1
    box.disconnect(1)
    assert box.status()["connections"] == []


def test_the_traders_status_has_its_link_and_its_answers(trader: TraderBox) -> None:
    trader.say_init(1, protocol=2)
    trader.receive(1, book([], [(50, 10)]))
    trader.receive(1, order())
    status = trader.status()
    assert (status["role"], status["link"]["state"]) == ("trader", "ready")
    assert status["traders"][0]["answers"] == {"filled": 1}
