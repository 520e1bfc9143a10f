"""How patient the port is; tests make it hasty. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from transport.polymarket.heartbeat import EVERY_S
from transport.polymarket.watches import WAITS_S


@dataclass(frozen=True, slots=True)
class PortPolicy:
    """``timeout_s``: how long an order may be under way, as the wire has it."""

    timeout_s: float = 4.0
    waits_s: tuple[float, ...] = WAITS_S
    """Before each look at an order that is not settled."""
    heartbeat_s: float = EVERY_S
    again_s: float = 5.0
    """Before each attempt to be taken again, where credentials or the engine keep orders back."""
    learn_s: float = 10.0
    """How long the start waits for what is good to know."""
