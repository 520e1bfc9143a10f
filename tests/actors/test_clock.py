"""Timers as messages: each fires once, to whoever started it, in the order of their times."""

from __future__ import annotations

import msgspec
from thespian.actors import ActorExitRequest

from actors.base import Address, GuardedActor, handles
from actors.clock import Clock, ClockSetup
from actors.messages import StartTimer, TimerDue, TimerFired
from simulation.clock import VirtualClock
from transport.host import ActorHost


class Begin(msgspec.Struct, frozen=True):
    clock: Address
    timers: tuple[StartTimer, ...]
    log: list[str]


class Sleeper(GuardedActor):
    """Starts timers and writes down when each fires."""

    log: list[str]

    @handles(Begin)
    def begin(self, message: Begin, _sender: Address) -> None:
        self.log = message.log
        for timer in message.timers:
            self.send(message.clock, timer)

    @handles(TimerFired)
    def fired(self, message: TimerFired, _sender: Address) -> None:
        self.log.append(f"{message.key}@{self.turn.mono_us}")


class World:
    """A clock actor over a virtual clock."""

    def __init__(self) -> None:
        self.time = VirtualClock()
        self.host = ActorHost(self.time)
        self.clock = self.host.create(Clock, "clock", ClockSetup(self.time))
        self.time.due = lambda token: self.host.tell(self.clock, TimerDue(token))
        self.log: list[str] = []

    def sleeper(self, *timers: StartTimer) -> Address:
        address = self.host.create(Sleeper, "sleeper")
        self.host.tell(address, Begin(self.clock, timers, self.log))
        return address


def test_a_timer_fires_at_its_moment_and_not_before() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(100, "a"))
        world.time.advance(99)
        assert world.log == []
        world.time.advance(1)
        assert world.log == ["a@100"]
        world.time.advance(1_000)
        assert world.log == ["a@100"]


def test_timers_fire_in_the_order_of_their_times_and_of_their_start() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(300, "late"), StartTimer(100, "first"), StartTimer(100, "second"))
        world.time.advance(1_000)
        assert world.log == ["first@100", "second@100", "late@300"]


def test_a_key_that_is_started_again_is_a_second_timer() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(100, "a"), StartTimer(200, "a"))
        world.time.advance(1_000)
        assert world.log == ["a@100", "a@200"]


def test_each_asker_hears_its_own_timers_only() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(100, "mine"))
        other: list[str] = []
        second = world.host.create(Sleeper, "second")
        world.host.tell(second, Begin(world.clock, (StartTimer(50, "theirs"),), other))
        world.time.advance(1_000)
        assert (world.log, other) == (["mine@100"], ["theirs@50"])


def test_a_time_that_has_passed_already_fires_next_and_not_inside_the_turn() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(-5, "at once"))
        assert world.log == []
        world.time.advance(0)
        assert world.log == ["at once@0"]


def test_a_token_that_fired_already_does_nothing() -> None:
    world = World()
    with world.host:
        world.sleeper(StartTimer(1, "a"))
        world.time.advance(1)
        world.host.tell(world.clock, TimerDue(1))
        world.host.tell(world.clock, TimerDue(77))
        assert world.log == ["a@1"]


def test_a_timer_of_an_actor_that_is_gone_fires_into_nothing() -> None:
    world = World()
    with world.host:
        gone = world.sleeper(StartTimer(100, "a"))
        world.host.tell(gone, ActorExitRequest())
        world.time.advance(1_000)
        assert world.log == []
