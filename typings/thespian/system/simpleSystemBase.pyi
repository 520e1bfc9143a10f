# The in-process base of Thespian 4.0.1, as far as `transport/quick_base.py` shortens it.

from collections.abc import Callable
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorSystem

class ActorRef:
    instance: Actor | None
    _inst: Actor | None
    address: ActorAddress
    actor_send: Callable[[ActorAddress, object], None]

class ActorSystemBase:
    actorRegistry: dict[str, ActorRef]
    _pendingSends: list[Any]
    def __init__(self, system: ActorSystem, logDefs: bool) -> None: ...
    def tell(self, anActor: ActorAddress, msg: object) -> None: ...
    def actor_send(self, fromActor: ActorAddress, toActor: ActorAddress, msg: object) -> None: ...
    def _runSends(self, timeout: float | None = None, stop_on_available: object = ...) -> None: ...
    def _runSingleSend(self, ps: object) -> None: ...
    def _newRefAndActor(
        self,
        actorSystem: ActorSystem,
        parentAddr: ActorAddress,
        actorAddr: ActorAddress,
        *rest: Any,
        **more: Any,
    ) -> ActorRef: ...
