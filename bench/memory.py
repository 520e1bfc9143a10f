"""Figure 4: bytes a pair, as the allocator counts them and as the system does. Each count is a process of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Final

from bench.figure import Figure, row
from bench.made_up import KalshiFrames, PolymarketFrames, made_up_pairs
from bench.sizes import Sizes
from market.events import FeedBatch, FeedUp
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET
from venues.capture import DECODERS

AIM: Final = 5 * 1024
DEPTHS: Final = (0, 2, 8)
"""Levels of each side of the three books; 0: no snapshot has come yet."""

JUDGED: Final = 8
LIMIT_S: Final = 600


def measure(sizes: Sizes) -> Figure:
    """All depths with both counters."""
    pairs = sizes.memory_pairs
    counters = ("allocated", "resident") if sys.platform == "linux" else ("allocated",)
    rows = [row("the names of a pair alone (floor)", "B", [_names(pair) for pair in made_up_pairs(1)])]
    judged = 0.0
    for depth in DEPTHS:
        what = f"{depth} levels a side in its three books" if depth else "no snapshot yet"
        sized = {counter: _counted(counter, pairs, depth) / pairs for counter in counters}
        rows += [row(f"{what}: {counter}", "B", [size]) for counter, size in sized.items()]
        if depth == JUDGED:
            judged = max(sized.values())
    return Figure(
        name="memory",
        aim=f"at most {AIM:,} bytes a pair with {JUDGED} levels a side",
        reached=judged <= AIM,
        rows=tuple(rows),
        conditions={"pairs": pairs},
    )


def _names(pair: Pair) -> int:
    names = (pair.pair_id, pair.description, pair.kalshi_market_ticker, pair.poly_yes_token, pair.poly_no_token)
    return sum(sys.getsizeof(name) for name in names)


def _counted(counter: str, pairs: int, depth: int) -> int:
    command = [sys.executable, "-m", "bench.memory", counter, str(pairs), str(depth)]
    # Our own module with our own arguments.
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_S)  # noqa: S603
    return int(json.loads(done.stdout))


def build(count: int, depth: int) -> Scan:
    """Pairs, watched, with books of that depth."""
    scan = Scan(made_up_pairs(count), Rules.from_cents(1))
    decoders = {platform: DECODERS[platform]() for platform in PLATFORMS}
    for platform in PLATFORMS:
        scan.apply(FeedBatch(platform, 0, (FeedUp(),), is_data=False))
    kalshi, polymarket = KalshiFrames(), PolymarketFrames()
    for watch in scan.watches if depth else ():
        frames = {KALSHI: kalshi.snapshot(watch.pair, depth), POLYMARKET: polymarket.snapshots(watch.pair, depth)}
        for platform, frame in frames.items():
            scan.apply(FeedBatch(platform, 0, decoders[platform].decode(frame).events))
    return scan


def resident_bytes() -> int:
    """The process's resident memory now. Linux only: raises :class:`OSError` elsewhere."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def count(counter: str, pairs: int, depth: int) -> int:
    """Bytes that so many pairs take in this process."""
    build(2, depth)  # what is loaded and cached once is not a pair's
    gc.collect()
    if counter == "allocated":
        tracemalloc.start()
        kept = build(pairs, depth)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
    else:
        before = resident_bytes()
        kept = build(pairs, depth)
        gc.collect()
        size = resident_bytes() - before
    if len(kept) != pairs:
        raise RuntimeError("some pairs were lost")
    return size


if __name__ == "__main__":
    print(count(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
