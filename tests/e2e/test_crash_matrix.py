"""The crash matrix: SIGKILL at every durable write and every frame of both processes, then a restart, then the books.

The points are those that the code has: each process is run with every write method and every frame named as it
happens. Each name is a death of its own. What only happens after a death (a question, a tombstone) is found in the
traces of those runs, and is a death in the next wave: of the process that was just started again, or of the other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.crash_case import ROLES, Case, Verdict, play
from tests.e2e.crash_points import write_points
from tests.e2e.crash_processes import Nursery

WORKERS = 4
MOST_WAVES = 4

OPEN_LEGS = (
    Case(controller=("ledger.append:before#1",)),
    Case(controller=("send execute_leg:after#1",)),
    Case(controller=("receive leg_result:after#1",)),
    Case(trader=("journal.intent:after#1",)),
    Case(trader=("paper.record:after#1",)),
)
"""Deaths that leave the most to recover: legs out that the ledger or the journal has no end of."""

Known = set[tuple[str, str]]


def name_of(place: str) -> str:
    """The name without its number."""
    return place.partition("#")[0]


def new_deaths(verdicts: Sequence[Verdict], known: Known, key: Callable[[str], str]) -> Iterator[Case]:
    """A case for every point that these runs came to and that nobody has died at yet."""
    for verdict in verdicts:
        for (role, life), places in verdict.reached.items():
            for place in places:
                # A death comes after those of the same role that led here.
                if (role, key(place)) not in known and life >= len(verdict.case.deaths(role)):
                    known.add((role, key(place)))
                    yield verdict.case.then(role, life, place)


class Matrix:
    """Runs waves of cases, and keeps what came out."""

    def __init__(self, nursery: Nursery) -> None:
        self.nursery = nursery
        self.known: Known = set()
        self.verdicts: list[Verdict] = []

    def wave(self, cases: Sequence[Case]) -> list[Verdict]:
        """Run the cases, some at a time; one that did not come to its death this time has another try."""
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(self.once_more_if_missed, cases))
        self.verdicts += verdicts
        return verdicts

    def once_more_if_missed(self, case: Case) -> Verdict:
        """Whether a frame comes at all can depend on who was faster."""
        verdict = play(self.nursery, case)
        return play(self.nursery, case) if verdict.missed and not verdict.wrong else verdict

    def run(self, first: Callable[[str], str]) -> None:
        """All waves; ``first`` says what counts as one point in the wave after the runs without a death."""
        verdicts = self.wave([Case(), Case(late=True)])
        key = first
        for _ in range(MOST_WAVES):
            cases = list(new_deaths(verdicts, self.known, key))
            self.known |= {(role, name_of(place)) for role, place in self.known}
            if not cases:
                return
            verdicts, key = self.wave(cases), name_of

    def report(self) -> None:
        """Print the number of points and the result; fail for anything torn."""
        deaths = [verdict for verdict in self.verdicts if any(verdict.case.controller + verdict.case.trader)]
        missed = [verdict for verdict in deaths if verdict.missed]
        wrong = [verdict for verdict in self.verdicts if verdict.wrong]
        by_role = {role: sorted(name for who, name in self.known if who == role and "#" not in name) for role in ROLES}
        sys.stdout.write(
            f"\ncrash matrix: {len(deaths)} deaths at {sum(map(len, by_role.values()))} points "
            f"({', '.join(f'{role} {len(names)}' for role, names in by_role.items())}): "
            f"{len(deaths) - len(missed) - len(wrong)} whole, {len(missed)} not reached again, {len(wrong)} torn\n"
        )
        sys.stdout.writelines(f"  {role}: {', '.join(names)}\n" for role, names in by_role.items())
        sys.stdout.writelines(f"  not reached again: {verdict.case}\n" for verdict in missed)
        shown = "\n\n".join("\n".join([str(verdict.case), *verdict.wrong]) for verdict in wrong)
        assert not wrong, f"{len(wrong)} torn: {'; '.join(str(verdict.case) for verdict in wrong)}\n{shown}"
        assert len(missed) <= len(deaths) // 10, "too many points were not reached again"

    def came_to_every_write(self) -> None:
        """No write method of the code is left out."""
        unseen = write_points() - {name for _, name in self.known}
        assert not unseen, f"writes that no run came to: {sorted(unseen)}"


def run_matrix(first: Callable[[str], str]) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery)
        matrix.run(first)
    matrix.report()
    matrix.came_to_every_write()


needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux: processes are watched by pidfd")


@needs_pidfd
def test_a_death_at_every_kind_of_point_leaves_the_books_whole() -> None:
    run_matrix(name_of)


@needs_pidfd
@pytest.mark.hunt
def test_a_death_at_every_single_point_leaves_the_books_whole() -> None:
    run_matrix(str)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.parametrize("first", OPEN_LEGS, ids=str)
def test_a_second_death_in_the_middle_of_the_recovery_leaves_the_books_whole(first: Case) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery)
        matrix.wave(list(new_deaths(matrix.wave([first]), matrix.known, name_of)))
    matrix.report()
