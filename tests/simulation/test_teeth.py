"""The simulation has teeth: every deliberate mistake is caught within five hundred seeds, most at once."""

from __future__ import annotations

import pytest

from simulation.world.scenario import Scenario
from simulation.world.world import Violation, run
from tests.simulation.defects import DEFECTS
from tests.simulation.teeth_table import MINUTES, MOST_SEEDS, PAGE, hints, table

HINTS = {name: int(seed) for name, (seed, _) in hints().items()}


def caught(name: str) -> tuple[int, Violation] | None:
    """The first seed that catches it: the one that did last time is tried first."""
    for seed in dict.fromkeys([HINTS.get(name, 0), *range(MOST_SEEDS)]):
        with DEFECTS[name]():
            violation = run(Scenario.draw(seed, MINUTES)).violation
        if violation is not None:
            assert run(Scenario.draw(seed, MINUTES)).violation is None
            return seed, violation
    return None


@pytest.mark.parametrize("name", DEFECTS)
def test_the_mistake_is_caught(name: str) -> None:
    assert caught(name) is not None, f"no seed below {MOST_SEEDS} catches: {name}"


def test_there_are_enough_mistakes_and_each_has_a_hint() -> None:
    assert len(DEFECTS) >= 25
    assert set(HINTS) == set(DEFECTS)


def test_a_mistake_leaves_nothing_behind() -> None:
    for make in DEFECTS.values():
        with make():
            pass
    assert run(Scenario.draw(0, MINUTES)).violation is None


def test_the_page_has_the_table() -> None:
    assert table(hints()) in PAGE.read_text(encoding="utf-8")
