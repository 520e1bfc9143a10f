# The in-process base of Thespian 4.0.1, as far as `transport/quick_base.py` shortens it.

from typing import Any

from thespian.actors import Actor, ActorAddress, ActorSystem

class ActorRef:
    instance: Actor | None
    address: ActorAddress

class PendingSend:
    sender: ActorAddress
    toActor: ActorAddress
    msg: Any
    def __init__(self, sender: ActorAddress, msg: object, toActor: ActorAddress) -> None: ...

class ActorSystemBase:
    actorRegistry: dict[str, ActorRef]
    _pendingSends: list[PendingSend]
    def __init__(self, system: ActorSystem, logDefs: bool) -> None: ...
    def tell(self, anActor: ActorAddress, msg: object) -> None: ...
    def actor_send(self, fromActor: ActorAddress, toActor: ActorAddress, msg: object) -> None: ...
    def _runSends(self, timeout: float | None = None, stop_on_available: object = ...) -> None: ...
    def _runSingleSend(self, ps: PendingSend) -> None: ...
