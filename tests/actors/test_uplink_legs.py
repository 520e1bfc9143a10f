"""Legs over the wire to a trader: refused by the name of a field, executed once, never lost, dry if either end is."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.terms import KALSHI, Status
from protocol.units import USD, Money
from simulation.boxes import TraderBox
from simulation.doubles import ScriptedVenue, filled
from tests.actors.kit import LEVEL_2, SEED_FIELDS, a_leg, book, only_result, order, outcome, results


def nothing_reached_a_venue(trader: TraderBox) -> bool:
    return not any(venue.fills for venue in trader.venues.values())


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [{}, LEVEL_2], ids=["level-1", "level-2"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", float("nan")),
        ("price", float("inf")),
        ("price", 0),
        ("price", 100),
        ("price", -1),
        ("price", 52.123),
        ("price", "52"),
        ("price", None),
        ("contracts", 0),
        ("contracts", -10),
        ("contracts", "ten"),
        ("contracts", float("nan")),
        ("contracts", 0.001),
        ("kalshi_market_ticker", None),
        ("kalshi_market_ticker", ""),
        ("platform", "limitless"),
        ("side", "maybe"),
        ("action", "hold"),
        ("market_id", 70_000),
        ("market_id", "seven"),
        ("expires_at_ms", 5),
        ("contracts", 2_000),
    ],
)
def test_an_order_that_makes_no_sense_is_answered_by_the_name_of_its_field_and_reaches_no_venue(
    trader: TraderBox, level: dict[str, Any], field: str, value: object
) -> None:
    trader.say_init(1, **level)
    trader.receive(1, book([], [(50, 1_000_000)]))
    trader.receive(1, order() | {field: value})
    told = only_result(trader)
    assert (told["leg_id"], told["success"], told["filled"]) == ("l1", False, 0)
    assert field in told["error"]
    assert told["order_id"] is None
    assert nothing_reached_a_venue(trader)
    if level:
        assert told["status"] == ("expired" if field == "expires_at_ms" else "rejected")
    else:
        assert list(told) == SEED_FIELDS


def test_a_refusal_names_the_platform_where_it_was_readable(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order("l1", price=0))
    trader.receive(1, order("l2", platform=3))
    assert [(told["leg_id"], told["platform"]) for told in results(trader)] == [("l1", "kalshi"), ("l2", "unknown")]


def test_only_an_order_is_answered_with_a_result(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, {"type": "leg_result", "leg_id": "l1", "platform": "kalshi", "success": "yes"})
    assert results(trader) == []


def test_a_token_is_asked_for_by_the_venues_own_field(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order(platform="polymarket"))
    assert "poly_token" in only_result(trader)["error"]
    assert nothing_reached_a_venue(trader)


def test_a_leg_before_the_hello_is_refused_and_answered(trader: TraderBox) -> None:
    trader.connect(1)
    trader.receive(1, order())
    told = only_result(trader)
    assert (told["success"], "no init received yet" in told["error"]) == (False, True)
    assert nothing_reached_a_venue(trader)


def test_a_platform_that_the_hello_did_not_name_is_refused(trader: TraderBox) -> None:
    trader.say_init(1, ["polymarket"])
    trader.receive(1, order())
    assert "platform: kalshi is not executed here" in only_result(trader)["error"]
    assert nothing_reached_a_venue(trader)


def test_a_controller_that_asks_for_nothing_we_execute_is_told_what_we_do() -> None:
    with TraderBox((KALSHI,)) as box:
        box.say_init(1, ["polymarket"])
        (ack,) = box.frames(1)
        assert (ack["success"], ack["platforms"]) == (False, [])
        assert ack["error"] == "asked was polymarket; this trader executes kalshi"
        assert box.notes("the controller asks for polymarket, this trader executes kalshi")
        box.receive(1, order())
        assert "platform: kalshi is not executed here (this trader executes nothing)" in only_result(box)["error"]
        assert box.status()["link"]["state"] == "refused"


def test_the_cap_of_a_leg_is_the_traders_own_and_exact() -> None:
    with TraderBox(max_leg_notional=Money(52 * USD)) as box:
        box.say_init(1)
        box.receive(1, order("l1", contracts=100))
        box.receive(1, order("l2", contracts=100.01))
        assert [told["success"] for told in results(box)] == [True, False]
        assert "max_leg_notional of $52.00" in results(box)[1]["error"]


def test_a_sell_at_next_to_nothing_risks_nearly_the_dollar() -> None:
    with TraderBox(max_leg_notional=Money(52 * USD)) as box:
        box.say_init(1)
        box.receive(1, order("l1", action="sell", price=1, contracts=53))
        box.receive(1, order("l2", action="sell", price=1, contracts=52))
        assert [told["success"] for told in results(box)] == [False, True]


def test_a_leg_expires_at_its_moment_and_not_before(trader: TraderBox) -> None:
    trader.say_init(1)
    now = trader.clock.unix_us() // 1_000
    trader.receive(1, order("l1", expires_at_ms=now + 1))
    trader.receive(1, order("l2", expires_at_ms=now))
    assert [told["success"] for told in results(trader)] == [True, False]
    assert "expires_at_ms: arrived 0 ms too late" in results(trader)[1]["error"]


# -- once, and never lost ------------------------------------------------------------------------------------------


def test_a_leg_that_comes_twice_is_executed_once_and_answered_twice(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order())
    trader.receive(1, order())
    trader.receive(1, order(price=90, contracts=99, side="no"))
    assert len(results(trader)) == 3
    assert len(trader.notes("not executed again")) == 2
    assert all(told == results(trader)[0] for told in results(trader))
    assert len(trader.venues[KALSHI].fills) == 1


def test_a_leg_that_comes_again_while_it_is_at_the_venue_is_not_placed_again(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    live.receive(1, order())
    live.receive(1, order())
    assert len(venue.placed) == 1
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert [told["filled"] for told in results(live)] == [10]


def test_a_refused_leg_stays_refused_when_it_comes_again(trader: TraderBox) -> None:
    trader.connect(1)
    trader.receive(1, order())
    trader.receive(1, {"type": "init", "platforms": ["kalshi"], "dry_run": True})
    trader.receive(1, order())
    assert [told["success"] for told in results(trader)] == [False, False]
    assert nothing_reached_a_venue(trader)


def test_a_wrong_order_under_a_known_id_is_no_word_on_the_leg(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.receive(1, order(price="52"))
    assert results(live) == []
    assert live.notes("a second order under the id l1")
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert only_result(live)["status"] == "filled"


def test_a_venue_that_never_answers_leaves_the_leg_unknown_until_it_is_proven(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    live.receive(1, order())
    live.pass_time(3.9)
    assert results(live) == []
    live.pass_time(0.3)
    told = only_result(live)
    assert (told["status"], told["success"], told["filled"], told["final"]) == ("unknown", False, 0, False)
    live.pass_time(10)
    assert len(results(live)) == 1
    venue.answer(outcome("l1", Status.PARTIAL, 4))
    assert [(told["status"], told["revision"]) for told in results(live)] == [("unknown", 0), ("partial", 1)]
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert [told["revision"] for told in results(live)] == [0, 1, 2]


def test_a_part_that_is_known_of_an_unknown_leg_is_told_and_is_no_success(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    live.receive(1, order())
    venue.answer(outcome("l1", Status.UNKNOWN, 3))
    told = only_result(live)
    assert (told["success"], told["filled"], told["status"]) == (False, 3, "unknown")
    assert told["error"] == "unknown: not proven"


def test_a_venue_that_says_the_same_twice_is_told_once(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    for _ in range(3):
        venue.answer(outcome("l1", Status.FILLED, 10))
    assert len(results(live)) == 1


def test_a_result_while_nobody_is_connected_is_kept_and_told_after_the_next_hello(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    live.receive(1, order("l1"))
    live.receive(1, order("l2"))
    live.disconnect(1)
    venue.answer(outcome("l2", Status.UNKNOWN))
    venue.answer(outcome("l1", Status.FILLED, 10))
    venue.answer(outcome("l2", Status.PARTIAL, 3))
    live.connect(2)
    assert live.frames(2) == []
    live.receive(2, {"type": "init", "platforms": ["kalshi"], "dry_run": False, **LEVEL_2})
    assert [frame["type"] for frame in live.frames(2)] == ["init_ack", "status", "ping", "leg_result", "leg_result"]
    assert live.frames(2)[0]["unacked"] == 2
    told = {frame["leg_id"]: (frame["status"], frame["revision"]) for frame in results(live, 2)}
    assert told == {"l1": ("filled", 0), "l2": ("partial", 1)}


def test_a_result_before_the_hello_of_a_new_connection_waits_for_it(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.disconnect(1)
    live.connect(2)
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert live.frames(2) == []
    live.receive(2, {"type": "init", "platforms": ["kalshi"], "dry_run": False, **LEVEL_2})
    assert live.frames(2)[0]["type"] == "init_ack"
    assert only_result(live, 2)["status"] == "filled"


def test_a_result_that_the_dying_link_did_not_take_is_kept(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.link.broken.add(1)
    venue.answer(outcome("l1", Status.FILLED, 10))
    live.disconnect(1)
    live.say_init(2, dry_run=False, **LEVEL_2)
    assert only_result(live, 2)["status"] == "filled"


def test_a_result_that_was_acked_is_not_told_again_after_a_reconnect(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, order())
    trader.receive(1, {"type": "leg_ack", "leg_id": "l1", "revision": 0})
    trader.disconnect(1)
    trader.say_init(2, **LEVEL_2)
    assert results(trader, 2) == []


def test_after_the_controller_is_gone_no_leg_is_taken_until_the_next_hello(live: TraderBox) -> None:
    live.disconnect(1)
    live.connect(2)
    live.receive(2, order())
    assert "no init received yet" in only_result(live, 2)["error"]


def test_the_newest_connection_holds_and_the_older_one_is_ended(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.connect(2)
    assert trader.link.ended == [(1, "4001 this trader has a newer session")]
    trader.receive(1, order("l1"))
    trader.receive(2, order("l2"))
    assert results(trader, 1) == []
    assert "no init received yet" in only_result(trader, 2)["error"]
    trader.disconnect(1)
    assert trader.status()["link"]["conn_id"] == 2


# -- dry run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trader", "controller", "orders", "by"),
    [
        (False, False, 1, "live"),
        (False, True, 0, "dry run, wanted by the controller"),
        (True, False, 0, "dry run, wanted by this trader"),
        (True, True, 0, "dry run, wanted by both ends"),
    ],
)
def test_a_live_venue_sees_an_order_only_when_both_ends_mean_it(
    *, trader: bool, controller: bool, orders: int, by: str
) -> None:
    venue = ScriptedVenue(KALSHI, script=filled)
    with TraderBox(dry_run=trader, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=controller)
        box.receive(1, order())
        assert len(venue.placed) == orders
        assert len(box.venues[KALSHI].fills) == 1 - orders
        assert only_result(box)["success"]
        assert box.notes(by)
        assert box.status()["link"]["dry_run_by"] == by


def test_a_later_hello_may_make_it_dry(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, {"type": "init", "platforms": ["kalshi"], "dry_run": True})
    live.receive(1, order())
    assert venue.placed == []


def test_the_live_order_is_the_leg_as_asked(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order(expires_at_ms=2**45, trade_id="t1"))
    assert venue.placed == [a_leg("l1", expires_at_ms=2**45)]


# -- stopping ------------------------------------------------------------------------------------------------------


def test_a_stop_waits_for_the_venue_and_takes_nothing_new(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order("l1"))
    live.stop()
    assert live.memory.ends == []
    live.receive(1, order("l2"))
    assert "this trader is stopping: asked to" in only_result(live)["error"]
    assert len(venue.placed) == 1
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert live.memory.ends == [("in order", 0, False)]
    assert [told["leg_id"] for told in results(live)] == ["l2", "l1"]


def test_a_stop_tells_how_many_legs_stayed_unknown(live: TraderBox) -> None:
    live.receive(1, order())
    live.stop()
    live.pass_time(5)
    assert live.memory.ends == [("in order", 1, False)]


def test_a_stop_with_nothing_at_a_venue_ends_at_once(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order())
    trader.stop()
    assert trader.memory.ends == [("in order", 0, False)]
