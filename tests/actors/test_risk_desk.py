"""Risk in the real controller: capped, refused, halted, resumed, and the same after a restart."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger import LedgerBroken
from actors.messages import OpportunitySeen
from actors.risk.breaker import BreakerRules
from actors.risk.facts import PaidOut
from actors.risk.limits import Limits
from actors.risk.plan import RiskPlan
from actors.risk_messages import ClockTold
from market.events import FeedBatch
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Action, PairId, Status
from protocol.units import USD, Money
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from simulation.memory import MemoryLedger
from tests.actors.kit import ARB, arb, never, report, states, trades
from tests.market.builders import NO, contracts, kalshi, pair, poly

SMALL = RiskPlan(limits=Limits(per_pair=Money(5 * USD), total=Money(100 * USD)))


def trader_box(risk: RiskPlan = SMALL, **more: Any) -> ControllerBox:
    return ControllerBox([pair(0), pair(1)], dry_run=False, risk=risk, **more)


def refused(box: ControllerBox) -> dict[str, int]:
    return dict(box.status()["risk"]["refused"])


# -- limits ------------------------------------------------------------------------------------------------------


def test_a_trade_is_capped_to_what_the_limit_leaves_and_the_next_is_refused_and_counted_and_said_once() -> None:
    with trader_box() as box:
        received = box.simulate(KALSHI), box.simulate(POLYMARKET)
        box.feed(*ARB)
        assert [leg.quantity for legs in received for leg in legs] == [contracts("5.46"), contracts("5.46")]
        assert states(box) == ["hedged"]
        for version in range(2, 5):
            box.feed(kalshi([(40, 10)], [(45, 10)], t=version), poly(NO, [(40, 10)], [(45, 10)], t=version))
        assert len(trades(box)) == 1
        assert refused(box)["the limit per pair"] >= 3
        assert box.status()["risk"]["capped"] == {"the limit per pair": 1}
        assert len(box.notes("refused on pair_0")) == 1
        assert box.status()["risk"]["exposure"]["real"]["pair pair_0"] == Decimal("4.914")


def test_a_local_trade_and_a_dry_one_are_limited_the_same_way() -> None:
    with ControllerBox([pair()], local=PLATFORMS, risk=SMALL) as box:
        box.feed(*ARB)
        assert [leg["asked"] for leg in trades(box)["t1"]["legs"]] == [Decimal("5.46"), Decimal("5.46")]
        assert box.status()["risk"]["exposure"]["real"] == {}
        assert "pair pair_0" in box.status()["risk"]["exposure"]["paper"]


def test_what_is_held_counts_after_a_restart_too() -> None:
    ledger = MemoryLedger()
    with trader_box(ledger=ledger) as box:
        box.simulate(KALSHI)
        box.simulate(POLYMARKET)
        box.feed(*ARB)
        before = box.status()["risk"]["exposure"]
    with trader_box(ledger=MemoryLedger(list(ledger.facts))) as again:
        assert again.status()["risk"]["exposure"] == before
        legs = again.simulate(KALSHI), again.simulate(POLYMARKET)
        again.feed(*ARB)
        assert legs == ([], [])


def test_paid_out_by_a_persons_word_frees_the_money_over_a_restart_too() -> None:
    ledger = MemoryLedger()
    with trader_box(ledger=ledger) as box:
        box.simulate(KALSHI, never)
        box.simulate(POLYMARKET)
        box.feed(*ARB)
        assert "not over yet" in box.ask("paid_out", pair="pair_0")["error"]
        report(box, "t1-1", Status.FILLED, "5.46")
        assert box.ask("paid_out", pair="pair_1") == {"error": "nothing is at stake in pair_1"}
        assert "yes or no" in box.ask("paid_out", pair="pair_0", result="maybe")["error"]
        assert box.ask("paid_out", pair="pair_0", result="no")["trades"] == ["t1"]
        assert [fact.value for fact in ledger.facts if isinstance(fact, PaidOut)] == [0]
        assert box.status()["risk"]["exposure"]["real"] == {}
    with trader_box(ledger=MemoryLedger(list(ledger.facts))) as again:
        assert again.status()["risk"]["exposure"]["real"] == {}


def test_where_completing_passes_a_limit_the_excess_is_sold() -> None:
    with trader_box(RiskPlan(limits=Limits(per_pair=Money(9 * USD)))) as box:
        legs: list[Leg] = []

        def says(leg: Leg) -> Outcome:
            legs.append(leg)
            none = leg.platform == POLYMARKET and leg.action is Action.BUY
            return filled(leg, contracts(0)) if none else filled(leg)

        box.simulate(KALSHI, says)
        box.simulate(POLYMARKET, says)
        box.feed(*ARB)
        # Completing is a cent dearer than what was kept for it, and still cheaper than selling.
        box.feed(poly(NO, [(40, 10)], [(48, 10)], t=2))
        assert [leg.action for leg in legs if leg.platform == KALSHI] == [Action.BUY, Action.SELL]
        assert states(box) == ["flat"]


# -- halt, reduce, resume ----------------------------------------------------------------------------------------


def test_halted_nothing_leaves_and_resumed_it_does() -> None:
    with trader_box(RiskPlan()) as box:
        legs = box.simulate(KALSHI), box.simulate(POLYMARKET)
        answer = box.ask("halt", reason="lunch")
        assert (answer["state"], answer["reason"]) == ("halted", "lunch")
        box.feed(*ARB)
        assert legs == ([], [])
        assert refused(box) == {"the state allows no new trade": 1}
        status = box.status()
        assert (status["state"], status["reason"]) == ("HALTED", "lunch")
        assert box.ask("resume", reason="back")["state"] == "active"
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert states(box) == ["hedged"]


def test_reducing_closes_and_opens_nothing_and_halted_closes_nothing_either() -> None:
    with trader_box(RiskPlan()) as box:
        box.simulate(KALSHI)
        legs = box.simulate(POLYMARKET, lambda leg: filled(leg, contracts(0)))
        box.feed(*ARB)
        assert states(box) == ["naked"]
        sent = len(legs)
        box.ask("halt", reason="stop")
        box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
        assert len(legs) == sent
        assert trades(box)["t1"]["reason"] == "halted: stop"
        assert box.ask("reduce", reason="close it")["state"] == "reducing"
        assert len(legs) == sent + 1, "what is naked is looked at again at once"
        box.tell("executor", OpportunitySeen(arb(pair_id="pair_1")))
        assert refused(box)["the state allows no new trade"] == 1


def test_a_halt_and_a_breaker_survive_a_restart_and_the_breaker_must_be_acknowledged() -> None:
    rules = RiskPlan(rules=BreakerRules(errors_in_row=2))
    ledger = MemoryLedger()
    with trader_box(rules, ledger=ledger) as box:
        for platform in PLATFORMS:
            box.simulate(platform, lambda leg: Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error="no"))
        box.feed(*ARB)
        assert box.status()["state"] == "REDUCING"
        box.ask("halt", reason="I look at it")
    with trader_box(rules, ledger=MemoryLedger(list(ledger.facts))) as again:
        assert (again.status()["state"], again.status()["reason"]) == ("HALTED", "I look at it")
        answer = again.ask("resume", reason="seen")
        assert "errors-in-a-row-1" in answer["refused"]
        assert answer["state"] == "halted"
        assert again.ask("resume", reason="seen", ack=["nothing-7"])["state"] == "halted"
        assert again.ask("resume", reason="seen", ack=["errors-in-a-row-1"])["state"] == "active"


# -- the halt reaches the traders --------------------------------------------------------------------------------


def test_every_trader_is_told_after_its_hello_and_a_halt_is_drained_when_all_have_acked() -> None:
    with trader_box(RiskPlan()) as box:
        box.say_hello(1, ["kalshi"], protocol=2, trader_id="lisbon")
        box.say_hello(2, ["polymarket"], protocol=2, trader_id="oslo")
        assert box.frames(1, "init")[0]["state_follows"] is True
        assert len(box.frames(1, "resume")) == 1
        answer = box.ask("halt", reason="lunch")
        assert (answer["drained"], answer["waiting_for"]) == (False, ["lisbon", "oslo"])
        (halt,) = box.frames(1, "halt")
        assert (halt["reason"], halt["everything"]) == ("lunch", True)
        box.receive(1, {"type": "halt_ack", "number": halt["number"] - 1})
        assert box.ask("risk")["waiting_for"] == ["lisbon", "oslo"], "an old ack answers nothing new"
        box.receive(1, {"type": "halt_ack", "number": halt["number"], "open_legs": 0})
        assert box.ask("risk")["waiting_for"] == ["oslo"]
        box.receive(2, {"type": "halt_ack", "number": halt["number"]})
        assert box.ask("risk")["drained"] is True


def test_a_halt_that_a_crash_took_from_the_ledger_does_not_stay_with_a_local_trader_alone() -> None:
    with trader_box(local=(KALSHI,)) as box:
        box.ask("halt", reason="lunch")
        assert box.journals[KALSHI].halted
        journals = box.journals
    with trader_box(local=(KALSHI,), journals=journals) as again:
        assert again.ask("risk")["state"] == "active"
        assert not again.journals[KALSHI].halted


def test_a_trader_that_comes_while_halted_is_told_before_it_can_get_a_leg() -> None:
    with trader_box(RiskPlan()) as box:
        box.ask("halt", reason="lunch")
        box.say_hello(1, ["kalshi"], protocol=2, trader_id="lisbon")
        assert [frame["type"] for frame in box.frames(1)] == ["init", "halt"]
        assert box.ask("risk")["waiting_for"] == ["lisbon"]


def test_who_cannot_ack_is_named() -> None:
    with trader_box(RiskPlan()) as box:
        box.say_hello(1, ["kalshi"])
        box.say_hello(2, ["polymarket"], protocol=2, trader_id="oslo")
        box.disconnect(2)
        reach = box.ask("halt", reason="lunch")["out_of_reach"]
        assert reach["127.0.0.1:1"].startswith("speaks level 1")
        assert "halts itself after 15 s" in reach["oslo"]
        box.pass_time(16)
        box.receive(1, {"type": "ping", "timestamp": 1})
        box.ask("risk")
        assert "has halted itself" in box.ask("risk")["out_of_reach"]["oslo"]


def test_a_local_trader_acks_as_well() -> None:
    with ControllerBox([pair()], local=PLATFORMS) as box:
        assert box.ask("halt", reason="lunch")["drained"] is True
        box.feed(*ARB)
        assert states(box) == []
        box.ask("resume", reason="back")
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert states(box) == ["hedged"]


# -- whatever else is broken -------------------------------------------------------------------------------------


def break_log(box: ControllerBox) -> None:
    def observe(_note: object) -> None:
        raise OSError("the log is gone")

    box.memory.observe = observe  # type: ignore[assignment, method-assign]


def break_ledger(box: ControllerBox) -> None:
    def write(_token: int, _facts: object) -> None:
        raise OSError("the disk is gone")

    box.ledger.write = write  # type: ignore[assignment, method-assign]


def break_status(box: ControllerBox) -> None:
    def describe(*_: object) -> None:
        raise RuntimeError("no status today")

    box.instance("executor").book.sums = describe


@pytest.mark.parametrize("breaks", [break_log, break_ledger])
def test_a_halt_holds_and_is_told_whatever_is_broken(breaks: Callable[[ControllerBox], None]) -> None:
    with trader_box(RiskPlan()) as box:
        box.say_hello(1, ["kalshi", "polymarket"], protocol=2, trader_id="lisbon")
        breaks(box)
        answer = box.ask("halt", reason="lunch")
        assert answer["state"] == "halted"
        assert box.frames(1, "halt")
        box.feed(*ARB)
        assert box.frames(1, "execute_leg") == []


def test_a_halt_with_a_broken_status_document_holds() -> None:
    with trader_box(RiskPlan()) as box:
        box.say_hello(1, ["kalshi", "polymarket"], protocol=2, trader_id="lisbon")
        break_status(box)
        box.ask("halt", reason="lunch")
        box.status()
        assert box.frames(1, "halt")
        box.feed(*ARB)
        assert box.frames(1, "execute_leg") == []
        assert box.ask("halt", reason="again")["state"] == "halted", "also where the process has halted for good"


def test_a_halt_that_cannot_be_written_down_says_so() -> None:
    with trader_box(RiskPlan()) as box:
        box.instance("executor").ledger_broken = "no space"
        answer = box.ask("halt", reason="lunch")
        assert (answer["kept"], answer["ledger"]) == (False, "no space")


def test_a_halt_is_kept_once_the_ledger_has_it_on_disk() -> None:
    with trader_box(RiskPlan()) as box:
        box.ledger.held = True
        assert box.ask("halt", reason="lunch")["kept"] is False
        box.ledger.release()
        assert box.ask("risk")["kept"] is True


def test_a_ledger_that_breaks_stops_everything_for_good_as_before() -> None:
    with trader_box(RiskPlan()) as box:
        box.tell("executor", LedgerBroken("no space"))
        answer = box.ask("resume", reason="go")
        assert (answer["state"], answer["for_good"]) == ("halted", True)


# -- breakers that are fed from outside --------------------------------------------------------------------------


def test_a_traders_clock_that_is_off_halts_and_what_is_mended_resumes_by_itself() -> None:
    rules = BreakerRules(clock_offset_us=1_000_000, cool_down_us=5_000_000)
    with trader_box(RiskPlan(rules=rules)) as box:
        box.tell("executor", ClockTold("lisbon", -3_000_000))
        assert box.status()["state"] == "HALTED"
        assert "the clock of lisbon is off by 3000 ms" in box.status()["reason"]
        box.tell("executor", ClockTold("lisbon", 1_000))
        box.pass_time(7)
        assert box.status()["state"] == "ACTIVE"


def test_a_traders_status_tells_its_clock() -> None:
    with trader_box(RiskPlan(rules=BreakerRules(clock_offset_us=1_000_000))) as box:
        box.say_hello(1, protocol=2, trader_id="lisbon")
        box.receive(1, {"type": "status", "clock_offset_ms": 2_000})
        assert box.status()["state"] == "HALTED"


def test_too_little_disk_halts_until_a_person_has_seen_it() -> None:
    free = [10]
    with trader_box(RiskPlan(rules=BreakerRules(disk_free_bytes=1_000)), free_disk=lambda: free[0]) as box:
        box.pass_time(2)
        assert box.status()["state"] == "HALTED"
        free[0] = 10_000
        box.pass_time(30)
        assert box.status()["state"] == "HALTED"
        assert box.ask("resume", reason="room", ack=["disk-1"])["state"] == "active"


def test_a_silent_feed_reduces_and_one_that_speaks_again_does_not() -> None:
    rules = BreakerRules(feed_age_us=3_000_000, cool_down_us=2_000_000)
    with trader_box(RiskPlan(rules=rules)) as box:
        box.feed(*ARB)
        box.pass_time(6)
        assert box.status()["state"] == "REDUCING"

        def speak(t: int) -> tuple[FeedBatch, FeedBatch]:
            return kalshi([(40, 10)], [(60, 10)], t=t), poly(NO, [(40, 10)], [(60, 10)], t=t)

        for t in range(2, 8):
            box.feed(*speak(t))
            box.pass_time(1)
        assert box.status()["state"] == "ACTIVE"


def test_a_pair_that_mismatches_is_set_aside() -> None:
    with trader_box(RiskPlan(rules=BreakerRules(mismatches_in_row=1))) as box:
        box.simulate(KALSHI)
        box.simulate(POLYMARKET, lambda leg: filled(leg, contracts(4)) if leg.leg_id == "t1-2" else filled(leg))
        box.feed(*ARB)
        assert states(box) == ["hedged"]
        box.feed(kalshi([(40, 10)], [(45, 10)], t=3), poly(NO, [(40, 10)], [(45, 10)], t=3))
        assert len(trades(box)) == 1
        assert refused(box) == {"the pair is set aside": refused(box)["the pair is set aside"]}
        assert box.ask("resume", ack=["mismatch-1"], reason="seen")["state"] == "active"
        box.feed(kalshi([(40, 10)], [(45, 10)], t=4))
        assert len(trades(box)) == 2


def test_naked_for_too_long_reduces() -> None:
    rules = BreakerRules(naked=Money(1 * USD), naked_us=2_000_000)
    with trader_box(RiskPlan(rules=rules)) as box:
        box.simulate(KALSHI)
        box.simulate(POLYMARKET, lambda leg: filled(leg, contracts(0)))
        box.feed(*ARB)
        assert box.status()["state"] == "ACTIVE"
        box.pass_time(5)
        assert box.status()["state"] == "REDUCING"
        assert PairId("pair_0") in str(box.status()["recent_trades"])


# -- an unknown wish ---------------------------------------------------------------------------------------------


def test_what_nobody_knows_is_said() -> None:
    with trader_box() as box:
        assert "knows no command" in box.ask("fly")["error"]
        assert box.ask("halt", reason=7)["reason"] == "asked by a person, who gave no reason"
