"""A whole trader under measurement: from an `execute_leg` frame received to the bytes of its POST written.

On the way are the decoder, Bridge, Uplink, Trader and Venue, the journal's synced write on a real disk, the port and
the signature. The controller is a WebSocket of a few lines in the same process, and so is Kalshi.
"""

from __future__ import annotations

import asyncio
import gc
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns, time_ns
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, serve

from protocol.leg import Leg
from protocol.terms import KALSHI
from protocol.units import USD, Money
from transport.journal_port import JournalFile
from transport.kalshi.port import KalshiPort, Report
from transport.link.callbacks import LinkCallbacks
from transport.trader_process import TraderOptions, TraderProcess
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

PATIENCE_S: Final = 30.0


class Stamps:
    """When the last frame came, and when its order's bytes were written."""

    def __init__(self) -> None:
        self.came = 0
        self.samples: list[int] = []


class StampedTrader(TraderProcess):
    """Notes when a frame has been read from the socket."""

    def __init__(self, options: TraderOptions, stamps: Stamps) -> None:
        self._stamps = stamps
        super().__init__(options)

    def link_callbacks(self) -> LinkCallbacks:
        """The same, with a look at the clock first."""
        plain, stamps = super().link_callbacks(), self._stamps

        def text(conn_id: int, frame: str) -> None:
            stamps.came = perf_counter_ns()
            plain.on_text(conn_id, frame)

        return replace(plain, on_text=text)


class StampedPort:
    """The real port; `place` returns when the bytes are written, and that moment is kept."""

    paper = False

    def __init__(self, port: KalshiPort, stamps: Stamps) -> None:
        self._port = port
        self._stamps = stamps

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the port has
        return getattr(self._port, name)

    def place(self, leg: Leg, report: Report, *, blind: bool) -> None:
        """Write it, and note when."""
        self._port.place(leg, report, blind=blind)
        self._stamps.samples.append(perf_counter_ns() - self._stamps.came)


async def legs(port: KalshiPort, ticker: str, warm_up: int, count: int) -> list[int]:
    """Nanoseconds of each leg, one after the other. ``port`` is connected."""
    stamps = Stamps()
    with TemporaryDirectory() as folder:
        ready: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

        async def hold(connection: ServerConnection) -> None:
            ready.set_result(connection)
            await connection.wait_closed()

        async with serve(hold, "127.0.0.1", 0, compression=None) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            trader = StampedTrader(_options(StampedPort(port, stamps), Path(folder), url), stamps)
            await trader.start()
            try:
                controller = await asyncio.wait_for(ready, PATIENCE_S)
                init = {"type": "init", "platforms": [KALSHI], "dry_run": False, "protocol": 2}
                await controller.send(json.dumps({**init, "controller_id": "bench", "at_us": time_ns() // 1_000}))
                gc.collect()
                for number in range(warm_up + count):
                    port._writes.resize(10**9)  # noqa: SLF001 -- the account's rate is not what is measured
                    await _leg(controller, ticker, number)
            finally:
                await trader.finish()
    return stamps.samples[warm_up:]


def _options(port: Any, folder: Path, url: str) -> TraderOptions:  # noqa: ANN401 -- the stamped port
    return TraderOptions(
        trader_id="bench",
        dry_run=False,
        venues={KALSHI: (PaperPort(PaperVenue(KALSHI)), port)},
        max_leg_notional=Money(1_000 * USD),
        venue_timeout_us=4_000_000,
        max_clock_offset_us=1_000_000,
        open_journal=lambda: JournalFile(folder / "journal.db"),
        url=url,
        beacon_port=1,
    )


async def _leg(controller: ServerConnection, ticker: str, number: int) -> None:
    leg_id = f"bench-leg-{number}"
    order = {"type": "execute_leg", "market_id": 0, "leg_id": leg_id, "platform": KALSHI, "action": "buy"}
    more = {"side": "yes", "price": 47, "contracts": 6, "kalshi_market_ticker": ticker, "expires_at_ms": 2**48}
    await controller.send(json.dumps(order | more))
    async with asyncio.timeout(PATIENCE_S):
        async for frame in controller:
            said = json.loads(frame)
            if said.get("leg_id") == leg_id:
                if said["order_id"] is None:
                    raise RuntimeError(f"no order: {said['error']}")
                return
