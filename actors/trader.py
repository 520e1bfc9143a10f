"""The trader: executes legs on its venues, each leg id at most once, and says what was really filled.

The same actor serves in the trader process (behind the uplink) and in the controller (a local platform): only the
road to it differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.leg_checks import TraderRules, refusal
from actors.messages import (
    Configured,
    Describe,
    Description,
    Directory,
    DoLeg,
    Drained,
    LegReported,
    Note,
    PlaceLeg,
    StartTimer,
    StopTrading,
    TimerFired,
    Unconfigured,
    VenueSaid,
)
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status
from protocol.units import money_to_dollars, show_price, show_quantity

SWEEP_US: Final = 100_000
MAX_REMEMBERED: Final = 100_000
"""Leg ids remembered in memory; the journal (next) remembers for ever."""


class VenueRoles(msgspec.Struct, frozen=True):
    """Directory roles of one platform's venues: where dry legs go, and live ones (None: this trader has none)."""

    paper: str
    live: str | None


class TraderSetup(msgspec.Struct, frozen=True):
    """The trader's rules and venues. ``name`` is its role in log lines."""

    rules: TraderRules
    venues: Mapping[Platform, VenueRoles]
    venue_timeout_us: int
    dry_run: bool


class Work(msgspec.Struct):
    """A leg this trader has taken: who asked, when, and what is known of it."""

    leg: Leg
    asker: Address
    started_us: int
    outcome: Outcome | None = None


class Trader(GuardedActor):
    """Guarantees: a leg id is placed at most once; every leg asked for is answered, if only with ``unknown``."""

    def __init__(self) -> None:
        """No hello yet."""
        super().__init__()
        self.config: TraderSetup
        self.roles: dict[str, Address] = {}
        self.agreed: Configured | None = None
        self.work: dict[LegId, Work] = {}
        self.open: set[LegId] = set()
        self.answers: Counter[str] = Counter()
        self.sweeping = False
        self.stopping: str | None = None
        self.stop_asker: Address | None = None

    @handles(TraderSetup)
    def setup(self, message: TraderSetup, _sender: Address) -> None:
        """Take the rules."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        self.roles = dict(message.roles)

    @handles(Configured)
    def configured(self, message: Configured, _sender: Address) -> None:
        """The hello is done."""
        self.agreed = message

    @handles(Unconfigured)
    def unconfigured(self, _message: Unconfigured, _sender: Address) -> None:
        """The controller is gone: take nothing until the next hello. What is at a venue is still followed."""
        self.agreed = None

    @handles(DoLeg)
    def do_leg(self, message: DoLeg, sender: Address) -> None:
        """Place it, refuse it, or answer with what is known of it already."""
        leg = message.leg
        known = self.work.get(leg.leg_id)
        if known is not None:
            self.repeat(known, sender)
            return
        work = Work(leg, sender, self.turn.mono_us)
        self.remember(work)
        refused = self.refuse(leg)
        if refused is not None:
            self.answer(work, refused)
            return
        dry = self.dry
        role = self.config.venues[leg.platform]
        venue = role.paper if dry or role.live is None else role.live
        blind = self.agreed is not None and self.agreed.blind_paper
        self.send(self.roles[venue], PlaceLeg(leg, message.book, blind))
        self.note(f"{'dry run: ' if dry else ''}{describe_leg(leg)}", leg)
        self.open.add(leg.leg_id)
        self.watch()

    @property
    def dry(self) -> bool:
        """Dry when either end wishes it."""
        return self.config.dry_run or self.agreed is None or self.agreed.dry_run

    def refuse(self, leg: Leg) -> Outcome | None:
        """Why this leg is not executed, or None."""
        if self.stopping is not None:
            return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=f"this trader is stopping: {self.stopping}")
        agreed = None if self.agreed is None else self.agreed.platforms
        return refusal(leg, self.config.rules, agreed, self.turn.unix_us // 1_000)

    def repeat(self, known: Work, sender: Address) -> None:
        """An id seen before is never executed again; its asker may have a new address since a reconnect."""
        self.note("this leg id was seen before: not executed again", known.leg, level="warning")
        known.asker = sender
        if known.outcome is not None:
            self.send(sender, LegReported(known.outcome))

    def remember(self, work: Work) -> None:
        """Keep the id; beyond the limit the oldest answered ones are let go."""
        if len(self.work) >= MAX_REMEMBERED:
            oldest = next(leg_id for leg_id in self.work if leg_id not in self.open)
            del self.work[oldest]
        self.work[work.leg.leg_id] = work

    @handles(VenueSaid)
    def venue_said(self, message: VenueSaid, _sender: Address) -> None:
        """The venue's word, now or later; news about a leg already answered is told again with a new revision."""
        work = self.work.get(message.outcome.leg_id)
        if work is not None and not (work.outcome is not None and same_facts(work.outcome, message.outcome)):
            self.answer(work, message.outcome)

    def answer(self, work: Work, outcome: Outcome) -> None:
        """Tell the asker; revisions count up from what was told before."""
        before = work.outcome
        if before is not None:
            outcome = msgspec.structs.replace(outcome, revision=before.revision + 1)
        latency = (self.turn.mono_us - work.started_us) * 1_000
        work.outcome = msgspec.structs.replace(outcome, latency_ns=latency)
        self.open.discard(work.leg.leg_id)
        self.answers[outcome.status.value] += 1
        level = "info" if outcome.status in {Status.FILLED, Status.PARTIAL, Status.UNFILLED} else "warning"
        self.send(work.asker, LegReported(work.outcome))
        self.note(f"{outcome.status}: {told(outcome)}", work.leg, level=level, count="legs_answered")
        self.check_drained()

    # -- time ------------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Have the sweep running while anything is at a venue."""
        if not self.sweeping:
            self.sweeping = True
            self.send(self.roles["clock"], StartTimer(SWEEP_US, "sweep"))

    @handles(TimerFired)
    def sweep(self, _message: TimerFired, _sender: Address) -> None:
        """A venue that does not answer in time leaves the leg unknown, never unfilled."""
        deadline = self.turn.mono_us - self.config.venue_timeout_us
        for leg_id in list(self.open):
            work = self.work[leg_id]
            if work.started_us <= deadline:
                error = f"unknown: no answer from {work.leg.platform} within {self.config.venue_timeout_us / 1e6:g} s"
                self.answer(work, Outcome(leg_id=leg_id, status=Status.UNKNOWN, error=error, final=False))
        self.sweeping = False
        if self.open:
            self.watch()

    @handles(StopTrading)
    def stop_trading(self, message: StopTrading, sender: Address) -> None:
        """Take nothing new; say when everything is answered."""
        self.stopping, self.stop_asker = message.reason, sender
        self.check_drained()

    def check_drained(self) -> None:
        """Tell whoever asked to stop, once."""
        if self.stop_asker is not None and not self.open:
            unknown = sum(1 for w in self.work.values() if w.outcome and w.outcome.status is Status.UNKNOWN)
            self.send(self.stop_asker, Drained(unknown))
            self.stop_asker = None

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str, leg: Leg, *, level: str = "info", count: str | None = None) -> None:
        """Log under its own prefix."""
        self.send(self.roles["telemetry"], Note("TRADER", text, level, leg.leg_id, leg.pair_id, count))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """What this trader executes and what became of its legs."""
        data = {
            "name": self.name,
            "platforms": sorted(self.config.rules.platforms),
            "agreed": sorted(self.agreed.platforms) if self.agreed else None,
            "dry_run": self.dry,
            "max_leg_notional_usd": money_to_dollars(self.config.rules.max_leg_notional),
            "open_legs": len(self.open),
            "answers": dict(self.answers),
        }
        self.send(sender, Description("trader", data))


def describe_leg(leg: Leg) -> str:
    """``buy 10 yes at 52c on kalshi KX...``, for people."""
    where = leg.market if len(leg.market) <= 40 else leg.market[:12] + "…"  # noqa: PLR2004 -- a token is 77 digits
    return f"{leg.action} {show_quantity(leg.quantity)} {leg.side} at {show_price(leg.limit)} on {leg.platform} {where}"


def same_facts(one: Outcome, other: Outcome) -> bool:
    """Whether the two say the same of the leg: a venue that says it twice has no news."""
    return (one.status, one.filled, one.cost, one.fees, one.final) == (
        other.status,
        other.filled,
        other.cost,
        other.fees,
        other.final,
    )


def told(outcome: Outcome) -> str:
    """The outcome's facts on one line."""
    if not outcome.filled:
        return outcome.error or "nothing filled"
    fees = money_to_dollars(outcome.fees)
    return f"{show_quantity(outcome.filled)} filled for ${money_to_dollars(outcome.cost)} and ${fees} fees"
