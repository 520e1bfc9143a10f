"""A history that breaks an invariant, made as short as it gets: fewer faults, fewer habits, less time, one pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from protocol.terms import Platform
from simulation.world.habits import Habits
from simulation.world.nemesis import Fault
from simulation.world.scenario import SECOND_US, Scenario
from simulation.world.world import Violation, run

MAX_RUNS: Final = 300

CALMING: Final[tuple[dict[str, Any], ...]] = (
    {"rates": {}, "lookup_failed": 0.0, "lookup_silent": 0.0, "lookup_denied": 0.0, "lag_us": 0, "settle_us": 0},
    {"rates": {}},
    {"lookup_failed": 0.0, "lookup_silent": 0.0},
    {"lookup_denied": 0.0},
    {"lag_us": 0},
    {"settle_us": 0},
    {"news_lost": 0.0},
)
"""What of a venue's habits is tried to be taken away, all of it first."""

Check = Callable[[Scenario], Violation | None]


class Shrunk(msgspec.Struct, frozen=True):
    """The shortest scenario found that breaks the same invariant, what it then says, and how many runs that took."""

    scenario: Scenario
    violation: Violation
    runs: int


def shrink(scenario: Scenario, violation: Violation, *, most: int = MAX_RUNS, check: Check | None = None) -> Shrunk:
    """Take away whatever the violation does not need. Deterministic; bounded by ``most`` runs."""
    return _Shrinking(scenario, violation, most, check or (lambda each: run(each).violation)).all()


class _Shrinking:
    def __init__(self, scenario: Scenario, violation: Violation, most: int, check: Check) -> None:
        self.best = scenario
        self.violation = violation
        self.left = most
        self.most = most
        self.check = check

    def all(self) -> Shrunk:
        """Time first, as everything after it is cheaper then; faults twice, as fewer habits may need fewer faults."""
        self._shorten()
        self._fewer_faults()
        self._calmer()
        for change in ({"pairs": 1}, {"first": None}, {"delay_us": (200, 3_000)}):
            self._try(msgspec.structs.replace(self.best, **change))
        self._fewer_faults()
        self._shorten()
        return Shrunk(self.best, self.violation, self.most - self.left)

    def _try(self, scenario: Scenario) -> bool:
        """Keep this scenario if it breaks the same invariant."""
        if self.left <= 0 or scenario == self.best:
            return False
        self.left -= 1
        found = self.check(scenario)
        if found is None or found.invariant != self.violation.invariant:
            return False
        self.best, self.violation = scenario, found
        return True

    def _shorten(self) -> None:
        for minutes in (self.violation.at_us / (60 * SECOND_US) + 0.001, self.best.minutes / 2, self.best.minutes / 4):
            if minutes < self.best.minutes:
                self._try(msgspec.structs.replace(self.best, minutes=minutes))

    def _fewer_faults(self) -> None:
        """Remove ever smaller blocks of faults, while any can be removed (delta debugging)."""
        size = len(self.best.faults)
        while size >= 1 and self.left > 0:
            for without in list(_without_blocks(self.best.faults, size)):
                if self._try(msgspec.structs.replace(self.best, faults=without)):
                    break
            else:
                size //= 2
            size = min(size, len(self.best.faults))

    def _calmer(self) -> None:
        for platform in list(self.best.habits):
            for calm in CALMING:
                self._with_habits(platform, replace(self.best.habits[platform], **calm))
            for habit in list(self.best.habits[platform].rates):
                now = self.best.habits[platform]
                fewer = {each: rate for each, rate in now.rates.items() if each is not habit}
                self._with_habits(platform, replace(now, rates=fewer))

    def _with_habits(self, platform: Platform, habits: Habits) -> None:
        self._try(msgspec.structs.replace(self.best, habits={**self.best.habits, platform: habits}))


def _without_blocks(faults: Sequence[Fault], size: int) -> Iterator[tuple[Fault, ...]]:
    for start in range(0, len(faults), size):
        yield (*faults[:start], *faults[start + size :])
