"""Blocks of seeds for the default suite: two hundred worlds of ten simulated minutes, shared out over three files."""

from __future__ import annotations

from simulation.world.scenario import Scenario
from simulation.world.world import run

BLOCK = 10
"""Seeds of one test, so that a failure names few of them."""


def blocks(first: int, last: int) -> list[range]:
    return [range(start, min(start + BLOCK, last)) for start in range(first, last, BLOCK)]


def every_invariant_holds(seeds: range) -> None:
    for seed in seeds:
        violation = run(Scenario.draw(seed, 10.0)).violation
        assert violation is None, f"arb simulate --seed {seed}: {violation}"


def name(seeds: range) -> str:
    return f"{seeds.start}..{seeds.stop - 1}"
