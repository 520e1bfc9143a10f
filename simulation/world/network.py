"""Connections between processes: order is kept on each, and everything else can happen to them.

A frame takes its time and may never arrive; an end may learn of a connection's death at once, late, or only by its own
keepalive; a frame that was under way when its connection died may still arrive, also after the same two ends have met
again on a new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Protocol

from actors.messages import LinkClosed, LinkOpened, LinkText
from simulation.world.kernel import Kernel
from simulation.world.trace import Trace

MAX_UNDER_WAY: Final = 2_000
"""Frames that an end may have unread by the other before it drops the connection, as the real link does by bytes."""

CLOSE: Final = "close"
RESET: Final = "reset"
SILENCE: Final = "silence"
HALF_OPEN: Final = "half-open"
STALL: Final = "stall"
REPEAT: Final = "reset, and the last frames come again"
CUTS: Final = (CLOSE, RESET, SILENCE, HALF_OPEN, STALL, REPEAT)

REPEATED: Final = 6
"""Frames that may come again on the next connection, as when an end has sent them twice."""

_BEGINS: Final = '{"type":"'
_REPEATABLE: Final = frozenset({"execute_leg", "leg_result", "leg_ack", "leg_query"})


def kind_of(text: str) -> str:
    """A frame's type: our own write it first."""
    if text.startswith(_BEGINS):
        end = text.find('"', len(_BEGINS))
        return text[len(_BEGINS) : end] if end > 0 else "garbage"
    parts = text.split('"', 4)
    return parts[3] if len(parts) == 5 else "garbage"  # noqa: PLR2004 -- {"type":"kind", and the rest


class Station(Protocol):
    """A process as the network sees it. ``epoch`` is the number of its start: an earlier one is dead."""

    name: str
    epoch: int
    alive: bool

    def tell(self, role: str, message: object) -> None:
        """Deliver a message to whoever has that role."""

    def survives(self, kind: str) -> bool:
        """Something is about to happen to the process; False where it dies of it."""

    def link_lost(self, conn_id: int) -> None:
        """The process's transport has learnt that a connection is gone."""


class End:
    """One end of a connection."""

    __slots__ = ("arrives_us", "deaf", "epoch", "knows", "shut", "station", "under_way")

    def __init__(self, station: Station) -> None:
        """An end that does not know yet that it is open."""
        self.station = station
        self.epoch = station.epoch
        self.knows = False
        self.deaf = False
        self.shut = False
        self.arrives_us = 0
        self.under_way = 0

    @property
    def there(self) -> bool:
        """The process that opened it still runs."""
        station = self.station
        return station.alive and station.epoch == self.epoch


class Connection:
    """A connection: ``ends[0]`` is the trader's, ``ends[1]`` the controller's."""

    __slots__ = ("conn_id", "cut", "ends", "last", "stalled_until_us")

    def __init__(self, conn_id: int, client: Station, server: Station) -> None:
        """Opened just now."""
        self.conn_id = conn_id
        self.ends = (End(client), End(server))
        self.cut: str | None = None
        self.stalled_until_us = 0
        self.last: deque[tuple[bool, str]] = deque(maxlen=REPEATED)
        """The last frames: whether to the trader, and their text."""


class Network:
    """All connections. ``latency`` throws one frame's time under way, in microseconds."""

    def __init__(self, kernel: Kernel, trace: Trace, rng: Random, latency: Callable[[Random], int]) -> None:
        """No connections."""
        self.kernel = kernel
        self.trace = trace
        self.rng = rng
        self.latency = latency
        self.connections: dict[int, Connection] = {}
        self.next_id = 0
        self.frames = 0
        self.cuts = 0
        self.again: dict[tuple[str, str], list[tuple[bool, str]]] = {}
        self.closed_to: set[str] = set()
        """Processes that nobody can reach now: new connections fail."""

    # -- life ------------------------------------------------------------------------------------------------

    def connect(self, client: Station, server: Station) -> int | None:
        """Open a connection; None where the other end is not there."""
        if not server.alive or self.closed_to & {client.name, server.name}:
            return None
        self.next_id += 1
        connection = self.connections[self.next_id] = Connection(self.next_id, client, server)
        self.trace.add(self.kernel.now_us, client.name, "connected", f"{server.name} #{self.next_id}")
        for end in connection.ends:
            end.knows = True
        for end, peer in zip(connection.ends[::-1], connection.ends, strict=True):
            if end.there and end.knows:
                end.station.tell("bridge", LinkOpened(self.next_id, f"{peer.station.name}:{self.next_id}"))
        for to_client, text in self.again.pop((client.name, server.name), ()):
            end = connection.ends[0 if to_client else 1]
            end.under_way += 1
            # After the hello, and between whatever else comes then.
            wait = self.rng.randint(100_000, 1_500_000)
            self.kernel.after(wait, partial(self._arrive, connection, end, text, kind_of(text)))
        return connection.conn_id

    def of(self, station: Station) -> list[Connection]:
        """The connections of which this process still knows."""
        return [
            each
            for each in self.connections.values()
            if any(end.knows and end.there and end.station is station for end in each.ends)
        ]

    def cut_off(self, connection: Connection, how: str) -> None:
        """The connection dies (or falls silent) in this way."""
        self.cuts += 1
        self.trace.add(self.kernel.now_us, "network", "cut", f"#{connection.conn_id} {how}")
        client, server = connection.ends
        if how == STALL:
            # A slow reader: everything arrives, much later and in order.
            connection.stalled_until_us = self.kernel.now_us + self.rng.randint(1_000_000, 12_000_000)
            return
        connection.cut = how
        if how == CLOSE:
            for end in connection.ends:
                self._later(end, connection.conn_id, "closed by the network", max(end.arrives_us, self.kernel.now_us))
        elif how in {RESET, REPEAT}:
            if how == REPEAT:
                self.again[client.station.name, server.station.name] = list(connection.last)
            for end in connection.ends:
                end.deaf = True
                self._later(end, connection.conn_id, "reset", self.kernel.now_us)
        elif how == SILENCE:
            client.deaf = server.deaf = True
        else:
            # One end learns of it; the other goes on as if nothing had happened, and is heard (or not) as it was.
            told, other = connection.ends if self.rng.random() < 0.7 else connection.ends[::-1]  # noqa: PLR2004
            told.deaf = True
            other.deaf = self.rng.random() < 0.5  # noqa: PLR2004 -- what was under way to it may still arrive
            self._later(told, connection.conn_id, "reset", self.kernel.now_us)

    def heal(self) -> None:
        """Nothing stands in the way of new connections; those that were cut stay dead, and stalls end."""
        self.closed_to.clear()
        for connection in self.connections.values():
            connection.stalled_until_us = 0

    def died(self, station: Station, *, politely: bool = False) -> None:
        """A process is gone: its kernel tells the other ends, sooner or later."""
        for connection in list(self.connections.values()):
            for end, other in (connection.ends, connection.ends[::-1]):
                if end.station is station and end.knows and end.epoch == station.epoch:
                    end.knows = False
                    if not other.knows:
                        self.connections.pop(connection.conn_id, None)
                    elif connection.cut is None:
                        connection.cut = RESET
                        wait = 0 if politely else self.rng.randint(0, 3_000)
                        self._later(other, connection.conn_id, "reset by peer", self.kernel.now_us + wait)

    def _later(self, end: End, conn_id: int, why: str, at_us: int) -> None:
        self.kernel.after(
            max(0, at_us - self.kernel.now_us) + self.rng.randint(0, 2_000), partial(self.lost, end, conn_id, why)
        )

    def lost(self, end: End, conn_id: int, why: str) -> None:
        """Let an end learn that its connection is gone."""
        if not end.knows:
            return
        end.knows = False
        connection = self.connections.get(conn_id)
        if connection is not None and not any(each.knows for each in connection.ends):
            del self.connections[conn_id]
        if end.there:
            self.trace.add(self.kernel.now_us, end.station.name, "link lost", f"#{conn_id} {why}")
            end.station.tell("bridge", LinkClosed(conn_id, why))
            end.station.link_lost(conn_id)

    # -- what the processes do -------------------------------------------------------------------------------

    def send(self, station: Station, conn_id: int, text: str, kind: str) -> bool:
        """Write a frame of that kind; False where this end knows that the connection is gone."""
        found = self._ends(station, conn_id)
        if found is None:
            return False
        connection, _, other = found
        now_us = self.kernel.now_us
        self.frames += 1
        if kind in _REPEATABLE:
            connection.last.append((other is connection.ends[0], text))
        if self.trace.on:
            self.trace.add(now_us, station.name, "send", text)
        arrives = max(now_us + self.latency(self.rng), other.arrives_us + 1, connection.stalled_until_us)
        other.arrives_us = arrives
        if other.under_way >= MAX_UNDER_WAY:
            self.drop(station, conn_id, "slow reader")
            return False
        other.under_way += 1
        self.kernel.after(arrives - now_us, partial(self._arrive, connection, other, text, kind))
        return True

    def is_open(self, station: Station, conn_id: int) -> bool:
        """Whether this end could write to the connection now."""
        return self._ends(station, conn_id) is not None

    def drop(self, station: Station, conn_id: int, reason: str) -> None:
        """Give the connection up, at this end."""
        found = self._ends(station, conn_id)
        if found is None:
            return
        connection, end, other = found
        end.deaf = end.shut = True
        self._later(end, conn_id, reason, self.kernel.now_us)
        if connection.cut in {None, STALL}:
            connection.cut = RESET
            self._later(other, conn_id, "reset by peer", max(other.arrives_us, self.kernel.now_us))

    def _arrive(self, connection: Connection, end: End, text: str, kind: str) -> None:
        end.under_way -= 1
        if not end.knows or end.deaf or not end.there:
            return
        if not end.station.survives(f"receive {kind}"):
            return
        if self.trace.on:
            self.trace.add(self.kernel.now_us, end.station.name, "receive", f"#{connection.conn_id} {kind}")
        end.station.tell("bridge", LinkText(connection.conn_id, text))

    def _ends(self, station: Station, conn_id: int) -> tuple[Connection, End, End] | None:
        connection = self.connections.get(conn_id)
        if connection is None:
            return None
        end, other = connection.ends
        if end.station is not station:
            end, other = other, end
        if end.station is station and end.knows and not end.shut and end.there:
            return connection, end, other
        return None
