"""The crash matrix: SIGKILL at every durable write and every frame of both processes, then a restart, then the books.

The points are those that the code has: each process is run with every write method and every frame named as it
happens. Each name is a death of its own. What only happens after a death (a question, a tombstone) is found in the
traces of those runs, and is a death in the next wave: of the process that was just started again, or of the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Say
from tests.e2e.crash_case import Case, Setup
from tests.e2e.crash_matrix import Matrix, name_of, new_deaths
from tests.e2e.crash_processes import Nursery

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
