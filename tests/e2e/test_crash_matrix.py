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

from tests.e2e.conftest import Say
from tests.e2e.crash_case import ROLES, Case, Setup, Verdict, play
from tests.e2e.crash_points import write_points
from tests.e2e.crash_processes import Nursery

WORKERS = 4
MOST_WAVES = 4
TRIES = 3
AT_WORK = {"receive execute_leg:after", "journal.intent:after", "paper.record:after"}

OPEN_LEGS = (
    Case(controller=("ledger.append:before#1",)),
    Case(controller=("send execute_leg:after#1",)),
    Case(controller=("receive leg_result:after#1",)),
    Case(trader=("journal.intent:after#1",)),
    Case(trader=("paper.record:after#1",)),
)
"""Deaths that leave the most to recover: legs out that the ledger or the journal has no end of."""

SETUPS = (Setup.LOCAL, Setup.ALONE, Setup.FIRST, Setup.STANDBY)
HANDFUL = (
    Case(controller=("journal.intent:after#1",), setup=Setup.LOCAL),
    # The ledger never heard of these legs, and no trader comes and tells.
    Case(controller=("ledger.append:before#1",), setup=Setup.ALONE),
    Case(controller=("paper.record:after#1",), setup=Setup.LOCAL),
    Case(controller=("receive leg_result:after#1",), setup=Setup.FIRST),
    Case(trader=("paper.record:after#2",), setup=Setup.FIRST),
    Case(trader=("paper.record:after#1",), setup=Setup.STANDBY),
    # Nothing is acked before it is durable: here not even the leg itself is, and its result came long ago.
    Case(controller=("send execute_leg:before#3",), slow=True),
)

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


def in_common(one: Verdict, *others: Verdict) -> Verdict:
    """The first verdict, with those of its points that the others of the same case came to, too."""

    def steady(who: tuple[str, int], place: str) -> bool:
        return place.endswith("#1") or all(place in other.reached.get(who, ()) for other in others)

    reached = {who: [place for place in places if steady(who, place)] for who, places in one.reached.items()}
    return one._replace(reached=reached)


ELSEWHERE = frozenset({"journal.halt:before", "journal.halt:after"})
"""A halt is an operator's wish, and no trade's doing: its deaths are in test_trader_operator.py."""


class Matrix:
    """Runs waves of cases, and keeps what came out."""

    def __init__(self, nursery: Nursery, setup: Setup = Setup.REMOTE, *, slow: bool = False) -> None:
        self.nursery, self.setup, self.slow = nursery, setup, slow
        self.known: Known = set()
        self.verdicts: list[Verdict] = []

    def wave(self, cases: Sequence[Case]) -> list[Verdict]:
        """Run the cases, some at a time; one that did not come to its death this time is tried again."""
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(self.once_more_if_missed, cases))
        self.verdicts += verdicts
        return verdicts

    def once_more_if_missed(self, case: Case) -> Verdict:
        """Whether a frame comes at all can depend on who was faster."""
        verdict = play(self.nursery, case)
        for _ in range(TRIES - 1):
            if verdict.wrong or not verdict.missed:
                break
            verdict = play(self.nursery, case)
        return verdict

    def run(self, first: Callable[[str], str]) -> None:
        """All waves; ``first`` says what counts as one point in the wave after the runs without a death."""
        alive = [Case(setup=self.setup, late=late, slow=self.slow) for late in (False, True)]
        # How often something happens is chance where legs are late: what counts happened in every run, or is a first.
        runs = [self.wave(alive) for _ in range(TRIES)]
        verdicts, key = [in_common(*same) for same in zip(*runs, strict=True)], first
        for _ in range(MOST_WAVES):
            # A standby has the most to do, and surely, where the other trader died at work: look there first.
            verdicts.sort(key=lambda verdict: not {name_of(place) for _, place in verdict.case.places()} & AT_WORK)
            cases = list(new_deaths(verdicts, self.known, key))
            self.known |= {(role, name_of(place)) for role, place in self.known}
            if not cases:
                return
            verdicts, key = self.wave(cases), name_of

    def report(self, say: Say, what: str = "") -> None:
        """Say the number of points and the result; fail for anything torn."""
        deaths = [verdict for verdict in self.verdicts if verdict.case.places()]
        missed = [verdict for verdict in deaths if verdict.missed]
        wrong = [verdict for verdict in self.verdicts if verdict.wrong]
        places = {(role, name_of(place)) for each in deaths for role, place in each.case.places()}
        names = {role: sorted(name for who, name in places if who == role) for role in ROLES}
        say(
            f"{what or self.setup}{', a slow ledger' * self.slow}: {len(deaths)} deaths at {len(places)} points "
            f"({', '.join(f'{role} {len(names[role])}' for role in ROLES if names[role])}): "
            f"{len(deaths) - len(missed) - len(wrong)} whole, {len(missed)} not reached again, {len(wrong)} torn"
        )
        sys.stdout.writelines(f"  {role}: {', '.join(names[role])}\n" for role in ROLES if names[role])
        sys.stdout.writelines(f"  not reached again: {verdict.case}\n" for verdict in missed)
        shown = "\n\n".join("\n".join([str(verdict.case), *verdict.wrong]) for verdict in wrong)
        assert not wrong, f"{len(wrong)} torn: {'; '.join(str(verdict.case) for verdict in wrong)}\n{shown}"
        assert len(missed) <= max(1, len(deaths) // 10), "too many points were not reached again"

    def came_to_every_write(self) -> None:
        """No write method of the code is left out."""
        unseen = write_points() - {name for _, name in self.known} - ELSEWHERE
        assert not unseen, f"writes that no run came to: {sorted(unseen)}"


def run_matrix(first: Callable[[str], str], say: Say, setup: Setup = Setup.REMOTE, *, slow: bool = False) -> Matrix:
    with Nursery() as nursery:
        matrix = Matrix(nursery, setup, slow=slow)
        matrix.run(first)
    matrix.report(say)
    return matrix


needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux: processes are watched by pidfd")


@needs_pidfd
def test_a_death_at_every_kind_of_point_leaves_the_books_whole(say: Say) -> None:
    run_matrix(name_of, say).came_to_every_write()


@needs_pidfd
def test_a_death_leaves_the_books_whole_whoever_executes(say: Say) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery)
        matrix.wave(HANDFUL)
    matrix.report(say, "a handful of ways to execute")


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(1_800)
def test_a_death_at_every_single_point_leaves_the_books_whole(say: Say) -> None:
    run_matrix(str, say).came_to_every_write()


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: str(setup.name).lower())
def test_a_death_at_every_kind_of_point_leaves_the_books_whole_whoever_executes(say: Say, setup: Setup) -> None:
    matrix = run_matrix(name_of, say, setup)
    if setup in {Setup.LOCAL, Setup.ALONE}:
        assert {("controller", f"journal.{name}:after") for name in ("intent", "outcome", "ack")} <= matrix.known


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
def test_a_death_at_every_kind_of_point_with_a_slow_ledger_leaves_the_books_whole(say: Say) -> None:
    run_matrix(name_of, say, slow=True)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", OPEN_LEGS, ids=str)
def test_a_second_death_in_the_middle_of_the_recovery_leaves_the_books_whole(say: Say, first: Case) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery)
        matrix.wave(list(new_deaths(matrix.wave([first]), matrix.known, name_of)))
    matrix.report(say)
