"""`arb record`: a capture file of what a venue sends, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.feeds import instruments
from cli.live_venues import kalshi_access, polymarket_hosts
from cli.output import complain, say, say_json
from cli.pairs_source import named_pairs
from cli.processes import run_loop
from config.settings import Settings
from protocol.terms import KALSHI, PLATFORMS, Platform
from transport.feeds.port import FeedPort, WallClock
from transport.feeds.recorder import Recorder
from venues.capture import CaptureLine

Take = Callable[[CaptureLine], None]
MakeFeed = Callable[[Take], FeedPort]

ENDINGS: Final = (".jsonl", ".jsonl.gz")
MOST_TOKENS: Final = 1_000
"""A recording knows one connection of a venue, so all of it must come over one."""


def run(
    settings: Settings, platform: str, file: Path, tickers: list[str], *, seconds: int | None, as_json: bool
) -> int:
    """Record until a signal, or for so long; returns the exit code."""
    if platform not in PLATFORMS:
        raise CliError(USAGE, f"{platform[:40]}: no such platform; record {' or '.join(PLATFORMS)}")
    if not file.name.endswith(ENDINGS):
        raise CliError(USAGE, f"{file}: the name of a capture file ends in {' or '.join(ENDINGS)}")
    markets = _markets(settings, platform, tickers)
    if not markets:
        raise CliError(USAGE, "which markets? give --market TICKER (or token), again for each, or --pairs FILE")
    make = _kalshi(settings, markets) if platform == KALSHI else _polymarket(settings, markets)

    async def main() -> bool:
        with _opened(file) as recorder:
            feed = make(recorder.take)
            if not as_json:
                say(f"recording {len(markets)} markets of {platform} to {file}; Ctrl-C ends it")
            well = await _record(feed, recorder, seconds)
        _finished(file, recorder, as_json=as_json)
        return well

    return OK if run_loop(main()) else ERROR


def _kalshi(settings: Settings, markets: Sequence[str]) -> MakeFeed:
    access = kalshi_access(settings)
    from transport.kalshi.live import DirectFeed

    return lambda take: DirectFeed(access, markets, rng=Random(), report=_report, record=take)  # noqa: S311 -- backoff


def _polymarket(settings: Settings, tokens: Sequence[str]) -> MakeFeed:
    if len(tokens) > MOST_TOKENS:
        raise CliError(USAGE, f"{len(tokens)} tokens: a recording of polymarket holds at most {MOST_TOKENS}")
    from transport.polymarket.feed import FeedPolicy, PolymarketFeed

    hosts = polymarket_hosts(settings)
    policy = FeedPolicy(per_connection=MOST_TOKENS, connections=1, max_lag_ms=None)

    def make(take: Take) -> FeedPort:
        feed = PolymarketFeed(hosts, tokens, WallClock(), rng=Random(), policy=policy, report=_report)  # noqa: S311 -- backoff
        feed.record = take
        return feed

    return make


def _markets(settings: Settings, platform: str, named: list[str]) -> list[str]:
    """Those named, or all of the pairs file."""
    if named or settings.pairs is None:
        return list(dict.fromkeys(named))
    return list(instruments(named_pairs(settings), Platform(platform)))


def _opened(file: Path) -> Recorder:
    try:
        return Recorder(file, WallClock())
    except FileExistsError:
        raise CliError(USAGE, f"{file} is there already: nothing is written over; give another name") from None
    except OSError as error:
        raise CliError(ERROR, f"{file} cannot be made: {error.strerror}") from None


async def _record(feed: FeedPort, recorder: Recorder, seconds: int | None) -> bool:
    """Until a signal, the end of the time, or trouble with the disk (False)."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if seconds is not None:
        loop.call_later(seconds, ended.set)
    jobs: list[asyncio.Task[Any]] = [
        asyncio.create_task(work) for work in (feed.run(lambda _: None), recorder.run(), ended.wait())
    ]
    done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    for job in done:
        with suppress(asyncio.CancelledError):
            if isinstance(error := job.exception(), OSError):
                complain(f"the recording has ended: {error.strerror}")
            elif error is not None:
                raise error
    return ended.is_set()


def _finished(file: Path, recorder: Recorder, *, as_json: bool) -> None:
    if as_json:
        say_json({"file": str(file), "frames": recorder.frames, "connections": recorder.connections})
    else:
        say(f"{recorder.frames} frames over {recorder.connections} connections in {file}")


def _report(platform: Platform, text: str) -> None:
    complain(f"{platform}: {text}")
