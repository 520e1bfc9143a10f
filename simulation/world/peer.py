"""A trader of another kind: whoever speaks the wire's JSON, without the actors. The way to put your own into the box.

class Mine(Peer):
    def on_frame(self, frame):
        if frame["type"] == "init":
            self.write({"type": "init_ack", "success": True, "platforms": ["kalshi"], "error": None})
"""

from __future__ import annotations

import json
from typing import Any

from actors.base import Address, GuardedActor
from actors.messages import LinkClosed, LinkOpened, LinkText
from simulation.world.process import Killed
from simulation.world.trader_machine import Caller
from transport.host import ActorHost


class Peer(Caller):
    """Connects to the controller like any trader; subclasses answer its frames and may keep what they like.

    :meth:`on_start` is called at every start of the process: what is kept elsewhere was on its disk.
    """

    def build(self, host: ActorHost) -> Address:
        """Have no actors."""
        self.on_start()
        return host.system.createActor(GuardedActor)

    def tell(self, role: str, message: object) -> None:  # noqa: ARG002 -- there is only one role here
        """Hear from the network."""
        if not self.alive:
            return
        try:
            match message:
                case LinkText(text=text):
                    self.on_frame(json.loads(text))
                case LinkOpened():
                    self.on_open()
                case LinkClosed(reason=reason):
                    self.on_close(reason)
                case _:
                    pass
        except Killed:
            self.die()

    def write(self, frame: dict[str, Any]) -> bool:
        """Send a frame to the controller; False where there is no connection."""
        return self.conn_id is not None and self.send(self.conn_id, json.dumps(frame, separators=(",", ":")))

    def on_start(self) -> None:
        """The process begins."""

    def on_open(self) -> None:
        """A connection is up."""

    def on_close(self, reason: str) -> None:
        """The connection is gone."""

    def on_frame(self, frame: dict[str, Any]) -> None:
        """The controller has sent this."""
        raise NotImplementedError
