"""Figure 8: finding candidates among all markets of both venues, and how right words alone are on labelled pairs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from bench import mirrored
from bench.figure import Figure, Row, row
from bench.labelled import FILE, Labelled, Result, Siblings
from bench.made_up_listings import made_up_listings
from bench.sizes import Sizes
from pairing.candidates import find_candidates
from transport.pair_tables import load_leagues

SEED: Final = 8
MINUTES: Final = 10
"""The aim: so many minutes of one core for the most markets."""

FLAT: Final = 3.0
"""And a market costs at most this many times as much among the most as among a tenth of them."""

FEW: Final = 12
"""Labelled rows and mirrors where only few markets are asked for, to see that everything runs."""

ALL: Final = 1_000

_NANO: Final = 1e9


def measure(sizes: Sizes, data: Path) -> Figure:
    """Seconds of CPU for n x n markets, and the labelled pairs where they are."""
    took = [_seconds(count) for count in sizes.pair_counts]
    rows: list[Row] = [
        row(f"{count:,} x {count:,} markets", "s CPU", [seconds])
        for count, seconds in zip(sizes.pair_counts, took, strict=True)
    ]
    few = FEW if sizes.pair_counts[-1] < ALL else None
    rows += _labelled(data / FILE, few)
    rows += _mirrored(data / mirrored.FILE, few)
    each = [seconds / count for count, seconds in zip(sizes.pair_counts, took, strict=True)]
    conditions: dict[str, Any] = {"seed": SEED, "a market": [f"{share * 1e3:.3f} ms" for share in each]}
    return Figure(
        name="pairs",
        aim=f"100,000 x 100,000 markets in less than {MINUTES} minutes of one core, near linear (a factor of {FLAT:g})",
        reached=took[-1] < 60 * MINUTES and each[-1] < FLAT * each[-2],
        rows=tuple(rows),
        conditions=conditions,
    )


def _seconds(count: int) -> float:
    leagues = load_leagues()
    kalshi, polymarket = made_up_listings(count, Random(SEED))
    begun = time.process_time_ns()
    found = sum(1 for _ in find_candidates(kalshi, polymarket, leagues))
    spent = (time.process_time_ns() - begun) / _NANO
    if count >= 100 and not found:  # noqa: PLR2004 -- fewer may have none
        raise RuntimeError(f"{count} markets gave no candidate: not what is to be measured")
    return spent


def _labelled(path: Path, few: int | None) -> list[Row]:
    if not path.is_file():
        return []
    labelled = Labelled(path, few)
    halves = (("seen", labelled.measure(held_out=False)), ("held out", labelled.measure(held_out=True)))
    siblings = labelled.siblings()
    return [
        *(line for name, result in halves for line in _rows(name, result)),
        row("questions of one event against each other", "pairs", [siblings.unlike]),
        row("of these said to agree", "pairs", [siblings.wrong]),
        row("questions that agree with themselves (the others name no day)", "%", [_percent(siblings)]),
    ]


def _percent(siblings: Siblings) -> float:
    return 100 * siblings.itself / siblings.questions


def _mirrored(path: Path, few: int | None) -> list[Row]:
    if not path.is_file():
        return []
    found = mirrored.measure(path, few)
    return [
        row("game markets against mirrors of all of them", "pairs", [found.judged]),
        row("mirrors", "markets", [found.mirrors]),
        row("all points agree", "pairs", [found.same]),
        row("of these wrong, or on the wrong side", "pairs", [found.wrong]),
    ]


def _rows(name: str, result: Result) -> Sequence[Row]:
    return (
        row(
            f"{name}: true match in the first three of all",
            "%",
            [100 * result.found_in_pool / max(result.matchable, 1)],
        ),
        row(f"{name}: pairs judged", "pairs", [result.judged]),
        row(f"{name}: all points agree", "pairs", [result.same]),
        row(f"{name}: titles agree, right", "pairs", [result.titles_agree - result.titles_wrong]),
        row(f"{name}: titles agree, wrong", "pairs", [result.titles_wrong]),
        row(f"{name}: true pairs refused", "pairs", [result.true_refused]),
    )
