"""A leg that nobody could prove, settled by a person: on record, for what is unknown alone, and below every proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.facts import ResultSeen
from actors.hand_word import PERSON
from protocol.terms import KALSHI, POLYMARKET, Status
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from tests.actors.kit import ARB, report, states, trades
from tests.actors.test_fate_unwind import lost, scripted
from tests.market.builders import pair

UNKNOWN = "t1-1"
SEEN = {"reason": "the venue's page shows it"}


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A trade of which one leg is filled, and of the other nobody knows: its venue answered 502."""
    with ControllerBox([pair(0), pair(1)], dry_run=False) as made:
        made.simulate(KALSHI, scripted([], [lost]))
        made.simulate(POLYMARKET, scripted([], [filled]))
        made.feed(*ARB)
        assert states(made) == ["unknown"]
        yield made


def legs(box: ControllerBox) -> dict[str, Any]:
    return {leg["platform"]: leg for leg in trades(box)["t1"]["legs"]}


def unknown_id(box: ControllerBox) -> str:
    return str(box.status()["unknown"][0]["leg_id"])


def settle(box: ControllerBox, leg_id: str, **said: Any) -> dict[str, Any]:
    return box.ask("settle_leg", leg=leg_id, **{**SEEN, **said})


def test_a_fill_by_a_persons_word_hedges_the_trade_and_is_a_fact_with_its_reason(box: ControllerBox) -> None:
    leg_id = unknown_id(box)
    shown = box.ask("settle_leg", leg=leg_id, look=True)["leg"]
    assert (shown["status"], shown["asked"], shown["platform"]) == ("unknown", 10, "kalshi")
    answer = settle(box, leg_id, filled="10", price="44.5", fees="0.07")
    assert (answer["leg"]["status"], answer["trade"]) == ("filled", "hedged")
    assert states(box) == ["hedged"]
    assert box.status()["unknown"] == []
    fact = [fact for fact in box.ledger.facts if isinstance(fact, ResultSeen) and fact.outcome.leg_id == leg_id][-1]
    assert (fact.source, fact.outcome.error) == (PERSON, "by hand: the venue's page shows it")
    assert (fact.outcome.filled, fact.outcome.cost, fact.outcome.fees) == (1_000, 4_450_000, 70_000)
    assert len(box.notes("settled by a person's word")) == 1


def test_that_nothing_was_filled_leaves_the_other_leg_to_be_closed(box: ControllerBox) -> None:
    answer = settle(box, unknown_id(box), filled="0")
    assert answer["leg"]["status"] == "unfilled"
    assert states(box) == ["flat"], "the excess is sold"
    assert box.status()["risk"]["exposure"]["real"] == {}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"filled": "11", "price": "45", "fees": "0"}, "filled: more than was ordered"),
        ({"filled": "5", "price": "0", "fees": "0"}, "price"),
        ({"filled": "5", "fees": "0"}, "price: must be a number such as 9.5"),
        ({"filled": "5", "price": "45", "fees": "-1"}, "fees: must be at least 0"),
        ({"filled": "-5", "price": "45", "fees": "0"}, "contracts"),
        ({"filled": "NaN", "price": "45", "fees": "0"}, "filled: must be a number"),
        ({"filled": 5, "price": "45", "fees": "0"}, "filled: must be a number"),
        ({"filled": "0", "reason": " "}, "reason: say how you know"),
    ],
)
def test_what_is_no_fate_of_that_leg_changes_nothing(box: ControllerBox, said: dict[str, Any], why: str) -> None:
    before = len(box.ledger.facts)
    assert why in settle(box, unknown_id(box), **said)["error"]
    assert states(box) == ["unknown"]
    assert len(box.ledger.facts) == before


def test_it_is_refused_for_what_is_proven_under_way_or_not_there(box: ControllerBox) -> None:
    leg_id = unknown_id(box)
    (other,) = [each for each in box.instance("executor").book.by_leg if each != leg_id]
    assert "its fate is proven: filled" in settle(box, other, filled="0")["error"]
    assert "no leg of that id is open" in settle(box, "t9-1", filled="0")["error"]
    assert "no leg of that id is open" in box.ask("settle_leg")["error"]
    settle(box, leg_id, filled="10", price="45", fees="0")
    assert "its fate is proven" in settle(box, leg_id, filled="0")["error"], "a word is given once"
    with ControllerBox([pair(0)], dry_run=False) as waiting:
        waiting.simulate(KALSHI, lambda _: None)
        waiting.simulate(POLYMARKET, filled)
        waiting.feed(*ARB)
        leg_id = next(iter(waiting.instance("executor").book.by_leg))
        (leg_id,) = [
            each for each, trade in waiting.instance("executor").book.by_leg.items() if trade.legs[each].outcome is None
        ]
        assert "it is under way" in settle(waiting, leg_id, filled="0")["error"]


@pytest.mark.parametrize("revision", [0, 1, 5])
def test_a_proof_that_comes_later_replaces_it_and_the_difference_is_said(box: ControllerBox, revision: int) -> None:
    leg_id = unknown_id(box)
    settle(box, leg_id, filled="10", price="45", fees="0")
    assert states(box) == ["hedged"]
    report(box, leg_id, Status.UNKNOWN, revision=revision + 1)
    assert states(box) == ["hedged"], "that the venue does not know is no proof"
    report(box, leg_id, Status.PARTIAL, 4, revision=revision)
    assert legs(box)["kalshi"]["filled"] == 4
    (note,) = box.notes("contradicts operator")
    assert "the proof counts" in note.text
    report(box, leg_id, Status.PARTIAL, 4, revision=revision)
    assert len(box.notes("contradicts")) == 1


def test_a_proof_that_says_the_same_is_no_difference(box: ControllerBox) -> None:
    leg_id = unknown_id(box)
    settle(box, leg_id, filled="10", price="45", fees="0")
    report(box, leg_id, Status.FILLED, 10, revision=1)
    assert states(box) == ["hedged"]
    assert box.notes("contradicts") == []
