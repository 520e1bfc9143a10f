"""The controller's side of the tick-to-wire measurement: the real process, with the echoes beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.made_up import made_up_pairs
from bench.stamps import StampedScan, StampedServer, Stamps, Tick
from bench.tick_feed import SocketFeed
from bench.tick_peer import ECHO, FORGET, PAYLOAD, PLAIN, Peer, Plan, Round
from market.rules import Rules
from protocol.terms import PLATFORMS, Platform
from protocol.units import USD, Money
from transport.controller_process import ControllerOptions, ControllerProcess
from transport.ids import BootIds
from transport.journal_port import JournalFile
from transport.ledger.store import LedgerStore
from transport.link.policy import LinkPolicy

LIMIT_S = 900.0


class Measured(msgspec.Struct, frozen=True):
    """One round: the peer's samples, and those taken in the controller's process; echoes in nanoseconds."""

    peer: Round
    inside: list[int]
    ticks: list[Tick]


class TickProcess:
    """Runs one plan; its addresses are filled in here."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rounds: list[Measured] = []
        self._stamps = Stamps()
        self._inside: list[int] = []
        self._folder = TemporaryDirectory(prefix="arb-bench-")
        self._client: ClientConnection
        self._feed: SocketFeed

    async def run(self) -> bool:
        """Measure; the rounds are in :attr:`rounds` afterwards."""
        self._feed = SocketFeed(self._stamps)
        process = self._controller()
        async with AsyncExitStack() as stack:
            stack.callback(self._folder.cleanup)
            stack.push_async_callback(process.finish)
            await process.start()
            echo = await stack.enter_async_context(serve(_echo, "127.0.0.1", 0, **PLAIN))
            control = await stack.enter_async_context(serve(self._control, "127.0.0.1", 0, **PLAIN))
            self._client = await stack.enter_async_context(connect(_url(echo), **PLAIN))
            controller = f"ws://127.0.0.1:{process.server.port}"
            found = {"controller": controller, "control": _url(control), "echo": _url(echo)}
            plan = msgspec.structs.replace(self.plan, **found)
            async with asyncio.timeout(LIMIT_S):
                await (_peer_apart(plan) if plan.apart else Peer(plan).run())
            if len(self.rounds) != plan.rounds:
                raise RuntimeError(f"the peer ended after {len(self.rounds)} of {plan.rounds} rounds")
        return True

    def _controller(self) -> ControllerProcess:
        pairs = made_up_pairs(self.plan.pairs)

        def make_scan() -> StampedScan:
            scan = StampedScan(pairs, Rules.from_cents(1))
            scan.stamps = self._stamps
            return scan

        options = ControllerOptions(
            controller_id="bench",
            platforms=PLATFORMS,
            dry_run=True,
            policy=LinkPolicy(),
            make_feed=lambda _gate: self._feed,
            make_scan=make_scan,
            ids=BootIds("bench", 1, time.time_ns() // 1_000_000),
            local={},
            heartbeat_us=60_000_000,
            leg_timeout_us=10_000_000,
            order_ttl_ms=2_000,
            max_silence_us=60_000_000,
            max_leg_notional=Money(1_000 * USD),
            pairs={},
            max_unwind_loss=Money(5 * USD),
            dispatch_first=None,
            # A ledger as it is in life: synced to a disk, off the loop.
            open_ledger=lambda: LedgerStore(f"sqlite:///{self._folder.name}/ledger.db"),
            open_journal=lambda platform: JournalFile(Path(self._folder.name) / f"journal-{platform}.db"),
            beacon_port=None,
        )
        process = ControllerProcess(options)
        server = StampedServer(options.policy, process.link_callbacks())
        server.stamps = self._stamps
        process.server = server
        return process

    async def _control(self, connection: ServerConnection) -> None:
        """The peer's wishes; the first message says where the venues are."""
        urls: dict[Platform, str] = msgspec.json.decode(await connection.recv())
        self._feed.urls.set_result(urls)
        try:
            async for text in connection:
                if text == ECHO:
                    await self._echo_inside()
                    await connection.send(ECHO)
                else:
                    if text != FORGET:
                        done = msgspec.json.decode(text, type=Round)
                        self.rounds.append(Measured(done, self._inside, self._stamps.ticks))
                    self._inside, self._stamps.ticks = [], []
        except ConnectionClosed:
            pass

    async def _echo_inside(self) -> None:
        await asyncio.sleep(self.plan.pause_s)
        began = time.perf_counter_ns()
        await self._client.send(PAYLOAD)
        await self._client.recv()
        self._inside.append(time.perf_counter_ns() - began)


async def _peer_apart(plan: Plan) -> None:
    argument = msgspec.json.encode(plan).decode()
    peer = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.tick_peer", argument)
    try:
        code = await peer.wait()
    finally:
        if peer.returncode is None:
            peer.kill()
            await peer.wait()
    if code:
        raise RuntimeError(f"the peer's process ended with {code}")


async def _echo(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(text)


def _url(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def own_cpus() -> tuple[int | None, int | None]:
    """A processor for each of the two processes, or none where they cannot be told apart.

    Left alone, the system may wake the trader on the processor that has just written to it, and what is measured as
    the controller's second write is then the trader reading the first.
    """
    if sys.platform != "linux":
        return None, None
    cpus = sorted(os.sched_getaffinity(0))
    return (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)


def keep_to(cpu: int | None) -> None:
    """Run this process on that processor only."""
    if cpu is not None and sys.platform == "linux":
        os.sched_setaffinity(0, {cpu})
