"""Worlds 134 to 199 of the default suite."""

from __future__ import annotations

import pytest

from tests.simulation.seeds import blocks, every_invariant_holds, name


@pytest.mark.parametrize("seeds", blocks(134, 200), ids=name)
def test_every_invariant_holds(seeds: range) -> None:
    every_invariant_holds(seeds)
