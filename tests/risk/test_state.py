"""The states: a table, and nothing that is not in it."""

from __future__ import annotations

import itertools

import pytest

from actors.risk.state import TRANSITIONS, IllegalMove, RiskState, Who, step, strictest

LOOSER = {(before, after) for before, after in TRANSITIONS if strictest(before, after) is before}


@pytest.mark.parametrize(("before", "after", "who"), list(itertools.product(RiskState, RiskState, Who)))
def test_every_move_is_in_the_table_or_refused_by_name(before: RiskState, after: RiskState, who: Who) -> None:
    if before is after or who in TRANSITIONS[before, after]:
        assert step(before, after, who) is after
    else:
        with pytest.raises(IllegalMove, match=f"the {who} may not move {before} to {after}"):
            step(before, after, who)


def test_every_two_states_have_a_row() -> None:
    assert set(TRANSITIONS) == {(one, other) for one in RiskState for other in RiskState if one is not other}


def test_only_a_person_and_a_cool_down_loosen() -> None:
    for move, may in TRANSITIONS.items():
        assert may == ({Who.OPERATOR, Who.COOL_DOWN} if move in LOOSER else set(Who) - {Who.COOL_DOWN})


def test_the_strictest_of_states() -> None:
    assert strictest(RiskState.ACTIVE, RiskState.HALTED, RiskState.REDUCING) is RiskState.HALTED
    assert strictest(RiskState.REDUCING, RiskState.ACTIVE) is RiskState.REDUCING
