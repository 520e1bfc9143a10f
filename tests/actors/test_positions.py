"""Positions: the sum of the newest word on every leg, whatever came before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.positions import Positions
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, Side, Status
from protocol.units import Money, Quantity
from tests.actors.kit import a_leg, outcome

AMOUNTS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**10), st.integers(0, 10**6))


def word(leg_id: str, amounts: tuple[int, int, int]) -> Outcome:
    filled, cost, fees = amounts
    return Outcome(
        leg_id=LegId(leg_id), status=Status.PARTIAL, filled=Quantity(filled), cost=Money(cost), fees=Money(fees)
    )


@given(st.lists(st.tuples(st.sampled_from(Action), st.lists(AMOUNTS, min_size=1, max_size=4)), max_size=6))
def test_a_position_is_the_sum_of_the_newest_words(legs: list[tuple[Action, list[tuple[int, int, int]]]]) -> None:
    positions = Positions()
    contracts = cost = fees = 0
    for number, (action, words) in enumerate(legs):
        before = None
        for amounts in words:
            after = word(f"l{number}", amounts)
            positions.apply(a_leg(f"l{number}", action=action), before, after)
            before = after
        sign = 1 if action is Action.BUY else -1
        contracts += sign * words[-1][0]
        cost += sign * words[-1][1]
        fees += words[-1][2]
    held = list(positions.held.values())
    assert len(held) == bool(legs)
    if held:
        assert (held[0].contracts, held[0].cost, held[0].fees) == (contracts, cost, fees)


def test_sides_platforms_and_pairs_are_kept_apart() -> None:
    positions = Positions()
    filled = outcome("l1", Status.FILLED, 10)
    positions.apply(a_leg("l1"), None, filled)
    positions.apply(a_leg("l2", side=Side.NO), None, filled)
    positions.apply(a_leg("l3", pair_id=None), None, filled)
    assert [(record["pair_id"], record["side"], record["contracts"]) for record in positions.records()] == [
        ("pair_0", "yes", 10),
        ("pair_0", "no", 10),
        (None, "yes", 10),
    ]


def test_an_empty_position_is_not_listed() -> None:
    positions = Positions()
    positions.apply(a_leg(), None, outcome("l1", Status.UNFILLED))
    assert positions.records() == []


def test_what_was_bought_and_sold_again_leaves_nothing_but_the_fees() -> None:
    positions = Positions()
    positions.apply(a_leg("l1"), None, outcome("l1", Status.FILLED, 10, fees=Money(5)))
    positions.apply(a_leg("l2", action=Action.SELL), None, outcome("l2", Status.FILLED, 10, fees=Money(7)))
    (held,) = positions.held.values()
    assert (held.contracts, held.cost, held.fees) == (0, 0, 12)
    assert positions.records() == []
