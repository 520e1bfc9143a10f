"""The actor host: joins Thespian's in-process system to asyncio, on one thread.

An asyncio callback tells an actor something; the system runs until it is quiet; control returns to the loop. A port
that answers from inside a turn (a paper fill, say) is not allowed to run the system again: what it tells waits in a
queue of the host's and runs right after, so there is no re-entry, whatever a port does.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from actors.base import ActorFailed, Address, GuardedActor, Supervised
from transport.quick_base import quick_system


class TimeSource(Protocol):
    """Where a turn's time comes from."""

    def unix_us(self) -> int:
        """Unix time in microseconds."""

    def mono_us(self) -> int:
        """Monotonic time in microseconds."""


class SystemTime:
    """The machine's clocks."""

    def unix_us(self) -> int:
        """Unix time in microseconds."""
        return time.time_ns() // 1_000

    def mono_us(self) -> int:
        """Monotonic time in microseconds."""
        return time.monotonic_ns() // 1_000


class HostTurn:
    """The turn's time, as the actors see it: set before they run, fixed while they do."""

    __slots__ = ("mono_us", "on_fatal", "unix_us")

    def __init__(self, on_fatal: Callable[[ActorFailed], None]) -> None:
        """Before the first turn."""
        self.unix_us = 0
        self.mono_us = 0
        self.on_fatal = on_fatal

    def fatal(self, failure: ActorFailed) -> None:
        """The root failed."""
        self.on_fatal(failure)


class ActorHost:
    """One actor system of this process's own; several hosts can live side by side (in tests they do).

    Guarantees: messages told from outside run in the order told; none runs inside another's turn; after
    :meth:`shutdown` nothing runs any more, and telling is ignored.
    """

    def __init__(self, source: TimeSource | None = None, on_fatal: Callable[[ActorFailed], None] | None = None) -> None:
        """Start the in-process system; it has no thread, socket or file of its own."""
        # At DEBUG it formats every message, secrets included; and it must never reach a log that way.
        logging.getLogger("Thespian").setLevel(logging.WARNING)
        self.source = source or SystemTime()
        self.turn = HostTurn(on_fatal or _raise_fatal)
        self.system = quick_system()
        self._tell_now = self.system._systemBase.tell  # noqa: SLF001 -- what the system's own does after a check
        self.waiting: deque[tuple[Address, object]] = deque()
        self.running = False
        self.closed = False

    def __enter__(self) -> Self:
        """Usable in a ``with`` block; shut down at its end."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Shut down."""
        self.shutdown()

    def create(self, actor: type[GuardedActor], name: str, setup: object | None = None) -> Address:
        """Create the root of a tree: it is its own supervisor, and its failure is fatal."""
        address = self.system.createActor(actor)
        self.tell(address, Supervised(name, address, self.turn))
        if setup is not None:
            self.tell(address, setup)
        return address

    def tell(self, address: Address, message: object) -> None:
        """Deliver a message and run until quiet; inside a turn, right after that turn instead."""
        if self.closed:
            return
        if self.running:
            self.waiting.append((address, message))
            return
        self.running = True
        try:
            self._run(address, message)
            while self.waiting and not self.closed:
                self._run(*self.waiting.popleft())
        finally:
            self.running = False

    def ask(self, address: Address, message: object) -> object:
        """Deliver a message, run until quiet, and return the first answer, or None. Not from inside a turn."""
        if self.running or self.closed:
            raise RuntimeError("ask() needs a host that is open and not in a turn")
        self.tell(address, message)
        # Thespian's own ask() stops at the first answer and leaves the rest of the turn for later.
        return self.system.listen(None)

    def _run(self, address: Address, message: object) -> None:
        turn, source = self.turn, self.source
        turn.unix_us = source.unix_us()
        turn.mono_us = source.mono_us()
        self._tell_now(address, message)

    def shutdown(self) -> None:
        """End every actor. Safe to call twice."""
        if not self.closed:
            self.closed = True
            self.waiting.clear()
            self.system.shutdown()


def _raise_fatal(failure: ActorFailed) -> None:
    raise RuntimeError(f"the root actor {failure.name} failed on {failure.message_type}: {failure.error}")
