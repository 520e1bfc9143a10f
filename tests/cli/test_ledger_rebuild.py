"""`arb ledger rebuild` and `accept-new`: what is compared, what is said when it differs, who may begin anew."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.facts import Remark
from actors.ledger_agreement import summary
from actors.ledger_state import fold
from cli import ledger_rebuild
from tests.cli.ledger_kit import FACTS, Run, as_sent, controller_says
from tests.cli.process import arb_on_terminal
from tests.fact_kit import T0, remark
from tests.transport.ledger_kit import execute, sqlite_url
from transport.ledger.identity import FILE_NAME, open_ledger
from transport.ledger.store import LedgerStore
from transport.status_client import NoAnswer, NotRunning

# Rebuilding


def test_a_sound_ledger_agrees_with_itself(ledger: LedgerStore, run_ledger: Run) -> None:
    said = run_ledger("rebuild")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"ledger {ledger.name}: 13 facts",
        "  ok    the database is sound: its own check, constraints, each row and its body",
        "  ok    two rebuilds agree in every trade, leg and position",
        "  ok    money and contracts equal a plain sum over the results",
        "  --    the running controller says the same: not compared, no controller runs",
    ]


@pytest.mark.usefixtures("ledger")
def test_money_that_does_not_add_up_is_found(run_ledger: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_rebuild, "plain_sums", lambda _facts: {})
    said = run_ledger("rebuild")
    assert said.code == 1
    assert "WRONG it does not hold that money and contracts equal a plain sum over the results" in said.out
    assert "        real pair_0 kalshi yes fees: 170000 here, nothing there" in said.out


@pytest.mark.usefixtures("ledger")
def test_a_running_controller_is_compared_at_the_facts_that_it_has_counted(
    run_ledger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in (len(FACTS), len(FACTS) - 4):
        controller_says(monkeypatch, as_sent({"ledger": {"summary": summary(fold(FACTS[:count]))}}))
        said = run_ledger("rebuild")
        assert said.code == 0
        assert said.out.splitlines()[-1] == f"  ok    the running controller says the same after {count} facts"


@pytest.mark.usefixtures("ledger")
def test_a_controller_that_says_otherwise_is_an_error_with_what_differs(
    run_ledger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = summary(fold(FACTS))
    wrong["real"]["fees_usd"] = Decimal("0.21")
    controller_says(monkeypatch, as_sent({"ledger": {"summary": wrong}}))
    said = run_ledger("rebuild")
    assert said.code == 1
    assert said.out.splitlines()[-2:] == [
        "  WRONG it does not hold that the running controller says the same after 13 facts",
        "        real fees_usd: 0.21 here, 0.2 there",
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NotRunning("x"), "no controller runs"),
        (NoAnswer("it sleeps"), "the controller gave no answer: it sleeps"),
        ({"role": "controller"}, "the running controller reports no summary of its ledger"),
        ({"ledger": {"summary": {"facts": "many"}}}, "the running controller reports no summary of its ledger"),
    ],
)
@pytest.mark.usefixtures("ledger")
def test_what_was_not_compared_is_said(
    run_ledger: Run, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception, words: str
) -> None:
    controller_says(monkeypatch, answer)
    said = run_ledger("rebuild")
    assert said.code == 0
    assert said.out.splitlines()[-1].endswith(f"not compared, {words}")


def test_facts_that_never_arrive_are_a_difference(
    ledger: LedgerStore, run_ledger: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_rebuild, "PATIENCE_S", 0.1)
    controller_says(monkeypatch, as_sent({"ledger": {"summary": summary(fold([*FACTS, remark("one more")]))}}))
    said = run_ledger("rebuild")
    assert said.code == 1
    assert "facts: 14 here, 13 there" in said.out
    ledger.append([remark("one more")])
    assert run_ledger("rebuild").code == 0


@pytest.mark.usefixtures("ledger")
def test_a_row_that_was_tampered_with_is_found(ledger_url: str, run_ledger: Run) -> None:
    execute(
        ledger_url,
        "DROP TRIGGER arb_facts_update",
        "UPDATE arb_facts SET t = 7 WHERE seq = 2",
        "UPDATE arb_facts SET body = '{}' WHERE seq = 5",
    )
    said = run_ledger("rebuild")
    assert said.code == 1
    assert f"        fact 2: t is 7, and its body says {T0}" in said.out
    assert "        fact 5 makes no sense: " in said.out
    assert "WRONG it does not hold that the ledger can be read to its end" in said.out
    checks = json.loads(run_ledger("rebuild", "--json").out)["checks"]
    assert [bool(check["differences"]) for check in checks] == [True, True, True, False]


# Accepting another ledger


def test_accepting_asks_and_needs_somebody_to_answer(arb_home: Path, run_ledger: Run) -> None:
    said = run_ledger("accept-new")
    assert (said.code, said.err) == (2, "arb: nobody is here to ask: say --yes to accept\n")
    assert list(arb_home.iterdir()) == []


def test_what_is_accepted_is_the_ledger_of_this_home(arb_home: Path, run_ledger: Run) -> None:
    with open_ledger(sqlite_url(arb_home / "ledger.db"), made(arb_home) / FILE_NAME, "l1") as store:
        store.append(FACTS)
    (arb_home / "ledger.db").unlink()
    said = run_ledger("accept-new", "--yes")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("ledger l")
    assert said.out.endswith("is accepted (before: l1): start the controller\n")
    with open_ledger(sqlite_url(arb_home / "ledger.db"), arb_home / FILE_NAME, "l2") as store:
        (fact,) = store.read()
        assert isinstance(fact, Remark)
        assert f"ledger {store.ledger_id()} is accepted" in said.out


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_on_a_terminal_the_answer_counts(arb_home: Path) -> None:
    words = ("ledger", "accept-new")
    refused = arb_on_terminal(words, [("[y/N] ", "")])
    assert refused.code == 1
    assert "nothing was changed" in refused.out
    assert not (arb_home / FILE_NAME).exists()
    accepted = arb_on_terminal(words, [("[y/N] ", "y")])
    assert accepted.code == 0
    assert (arb_home / FILE_NAME).exists()


@pytest.mark.parametrize("answer", [{"role": "controller"}, NoAnswer("busy")])
def test_beneath_a_running_controller_nothing_is_changed(
    arb_home: Path, run_ledger: Run, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception
) -> None:
    controller_says(monkeypatch, answer)
    said = run_ledger("accept-new", "--yes")
    assert said.code == 1
    assert "a controller runs, and its ledger must not change beneath it: stop it first" in said.err
    assert not arb_home.exists()
