"""Whose word on a leg goes above whose, where two traders count revisions of their own. Pure.

A standby that proved a dead trader's leg by asking the venue numbers its answer as the dead one would have numbered its
own. So a revision alone cannot say that the later word is no news; and no fill may be lost to that.
"""

from __future__ import annotations

import msgspec

from actors.hand_word import PERSON
from actors.trade import TradeLeg
from protocol.outcome import Outcome, newer


def numbered(told: Outcome, source: str, leg: TradeLeg) -> Outcome:
    """The outcome under the revision that it has among all that was told of this leg.

    What its teller means as news, a fill that another teller's word would hide, and the final word on a fill that could
    still be taken back go above what holds now; above a person's word goes every proof, and nothing else.
    Everything else keeps its number, by which :func:`~protocol.outcome.newer` judges it.
    """
    held = leg.outcome
    if held is not None and leg.told_by == PERSON and source != PERSON and not told.status.proven:
        return msgspec.structs.replace(told, revision=min(told.revision, held.revision))
    if held is None or told.revision > held.revision or not held.status.proven:
        return told
    if source == leg.told_by:
        news = newer(told, msgspec.structs.replace(held, revision=leg.told_revision))
    elif leg.told_by == PERSON:
        news = told.status.proven
    else:
        news = told.status.proven and (told.filled > held.filled or settles(told, held))
    return msgspec.structs.replace(told, revision=held.revision + 1) if news else told


def is_news(leg: TradeLeg, outcome: Outcome, source: str) -> bool:
    """Whether this would change what is held of the leg."""
    return leg.outcome is None or newer(numbered(outcome, source, leg), leg.outcome)


def settles(told: Outcome, held: Outcome) -> bool:
    """Whether this is the final word on what could still change; whoever says it has it from the venue."""
    return told.status.proven and told.final and not held.final


def contradicts(told: Outcome, source: str, leg: TradeLeg) -> bool:
    """Whether both this and what holds claim to be proven, differ, and neither is meant to replace the other.

    A proof that differs from a person's word replaces it, and contradicts it all the same.
    """
    held = leg.outcome
    if held is None or not (held.status.proven and told.status.proven):
        return False
    if leg.told_by == PERSON and source != PERSON:
        return (told.filled, told.cost, told.fees) != (held.filled, held.cost, held.fees)
    if settles(told, held):
        return False
    same = source == leg.told_by
    settled = told.revision == leg.told_revision if same else told.revision <= held.revision
    return settled and (told.filled, told.cost, told.fees) != (held.filled, held.cost, held.fees)
