"""Figure: what it costs that a trader relays the books: latency beside a bare echo, and bytes beside the venue's own.

A real trader process and a real controller process on one loop, joined by a real WebSocket. A recorded frame of Kalshi
is decoded and handed to the trader as its feed does it; the clock stops when the controller's scanner applies it. After
each of them as many bytes go to and fro on a bare WebSocket of the same library on the same loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve

from actors.book_relay import BookRelay
from actors.book_stream import BookStream
from actors.relay_stream import StreamRules
from bench.figure import Figure, Row, percentile, row
from bench.sizes import Sizes
from bench.tick_peer import PLAIN
from bench.updates import RECORDING, kalshi_frames, kalshi_pairs
from cli.processes import run_loop
from market.events import BookSnapshot, FeedBatch, FeedUp
from market.pair import Pair
from market.rules import Rules
from market.scan import Finding, Scan
from protocol.terms import KALSHI, PLATFORMS, Platform
from protocol.units import USD, Money
from transport.controller_process import ControllerOptions, ControllerProcess
from transport.feeds.none import NoFeed
from transport.feeds.port import Deliver
from transport.ids import BootIds
from transport.journal_port import JournalFile
from transport.ledger.store import LedgerStore
from transport.link.policy import LinkPolicy
from transport.logs import setup_logging
from transport.trader_process import TraderOptions, TraderProcess
from venues.capture import CaptureLine
from venues.kalshi.feed import KalshiDecoder
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

AIM: Final = 3.0
"""Times the echo of as many bytes, at the median: the way is half of an echo's, but two processes are gone through."""

LIMIT_S: Final = 600.0
STEADY: Final = StreamRules(heartbeat_us=60_000_000, max_lag_us=60_000_000)


class Round(msgspec.Struct):
    """One round's samples in nanoseconds, and what was written for how many events, in bytes."""

    relayed: list[int] = []
    echoes: list[int] = []
    raw_bytes: int = 0
    relay_bytes: int = 0
    merged_bytes: int = 0
    merged_events: int = 0
    snapshots: int = 0
    snapshot_bytes: int = 0


class _Feed:
    """Hands on what the bench has decoded."""

    platforms: tuple[Platform, ...] = (KALSHI,)

    def __init__(self) -> None:
        self.deliver: asyncio.Future[Deliver] = asyncio.get_running_loop().create_future()

    async def run(self, deliver: Deliver) -> None:
        self.deliver.set_result(deliver)
        await asyncio.Event().wait()

    def resync(self) -> None:
        """Nobody restarts here."""


class _Scan(Scan):
    """Says when it was reached."""

    reached: asyncio.Future[int] | None = None

    def apply(self, batch: FeedBatch) -> list[Finding]:
        """Apply one frame."""
        if self.reached is not None and batch.events and not self.reached.done():
            self.reached.set_result(time.perf_counter_ns())
        return super().apply(batch)


class _Bench:
    """One run over these frames."""

    def __init__(self, lines: Sequence[CaptureLine], pairs: list[Pair], sizes: Sizes) -> None:
        self.lines, self.pairs, self.sizes = lines, pairs, sizes
        self.rounds: list[Round] = []
        self.scan = _Scan(pairs, Rules.from_cents(1))
        self.folder: Path

    async def run(self) -> bool:
        """Measure; the rounds are in :attr:`rounds` afterwards."""
        async with AsyncExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="arb-bench-")))
            feed = _Feed()
            controller = self._controller()
            stack.push_async_callback(controller.finish)
            await controller.start()
            trader = self._trader(feed, controller.server.port)
            stack.push_async_callback(trader.finish)
            await trader.start()
            echo = await stack.enter_async_context(serve(_echo, "127.0.0.1", 0, **PLAIN))
            client = await stack.enter_async_context(connect(_url(echo), **PLAIN))
            async with asyncio.timeout(LIMIT_S):
                deliver = await feed.deliver
                for _ in range(self.sizes.rounds):
                    self.rounds.append(await self._round(trader, deliver, client))
        return True

    async def _round(self, trader: TraderProcess, deliver: Deliver, client: ClientConnection) -> Round:
        done, decoder = Round(), KalshiDecoder()
        deliver(FeedBatch(KALSHI, 0, (FeedUp(),), is_data=True))
        stream = await _stream(trader)
        batches = [(line, FeedBatch(KALSHI, line.t, decoder.decode(line.frame or "").events)) for line in self.lines]
        told = [(line, batch) for line, batch in batches if batch.events]
        count = min(len(told) // 2, self.sizes.warm_up + self.sizes.ticks)
        for number, (line, batch) in enumerate(told[:count]):
            before, snapshots = stream.bytes, stream.snapshots
            relayed = await self._relayed(deliver, batch)
            written = stream.bytes - before
            if stream.snapshots > snapshots:
                done.snapshots += stream.snapshots - snapshots
                done.snapshot_bytes += written
            elif number >= self.sizes.warm_up and not isinstance(batch.events[0], BookSnapshot):
                done.relayed.append(relayed)
                done.echoes.append(await _round_trip(client, "x" * written))
                done.raw_bytes += len(line.frame or "")
                done.relay_bytes += written
        before = stream.bytes
        for _, batch in told[count:]:
            deliver(batch)
        await _until(lambda: not stream.waiting)
        done.merged_bytes, done.merged_events = stream.bytes - before, len(told) - count
        return done

    async def _relayed(self, deliver: Deliver, batch: FeedBatch) -> int:
        """Nanoseconds from the trader's feed to the controller's scanner."""
        self.scan.reached = asyncio.get_running_loop().create_future()
        began = time.perf_counter_ns()
        deliver(batch)
        return await self.scan.reached - began

    def _trader(self, feed: _Feed, port: int) -> TraderProcess:
        options = TraderOptions(
            trader_id="bench",
            dry_run=True,
            venues={KALSHI: (PaperPort(PaperVenue(KALSHI)), None)},
            max_leg_notional=Money(1_000 * USD),
            venue_timeout_us=4_000_000,
            max_clock_offset_us=1_000_000,
            open_journal=lambda: JournalFile(self.folder / "journal.db"),
            url=f"ws://127.0.0.1:{port}",
            beacon_port=1,
            feed=feed,
        )
        return TraderProcess(options)

    def _controller(self) -> ControllerProcess:
        options = ControllerOptions(
            controller_id="bench",
            platforms=PLATFORMS,
            dry_run=True,
            policy=LinkPolicy(),
            make_feed=lambda _gate: NoFeed(),
            make_scan=lambda: self.scan,
            ids=BootIds("bench", 1, time.time_ns() // 1_000_000),
            local={},
            heartbeat_us=60_000_000,
            leg_timeout_us=10_000_000,
            order_ttl_ms=2_000,
            max_silence_us=None,
            max_leg_notional=Money(1_000 * USD),
            pairs={},
            max_unwind_loss=Money(5 * USD),
            dispatch_first=None,
            open_ledger=lambda: LedgerStore(f"sqlite:///{self.folder}/ledger.db"),
            open_journal=lambda platform: JournalFile(self.folder / f"journal-{platform}.db"),
            beacon_port=None,
            relayed={KALSHI: tuple(pair.kalshi_market_ticker or "" for pair in self.pairs)},
            relay=STEADY,
        )
        return ControllerProcess(options)


def measure(sizes: Sizes, data: Path) -> Figure:
    """A recorded evening relayed; skipped where the recording is not."""
    name, aim = "relay", f"from the trader's feed to the controller's scanner in at most {AIM:g} times an echo, p50"
    path = data / RECORDING
    if not path.exists():
        return Figure(name=name, aim=aim, skipped=f"no {RECORDING} in {data}")
    lines = [line for line, _ in zip(kalshi_frames(path), range(4 * (sizes.warm_up + sizes.ticks) + 200), strict=False)]
    bench = _Bench(lines, kalshi_pairs(lines), sizes)
    setup_logging(level="error")
    run_loop(bench.run())
    rounds = bench.rounds
    rows = [
        *_percentiles("echo of as many bytes, to and fro (floor)", [each.echoes for each in rounds]),
        *_percentiles("trader's feed to controller's scanner", [each.relayed for each in rounds]),
        row("relay / echo: p50", "x", [percentile(r.relayed, 0.5) / percentile(r.echoes, 0.5) for r in rounds]),
        row("the venue's frame", "B", [r.raw_bytes / len(r.relayed) for r in rounds]),
        row("the relay's frame for it", "B", [r.relay_bytes / len(r.relayed) for r in rounds]),
        row("a snapshot", "B", [r.snapshot_bytes / max(1, r.snapshots) for r in rounds]),
        row("an event, all at once and so merged", "B", [r.merged_bytes / r.merged_events for r in rounds]),
    ]
    reached = rows[6].spread.middle <= AIM
    conditions = {"frames": len(lines), "pairs": len(bench.pairs), "recording": RECORDING, "processes": 1}
    return Figure(name=name, aim=aim, reached=reached, rows=tuple(rows), conditions=conditions)


def _percentiles(what: str, rounds: list[list[int]]) -> list[Row]:
    return [
        row(f"{what}: {name}", "us", [percentile(samples, share) / 1_000 for samples in rounds])
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    ]


async def _stream(trader: TraderProcess) -> BookStream:
    """The stream that the controller has asked for, once it has."""
    registry = trader.host.system._systemBase.actorRegistry  # noqa: SLF001 -- a bench looks where no message leads
    relay: BookRelay = registry[trader.roles["relay"].actorAddressString].instance
    await _until(lambda: KALSHI in relay.streams)
    return relay.streams[KALSHI]


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 -- nothing tells it, and what waits here is not measured
        await asyncio.sleep(0.001)


async def _round_trip(client: ClientConnection, text: str) -> int:
    began = time.perf_counter_ns()
    await client.send(text)
    await client.recv()
    return time.perf_counter_ns() - began


async def _echo(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(text)


def _url(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
