"""Who has to ack a halt, who has, and who cannot. Pure; the router owns it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from actors.messages import PathInfo
from actors.risk_messages import Halting, TakeLegs, TakeNoLegs
from protocol.terms import WIRE_VERSION

MAX_GONE: Final = 100
"""Traders remembered that were connected and are not any more."""

HEARTBEATS: Final = 3
"""So many without a frame, and a trader takes no leg until it has its controller again."""


class HaltRoll:
    """The roll of the traders of this run, and where each stands with the halt or resume that was told last."""

    def __init__(self) -> None:
        """Nobody known, and nothing told."""
        self.standing: TakeNoLegs | TakeLegs = TakeLegs(0, "")
        self._there: dict[int, PathInfo] = {}
        self._acked: dict[int, int] = {}
        self._gone: dict[str, tuple[int, int]] = {}

    def came(self, path: PathInfo) -> None:
        """A trader registered on its connection."""
        if path.conn_id is not None:
            self._there[path.conn_id] = path
        self._gone.pop(path.trader, None)

    def went(self, conn_id: int, now_us: int) -> None:
        """The connection is gone, and its trader out of reach unless it has another."""
        path = self._there.pop(conn_id, None)
        self._acked.pop(conn_id, None)
        if path is None or any(each.trader == path.trader for each in self._there.values()):
            return
        self._gone.pop(path.trader, None)
        self._gone[path.trader] = (now_us, path.level)
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def acked(self, conn_id: int, number: int) -> None:
        """The trader of the connection has done what that number asked."""
        if conn_id in self._there:
            self._acked[conn_id] = max(number, self._acked.get(conn_id, 0))

    def halting(self, now_us: int, heartbeat_us: int) -> Halting:
        """Where everybody stands now."""
        number = self.standing.number
        known = self._there.items()
        waiting = [
            path.trader
            for conn_id, path in known
            if path.level >= WIRE_VERSION and self._acked.get(conn_id, -1) < number
        ]
        deaf = {
            path.trader: "speaks level 1: it cannot be told to halt; nothing is sent to it any more"
            for _, path in known
            if path.level < WIRE_VERSION
        }
        gone = {
            trader: _out_of_reach(now_us - since, heartbeat_us, level) for trader, (since, level) in self._gone.items()
        }
        return Halting(number, tuple(_once(waiting)), {**deaf, **gone})


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _out_of_reach(for_us: int, heartbeat_us: int, level: int) -> str:
    text = f"out of reach for {for_us // 1_000_000} s"
    if level < WIRE_VERSION:
        return f"{text}, and it speaks level 1: whether it halts by itself is not known"
    limit = HEARTBEATS * heartbeat_us
    if for_us >= limit:
        return f"{text}: it has halted itself, as it takes no leg without its controller"
    return f"{text}: it halts itself after {limit / 1e6:g} s at the latest"
