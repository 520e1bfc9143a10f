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
from collections.abc import Callable
from typing import Any, Final

import msgspec
from thespian.actors import ActorAddress, ActorSystem, ActorSystemMessage
from thespian.system.simpleSystemBase import ActorRef, ActorSystemBase

from actors.base import GuardedActor
from actors.ledger import Record
from actors.messages import Note, OpportunityNote, TradeMoved, TradeSent

BOOKKEEPING: Final = frozenset({Note, OpportunityNote, TradeMoved, TradeSent, Record})
"""What nobody decides on in the turn in which it is said."""


class Sending(msgspec.Struct, dict=True):
    """A message that waits: Thespian's ``PendingSend``, whose way it can go, made in a third of the time."""

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
        self._bookkeeping: deque[Sending] = deque()
        super().__init__(system, logDefs=False)

    def tell(self, anActor: ActorAddress, msg: object) -> None:  # noqa: N803 -- thespian's names, here and below
        """Deliver from outside and run until quiet."""
        sender = self.actorRegistry["System:ExternalRequester"].address
        self._pendingSends.append(Sending(sender, msg, anActor))
        self._runSends()

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
        if isinstance(made.instance, GuardedActor):
            made.actor_send = self._queued_from(actorAddr)
        return made

    def _queued_from(self, sender: ActorAddress) -> Callable[[ActorAddress, object], None]:
        pending, bookkeeping = self._pendingSends, self._bookkeeping

        def send(target: ActorAddress, msg: object) -> None:
            (bookkeeping if type(msg) in BOOKKEEPING else pending).append(Sending(sender, msg, target))

        return send

    def actor_send(self, fromActor: ActorAddress, toActor: ActorAddress, msg: object) -> None:  # noqa: N803
        """Queue what an actor sends."""
        queue = self._bookkeeping if type(msg) in BOOKKEEPING else self._pendingSends
        queue.append(Sending(fromActor, msg, toActor))

    def _runSends(self, timeout: float | None = None, stop_on_available: object = None) -> None:  # noqa: N802
        if stop_on_available:
            super()._runSends(timeout, stop_on_available)
            return
        pending, bookkeeping, registry = self._pendingSends, self._bookkeeping, self.actorRegistry
        while pending or bookkeeping:
            each = pending.pop(0) if pending else bookkeeping.popleft()
            target = registry.get(each.toActor._aaddr)  # noqa: SLF001 -- always a text here; asking for it costs more
            actor = None if target is None else target._inst  # noqa: SLF001 -- as before
            if isinstance(actor, GuardedActor) and not isinstance(each.msg, ActorSystemMessage):
                # It never raises, so there is nothing here of Thespian's delivering again.
                actor.receiveMessage(each.msg, each.sender)
            else:
                self._runSingleSend(each)


def quick_system() -> ActorSystem:
    """An actor system of this process's own; it has no thread, socket or file."""
    system = ActorSystem("simpleSystemBase", logDefs=False, transientUnique=True)
    system._systemBase = QuickBase(system)  # noqa: SLF001 -- takes a name only, or a base that knows it
    return system
