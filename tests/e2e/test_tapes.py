"""A recording through both loopback exchanges and the real clients offers what its replay offers, at the same times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.pairs_source import read_pairs
from market.rules import Rules
from market.tracker import EventKind, OpportunityEvent, replay_record
from tests.e2e.tapes import Tapes, staged
from tests.shared_data import shared_data
from transport.feeds.capture_file import CaptureReader
from transport.feeds.offline import replay_offline

SHAI, LUKA = "nba-mvp-shai.jsonl.gz", "nba-mvp-luka.jsonl.gz"


def replayed(file: Path, pairs: Path) -> list[OpportunityEvent]:
    return list(replay_offline(file, read_pairs(pairs), Rules.from_cents(1)))


def served(file: Path, pairs: Path, folder: Path) -> Tapes:
    lines = list(CaptureReader(file))

    async def main() -> Tapes:
        async with staged(file, read_pairs(pairs), Rules.from_cents(1), lines[0].t, folder) as tapes:
            for line in lines:
                await tapes.play(line)
            return tapes

    return asyncio.run(main())


def the_same(file: Path, folder: Path) -> Tapes:
    pairs = shared_data("pairs.toml")
    expected = replayed(file, pairs)
    tapes = served(file, pairs, folder)
    assert [replay_record(event) for event in tapes.watcher.events] == [replay_record(event) for event in expected]
    opened_and_closed = [
        (event.t, event.kind.value, event.opportunity.pair_id)
        for event in expected
        if event.kind is not EventKind.CHANGE
    ]
    assert tapes.watcher.noted == opened_and_closed
    assert expected
    assert tapes.feed.keeper.mended == 0
    return tapes


def test_a_recording_with_hours_of_arbs_offers_the_same_served_as_replayed(tmp_path: Path) -> None:
    tapes = the_same(shared_data(SHAI), tmp_path)
    assert tapes.reads.asked > 100


@pytest.mark.hunt
def test_a_recording_with_thin_arbs_offers_the_same_served_as_replayed(tmp_path: Path) -> None:
    the_same(shared_data(LUKA), tmp_path)
