"""A controller and traders in their boxes, joined by wires that can be cut: frames cross when they are pumped.

world = Pipe(ControllerBox(pairs))
world.join(TraderBox((KALSHI,)))
world.controller.feed(...)
world.pump()
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.messages import LinkClosed, LinkOpened, LinkText
from simulation.boxes import ControllerBox, TraderBox

MAX_ROUNDS = 1_000


@dataclass
class Wire:
    """One connection: the trader, its connection id, and how many frames have crossed each way."""

    trader: TraderBox
    conn_id: int
    to_trader: int = 0
    to_controller: int = 0
    up: bool = True
    # Frames beyond these are lost when the wire is cut; tests set them to lose an answer or an order.
    lose_to_trader: bool = False
    lose_to_controller: bool = False


@dataclass
class Pipe:
    """The wires between one controller and any number of traders. Nothing crosses by itself."""

    controller: ControllerBox
    wires: list[Wire] = field(default_factory=list)
    count: int = 0

    def join(self, trader: TraderBox) -> Wire:
        """Connect a trader; the hello crosses at once."""
        self.count += 1
        wire = Wire(trader, self.count)
        self.wires.append(wire)
        self.controller.tell("bridge", LinkOpened(wire.conn_id, f"127.0.0.1:{wire.conn_id}"))
        trader.tell("bridge", LinkOpened(wire.conn_id, "controller"))
        self.pump()
        return wire

    def cut(self, wire: Wire, reason: str = "cut") -> None:
        """The connection dies at both ends; what has not crossed is lost."""
        wire.up = False
        self.wires.remove(wire)
        self.controller.tell("bridge", LinkClosed(wire.conn_id, reason))
        wire.trader.tell("bridge", LinkClosed(wire.conn_id, reason))

    def pump(self) -> None:
        """Let frames cross, in order on each wire, until none is left."""
        for _ in range(MAX_ROUNDS):
            moved = [self._step(wire) for wire in list(self.wires)]
            if not any(moved):
                return
        raise RuntimeError("the frames never come to an end")

    def _step(self, wire: Wire) -> bool:
        out = self.controller.link.written.get(wire.conn_id, [])
        back = wire.trader.link.written.get(wire.conn_id, [])
        if wire.to_trader < len(out):
            wire.to_trader += 1
            if not wire.lose_to_trader:
                wire.trader.tell("bridge", LinkText(wire.conn_id, out[wire.to_trader - 1]))
            return True
        if wire.to_controller < len(back):
            wire.to_controller += 1
            if not wire.lose_to_controller:
                self.controller.tell("bridge", LinkText(wire.conn_id, back[wire.to_controller - 1]))
            return True
        return False

    def advance(self, us: int, step_us: int = 100_000) -> None:
        """Let time pass at both ends, frames crossing all the while."""
        for _ in range(0, us, step_us):
            for box in (self.controller, *(wire.trader for wire in self.wires)):
                box.clock.advance(step_us)
            self.pump()
