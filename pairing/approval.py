"""What becomes of a pair: proposed, approved or rejected by a person, latched when a venue changes its terms.

The transitions are this table and nothing else. What is not in it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["TRANSITIONS", "State", "What", "after"]


class State(StrEnum):
    """How a pair stands. Only what is ``APPROVED`` is traded."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    LATCHED = "latched"


class What(StrEnum):
    """What happened to it. ``PIN``: the terms of a pair that was approved unseen, from a file, were seen at last."""

    PROPOSE = "propose"
    APPROVE = "approve"
    REJECT = "reject"
    LATCH = "latch"
    PIN = "pin"


TRANSITIONS: Final[Mapping[tuple[State | None, What], State]] = MappingProxyType(
    {
        (None, What.PROPOSE): State.PROPOSED,
        # Judged again, on newer texts: a decision of a person is not undone by it.
        (State.PROPOSED, What.PROPOSE): State.PROPOSED,
        (State.LATCHED, What.PROPOSE): State.LATCHED,
        # From a file that a person wrote: nobody has proposed it.
        (None, What.APPROVE): State.APPROVED,
        (State.PROPOSED, What.APPROVE): State.APPROVED,
        (State.APPROVED, What.APPROVE): State.APPROVED,
        (State.REJECTED, What.APPROVE): State.APPROVED,
        (State.LATCHED, What.APPROVE): State.APPROVED,
        (State.PROPOSED, What.REJECT): State.REJECTED,
        (State.APPROVED, What.REJECT): State.REJECTED,
        (State.REJECTED, What.REJECT): State.REJECTED,
        (State.LATCHED, What.REJECT): State.REJECTED,
        (State.APPROVED, What.LATCH): State.LATCHED,
        (State.APPROVED, What.PIN): State.APPROVED,
    }
)


def after(state: State | None, what: What) -> State | None:
    """The state that follows; None where this cannot happen to it."""
    return TRANSITIONS.get((state, what))
