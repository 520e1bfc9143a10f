"""What `arb ledger settle-leg` asks, tells and ends with."""

from __future__ import annotations

from typing import Any

import pytest

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.settle_leg import Word, run
from config.home import ArbHome
from tests.cli.test_risk import Answers, home

__all__ = ["home"]

LEG = {"leg_id": "l1", "order": "buy 10 yes at 45c on kalshi K", "path": "remote:lisbon", "known": "502", "status": "x"}
SHOWN = {"leg": LEG}
DONE = {"leg": LEG | {"status": "filled"}, "trade": "hedged", "ledger": None}
FILLED = Word("10", "44.5", "0.07", unfilled=False, reason="its page")
UNFILLED = Word(None, None, "0", unfilled=True, reason="its page")


def test_the_leg_is_shown_a_person_is_asked_and_the_word_is_told(
    home: ArbHome,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asking = Answers(home, controller=[SHOWN, DONE])
    assert run("l1", FILLED, yes=False, as_json=False, home=home, asking=asking, read=lambda _: "yes") == OK
    shown = capsys.readouterr().out
    assert "buy 10 yes at 45c on kalshi K (by remote:lisbon)" in shown
    assert "Your word: 10 filled at 44.5c, fees $0.07" in shown
    assert "l1: filled; its trade is hedged" in shown
    assert [request for _, request in asking.requests] == [
        {"command": "settle_leg", "leg": "l1", "look": True},
        {"command": "settle_leg", "leg": "l1", "filled": "10", "price": "44.5", "fees": "0.07", "reason": "its page"},
    ]


def test_any_other_answer_changes_nothing(home: ArbHome) -> None:
    asking = Answers(home, controller=[SHOWN])
    with pytest.raises(CliError, match="nothing was changed"):
        run("l1", UNFILLED, yes=False, as_json=False, home=home, asking=asking, read=lambda _: "y")
    assert len(asking.requests) == 1


def test_without_a_terminal_nothing_is_settled_unasked(home: ArbHome) -> None:
    asking = Answers(home, controller=[SHOWN, DONE])
    with pytest.raises(CliError, match="add --yes") as raised:
        run("l1", UNFILLED, yes=False, as_json=False, home=home, asking=asking)
    assert raised.value.exit_code == USAGE
    assert run("l1", UNFILLED, yes=True, as_json=True, home=home, asking=asking) == OK
    assert asking.requests[-1][1]["filled"] == "0"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"unfilled": True}, "either --unfilled, or --filled"),
        ({"filled": None}, "either --unfilled, or --filled"),
        ({"price": None}, "--filled needs --price"),
    ],
)
def test_half_a_word_is_none(home: ArbHome, changed: dict[str, Any], why: str) -> None:
    asking = Answers(home, controller=[SHOWN])
    with pytest.raises(CliError, match=why):
        run("l1", FILLED._replace(**changed), yes=True, as_json=False, home=home, asking=asking)
    assert asking.requests == []


def test_what_the_controller_refuses_is_an_error(home: ArbHome) -> None:
    asking = Answers(home, controller=[{"error": "its fate is proven: filled"}])
    with pytest.raises(CliError, match="its fate is proven") as raised:
        run("l1", FILLED, yes=True, as_json=False, home=home, asking=asking)
    assert raised.value.exit_code == ERROR
