"""What a run came to."""

from __future__ import annotations

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """What did not hold, and when."""

    invariant: str
    text: str
    at_us: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. ``digest`` is that of its whole trace; it is empty for a run without one."""

    seed: int
    violation: Violation | None
    simulated_us: int
    trades: int
    orders: int
    faults: int
    crashes: int
    cuts: int
    frames: int
    digest: str
    counts: dict[str, int]
