"""What `arb halt`, `resume`, `confirm` and `ledger paid-out` ask, print and end with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import confirm, paid_out, risk
from cli.error import CliError
from cli.exit_codes import ERROR, NOT_RUNNING, OK, TIMEOUT, USAGE
from config.home import ArbHome
from transport.status_client import NoAnswer, NotRunning

HALTED = {"state": "halted", "reason": "lunch", "drained": True, "waiting_for": [], "out_of_reach": {}, "kept": True}
ASKED = {
    "number": 3,
    "pair_id": "pair_0",
    "description": "Rain\x1b tomorrow",
    "arb_type": "poly_only",
    "contracts": 10,
    "cost_usd": 9,
    "fees_usd": 0,
    "edge_usd": 1,
    "age_s": 5,
    "expires_in_s": 55,
    "legs": [
        {"platform": "kalshi", "market": "T", "action": "buy", "side": "yes", "limit": 45, "cost_usd": 4, "fees_usd": 0}
    ],
    "books": [
        {"platform": "kalshi", "market": "T", "known": True, "bids": [[40, 10]], "asks": []},
        {"platform": "polymarket", "market": "1", "known": False, "bids": [], "asks": []},
    ],
}


class Answers:
    """Stands for the sockets: each answers from its list, the last one for ever; an exception is raised."""

    def __init__(self, home: ArbHome, **answers: list[Any]) -> None:
        self.answers = answers
        self.requests: list[tuple[str, dict[str, Any]]] = []
        run = home.ensure_run_dir()
        for name in answers:
            (run / f"{name.replace('_', '-')}.sock").touch()

    def __call__(self, path: Path, request: dict[str, Any], _timeout: float) -> dict[str, Any]:
        self.requests.append((path.stem, request))
        said = self.answers[path.stem.replace("-", "_")]
        answer = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture
def home(tmp_path: Path) -> ArbHome:
    return ArbHome(tmp_path / "arb")


def halt(home: ArbHome, asking: Answers, word: str = "halt", **more: Any) -> int:
    given: dict[str, Any] = {"reason": None, "acks": [], "role": None, "force": False, "wait_s": 0.2, "as_json": False}
    return risk.command(word, **(given | more), home=home, asking=asking)


def test_a_halt_asks_the_controller_alone_and_waits_for_the_last_ack(
    home: ArbHome, capsys: pytest.CaptureFixture[str]
) -> None:
    draining = HALTED | {"drained": False, "waiting_for": ["oslo"]}
    asking = Answers(home, controller=[draining, draining, HALTED], trader_a=[HALTED])
    assert halt(home, asking, reason="lunch", wait_s=5.0) == OK
    assert [(name, request["command"]) for name, request in asking.requests] == [
        ("controller", "halt"),
        ("controller", "risk"),
        ("controller", "risk"),
    ]
    assert "halted: lunch\n  nothing leaves any more" in capsys.readouterr().out


def test_who_does_not_answer_in_time_or_is_out_of_reach_is_named(
    home: ArbHome, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = Answers(home, controller=[HALTED | {"drained": False, "waiting_for": ["oslo"]}])
    assert halt(home, asking) == TIMEOUT
    assert "no word yet from oslo" in capsys.readouterr().out
    asking = Answers(home, controller=[HALTED | {"out_of_reach": {"oslo": "out of reach for 9 s"}, "kept": False}])
    assert halt(home, asking) == TIMEOUT
    out = capsys.readouterr().out
    assert "oslo: out of reach for 9 s" in out
    assert "may not be remembered" in out


def test_without_a_controller_the_traders_of_this_machine_are_asked(home: ArbHome) -> None:
    asking = Answers(home, controller=[NotRunning("no")], trader_a=[HALTED], trader_b=[HALTED | {"open_legs": 2}])
    assert halt(home, asking) == OK
    assert [name for name, _ in asking.requests] == ["controller", "trader-a", "trader-b"]


def test_a_process_that_does_not_answer_is_an_error_and_none_at_all_is_said(home: ArbHome) -> None:
    assert halt(home, Answers(home, controller=[NoAnswer("silent")])) == ERROR
    with pytest.raises(CliError) as raised:
        halt(home, Answers(home, controller=[NotRunning("no")]))
    assert raised.value.exit_code == NOT_RUNNING
    with pytest.raises(CliError) as raised:
        halt(home, Answers(home, controller=[HALTED]), role="king")
    assert raised.value.exit_code == USAGE


def test_a_refused_resume_says_what_must_be_acknowledged(home: ArbHome, capsys: pytest.CaptureFixture[str]) -> None:
    refused = {"state": "reducing", "reason": "x", "refused": "acknowledge first: daily-loss-1 (lost)"}
    asking = Answers(home, controller=[refused])
    assert halt(home, asking, "resume", acks=["a"]) == ERROR
    assert asking.requests[0][1]["ack"] == ["a"]
    assert "acknowledge first: daily-loss-1" in capsys.readouterr().out
    assert halt(home, Answers(home, controller=[{"state": "active", "reason": "x"}]), "resume") == OK
    assert halt(home, Answers(home, controller=[{"state": "halted", "reason": "x"}]), "reduce") == ERROR


# -- confirm -----------------------------------------------------------------------------------------------------


def ask(home: ArbHome, asking: Answers, **more: Any) -> int:
    given: dict[str, Any] = {"accept": [], "reject": [], "aside": [], "as_json": False}
    return confirm.run(**(given | more), home=home, asking=asking)


def test_without_a_terminal_the_queue_is_shown_and_nothing_is_asked(
    home: ArbHome, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = Answers(home, controller=[{"waiting": [ASKED]}])
    assert ask(home, asking) == OK
    assert [request["command"] for _, request in asking.requests] == ["confirm"]
    out = capsys.readouterr().out
    assert "#3  Rain? tomorrow" in out
    assert "book now: kalshi T: bids 40c x 10; asks none" in out
    assert "book now: polymarket 1: not known" in out
    assert "--accept N" in out


@pytest.mark.parametrize(
    ("typed", "wishes"),
    [
        ("a", [{"command": "accept", "number": 3}]),
        ("r", [{"command": "reject", "number": 3}]),
        ("s", [{"command": "aside", "pair": "pair_0", "reason": "set aside by a person"}]),
        ("n", []),
        ("q", []),
        ("yes please", []),
    ],
)
def test_on_a_terminal_each_is_asked_about(home: ArbHome, typed: str, wishes: list[dict[str, Any]]) -> None:
    asking = Answers(home, controller=[{"waiting": [ASKED]}, {"pair_id": "pair_0", "said": "done"}])
    assert ask(home, asking, read=lambda _question: typed) == OK
    assert [request for _, request in asking.requests[1:]] == wishes


def test_the_end_of_the_input_answers_nothing(home: ArbHome) -> None:
    def gone(_question: str) -> str:
        raise EOFError

    asking = Answers(home, controller=[{"waiting": [ASKED]}])
    assert ask(home, asking, read=gone) == OK
    assert len(asking.requests) == 1


def test_what_was_not_sent_is_an_error_for_scripts(home: ArbHome) -> None:
    asking = Answers(home, controller=[{"pair_id": "p", "said": "not sent: gone"}])
    assert ask(home, asking, accept=[3]) == ERROR
    assert ask(home, Answers(home, controller=[{"pair_id": "p", "said": "rejected"}]), reject=[3]) == OK
    assert ask(home, Answers(home, controller=[{"waiting": []}])) == OK


# -- paid out ----------------------------------------------------------------------------------------------------


def test_paid_out_says_which_trades_are_at_stake_no_more(home: ArbHome, capsys: pytest.CaptureFixture[str]) -> None:
    asking = Answers(home, controller=[{"pair": "pair_0", "trades": ["t1", "t2"], "kept": True}])
    assert paid_out.run("pair_0", as_json=False, home=home, asking=asking) == OK
    assert "at stake no more: t1, t2" in capsys.readouterr().out
    asking = Answers(home, controller=[{"pair": "pair_0", "trades": ["t1"], "kept": True}])
    assert paid_out.run("pair_0", as_json=False, result="yes", home=home, asking=asking) == OK
    assert asking.requests[-1][1]["result"] == "yes"
    asking = Answers(home, controller=[{"error": "nothing is at stake in p"}])
    with pytest.raises(CliError, match="nothing is at stake"):
        paid_out.run("p", as_json=False, home=home, asking=asking)
