"""A wire between trader and controller that is cut again and again, in every way that a wire can be.

It also says things twice, and late: now and then an order that it has passed on before comes to the trader once more,
on the same connection or a later one; and what it has swallowed in a cut comes when the controller has asked about it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from collections import deque
from enum import StrEnum
from random import Random
from threading import Event, Thread
from typing import Final, Self

from tests.e2e.processes import PATIENCE_S
from transport.feeds.port import WallClock

CHUNK: Final = 65_536
LOOK_S: Final = 0.05
MOST_FRAMES: Final = 40
"""A connection is cut after so many frames at the most."""

ORDER: Final = b'"execute_leg"'
BOOK: Final = b'"book"'
QUESTION: Final = b'"leg_query"'
KEPT_ORDERS: Final = 6
REPEATS: Final = 0.2
"""So often, after something from the controller, an order is said again."""

HEAD_END: Final = b"\r\n\r\n"
GOODBYE: Final = struct.pack("!BBH", 0x88, 2, 1001)
MASKED_GOODBYE: Final = struct.pack("!BBIH", 0x88, 0x82, 0, 1001)
RESET: Final = struct.pack("ii", 1, 0)


class Cut(StrEnum):
    """How a connection ends."""

    CLOSE = "close"
    RESET = "reset"
    EOF = "eof"
    SILENCE = "silence"
    HALF_OPEN = "half-open"


class Frames:
    """Finds the whole frames of a stream that begins with an HTTP head."""

    def __init__(self) -> None:
        self.held = b""
        self.in_head = True
        self.count = 0

    def take(self, data: bytes) -> list[bytes]:
        """Some more bytes; the frames that they complete."""
        self.held += data
        whole: list[bytes] = []
        if self.in_head:
            _, end, rest = self.held.partition(HEAD_END)
            if not end:
                return whole
            self.held, self.in_head = rest, False
        while (size := self.first_size()) is not None and size <= len(self.held):
            whole.append(self.held[:size])
            self.held = self.held[size:]
        self.count += len(whole)
        return whole

    def first_size(self) -> int | None:
        """The size of the first frame, None while its head is not whole."""
        if len(self.held) < 2:
            return None
        size, mask = self.held[1] & 0x7F, 4 if self.held[1] & 0x80 else 0
        extra = {126: 2, 127: 8}.get(size, 0)
        if len(self.held) < 2 + extra:
            return None
        if extra:
            size = int.from_bytes(self.held[2 : 2 + extra])
        return 2 + extra + mask + size

    @property
    def between(self) -> bool:
        """No frame is under way."""
        return not self.in_head and not self.held


class Wire:
    """One connection through the proxy."""

    def __init__(self, trader: socket.socket, controller: socket.socket, frames: int, cut: Cut | None) -> None:
        self.trader, self.controller = trader, controller
        self.frames = {trader: Frames(), controller: Frames()}
        self.left, self.cut = frames, cut
        self.done = False  # cut: what still comes is for nobody
        self.greeted = False

    def other(self, end: socket.socket) -> socket.socket:
        """The end that this one talks to."""
        return self.controller if end is self.trader else self.trader

    @property
    def passed(self) -> int:
        """Frames so far, both ways."""
        return sum(frames.count for frames in self.frames.values())


class Proxy:
    """Forwards from its ``port`` to the controller's, and makes ``cuts`` cuts at moments that ``rng`` chooses."""

    def __init__(self, target: int, cuts: int, rng: Random) -> None:
        self.target, self.rng = target, rng
        # As many of each, in an order of chance.
        self.to_come = [list(Cut)[number % len(Cut)] for number in range(cuts)]
        rng.shuffle(self.to_come)
        self.made: list[Cut] = []
        self.orders: deque[bytes] = deque(maxlen=KEPT_ORDERS)
        self.swallowed: list[bytes] = []
        self.repeated = self.late = 0
        self.reconnect_us: list[int] = []
        self.all_made, self.stopped = Event(), False
        self.clock, self.cut_at = WallClock(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.wires: dict[socket.socket, Wire] = {}
        self.thread = Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True
        self.thread.join(PATIENCE_S)

    def _run(self) -> None:
        while not self.stopped:
            for key, _ in self.selector.select(LOOK_S):
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if end is self.listener:
                    self._accept()
                elif end in self.wires:
                    self._pass_on(end)
        for end in list(self.wires):
            self._close(end)
        self.selector.close()
        self.listener.close()

    def _accept(self) -> None:
        trader, _ = self.listener.accept()
        try:
            controller = socket.create_connection(("127.0.0.1", self.target), PATIENCE_S)
        except OSError:
            trader.close()
            return
        cut = self.to_come.pop() if self.to_come else None
        wire = Wire(trader, controller, self.rng.randrange(1, MOST_FRAMES), cut)
        for end in (trader, controller):
            end.settimeout(PATIENCE_S)
            self.wires[end] = wire
            self.selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        wire = self.wires[end]
        try:
            data = end.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._hung_up(end, wire)
            return
        whole = wire.frames[end].take(data)
        orders = [frame for frame in whole if end is wire.controller and ORDER in frame]
        if wire.done:
            if end is wire.controller:
                self.swallowed += [frame for frame in whole if ORDER in frame or BOOK in frame]
            return
        self.orders += orders
        with contextlib.suppress(OSError):
            wire.other(end).sendall(data)
        self._note_hello(wire)
        if end is wire.controller and wire.greeted and wire.frames[end].between:
            self._say_again(wire, asked=any(QUESTION in frame for frame in whole))
        if wire.cut is not None and wire.passed >= wire.left:
            self._cut(wire, wire.cut)

    def _say_again(self, wire: Wire, *, asked: bool) -> None:
        """Repeat an order, or bring those that were swallowed, when the controller has asked what became of one."""
        again: list[bytes] = []
        if asked:
            again, self.swallowed = self.swallowed, []
            self.late += sum(ORDER in frame for frame in again)
        elif self.orders and wire.frames[wire.controller].count > 1 and self.rng.random() < REPEATS:
            again = [self.rng.choice(self.orders)]
            self.repeated += 1
        with contextlib.suppress(OSError):
            wire.trader.sendall(b"".join(again))

    def _hung_up(self, end: socket.socket, wire: Wire) -> None:
        """One end went by itself; so does the other, unless it is held in the belief that nothing happened."""
        self._close(end)
        other = wire.other(end)
        if other in self.wires and not (wire.done and wire.cut in {Cut.SILENCE, Cut.HALF_OPEN}):
            self._close(other)
        if wire.cut is not None and not wire.done:
            # It ended before its cut: the cut is for another.
            self.to_come.append(wire.cut)
            wire.done = True

    def _note_hello(self, wire: Wire) -> None:
        if not wire.greeted and wire.frames[wire.trader].count:
            wire.greeted = True
            if self.cut_at:
                self.reconnect_us.append(self.clock.mono_us() - self.cut_at)
                self.cut_at = 0

    def _cut(self, wire: Wire, cut: Cut) -> None:
        """Cut it, a goodbye only between two frames."""
        if cut is Cut.CLOSE:
            victim = self.rng.choice((wire.trader, wire.controller))
            if not all(frames.between for frames in wire.frames.values()):
                return
            with contextlib.suppress(OSError):
                victim.sendall(GOODBYE if victim is wire.trader else MASKED_GOODBYE)
        elif cut is Cut.HALF_OPEN:
            self._close(self.rng.choice((wire.trader, wire.controller)), reset=True)
        elif cut is not Cut.SILENCE:
            self._close(wire.trader, reset=cut is Cut.RESET)
            self._close(wire.controller, reset=cut is Cut.RESET)
        wire.done = cut is not Cut.CLOSE
        wire.cut = cut if wire.done else None
        self.made.append(cut)
        self.cut_at = self.cut_at or self.clock.mono_us()
        if not self.to_come:
            self.all_made.set()

    def _close(self, end: socket.socket, *, reset: bool = False) -> None:
        if end in self.wires:
            del self.wires[end]
            self.selector.unregister(end)
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()
