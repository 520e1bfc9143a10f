"""A paper venue's account: it survives its traders, is shared by them, and takes each leg id once."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from market.fees import KalshiFees
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, Status
from protocol.units import USD, Money
from tests.fact_kit import leg, outcome
from tests.ground.project import ROOT
from tests.market.builders import TICKER, cents, contracts, levels
from transport.paper_account import PaperAccount
from venues.paper.account import Account, AccountError
from venues.paper.fill import PaperFill
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

BOUND_S = 60
RACERS = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper-kalshi.db"


@pytest.fixture
def account(path: Path) -> Iterator[PaperAccount]:
    with PaperAccount(path) as opened:
        yield opened


def venue(account: Account) -> PaperVenue:
    made = PaperVenue(KALSHI, account=account)
    made.see(TICKER, levels((48, 5), (47, 6)), levels((52, 7), (53, 8)))
    return made


def order(leg_id: str = "t1-1") -> Leg:
    """Walks two levels of the book."""
    return leg(leg_id, limit=cents(53), quantity=contracts(9))


def test_an_order_and_its_fills_are_there_after_a_restart(path: Path) -> None:
    with PaperAccount(path) as account:
        became = venue(account).execute(order())
        assert became.status is Status.FILLED
    with PaperAccount(path) as account:
        again = venue(account)
        assert again.outcome(LegId("t1-1")) == became
        assert account.outcomes() == [became]
        fills = account.fills()
        assert [(fill.price, fill.quantity) for fill in fills] == list(levels((52, 7), (53, 2)))
        assert sum(fill.fee for fill in fills) == became.fees
        assert sum(fill.price * fill.quantity for fill in fills) == became.cost
        refused = again.execute(order())
        assert refused.error == "leg_id: order_already_exists: t1-1 was executed before"
        assert (account.outcomes(), account.fills()) == ([became], fills)


def test_an_order_that_fills_nothing_is_known_and_one_that_is_refused_is_not(account: PaperAccount) -> None:
    here = venue(account)
    assert here.execute(leg("t1-1", limit=cents(40))).status is Status.UNFILLED
    assert here.execute(leg("t2-1", quantity=0)).status is Status.REJECTED
    assert [became.leg_id for became in account.outcomes()] == ["t1-1"]
    assert account.fills() == []


def test_two_traders_of_one_account_are_one_to_the_venue(path: Path) -> None:
    with PaperAccount(path) as one, PaperAccount(path) as other:
        first, second = venue(one), venue(other)
        became = first.execute(order())
        assert second.outcome(LegId("t1-1")) == became
        assert second.execute(order()).status is Status.REJECTED
        assert second.execute(order("t2-1")).status is Status.FILLED
        assert [fill.leg_id for fill in one.fills()] == ["t1-1", "t1-1", "t2-1", "t2-1"]
        assert [fill.leg_id for fill in second.fills] == ["t2-1", "t2-1"]


def test_a_trader_that_was_faster_wins_also_between_the_look_and_the_record(account: PaperAccount) -> None:
    class Slow:
        """Looks, and is overtaken before it records."""

        def outcome(self, _leg_id: LegId) -> Outcome | None:
            return None

        def record(self, became: Outcome, fills: list[PaperFill]) -> bool:
            return account.record(became, fills)

        def fills(self) -> list[PaperFill]:
            return account.fills()

    winner = venue(account).execute(order())
    late = venue(Slow())  # type: ignore[arg-type]  # a list is what it is given
    assert late.execute(order()).status is Status.REJECTED
    assert (account.outcomes(), list(late.fills)) == ([winner], [])


def test_racing_processes_get_each_leg_in_once(path: Path) -> None:
    words = [sys.executable, "-m", "tests.transport.paper_account_racer", str(path), "100"]
    with contextlib.ExitStack() as stack:
        racers = []
        for _ in range(RACERS):
            racer = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(racer)
            stack.callback(racer.kill)
            racers.append(racer)
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [name for racer in racers for name in racer.communicate(timeout=BOUND_S)[0].split()]
    assert sorted(won) == sorted(f"leg{number}-1" for number in range(100))


def test_fills_that_cannot_be_written_leave_no_order_behind(account: PaperAccount, path: Path) -> None:
    fill = PaperFill(
        leg_id=LegId("t1-1"), order_id="x", market=TICKER, action=order().action, side=order().side,
        price=cents(52), quantity=contracts(1), fee=Money(2**70),
    )  # fmt: skip
    with pytest.raises(OverflowError):
        account.record(outcome(), [fill])
    assert account.outcome(LegId("t1-1")) is None
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM fills)").fetchone() == (0, 0)


@pytest.mark.parametrize("trouble", ["DROP TABLE orders", "PRAGMA query_only = ON"])
def test_an_account_that_cannot_answer_leaves_the_outcome_unknown(account: PaperAccount, trouble: str) -> None:
    here = venue(account)
    account._db.execute("PRAGMA foreign_keys = OFF")
    account._db.execute(trouble)
    became = here.execute(order())
    assert (became.status, became.final, became.filled) == (Status.UNKNOWN, False, 0)
    assert (became.error or "").startswith(f"unknown: paper account {account.path}")
    assert list(here.fills) == []


def test_another_kind_of_file_is_refused(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name)")
    with pytest.raises(AccountError, match="is no paper account: name another file"):
        PaperAccount(path)


def test_a_body_that_makes_no_sense_is_an_error_with_the_fix(account: PaperAccount) -> None:
    account._db.execute("INSERT INTO orders VALUES ('t1-1', '{}')")
    with pytest.raises(AccountError, match=r"is damaged .*: remove it, and begin anew"):
        account.outcome(LegId("t1-1"))


def test_the_cash_of_an_account_is_that_of_all_who_trade_on_it_and_of_every_day(path: Path) -> None:
    def trader(account: Account) -> PaperVenue:
        made = PaperVenue(KALSHI, lambda _: KalshiFees(70_000), account=account, cash=Money(20 * USD))
        made.see(TICKER, levels((48, 5), (47, 6)), levels((52, 7), (53, 8)))
        return made

    with PaperAccount(path) as one, PaperAccount(path) as other:
        bought = trader(one).execute(order())
        assert trader(other).cash() == 20 * USD - bought.cost - bought.fees
        sold = trader(other).execute(leg("t2-1", action=Action.SELL, limit=cents(47), quantity=contracts(3)))
        left = Money(20 * USD - bought.cost - bought.fees + sold.cost - sold.fees)
        assert trader(one).cash() == left
    with PaperAccount(path) as again:
        venue_now = trader(again)
        assert venue_now.cash() == left
        became = bought
        for number in range(3, 9):
            became = venue_now.execute(order(f"t{number}-1"))
            venue_now.see(TICKER, levels((48, 5)), levels((52, 7), (53, 8)))
            there = venue_now.cash()
            assert there is not None
            assert there >= 0, "never more than there is"
        assert (became.status, "insufficient balance: $4.93 at" in str(became.error)) == (Status.REJECTED, True)
        assert PaperVenue(KALSHI, account=again).cash() is None, "nothing was said of where it began"


def test_an_account_that_cannot_be_read_is_not_said_to_be_empty(path: Path) -> None:
    account = PaperAccount(path)
    port = PaperPort(PaperVenue(KALSHI, account=account, cash=Money(USD)))
    said: list[tuple[Sequence[tuple[str, Money]] | None, str | None]] = []
    port.cash(lambda accounts, failed: said.append((accounts, failed)))
    account.close()
    port.cash(lambda accounts, failed: said.append((accounts, failed)))
    assert said[0] == ([("", Money(USD))], None)
    assert said[1][0] is None
    assert said[1][1]
