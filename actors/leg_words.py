"""A leg and its outcome on one line, for people; and whether two outcomes say the same."""

from __future__ import annotations

from typing import Final

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.units import money_to_dollars, show_price, show_quantity

REHEARSAL: Final = (
    "one end is a rehearsal and the other is not: no leg goes between them (`rehearsal` at both, or at none)"
)

MISSING_AT_LEVEL_1: Final = (
    "no expiry: a leg that arrives late is executed all the same",
    "no fees and no revision on results",
    "no word after a reconnect: what was not answered stays unknown",
    "no answer to a question: an unknown leg stays unknown until another trader of the account proves it",
    "no word of a dry run of its own: its fills are taken for real unless the controller is in a dry run",
)


def describe_leg(leg: Leg) -> str:
    """``buy 10 yes at 52c on kalshi KX...``, for people."""
    where = leg.market if len(leg.market) <= 40 else leg.market[:12] + "…"  # noqa: PLR2004 -- a token is 77 digits
    return f"{leg.action} {show_quantity(leg.quantity)} {leg.side} at {show_price(leg.limit)} on {leg.platform} {where}"


def in_words(outcome: Outcome) -> str:
    """The outcome's facts on one line."""
    if not outcome.filled:
        return outcome.error or "nothing filled"
    fees = money_to_dollars(outcome.fees)
    return f"{show_quantity(outcome.filled)} filled for ${money_to_dollars(outcome.cost)} and ${fees} fees"


def same_facts(one: Outcome, other: Outcome) -> bool:
    """Whether the two say the same of the leg: a venue that says it twice has no news."""
    return (one.status, one.filled, one.cost, one.fees, one.final) == (
        other.status,
        other.filled,
        other.cost,
        other.fees,
        other.final,
    )
