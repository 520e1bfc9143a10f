"""The trader: executes legs on its venues, each leg id at most once for ever, and says what was really filled.

The same actor serves in the trader process (behind the uplink) and in the controller (a local platform): only the
road to it differs. The order of things for a leg: intent into the journal, then the venue, then the outcome into the
journal, then the answer. What dies between two of these is asked about at the next start.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.journal import (
    AlreadyKnown,
    Begin,
    Begun,
    Buried,
    Bury,
    JournalEntry,
    JournalFailed,
    JournalRead,
    NoteAck,
    NoteOutcome,
    OutcomeNoted,
    ReadJournal,
)
from actors.leg_checks import TraderRules, refusal
from actors.leg_words import describe_leg, in_words, same_facts
from actors.messages import (
    AskVenue,
    ClockMeasured,
    Configured,
    Describe,
    Description,
    Directory,
    DoLeg,
    Drained,
    LegAcked,
    LegReported,
    Note,
    PlaceLeg,
    QueryLeg,
    StartTimer,
    StopTrading,
    TellUnacked,
    TimerFired,
    Unconfigured,
    VenueKnows,
    VenueSaid,
)
from actors.unproven import Unproven
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status
from protocol.units import money_to_dollars
from protocol.wire import Book

SWEEP_US: Final = 100_000

MAX_REMEMBERED: Final = 10_000
"""Legs with a final word that are kept in memory; the journal remembers for ever."""

GRACE_US: Final = 500_000
"""A venue that knows no such order proves that there is none only so long after it could still have arrived."""


class VenueRoles(msgspec.Struct, frozen=True):
    """Directory roles of one platform's venues: where dry legs go, and live ones (None: this trader has none)."""

    paper: str
    live: str | None


class TraderSetup(msgspec.Struct, frozen=True):
    """The trader's rules and venues. ``journal`` and ``reports_to`` are roles; ``trader_id`` is stable for ever."""

    rules: TraderRules
    venues: Mapping[Platform, VenueRoles]
    venue_timeout_us: int
    dry_run: bool
    journal: str = "journal"
    reports_to: str = "uplink"
    trader_id: str = "local"
    max_clock_offset_us: int = 1_000_000


class Work(msgspec.Struct):
    """A leg that this trader is at work on. ``foreign``: asked about for another trader; never placed here."""

    leg: Leg
    asker: Address
    started_us: int
    asked_unix_us: int
    dry: bool
    arb_type: str | None = None
    book: Book | None = None
    refused: Outcome | None = None
    outcome: Outcome | None = None
    placed: bool = False
    foreign: bool = False
    revision: int = -1


class Trader(GuardedActor):
    """Guarantees: a leg id is placed at most once, across restarts; no journal, no order.

    Every leg asked for is answered, if only with ``unknown``.
    """

    def __init__(self) -> None:
        """No hello yet."""
        super().__init__()
        self.config: TraderSetup
        self.roles: dict[str, Address] = {}
        self.agreed: Configured | None = None
        self.work: dict[LegId, Work] = {}
        self.queries: dict[LegId, tuple[QueryLeg, Address]] = {}
        self.unproven = Unproven()
        self.answers: Counter[str] = Counter()
        self.offset_us: int | None = None
        self.broken: str | None = None
        self.sweeping = False
        self.stopping: str | None = None
        self.stop_asker: Address | None = None
        self.tell_all = False
        self.done: deque[LegId] = deque()

    # -- start -----------------------------------------------------------------------------------------------

    @handles(TraderSetup)
    def setup(self, message: TraderSetup, _sender: Address) -> None:
        """Take the rules."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; at the start, take up what the journal holds before anything else."""
        first, self.roles = not self.roles, dict(message.roles)
        if first:
            self.send(self.roles[self.config.journal], ReadJournal())

    @handles(JournalRead)
    def journal_read(self, message: JournalRead, _sender: Address) -> None:
        """Prove what is open; and after a hello tell what was never acked, oldest first."""
        for entry in message.unproven:
            if entry.leg_id not in self.work and entry.leg is not None:
                self.take_up(entry, entry.leg)
        if self.tell_all:
            self.tell_all = False
            for entry in message.unacked:
                if entry.outcome is not None and entry.leg is not None:
                    self.send(self.asker(), LegReported(entry.outcome, None, self.config.trader_id, entry.leg))

    def take_up(self, entry: JournalEntry, leg: Leg) -> None:
        """An order whose fate the journal does not know: unknown, until the venue says."""
        self.note("taken up from the journal: its fate is not proven", leg, level="warning", count="legs_taken_up")
        work = Work(leg, self.asker(), self.turn.mono_us, entry.asked_us, entry.dry)
        work.placed, work.outcome = True, entry.outcome
        self.work[leg.leg_id] = work
        if entry.outcome is None:
            self.conclude(work, self.unknown(leg, "the trader ended between the order and its outcome"))
        self.prove(leg.leg_id)

    def asker(self) -> Address:
        """Whom to tell when nobody in particular asked."""
        return self.roles[self.config.reports_to]

    @handles(TellUnacked)
    def tell_unacked(self, _message: TellUnacked, _sender: Address) -> None:
        """A hello is done: everything that was never acked is told again."""
        self.tell_all = True
        self.send(self.roles[self.config.journal], ReadJournal())

    # -- the hello -------------------------------------------------------------------------------------------

    @handles(Configured)
    def configured(self, message: Configured, _sender: Address) -> None:
        """The hello is done."""
        self.agreed = message

    @handles(Unconfigured)
    def unconfigured(self, _message: Unconfigured, _sender: Address) -> None:
        """The controller is gone: take nothing until the next hello. What is at a venue is still followed."""
        self.agreed, self.offset_us = None, None

    @handles(ClockMeasured)
    def clock_measured(self, message: ClockMeasured, _sender: Address) -> None:
        """How far the controller's clock is ahead of ours."""
        self.offset_us = message.offset_us

    @property
    def dry(self) -> bool:
        """Dry when either end wishes it."""
        return self.config.dry_run or self.agreed is None or self.agreed.dry_run

    # -- a leg -----------------------------------------------------------------------------------------------

    @handles(DoLeg)
    def do_leg(self, message: DoLeg, sender: Address) -> None:
        """Write the intent (or the refusal) first; a leg that is at work already is not begun again."""
        leg = message.leg
        known = self.work.get(leg.leg_id)
        if known is not None:
            self.repeat(known, sender)
            return
        if self.broken is not None:
            error = f"no journal, no order: {self.broken}"
            self.send(sender, LegReported(Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=error), told=leg))
            return
        work = Work(leg, sender, self.turn.mono_us, self.turn.unix_us, self.dry, message.arb_type, message.book)
        work.refused = self.refuse(leg)
        self.work[leg.leg_id] = work
        self.send(self.roles[self.config.journal], Begin(leg, work.dry, work.refused))

    def refuse(self, leg: Leg) -> Outcome | None:
        """Why this leg is not executed, or None."""
        if self.stopping is not None:
            return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=f"this trader is stopping: {self.stopping}")
        offset = self.offset_us or 0
        if abs(offset) > self.config.max_clock_offset_us:
            limit = self.config.max_clock_offset_us // 1_000
            error = f"clock: the controller's is {offset // 1_000} ms ahead, the limit is {limit} ms: set both clocks"
            return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=error)
        agreed = None if self.agreed is None else self.agreed.platforms
        return refusal(leg, self.config.rules, agreed, (self.turn.unix_us + offset) // 1_000)

    def repeat(self, known: Work, sender: Address) -> None:
        """An id seen before is never executed again; its asker may have a new address since a reconnect."""
        self.note("this leg id is at work already: not executed again", known.leg, level="warning")
        known.asker = sender
        if known.outcome is not None:
            self.report(known)

    @handles(Begun)
    def begun(self, message: Begun, _sender: Address) -> None:
        """On disk: now it may leave."""
        work = self.work[message.leg_id]
        if work.refused is not None:
            self.told(work, work.refused)
            return
        work.placed = True
        role = self.config.venues[work.leg.platform]
        venue = role.paper if work.dry or role.live is None else role.live
        blind = self.agreed is not None and self.agreed.blind_paper
        self.send(self.roles[venue], PlaceLeg(work.leg, work.book, blind))
        work.book = None
        self.note(f"{'dry run: ' if work.dry else ''}{describe_leg(work.leg)}", work.leg)
        self.sweep_soon()

    @handles(AlreadyKnown)
    def already_known(self, message: AlreadyKnown, _sender: Address) -> None:
        """The journal has seen this id: it is answered with what is known, and never executed."""
        entry = message.entry
        if entry.tombstone and entry.leg_id in self.queries:
            self.never_came(entry.leg_id)
            return
        query = self.queries.pop(entry.leg_id, None)
        work = self.work.pop(entry.leg_id, None)
        asker = query[1] if query is not None else (work.asker if work is not None else self.asker())
        if query is None and work is not None:
            self.note("this leg id was seen before: not executed again", work.leg, level="warning")
        asked = query[0].leg if query is not None else (work.leg if work is not None else entry.leg)
        outcome = entry.outcome
        if outcome is None:
            text = "refused: it was asked about before it came, and is never executed"
            outcome = Outcome(leg_id=entry.leg_id, status=Status.REJECTED, error=text)
        self.send(asker, LegReported(outcome, None, self.config.trader_id, entry.leg or asked))

    @handles(JournalFailed)
    def journal_failed(self, message: JournalFailed, _sender: Address) -> None:
        """No journal, no order: what was not placed yet is refused; an outcome is told though it is not written."""
        if self.broken is None:
            self.broken = message.reason
            text = f"no leg is taken any more: the journal cannot be written ({message.reason})"
            self.send(self.roles["telemetry"], Note("TRADER", text, "error", count="journal_failures"))
        work = self.work.get(message.leg_id)
        query = self.queries.pop(message.leg_id, None)
        if work is not None and not work.placed:
            self.told(
                work,
                Outcome(leg_id=message.leg_id, status=Status.REJECTED, error=f"no journal, no order: {message.reason}"),
            )
        elif work is not None and work.outcome is not None:
            self.told(work, work.outcome)
        elif query is not None:
            self.note("cannot say what became of it: the journal cannot be written", query[0].leg, level="error")

    # -- outcomes --------------------------------------------------------------------------------------------

    @handles(VenueSaid)
    def venue_said(self, message: VenueSaid, _sender: Address) -> None:
        """The venue's word, now or later."""
        work = self.work.get(message.outcome.leg_id)
        if work is not None and not (work.outcome is not None and same_facts(work.outcome, message.outcome)):
            self.conclude(work, message.outcome)

    def conclude(self, work: Work, outcome: Outcome) -> None:
        """A new word on a leg: into the journal, and only then told. Revisions count up."""
        before = work.outcome
        revision = max(work.revision, -1 if before is None else before.revision) + 1
        latency = (self.turn.mono_us - work.started_us) * 1_000
        work.outcome = msgspec.structs.replace(outcome, revision=revision, latency_ns=latency)
        if work.foreign:
            self.told(work, work.outcome)
        else:
            self.send(self.roles[self.config.journal], NoteOutcome(work.outcome))

    @handles(OutcomeNoted)
    def outcome_noted(self, message: OutcomeNoted, _sender: Address) -> None:
        """On disk: now it may be told."""
        work = self.work.get(message.outcome.leg_id)
        if work is not None:
            self.told(work, message.outcome)

    def told(self, work: Work, outcome: Outcome) -> None:
        """Tell it; what is final is the journal's alone from here on."""
        work.outcome = outcome
        leg_id = work.leg.leg_id
        self.answers[outcome.status.value] += 1
        self.report(work)
        level = "info" if outcome.status in {Status.FILLED, Status.PARTIAL, Status.UNFILLED} else "warning"
        self.note(f"{outcome.status}: {in_words(outcome)}", work.leg, level=level, count="legs_answered")
        if outcome.status is Status.UNKNOWN:
            self.prove(leg_id)
        else:
            self.unproven.proven(leg_id)
            if outcome.final:
                self.let_go(leg_id)
        self.check_drained()

    def let_go(self, leg_id: LegId) -> None:
        """What is final stays for a while, should there be late news; beyond the limit the journal alone knows it."""
        self.done.append(leg_id)
        while len(self.done) > MAX_REMEMBERED:
            oldest = self.done.popleft()
            if oldest not in self.unproven.since:
                self.work.pop(oldest, None)

    def report(self, work: Work) -> None:
        """Say what is known of it to whoever asked last."""
        if work.outcome is not None:
            told = LegReported(work.outcome, None, self.config.trader_id, work.leg, work.arb_type)
            self.send(work.asker, told)

    @handles(LegAcked)
    def leg_acked(self, message: LegAcked, _sender: Address) -> None:
        """The controller has it durably."""
        self.send(self.roles[self.config.journal], NoteAck(message.leg_id, message.revision))

    # -- questions -------------------------------------------------------------------------------------------

    @handles(QueryLeg)
    def query(self, message: QueryLeg, sender: Address) -> None:
        """What became of it? Whatever the answer, an id that never came is never executed from now on."""
        leg_id = message.leg.leg_id
        work = self.work.get(leg_id)
        if work is not None:
            work.asker = sender
            self.unproven.hurry_one(leg_id, self.turn.mono_us)
            self.report(work)
            return
        self.queries[leg_id] = (message, sender)
        self.send(self.roles[self.config.journal], Bury(leg_id, message.leg.platform))

    @handles(Buried)
    def buried(self, message: Buried, _sender: Address) -> None:
        """On disk: now it may be said."""
        self.never_came(message.leg_id)

    def never_came(self, leg_id: LegId) -> None:
        """If it was sent here, that settles it; else the venue knows whether another placed it."""
        query, asker = self.queries.pop(leg_id)
        if query.sent_to in {None, self.config.trader_id}:
            outcome = Outcome(
                leg_id=leg_id, status=Status.UNFILLED, error="never received", revision=query.revision + 1
            )
            self.send(asker, LegReported(outcome, None, self.config.trader_id, query.leg))
            return
        dry = self.dry
        work = Work(query.leg, asker, self.turn.mono_us, self.turn.unix_us, dry, query.arb_type, foreign=True)
        work.placed, work.revision = True, query.revision
        self.work[leg_id] = work
        self.note(f"asked about a leg of {query.sent_to}: asking the venue", query.leg)
        self.prove(leg_id)

    def prove(self, leg_id: LegId) -> None:
        """Ask the venue until it is proven."""
        self.unproven.add(leg_id, self.turn.mono_us)
        self.sweep_soon()

    @handles(VenueKnows)
    def venue_knows(self, message: VenueKnows, _sender: Address) -> None:
        """The venue's answer: its order; or no such order, which proves nothing before it could have arrived."""
        work = self.work.get(message.leg_id)
        if work is None or message.failed is not None:
            return
        if message.outcome is not None:
            if work.outcome is None or not same_facts(work.outcome, message.outcome):
                self.conclude(work, message.outcome)
        elif self.turn.unix_us >= self.could_arrive_until(work):
            error = (
                "the venue knows no such order" if not work.foreign else "never received: the venue knows no such order"
            )
            self.conclude(work, Outcome(leg_id=message.leg_id, status=Status.UNFILLED, error=error))

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

    @handles(TimerFired)
    def sweep(self, _message: TimerFired, _sender: Address) -> None:
        """A venue that does not answer in time leaves the leg unknown, never unfilled; unknown legs are asked about."""
        self.sweeping = False
        deadline = self.turn.mono_us - self.config.venue_timeout_us
        for work in list(self.work.values()):
            if work.placed and work.outcome is None and not work.foreign and work.started_us <= deadline:
                why = f"no answer from {work.leg.platform} within {self.config.venue_timeout_us / 1e6:g} s"
                self.conclude(work, self.unknown(work.leg, why))
        for leg_id in self.unproven.due(self.turn.mono_us):
            self.ask_venue(leg_id)
        if self.open_legs or len(self.unproven):
            self.sweep_soon()

    def ask_venue(self, leg_id: LegId) -> None:
        """Ask the venue that the leg went to."""
        work = self.work.get(leg_id)
        if work is None or work.leg.platform not in self.config.venues:
            self.unproven.proven(leg_id)
            return
        role = self.config.venues[work.leg.platform]
        venue = role.paper if work.dry or role.live is None else role.live
        self.send(self.roles[venue], AskVenue(work.leg))

    @property
    def open_legs(self) -> int:
        """Legs at a venue without any word yet."""
        return sum(1 for work in self.work.values() if work.placed and work.outcome is None and not work.foreign)

    @handles(StopTrading)
    def stop_trading(self, message: StopTrading, sender: Address) -> None:
        """Take nothing new; say when everything is answered."""
        self.stopping, self.stop_asker = message.reason, sender
        self.check_drained()

    def check_drained(self) -> None:
        """Tell whoever asked to stop, once."""
        if self.stop_asker is not None and not self.open_legs:
            self.send(self.stop_asker, Drained(len(self.unproven)))
            self.stop_asker = None

    # -- for people ------------------------------------------------------------------------------------------

    def note(self, text: str, leg: Leg, *, level: str = "info", count: str | None = None) -> None:
        """Log under its own prefix."""
        self.send(self.roles["telemetry"], Note("TRADER", text, level, leg.leg_id, leg.pair_id, count))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """What this trader executes and what became of its legs."""
        now = self.turn.mono_us
        data: dict[str, Any] = {
            "name": self.name,
            "platforms": sorted(self.config.rules.platforms),
            "agreed": sorted(self.agreed.platforms) if self.agreed else None,
            "dry_run": self.dry,
            "max_leg_notional_usd": money_to_dollars(self.config.rules.max_leg_notional),
            "open_legs": self.open_legs,
            "unknown_legs": [
                {"leg_id": leg_id, "age_s": (now - since) // 1_000_000, "asked": self.unproven.asked[leg_id]}
                for leg_id, since in self.unproven.since.items()
            ],
            "clock_offset_ms": None if self.offset_us is None else self.offset_us // 1_000,
            "journal_broken": self.broken,
            "answers": dict(self.answers),
        }
        self.send(sender, Description("trader", data))
