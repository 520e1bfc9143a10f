"""Forced disconnects under a stream of trades: no leg lost, none executed twice, no result recorded twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

import pytest

from tests.e2e.captures import write_capture, write_pairs
from tests.e2e.conftest import Say
from tests.e2e.crash_books import problems, read_books
from tests.e2e.crash_case import at_rest, market
from tests.e2e.crash_proxy import Cut, Proxy
from tests.e2e.processes import PATIENCE_S, POLL_S, POLLS, Arb, Controller, Stage, Status

PAIRS: Final = 20
GAP_US: Final = 50_000
ARBS_PER_CUT: Final = 8
SECONDS_PER_CUT: Final = 1
MOST_SECONDS_TO_RECONNECT: Final = 2.0

QUANTILES: Final = {50: "median", 99: "p99", 100: "most"}
SIGNS: Final = ("Traceback", " failed on ", "was executed before", "no journal, no order", "contradicts")
"""What no log may say: an actor broke, an order came to the venue twice, something written was denied."""

QUICK: Final = {
    "ARB_LEG_TIMEOUT_MS": "500",
    "ARB_ORDER_TTL_MS": "2000",
    "ARB_HEARTBEAT_MS": "100",
    "ARB_MAX_CLOCK_OFFSET_MS": "60000",
}


def rest(controller: Controller, trader: Arb, arbs: int) -> Status:
    """Every arb was shown, and what was traded is over, proven, written and acked."""
    for _ in range(POLLS + arbs):
        said = controller.status()
        if at_rest(said, [trader.status()], arbs):
            return said
        assert controller.wait(POLL_S) is None, controller.log()
    raise AssertionError(f"no rest: {controller.status()}\n{trader.status()}")


def counted(torn: list[str]) -> str:
    """What is wrong, by kind."""
    twice = [line for line in torn if line.startswith("executed")]
    again = [line for line in torn if line.startswith(("a result recorded", "proven", "a trade opened"))]
    return (
        f"{len(torn) - len(twice) - len(again)} lost or torn, {len(twice)} executed twice, {len(again)} recorded twice"
    )


def storm(stage: Stage, cuts: int, seed: int, say: Say) -> Sequence[int]:
    """Trade through a wire that is cut so many times, and look into the books; the times to reconnect, in order."""
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
    made, trades = Counter(proxy.made), last["trades"]
    torn = problems(stage.home, last)
    say(
        f"{len(proxy.made)} cuts ({', '.join(f'{made[cut]} {cut}' for cut in Cut)}) "
        f"under {len(books.orders)} orders, {proxy.repeated} repeated, {proxy.late} late; trades: "
        f"{', '.join(f'{trades[state]} {state}' for state in ('hedged', 'flat', 'naked'))}; "
        f"legs: {counted(torn)}; reconnected after "
        f"{', '.join(f'{quantile(waits, n):.2f} s ({what})' for n, what in QUANTILES.items())}"
    )
    assert torn == []
    assert len(proxy.made) == cuts
    assert books.orders
    assert proxy.repeated
    assert proxy.late
    for process in (controller, trader):
        assert not [line for line in process.lines if any(sign in line for sign in SIGNS)]
    return waits


def quantile(waits: Sequence[int], percent: int) -> float:
    """The wait, in seconds, that so many percent did not exceed."""
    return waits[min(len(waits) * percent // 100, len(waits) - 1)] / 1e6


def test_two_dozen_disconnects_lose_nothing_and_double_nothing(stage: Stage, say: Say) -> None:
    storm(stage, 24, 0, say)


@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", range(1, 9))
def test_a_thousand_disconnects_in_eight_parts_lose_nothing_and_double_nothing(
    stage: Stage, say: Say, seed: int
) -> None:
    waits = storm(stage, 125, seed, say)
    # Said of the product, so the clock is asked here, and only in the hunt.
    assert quantile(waits, 99) < MOST_SECONDS_TO_RECONNECT
