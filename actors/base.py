"""The base class of every actor, and why it exists.

Thespian runs a handler that raises *again with the same message*, three times in all on the in-process base,
and then sends a ``PoisonMessage`` back. "Send an order, then raise" would send three orders. So here the
exception ends at the handler's edge: what was sent before it stays sent, once; the actor takes no further
message, because its state can no longer be trusted; and its supervisor is told, who decides what replaces it.

Rules of this room: an actor is synchronous and does no I/O, reads no clock but the turn's, draws no random
number and makes no id of its own. The same messages in the same order give the same messages out, always.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystemMessage,
    ChildActorExited,
    PoisonMessage,
)

Address = ActorAddress


class Turn(Protocol):
    """The time of the turn that is running: set by the host before it lets the actors run, fixed during it."""

    unix_us: int
    mono_us: int

    def fatal(self, failure: ActorFailed) -> None:
        """The root of the tree failed: there is nobody left to replace it."""


class Supervised(msgspec.Struct, frozen=True):
    """First message to every actor: who its supervisor is, its name, and the turn's clock.

    The root of the tree is its own supervisor.
    """

    name: str
    supervisor: Address
    turn: Turn


class ActorFailed(msgspec.Struct, frozen=True):
    """An actor's handler raised; the actor is out of service. ``detail`` is the traceback, for the log."""

    name: str
    address: Address
    message_type: str
    error: str
    detail: str


Handler = Callable[[Any, Any, Address], None]
_H = TypeVar("_H", bound=Callable[..., None])


def handles(*types: type) -> Callable[[_H], _H]:
    """Mark a method as the handler of these message types; it is called with ``(message, sender)``.

    Thespian's own are not for us to handle: they make and end actors.
    """
    if any(issubclass(each, ActorSystemMessage) for each in types):
        raise TypeError("a message of Thespian's own has no handler here")

    def mark(method: _H) -> _H:
        method.__dict__["_handled_types"] = types
        return method

    return mark


class GuardedActor(Actor):
    """An actor whose handlers may raise without being run again (see the module's text).

    Subclasses mark methods with :func:`handles`. A message of another type is a bug of the sender and counts as
    a failure of this actor, so that no message is ever lost in silence.
    """

    _handlers: ClassVar[dict[type, Handler]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Build the dispatch table once per class, the parents' handlers included."""
        super().__init_subclass__(**kwargs)
        table: dict[type, Handler] = {}
        for base in reversed(cls.__mro__):
            for method in vars(base).values():
                for message_type in getattr(method, "_handled_types", ()):
                    table[message_type] = method
        cls._handlers = table

    def __init__(self) -> None:
        """Start out of service of nobody; the first message says who supervises."""
        super().__init__()
        self.name = type(self).__name__
        self.failed = False
        self.supervisor: Address | None = None
        self.turn: Turn

    def receiveMessage(self, message: object, sender: Address) -> None:  # noqa: N802 -- thespian's name
        """Run the handler once; never let an exception reach Thespian."""
        if self.failed:
            return
        try:
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(self, message, sender)
            else:
                self._without_handler(message)
        except Exception as error:  # noqa: BLE001 -- the whole point of this class
            self._fail(message, error)

    def _without_handler(self, message: object) -> None:
        if isinstance(message, Supervised):
            self.name, self.supervisor, self.turn = message.name, message.supervisor, message.turn
        elif not isinstance(message, (ActorExitRequest, ChildActorExited, PoisonMessage)):
            raise TypeError(f"{self.name} has no handler for {type(message).__name__}")

    def _fail(self, message: object, error: Exception) -> None:
        self.failed = True
        if self.supervisor is not None:
            detail = "".join(traceback.format_exception(error))
            failure = ActorFailed(self.name, self.myAddress, type(message).__name__, repr(error)[:300], detail)
            if self.supervisor == self.myAddress:
                self.turn.fatal(failure)
            else:
                self.send(self.supervisor, failure)

    def spawn(self, actor: type[GuardedActor], name: str, setup: object = None) -> Address:
        """Create a child under this actor's supervision, and send it its ``setup`` message if there is one."""
        child = self.createActor(actor)
        self.send(child, Supervised(name, self.myAddress, self.turn))
        if setup is not None:
            self.send(child, setup)
        return child

    def retire(self, child: Address) -> None:
        """End a child: it handles what it was sent before this, and then nothing more."""
        self.send(child, ActorExitRequest())
