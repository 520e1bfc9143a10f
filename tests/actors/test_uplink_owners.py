"""Two controllers and one trader: the newer session wins, the older is told, and each hears of its own legs only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from protocol.terms import KALSHI, POLYMARKET
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue, filled
from simulation.memory import MemoryJournal
from simulation.pipe import Pipe
from tests.actors.kit import ARB, only_result, order, results, states
from tests.market.builders import pair

SECOND = 1_000_000

ANN: dict[str, Any] = {"protocol": 2, "controller_id": "ann", "session_id": "ann-1"}
BOB: dict[str, Any] = {"protocol": 2, "controller_id": "bob", "session_id": "bob-1"}

ACK = {"type": "leg_ack", "leg_id": "l1", "revision": 0}


@pytest.fixture
def box(venue: ScriptedVenue) -> Iterator[TraderBox]:
    """A live trader with a leg of Ann's at the venue."""
    with TraderBox(dry_run=False, live={KALSHI: venue}) as made:
        made.say_init(1, dry_run=False, **ANN)
        made.receive(1, order())
        yield made


def ask(leg_id: str = "l1") -> dict[str, Any]:
    return order(leg_id) | {"type": "leg_query", "trader_id": "trader-box"}


# -- the newer session wins ----------------------------------------------------------------------------------------


def test_the_older_controller_is_told_why_it_is_closed_and_nothing_of_it_is_taken_any_more(
    box: TraderBox, venue: ScriptedVenue
) -> None:
    box.say_init(2, dry_run=False, **BOB)
    assert box.link.ended == [(1, "4001 this trader has a newer session")]
    box.receive(1, order("l2"))
    assert [leg.leg_id for leg in venue.placed] == ["l1"]
    assert results(box, 1) == []
    box.receive(2, order("l3"))
    assert [leg.leg_id for leg in venue.placed] == ["l1", "l3"]


def test_a_controller_that_lost_its_trader_to_another_stops_sending() -> None:
    with ControllerBox([pair()]) as ann:
        ann.say_hello(1, protocol=2, trader_id="lisbon")
        ann.disconnect(1, "peer closed (4001): 'this trader has a newer session'")
        ann.feed(*ARB)
        assert ann.frames(1, "execute_leg") == []
        assert ann.notes("no trader for kalshi: peer closed (4001)")


# -- whose result it is --------------------------------------------------------------------------------------------


def test_a_result_waits_for_the_controller_that_sent_the_leg(box: TraderBox, venue: ScriptedVenue) -> None:
    box.disconnect(1)
    box.say_init(2, dry_run=False, **BOB)
    venue.answer(filled(venue.placed[0]))
    assert results(box, 2) == []
    box.disconnect(2)
    box.say_init(3, dry_run=False, **BOB)
    assert results(box, 3) == []
    assert box.frames(3, "init_ack")[0]["unacked"] == 0
    assert box.notes("1 results wait for controller ann, which sent those legs; this one is not told")
    assert box.status()["link"]["withheld"] == {"ann": 1}
    box.disconnect(3)
    box.say_init(4, dry_run=False, **ANN)
    assert box.frames(4, "init_ack")[0]["unacked"] == 1
    assert only_result(box, 4)["status"] == "filled"


def test_it_waits_through_a_restart_of_the_trader(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **ANN)
        box.receive(1, order())
    for hello, told in ((BOB, 0), (ANN, 1)):
        with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
            box.say_init(1, dry_run=False, **hello)
            assert len(results(box)) == told


def test_a_leg_that_nobody_had_a_word_of_at_the_restart_is_told_to_its_owner_only(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **ANN)
        box.receive(1, order())
    venue.knows = filled
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=False, **BOB)
        box.pass_time(5)
        assert results(box) == []
        box.say_init(2, dry_run=False, **ANN)
        assert only_result(box, 2)["status"] == "filled"


def test_the_word_of_another_controller_takes_nothing_out_of_the_outbox(box: TraderBox, venue: ScriptedVenue) -> None:
    venue.answer(filled(venue.placed[0]))
    box.say_init(2, dry_run=False, **BOB)
    box.receive(2, ACK)
    assert box.notes("ignored an ack of l1")
    box.say_init(3, dry_run=False, **ANN)
    assert len(results(box, 3)) == 1
    box.receive(3, ACK)
    box.say_init(4, dry_run=False, **ANN)
    assert results(box, 4) == []


def test_a_controller_without_a_name_does_not_swallow_anothers_results(box: TraderBox, venue: ScriptedVenue) -> None:
    box.disconnect(1)
    venue.answer(filled(venue.placed[0]))
    box.say_init(2, dry_run=False)
    assert results(box, 2) == []
    box.say_init(3, dry_run=False, **ANN)
    assert only_result(box, 3)["status"] == "filled"


def test_a_leg_of_a_controller_without_a_name_is_told_to_whoever_comes(venue: ScriptedVenue) -> None:
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False)
        box.receive(1, order())
        box.disconnect(1)
        venue.answer(filled(venue.placed[0]))
        box.say_init(2, dry_run=False, **BOB)
        assert only_result(box, 2)["status"] == "filled"


@pytest.mark.parametrize("question", [ask(), order(), order(price="52")])
def test_who_names_a_leg_by_its_id_has_it_in_its_ledger_and_is_answered(
    box: TraderBox, venue: ScriptedVenue, question: dict[str, Any]
) -> None:
    box.disconnect(1)
    venue.answer(filled(venue.placed[0]))
    box.say_init(2, dry_run=False, **BOB)
    box.receive(2, question)
    assert only_result(box, 2)["status"] == "filled"
    box.receive(2, ACK)
    box.say_init(3, dry_run=False, **BOB)
    assert results(box, 3) == []
    assert len(venue.placed) == 1


# -- two ledgers ---------------------------------------------------------------------------------------------------


def test_two_controllers_with_two_ledgers_never_have_the_same_leg(venue: ScriptedVenue) -> None:
    poly = ScriptedVenue(POLYMARKET, script=filled)
    with (
        ControllerBox([pair()], dry_run=False, controller_id="ann") as ann,
        ControllerBox([pair()], dry_run=False, controller_id="bob") as bob,
        TraderBox(dry_run=False, live={KALSHI: venue, POLYMARKET: poly}) as trader,
    ):
        at_ann, at_bob = Pipe(ann), Pipe(bob, count=100)
        wire = at_ann.join(trader)
        ann.feed(*ARB)
        at_ann.pump()
        (leg,) = venue.placed
        at_ann.cut(wire)
        wire = at_bob.join(trader)
        venue.answer(filled(leg))
        at_bob.advance(SECOND)
        assert bob.ledger.facts == []
        assert not bob.notes("adopted")
        assert states(ann) == ["unknown"]
        at_bob.cut(wire)
        at_ann.join(trader)
        at_ann.advance(SECOND)
        assert leg.leg_id in {fact.leg_id for fact in ann.ledger.facts if hasattr(fact, "leg_id")}
        assert "unknown" not in states(ann)


def test_who_has_no_name_takes_no_leg_away_by_asking_for_it(box: TraderBox, venue: ScriptedVenue) -> None:
    venue.answer(filled(venue.placed[0]))
    box.disconnect(1)
    box.say_init(2, dry_run=False, protocol=2, session_id="nobody-1")
    box.receive(2, ask())
    box.receive(2, ACK)
    box.disconnect(2)
    box.say_init(3, dry_run=False, **ANN)
    assert only_result(box, 3)["status"] == "filled"
