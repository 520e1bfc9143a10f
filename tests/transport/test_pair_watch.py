"""Approvals beside a feed: what is not approved any more opens nothing, whatever the feed does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from market.events import FeedBatch, FeedEnded, MarketHalted
from market.pair import Pair
from pairing.approval import What
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from tests.transport.pair_store_kit import NAME, T0, approve, found, read_kalshi, stored
from transport.feeds.port import Deliver, WallClock
from transport.pairs.store import PairStore
from transport.pairs.watch import Rhythm, WatchedFeed

QUICK = 1_000
TOKENS = Pair(pair_id=PairId("tokens"), market_id=1, poly_yes_token="1", poly_no_token="2")


class Quiet:
    """A feed that says nothing, until it is ended."""

    platforms = (KALSHI,)

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.resyncs = 0

    async def run(self, _deliver: Deliver) -> None:
        await self.end.wait()

    def resync(self) -> None:
        self.resyncs += 1


class Watched:
    """A watched feed of a store, and what came out of it."""

    def __init__(self, folder: Path, pairs: Sequence[Pair], check: Callable[[], None] | None = None) -> None:
        self.said: list[str] = []
        self.halts: list[tuple[Platform, MarketHalted]] = []
        self.came, self.opened = asyncio.Event(), asyncio.Event()
        self.file = folder / "pairs.db"
        self.quiet = Quiet()
        rhythm = Rhythm(check=check, check_us=QUICK if check else 0, poll_us=60_000_000 if check else QUICK)
        self.feed = WatchedFeed(
            self.quiet,
            self.open_store,
            pairs,
            WallClock(),
            report=self.said.append,
            rhythm=rhythm,
        )

    def open_store(self) -> PairStore:
        self.opened.set()
        return PairStore(self.file)

    def deliver(self, what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        assert not what.is_data
        self.halts += [(what.platform, event) for event in what.events if isinstance(event, MarketHalted)]
        self.came.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.halts) < count:
                self.came.clear()
                await self.came.wait()


async def watching(watched: Watched, during: Callable[[], None], halts: int) -> None:
    """Run it, do something, wait for so many halts, and end the feed."""
    running = asyncio.create_task(watched.feed.run(watched.deliver))
    await watched.opened.wait()
    during()
    await watched.until(halts)
    watched.quiet.end.set()
    await running


def approved_pair(folder: Path) -> list[Pair]:
    with stored(folder) as store:
        found(store)
        approve(store)
        return list(store.approved().pairs)


def test_a_pair_that_another_process_latches_is_halted_once(tmp_path: Path) -> None:
    pairs = approved_pair(tmp_path)

    def latch() -> None:
        with PairStore(tmp_path / "pairs.db") as store:
            read_kalshi(store, rules_primary="Other rules.")

    async def main() -> Watched:
        watched = Watched(tmp_path, pairs)
        await watching(watched, latch, 1)
        return watched

    watched = asyncio.run(main())
    assert watched.halts == [(KALSHI, MarketHalted(NAME, f"pair {NAME}: its terms changed: kalshi rules"))]
    assert watched.said == [f"{NAME} is not traded any more: its terms changed: kalshi rules; see `arb pairs review`"]


def test_a_rejected_pair_is_halted_and_again_for_a_new_scanner(tmp_path: Path) -> None:
    pairs = approved_pair(tmp_path)

    async def main() -> Watched:
        watched = Watched(tmp_path, pairs)

        def reject() -> None:
            with PairStore(tmp_path / "pairs.db") as store:
                store.decide(NAME, What.REJECT, who="ann", t_us=T0, note="no")

        await watching(watched, reject, 1)
        watched.feed.resync()
        return watched

    watched = asyncio.run(main())
    assert [event.reason for _, event in watched.halts] == [f"pair {NAME}: it is rejected: no"] * 2
    assert (watched.quiet.resyncs, len(watched.said)) == (1, 1)


def test_what_the_check_latches_is_halted_at_once(tmp_path: Path) -> None:
    pairs = approved_pair(tmp_path)

    def check() -> None:
        with PairStore(tmp_path / "pairs.db") as store:
            read_kalshi(store, close_time="2026-01-25T00:00:00Z")

    async def main() -> Watched:
        watched = Watched(tmp_path, pairs, check)
        await watching(watched, lambda: None, 1)
        return watched

    assert "kalshi close time" in asyncio.run(main()).said[0]


@pytest.mark.parametrize("broken", [b"not a database at all" * 100, None])
def test_approvals_that_cannot_be_read_are_none(tmp_path: Path, broken: bytes | None) -> None:
    pairs = [*approved_pair(tmp_path), TOKENS]
    for file in tmp_path.glob("pairs.db*"):
        file.unlink()
    if broken is not None:
        (tmp_path / "pairs.db").write_bytes(broken)

    async def main() -> Watched:
        watched = Watched(tmp_path, pairs)
        await watching(watched, lambda: None, 3)
        return watched

    halted = [(platform, event.market) for platform, event in asyncio.run(main()).halts]
    assert halted == [(KALSHI, NAME), (POLYMARKET, "1"), (POLYMARKET, "2")]
