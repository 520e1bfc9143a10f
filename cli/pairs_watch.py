"""A controller on approved pairs: their terms are read again before it starts and while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from cli.error import CliError
from cli.pairs_desk import Desk, opened
from cli.pairs_fetch import fetch_all
from cli.pairs_source import age_s, approved, store_file
from cli.words import duration
from config.settings import Settings
from market.pair import Pair
from protocol.terms import PLATFORMS
from transport.controller_process import FeedMaker
from transport.feeds.port import WallClock
from transport.gate import Gate
from transport.logs import log_event
from transport.pairs.store import PairStore
from transport.pairs.watch import Rhythm, WatchedFeed


def watched(settings: Settings, pairs: list[Pair], make_feed: FeedMaker) -> FeedMaker:
    """The same feed with the approvals of these pairs watched."""

    def make(gate: Gate) -> WatchedFeed:
        return WatchedFeed(
            make_feed(gate),
            lambda: PairStore(store_file(settings.home)),
            pairs,
            WallClock(),
            report=lambda text: log_event("PAIRS", "error", text),
            rhythm=Rhythm(
                check=(lambda: check(settings)) if settings.feed == "live" else None,
                check_us=settings.discovery_check_s * 1_000_000,
            ),
        )

    return make


def check(settings: Settings) -> None:
    """Read the terms of the approved pairs again, latching what changed; a failure is said, and changes nothing."""
    try:
        with opened(settings.home) as desk:
            _read(settings, desk)
    except CliError as error:
        log_event("PAIRS", "warning", f"the terms of the approved pairs were not read: {error.text}")


def _read(settings: Settings, desk: Desk) -> None:
    failures: list[str] = []
    found = asyncio.run(fetch_all(settings, desk, PLATFORMS, "approved", failures.append))
    for failure in failures:
        log_event("PAIRS", "warning", failure)
    for fetched in found:
        for decision in fetched.latched:
            log_event("PAIRS", "error", f"{decision.pair_id} is latched, for this changed: {decision.note}")


def greeting(settings: Settings) -> Iterator[str]:
    """What a person should know of the approvals that are traded on."""
    found = approved(settings.home)
    age = age_s(found.oldest_us)
    read = "never compared with the venues" if age is None else f"terms compared with the venues {duration(age)} ago"
    yield f"{len(found.pairs)} approved pairs, {read}"
    for pair_id, reason in found.shut.items():
        yield f"{pair_id} is approved and not traded: {reason}"
