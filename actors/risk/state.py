"""ACTIVE, REDUCING, HALTED: what may leave, and who may move it. The table below is the whole of the machine.

Anyone with a reason may make it stricter. Looser it gets only by a person, who must have acknowledged every breaker
that stands, or by the cool-down of the breaker that made it strict.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class RiskState(StrEnum):
    """What may leave: everything, only what closes an excess, or nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Who(StrEnum):
    """Who moves the state."""

    OPERATOR = "operator"
    BREAKER = "breaker"
    SUPERVISOR = "supervisor"
    COOL_DOWN = "cool-down"


_STRICTER: Final = frozenset({Who.OPERATOR, Who.BREAKER, Who.SUPERVISOR})
_LOOSER: Final = frozenset({Who.OPERATOR, Who.COOL_DOWN})

TRANSITIONS: Final[dict[tuple[RiskState, RiskState], frozenset[Who]]] = {
    (RiskState.ACTIVE, RiskState.REDUCING): _STRICTER,
    (RiskState.ACTIVE, RiskState.HALTED): _STRICTER,
    (RiskState.REDUCING, RiskState.HALTED): _STRICTER,
    (RiskState.REDUCING, RiskState.ACTIVE): _LOOSER,
    (RiskState.HALTED, RiskState.REDUCING): _LOOSER,
    (RiskState.HALTED, RiskState.ACTIVE): _LOOSER,
}

_STRICTNESS: Final = {state: number for number, state in enumerate(RiskState)}


class IllegalMove(Exception):
    """Somebody moved the state who may not: a bug, not an outcome."""


def step(before: RiskState, after: RiskState, who: Who) -> RiskState:
    """The state after the move; staying is always allowed. Raises :class:`IllegalMove`."""
    if before is not after and who not in TRANSITIONS[before, after]:
        raise IllegalMove(f"the {who} may not move {before} to {after}")
    return after


def strictest(*states: RiskState) -> RiskState:
    """The strictest of these."""
    return max(states, key=lambda state: _STRICTNESS[state])
