"""A real controller process and a real trader process on one loop, joined by real sockets; a feed that a test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from actors.book_relay import BookRelay
from actors.relay_stream import StreamRules
from market.books import Books
from market.events import FeedBatch, FeedEnded
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, Platform
from protocol.units import USD, Money
from tests.transport.link_kit import BOUND_S
from transport.controller_process import ControllerOptions, ControllerProcess
from transport.feeds.none import NoFeed
from transport.feeds.port import Deliver, FeedPort
from transport.ids import BootIds
from transport.journal_port import JournalFile
from transport.ledger.store import LedgerStore
from transport.link.policy import LinkPolicy
from transport.trader_process import TraderOptions, TraderProcess
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue


class PlayedFeed:
    """Delivers what a test hands it."""

    def __init__(self, platforms: tuple[Platform, ...] = (KALSHI,)) -> None:
        self.platforms = platforms
        self.deliver: Deliver = _nobody

    async def run(self, deliver: Deliver) -> None:
        self.deliver = deliver
        await asyncio.Event().wait()

    def resync(self) -> None:
        raise AssertionError("nobody has lost anything here")


def _nobody(_what: FeedBatch | FeedEnded) -> None:
    raise AssertionError("the feed does not run yet")


def a_trader(folder: Path, url: str, feed: FeedPort, name: str = "t") -> TraderProcess:
    options = TraderOptions(
        trader_id=name,
        dry_run=True,
        venues={KALSHI: (PaperPort(PaperVenue(KALSHI)), None)},
        max_leg_notional=Money(1_000 * USD),
        venue_timeout_us=4_000_000,
        max_clock_offset_us=1_000_000,
        open_journal=lambda: JournalFile(folder / f"journal-{name}.db"),
        url=url,
        beacon_port=1,
        feed=feed,
    )
    return TraderProcess(options)


def a_controller(
    folder: Path, wanted: Mapping[Platform, tuple[str, ...]], pairs: list[Pair], rules: StreamRules
) -> ControllerProcess:
    options = ControllerOptions(
        controller_id="c",
        platforms=PLATFORMS,
        dry_run=True,
        policy=LinkPolicy(),
        make_feed=lambda _gate: NoFeed(),
        make_scan=lambda: Scan(pairs, Rules.from_cents(1)),
        ids=BootIds("c", 1, 1),
        local={},
        heartbeat_us=5_000_000,
        leg_timeout_us=5_000_000,
        order_ttl_ms=2_000,
        max_silence_us=None,
        max_leg_notional=Money(1_000 * USD),
        pairs={},
        max_unwind_loss=Money(5 * USD),
        dispatch_first=None,
        open_ledger=lambda: LedgerStore(f"sqlite:///{folder}/ledger.db"),
        open_journal=lambda platform: JournalFile(folder / f"journal-c-{platform}.db"),
        beacon_port=None,
        relayed=wanted,
        relay=rules,
    )
    return ControllerProcess(options)


class Controller:
    """The running controller, and a way to wait for what its scanner has."""

    def __init__(self, process: ControllerProcess) -> None:
        self.process = process

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.process.server.port}"

    @property
    def books(self) -> Books:
        registry = self.process.host.system._systemBase.actorRegistry
        books: Books = registry[self.process.roles["scanner"].actorAddressString].instance.scan.books
        return books

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait, a turn of the loop after the other, for at most :data:`BOUND_S`."""
        async with asyncio.timeout(BOUND_S):
            while not is_so():
                turned = asyncio.Event()
                asyncio.get_running_loop().call_later(0.001, turned.set)
                await turned.wait()


def relay_of(trader: TraderProcess) -> BookRelay:
    """The actor itself."""
    registry = trader.host.system._systemBase.actorRegistry
    found: BookRelay = registry[trader.roles["relay"].actorAddressString].instance
    return found


@asynccontextmanager
async def relaying(
    folder: Path,
    wanted: Mapping[Platform, tuple[str, ...]],
    pairs: list[Pair],
    *feeds: FeedPort,
    rules: StreamRules | None = None,
) -> AsyncIterator[tuple[Controller, list[TraderProcess]]]:
    """A controller and a trader for each feed, all running."""
    process = a_controller(folder, wanted, pairs, rules or StreamRules())
    controller = Controller(process)
    traders: list[TraderProcess] = []
    try:
        await process.start()
        for number, feed in enumerate(feeds):
            traders.append(a_trader(folder, controller.url, feed, f"t{number}"))
            await traders[-1].start()
        yield controller, traders
    finally:
        for trader in traders:
            await trader.finish()
        await process.finish()
