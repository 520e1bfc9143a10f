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
from tests.e2e.crash_live import LivePlayer
from tests.e2e.crash_matrix import LIVE_ONLY, Matrix, name_of, new_deaths
from tests.e2e.crash_processes import Nursery
from tests.e2e.test_crash_matrix import needs_pidfd
from venues.polymarket.exchange.order import TradeStatus

LIVE = Setup.LIVE
HANDFUL = (
    # Signed by nobody, and answered: the one was never there, the other has to be looked up no more.
    Case(trader=("journal.sign:before#1", "journal.answered:after#1"), setup=LIVE, apart=True),
    # Signed and never posted; and a fill that nobody has written down, and that is taken back after the restart.
    Case(trader=("journal.sign:after#1", "journal.answered:before#1"), setup=LIVE, apart=True, ghost=True),
    # On its way to Kalshi, and the controller dies, too: nobody has heard the answer.
    Case(controller=("send execute_leg:after#2",), trader=("post kalshi:after#1",), setup=LIVE),
)
ALIVE = (Case(setup=LIVE), Case(setup=LIVE, late=True), Case(setup=LIVE, ghost=True))
OPEN_LEGS = (
    Case(trader=("journal.sign:after#1",), setup=LIVE),
    Case(trader=("post polymarket:after#1",), setup=LIVE, ghost=True),
    Case(trader=("post kalshi:after#1",), setup=LIVE),
    Case(controller=("ledger.append:before#1",), setup=LIVE),
    Case(controller=("send execute_leg:after#1",), setup=LIVE),
)


PROVISIONAL = (
    Case(trader=("answer polymarket:after#1",), setup=LIVE),
    Case(trader=("journal.ack:after#2",), setup=LIVE),
    Case(controller=("receive leg_result:after#3",), setup=LIVE),
    Case(controller=("send leg_ack:after#1",), trader=("receive leg_ack:before#1",), setup=LIVE),
)
"""Deaths while a fill of Polymarket is told, and not final."""


@pytest.fixture
def player() -> Iterator[LivePlayer]:
    with ExchangeThread() as thread:
        yield LivePlayer(thread)


def run_matrix(first: Callable[[str], str], say: Say, player: LivePlayer, setup: Setup = LIVE) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery, setup, play=player, alive=[case._replace(setup=setup) for case in ALIVE])
        matrix.run(first)
    matrix.report(say)
    # Paper venues are none of these.
    matrix.came_to_every_write(but=frozenset({"paper.record:before", "paper.record:after"}))


@needs_pidfd
def test_a_death_around_a_live_order_leaves_the_books_whole(say: Say, player: LivePlayer) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery, LIVE, play=player)
        matrix.wave(HANDFUL)
    matrix.report(say, "live orders")
    assert {place.partition("#")[0] for case in HANDFUL for _, place in case.places()} >= LIVE_ONLY


@needs_pidfd
def test_a_fill_that_fails_after_the_restart_is_taken_back(say: Say, player: LivePlayer) -> None:
    player.end = "FAILED"
    with Nursery() as nursery:
        matrix = Matrix(nursery, LIVE, play=player)
        matrix.wave(PROVISIONAL[:1])
    matrix.report(say, "settlement after the restart")


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("end", ["CONFIRMED", "FAILED"])
def test_settlement_goes_on_whoever_died(say: Say, player: LivePlayer, end: TradeStatus) -> None:
    player.end = end
    with Nursery() as nursery:
        matrix = Matrix(nursery, LIVE, play=player)
        matrix.wave(PROVISIONAL)
    matrix.report(say, f"settlement after the restart, {end.lower()}")


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("setup", [LIVE, Setup.LIVE_EACH], ids=lambda setup: str(setup.name).lower())
def test_a_death_at_every_kind_of_point_of_a_live_run_leaves_the_books_whole(
    say: Say, player: LivePlayer, setup: Setup
) -> None:
    run_matrix(name_of, say, player, setup)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(3_600)
def test_a_death_at_every_single_point_of_a_live_run_leaves_the_books_whole(say: Say, player: LivePlayer) -> None:
    run_matrix(str, say, player)


@needs_pidfd
@pytest.mark.hunt
@pytest.mark.usefixtures("takes_long")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", OPEN_LEGS, ids=str)
def test_a_second_death_in_the_recovery_of_a_live_run_leaves_the_books_whole(
    say: Say, player: LivePlayer, first: Case
) -> None:
    with Nursery() as nursery:
        matrix = Matrix(nursery, LIVE, play=player)
        matrix.wave(list(new_deaths(matrix.wave([first]), matrix.known, name_of)))
    matrix.report(say)
