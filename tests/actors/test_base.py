"""A handler that raises runs once: the most expensive thing Thespian could do to us, held by a test."""

from __future__ import annotations

import msgspec
import pytest
from thespian.actors import Actor, ActorSystem

from actors.base import ActorFailed, Address, GuardedActor, Supervised, handles
from simulation.doubles import inbox
from transport.host import ActorHost


class Trigger(msgspec.Struct, frozen=True):
    to: Address


class SendThenRaise(GuardedActor):
    """Sends an order, then raises: the plausible bug."""

    @handles(Trigger)
    def trigger(self, message: Trigger, _sender: Address) -> None:
        self.send(message.to, "order")
        raise ValueError("after the order")


class Unguarded(Actor):
    """The same bug without our base class, to show that the test can fail."""

    def receiveMessage(self, message: object, _sender: Address) -> None:  # noqa: N802
        if isinstance(message, Trigger):
            self.send(message.to, "order")
            raise ValueError("after the order")


def test_a_handler_that_sends_an_order_and_raises_has_sent_exactly_one() -> None:
    with ActorHost() as host:
        venue, received = inbox(host)
        supervisor, reports = inbox(host)
        actor = host.system.createActor(SendThenRaise)
        host.tell(actor, Supervised("culprit", supervisor, host.turn))
        host.tell(actor, Trigger(venue))
        assert received == ["order"]
        (failure,) = reports
        assert isinstance(failure, ActorFailed)
        assert (failure.name, failure.message_type) == ("culprit", "Trigger")
        assert "after the order" in failure.error
        assert "test_base" in failure.detail


def test_without_the_base_class_thespian_sends_three() -> None:
    system = ActorSystem("simpleSystemBase", logDefs=False, transientUnique=True)
    with ActorHost() as host:
        host.system, other = system, host.system
        venue, received = inbox(host)
        system.tell(system.createActor(Unguarded), Trigger(venue))
        assert received == ["order"] * 3
        other.shutdown()


def test_an_actor_that_failed_takes_no_further_message() -> None:
    with ActorHost() as host:
        venue, received = inbox(host)
        supervisor, reports = inbox(host)
        actor = host.system.createActor(SendThenRaise)
        host.tell(actor, Supervised("culprit", supervisor, host.turn))
        host.tell(actor, Trigger(venue))
        host.tell(actor, Trigger(venue))
        assert len(received) == 1
        assert len(reports) == 1


def test_a_message_without_a_handler_is_a_failure_and_not_lost_in_silence() -> None:
    with ActorHost() as host:
        supervisor, reports = inbox(host)
        actor = host.system.createActor(SendThenRaise)
        host.tell(actor, Supervised("culprit", supervisor, host.turn))
        host.tell(actor, 42)
        assert "no handler for int" in reports[0].error


def test_the_root_failing_is_fatal() -> None:
    failures: list[ActorFailed] = []
    with ActorHost(on_fatal=failures.append) as host:
        root = host.create(SendThenRaise, "root")
        host.tell(root, 42)
        assert [failure.name for failure in failures] == ["root"]


class Echo(GuardedActor):
    """Tells the host something from inside its turn, as a port might."""

    host: ActorHost
    log: list[str]

    @handles(str)
    def text(self, message: str, _sender: Address) -> None:
        self.log.append(f"begin {message}")
        if message == "outer":
            self.host.tell(self.myAddress, "inner")
        self.log.append(f"end {message}")


def test_telling_from_inside_a_turn_does_not_re_enter() -> None:
    log: list[str] = []
    with ActorHost() as host:
        Echo.host, Echo.log = host, log
        echo = host.create(Echo, "echo")
        host.tell(echo, "outer")
        assert log == ["begin outer", "end outer", "begin inner", "end inner"]


def test_after_shutdown_nothing_runs() -> None:
    log: list[str] = []
    host = ActorHost()
    Echo.host, Echo.log = host, log
    echo = host.create(Echo, "echo")
    host.shutdown()
    host.shutdown()
    host.tell(echo, "late")
    assert log == []
    with pytest.raises(RuntimeError, match="open"):
        host.ask(echo, "late")
