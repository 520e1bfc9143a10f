"""What a trader remembers of an id when its memory, its process or its journal is gone: never a false "rejected"."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors import trader as trader_module
from protocol.terms import KALSHI, LegId, Status
from simulation.boxes import TraderBox
from simulation.doubles import ScriptedVenue, filled
from simulation.memory import MemoryJournal
from tests.actors.kit import LEVEL_2, SEED_FIELDS, never, only_result, order, outcome, results

ID = LegId("l1")


def a_box(venue: ScriptedVenue, journal: MemoryJournal, **hello: Any) -> TraderBox:
    """A live trader over this journal, after its hello."""
    box = TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal)
    box.say_init(1, dry_run=False, **(hello or LEVEL_2))
    return box


def after_a_fill(venue: ScriptedVenue) -> MemoryJournal:
    """The journal of a trader that has executed `l1`, and ended."""
    journal, venue.script = MemoryJournal(), filled
    with a_box(venue, journal) as box:
        box.receive(1, order())
        box.receive(1, {"type": "leg_ack", "leg_id": "l1", "revision": 0})
    return journal


# -- an order that cannot be read ----------------------------------------------------------------------------------


def test_a_wrong_order_under_an_id_of_an_earlier_life_is_answered_with_what_was_filled(venue: ScriptedVenue) -> None:
    with a_box(venue, after_a_fill(venue)) as box:
        box.receive(1, order(price="52"))
        told = only_result(box)
        assert (told["status"], told["filled"], told["revision"], told["pair_id"]) == ("filled", 10, 0, "pair_0")
    assert len(venue.placed) == 1


@pytest.mark.parametrize("lives", [1, 2])
def test_the_id_of_a_wrong_order_is_never_executed(venue: ScriptedVenue, lives: int) -> None:
    journal = MemoryJournal()
    with a_box(venue, journal) as box:
        box.receive(1, order(price="52"))
        told = only_result(box)
        assert (told["status"], told["success"]) == ("rejected", False)
        assert "price" in told["error"]
        assert journal.entries[ID].tombstone
        if lives == 1:
            box.receive(1, order())
            assert results(box)[-1]["status"] == "rejected"
    with a_box(venue, journal) as box:
        box.receive(1, order())
        assert (results(box)[-1]["status"], results(box)[-1]["filled"]) == ("rejected", 0)
    assert venue.placed == []


def test_a_wrong_order_is_refused_on_disk_before_it_is_answered(live: TraderBox) -> None:
    live.journal.broken = "full"
    live.receive(1, order(price="52"))
    assert only_result(live)["status"] == "rejected"
    assert "no journal, no order: full" in only_result(live)["error"]


def test_a_wrong_order_comes_again_and_is_answered_again_for_its_own_reason(live: TraderBox) -> None:
    live.receive(1, order(price="52"))
    live.receive(1, order(contracts="ten"))
    assert ["price" in results(live)[0]["error"], "contracts" in results(live)[1]["error"]] == [True, True]


def test_a_wrong_order_before_the_hello_is_answered(trader: TraderBox) -> None:
    trader.connect(1)
    trader.receive(1, order(price="52"))
    assert list(only_result(trader)) == SEED_FIELDS
    assert "price" in only_result(trader)["error"]


def test_a_wrong_order_under_an_id_long_over_is_answered_with_what_is_left_of_it(venue: ScriptedVenue) -> None:
    journal = after_a_fill(venue)
    journal.entries[ID] = msgspec.structs.replace(journal.entries[ID], leg=None)
    with a_box(venue, journal) as box:
        box.receive(1, order(price="52"))
        box.receive(1, order())
        assert [(told["status"], told["filled"]) for told in results(box)] == [("filled", 10)] * 2
    assert len(venue.placed) == 1


def test_an_order_of_an_earlier_life_that_is_not_proven_is_never_said_to_be_refused(venue: ScriptedVenue) -> None:
    journal = after_a_fill(venue)
    journal.entries[ID] = msgspec.structs.replace(journal.entries[ID], outcome=None, acked=-1)
    journal.unread = "input/output error"
    with a_box(venue, journal) as box:
        journal.unread = None
        box.receive(1, order())
        assert results(box)[-1]["status"] == "unknown"
        venue.knows = filled
        box.pass_time(1)
        assert results(box)[-1]["status"] == "filled"
    assert len(venue.placed) == 1


# -- a journal that is broken --------------------------------------------------------------------------------------


def test_a_journal_that_cannot_be_written_still_tells_what_was_executed(
    live: TraderBox, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trader_module, "MAX_REMEMBERED", 0)
    venue.script = filled
    live.receive(1, order())
    live.journal.broken = "database or disk is full"
    live.receive(1, order("l2"))
    for again in (order(), order(price="52"), order()):
        live.receive(1, again)
    told = {(frame["leg_id"], frame["status"], frame["filled"]) for frame in results(live)}
    assert told == {("l1", "filled", 10), ("l2", "rejected", 0)}
    assert len(results(live)) == 5
    assert len(venue.placed) == 1


def test_a_journal_that_cannot_even_be_read_makes_it_unknown_and_not_rejected(venue: ScriptedVenue) -> None:
    journal = after_a_fill(venue)
    with a_box(venue, journal) as box:
        journal.broken = journal.unread = "input/output error"
        box.receive(1, order())
        box.receive(1, order("l2", price="52"))
        told = {frame["leg_id"]: frame for frame in results(box)}
        for frame in told.values():
            assert (frame["status"], frame["success"]) == ("unknown", False)
            assert not frame.get("final", False)
            assert "input/output error" in frame["error"]
        assert box.notes("no leg is taken any more")
    assert len(venue.placed) == 1


@pytest.mark.parametrize("hello", [LEVEL_2, {"protocol": 1}])
def test_what_a_venue_knows_of_it_settles_it_and_what_it_does_not_know_proves_nothing(
    venue: ScriptedVenue, hello: dict[str, Any]
) -> None:
    journal = after_a_fill(venue)
    with a_box(venue, journal, **hello) as box:
        journal.broken = journal.unread = "input/output error"
        venue.knows = never
        box.receive(1, order())
        box.pass_time(6)
        assert venue.asked
        assert len(results(box)) == 1
        assert results(box)[0]["error"].startswith("unknown:")
        venue.knows = filled
        box.pass_time(8)
        assert results(box)[-1]["filled"] == 10
        assert results(box)[-1]["success"]
    assert len(venue.placed) == 1


def test_a_dry_run_meanwhile_does_not_hide_the_real_order(venue: ScriptedVenue) -> None:
    journal = after_a_fill(venue)
    with TraderBox(dry_run=False, live={KALSHI: venue}, journal=journal) as box:
        box.say_init(1, dry_run=True, **LEVEL_2)
        journal.broken = journal.unread = "input/output error"
        venue.knows = filled
        box.receive(1, order())
        box.pass_time(1)
        assert [told["status"] for told in results(box)] == ["unknown", "filled"]


def test_a_dry_run_does_not_prove_that_another_trader_sent_nothing_for_real(venue: ScriptedVenue) -> None:
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=True, **LEVEL_2)
        box.receive(1, order() | {"type": "leg_query", "trader_id": "lisbon"})
        venue.knows = never
        box.pass_time(6)
        assert results(box) == []
        venue.knows = filled
        box.pass_time(8)
        assert only_result(box)["status"] == "filled"


def test_a_status_over_a_journal_that_cannot_be_read_ends_nothing(live: TraderBox) -> None:
    live.journal.unread = "input/output error"
    assert live.status()["journal"]["broken"] == "input/output error"
    assert live.memory.ends == []


def test_a_hello_over_a_journal_that_cannot_be_read_ends_nothing(live: TraderBox, venue: ScriptedVenue) -> None:
    live.journal.broken = live.journal.unread = "input/output error"
    live.say_init(2, dry_run=False, **LEVEL_2)
    assert live.memory.ends == []
    assert live.status()["traders"][0]["journal_broken"] == "input/output error"
    live.receive(2, order())
    assert only_result(live, 2)["status"] == "unknown"
    assert venue.placed == []


def test_an_overfill_of_a_broken_journals_leg_is_still_news(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    live.journal.broken = "full"
    venue.answer(outcome("l1", Status.FILLED, 10))
    venue.answer(outcome("l1", Status.FILLED, 12))
    assert [told["filled"] for told in results(live)] == [10, 12]


# -- another life with other venues --------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_left_for_real_is_not_denied_by_a_paper_venue_after_a_start_without_the_key(
    venue: ScriptedVenue, *, dry_run: bool
) -> None:
    journal = MemoryJournal()
    with a_box(venue, journal) as box:
        box.receive(1, order())
    with TraderBox(dry_run=dry_run, journal=journal) as box:
        box.say_init(1, dry_run=dry_run, **LEVEL_2)
        box.pass_time(60)
        assert {frame["status"] for frame in results(box)} == {"unknown"}
        assert {frame["paper"] for frame in results(box)} == {False}
    venue.knows = filled
    with a_box(venue, journal) as box:
        box.pass_time(2)
        assert [frame["status"] for frame in results(box)][-1] == "filled"


@pytest.mark.parametrize(("paper", "said"), [(None, False), (False, False), (True, True)])
def test_another_traders_leg_is_denied_by_a_paper_venue_only_where_it_was_paper(
    *, paper: bool | None, said: bool
) -> None:
    question = {name: value for name, value in order().items() if name not in {"type", "description"}}
    with TraderBox(dry_run=False) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, {**question, "type": "leg_query", "trader_id": "another", "paper": paper})
        box.pass_time(60)
        assert ("unfilled" in {frame["status"] for frame in results(box)}) is said


def test_whatever_becomes_of_a_leg_on_paper_it_says_that_it_was() -> None:
    journal = MemoryJournal()
    with TraderBox(dry_run=False, journal=journal) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, order())
        assert [(frame["status"], frame["paper"]) for frame in results(box)] == [("unfilled", True)]
