"""When a tick reached which point of its way, in nanoseconds of ``perf_counter_ns``."""

from __future__ import annotations

import time
from typing import Final

from market.events import FeedBatch
from market.scan import Finding, Scan
from transport.link.server import LinkServer

LEGS: Final = 2

STAGES: Final = (
    "library: bytes read to text handed over",
    "decode",
    "books and detection, with the scanner's part of the turn before",
    "from the finding to the first write: actors, ids, encoding",
    "write of the first leg",
    "from there to the second write",
    "write of the second leg",
    "rest of the turn, after both are out",
)


ORDER: Final = '{"type":"execute_leg"'
"""How an order's frame begins; acks and pings are written at other times."""

Tick = tuple[int, ...]
"""The points of one tick, one more than there are stages."""


class Stamps:
    """The points of the tick that is on its way, and all ticks that ended in two legs.

    A turn is synchronous, so one set of points is enough: both legs are out before the next frame is looked at.
    """

    def __init__(self) -> None:
        self.read = 0
        self.handed = 0
        self.decoded = 0
        self.found = 0
        self.writes: list[int] = []
        self.ticks: list[Tick] = []

    def over(self) -> None:
        """The turn is over: keep what it took if both legs left."""
        if len(self.writes) == 2 * LEGS:
            self.ticks.append((self.read, self.handed, self.decoded, self.found, *self.writes, time.perf_counter_ns()))
        self.writes = []


class StampedScan(Scan):
    """Notes when the pairs of a frame have been looked at."""

    stamps: Stamps

    def apply(self, batch: FeedBatch) -> list[Finding]:
        """See :class:`Scan`."""
        findings = super().apply(batch)
        self.stamps.found = time.perf_counter_ns()
        return findings


class StampedServer(LinkServer):
    """Notes when each order's write began and when the socket had it."""

    stamps: Stamps

    def send(self, conn_id: int, text: str) -> bool:
        """See :class:`LinkServer`."""
        began = time.perf_counter_ns()
        sent = super().send(conn_id, text)
        if text.startswith(ORDER):
            self.stamps.writes += (began, time.perf_counter_ns())
        return sent
