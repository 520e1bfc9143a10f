"""How much is measured: enough for the figures to stand, enough for a look, or just enough to run every line."""

from __future__ import annotations

from typing import Final

import msgspec


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds, and samples a round. ``ticks`` come without a pause, ``quiet_ticks`` each after one."""

    rounds: int
    warm_up: int
    ticks: int
    quiet_ticks: int
    tick_pairs: int
    frames: int
    pair_counts: tuple[int, ...]
    updates: int
    memory_pairs: int
    starts: int


FULL: Final = Sizes(
    rounds=7,
    warm_up=1_000,
    ticks=3_000,
    quiet_ticks=1_000,
    tick_pairs=1_000,
    frames=1_000_000,
    pair_counts=(100, 1_000, 10_000, 100_000),
    updates=40_000,
    memory_pairs=100_000,
    starts=21,
)
QUICK: Final = Sizes(
    rounds=3,
    warm_up=200,
    ticks=500,
    quiet_ticks=200,
    tick_pairs=100,
    frames=20_000,
    pair_counts=(100, 1_000, 10_000),
    updates=10_000,
    memory_pairs=10_000,
    starts=5,
)
SMOKE: Final = Sizes(
    rounds=1,
    warm_up=1,
    ticks=4,
    quiet_ticks=2,
    tick_pairs=3,
    frames=300,
    pair_counts=(5, 10),
    updates=40,
    memory_pairs=50,
    starts=1,
)
"""Proves that everything runs, and nothing about speed."""

NAMED: Final = {"full": FULL, "quick": QUICK, "smoke": SMOKE}
