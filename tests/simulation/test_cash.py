"""Worlds whose accounts have an end: no order is refused for want of cash that the controller was told of."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from actors.risk.cash import Cash, Statement
from protocol.terms import Platform
from protocol.units import Money
from simulation.world.scenario import Scenario
from simulation.world.world import Result, World

SEEDS = 60
MINUTES = 3.0


def worlds() -> list[Scenario]:
    drawn = [Scenario.draw(seed, MINUTES) for seed in range(SEEDS)]
    return [scenario for scenario in drawn if scenario.cash is not None]


def caught() -> Result | None:
    runs = (World(scenario).run() for scenario in worlds())
    return next((run for run in runs if run.violation is not None), None)


def test_accounts_with_an_end_are_in_three_of_ten_worlds_and_nothing_is_spent_beyond_it() -> None:
    assert 0.15 * SEEDS < len(worlds()) < 0.45 * SEEDS
    assert caught() is None


def test_purchases_that_are_not_taken_off_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cash, "spent", lambda *_: None)
    found = caught()
    assert found is not None
    assert found.violation is not None
    assert found.violation.invariant == "cash"


def test_an_answer_that_is_believed_whole_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def stated(self: Cash, platform: Platform, accounts: Mapping[str, Money], _asked_us: int) -> None:
        self._said[platform] = Statement(dict(accounts), {})

    monkeypatch.setattr(Cash, "stated", stated)
    found = caught()
    assert found is not None
    assert found.violation is not None
    assert found.violation.invariant == "cash"
