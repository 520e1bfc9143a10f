"""A whole exchange behind one door: requests, connections, faults, a recording. Who serves it brings the time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from protocol.terms import Platform
from venues.loopback.faults import Faults, FaultT
from venues.loopback.message import Reply, Request
from venues.loopback.refusal import Refusal
from venues.loopback.session import EventT, Listener, RecordedT, Session

_RecordedT = TypeVar("_RecordedT")


class Tape(Protocol[_RecordedT]):
    """The exchange's books as a recording has them."""

    def read(self, text: str) -> _RecordedT | None:
        """The recorded frame; None for one that is not served."""
        ...

    def list_markets(self, frames: Iterable[_RecordedT]) -> int:
        """List every market of the recording; how many there are."""
        ...

    def restart(self) -> None:
        """The recording's connection is new: no book is known."""
        ...

    def see(self, recorded: _RecordedT) -> None:
        """Take the frame into the books."""
        ...


class Service(ABC, Generic[FaultT, EventT, RecordedT]):
    """Times given are the world's; :meth:`now_us` is what the exchange's own clock shows."""

    platform: ClassVar[Platform]
    most_command: ClassVar[int]
    """Characters of one command of a connection."""

    faults: Faults[FaultT]
    tape: Tape[RecordedT]

    def __init__(self) -> None:
        self.offset_us = 0
        self.listeners: list[Listener[EventT, RecordedT]] = []

    def now_us(self, world_us: int) -> int:
        """What the exchange's clock shows."""
        return world_us + self.offset_us

    @abstractmethod
    def handle(self, request: Request, world_us: int, struck: dict[str, FaultT]) -> Reply:
        """The reply to a REST request."""

    # -- in the venue's words ------------------------------------------------------------------------------------

    @abstractmethod
    def refused(self, status: int, code: str, text: str) -> Refusal:
        """A refusal as the venue says it."""

    @abstractmethod
    def invalid(self, text: str) -> Refusal:
        """400 for a request that makes no sense; the text names the field."""

    def failed(self, fault: FaultT) -> Refusal:
        """What `error_before` and `error_after` answer."""
        return self.unavailable(fault)

    def unavailable(self, fault: FaultT) -> Refusal:
        """The status of the fault, and that there is no service."""
        return self.refused(fault.status, "service_unavailable", "service unavailable")

    # -- sockets -------------------------------------------------------------------------------------------------

    def connect(self, request: Request, world_us: int = 0) -> Listener[EventT, RecordedT]:
        """A new connection. Raises :class:`Refusal` where the upgrade is refused."""
        fault = self.faults.socket("refused_handshake")
        if fault is not None:
            raise self.unavailable(fault)
        listener = Listener(self._opened(request, self.now_us(world_us)))
        self.listeners.append(listener)
        return listener

    @abstractmethod
    def _opened(self, request: Request, now_us: int) -> Session[EventT, RecordedT]:
        """The session that the request asks for. Raises :class:`Refusal`."""

    def disconnect(self, listener: Listener[EventT, RecordedT]) -> None:
        """The connection is gone."""
        if listener in self.listeners:
            self.listeners.remove(listener)

    def command(self, listener: Listener[EventT, RecordedT], text: str | bytes, world_us: int) -> None:
        """A command of a connection; what it brings waits in ``listener.waiting``."""
        listener.waiting += listener.session.command(text, self.now_us(world_us))

    def play(self, recorded: RecordedT, world_us: int = 0) -> None:
        """A frame of a recording, to the books and to every connection."""
        self.tape.see(recorded)
        for listener in self.listeners:
            listener.waiting += listener.session.play(recorded, self.now_us(world_us))

    def _tell(self, event: EventT, now_us: int) -> None:
        for listener in self.listeners:
            listener.waiting += listener.session.hear(event, now_us)

    # -- faults --------------------------------------------------------------------------------------------------

    def break_down(self, fault: FaultT, world_us: int = 0) -> None:
        """Ask for a fault: one that lasts begins now, another waits for its occasion. Raises :class:`FaultError`."""
        self.faults.add(fault)
        if fault.name in self.faults.states:
            self._begin(fault, world_us)

    def mend(self, name: str, world_us: int = 0) -> None:
        """End the fault of that name, or all. Raises :class:`FaultError`."""
        if name:
            self.faults.check(name)
        self.faults.clear(name)
        for state in self.faults.states:
            if name in {"", state}:
                self._end(state, world_us)

    @abstractmethod
    def _begin(self, fault: FaultT, world_us: int) -> None:
        """A state begins. Raises :class:`FaultError` where it cannot."""

    @abstractmethod
    def _end(self, state: str, world_us: int) -> None:
        """A state is over, if it ever began."""


AnyService = Service[Any, Any, Any]
