"""The short way through Thespian's queue does what the long one does: both are played the same script."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespian.actors import Actor, ActorExitRequest, ActorSystem, PoisonMessage

from actors.base import ActorFailed, Address, GuardedActor, Supervised, handles
from actors.messages import Note
from transport.quick_base import QuickBase, quick_system


class Do(msgspec.Struct, frozen=True):
    """A label for the log, and what to do when it arrives, step by step."""

    label: int
    steps: tuple[tuple[str, int, Do], ...] = ()


class World:
    """The actors so far, in the order of their creation, and everything that any of them received."""

    def __init__(self) -> None:
        self.addresses: list[Address] = []
        self.log: list[tuple[int, object]] = []
        self.unix_us = 0
        self.mono_us = 0

    def fatal(self, failure: ActorFailed) -> None:
        """The root failed."""
        self.log.append((-1, failure.message_type))


class Player(GuardedActor):
    """Plays its part of a script."""

    number = 0
    world: World

    @handles(World)
    def begin(self, message: World, _sender: Address) -> None:
        self.world, self.number = message, len(message.addresses)
        message.addresses.append(self.myAddress)

    @handles(ActorFailed)
    def child_failed(self, message: ActorFailed, _sender: Address) -> None:
        self.world.log.append((self.number, message.message_type))

    @handles(Do)
    def do(self, message: Do, sender: Address) -> None:
        others = self.world.addresses
        whose = next((number for number, address in enumerate(others) if address == sender), None)
        self.world.log.append((self.number, (message.label, whose)))
        for kind, target, then in message.steps:
            other = others[target % len(others)]
            match kind:
                case "tell":
                    self.send(other, then)
                case "spawn":
                    self.spawn(Player, "child", self.world)
                case "retire":
                    self.retire(other)
                case _:
                    raise ValueError("as the script has it")


class Raising(Actor):
    """Not one of ours: Thespian delivers to it three times, and tells the sender."""

    def receiveMessage(self, message: object, _sender: Address) -> None:  # noqa: N802
        if isinstance(message, World):
            self.world = message
            message.addresses.append(self.myAddress)
        elif isinstance(message, Do):
            self.world.log.append((0, message.label))
            raise ValueError("always")


STEPS = st.recursive(
    st.builds(Do, st.integers(0, 9)),
    lambda inner: st.builds(
        Do,
        st.integers(0, 9),
        st.lists(
            st.tuples(st.sampled_from(["tell", "tell", "spawn", "retire", "raise"]), st.integers(0, 5), inner),
            max_size=4,
        ).map(tuple),
    ),
    max_leaves=12,
)


def played(system: ActorSystem, script: list[tuple[int, Do]]) -> list[tuple[int, object]]:
    """What everybody received, in order, and who lives in the end."""
    world = World()
    system.tell(system.createActor(Raising), world)
    root = system.createActor(Player)
    system.tell(root, Supervised("root", root, world))
    system.tell(root, world)
    for target, message in script:
        system.tell(world.addresses[target % len(world.addresses)], message)
    registry = system._systemBase.actorRegistry
    for number, address in enumerate(world.addresses):
        entry = registry.get(address.actorAddressString)
        world.log.append((number, "lives" if entry is not None and entry.instance is not None else "is gone"))
    system.shutdown()
    return world.log


@given(st.lists(st.tuples(st.integers(0, 5), STEPS), max_size=6))
def test_both_ways_deliver_the_same_messages_in_the_same_order(script: list[tuple[int, Do]]) -> None:
    plain = ActorSystem("simpleSystemBase", logDefs=False, transientUnique=True)
    assert played(quick_system(), script) == played(plain, script)


def test_the_script_reaches_what_it_is_about() -> None:
    nothing = Do(9)
    script = [
        (1, Do(1, (("spawn", 0, nothing), ("spawn", 0, nothing), ("tell", 0, nothing)))),
        (2, Do(2, (("tell", 1, nothing), ("raise", 0, nothing), ("tell", 1, nothing)))),
        (1, Do(3, (("retire", 3, nothing), ("tell", 3, nothing), ("tell", 2, nothing)))),
    ]
    log = played(quick_system(), script)
    assert log[:-4] == [(1, (1, None)), (0, 9), (0, 9), (0, 9), (2, (2, None)), (1, (9, 2)), (1, "Do"), (1, (3, None))]
    assert [what for _, what in log[-4:]] == ["lives", "lives", "lives", "is gone"]


def test_bookkeeping_waits_for_everything_else_and_keeps_its_order() -> None:
    class Busy(GuardedActor):
        log: ClassVar[list[str]] = []

        @handles(int)
        def count_down(self, left: int, _sender: Address) -> None:
            self.log.append(f"{left} left")
            self.send(self.myAddress, Note("TEST", f"said with {left} left"))
            if left:
                self.send(self.myAddress, left - 1)

        @handles(Note)
        def note(self, note: Note, _sender: Address) -> None:
            self.log.append(note.text)
            if note.text.endswith("2 left"):
                self.send(self.myAddress, 0)

    system = quick_system()
    system.tell(system.createActor(Busy), 2)
    decided, noted = ["2 left", "1 left", "0 left"], ["said with 2 left", "said with 1 left", "said with 0 left"]
    assert Busy.log == [*decided, noted[0], "0 left", *noted[1:], noted[2]]
    system.shutdown()


def test_an_answer_to_the_outside_is_heard() -> None:
    class Answers(GuardedActor):
        @handles(str)
        def text(self, message: str, sender: Address) -> None:
            self.send(sender, message.upper())

    system = quick_system()
    assert isinstance(system._systemBase, QuickBase)
    actor = system.createActor(Answers)
    system.tell(actor, "hello")
    system.tell(actor, PoisonMessage("of no interest"))
    assert (system.listen(None), system.listen(None)) == ("HELLO", None)
    system.shutdown()


def test_what_is_no_address_fails_whoever_sends_to_it() -> None:
    class Lost(GuardedActor):
        @handles(int)
        def send_nowhere(self, number: int, _sender: Address) -> None:
            self.send("nowhere", number)  # type: ignore[arg-type]

    world, system = World(), quick_system()
    lost = system.createActor(Lost)
    system.tell(lost, Supervised("lost", lost, world))
    system.tell(lost, 1)
    assert world.log == [(-1, "int")]
    system.shutdown()


def test_an_actor_that_receives_in_its_own_way_does_so() -> None:
    class Own(GuardedActor):
        seen: ClassVar[list[object]] = []

        @handles(int)
        def number(self, number: int, _sender: Address) -> None:
            self.seen.append(-number)

        def receiveMessage(self, message: object, sender: Address) -> None:  # noqa: N802
            self.seen.append(message)
            super().receiveMessage(message, sender)

    system = quick_system()
    system.tell(system.createActor(Own), 7)
    assert Own.seen == [7, -7]
    system.shutdown()


def test_messages_of_thespians_own_cannot_be_handled() -> None:
    with pytest.raises(TypeError, match="Thespian"):
        handles(ActorExitRequest)
