"""The router: who is registered, which of them gets the next leg, and the seed's `test_register`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import LegOrder, LegsNotSent, SendLegs, StopTrading
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, LegId, Platform
from simulation.boxes import ControllerBox
from simulation.doubles import RouterHandle, Say, inbox
from tests.actors.kit import a_leg, offer, states, texts, trades
from tests.market.builders import NO, pair
from tests.risk_kit import approved


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    with ControllerBox([pair(0), pair(1)]) as made:
        yield made


def connected(box: ControllerBox) -> set[Platform]:
    return {platform for platform in PLATFORMS if box.traders.is_connected(platform)}


def legs_written(box: ControllerBox, conn_id: int) -> list[str]:
    return [frame["leg_id"] for frame in box.frames(conn_id, "execute_leg")]


# -- registering ---------------------------------------------------------------------------------------------------


def test_a_connection_registers_nothing_before_its_hello(box: ControllerBox) -> None:
    box.connect(1)
    assert connected(box) == set()


def test_every_platform_of_the_hello_that_was_asked_for_is_registered(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi", "limitless", "polymarket", "kalshi"])
    assert connected(box) == {KALSHI, POLYMARKET}
    assert box.status()["routes"] == {"kalshi": ["127.0.0.1:1"], "polymarket": ["127.0.0.1:1"]}


def test_a_trader_may_execute_one_platform_only(box: ControllerBox) -> None:
    box.say_hello(1, ["polymarket"])
    assert connected(box) == {POLYMARKET}


@pytest.mark.parametrize(
    ("ack", "reason"),
    [
        ({"success": False, "error": "no keys here"}, "no keys here"),
        ({"success": False}, "no reason given"),
        ({"platforms": []}, "it offers no platform, asked was kalshi, polymarket"),
        ({"platforms": ["limitless"]}, "it offers limitless, asked was kalshi, polymarket"),
    ],
)
def test_a_hello_without_a_usable_platform_registers_nothing_and_says_why(
    box: ControllerBox, ack: dict[str, Any], reason: str
) -> None:
    box.connect(1)
    box.receive(1, {"type": "init_ack", "success": True, "platforms": ["kalshi"]} | ack)
    assert connected(box) == set()
    (note,) = box.notes("registers nothing")
    assert reason in note.text
    assert note.level == "warning"
    assert box.status()["connections"][0]["state"] == "refused"


def test_a_hello_with_a_wrong_field_registers_nothing_and_says_why(box: ControllerBox) -> None:
    box.connect(1)
    box.receive(1, {"type": "init_ack", "success": "yes", "platforms": ["kalshi"]})
    assert connected(box) == set()
    assert "success" in box.notes("registers nothing")[0].text


def test_the_first_hello_of_a_connection_holds(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi"])
    box.receive(1, {"type": "init_ack", "success": True, "platforms": ["polymarket"]})
    assert connected(box) == {KALSHI}
    assert box.notes("said hello twice")


# -- several traders -----------------------------------------------------------------------------------------------


def test_the_second_platform_may_come_from_another_trader(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi"])
    box.say_hello(2, ["polymarket"])
    offer(box)
    assert (legs_written(box, 1), legs_written(box, 2)) == (["t1-1"], ["t1-2"])


def test_of_two_traders_of_a_platform_the_first_is_active_and_the_second_takes_over_when_it_dies(
    box: ControllerBox,
) -> None:
    box.say_hello(1, protocol=2, trader_id="lisbon")
    box.say_hello(2, protocol=2, trader_id="oslo")
    assert box.status()["routes"]["kalshi"] == ["lisbon", "oslo"]
    offer(box, pair_id="pair_0")
    box.disconnect(1)
    assert connected(box) == {KALSHI, POLYMARKET}
    assert box.notes("oslo takes over kalshi")
    assert not box.notes("no trader for")
    offer(box, pair_id="pair_1")
    assert legs_written(box, 1) == ["t1-1", "t1-2"]
    assert legs_written(box, 2) == ["t2-1", "t2-2"]
    assert states(box) == ["unknown", "legs_out"]


def test_a_trader_that_is_back_before_its_old_link_is_known_to_be_dead_gets_the_next_leg_on_the_new_one(
    box: ControllerBox,
) -> None:
    box.say_hello(1, protocol=2, trader_id="lisbon")
    box.say_hello(2, protocol=2, trader_id="oslo")
    box.say_hello(3, protocol=2, trader_id="lisbon")
    assert box.status()["routes"]["kalshi"] == ["lisbon", "oslo"]
    assert [conn_id for conn_id, _ in box.link.ended] == [1], "the older session is told, and ends"
    offer(box)
    assert (legs_written(box, 1), legs_written(box, 3)) == ([], ["t1-1", "t1-2"])
    assert states(box) == ["legs_out"]


def test_a_standby_that_dies_changes_nothing_for_the_active_one(box: ControllerBox) -> None:
    box.say_hello(1)
    box.say_hello(2)
    box.disconnect(2)
    assert connected(box) == {KALSHI, POLYMARKET}
    assert not box.notes("takes over")
    offer(box)
    assert legs_written(box, 1) == ["t1-1", "t1-2"]


def test_the_last_trader_of_a_platform_is_missed_aloud_and_arbs_are_rejected_until_it_is_back(
    box: ControllerBox,
) -> None:
    box.say_hello(1)
    box.disconnect(1, "cut off")
    assert [note.text for note in box.notes("no trader for")] == [
        "no trader for kalshi: cut off",
        "no trader for polymarket: cut off",
    ]
    offer(box)
    assert states(box) == []
    box.say_hello(2)
    offer(box)
    assert states(box) == ["legs_out"]


def test_every_way_a_link_dies_unregisters_at_once(box: ControllerBox) -> None:
    for conn_id, reason in enumerate(("closed by the other end", "reset", "EOF", "too slow"), start=1):
        box.say_hello(conn_id)
        assert connected(box) == {KALSHI, POLYMARKET}
        box.disconnect(conn_id, reason)
        assert connected(box) == set()
    assert box.status()["connections"] == []


def test_of_legs_handed_in_together_none_is_passed_on_when_one_has_no_trader(box: ControllerBox) -> None:
    received = box.traders.test_register(KALSHI)
    asker, answers = inbox(box.host)
    legs = (LegOrder(a_leg("l1")), LegOrder(a_leg("l2", platform=POLYMARKET, market=NO)))
    box.host.tell(asker, Say(box.address("router"), SendLegs(legs, approved([order.leg for order in legs]))))
    assert received == []
    assert answers == [LegsNotSent((LegId("l1"), LegId("l2")), "no trader for polymarket")]


# -- the seed's test_register --------------------------------------------------------------------------------------


def test_the_seeds_test_register_gives_a_fake_trader_and_what_is_sent_to_it(box: ControllerBox) -> None:
    router = box.traders
    assert isinstance(router, RouterHandle)
    assert not router.is_connected(KALSHI)
    rx = router.test_register(KALSHI)
    router.test_register(POLYMARKET)
    assert router.is_connected(KALSHI)
    offer(box)
    (order,) = rx
    assert isinstance(order, LegOrder)
    assert (order.leg.leg_id, order.leg.platform) == ("t1-1", KALSHI)


def test_a_fake_trader_can_go_and_come_back(box: ControllerBox) -> None:
    for _ in range(2):
        box.traders.test_register(KALSHI)
        assert connected(box) == {KALSHI}
        box.traders.test_unregister(KALSHI)
        assert connected(box) == set()


def test_a_fake_trader_that_goes_takes_no_real_one_with_it(box: ControllerBox) -> None:
    box.say_hello(0)
    box.say_hello(1)
    box.traders.test_register(KALSHI)
    box.traders.test_unregister(KALSHI)
    box.traders.test_unregister(POLYMARKET)
    both = ["127.0.0.1:0", "127.0.0.1:1"]
    assert box.status()["routes"] == {"kalshi": both, "polymarket": both}


def test_a_fake_trader_of_a_dry_controller_is_dry(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.traders.test_register(platform)
    assert [route.info.real for routes in box.instance("router").routes.values() for route in routes] == [False, False]


def test_asking_hears_the_answer_and_not_what_somebody_said_before(box: ControllerBox) -> None:
    box.stop()
    box.tell("executor", StopTrading("from outside"))
    assert not box.traders.is_connected(KALSHI)
    box.traders.test_register(KALSHI)
    assert box.traders.is_connected(KALSHI)


# -- a session that breaks -----------------------------------------------------------------------------------------


def test_a_session_that_breaks_ends_its_connection_and_nothing_else(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi"])
    box.say_hello(2, ["polymarket"])
    sessions = box.instance("router").sessions
    box.host.tell(sessions[1], "a message of no known type")
    assert connected(box) == {POLYMARKET}
    assert (1, "1011 internal error") in box.link.ended
    assert any("session #1 failed" in text for text in texts(box))
    box.say_hello(3, ["kalshi"])
    offer(box)
    assert [leg["status"] for leg in trades(box)["t1"]["legs"]] == ["waiting", "waiting"]
    assert box.status()["restarts"] == 0
