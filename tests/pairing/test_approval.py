"""The states of a pair: every way to be traded leads over a person."""

from __future__ import annotations

import itertools

from pairing.approval import TRANSITIONS, State, What, after


def test_only_an_approval_makes_a_pair_tradable() -> None:
    ways = {(before, what) for (before, what), state in TRANSITIONS.items() if state is State.APPROVED}

    assert {what for before, what in ways if before is not State.APPROVED} == {What.APPROVE}


def test_what_was_latched_stays_so_until_a_person_decides() -> None:
    states = {what: after(State.LATCHED, what) for what in What}

    assert states == {
        What.PROPOSE: State.LATCHED,
        What.APPROVE: State.APPROVED,
        What.REJECT: State.REJECTED,
        What.LATCH: None,
        What.PIN: None,
    }


def test_everything_else_is_refused() -> None:
    every = set(itertools.product((None, *State), What))

    assert all(after(*pair) is None for pair in every - TRANSITIONS.keys())
    assert after(State.REJECTED, What.PROPOSE) is None
