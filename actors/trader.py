"""The trader: executes legs on its venues, each leg id at most once for ever, and says what was really filled.

The same actor serves in the trader process (behind the uplink) and in the controller (a local platform): only the
road to it differs. The order of things for a leg: intent into the journal, then the venue, then the outcome into the
journal, then the answer. What dies between two of these is asked about at the next start.
"""

from __future__ import annotations

from collections import Counter, deque
from functools import partial
from typing import Any, Final

import msgspec

from actors.base import Address, handles
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
from actors.leg_words import describe_leg, in_words
from actors.messages import (
    ApprovedLeg,
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
    StopTrading,
    TellUnacked,
    VenueSaid,
)
from actors.trader_markets import TraderMarkets
from actors.trader_messages import OrderRefused, OutOfService, RefuseOrder, Serving, VenueOut
from actors.trader_setup import Work
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status
from protocol.units import money_to_dollars

MAX_REMEMBERED: Final = 10_000
"""Legs with a final word that are kept in memory; the journal remembers for ever."""

BURIED: Final = "refused: this id was refused or asked about before, and is never executed"

_UNKNOWN: Final = Status.UNKNOWN
_EXPECTED: Final = frozenset({Status.FILLED, Status.PARTIAL, Status.UNFILLED})
"""What an order comes to where nothing is amiss."""


class Trader(TraderMarkets):
    """Guarantees: a leg id is placed at most once, across restarts; no journal, no order.

    Every leg asked for is answered, if only with ``unknown``.
    """

    def __init__(self) -> None:
        """No hello yet."""
        super().__init__()
        self.questions: dict[LegId, tuple[QueryLeg | RefuseOrder, Address]] = {}
        self.answers: Counter[str] = Counter()
        self.broken: str | None = None
        self.stop_asker: Address | None = None
        self.tell_all = False
        self.outages: dict[Platform, str | None] = {}
        self.done: deque[LegId] = deque()

    # -- start -----------------------------------------------------------------------------------------------

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; at the start, take up what the journal holds before anything else."""
        first, self.roles = not self.roles, dict(message.roles)
        if first:
            self.tell_all = self.config.tells_at_start
            self.read_past()
            self.send(self.roles[self.config.journal], ReadJournal())
        else:
            self.raise_fences_again()

    @handles(JournalRead)
    def journal_read(self, message: JournalRead, _sender: Address) -> None:
        """Prove what is open; and after a hello tell what was never acked, oldest first."""
        if message.failed is not None:
            self.journal_broke(message.failed)
        for entry in message.unproven:
            if entry.leg_id not in self.work and entry.leg is not None:
                self.take_up(entry, entry.leg)
        if self.tell_all:
            self.tell_all = False
            for entry in message.unacked:
                if entry.outcome is not None and entry.leg is not None:
                    self.send(self.asker(), LegReported(entry.outcome, None, self.config.trader_id, entry.leg))

    def take_up(self, entry: JournalEntry, leg: Leg) -> Work:
        """An order whose fate the journal does not know: unknown, until the venue says."""
        self.note("taken up from the journal: its fate is not proven", leg, level="warning", count="legs_taken_up")
        work = Work(leg, self.asker(), self.turn.mono_us, entry.asked_us, entry.dry)
        work.placed, work.outcome = True, entry.outcome
        self.work[leg.leg_id] = work
        if entry.outcome is None:
            self.conclude(work, self.unknown(leg, "the trader ended between the order and its outcome"))
        if work.outcome is not None and work.outcome.status.proven:
            self.unsettled.add(leg.leg_id, self.turn.mono_us)
            self.settle_soon()
        else:
            self.prove(leg.leg_id)
        return work

    def asker(self) -> Address:
        """Whom to tell when nobody in particular asked."""
        return self.roles[self.config.reports_to]

    @handles(TellUnacked)
    def tell_unacked(self, _message: TellUnacked, _sender: Address) -> None:
        """A hello is done: everything that was never acked is told again."""
        self.tell_all = True
        self.send(self.roles[self.config.journal], ReadJournal())

    # -- the hello -------------------------------------------------------------------------------------------

    @handles(Serving)
    def serving(self, message: Serving, _sender: Address) -> None:
        """Whose the legs are that come from now on."""
        self.controller = message.controller_id

    # -- a leg -----------------------------------------------------------------------------------------------

    @handles(DoLeg, ApprovedLeg)
    def do_leg(self, message: DoLeg, sender: Address) -> None:
        """Write the intent (or the refusal) first; a leg that is at work already is not begun again."""
        leg = message.leg
        known = self.work.get(leg.leg_id)
        if known is not None:
            self.repeat(known, sender)
            return
        paper = self.on_paper(leg.platform)
        work = Work(leg, sender, self.turn.mono_us, self.turn.unix_us, paper, message.arb_type, message.book)
        work.refused = self.refuse(work)
        self.work[leg.leg_id] = work
        self.send(self.roles[self.config.journal], Begin(leg, work.paper, work.refused, self.controller))

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
        closed = self.closed(work.leg)
        if closed is not None:
            # It was let through before the halt, and has not left: nothing leaves after one.
            self.refused[closed[0]] += 1
            self.conclude(work, Outcome(leg_id=work.leg.leg_id, status=Status.REJECTED, error=closed[1]))
            return
        work.placed = True
        self.at_venue[work.leg.leg_id] = work
        role = self.config.venues[work.leg.platform]
        venue = role.paper if work.paper or role.live is None else role.live
        blind = self.agreed is not None and self.agreed.blind_paper
        self.send(self.roles[venue], PlaceLeg(work.leg, work.book, blind))
        work.book = None
        self.note(partial(_leaving, work.leg, work.paper), work.leg)
        self.sweep_soon()

    @handles(AlreadyKnown)
    def already_known(self, message: AlreadyKnown, _sender: Address) -> None:
        """The journal has seen this id: it is answered with what is known, and never executed."""
        entry = message.entry
        question, asker = self.questions.pop(entry.leg_id, (None, self.asker()))
        if entry.tombstone and question is not None:
            self.never_came(question, asker)
            return
        work = self.work.pop(entry.leg_id, None)
        if work is not None:
            self.not_placed(work)
            self.note("this leg id was seen before: not executed again", work.leg, level="warning")
            asker = work.asker
        if entry.leg is not None and not entry.tombstone and not entry.settled:
            work = self.take_up(entry, entry.leg)
            work.asker = asker
            if entry.outcome is not None:
                self.report(work)
            return
        told = entry.leg or (work.leg if work is not None else None)
        if told is None and isinstance(question, QueryLeg):
            told = question.leg
        outcome = entry.outcome or Outcome(leg_id=entry.leg_id, status=Status.REJECTED, error=BURIED)
        if told is None:
            self.send(asker, OrderRefused(entry.platform, outcome))
        else:
            self.send(asker, LegReported(outcome, None, self.config.trader_id, told))

    @handles(JournalFailed)
    def journal_failed(self, message: JournalFailed, _sender: Address) -> None:
        """No journal, no order: what was never seen is refused; an outcome is told though it is not written."""
        self.journal_broke(message.reason)
        work = self.work.get(message.leg_id)
        question, asker = self.questions.pop(message.leg_id, (None, self.asker()))
        if work is not None and not work.placed:
            self.not_begun(work, message)
        elif work is not None and work.outcome is not None:
            self.told(work, work.outcome)
        elif isinstance(question, QueryLeg):
            self.note("cannot say what became of it: the journal cannot be written", question.leg, level="error")
        elif question is not None:
            status = Status.UNKNOWN if message.unread else Status.REJECTED
            error = f"unknown: {message.reason}" if message.unread else f"no journal, no order: {message.reason}"
            outcome = Outcome(leg_id=message.leg_id, status=status, error=error, final=not message.unread)
            self.send(asker, OrderRefused(question.platform, outcome))

    def journal_broke(self, reason: str) -> None:
        """Say it once, loudly."""
        if self.broken is None:
            self.broken = reason
            text = f"no leg is taken any more: the journal is broken ({reason})"
            self.send(self.roles["telemetry"], Note("TRADER", text, "error", count="journal_failures"))
            self.send(self.asker(), OutOfService(self.config.rules.platforms, f"its journal is broken: {reason}"))

    @handles(VenueOut)
    def venue_out(self, message: VenueOut, _sender: Address) -> None:
        """No order reaches that venue, or one does again: whoever sends legs must know."""
        before, self.outages[message.platform] = self.outages.get(message.platform), message.reason
        if before != message.reason:
            word = "is within reach again" if message.reason is None else f"is out of reach: {message.reason}"
            level = "info" if message.reason is None else "error"
            self.send(self.roles["telemetry"], Note("TRADER", f"{message.platform} {word}", level))
            self.send(self.asker(), message)

    def not_begun(self, work: Work, message: JournalFailed) -> None:
        """Refused, where the journal still says that the id was never seen; where it says nothing, nobody knows."""
        self.not_placed(work)
        if not message.unread:
            error = f"no journal, no order: {message.reason}"
            self.refused["no journal"] += 1
            self.told(work, Outcome(leg_id=message.leg_id, status=Status.REJECTED, error=error))
            return
        work.foreign = work.placed = work.unsure = True
        why = f"it may have been executed before, and the journal cannot be read: {message.reason}"
        self.conclude(work, self.unknown(work.leg, why))

    # -- outcomes --------------------------------------------------------------------------------------------

    @handles(VenueSaid)
    def venue_said(self, message: VenueSaid, _sender: Address) -> None:
        """The venue's word, now or later."""
        work = self.work.get(message.outcome.leg_id)
        if work is not None and self.news(work, message.outcome):
            self.conclude(work, message.outcome)

    def conclude(self, work: Work, outcome: Outcome) -> None:
        """A new word on a leg: into the journal, and only then told. Revisions count up."""
        before = work.outcome
        revision = max(work.revision, -1 if before is None else before.revision) + 1
        latency = (self.turn.mono_us - work.started_us) * 1_000
        paper = outcome.paper or (work.paper and not work.foreign)
        work.outcome = msgspec.structs.replace(outcome, revision=revision, latency_ns=latency, paper=paper)
        self.counts(work.outcome)
        self.at_venue.pop(work.leg.leg_id, None)
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
        level = "info" if outcome.status in _EXPECTED else "warning"
        level = "debug" if work.quiet else level
        self.note(partial(_answered, outcome), work.leg, level=level, count="legs_answered")
        if outcome.status is _UNKNOWN:
            self.prove(leg_id)
        else:
            self.unproven.proven(leg_id)
            if outcome.final:
                self.unsettled.proven(leg_id)
                self.let_go(leg_id)
            else:
                self.unsettled.add(leg_id, self.turn.mono_us)
                self.settle_soon()
        self.check_drained()

    def let_go(self, leg_id: LegId) -> None:
        """What is final stays for a while, should there be late news; beyond the limit the journal alone knows it."""
        self.done.append(leg_id)
        while len(self.done) > MAX_REMEMBERED:
            oldest = self.done.popleft()
            if oldest not in self.unproven.since and oldest not in self.unsettled.since:
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
        if work is not None and work.foreign and not work.leg.asks_the_same(message.leg):
            # It never left here, and what was found out about another order under this id says nothing of this one.
            for questions in (self.unproven, self.unsettled):
                questions.proven(leg_id)
            del self.work[leg_id]
            work = None
        if work is not None:
            work.asker = sender
            self.unproven.hurry_one(leg_id, self.turn.mono_us)
            self.unsettled.hurry_one(leg_id, self.turn.mono_us)
            self.report(work)
            return
        self.questions[leg_id] = (message, sender)
        self.send(self.roles[self.config.journal], Bury(leg_id, message.leg.platform))

    @handles(RefuseOrder)
    def refuse_order(self, message: RefuseOrder, sender: Address) -> None:
        """An order that made no sense. Its id may be that of one that did: then that one's fate is the answer."""
        known = self.work.get(message.leg_id)
        if known is not None:
            self.repeat(known, sender)
            return
        self.questions[message.leg_id] = (message, sender)
        self.send(self.roles[self.config.journal], Bury(message.leg_id, message.platform))

    @handles(Buried)
    def buried(self, message: Buried, _sender: Address) -> None:
        """On disk: now it may be said."""
        self.never_came(*self.questions.pop(message.leg_id))

    def never_came(self, question: QueryLeg | RefuseOrder, asker: Address) -> None:
        """If it was sent here, that settles it; else the venue knows whether another placed it."""
        if isinstance(question, RefuseOrder):
            self.refused["makes no sense"] += 1
            refused = Outcome(leg_id=question.leg_id, status=Status.REJECTED, error=f"refused: {question.reason}")
            self.send(asker, OrderRefused(question.platform, refused))
            return
        leg_id = question.leg.leg_id
        if question.sent_to in {None, self.config.trader_id}:
            outcome = Outcome(
                leg_id=leg_id, status=Status.UNFILLED, error="never received", revision=question.revision + 1
            )
            self.send(asker, LegReported(outcome, None, self.config.trader_id, question.leg))
            return
        paper = question.paper or self.on_paper(question.leg.platform)
        work = Work(question.leg, asker, self.turn.mono_us, self.turn.unix_us, paper, question.arb_type)
        work.foreign, work.placed, work.revision = True, True, question.revision
        # It may have been sent for real: in a dry run of today the paper venue's "no such order" says nothing of that.
        work.unsure = paper and not question.paper
        self.work[leg_id] = work
        self.note(f"asked about a leg of {question.sent_to}: asking the venue", question.leg)
        self.prove(leg_id)

    # -- stopping --------------------------------------------------------------------------------------------

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
            "out_of_reach": {platform: why for platform, why in self.outages.items() if why is not None},
            "answers": dict(self.answers),
            **self.door(),
        }
        self.send(sender, Description("trader", data))


def _leaving(leg: Leg, paper: bool) -> str:  # noqa: FBT001 -- for partial
    return f"{'dry run: ' if paper else ''}{describe_leg(leg)}"


def _answered(outcome: Outcome) -> str:
    return f"{outcome.status}: {in_words(outcome)}"
