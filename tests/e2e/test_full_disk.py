"""A disk that is really full: no journal or ledger, no order; and nothing that was written is lost.

The venues' accounts stand on another disk, as venues do.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from protocol.terms import PLATFORMS
from tests.e2e.captures import SECOND, steady_market, write_capture, write_pairs
from tests.e2e.conftest import Say
from tests.e2e.crash_books import Books, problems, read_books
from tests.e2e.crash_case import at_rest, market
from tests.e2e.processes import POLL_S, POLLS, Arb, Controller, Stage, Status, stages
from tests.e2e.small_disk import KIB, FileLimit, SmallDisk, may_mount

PAIRS = 20
DISK_KIB = 16_384
QUICK = {"ARB_LEG_TIMEOUT_MS": "1000", "ARB_ORDER_TTL_MS": "1000", "ARB_HEARTBEAT_MS": "250"}

NO_JOURNAL = "no leg is taken any more"
NO_LEDGER = "the ledger cannot be written"


class Desk:
    """A home on a small disk, another on a large one, and one set of venue accounts for both."""

    def __init__(self, disk: SmallDisk | FileLimit, large: Stage) -> None:
        self.disk, self.large = disk, large
        self.small = Stage(disk.seen, QUICK, inside=disk.folder, through=disk.through)
        for platform in PLATFORMS:
            account = large.home / f"paper-{platform}.db"
            account.touch(mode=0o600)
            (disk.seen / account.name).symlink_to(account)

    def arbs(self) -> tuple[str, ...]:
        """The words that let a controller see an arb every 50 ms."""
        return steady_market(self.large.home, pairs=PAIRS)

    def quiet(self) -> tuple[str, ...]:
        """The words that let it see no arb, but books on which an excess can be closed."""
        capture = write_capture(self.large.home / "quiet.jsonl", market(0, PAIRS, SECOND, SECOND))
        return (
            "--feed",
            f"replay:{capture}",
            "--pairs",
            str(write_pairs(self.large.home / "pairs.toml", range(PAIRS))),
        )

    def gather(self) -> Path:
        """Copy what the ended processes left on the small disk to the large one, where all is looked at."""
        for path in self.disk.seen.glob("*.db*"):
            if not path.is_symlink():
                shutil.copy(path, self.large.home / path.name)
        return self.large.home


@pytest.fixture
def desk() -> Iterator[Desk]:
    if not (may_mount() or hasattr(resource, "prlimit")):
        pytest.skip("needs a namespace (unshare -rm) or Linux's prlimit to have a disk that can be filled")
    with stages(QUICK) as (large,):
        folder = large.home / "small"
        folder.mkdir()
        with SmallDisk(folder, DISK_KIB) if may_mount() else FileLimit(folder) as disk:
            desk = Desk(disk, large)
            with desk.small:
                yield desk


def rest(controller: Controller, trader: Arb) -> Status:
    """What was traded is over, proven, written and acked."""
    for _ in range(POLLS):
        said = controller.status()
        if at_rest(said, [trader.status()], 1):
            return said
        assert controller.wait(POLL_S) is None, controller.log()
    raise AssertionError(f"no rest: {controller.status()}\n{trader.status()}")


def journal_rows(home: Path) -> dict[str, set[tuple[object, ...]]]:
    """Everything that can never be taken back out of the journals of this home: legs, and outcomes by revision."""
    rows: dict[str, set[tuple[object, ...]]] = {"legs": set(), "outcomes": set()}
    for path in home.glob("journal-*.db"):
        with closing(sqlite3.connect(path)) as books:
            rows["legs"] |= set(books.execute("SELECT leg_id, platform, fate, leg FROM legs"))
            rows["outcomes"] |= set(books.execute("SELECT leg_id, revision, body FROM outcomes"))
    return rows


def fates_are_known(books: Books) -> None:
    """Of every leg that left, the controller has a word: proven, or that it is unknown."""
    told = {result.outcome.leg_id for result in books.results}
    assert set(books.orders) <= set(books.legs)
    assert set(books.orders) <= told


def torn(home: Path, last: Status) -> list[str]:
    """What is wrong; a proof that was told and could not be written is rightly told again after the start."""
    return [problem for problem in problems(home, last) if not problem.startswith("proven 2 times")]


def full_under_a_trader(desk: Desk, leave_kib: int, say: Say) -> None:
    controller = desk.large.controller(*desk.arbs())
    trader = desk.small.trader("--url", controller.url)
    controller.wait_for_trades(3)
    desk.disk.fill(leave_kib * KIB, trader)
    trader.wait_for_line(NO_JOURNAL, "full")
    said = trader.wait_until(lambda said: said["traders"][0]["journal_broken"], "the status says it")
    assert "full" in said["journal"]["broken"]
    assert "cannot be written, nothing new is traded" in desk.small.arb("status").out
    # The controller is told so at once: no trade is left open, and none is begun.
    controller.wait_for_line("takes no leg")
    controller.wait_for_paths()
    sent = controller.status()["counters"]["legs_sent"]
    controller.wait_for_line("no execution path", after=len(controller.lines))
    assert controller.status()["counters"]["legs_sent"] == sent
    executed = sum(trader.status()["traders"][0]["answers"].get(word, 0) for word in ("filled", "partial"))
    assert executed > 0
    assert (trader.stop(), controller.stop()) == (0, 0)
    books = read_books(desk.gather())
    fates_are_known(books)
    before = journal_rows(desk.large.home)
    begun, done = ({row[0] for row in before[table]} for table in ("legs", "outcomes"))
    assert {str(leg_id) for leg_id in books.orders} <= begun
    say(f"{leave_kib} KiB left: {len(begun)} legs in the journal, {len(begun - done)} of them without an outcome")
    if isinstance(desk.disk, SmallDisk):
        nothing_is_executed_while_it_is_full(desk, len(books.orders))

    desk.disk.clean()
    again = desk.large.controller(*desk.quiet())
    trader = desk.small.trader("--url", again.url)
    trader.wait_for_line("ready for kalshi, polymarket")
    last = rest(again, trader)
    assert (trader.stop(), again.stop()) == (0, 0)
    home = desk.gather()
    after = journal_rows(home)
    assert all(before[table] <= after[table] for table in before)
    assert torn(home, last) == []


def nothing_is_executed_while_it_is_full(desk: Desk, orders: int) -> None:
    """A start is refused in words, or takes no leg; either way the venues see nothing new."""
    controller = desk.large.controller(*desk.arbs())
    trader = desk.small.trader("--url", controller.url)
    trader.wait_for_line("full")
    assert not [line for line in trader.lines if "Traceback" in line]
    assert trader.stop() is not None
    controller.stop()
    assert len(read_books(desk.large.home).orders) == orders


def test_a_trader_on_a_full_disk_takes_no_leg_and_loses_none(desk: Desk, say: Say) -> None:
    full_under_a_trader(desk, 64, say)


@pytest.mark.hunt
def test_a_trader_on_a_full_disk_is_no_path_any_more(desk: Desk) -> None:
    controller = desk.large.controller(*desk.arbs())
    healthy = desk.large.trader("--platform", "kalshi", "--url", controller.url)
    full = desk.small.trader("--platform", "polymarket", "--url", controller.url)
    controller.wait_for_trades(3)
    desk.disk.fill(16 * KIB, full)
    full.wait_for_line(NO_JOURNAL)
    said = controller.wait_for_paths("kalshi")
    assert said["trades"]["naked"] <= 2  # what was on its way
    assert full.wait(0) is None
    assert healthy.wait(0) is None


@pytest.mark.hunt
@pytest.mark.parametrize("leave_kib", range(0, 96, 4))
def test_whichever_write_of_the_journal_is_the_first_that_does_not_fit(desk: Desk, say: Say, leave_kib: int) -> None:
    full_under_a_trader(desk, leave_kib, say)


def test_a_controller_whose_ledger_is_on_a_full_disk_sends_nothing_and_loses_nothing(desk: Desk) -> None:
    full_under_a_controller(desk, 64)


@pytest.mark.hunt
@pytest.mark.parametrize("leave_kib", range(0, 96, 4))
def test_whichever_write_of_the_ledger_is_the_first_that_does_not_fit(desk: Desk, leave_kib: int) -> None:
    full_under_a_controller(desk, leave_kib)


def full_under_a_controller(desk: Desk, leave_kib: int) -> None:
    controller = desk.small.controller(*desk.arbs())
    trader = desk.large.trader("--url", controller.url)
    controller.wait_for_trades(3)
    desk.disk.fill(leave_kib * KIB, controller)
    controller.wait_for_line("HALTED", NO_LEDGER, "full")
    said = controller.wait_until(lambda said: said["ledger"]["broken"], "the status says it")
    sent = said["counters"]["legs_sent"]
    controller.wait_until(lambda said: said["state"] != "ACTIVE", "it trades no more")
    assert controller.status()["counters"]["legs_sent"] == sent
    controller.stop()
    facts = len(read_books(desk.gather()).results)
    if isinstance(desk.disk, SmallDisk):
        # While the disk is full a start is refused, in words.
        refused = desk.small.controller(*desk.arbs())
        assert refused.ended() not in {0, -9}
        assert not [line for line in refused.lines if "Traceback" in line]

    desk.disk.clean()
    again = desk.small.controller(*desk.quiet(), bind=f"127.0.0.1:{controller_port(controller)}")
    last = rest(again, trader)
    assert (trader.stop(), again.stop()) == (0, 0)
    home = desk.gather()
    books = read_books(home)
    fates_are_known(books)
    assert len(books.results) > facts
    assert problems(home, last) == []


def controller_port(controller: Controller) -> int:
    """The port that it had."""
    return int(next(line for line in controller.lines if "listening on ws://" in line).rpartition(":")[2])
