"""Mistakes that only a mad controller, or a second machine in the home, brings to light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from actors.hybrid_executor import HybridExecutor
from actors.risk.trader_limits import TraderGate
from actors.trader import Trader
from actors.trader_door import TraderDoor
from actors.trader_messages import Who
from actors.uplink import Uplink
from protocol.leg import Leg
from simulation.world.succession import SharedHome
from tests.simulation.defect_kit import defect, handler_of


@defect
def trader_leaves_its_limits_to_the_controller() -> Iterator[None]:
    """A controller has limits of its own, so the trader checks nothing again."""
    with patch.object(TraderGate, "check", lambda _self, _leg, _now_us: None):
        yield


@defect
def limits_of_the_hour_forgotten_at_a_start() -> Iterator[None]:
    """What was ordered before the trader's start does not count."""
    with patch.object(TraderGate, "rebuild", lambda _self, _entries: None):
        yield


@defect
def a_resume_of_any_controller_ends_the_operators_halt() -> Iterator[None]:
    """There is one halt, and whoever resumes ends it."""
    take_legs = TraderDoor.take_legs

    def all_over(self: TraderDoor, message: Any, sender: Any) -> None:
        self.resume(Who.OPERATOR, message.reason)
        take_legs(self, message, sender)

    with handler_of(Trader, take_legs, all_over):
        yield


@defect
def operators_halt_forgotten_at_a_start() -> Iterator[None]:
    """A trader that starts again trades again."""
    past = TraderDoor.past

    def fresh(self: TraderDoor, message: Any, sender: Any) -> None:
        past(self, message, sender)
        self.halts.clear()

    with handler_of(Trader, past, fresh):
        yield


@defect
def results_told_to_whoever_comes() -> Iterator[None]:
    """One controller is told of another one's legs, and takes them in as its own."""
    with patch.object(Uplink, "is_theirs", lambda _self, _leg_id: True):
        yield


@defect
def the_id_alone_says_whose_order_it_is() -> Iterator[None]:
    """A trader that has another order under our id is believed to tell of ours."""
    with patch.object(Leg, "asks_the_same", lambda _self, _other: True):
        yield


@defect
def taken_in_whatever_it_is() -> Iterator[None]:
    """Any order that is told of and not known is taken for one that left just before a crash."""
    with patch.object(HybridExecutor, "could_be_ours", lambda _self, _told: True):
        yield


@defect
def the_standby_does_not_wait_for_the_lock() -> Iterator[None]:
    """Two machines trade out of one home."""
    take = SharedHome.take

    def in_a_hurry(self: SharedHome, machine: Any) -> bool:
        holder, self.holder = self.holder, None
        taken = take(self, machine)
        self.holder = holder or self.holder
        return taken

    with patch.object(SharedHome, "take", in_a_hurry):
        yield


@defect
def starts_are_counted_by_the_machine() -> Iterator[None]:
    """The count of starts is not in the home: a standby gives the ids that the first machine gave."""
    with (
        patch.object(SharedHome, "next_boot", lambda self: self.last.epoch),
        patch("simulation.world.process.BootIds.__init__", _without_time),
    ):
        yield


def _without_time(self: Any, controller_id: str, boot: int, _started_ms: int) -> None:
    self.prefix, self.count = f"{'0' * 9}{boot:04d}{controller_id[:16]}", 0
