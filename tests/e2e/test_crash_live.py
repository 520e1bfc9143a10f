"""The crash matrix for live traders: SIGKILL around every durable write, frame, and order on its way to an exchange.

The trader signs and posts real orders on real sockets, to a Kalshi and a Polymarket on loopback that live on. Their own
books are the judges: a leg came there at most once, and with the bytes that the journal has; what it came to is in the
ledger exactly once, to the micro-dollar, also where Polymarket takes a fill back after the restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Say
from tests.e2e.crash_case import Case, Setup
from tests.e2e.crash_exchanges import ExchangeThread
from tests.e2e.crash_live import FAULTS, LivePlayer
from tests.e2e.crash_matrix import LIVE_ONLY, Matrix, name_of, new_deaths
from tests.e2e.crash_processes import Nursery
from tests.e2e.test_crash_matrix import needs_pidfd
from venues.polymarket.exchange.order import TradeStatus

LIVE = Setup.LIVE
HANDFUL = (
    # Not signed, so never there; and signed, and never there all the same.
    Case(trader=("journal.sign:before#1",), setup=LIVE),
    Case(trader=("journal.sign:after#1",), setup=LIVE),
    # Answered, and on its way: of neither has anybody noted anything, and one of them fails at last.
    Case(
        trader=("journal.answered:before#1",),
        standby=("post kalshi:after#1",),
        setup=Setup.LIVE_EACH,
        fault="ghost_fill",
    ),
)
ALIVE = (Case(setup=LIVE), Case(setup=LIVE, late=True), Case(setup=LIVE, fault="ghost_fill"))
OPEN_LEGS = (
    Case(trader=("journal.sign:after#1",), setup=LIVE),
    Case(trader=("post polymarket:after#1",), setup=LIVE, fault="ghost_fill"),
    Case(trader=("post kalshi:after#1",), setup=LIVE),
    Case(controller=("ledger.append:before#1",), setup=LIVE),
    Case(controller=("send execute_leg:after#1",), setup=LIVE),
)


PROVISIONAL = (
    Case(trader=("journal.answered:after#1",), setup=LIVE),
    Case(trader=("answer polymarket:after#1",), setup=LIVE),
    Case(trader=("journal.ack:after#2",), setup=LIVE),
    Case(controller=("receive leg_result:after#3",), setup=LIVE),
    Case(controller=("send leg_ack:after#1",), trader=("receive leg_ack:before#1",), setup=LIVE),
)
"""Deaths while a fill of Polymarket is told, and not final."""


AT_FAULT = (
    "journal.sign:after#1",
    "post polymarket:after#1",
    "journal.answered:before#1",
    "journal.outcome:after#1",
    "journal.ack:after#1",
)
"""Deaths that a fault of the exchange may meet; some faults let nobody come to one of them."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as started:
        yield started


@pytest.fixture
def player() -> Iterator[LivePlayer]:
    with ExchangeThread() as thread:
        yield LivePlayer(thread)


def run_matrix(
    first: Callable[[str], str], say: Say, nursery: Nursery, player: LivePlayer, setup: Setup = LIVE
) -> None:
    matrix = Matrix(nursery, setup, play=player, alive=[case._replace(setup=setup) for case in ALIVE])
    matrix.run(first)
    matrix.report(say)
    # Paper venues are none of these.
    matrix.came_to_every_write(but=frozenset({"paper.record:before", "paper.record:after"}))


@needs_pidfd
def test_a_death_around_a_live_order_leaves_the_books_whole(say: Say, nursery: Nursery, player: LivePlayer) -> None:
    matrix = Matrix(nursery, LIVE, play=player)
    matrix.wave(HANDFUL)
    matrix.report(say, "live orders")
    assert {place.partition("#")[0] for case in (*HANDFUL, PROVISIONAL[0]) for _, place in case.places()} >= LIVE_ONLY


@needs_pidfd
def test_a_fill_that_fails_after_the_restart_is_taken_back(say: Say, nursery: Nursery, player: LivePlayer) -> None:
    player.end = "FAILED"
    matrix = Matrix(nursery, LIVE, play=player)
    matrix.wave(PROVISIONAL[:1])
    matrix.report(say, "settlement after the restart")


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("end", ["CONFIRMED", "FAILED"])
def test_settlement_goes_on_whoever_died(say: Say, nursery: Nursery, player: LivePlayer, end: TradeStatus) -> None:
    player.end = end
    matrix = Matrix(nursery, LIVE, play=player)
    matrix.wave(PROVISIONAL)
    matrix.report(say, f"settlement after the restart, {end.lower()}")


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("setup", [LIVE, Setup.LIVE_EACH], ids=lambda setup: str(setup.name).lower())
def test_a_death_at_every_kind_of_point_of_a_live_run_leaves_the_books_whole(
    say: Say, nursery: Nursery, player: LivePlayer, setup: Setup
) -> None:
    run_matrix(name_of, say, nursery, player, setup)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(3_600)
def test_a_death_at_every_single_point_of_a_live_run_leaves_the_books_whole(
    say: Say, nursery: Nursery, player: LivePlayer
) -> None:
    run_matrix(str, say, nursery, player)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", OPEN_LEGS, ids=str)
def test_a_second_death_in_the_recovery_of_a_live_run_leaves_the_books_whole(
    say: Say, nursery: Nursery, player: LivePlayer, first: Case
) -> None:
    matrix = Matrix(nursery, LIVE, play=player)
    matrix.wave(list(new_deaths(matrix.wave([first]), matrix.known, name_of)))
    matrix.report(say)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_death_and_a_fault_of_polymarket_leave_the_books_whole(
    say: Say, nursery: Nursery, player: LivePlayer, fault: str
) -> None:
    matrix = Matrix(nursery, LIVE, play=player)
    alive, *_ = matrix.wave([Case(setup=LIVE, fault=fault)])
    there = [place for place in AT_FAULT if place in alive.reached["trader", 0]]
    matrix.wave([Case(trader=(place,), setup=LIVE, fault=fault) for place in there])
    matrix.report(say, f"a fault, {fault}")
