"""One leg, exactly once: late, early, twice, asked about, told again, taken over; over wires that lose frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.facts import ResultSeen
from actors.ledger import LedgerBroken
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, LegId, Status
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue, filled
from simulation.memory import MemoryJournal
from simulation.pipe import Pipe, Wire
from tests.actors.kit import ARB, LEVEL_2, offer, only_result, order, report, results, states, trades
from tests.market.builders import pair

SECOND = 1_000_000


class World:
    """A controller, a trader for both platforms with live venues that answer by script, and the wire between."""

    def __init__(self) -> None:
        self.controller = ControllerBox([pair()], dry_run=False)
        self.pipe = Pipe(self.controller)
        self.venues = {KALSHI: ScriptedVenue(KALSHI, script=filled), POLYMARKET: ScriptedVenue(POLYMARKET)}
        self.venues[POLYMARKET].script = filled
        self.boxes: list[TraderBox] = []

    def trader(self, name: str = "lisbon", journal: MemoryJournal | None = None) -> TraderBox:
        """A trader of the same two venue accounts."""
        box = TraderBox(dry_run=False, live=self.venues, trader_id=name, journal=journal)
        self.boxes.append(box)
        return box

    def trade(self) -> None:
        """An arb is seen, and everything said crosses."""
        self.controller.feed(*ARB)
        self.pipe.pump()

    def placed(self) -> list[str]:
        """Every order that reached a venue."""
        return sorted(leg.leg_id for venue in self.venues.values() for leg in venue.placed)

    def recorded(self) -> list[tuple[str, int]]:
        """Leg and revision of every result in the ledger."""
        found = [fact.outcome for fact in self.controller.ledger.facts if isinstance(fact, ResultSeen)]
        return [(outcome.leg_id, outcome.revision) for outcome in found]

    def close(self) -> None:
        """End all."""
        for box in (self.controller, *self.boxes):
            box.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def knows(what: dict[str, Outcome]) -> Callable[[Leg], Outcome | None]:
    return lambda leg: what.get(leg.leg_id)


def answers(box: TraderBox, leg_id: str, conn_id: int = 1) -> list[dict[str, Any]]:
    return [frame for frame in results(box, conn_id) if frame["leg_id"] == leg_id]


def ask(leg_id: str = "l1", **more: object) -> dict[str, object]:
    """A `leg_query` for the order of the kit."""
    return order(leg_id) | {"type": "leg_query", "trader_id": "trader-box"} | more


# -- a result and its send -----------------------------------------------------------------------------------------


def test_result_arrives_before_the_send_returns() -> None:
    # A local venue answers inside the turn in which the leg leaves.
    with ControllerBox([pair()], local=(KALSHI, POLYMARKET)) as box:
        offer(box)
        assert len(trades(box)) == 1
        kinds = [type(fact).__name__ for fact in box.ledger.facts]
        assert kinds.index("TradeOpened") < kinds.index("ResultSeen")
    early: list[str] = []
    with ControllerBox([pair()]) as box:

        def answer(leg: Leg) -> Outcome:
            early.append(box.instance("executor").book.by_leg[leg.leg_id].state)
            return filled(leg)

        box.simulate(KALSHI, answer)
        box.simulate(POLYMARKET, answer)
        offer(box)
        assert states(box)[0] == "hedged"
        assert len(early) == 2


def test_result_arrives_after_the_deadline(world: World) -> None:
    world.venues[KALSHI].script = None
    world.pipe.join(world.trader())
    world.trade()
    world.pipe.advance(6 * SECOND)
    assert states(world.controller) == ["unknown"]
    (leg,) = world.venues[KALSHI].placed
    world.venues[KALSHI].answer(filled(leg))
    world.pipe.pump()
    assert states(world.controller)[0] == "hedged"
    assert world.controller.status()["unknown"] == []
    assert len(world.placed()) == len(set(world.placed()))


def test_result_with_an_older_revision() -> None:
    with ControllerBox([pair()]) as box:
        offer_with = [box.simulate(platform, lambda _leg: None) for platform in (KALSHI, POLYMARKET)]
        offer(box)
        assert [len(legs) for legs in offer_with] == [1, 1]
        report(box, "t1-1", Status.FILLED, 10, revision=2)
        report(box, "t1-1", Status.PARTIAL, 4, revision=1)
        report(box, "t1-2", Status.FILLED, 10)
        assert states(box) == ["hedged"]
        told = [fact.outcome.revision for fact in box.ledger.facts if isinstance(fact, ResultSeen)]
        assert told == [2, 0]


# -- at the trader: once for ever ----------------------------------------------------------------------------------


def test_duplicate_execute_leg(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.receive(1, order())
    assert len(venue.placed) == 1
    venue.answer(filled(venue.placed[0]))
    live.receive(1, order())
    live.receive(1, order(price=60, contracts=3))
    assert len(venue.placed) == 1
    assert {frame["status"] for frame in results(live)} == {"filled"}
    assert {frame["revision"] for frame in results(live)} == {0}


def test_duplicate_execute_leg_after_a_restart_of_the_trader(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    for _ in range(2):
        with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
            venue.script = filled
            box.say_init(1, dry_run=False, **LEVEL_2)
            box.receive(1, order())
            assert answers(box, "l1")[-1]["status"] == "filled"
    assert len(venue.placed) == 1


def test_execute_leg_after_its_leg_query(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, ask())
    assert only_result(live)["status"] == "unfilled"
    assert only_result(live)["error"] == "never received"
    assert live.journal.entries[LegId("l1")].tombstone
    live.receive(1, order())
    assert venue.placed == []
    assert results(live)[-1]["status"] == "rejected"
    assert results(live)[-1]["filled"] == 0


def test_a_tombstone_outlives_the_trader(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, ask())
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, order())
        assert venue.placed == []
        box.receive(1, ask(revision=4))
        last = results(box)[-1]
        assert (last["status"], last["revision"]) == ("unfilled", 5)


def test_a_leg_whose_deadline_has_passed_is_not_executed(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order(expires_at_ms=live.clock.unix_us() // 1_000))
    assert venue.placed == []
    assert only_result(live)["status"] == "expired"


def test_an_order_that_died_between_intent_and_outcome_is_proven_by_the_venue(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, order())
    (leg,) = venue.placed
    venue.knows = knows({"l1": filled(leg)})
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.pass_time(1)
        assert [frame["status"] for frame in answers(box, "l1")][-1] == "filled"
        revisions = [frame["revision"] for frame in answers(box, "l1")]
        assert revisions == sorted(revisions)
    assert len(venue.placed) == 1


def test_a_venue_that_knows_no_such_order_proves_nothing_before_it_could_have_arrived(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, order())
    venue.knows = knows({})
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.pass_time(4.3)
        assert venue.asked
        assert {frame["status"] for frame in answers(box, "l1")} == {"unknown"}
        box.pass_time(30)
        assert answers(box, "l1")[-1]["status"] == "unfilled"


def test_a_leg_of_another_trader_is_not_unfilled_before_its_deadline_and_the_way_to_the_venue(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    venue.knows = knows({})
    expires = live.clock.unix_us() // 1_000 + 2_000
    live.receive(1, ask(trader_id="oslo", expires_at_ms=expires))
    live.pass_time(6.3)
    assert venue.asked
    assert results(live) == []
    live.pass_time(30)
    assert only_result(live)["status"] == "unfilled"
    live.receive(1, order())
    assert venue.placed == []


def test_a_venue_that_cannot_be_asked_leaves_the_leg_unknown_for_ever(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.pass_time(4_000)
    assert {frame["status"] for frame in results(live)} == {"unknown"}
    assert len(venue.asked) > 5
    assert live.status()["traders"][0]["unknown_legs"][0]["leg_id"] == "l1"
    assert len(venue.placed) == 1


# -- the journal ---------------------------------------------------------------------------------------------------


def test_journal_on_a_full_disk(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order("l1"))
    venue.answer(filled(venue.placed[0]))
    live.journal.broken = "database or disk is full"
    live.receive(1, order("l2"))
    assert len(venue.placed) == 1
    (refused,) = answers(live, "l2")
    assert refused["status"] == "rejected"
    assert "no journal, no order: database or disk is full" in str(refused["error"])
    assert live.notes("no leg is taken any more")
    live.journal.broken = None
    live.receive(1, order("l3"))
    assert len(venue.placed) == 1
    assert list(live.journal.entries) == ["l1"]
    assert live.journal.entries[LegId("l1")].outcome is not None


def test_a_fill_is_told_although_the_disk_became_full_meanwhile(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.journal.broken = "full"
    venue.answer(filled(venue.placed[0]))
    assert only_result(live)["status"] == "filled"


def test_an_unknown_leg_is_still_asked_about_when_the_disk_is_full(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.journal.broken = "full"
    venue.knows = knows({"l1": filled(venue.placed[0])})
    live.pass_time(10)
    assert [frame["status"] for frame in results(live)] == ["unknown", "filled"]


# -- clocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-1_500_000, 1_500_000])
def test_clocks_too_far_apart_refuse_to_trade_and_say_so(venue: ScriptedVenue, ahead: int) -> None:
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False, at_us=box.clock.unix_us() + ahead, **LEVEL_2)
        box.receive(1, order())
        assert venue.placed == []
        assert only_result(box)["status"] == "rejected"
        assert "clock" in str(only_result(box)["error"])
        assert box.status()["traders"][0]["clock_offset_ms"] == ahead // 1_000


def test_a_deadline_is_read_on_the_controllers_clock(venue: ScriptedVenue) -> None:
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        theirs = box.clock.unix_us() - 900_000
        box.say_init(1, dry_run=False, at_us=theirs, **LEVEL_2)
        box.receive(1, order("l1", expires_at_ms=theirs // 1_000 + 100))
        assert [leg.leg_id for leg in venue.placed] == ["l1"]


# -- acks ----------------------------------------------------------------------------------------------------------


def test_a_result_is_acked_only_when_it_is_durable(world: World) -> None:
    wire = world.pipe.join(world.trader())
    world.controller.ledger.held = True
    world.trade()
    assert states(world.controller)[0] == "hedged"
    assert world.controller.frames(wire.conn_id, "leg_ack") == []
    world.controller.ledger.release()
    world.pipe.pump()
    assert {frame["leg_id"] for frame in world.controller.frames(wire.conn_id, "leg_ack")} == set(world.placed())
    assert world.boxes[0].journal.unacked() == []


def test_results_are_told_again_after_every_reconnect_until_acked_oldest_first(world: World) -> None:
    trader = world.trader()
    wire = world.pipe.join(trader)
    wire.lose_to_controller = True
    world.trade()
    assert len(trader.journal.unacked()) == 2
    asked = [entry.leg_id for entry in trader.journal.unacked()]
    for _ in range(3):
        world.pipe.cut(wire)
        wire = mute(world, trader)
        told = [frame["leg_id"] for frame in results(trader, wire.conn_id)]
        assert list(dict.fromkeys(told)) == asked
    world.pipe.cut(wire)
    wire = world.pipe.join(trader)
    world.controller.ledger.release()
    world.pipe.advance(SECOND)
    assert trader.journal.unacked() == []
    assert states(world.controller)[0] == "hedged"
    assert len(world.recorded()) == len(set(world.recorded()))
    world.pipe.cut(wire)
    again = world.pipe.join(trader)
    assert results(trader, again.conn_id) == []


def mute(world: World, trader: TraderBox) -> Wire:
    """A connection on which the trader speaks and is not heard beyond its hello."""
    world.controller.ledger.held = True
    wire = world.pipe.join(trader)
    wire.lose_to_controller = True
    return wire


# -- failover ------------------------------------------------------------------------------------------------------


def test_standby_takes_over_with_a_leg_in_flight(world: World) -> None:
    world.venues[KALSHI].script = None
    first = world.pipe.join(world.trader("lisbon"))
    world.pipe.join(world.trader("oslo"))
    world.trade()
    (leg,) = world.venues[KALSHI].placed
    world.venues[KALSHI].knows = knows({leg.leg_id: filled(leg)})
    world.pipe.cut(first)
    assert states(world.controller) == ["unknown"]
    offer(world.controller)
    assert len(world.placed()) == 2
    world.pipe.advance(2 * SECOND)
    assert states(world.controller)[0] == "hedged"
    assert world.placed()[:2] == ["t1-1", "t1-2"]
    assert len(world.placed()) == len(set(world.placed()))
    offer(world.controller)
    world.pipe.pump()
    assert {leg.leg_id for leg in world.venues[KALSHI].placed} > {"t1-1"}


def test_a_standby_that_restarts_while_it_asks_for_another_does_not_take_its_tombstone_for_a_proof(
    venue: ScriptedVenue,
) -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, ask(trader_id="lisbon"))
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, ask(trader_id="lisbon"))
        box.pass_time(5)
        assert results(box) == []
        venue.knows = filled
        box.pass_time(5)
        assert results(box)[-1]["status"] == "filled"


def test_two_traders_with_the_same_id_the_newer_session_wins(world: World) -> None:
    world.pipe.join(world.trader("lisbon"))
    second = world.pipe.join(world.trader("lisbon"))
    assert [conn_id for conn_id, _ in world.controller.link.ended] == [1]
    assert world.controller.notes("lisbon has a newer session")
    world.trade()
    assert world.controller.frames(1, "execute_leg") == []
    assert len(world.controller.frames(second.conn_id, "execute_leg")) >= 2


# -- level 1 -------------------------------------------------------------------------------------------------------


def test_a_level_1_peer_still_works_and_its_bare_success_is_unknown() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1)
        offer(box)
        said = {"type": "leg_result", "platform": "kalshi", "success": True, "error": None, "order_id": "o"}
        box.receive(1, said | {"leg_id": "t1-1"})
        assert trades(box)["t1"]["legs"][0]["status"] == "unknown"
        box.receive(1, said | {"leg_id": "t1-1", "filled": 10, "avg_price": 45})
        box.receive(1, said | {"leg_id": "t1-2", "filled": 10, "avg_price": 45})
        assert states(box) == ["hedged"]
        assert box.frames(1, "leg_ack") == box.frames(1, "leg_query") == []
        assert box.notes("speaks level 1")


def test_a_level_1_peer_in_a_dry_run_fills_as_asked() -> None:
    with ControllerBox([pair()], dry_run=True) as box:
        box.say_hello(1)
        offer(box)
        for leg_id in ("t1-1", "t1-2"):
            box.receive(1, {"type": "leg_result", "leg_id": leg_id, "platform": "kalshi", "success": True})
        assert states(box) == ["hedged"]


# -- the ledger ----------------------------------------------------------------------------------------------------


def test_nothing_new_is_traded_and_nothing_acked_once_the_ledger_is_broken(world: World) -> None:
    wire = world.pipe.join(world.trader())
    world.controller.tell("ledger", LedgerBroken("disk full"))
    world.trade()
    assert world.placed() == []
    assert world.controller.frames(wire.conn_id, "leg_ack") == []
