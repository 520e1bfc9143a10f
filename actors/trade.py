"""One arb from decision to verdict: a state machine as a table, and the trade it belongs to.

The table below is the whole of the machine. ``docs/trade.md`` is drawn from it, and a test holds that every pair of
state and event is either in it or refused by name.

A trade is *over* when every leg's fill is proven: then it is hedged (equal fills), flat (no fills) or naked
(fills that differ). Until then its pair takes no other trade; a leg whose fate is unknown keeps it open, however
long that takes. Late news is news: a higher revision of a leg moves a trade that was over.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from market.opportunity import Opportunity, OpportunityLeg
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Status, TradeId
from protocol.units import CONTRACT, USD, Money, Quantity


class State(StrEnum):
    """Where a trade stands."""

    PROPOSED = "proposed"
    ABORTED = "aborted"
    LEGS_OUT = "legs_out"
    SETTLING = "settling"
    UNKNOWN = "unknown"
    HEDGED = "hedged"
    FLAT = "flat"
    NAKED = "naked"


class Event(StrEnum):
    """What can happen to a trade. The verdicts are computed from the legs' outcomes, never assumed."""

    REFUSED = "refused"
    SENT = "sent"
    ANSWERED = "some legs answered"
    UNPROVEN = "a leg is unknown"
    EQUAL = "all proven, fills equal"
    NOTHING = "all proven, no fills"
    UNEQUAL = "all proven, fills differ"


_VERDICTS: Final = {
    Event.ANSWERED: State.SETTLING,
    Event.UNPROVEN: State.UNKNOWN,
    Event.EQUAL: State.HEDGED,
    Event.NOTHING: State.FLAT,
    Event.UNEQUAL: State.NAKED,
}

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.PROPOSED, Event.REFUSED): State.ABORTED,
    (State.PROPOSED, Event.SENT): State.LEGS_OUT,
    **{(State.LEGS_OUT, event): state for event, state in _VERDICTS.items()},
    **{(State.SETTLING, event): state for event, state in _VERDICTS.items()},
    # Every leg has been answered or given up by then, and none is ever waited for again.
    **{(State.UNKNOWN, event): state for event, state in _VERDICTS.items() if event is not Event.ANSWERED},
    # Late news after a verdict: a fill that was proven later, or reverted.
    **{(State.HEDGED, event): state for event, state in _VERDICTS.items() if event is not Event.ANSWERED},
    **{(State.FLAT, event): state for event, state in _VERDICTS.items() if event is not Event.ANSWERED},
    **{(State.NAKED, event): state for event, state in _VERDICTS.items() if event is not Event.ANSWERED},
}

OVER: Final = frozenset({State.ABORTED, State.HEDGED, State.FLAT, State.NAKED})
"""No leg's fate is open."""

RELEASES_PAIR: Final = frozenset({State.ABORTED, State.HEDGED, State.FLAT})
"""The pair may trade again. A naked trade keeps it: more of the same is not what a careful person wants."""


class IllegalTransition(Exception):
    """The machine was asked for a step that it does not have: a bug, not an outcome."""


def step(state: State, event: Event) -> State:
    """The state after the event. Raises :class:`IllegalTransition` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a trade that is {state} cannot take {event!r}") from None


class TradeLeg(msgspec.Struct):
    """A leg of the trade: what was asked, on which path, and what became of it (``None``: not answered yet)."""

    leg: Leg
    plan: OpportunityLeg
    path: str
    conn_id: int | None
    outcome: Outcome | None = None

    @property
    def waiting(self) -> bool:
        """Neither answered nor given up."""
        return self.outcome is None

    @property
    def proven(self) -> bool:
        """Its filled quantity is a fact."""
        return self.outcome is not None and self.outcome.status.proven


class Trade:
    """One arb in flight or over. Fills come from outcomes alone; nothing is assumed from dispatch."""

    def __init__(self, trade_id: TradeId, opportunity: Opportunity, legs: Sequence[TradeLeg]) -> None:
        """A proposed trade."""
        self.trade_id = trade_id
        self.opportunity = opportunity
        self.legs: dict[LegId, TradeLeg] = {leg.leg.leg_id: leg for leg in legs}
        self.state = State.PROPOSED
        self.reason = ""
        self.sent_us = 0
        self.sent_unix_us = 0

    def sent(self, mono_us: int, unix_us: int) -> None:
        """All legs have left."""
        self.state = step(self.state, Event.SENT)
        self.sent_us, self.sent_unix_us = mono_us, unix_us

    def refused(self, reason: str) -> None:
        """Nothing left, for certain."""
        self.state, self.reason = step(self.state, Event.REFUSED), reason

    def report(self, outcome: Outcome) -> bool:
        """Apply what is known of a leg now; True when that changed anything.

        An older revision, and the same one again, change nothing. Of two reports of one revision a proven one
        replaces an unknown one (a level-1 peer cannot count revisions).
        """
        leg = self.legs[outcome.leg_id]
        before = leg.outcome
        if before is not None and not _newer(outcome, before):
            return False
        leg.outcome = outcome
        self.state = step(self.state, self._event())
        return True

    def _event(self) -> Event:
        legs = self.legs.values()
        if any(leg.waiting for leg in legs):
            return Event.ANSWERED
        if not all(leg.proven for leg in legs):
            return Event.UNPROVEN
        fills = {leg.outcome.filled for leg in legs if leg.outcome is not None}
        if len(fills) > 1:
            return Event.UNEQUAL
        return Event.EQUAL if fills.pop() else Event.NOTHING

    @property
    def waiting(self) -> bool:
        """Some leg has not been answered and not been given up."""
        return any(leg.waiting for leg in self.legs.values())

    @property
    def over(self) -> bool:
        """Every leg's fate is proven."""
        return self.state in OVER

    @property
    def matched(self) -> Quantity:
        """Contracts filled on every leg: what pays $1 each whatever happens."""
        return Quantity(min((leg.outcome.filled if leg.outcome else 0) for leg in self.legs.values()))

    @property
    def cost(self) -> Money:
        """Paid for all fills so far, without fees."""
        return Money(sum(leg.outcome.cost for leg in self.legs.values() if leg.outcome))

    @property
    def fees(self) -> Money:
        """Fees of all fills so far."""
        return Money(sum(leg.outcome.fees for leg in self.legs.values() if leg.outcome))

    @property
    def edge_locked(self) -> Money | None:
        """What the trade earns whatever happens: only a hedged trade has it."""
        if self.state is not State.HEDGED:
            return None
        return Money(self.matched * (USD // CONTRACT) - self.cost - self.fees)


def _newer(news: Outcome, held: Outcome) -> bool:
    if news.revision != held.revision:
        return news.revision > held.revision
    return held.status is Status.UNKNOWN and news.status.proven
