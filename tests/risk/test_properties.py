"""Whatever trades, results, restarts and clocks do: no limit is passed, nothing leaks, and flat is zero."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.risk.world import Day

NO_SHARD = "the shard of the market is not known"
BOTH = pytest.mark.parametrize("wild", [False, True], ids=["tame", "wild"])


@BOTH
@given(chance=st.randoms(use_true_random=False))
def test_a_short_day_keeps_the_limits_and_ends_at_zero(wild: bool, chance: Random) -> None:
    Day(chance, wild=wild).run(25)


@BOTH
@pytest.mark.parametrize("seed", range(15))
def test_a_long_day_keeps_the_limits_and_ends_at_zero(wild: bool, seed: int) -> None:
    Day(Random(seed), wild=wild).run(250)


def test_the_days_get_to_every_limit() -> None:
    answers: Counter[str] = Counter()
    for seed in range(8):
        day = Day(Random(seed), wild=seed % 2 == 1)
        day.run(150)
        answers += day.answers
    for limit in ("per pair", "per event", "per venue", "in total", "on contracts of a leg"):
        assert answers[f"capped, the limit {limit}"] + answers[f"refused, the limit {limit}"], limit
    for why in ("the limit on trades in flight", "the limit on orders a second", "the cash at the venue", NO_SHARD):
        assert answers[f"refused, {why}"], why
    assert answers["closing: whole"]
    assert answers["closing: refused, more would be sold than is held"]


@pytest.mark.hunt
@BOTH
@pytest.mark.parametrize("seed", range(100, 400))
def test_many_long_days(wild: bool, seed: int) -> None:
    Day(Random(seed), wild=wild).run(600)
