"""The root of a process's tree: creates the children, replaces one that failed, stops them in order, asks them all.

A failed handler is never run again (see `base`); the *actor* is replaced, at most once in five seconds. Past that
budget, or where the actor's state cannot be rebuilt, the process halts: nothing leaves any more, and it says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from actors.base import ActorFailed, Address, GuardedActor, handles
from actors.messages import (
    Describe,
    Description,
    Directory,
    Drained,
    FinishStatus,
    HaltAsked,
    Note,
    StartTimer,
    StatusAsked,
    StopAsked,
    StopTrading,
    TimerFired,
)
from actors.ports import LifePort, StatusPort

RESTART_WINDOW_US: Final = 5_000_000
HOPS: Final = 8
"""More hops than any child's answer takes through the queue, so that the document waits for the slowest."""


class Child(msgspec.Struct, frozen=True):
    """How to make one child. ``setup`` is called afresh for a replacement.

    ``replaceable`` is false where the actor's state cannot be rebuilt yet: its failure halts.
    """

    actor: type[GuardedActor]
    setup: Callable[[], object]
    replaceable: bool = True


class SupervisorSetup(msgspec.Struct, frozen=True):
    """The tree and its surroundings. ``drain``: roles asked to finish what is in flight, one after the other.

    ``after``: messages sent to a role once the directory is out, and again to its replacement.
    """

    children: Mapping[str, Child]
    status: StatusPort
    life: LifePort
    about: Mapping[str, Any]
    drain: tuple[str, ...]
    patience_us: int
    after: Mapping[str, object] = {}


class Supervisor(GuardedActor):
    """Guarantees: one replacement per role in five seconds, else halt; a stop ends within its patience."""

    role = "supervisor"

    def __init__(self) -> None:
        """No children."""
        super().__init__()
        self.config: SupervisorSetup
        self.roles: dict[str, Address] = {}
        self.restarted_us: dict[str, int] = {}
        self.restarts = 0
        self.halted: str | None = None
        self.started_us = 0
        self.queries: dict[int, list[Description]] = {}
        self.stopping: str | None = None
        self.to_drain: list[str] = []
        self.left_open = 0
        self.stopped = False

    @handles(SupervisorSetup)
    def setup(self, message: SupervisorSetup, _sender: Address) -> None:
        """Create everyone, tell everyone who is who, then let them begin."""
        self.config = message
        self.started_us = self.turn.mono_us
        self.roles[self.role] = self.myAddress
        for role, child in message.children.items():
            self.roles[role] = self.spawn(child.actor, role, child.setup())
        self.publish()
        for role, extra in message.after.items():
            self.send(self.roles[role], extra)

    def publish(self) -> None:
        """Tell everyone who is who, the process outside first: what comes next may need it."""
        self.config.life.who(dict(self.roles))
        for role, address in self.roles.items():
            if role != self.role:
                self.send(address, Directory(self.roles))

    # -- supervision -----------------------------------------------------------------------------------------

    @handles(ActorFailed)
    def child_failed(self, message: ActorFailed, _sender: Address) -> None:
        """Replace it, or halt."""
        role = next((r for r, address in self.roles.items() if address == message.address), None)
        if role == "telemetry" and self.may_replace(role):
            # First of all, so that there is somebody to hear of it.
            self.replace(role, self.config.children[role])
            role = None
        self.say(f"{message.name} failed on {message.message_type}: {message.error}", "error", count="actor_failures")
        self.say(message.detail, "debug")
        if role is None:
            return
        child = self.config.children[role]
        if not child.replaceable:
            self.halt(f"{role} failed and its state cannot be rebuilt: {message.error}")
        elif not self.may_replace(role):
            self.halt(f"{role} failed twice within {RESTART_WINDOW_US / 1e6:g} s: {message.error}")
        else:
            self.replace(role, child)

    def may_replace(self, role: str) -> bool:
        """Once in the window, and no more."""
        last = self.restarted_us.get(role)
        return last is None or self.turn.mono_us - last >= RESTART_WINDOW_US

    def replace(self, role: str, child: Child) -> None:
        """A fresh actor in the failed one's place."""
        self.restarted_us[role] = self.turn.mono_us
        self.restarts += 1
        self.retire(self.roles[role])
        self.roles[role] = self.spawn(child.actor, role, child.setup())
        self.publish()
        if role in self.config.after:
            self.send(self.roles[role], self.config.after[role])
        self.say(f"{role} was replaced", "warning", count="actor_restarts")
        self.replaced(role)

    def replaced(self, role: str) -> None:
        """For the process's own root: what else a replacement calls for."""

    @handles(HaltAsked)
    def halt_asked(self, message: HaltAsked, _sender: Address) -> None:
        """A child found a reason to stop trading."""
        self.halt(message.reason)

    def halt(self, reason: str) -> None:
        """Nothing leaves any more."""
        if self.halted is None:
            self.halted = reason
            self.say(f"HALTED: {reason}", "error", count="halts")
            for role in self.config.drain:
                self.send(self.roles[role], StopTrading(f"halted: {reason}"))

    # -- stopping --------------------------------------------------------------------------------------------

    @handles(StopAsked)
    def stop_asked(self, message: StopAsked, _sender: Address) -> None:
        """Drain one role after the other; whatever does not answer has the patience and no more."""
        if self.stopping is not None:
            return
        self.stopping = message.reason
        self.say(f"stopping: {message.reason}", "info")
        self.to_drain = list(self.config.drain)
        self.send(self.roles["clock"], StartTimer(self.config.patience_us, "stop"))
        self.drain_next()

    def drain_next(self) -> None:
        """Ask the next role to finish."""
        if not self.to_drain:
            self.finish_stop("in order")
            return
        self.send(self.roles[self.to_drain[0]], StopTrading(self.stopping or ""))

    @handles(Drained)
    def drained(self, message: Drained, sender: Address) -> None:
        """One role is done."""
        if self.stopping is not None and self.to_drain and sender == self.roles[self.to_drain[0]]:
            self.left_open += message.left_open
            self.to_drain.pop(0)
            self.drain_next()

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """The patience is over."""
        if message.key == "stop":
            self.finish_stop(f"without waiting longer for {', '.join(self.to_drain) or 'anyone'}")

    def finish_stop(self, how: str) -> None:
        """Tell the process that it may end."""
        if not self.stopped:
            self.stopped = True
            self.say(f"stopped {how}", "info")
            self.config.life.stopped(how, self.left_open, failed=self.halted is not None)

    # -- status ----------------------------------------------------------------------------------------------

    @handles(StatusAsked)
    def status_asked(self, message: StatusAsked, _sender: Address) -> None:
        """Ask everyone; they answer in the same turn."""
        self.queries[message.query_id] = []
        for role, address in self.roles.items():
            if role not in {self.role, "clock", "bridge"} and ":paper" not in role and ":live" not in role:
                self.send(address, Describe())
        self.send(self.myAddress, FinishStatus(message.query_id, HOPS))

    @handles(Description)
    def described(self, message: Description, _sender: Address) -> None:
        """One part of the document; all queries under way want the same."""
        for parts in self.queries.values():
            parts.append(message)

    @handles(FinishStatus)
    def finish_status(self, message: FinishStatus, _sender: Address) -> None:
        """When the slowest part has had its time, hand the document over."""
        if message.hops > 0:
            self.send(self.myAddress, FinishStatus(message.query_id, message.hops - 1))
            return
        self.config.status.answer(message.query_id, self.document(self.queries.pop(message.query_id)))

    def document(self, parts: list[Description]) -> dict[str, Any]:
        """The status document."""
        document: dict[str, Any] = {
            **self.config.about,
            "state": self.state(),
            "reason": self.halted or self.stopping,
            "uptime_s": (self.turn.mono_us - self.started_us) // 1_000_000,
            "restarts": self.restarts,
        }
        for part in parts:
            if part.section in {"connection", "trader"}:
                document.setdefault(f"{part.section}s", []).append(part.data)
            elif part.section in {"market", "execution", "telemetry"}:
                document.update(part.data)
            else:
                document[part.section] = part.data
        return document

    def state(self) -> str:
        """The whole in one word."""
        if self.halted is not None:
            return "HALTED"
        return "STOPPING" if self.stopping is not None else "ACTIVE"

    def say(self, text: str, level: str, *, count: str | None = None) -> None:
        """Log under the root's prefix."""
        self.send(self.roles["telemetry"], Note("CONTROL", text, level, count=count))
