"""One seed, one trace, to the byte: in another process, and with another order of everything that hashes."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from actors.ledger_state import fold
from simulation.world.agreement import Folded
from simulation.world.garbage import SELDOM, seldom_collected
from simulation.world.kernel import Dice, Kernel, dice
from simulation.world.scenario import Scenario
from simulation.world.trace import Trace
from simulation.world.world import World

ROOT = Path(__file__).parents[2]
SEEDS = range(20)
MINUTES = 4.0

PROGRAM = f"""
from simulation.world.scenario import Scenario
from simulation.world.trace import Trace
from simulation.world.world import World
for seed in {list(SEEDS)!r}:
    trace = Trace(keep=False)
    World(Scenario.draw(seed, {MINUTES}), trace=trace).run()
    print(trace.count, trace.digest())
"""


def digests(hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_twenty_seeds_run_twice_give_the_same_bytes() -> None:
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(digests, ("1", "4711"))
    assert one == other
    assert len(set(one)) == len(SEEDS) + 1


def test_another_seed_is_another_world() -> None:
    worlds = [Scenario.draw(seed) for seed in range(50)]
    assert len({world.faults for world in worlds}) > 20
    assert len({world.shape for world in worlds}) == 7
    assert any(not world.faults for world in worlds)
    assert any(len(world.faults) > 20 for world in worlds)


def test_dice_of_one_matter_do_not_depend_on_another() -> None:
    one = dice(7, "network").random()
    other = dice(7, "tape")
    other.random()
    assert dice(7, "network").random() == one
    assert dice(8, "network").random() != one


def test_what_is_due_at_one_moment_runs_in_the_order_asked() -> None:
    kernel, seen = Kernel(), list[str]()
    kernel.after(5, lambda: seen.append("b"))

    def two() -> None:
        seen.append("c")
        kernel.after(0, lambda: seen.append("d"))

    kernel.after(5, two)
    kernel.after(1, lambda: seen.append("a"))
    kernel.run_until(4)
    assert seen == ["a"]
    kernel.run_until(5)
    assert seen == ["a", "b", "c", "d"]
    assert kernel.now_us == 5


def test_a_trace_is_of_everything_and_a_run_without_one_is_the_same_run() -> None:
    trace = Trace()
    with_trace = World(Scenario(seed=3, minutes=2.0), trace=trace).run()
    without = World(Scenario(seed=3, minutes=2.0)).run()
    assert (with_trace.orders, with_trace.frames) == (without.orders, without.frames)
    kinds = {line.kind for line in trace.lines}
    assert {"start", "send", "order sent", "order", "answer"} <= kinds


def test_the_dice_throw_what_the_standard_library_throws() -> None:
    for seed in range(50):
        ours, theirs = Dice(seed * 7_919), Random(seed * 7_919)
        for span in range(1, 60):
            assert ours.randint(-span, span * span) == theirs.randint(-span, span * span)
            assert ours.randint(span, span) == theirs.randint(span, span)
            assert ours.choice(range(span)) == theirs.choice(range(span))
        assert (ours.random(), ours.expovariate(1)) == (theirs.random(), theirs.expovariate(1))
    with pytest.raises(ValueError, match="nothing lies"):
        Dice(1).randint(3, 2)


def test_a_world_leaves_the_collector_as_it_was_also_where_it_breaks() -> None:
    before, during = gc.get_threshold(), list[tuple[int, int, int]]()

    def breaks() -> None:
        with seldom_collected():
            during.append(gc.get_threshold())
            raise KeyError

    with pytest.raises(KeyError):
        breaks()
    assert during == [SELDOM]
    assert gc.get_threshold() == before


def test_facts_that_were_folded_once_are_not_folded_again() -> None:
    world = World(Scenario(seed=3, minutes=2.0))
    world.run()
    facts, folded = list(world.controller.ledger.facts), Folded()
    grows, other = facts[:7], facts[:5]
    first = folded.of(grows)
    assert first.facts == fold(facts[:7]).facts
    grows += facts[7:]
    again = folded.of(grows)
    assert again is first
    assert (again.facts, again.legs, again.trades.keys()) == (len(facts), fold(facts).legs, fold(facts).trades.keys())
    assert folded.of(other).facts == 5
