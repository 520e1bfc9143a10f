"""A trader's box and a controller's box, and between them a link that a test can hold up, cut, and rob of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from actors.relay_stream import StreamRules
from market.book import Book
from market.events import BookSnapshot, FeedBatch, FeedUp
from market.pair import Pair
from market.scan import Scan
from protocol.terms import KALSHI, Platform
from protocol.units import Price, Quantity
from simulation.boxes import SECOND_US, ControllerBox, TraderBox
from tests.market.builders import pair

Levels = tuple[tuple[tuple[Price, Quantity], ...], tuple[tuple[Price, Quantity], ...]]

SILENCE_US = 30 * SECOND_US


class Wire:
    """One connection: frames wait on it in both directions until they are let through."""

    def __init__(self, trader: TraderBox, controller: ControllerBox, conn_id: int) -> None:
        self.trader, self.controller, self.conn_id = trader, controller, conn_id
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.carried: list[str] = []
        trader.link.written.setdefault(conn_id, [])
        controller.link.written.setdefault(conn_id, [])
        self._sent = [len(trader.link.written[conn_id]), len(controller.link.written[conn_id])]
        controller.connect(conn_id)
        trader.connect(conn_id)

    def collect(self) -> None:
        """Take what was written at either end since the last time."""
        for at, (box, lane) in enumerate(((self.trader, self.up), (self.controller, self.down))):
            written = box.link.written[self.conn_id]
            lane.extend(written[self._sent[at] :])
            self._sent[at] = len(written)

    def one_up(self) -> bool:
        """Let one frame through to the controller."""
        self.collect()
        if self.up:
            self.carried.append(self.up[0])
            self.controller.receive(self.conn_id, self.up.popleft())
            return True
        return False

    def one_down(self) -> bool:
        """Let one frame through to the trader."""
        self.collect()
        if self.down:
            self.trader.receive(self.conn_id, self.down.popleft())
            return True
        return False

    def settle(self) -> None:
        """Let everything through until both ends are quiet."""
        while self.one_down() or self.one_up():
            pass

    def cut(self) -> None:
        """Both ends learn that the connection is gone; what was on the way is lost."""
        self.collect()
        self.up.clear()
        self.down.clear()
        self.controller.disconnect(self.conn_id)
        self.trader.disconnect(self.conn_id)


class Relayed:
    """A controller and traders that relay to it, on one clock."""

    def __init__(
        self,
        wanted: Mapping[Platform, tuple[str, ...]],
        pairs: list[Pair] | None = None,
        *,
        traders: int = 1,
        rules: StreamRules | None = None,
        skew_us: int = 0,
    ) -> None:
        self.controller = ControllerBox(
            pairs or [pair()],
            max_silence_us=SILENCE_US,
            heartbeat_us=3600 * SECOND_US,
            relayed=wanted,
            relay=rules or StreamRules(max_silence_us=SILENCE_US),
        )
        self.platforms = tuple(wanted)
        self.traders = [
            TraderBox(relays=self.platforms, trader_id=f"trader-{number}") for number in range(1, traders + 1)
        ]
        for each in self.traders:
            each.clock.start_unix_us += skew_us
        self.wires: dict[int, Wire] = {}
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for box in (self.controller, *self.traders):
            box.close()

    def connect(self, trader: int = 0, *, settle: bool = True) -> Wire:
        self._next += 1
        wire = self.wires[trader] = Wire(self.traders[trader], self.controller, self._next)
        if settle:
            wire.settle()
        return wire

    def settle(self) -> None:
        for wire in self.wires.values():
            wire.settle()

    def pass_time(self, seconds: float, *, settle: bool = True) -> None:
        """Both ends' clocks move, in steps no longer than a heartbeat; what is written meanwhile gets through."""
        left = round(seconds * SECOND_US)
        while left > 0:
            step = min(left, 250_000)
            for box in (self.controller, *self.traders):
                box.clock.advance(step)
            left -= step
            if settle:
                self.settle()

    def book(self, market: str, platform: Platform = KALSHI) -> Levels | None:
        """The controller's book of that market; None where it may not be traded on."""
        scan: Scan = self.controller.instance("scanner").scan
        return levels(scan.books.get(platform, market))

    def source(self, market: str, platform: Platform = KALSHI, trader: int = 0) -> Levels | None:
        """The trader's own."""
        return levels(self.traders[trader].instance("relay").known[platform].get(market))

    def feed(self, *batches: FeedBatch, trader: int = 0, settle: bool = True) -> None:
        self.traders[trader].feed(*batches)
        if settle:
            self.settle()

    def row(self, platform: Platform = KALSHI) -> Mapping[str, object]:
        (row,) = [row for row in self.controller.status()["relays"]["platforms"] if row["platform"] == platform]
        return row  # type: ignore[no-any-return]


def levels(book: Book | None) -> Levels | None:
    """What may be traded on, both sides."""
    if book is None or not book.usable:
        return None
    return tuple(book.levels(buying=False)), tuple(book.levels(buying=True))


def up(*events: BookSnapshot, platform: Platform = KALSHI, t: int = 1) -> FeedBatch:
    """The feed connects, and these are its books."""
    return FeedBatch(platform, t, (FeedUp(), *events))
