"""Figure 3: what one update costs with a hundred pairs watched, and with a hundred thousand."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from random import Random
from typing import Final

from bench.figure import Figure, Row, row
from bench.made_up import ASK, KalshiFrames, PolymarketFrames, made_up_pairs
from bench.sizes import Sizes
from market.events import FeedBatch, FeedUp
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from venues.capture import DECODERS

Frame = tuple[Platform, str]

SEED: Final = 7
BUSY: Final = 100
"""Markets that the updates are about where only a few are busy."""

BETTER: Final = 50
"""Cents; asked for less than the book's best, so that every update moves it, and with 58 still no arb."""

FLAT: Final = 2.0
"""The aim: busy markets cost at most this many times as much among the most pairs as among the fewest."""

DEPTH: Final = 2


class Watched:
    """So many pairs with their books, and frames about them."""

    def __init__(self, count: int) -> None:
        self.pairs = made_up_pairs(count)
        self._kalshi = KalshiFrames()
        self._polymarket = PolymarketFrames()
        self._decoders = {platform: DECODERS[platform]() for platform in PLATFORMS}
        self._scan = Scan(self.pairs, Rules.from_cents(1))
        for platform in PLATFORMS:
            self._scan.apply(FeedBatch(platform, 0, (FeedUp(),), is_data=False))
        for pair in self.pairs:
            snapshots = self._kalshi.snapshot(pair, DEPTH), self._polymarket.snapshots(pair, DEPTH)
            self.take(list(zip((KALSHI, POLYMARKET), snapshots, strict=True)))

    def updates(self, pairs: Sequence[Pair], count: int, rng: Random) -> list[Frame]:
        """Frames of both venues by turns, each about a random one of these pairs: a best ask that comes and goes."""
        frames: list[Frame] = []
        while len(frames) < count:
            pair = rng.choice(pairs)
            frames += [
                (KALSHI, self._kalshi.ask(pair, BETTER, "5")),
                (POLYMARKET, self._polymarket.ask(pair, BETTER, "5", BETTER)),
                (KALSHI, self._kalshi.ask(pair, BETTER, "-5")),
                (POLYMARKET, self._polymarket.ask(pair, BETTER, "0", ASK)),
            ]
        return frames[:count]

    def take(self, frames: Sequence[Frame]) -> None:
        """Decode, apply, detect."""
        decoders, apply = self._decoders, self._scan.apply
        for platform, text in frames:
            decoded = decoders[platform].decode(text)
            apply(FeedBatch(platform, 1, decoded.events, decoded.is_data))


def parse_only(frames: Sequence[Frame]) -> None:
    """The floor."""
    for _, text in frames:
        json.loads(text)


def measure(sizes: Sizes) -> Figure:
    """Every number of pairs, with few busy markets and with all of them busy."""
    rng = Random(SEED)
    rows: list[Row] = []
    costs: list[float] = []
    busy = min(BUSY, *sizes.pair_counts)
    for count in sizes.pair_counts:
        watched = Watched(count)
        few = _rounds(watched, watched.pairs[:busy], sizes, rng)
        every = _rounds(watched, watched.pairs, sizes, rng)
        costs.append(row("", "us", [cost for cost, _ in few]).spread.middle)
        rows += [
            row(f"{count:,} pairs, {busy} of them busy", "us", [cost for cost, _ in few]),
            row(f"{count:,} pairs, {busy} of them busy / json.loads", "x", [cost / floor for cost, floor in few]),
            row(f"{count:,} pairs, all busy", "us", [cost for cost, _ in every]),
            row(f"{count:,} pairs, all busy / json.loads", "x", [cost / floor for cost, floor in every]),
        ]
    return Figure(
        name="pair_counts",
        aim=f"flat: at most {FLAT:g} times the cost, busy markets being the same",
        reached=costs[-1] <= FLAT * costs[0],
        rows=tuple(rows),
        conditions={"updates_a_round": sizes.updates, "levels_a_side": DEPTH},
    )


def _rounds(watched: Watched, pairs: Sequence[Pair], sizes: Sizes, rng: Random) -> list[tuple[float, float]]:
    """Microseconds an update, and those of the floor, for every round."""
    done = []
    for _ in range(sizes.rounds):
        frames = watched.updates(pairs, sizes.updates, rng)
        began = time.perf_counter()
        parse_only(frames)
        between = time.perf_counter()
        watched.take(frames)
        ended = time.perf_counter()
        done.append(((ended - between) / len(frames) * 1e6, (between - began) / len(frames) * 1e6))
    return done
