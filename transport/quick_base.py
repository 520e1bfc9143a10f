"""Thespian's in-process base with a shorter way for the messages that a turn is made of.

The actors, their addresses, the queue and its order are Thespian's. Left out for each message is what nobody here uses
and what costs three quarters of a message: timers of its own (ours come from the clock port), a lock (one thread), a
logger looked up, and the comparison of addresses as texts. The life of actors, and whatever is not a guarded actor
of ours, goes Thespian's own way.

One thing is added: bookkeeping waits until nothing else is left to do in the turn, so that no order's way out leads
past it. It is still delivered in the same turn, and in the order in which it was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from thespian.actors import Actor, ActorAddress, ActorSystem, ActorSystemMessage, InvalidActorAddress
from thespian.system.simpleSystemBase import ActorRef, ActorSystemBase

from actors.base import GuardedActor, Handler
from actors.ledger import Record
from actors.messages import Note, OpportunityNote, TradeMoved, TradeSent

_RECEIVE: Final = GuardedActor.receiveMessage

BOOKKEEPING: Final = frozenset({Note, OpportunityNote, TradeMoved, TradeSent, Record})
"""What nobody decides on in the turn in which it is said."""


Waiting = tuple[ActorAddress, object, ActorAddress]
"""A message that waits: from whom, what, to whom. Thespian's own wait beside these, in objects of its own."""


class Sending(msgspec.Struct, dict=True):
    """Thespian's ``PendingSend``, for the few messages that go Thespian's way: the others never need one."""

    sender: ActorAddress
    msg: object
    toActor: ActorAddress  # noqa: N815 -- thespian's name
    attempts: int = 0


class QuickBase(ActorSystemBase):
    """Same messages, same order, same outcome as the base it derives from; a test plays both against each other.

    Only the types of :data:`BOOKKEEPING` are overtaken by the others.
    """

    def __init__(self, system: ActorSystem) -> None:
        """No actors yet."""
        self._bookkeeping: deque[Waiting] = deque()
        self._handlers: dict[type, Mapping[type, Handler]] = {}
        """By kind of actor, of those that receive as the base class does."""
        super().__init__(system, logDefs=False)
        self._outside = self.actorRegistry["System:ExternalRequester"].address

    def tell(self, anActor: ActorAddress, msg: object) -> None:  # noqa: N803 -- thespian's names, here and below
        """Deliver from outside and run until quiet."""
        self._pendingSends.append((self._outside, msg, anActor))
        self._run_quick()

    def _newRefAndActor(  # noqa: N802
        self,
        actorSystem: ActorSystem,  # noqa: N803
        parentAddr: ActorAddress,  # noqa: N803
        actorAddr: ActorAddress,  # noqa: N803
        *rest: Any,
        **more: Any,
    ) -> ActorRef:
        """Have what an actor of ours sends queued without a way around."""
        made = super()._newRefAndActor(actorSystem, parentAddr, actorAddr, *rest, **more)
        actor = made.instance
        if isinstance(actor, GuardedActor):
            if type(actor).receiveMessage is _RECEIVE:
                self._handlers[type(actor)] = actor._handlers  # noqa: SLF001 -- see _runSends
            made.actor_send = self._queued_from(actorAddr)
            if type(actor).send is Actor.send:
                # One call less for every message.
                actor.send = made.actor_send  # type: ignore[method-assign, assignment]
        return made

    def _queued_from(self, sender: ActorAddress) -> Callable[[ActorAddress, object], None]:
        pending, bookkeeping = self._pendingSends, self._bookkeeping

        def send(target: ActorAddress, msg: object) -> None:
            if not isinstance(target, ActorAddress):
                raise InvalidActorAddress(target, "not a valid ActorAddress for sending messages to")
            (bookkeeping if type(msg) in BOOKKEEPING else pending).append((sender, msg, target))

        return send

    def actor_send(self, fromActor: ActorAddress, toActor: ActorAddress, msg: object) -> None:  # noqa: N803
        """Queue what an actor sends."""
        queue = self._bookkeeping if type(msg) in BOOKKEEPING else self._pendingSends
        queue.append((fromActor, msg, toActor))

    def _runSends(self, timeout: float | None = None, stop_on_available: object = None) -> None:  # noqa: N802
        if stop_on_available:
            super()._runSends(timeout, stop_on_available)
        else:
            self._run_quick()

    def _run_quick(self) -> None:
        """Deliver what waits, and what that makes wait, until nothing does; bookkeeping when nothing else is left."""
        pending, bookkeeping, registry, tables = (
            self._pendingSends,
            self._bookkeeping,
            self.actorRegistry,
            self._handlers,
        )
        next_one = pending.pop
        while pending or bookkeeping:
            each = next_one(0) if pending else bookkeeping.popleft()
            if type(each) is not tuple:
                self._runSingleSend(each)
                continue
            sender, msg, target = each
            # The address's own text: asking for it by its property costs more.
            entry = registry.get(target._aaddr)  # noqa: SLF001 -- see above
            actor: Any = None if entry is None else entry._inst  # noqa: SLF001 -- as before
            table = tables.get(type(actor))
            if table is not None and (handler := table.get(type(msg))) is not None:
                # What GuardedActor.receiveMessage does, written out: it is done a hundred times a trade.
                if not actor.failed:
                    try:
                        handler(actor, msg, sender)
                    except Exception as error:  # noqa: BLE001 -- ends at the handler's edge, as there
                        actor._fail(msg, error)  # noqa: SLF001 -- as there
            elif isinstance(actor, GuardedActor) and not isinstance(msg, ActorSystemMessage):
                # It never raises, so there is nothing here of Thespian's delivering again.
                actor.receiveMessage(msg, sender)
            else:
                self._runSingleSend(each)

    def _runSingleSend(self, ps: Any) -> None:  # noqa: N802, ANN401 -- thespian's
        super()._runSingleSend(Sending(*ps) if type(ps) is tuple else ps)


def quick_system() -> ActorSystem:
    """An actor system of this process's own; it has no thread, socket or file."""
    system = ActorSystem("simpleSystemBase", logDefs=False, transientUnique=True)
    system._systemBase = QuickBase(system)  # noqa: SLF001 -- takes a name only, or a base that knows it
    return system
