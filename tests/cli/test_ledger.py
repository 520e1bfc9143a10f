"""`arb ledger trades` and its like: what a person and a program are told, and what where there is nothing."""

from __future__ import annotations

import csv
import io
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.error import CliError
from cli.ledger import since_us
from cli.ledger_listing import LISTINGS, Wanted, iso
from protocol.terms import POLYMARKET, Action, PairId
from protocol.units import Money, Quantity
from tests.cli.ledger_kit import DAY, HOUR, LATER, Run, filled
from tests.cli.process import ARB, arb
from tests.fact_kit import T0, opened, outcome, over, seen, sent, unknown
from tests.ground.project import ROOT
from tests.transport.ledger_kit import sqlite_url
from transport.ledger.store import LedgerStore

# For people

TABLES = {
    "trades": """\
time (UTC)      pair               state          yes  no       fees  earned
01-07 12:00:00  pair_0             hedged          10  10      $0.20   $0.10
01-08 12:00:00  nba_mvp_2026_shai  open    paper    5   0  $0.000001
""",
    "legs": """\
time (UTC)      leg   order              asked  filled  status
01-07 12:00:00  t1-1  buy yes kalshi        10      10  filled
01-07 12:00:00  t1-2  buy no polymarket     10      10  filled
01-08 12:00:00  t2-1  buy yes kalshi        10       5  filled   paper
01-08 12:00:00  t2-2  buy no polymarket     10       0  unknown
01-08 12:00:00  t2-3  buy yes kalshi        10          waiting
""",
    "fills": """\
time (UTC)      pair       order              filled        at       fees
01-07 12:00:00  pair_0     buy yes kalshi         10       52c      $0.17
01-07 12:00:00  pair_0     buy no polymarket      10       45c      $0.03
01-08 12:00:00  nba_mvp_…  buy yes kalshi          5  50.2469c  $0.000001  paper
""",
    "positions": """\
pair          platform    side         contracts   average       cost       fees
pair_0        kalshi      yes                 10       52c      $5.20      $0.17
pair_0        polymarket  no                  10       45c      $4.50      $0.03
nba_mvp_202…  kalshi      yes   paper          5  50.2469c  $2.512345  $0.000001
""",
}

PNL = """\
pair                state  realised       fees         net  locked in    at risk
pair_0              even      $0.00      $0.20      -$0.20      $0.30      $0.00
nba_mvp_20…  paper  open      $0.00  $0.000001  -$0.000001      $0.00  $2.512345
sum                           $0.00      $0.20      -$0.20      $0.30      $0.00
sum          paper            $0.00  $0.000001  -$0.000001      $0.00  $2.512345
"""


@pytest.mark.parametrize("what", LISTINGS)
@pytest.mark.usefixtures("ledger")
def test_the_list(run_ledger: Run, what: str) -> None:
    said = run_ledger(what)
    assert (said.code, said.err) == (0, "")
    assert said.out == TABLES[what]
    assert max(len(line) for line in said.out.splitlines()) <= 80


@pytest.mark.usefixtures("ledger")
def test_profit_and_loss(run_ledger: Run) -> None:
    assert run_ledger("pnl").out == PNL


@pytest.mark.usefixtures("ledger")
def test_a_naked_pair_is_named(ledger: LedgerStore, run_ledger: Run) -> None:
    ledger.append([seen(outcome("t1-2", revision=1, filled=Quantity(400), cost=Money(1_800_000))), over(state="naked")])
    said = run_ledger("pnl", "--pair", "pair_0")
    assert said.out.splitlines()[-1] == "naked: 6 yes of pair_0 without a partner"
    assert run_ledger("trades").out.splitlines()[1].split()[3:6] == ["naked", "10", "4"]


# For programs


@pytest.mark.parametrize("what", LISTINGS)
@pytest.mark.usefixtures("ledger")
def test_json_is_one_object_a_line_with_the_same_fields_always(run_ledger: Run, what: str) -> None:
    rows = run_ledger(what, "--json").rows
    assert rows
    assert {tuple(row) for row in rows} == {LISTINGS[what].fields}


@pytest.mark.parametrize("what", LISTINGS)
@pytest.mark.usefixtures("ledger")
def test_csv_says_what_json_says(run_ledger: Run, what: str) -> None:
    def cell(value: object) -> str:
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case list():
                return " ".join(value)
            case _:
                return str(value)

    rows = run_ledger(what, "--json").rows
    found = list(csv.DictReader(io.StringIO(run_ledger(what, "--csv").out)))
    assert found == [{name: cell(value) for name, value in row.items()} for row in rows]


@pytest.mark.usefixtures("ledger")
def test_numbers_are_exact(run_ledger: Run) -> None:
    first, _, last = run_ledger("fills", "--json").rows
    assert (first["cost_usd"], first["fees_usd"], first["price"]) == (Decimal("5.2"), Decimal("0.17"), 52)
    assert (last["cost_usd"], last["fees_usd"]) == (Decimal("2.512345"), Decimal("0.000001"))


@pytest.mark.usefixtures("ledger")
def test_what_is_not_known_is_null(run_ledger: Run) -> None:
    waiting = run_ledger("legs", "--json").rows[-1]
    assert (waiting["leg_id"], waiting["status"], waiting["filled"], waiting["fees_usd"]) == (
        "t2-3",
        "waiting",
        None,
        None,
    )
    assert run_ledger("trades", "--json").rows[-1]["earned_usd"] is None


@pytest.mark.usefixtures("ledger")
def test_profit_and_loss_for_programs(run_ledger: Run) -> None:
    (said,) = run_ledger("pnl", "--json").rows
    assert [row["pair_id"] for row in said["pairs"]] == ["pair_0", LATER]
    assert said["real"]["net_usd"] + said["real"]["locked_in_usd"] == Decimal("0.1")
    assert said["paper"] == {
        "realised_usd": 0,
        "fees_usd": Decimal("0.000001"),
        "net_usd": Decimal("-0.000001"),
        "locked_in_usd": 0,
        "at_risk_usd": Decimal("2.512345"),
    }
    rows = list(csv.DictReader(io.StringIO(run_ledger("pnl", "--csv").out)))
    assert [(row["pair_id"], row["paper"], row["at_risk_usd"]) for row in rows] == [
        ("pair_0", "no", "0"),
        (LATER, "yes", "2.512345"),
    ]


@pytest.mark.usefixtures("ledger")
def test_a_spreadsheet_does_not_take_a_peers_words_for_a_formula(ledger: LedgerStore, run_ledger: Run) -> None:
    ledger.append([sent("t9-1"), seen(unknown("t9-1", error="=cmd()"))])
    rows = list(csv.DictReader(io.StringIO(run_ledger("legs", "--csv").out)))
    assert rows[-1]["error"] == "'=cmd()"


# Which rows


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ("2026-01-07", 1_767_744_000_000_000),
        ("2026-01-07T12:00", T0),
        ("2026-01-07T12:00:00Z", T0),
        ("2026-01-07 13:00:00+01:00", T0),
        ("today", 1_767_744_000_000_000),
        ("1h", T0 - HOUR),
        ("2d", T0 - 2 * DAY),
    ],
)
def test_since(words: str, since: int) -> None:
    assert since_us(words, T0) == since


@pytest.mark.parametrize("words", ["", "yesterday", "5", "5m", "-1d", "1.5h", "2026-13-01", "9999999d", "٣d"])
def test_a_since_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(CliError, match="must be like 2026-01-07, 2026-01-07T18:30, today, 7d or 12h") as caught:
        since_us(words, T0)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("what", "count"), [("trades", 1), ("legs", 3), ("fills", 1), ("positions", 1)])
@pytest.mark.usefixtures("ledger")
def test_since_and_pair_choose_rows(run_ledger: Run, what: str, count: int) -> None:
    assert len(run_ledger(what, "--json", "--since", "2026-01-08").rows) == count
    assert len(run_ledger(what, "--json", "--pair", LATER).rows) == count
    assert run_ledger(what, "--json", "--since", "2026-01-09").rows == []
    assert run_ledger(what, "--since", "2026-01-09").out.endswith("of that time and pair\n")


@pytest.mark.usefixtures("ledger")
def test_profit_since_a_moment_counts_what_was_paid_since_and_what_is_held_now(run_ledger: Run) -> None:
    (said,) = run_ledger("pnl", "--json", "--since", "2026-01-08").rows
    assert said["since"] == "2026-01-08T00:00:00.000000Z"
    first, second = said["pairs"]
    assert (first["fees_usd"], first["locked_in_usd"], first["legs"]) == (0, Decimal("0.3"), 0)
    assert (second["fees_usd"], second["legs"]) == (Decimal("0.000001"), 1)


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("trades", "--json", "--csv"), 2, "--json and --csv: one of them"),
        (("trades", "--since", "soon"), 2, "--since soon: must be like 2026-01-07"),
        (("pnl", "--pair", "nba"), 1, "--pair nba: the ledger has no trade of this pair"),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_a_wrong_wish_is_refused_in_words(run_ledger: Run, words: tuple[str, ...], code: int, complaint: str) -> None:
    said = run_ledger(*words)
    assert (said.code, said.out) == (code, "")
    assert complaint in said.err


# Nothing there, or nothing good


@pytest.mark.parametrize("what", [*LISTINGS, "pnl", "rebuild"])
def test_without_a_ledger_it_says_so_and_makes_none(arb_home: Path, run_ledger: Run, what: str) -> None:
    said = run_ledger(what)
    words = f"arb: there is no ledger {arb_home}/ledger.db: a controller makes it when it first runs\n"
    assert (said.code, said.out, said.err) == (1, "", words)
    assert not arb_home.exists()


@pytest.mark.parametrize("what", [*LISTINGS, "pnl"])
def test_an_empty_ledger_is_no_error(ledger_url: str, run_ledger: Run, what: str) -> None:
    LedgerStore(ledger_url).close()
    said = run_ledger(what)
    assert said.code == 0
    assert said.out.startswith(("no ", "nothing "))
    assert run_ledger(what, "--json").code == 0


def test_a_damaged_ledger_is_named_with_the_fix(arb_home: Path, run_ledger: Run) -> None:
    arb_home.mkdir()
    (arb_home / "ledger.db").write_bytes(b"x" * 5_000)
    said = run_ledger("pnl")
    assert said.code == 1
    assert f"ledger {arb_home}/ledger.db is damaged" in said.err


def test_the_ledgers_url_is_taken_from_the_environment(
    ledger: LedgerStore, run_ledger: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARB_LEDGER_URL", sqlite_url(tmp_path / "elsewhere.db"))
    assert run_ledger("trades").err.startswith(f"arb: there is no ledger {tmp_path}/elsewhere.db")
    monkeypatch.setenv("ARB_LEDGER_URL", str(ledger.url))
    assert len(run_ledger("trades", "--json").rows) == 2


def test_a_pipe_that_closes_is_no_error(ledger: LedgerStore) -> None:
    ledger.append([sent(f"many{number}-1") for number in range(3_000)])
    with subprocess.Popen(
        [*ARB, "ledger", "legs", "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


# The words


@pytest.mark.parametrize("command", ["", *LISTINGS, "pnl", "rebuild", "accept-new"])
def test_help_fits_the_terminal(command: str) -> None:
    done = arb("ledger", *command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert max(len(line) for line in done.out.splitlines()) <= 80


def test_times_are_utc_to_the_microsecond() -> None:
    assert iso(T0 + 42) == "2026-01-07T12:00:00.000042Z"
    assert Wanted().takes(0, None)


@pytest.mark.parametrize("what", [*LISTINGS, "pnl"])
def test_the_widest_row_fits_80_columns(ledger_url: str, run_ledger: Run, what: str) -> None:
    widest: dict[str, Any] = {"platform": POLYMARKET, "action": Action.SELL, "pair_id": PairId("p" * 200)}
    with LedgerStore(ledger_url) as store:
        store.append([opened("t1", pair_id=widest["pair_id"]), sent(f"{'t1':0<60}-1", **widest)])
        store.append([filled(f"{'t1':0<60}-1", 999_950, 512_345_678, 9_123_456, paper=True)])
    assert max(len(line) for line in run_ledger(what).out.splitlines()) <= 80
