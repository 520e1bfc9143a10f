"""Forced disconnects under a stream of trades: no leg lost, none executed twice, no result recorded twice."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from typing import Final

import pytest

from tests.e2e.captures import write_capture, write_pairs
from tests.e2e.crash_books import problems, read_books
from tests.e2e.crash_case import at_rest, market
from tests.e2e.crash_proxy import Cut, Proxy
from tests.e2e.processes import PATIENCE_S, POLL_S, POLLS, Arb, Controller, Stage, Status

PAIRS: Final = 20
GAP_US: Final = 50_000
ARBS_PER_CUT: Final = 8
SECONDS_PER_CUT: Final = 3

QUICK: Final = {
    "ARB_LEG_TIMEOUT_MS": "500",
    "ARB_ORDER_TTL_MS": "500",
    "ARB_HEARTBEAT_MS": "100",
    "ARB_MAX_CLOCK_OFFSET_MS": "60000",
}


def rest(controller: Controller, trader: Arb, arbs: int) -> Status:
    """Every arb was shown, and what was traded is over, proven, written and acked."""
    for _ in range(POLLS + arbs):
        said = controller.status()
        if at_rest(said, trader.status(), arbs):
            return said
        assert controller.wait(POLL_S) is None, controller.log()
    raise AssertionError(f"no rest: {controller.status()}\n{trader.status()}")


def storm(stage: Stage, cuts: int, seed: int) -> None:
    """Trade through a wire that is cut so many times, and look into the books."""
    arbs = cuts * ARBS_PER_CUT
    capture = write_capture(stage.home / "storm.jsonl", market(arbs, PAIRS, GAP_US, 250_000))
    pairs = write_pairs(stage.home / "pairs.toml", range(PAIRS))
    controller = stage.controller("--feed", f"replay:{capture}", "--pairs", str(pairs), **QUICK)
    with Proxy(controller.port, cuts, Random(seed)) as proxy:
        trader = stage.trader("--url", f"ws://127.0.0.1:{proxy.port}", **QUICK)
        assert proxy.all_made.wait(PATIENCE_S + SECONDS_PER_CUT * cuts), f"only {Counter(proxy.made)}"
        last = rest(controller, trader, arbs)
        assert (trader.stop(), controller.stop()) == (0, 0)
    books = read_books(stage.home)
    waits = sorted(proxy.reconnect_us)
    made = Counter(proxy.made)
    torn = problems(stage.home, last)
    sys.stdout.write(
        f"\n{len(proxy.made)} cuts ({', '.join(f'{made[cut]} {cut}' for cut in Cut)}) under {len(books.orders)} orders "
        f"of {last['trades']['hedged']} trades hedged, {last['trades']['flat']} flat, {last['trades']['naked']} naked: "
        f"{len(torn)} problems; "
        f"reconnected after {waits[len(waits) // 2] / 1e6:.2f} s (median), {waits[len(waits) * 99 // 100] / 1e6:.2f} s "
        f"(p99), {waits[-1] / 1e6:.2f} s at the most\n"
    )
    assert torn == []
    assert len(proxy.made) == cuts
    assert books.orders
    for process in (controller, trader):
        assert not [line for line in process.lines if "Traceback" in line or " failed on " in line]


def test_sixty_disconnects_lose_nothing_and_double_nothing(stage: Stage) -> None:
    storm(stage, 60, 0)


@pytest.mark.hunt
@pytest.mark.parametrize("seed", range(1, 9))
def test_a_thousand_disconnects_in_eight_parts_lose_nothing_and_double_nothing(stage: Stage, seed: int) -> None:
    storm(stage, 125, seed)
