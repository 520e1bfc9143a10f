"""Legs at the venues: watched until each is answered, and asked about until its fate is proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.base import Address, GuardedActor, handles
from actors.leg_words import same_facts
from actors.messages import AskVenue, Note, StartTimer, TimerFired, VenueKnows
from actors.trader_setup import TraderSetup, Work
from actors.unproven import Unproven
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Status

SWEEP_US: Final = 100_000

SETTLE: Final = "settle"

GRACE_US: Final = 1_000_000
"""A venue that knows no such order proves that there is none only so long after it could still have arrived."""

DENIED_AGAIN_US: Final = 1_000_000
"""It must say so twice, this far apart: look-ups lag behind the matching, and their replicas behind each other."""


class LegProver(GuardedActor):
    """Guarantees: a leg that its venue did not answer in time is unknown, and is asked about until it is proven.

    So is a fill that its venue may still take back: the venue's own news of it may be lost.
    """

    def __init__(self) -> None:
        """Nothing at a venue."""
        super().__init__()
        self.config: TraderSetup
        self.roles: dict[str, Address] = {}
        self.work: dict[LegId, Work] = {}
        self.at_venue: dict[LegId, Work] = {}
        self.unproven = Unproven()
        self.unsettled = Unproven()
        """Legs whose fill is known and may still be taken back."""
        self.offset_us: int | None = None
        self.sweeping = False
        self.settling = False

    # -- for the trader to fill in ---------------------------------------------------------------------------

    def conclude(self, work: Work, outcome: Outcome) -> None:
        """There is a new word on a leg."""
        raise NotImplementedError

    def news(self, work: Work, outcome: Outcome) -> bool:
        """Whether this says more than what is known: what is proven is not forgotten, nor what is final reopened."""
        known = work.outcome
        if known is None:
            return True
        if known.status.proven and (not outcome.status.proven or (known.final and not outcome.final)):
            return False
        return not same_facts(known, outcome)

    # -- questions to venues ---------------------------------------------------------------------------------

    def prove(self, leg_id: LegId) -> None:
        """Ask the venue until it is proven."""
        self.unproven.add(leg_id, self.turn.mono_us)
        self.sweep_soon()

    def ask_venue(self, leg_id: LegId) -> None:
        """Ask the venue that the leg went to; where that is not known, each that it may have gone to."""
        work = self.work.get(leg_id)
        if work is None or work.leg.platform not in self.config.venues:
            self.unproven.proven(leg_id)
            self.unsettled.proven(leg_id)
            return
        for role in self.venues_of(work):
            self.send(self.roles[role], AskVenue(work.leg))

    def venues_of(self, work: Work) -> list[str]:
        """The roles of the venues that may know the leg: none where it was sent for real and no live venue is here."""
        roles = self.config.venues[work.leg.platform]
        live = [] if roles.live is None else [roles.live]
        if work.unsure:
            return [roles.paper, *live]
        return [roles.paper] if work.paper else live

    def can_deny(self, work: Work) -> bool:
        """Whether "no such order" from all of them proves anything: of what may have been real, a live one's does."""
        return not work.unsure or self.config.venues[work.leg.platform].live is not None

    @handles(VenueKnows)
    def venue_knows(self, message: VenueKnows, sender: Address) -> None:
        """The venue's answer: its order; or no such order, which proves nothing before it could have arrived."""
        work = self.work.get(message.leg_id)
        if work is None or message.failed is not None:
            return
        if message.outcome is not None:
            work.denied = {}
            if self.news(work, message.outcome):
                self.conclude(work, message.outcome)
        elif work.outcome is None or not work.outcome.status.proven:
            self.denied(work, sender)

    def denied(self, work: Work, sender: Address) -> None:
        """A venue knows no such order: proof only when it could long be there, when it is said twice, and by all."""
        leg_id, now = work.leg.leg_id, self.turn.mono_us
        if self.turn.unix_us < self.could_arrive_until(work) or not self.can_deny(work):
            return
        asked = self.venues_of(work)
        for role in asked:
            if self.roles[role] == sender:
                first, _ = work.denied.get(role, (now, now))
                work.denied = {**work.denied, role: (first, now)}
        spans = [last - first for first, last in (work.denied.get(role, (now, now)) for role in asked)]
        if min(spans) < DENIED_AGAIN_US:
            self.unproven.again(leg_id, now + DENIED_AGAIN_US)
            self.sweep_soon()
            return
        none = "the venue knows no such order"
        error = f"never received: {none}" if work.foreign else none
        self.conclude(work, Outcome(leg_id=leg_id, status=Status.UNFILLED, error=error))

    def could_arrive_until(self, work: Work) -> int:
        """Unix microseconds until which the order may still reach the venue: begun at the latest, and on its way."""
        begun = work.asked_unix_us
        if work.foreign and work.leg.expires_at_ms is not None:
            begun = work.leg.expires_at_ms * 1_000 - (self.offset_us or 0)
        return begun + self.config.venue_timeout_us + GRACE_US

    def unknown(self, leg: Leg, why: str) -> Outcome:
        """Nobody knows what became of it."""
        return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, error=f"unknown: {why}", final=False)

    # -- time ------------------------------------------------------------------------------------------------

    def sweep_soon(self) -> None:
        """Have the sweep running while anything is at a venue or unproven."""
        if not self.sweeping:
            self.sweeping = True
            self.send(self.roles["clock"], StartTimer(SWEEP_US, "sweep"))

    def settle_soon(self) -> None:
        """Have the fills that may be taken back asked about, each in its time."""
        wait = self.unsettled.next_in_us(self.turn.mono_us)
        if wait is not None and not self.settling:
            self.settling = True
            self.send(self.roles["clock"], StartTimer(max(SWEEP_US, wait), SETTLE))

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """Look at what is open, or at what may still change."""
        if message.key != SETTLE:
            self.sweep()
            return
        self.settling = False
        for leg_id in self.unsettled.due(self.turn.mono_us):
            self.ask_venue(leg_id)
        self.settle_soon()

    def sweep(self) -> None:
        """A venue that does not answer in time leaves the leg unknown, never unfilled; unknown legs are asked about."""
        self.sweeping = False
        deadline = self.turn.mono_us - self.config.venue_timeout_us
        for work in list(self.at_venue.values()):
            if work.started_us <= deadline:
                why = f"no answer from {work.leg.platform} within {self.config.venue_timeout_us / 1e6:g} s"
                self.conclude(work, self.unknown(work.leg, why))
        if self.unproven.since:
            for leg_id in self.unproven.due(self.turn.mono_us):
                self.ask_venue(leg_id)
        if self.at_venue or self.unproven.since:
            self.sweep_soon()

    @property
    def open_legs(self) -> int:
        """Legs at a venue without any word yet."""
        return len(self.at_venue)

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str | Callable[[], str], leg: Leg, *, level: str = "info", count: str | None = None) -> None:
        """Log under its own prefix."""
        self.send(self.roles["telemetry"], Note("TRADER", text, level, leg.leg_id, leg.pair_id, count))
