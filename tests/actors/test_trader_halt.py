"""Halts of a trader: at once, acknowledged when nothing can leave any more, and remembered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors.journal import HaltWord
from actors.messages import Configured, Directory, DoLeg, PlaceLeg, Unconfigured
from actors.risk_messages import NoLegsTaken, TakeLegs, TakeNoLegs
from actors.trader import Trader
from actors.trader_door import Drain
from actors.trader_messages import HaltTrader, ResumeTrader, TraderHalted, TraderResumed
from protocol.leg import Leg
from protocol.terms import KALSHI, PLATFORMS, Status
from simulation.boxes import TraderBox
from simulation.doubles import Say, ScriptedVenue, filled, inbox
from simulation.memory import MemoryJournal
from tests.actors.kit import LEVEL_2, a_leg, burst, order, results

WORD = {"state_follows": True} | LEVEL_2
HALT = {"type": "halt", "reason": "stop it", "everything": True}
RESUME = {"type": "resume", "reason": "go on"}


def a_box(venue: ScriptedVenue, journal: MemoryJournal | None = None, **hello: Any) -> TraderBox:
    """A live trader after its hello."""
    box = TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal)
    box.say_init(1, dry_run=False, **(hello or LEVEL_2))
    return box


def ids(venue: ScriptedVenue) -> list[str]:
    """Which legs reached the venue."""
    return [str(leg.leg_id) for leg in venue.placed]


def state(box: TraderBox) -> str:
    """What the status says of the trader."""
    return str(box.status()["traders"][0]["state"])


# -- the controller's halt -----------------------------------------------------------------------------------------


def test_a_halt_is_acknowledged_and_holds_until_the_resume(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order("l1"))
    live.receive(1, HALT | {"number": 7})
    assert live.frames(1, "halt_ack") == [{"type": "halt_ack", "number": 7, "open_legs": 1}]
    live.receive(1, order("l2"))
    live.receive(1, order("l3", action="sell"))
    assert [told["error"] for told in results(live)] == ["halted: stop it"] * 2
    assert (ids(venue), state(live)) == (["l1"], "halted")
    live.receive(1, RESUME | {"number": 8})
    assert live.frames(1, "resume_ack") == [{"type": "resume_ack", "number": 8, "success": True, "error": None}]
    live.receive(1, order("l4"))
    assert (ids(venue), state(live)) == (["l1", "l4"], "active")


def test_what_left_before_a_halt_is_followed_to_its_end(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order("l1"))
    live.receive(1, HALT)
    venue.answer(filled(a_leg("l1")))
    assert [told["status"] for told in results(live)] == ["filled"]


def test_a_leg_on_its_way_to_the_venue_does_not_leave_after_the_halt(live: TraderBox, venue: ScriptedVenue) -> None:
    said = burst(live, DoLeg(a_leg("l1")), TakeNoLegs(1, "now"), DoLeg(a_leg("l2")))
    assert venue.placed == []
    assert [one for one in said if isinstance(one, NoLegsTaken)] == [NoLegsTaken(1, 0)]
    assert {one.outcome.status for one in said if not isinstance(one, NoLegsTaken)} == {Status.REJECTED}
    entry = live.journal.entries[a_leg("l1").leg_id]
    assert entry.outcome is not None
    assert entry.outcome.error == "halted: now"


def test_the_ack_comes_after_the_last_order_reached_its_port(live: TraderBox, venue: ScriptedVenue) -> None:
    trader, door = live.instance("trader"), live.address("trader")
    asker, answers = inbox(live.host)
    # An order is in the venue's queue when the halt is looked at: the fence goes in behind it.
    placed_before: list[int] = []
    trader.raise_fence = partial(fence_after, trader, trader.raise_fence)
    venue.script = partial(note_how_many, placed_before, answers)
    live.host.tell(asker, Say(door, TakeNoLegs(1, "now")))
    assert ids(venue) == ["last"]
    assert placed_before == [0]
    assert answers == [NoLegsTaken(1, 0)]


def note_how_many(into: list[int], answers: list[Any], _leg: Leg) -> None:
    """Note how many answers there were when an order reached the port; it stays without one."""
    into.append(len(answers))


def fence_after(trader: Trader, raise_fence: Callable[[int, Drain], None], number: int, drain: Drain) -> None:
    """Raise the fence right after an order was sent to the venue."""
    trader.send(trader.roles["venue:kalshi:live"], PlaceLeg(a_leg("last")))
    raise_fence(number, drain)


def test_a_halt_waits_for_a_venue_that_says_nothing_until_it_is_replaced(live: TraderBox) -> None:
    venue = live.instance("venue:kalshi:live")
    venue.failed = True
    live.receive(1, HALT)
    live.receive(1, HALT)
    assert live.frames(1, "halt_ack") == []
    assert state(live) == "halted"
    venue.failed = False
    live.tell("trader", Directory(live.memory.roles))
    assert len(live.frames(1, "halt_ack")) == 2


def test_an_older_word_is_acknowledged_and_changes_nothing(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, HALT | {"number": 5})
    live.receive(1, RESUME | {"number": 4})
    assert live.frames(1, "resume_ack")[0]["success"] is False
    live.receive(1, order("l1"))
    assert (ids(venue), state(live)) == ([], "halted")
    live.receive(1, RESUME | {"number": 6})
    live.receive(1, HALT | {"number": 5})
    assert [ack["number"] for ack in live.frames(1, "halt_ack")] == [5, 5]
    assert state(live) == "active"


def test_a_halt_without_a_number_is_answered_without_one(live: TraderBox) -> None:
    live.receive(1, HALT)
    assert live.frames(1, "halt_ack") == [{"type": "halt_ack", "number": None, "open_legs": 0}]


def test_the_status_report_says_the_truth(live: TraderBox) -> None:
    live.receive(1, HALT)
    live.receive(1, HALT)
    live.receive(1, RESUME)
    assert [report["halted"] for report in live.frames(1, "status")] == [False, True, False]
    live.receive(1, HALT)
    live.disconnect(1)
    live.say_init(2, dry_run=False, **LEVEL_2)
    assert live.frames(2, "status")[0]["halted"] is True


# -- without a word ------------------------------------------------------------------------------------------------


def test_no_leg_is_taken_before_the_word_that_was_promised(venue: ScriptedVenue) -> None:
    with a_box(venue, **WORD) as box:
        box.receive(1, order("l1"))
        assert "has not said yet whether it trades" in results(box)[0]["error"]
        box.receive(1, RESUME | {"number": 1})
        box.receive(1, order("l2"))
        assert ids(venue) == ["l2"]
        box.disconnect(1)
        box.say_init(2, dry_run=False, **WORD)
        box.receive(2, order("l3"))
        assert ids(venue) == ["l2"], "the next connection needs its own"


def test_a_trader_that_hears_nothing_halts_itself_before_the_link_is_gone(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        box.pass_time(16)
        assert box.instance("trader").agreed is None
        box.receive(1, order("l1"))
        assert ids(venue) == []


def test_a_trader_that_slept_takes_no_leg_that_was_waiting(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        box.clock.now_us += 16_000_000
        box.receive(1, order("l1"))
        box.receive(1, RESUME)
        box.receive(1, {"type": "init", "platforms": list(PLATFORMS), "dry_run": False} | LEVEL_2)
        box.receive(1, order("l2"))
        assert ids(venue) == []
        box.say_init(2, dry_run=False, **LEVEL_2)
        assert [(told["leg_id"], told["status"]) for told in results(box, 2)] == [("l1", "rejected")]


# -- the operator's halt -------------------------------------------------------------------------------------------


def test_no_controller_ends_the_operators_halt(live: TraderBox, venue: ScriptedVenue) -> None:
    trader = live.address("trader")
    assert live.host.ask(trader, HaltTrader("going to bed")) == TraderHalted(0)
    live.receive(1, RESUME | {"number": 1})
    (ack,) = live.frames(1, "resume_ack")
    assert (ack["success"], ack["error"]) == (False, "the operator of this trader has halted it: going to bed")
    live.receive(1, order("l1"))
    assert ids(venue) == []
    assert live.host.ask(trader, ResumeTrader("morning")) == TraderResumed(None)
    live.receive(1, order("l2"))
    assert ids(venue) == ["l2"]


def test_the_operator_ends_the_controllers_halt_only_by_force(live: TraderBox) -> None:
    trader = live.address("trader")
    live.receive(1, HALT)
    answer = live.host.ask(trader, ResumeTrader("I say so"))
    assert answer == TraderResumed("the controller of this trader has halted it: stop it")
    assert live.host.ask(trader, ResumeTrader("I say so", force=True)) == TraderResumed(None)
    assert state(live) == "active"


def test_a_halt_that_cannot_be_written_halts_all_the_same_and_says_so(live: TraderBox, venue: ScriptedVenue) -> None:
    live.journal.broken = "the disk is full"
    answer = live.host.ask(live.address("trader"), HaltTrader("stop"))
    assert isinstance(answer, TraderHalted)
    assert answer.failed == "the disk is full"
    live.journal.broken = None
    live.receive(1, order("l1"))
    assert ids(venue) == []


def test_the_stricter_of_two_halts_holds(live: TraderBox) -> None:
    live.host.ask(live.address("trader"), HaltTrader("sell only", everything=False))
    assert state(live) == "reducing"
    live.receive(1, HALT)
    assert state(live) == "halted"
    live.receive(1, RESUME)
    assert state(live) == "reducing"


# -- over restarts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["controller", "operator"])
def test_halts_survive_a_restart(venue: ScriptedVenue, who: str) -> None:
    journal = MemoryJournal()
    with a_box(venue, journal) as box:
        if who == "controller":
            box.receive(1, HALT)
        else:
            box.host.ask(box.address("trader"), HaltTrader("stop it"))
    with a_box(venue, journal) as box:
        box.receive(1, order("l1"))
        assert (ids(venue), state(box)) == ([], "halted")
        assert results(box)[0]["error"] == "halted: stop it"
        if who == "controller":
            box.receive(1, RESUME)
        else:
            box.host.ask(box.address("trader"), ResumeTrader("go on"))
    with a_box(venue, journal) as box:
        box.receive(1, order("l2"))
        assert (ids(venue), state(box)) == (["l2"], "active")


def test_a_resume_before_the_journal_was_read_is_newer_than_it(venue: ScriptedVenue) -> None:
    journal = MemoryJournal(halted={"controller": HaltWord("old", everything=True, since_us=0)})
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        # As for a local trader, whose controller speaks in the turn of its start.
        trader = box.instance("trader")
        trader.past_read, trader.halts, trader.heard = False, {}, set()
        burst(box, TakeLegs(1, "go on"), Configured(frozenset(PLATFORMS), dry_run=False, blind_paper=False))
        trader.read_past()
        box.pass_time(1)
        box.say_init(1)
        assert state(box) == "active"
    assert journal.halted == {}


def test_the_halt_path_needs_no_telemetry(live: TraderBox, venue: ScriptedVenue) -> None:
    live.instance("telemetry").failed = True
    live.receive(1, HALT)
    assert len(live.frames(1, "halt_ack")) == 1
    live.receive(1, order("l1"))
    assert ids(venue) == []


def test_losing_the_controller_and_halting_are_two_things(live: TraderBox) -> None:
    live.tell("trader", Unconfigured("gone"))
    asker, answers = inbox(live.host)
    live.host.tell(asker, Say(live.address("trader"), TakeNoLegs(3, "halted while out of reach")))
    assert answers == [NoLegsTaken(3, 0)]
