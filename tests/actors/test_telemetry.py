"""Telemetry: every note to every observer in order, counters, and a bounded memory of problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import Note, OpportunityNote, TradeMoved, TradeSent
from actors.telemetry import RECENT_PROBLEMS, Telemetry, TelemetrySetup
from protocol.terms import PLATFORMS, LegId, PairId
from simulation.boxes import ControllerBox
from simulation.doubles import Remembering
from tests.actors.kit import ARB
from tests.market.builders import pair
from transport.host import ActorHost


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    with ControllerBox([pair()]) as made:
        made.memory.notes.clear()
        yield made


def problems(box: ControllerBox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = box.status()["problems"]
    return found


def test_every_observer_hears_every_note_in_order() -> None:
    ears = (Remembering(), Remembering())
    with ActorHost() as host:
        telemetry = host.create(Telemetry, "telemetry", TelemetrySetup(ears))
        notes = [Note("WS", f"note {number}") for number in range(5)]
        for note in notes:
            host.tell(telemetry, note)
    assert [ear.notes for ear in ears] == [notes, notes]


def test_counters_count_what_names_them(box: ControllerBox) -> None:
    for _ in range(3):
        box.tell("telemetry", Note("WS", "x", count="bad_frames"))
    box.tell("telemetry", Note("WS", "x"))
    assert box.status()["counters"] == {"bad_frames": 3}


def test_trades_and_opportunities_reach_the_observers_too_and_are_counted() -> None:
    with ControllerBox([pair()], local=PLATFORMS, beacon=False) as box:
        box.feed(*ARB)
        heard = Counter(type(note) for note in box.memory.notes if not isinstance(note, Note))
        assert heard == {OpportunityNote: 2, TradeSent: 1, TradeMoved: 2}
        expected = {"trades_sent": 1, "legs_sent": 2, "trades_hedged": 1}
        assert expected.items() <= box.status()["counters"].items()
        assert {"opportunities_open": 1, "opportunities_close": 1}.items() <= box.status()["counters"].items()


def test_problems_are_kept_with_their_ids_and_their_time(box: ControllerBox) -> None:
    box.tell("telemetry", Note("HYBRID", "fine"))
    box.tell("telemetry", Note("HYBRID", "odd", "warning", LegId("l1"), PairId("p1")))
    assert problems(box) == [
        {
            "t": box.clock.unix_us(),
            "level": "warning",
            "component": "HYBRID",
            "text": "odd",
            "leg_id": "l1",
            "pair_id": "p1",
        }
    ]


def test_the_memory_of_problems_is_bounded_and_keeps_the_youngest(box: ControllerBox) -> None:
    for number in range(RECENT_PROBLEMS + 9):
        box.tell("telemetry", Note("WS", f"problem {number}", "error"))
    kept = problems(box)
    assert len(kept) == RECENT_PROBLEMS
    assert kept[-1]["text"] == f"problem {RECENT_PROBLEMS + 8}"


def test_an_observer_that_raises_costs_telemetry_one_life_and_no_trade() -> None:
    class Broken(Remembering):
        def observe(self, note: object) -> None:
            super().observe(note)
            if getattr(note, "text", "") == "now":
                raise ValueError("a broken view")

    with ControllerBox([pair()]) as box:
        broken = Broken()
        box.instance("telemetry").observers += (broken,)
        box.tell("telemetry", Note("WS", "now"))
        assert box.status()["state"] == "ACTIVE"
        assert box.status()["restarts"] == 1
