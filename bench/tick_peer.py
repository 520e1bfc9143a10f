"""The other process of the tick-to-wire measurement: both venues and both traders, on raw WebSockets.

Started by `bench/tick_process.py` as ``python -m bench.tick_peer`` with a :class:`Plan` in JSON as its argument.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve

from bench.made_up import Arbs, made_up_pairs
from cli.processes import run_loop
from protocol.terms import KALSHI, POLYMARKET

ECHO: Final = "echo"
"""Asks the controller's process for one echo inside its own loop; answered when it is over."""

FORGET: Final = "forget"
"""The warm-up is over."""

PAYLOAD: Final = "x" * 220
"""What is echoed: as long as a frame of market data."""

PLAIN: Final[dict[str, Any]] = {"compression": None, "ping_interval": None, "max_size": None}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do, how, and where the controller, its control connection and its echo are.

    ``apart``: in a process of its own, on this ``cpu``; else inside the controller's. ``pause_s``: quiet time before
    every sample.
    """

    pairs: int
    rounds: int
    ticks: int
    warm_up: int
    pause_s: float = 0.0
    apart: bool = True
    cpu: int | None = None
    controller: str = ""
    control: str = ""
    echo: str = ""


class Round(msgspec.Struct, frozen=True):
    """Samples in nanoseconds: from before the venue's send to both legs read; and the echo between the processes."""

    ticks: list[int]
    echoes: list[int]


class Venue:
    """A server that sends frames to the one feed that connects."""

    def __init__(self) -> None:
        self.feed: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()
        self.server: Server

    async def start(self) -> str:
        """Listen on a free port of loopback; answers with its URL."""
        self.server = await serve(self._handle, "127.0.0.1", 0, **PLAIN)
        return f"ws://127.0.0.1:{next(iter(self.server.sockets)).getsockname()[1]}"

    async def _handle(self, connection: ServerConnection) -> None:
        self.feed.set_result(connection)
        await connection.wait_closed()


class Peer:
    """Plays one tick after the other; see :meth:`tick`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.arbs = Arbs(made_up_pairs(plan.pairs))
        self.feeds: tuple[ServerConnection, ServerConnection]
        self.traders: tuple[ClientConnection, ClientConnection]
        self.control: ClientConnection
        self.echo: ClientConnection
        self.number = 0

    async def run(self) -> bool:
        """Everything, from the first connection to the last sample."""
        venues = (Venue(), Venue())
        urls = [await venue.start() for venue in venues]
        async with connect(self.plan.control, **PLAIN) as self.control, connect(self.plan.echo, **PLAIN) as self.echo:
            await self.control.send(json.dumps({KALSHI: urls[0], POLYMARKET: urls[1]}))
            self.feeds = (await venues[0].feed, await venues[1].feed)
            for frames in self.arbs.snapshots():
                for feed, frame in zip(self.feeds, frames, strict=True):
                    await feed.send(frame)
            async with (
                connect(self.plan.controller, **PLAIN) as kalshi,
                connect(self.plan.controller, **PLAIN) as polymarket,
            ):
                self.traders = (kalshi, polymarket)
                for trader, platform in zip(self.traders, (KALSHI, POLYMARKET), strict=True):
                    await greet(trader, platform)
                await self.measure()
        return True

    async def measure(self) -> None:
        """All rounds, each reported to the controller's process when it is over."""
        await self.round(self.plan.warm_up)
        await self.control.send(FORGET)
        for _ in range(self.plan.rounds):
            done = await self.round(self.plan.ticks)
            await self.control.send(msgspec.json.encode(done).decode())

    async def round(self, ticks: int) -> Round:
        """So many ticks; before each, one echo of either kind."""
        done = Round([], [])
        for _ in range(ticks):
            await self.round_trip()
            await asyncio.sleep(self.plan.pause_s)
            began = time.perf_counter_ns()
            await self.round_trip()
            done.echoes.append(time.perf_counter_ns() - began)
            await self.control.send(ECHO)
            await self.control.recv()
            await asyncio.sleep(self.plan.pause_s)
            done.ticks.append(await self.tick())
        return done

    async def tick(self) -> int:
        """Open an arb, take both legs, fill both, close the arb. Answers with how long the legs took to arrive."""
        is_kalshi, opens, closes = self.arbs.tick(self.number)
        self.number += 1
        feed = self.feeds[0 if is_kalshi else 1]
        began = time.perf_counter_ns()
        await feed.send(opens)
        legs = [await next_frame(trader, "execute_leg") for trader in self.traders]
        took = time.perf_counter_ns() - began
        for trader, leg in zip(self.traders, legs, strict=True):
            await trader.send(filled(json.loads(leg)))
        # The ledger is written on a thread of its own, which must not run beside the next echo: the floor is bare.
        for trader in self.traders:
            await next_frame(trader, "leg_ack")
        await feed.send(closes)
        return took

    async def round_trip(self) -> None:
        """One echo between the processes."""
        await self.echo.send(PAYLOAD)
        await self.echo.recv()


async def greet(trader: ClientConnection, platform: str) -> None:
    """Answer ``init`` as a level-2 trader of one platform."""
    await trader.recv()
    ack = {"type": "init_ack", "success": True, "platforms": [platform], "protocol": 2, "unacked": 0}
    await trader.send(json.dumps({**ack, "trader_id": f"bench-{platform}"}))


async def next_frame(trader: ClientConnection, kind: str) -> str:
    """The next message of this type; whatever else the controller says is left out."""
    while True:
        text = await trader.recv()
        if isinstance(text, str) and text.startswith(f'{{"type":"{kind}"'):
            return text


def filled(leg: dict[str, Any]) -> str:
    """The order's result: filled whole, at its limit."""
    result = {
        "type": "leg_result",
        "leg_id": leg["leg_id"],
        "platform": leg["platform"],
        "success": True,
        "status": "filled",
        "filled": leg["contracts"],
        "avg_price": leg["price"],
        "fees": 0,
        "order_id": "bench",
        "revision": 1,
        "final": True,
    }
    return json.dumps(result)


def main(argument: str) -> None:
    """Do what the plan says."""
    plan = msgspec.json.decode(argument, type=Plan)
    if plan.cpu is not None and sys.platform == "linux":
        os.sched_setaffinity(0, {plan.cpu})
    run_loop(Peer(plan).run())


if __name__ == "__main__":
    main(sys.argv[1])
