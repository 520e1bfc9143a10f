"""What is recorded of a Kalshi on loopback, played again, gives the books that were there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from market.books import Books
from market.events import FeedBatch, FeedEnded
from protocol.terms import KALSHI
from tests.transport.kalshi.test_feed import POLICY
from tests.venues.kalshi.material import pem
from tests.venues.kalshi_exchange.kit import HOME, RAIN, SNOW, ed25519, new_service, serving
from tests.venues.test_feed_recordings import offered
from transport.feeds.capture_file import CaptureReader, CaptureWriter
from transport.feeds.port import WallClock
from transport.feeds.recorder import Recorder
from transport.kalshi.access import KalshiAccess
from transport.kalshi.live import DirectFeed
from venues.capture import CaptureLine, CapturePlayer, encode_line
from venues.kalshi.exchange.faults import Fault
from venues.kalshi.exchange.makers import Makers
from venues.kalshi.hosts import Hosts
from venues.kalshi.keys import read_key
from venues.kalshi.signing import Credentials

MARKETS = (RAIN, SNOW, HOME)
STEPS = 60


def books() -> Books:
    found = Books()
    for market in MARKETS:
        found.track(KALSHI, market)
    return found


def replayed(file: Path) -> Books:
    found, player = books(), CapturePlayer()
    for line in CaptureReader(file):
        played = player.play(line)
        if played.batch is not None:
            found.apply(played.batch)
    return found


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
@pytest.mark.parametrize("fault", [None, "gap", "socket_drop"])
def test_books_after_a_replay_are_those_that_were_live(tmp_path: Path, ending: str, fault: str | None) -> None:
    file = tmp_path / f"capture{ending}"
    live, seen, news = books(), list[FeedBatch](), asyncio.Event()

    def deliver(what: FeedBatch | FeedEnded) -> None:
        assert isinstance(what, FeedBatch)
        live.apply(what)
        seen.append(what)
        news.set()

    async def until(number: int) -> None:
        while len(seen) < number:
            news.clear()
            await asyncio.wait_for(news.wait(), 20)

    async def main() -> None:
        service, clock = new_service(), WallClock()
        makers = Makers(service.exchange, Random(3))
        async with serving(service) as server:
            hosts = Hosts(f"http://127.0.0.1:{server.port}", f"ws://127.0.0.1:{server.port}")
            access = KalshiAccess(hosts, Credentials("ed", read_key(pem(ed25519()))))
            with Recorder(file, clock) as recorder:
                feed = DirectFeed(access, MARKETS, rng=Random(1), clock=clock, policy=POLICY, record=recorder.take)
                running = asyncio.create_task(feed.run(deliver))
                await until(len(MARKETS) + 1)
                for step in range(STEPS):
                    if fault is not None and step == STEPS // 2:
                        service.break_down(Fault(name=fault), clock.unix_us())
                    before = len(seen)
                    makers.step(clock.unix_us())
                    server.flush()
                    await until(before + 1)
                # All of it, also what comes after a fault.
                while not all(offered(live, KALSHI, market)[0] for market in MARKETS):
                    await until(len(seen) + 1)
                kept = {market: offered(live, KALSHI, market) for market in MARKETS}
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                assert recorder.connections == (2 if fault == "socket_drop" else 1)
        lines = list(CaptureReader(file))
        # The end of the recording is the end of the connection: the books before it are what is compared.
        assert lines[-1].event == "disconnected"
        shorter = tmp_path / "shorter.jsonl"
        shorter.write_bytes(b"".join(each for each in map(encode_line, lines[:-1])))
        again = replayed(shorter)
        assert {market: offered(again, KALSHI, market) for market in MARKETS} == kept
        assert all(side for market in MARKETS for side in kept[market])

    asyncio.run(main())


def test_a_disk_that_takes_no_more_ends_the_recording_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "capture.jsonl.gz"

    async def main() -> None:
        with Recorder(file, WallClock()) as recorder:
            recorder.take(CaptureLine(1, KALSHI, event="connected"))

            def refuse(*_: object) -> None:
                raise OSError(28, "No space left on device")

            with monkeypatch.context() as full:
                full.setattr(CaptureWriter, "write", refuse)
                recorder.take(CaptureLine(2, KALSHI, frame="{}"))
            recorder.take(CaptureLine(3, KALSHI, frame="{}"))
            with pytest.raises(OSError, match="No space left"):
                await asyncio.wait_for(recorder.run(), 5)
            assert recorder.frames == 0

    asyncio.run(main())
    assert [line.t for line in CaptureReader(file)] == [1]
