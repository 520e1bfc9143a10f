"""Many seeds, on as many processes as asked: what they held, and the first history that broke something, shrunk."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final

import msgspec

from simulation.world.scenario import Scenario
from simulation.world.shrink import shrink
from simulation.world.timeline import story
from simulation.world.trace import Trace
from simulation.world.world import Result, Violation, World, run

CHUNK: Final = 4
"""Seeds handed to a process at a time: few, so that the end does not wait for one of them."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A seed that broke an invariant, and the shortest history found that breaks it too."""

    seed: int
    violation: Violation
    shrunk_to: dict[str, Any]
    runs: int
    story: str


class Total(msgspec.Struct, kw_only=True):
    """What all seeds together held."""

    seeds: int = 0
    violations: int = 0
    simulated_us: int = 0
    trades: int = 0
    orders: int = 0
    frames: int = 0
    faults: int = 0
    crashes: int = 0
    cuts: int = 0
    counts: dict[str, int] = {}

    def add(self, result: Result) -> None:
        """Count one run in."""
        self.seeds += 1
        self.violations += result.violation is not None
        self.simulated_us += result.simulated_us
        for name in ("trades", "orders", "frames", "faults", "crashes", "cuts"):
            setattr(self, name, getattr(self, name) + getattr(result, name))
        self.counts = dict(sorted((Counter(self.counts) + Counter(result.counts)).items()))


def run_seeds(seeds: Sequence[int], *, minutes: float, jobs: int) -> Generator[Result, None, None]:
    """Run each seed's world; results come as they are done. Closing the iterator ends the processes."""
    asked = [(seed, minutes) for seed in seeds]
    if jobs <= 1:
        yield from map(_one, asked)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _quiet) as pool:
        yield from pool.imap_unordered(_one, asked, CHUNK)


def _quiet() -> None:
    """Leave Ctrl-C to the parent."""
    import signal  # noqa: PLC0415 -- of the child alone

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(asked: tuple[int, float]) -> Result:
    return run(Scenario.draw(*asked))


def total(results: Iterable[Result], heard: Callable[[Result], None] = lambda _result: None) -> Total:
    """Sum up; ``heard`` is called with each result."""
    whole = Total()
    for result in results:
        whole.add(result)
        heard(result)
    return whole


def explain(scenario: Scenario) -> Finding | None:
    """Run a world that broke something again, shrink it, and tell its story; None where it breaks nothing."""
    violation = run(scenario).violation
    if violation is None:
        return None
    shrunk = shrink(scenario, violation)
    trace = Trace()
    World(shrunk.scenario, trace=trace).run()
    return Finding(
        seed=scenario.seed,
        violation=shrunk.violation,
        shrunk_to=msgspec.to_builtins(shrunk.scenario),
        runs=shrunk.runs,
        story=story(shrunk.scenario, trace.lines, shrunk.violation.text),
    )
