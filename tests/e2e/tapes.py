"""A recording on both loopback exchanges at once, line by line, and the real clients that read it.

The two tapes advance in lock-step: a line is played when the clients have taken the one before it, and the one clock of
exchanges and clients stands at the line's recorded time. What the clients do by time (PING, verifying books, looking
at terms, reconnecting) happens in recorded time too, in moments of at least :data:`QUIET_US` in which nothing was
recorded: one change of a market is several lines there, and an answer over REST comes between no two of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from actors.messages import Directory, OpportunityNote
from actors.scanner import Scanner, ScannerSetup
from market.events import FeedBatch, FeedEnded
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from market.tracker import OpportunityEvent, OpportunityTracker
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from simulation.clock import VirtualClock
from simulation.doubles import inbox
from tests.transport.polymarket.clock import HandClock
from tests.venues.kalshi_exchange.kit import ed25519, new_service, write_key
from transport.feeds.several import SeveralFeeds
from transport.host import ActorHost
from transport.kalshi.access import access
from transport.kalshi.feed import FeedPolicy as KalshiPolicy
from transport.kalshi.live import DirectFeed
from transport.kalshi_exchange.server import KalshiServer
from transport.loopback.player import Player
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import Asking, FeedPolicy, PolymarketFeed
from transport.polymarket.http import HttpPolicy
from transport.polymarket.public import PublicReads
from transport.polymarket.terms import UNKNOWN
from transport.polymarket_exchange.server import PolymarketServer
from venues.capture import DISCONNECTED, CaptureLine
from venues.kalshi.hosts import Hosts
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.facts import claims_of

QUIET_US: Final = 20_000
BOOKS: Final = ("orderbook_snapshot", "orderbook_delta")
PATIENCE_S: Final = 10.0
SECOND: Final = 1_000_000

T = TypeVar("T")


class TapeClock(HandClock):
    """Shows the recorded time; what sleeps is woken in quiet moments alone."""

    def reach(self, t: int, *, wake: bool) -> None:
        if wake:
            self.pass_us(max(0, t - self.unix_us()))
        self.offset = t - self.at


class WatchedReads(PublicReads):
    """Knows whether a question is under way, and how many there were."""

    busy = 0
    asked = 0

    async def _watched(self, work: Coroutine[Any, Any, T]) -> T:
        self.busy += 1
        self.asked += 1
        try:
            return await work
        finally:
            self.busy -= 1

    async def books(self, tokens: Sequence[str]) -> Any:  # noqa: ANN401 -- as it is
        return await self._watched(super().books(tokens))

    async def time_s(self) -> int:
        return await self._watched(super().time_s())

    async def rows(self, tokens: Sequence[str]) -> Any:  # noqa: ANN401 -- as it is
        return await self._watched(super().rows(tokens))

    async def market(self, condition: str) -> Any:  # noqa: ANN401 -- as it is
        return await self._watched(super().market(condition))


class Watcher:
    """A real scanner, and beside it what an offline replay keeps: every change, with its recorded time."""

    def __init__(self, pairs: Sequence[Pair], rules: Rules, clock: TapeClock) -> None:
        self.clock = clock
        self.scan = Scan(pairs, rules)
        self.tracker = OpportunityTracker()
        self.events: list[OpportunityEvent] = []
        self.batches = 0
        self.host = ActorHost(VirtualClock())
        setup = ScannerSetup(lambda: Scan(pairs, rules), PLATFORMS, None)
        self.scanner = self.host.create(Scanner, "scanner", setup)
        executor, self.offers = inbox(self.host)
        others, self.told = inbox(self.host)
        roles = {"executor": executor, "telemetry": others, "clock": others, "scanner": self.scanner}
        self.host.tell(self.scanner, Directory(roles))
        self.moments: list[int] = []

    def __call__(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        self.batches += 1
        before = len(self.told)
        self.host.tell(self.scanner, what)
        t = self.clock.unix_us()
        self.moments += [t] * (len(self.told) - before)
        for watch, found in self.scan.apply(what):
            event = self.tracker.see(watch.pair.pair_id, found, t)
            if event is not None:
                self.events.append(event)

    @property
    def noted(self) -> list[tuple[int, str, str]]:
        """What the scanner said opened and closed: when, what, of which pair."""
        return [
            (t, note.event, note.pair_id)
            for t, note in zip(self.moments, self.told, strict=True)
            if isinstance(note, OpportunityNote)
        ]

    def usable(self, platform: Platform) -> bool:
        books = [book for watch in self.scan.watches for book in watch.books if book.platform == platform]
        return any(book.held for book in books)


class Tapes:
    """Both exchanges and both clients."""

    def __init__(self, file: Path, watcher: Watcher, clock: TapeClock) -> None:
        self.file = file
        self.watcher = watcher
        self.clock = clock
        self.players: dict[Platform, Player] = {}
        self.feed: PolymarketFeed
        self.reads: WatchedReads
        self.taken: dict[Platform, list[CaptureLine]] = {platform: [] for platform in PLATFORMS}
        self._last_t = 0

    async def play(self, line: CaptureLine) -> None:
        """One line, until it is taken."""
        quiet = line.t - self._last_t >= QUIET_US
        self._last_t = line.t
        self.clock.reach(line.t, wake=quiet)
        if quiet:
            await self.until(self._is_idle, "everything that was due")
        taken = self.taken[line.venue]
        before = len(taken)
        playing = asyncio.ensure_future(self.players[line.venue]._line(line))
        try:
            await self.until(lambda: self._is_taken(line, taken[before:]), f"line {line}")
            await playing
        finally:
            playing.cancel()

    def _is_taken(self, line: CaptureLine, since: list[CaptureLine]) -> bool:
        if line.frame is not None and line.venue == KALSHI and json.loads(line.frame)["type"] not in BOOKS:
            # Our client follows books, not trades.
            return True
        if line.frame is None:
            return line.event != DISCONNECTED or any(one.event == DISCONNECTED for one in since)
        return any(one.frame is not None and _same(line, one.frame) for one in since)

    def _is_idle(self) -> bool:
        """Whether no question is under way or due, and who lost a connection has another."""
        now = self.clock.mono_us()
        tokens = self.feed.keeper._tokens.values()
        due = [one for one in tokens if one.due_us <= now and one.owner is not None and one.barred is None]
        return not self.reads.busy and not due and all(one.asked is None for one in tokens)

    async def until(self, is_so: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                # What the clock woke runs first.
                for _ in range(4):
                    await _turn()
                while not is_so():
                    await _turn()
        except TimeoutError:
            raise AssertionError(f"{what} did not happen") from None

    async def ready(self) -> None:
        """Both clients are subscribed, and the terms of every market are known."""
        tokens = self.feed.keeper._tokens
        async with asyncio.timeout(PATIENCE_S):
            while any(token.barred == UNKNOWN for token in tokens.values()) or not self.feed._up:
                self.clock.pass_us(SECOND // 10)
                await _turn(0.005)


def _same(line: CaptureLine, frame: str) -> bool:
    """Whether this is the recorded frame; Kalshi's are numbered afresh."""
    if line.venue == POLYMARKET:
        return frame == line.frame
    recorded, said = json.loads(line.frame or "{}"), json.loads(frame)
    return (recorded.get("type"), recorded.get("msg")) == (said.get("type"), said.get("msg"))


async def _turn(seconds: float = 0) -> None:
    turn = asyncio.Event()
    loop = asyncio.get_running_loop()
    if seconds:
        loop.call_later(seconds, turn.set)
    else:
        loop.call_soon(turn.set)
    await turn.wait()


@asynccontextmanager
async def staged(file: Path, pairs: Sequence[Pair], rules: Rules, start_us: int, folder: Path) -> AsyncIterator[Tapes]:
    """Everything, started before the first line."""
    clock = TapeClock(start_us - 600 * SECOND)
    watcher = Watcher(pairs, rules, clock)
    tapes = Tapes(file, watcher, clock)
    kalshi = KalshiServer(new_service([]), clock=clock)
    polymarket = PolymarketServer(PolymarketService((), limited=False), clock=clock)
    write_key(ed25519(), folder / "key.pem")
    tapes.players = {
        KALSHI: Player(kalshi, file, speed=0, clock=clock),
        POLYMARKET: Player(polymarket, file, speed=0, clock=clock),
    }
    for player in tapes.players.values():
        player.list_markets()
    await kalshi.start()
    await polymarket.start()
    origin = f"{kalshi.host}:{kalshi.port}"
    found = access(Hosts(f"http://{origin}", f"ws://{origin}"), "ed", folder / "key.pem")
    tickers = [pair.kalshi_market_ticker for pair in pairs if pair.kalshi_market_ticker is not None]
    direct = DirectFeed(
        found,
        tickers,
        rng=Random(1),
        clock=clock,
        policy=KalshiPolicy(backoff_s=0.01, backoff_cap_s=0.02, probe_s=300, dead_s=300),
        record=tapes.taken[KALSHI].append,
    )
    hosts = polymarket.hosts
    tapes.reads = WatchedReads(hosts, clock, rng=Random(2), policy=HttpPolicy(apart_us=0))
    tokens = [token for pair in pairs for token in (pair.poly_yes_token, pair.poly_no_token) if token is not None]
    # A recording of one market is silent for hours: that its connection is then renewed is tested elsewhere.
    policy = replace(FeedPolicy(), socket=SocketPolicy(silent_s=10**9), look_us=1)
    asking = Asking(tapes.reads, claims_of(pairs))
    tapes.feed = PolymarketFeed(hosts, tokens, clock, rng=Random(3), asking=asking, policy=policy)
    tapes.feed.record = tapes.taken[POLYMARKET].append
    running = asyncio.create_task(SeveralFeeds([direct, tapes.feed]).run(watcher))
    try:
        with watcher.host:
            await tapes.ready()
            yield tapes
            assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await kalshi.stop()
        await polymarket.stop()
