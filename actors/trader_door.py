"""The trader's own door: what it refuses whoever asks, and its halts. No controller opens what is closed here.

What an order counts for is noted before its intent is written, so two orders on their way at once cannot both take the
room that is there for one. Paper and real orders have the limits each to themselves. Until the journal was read,
nothing is let through.

There are two halts. The controller's ends with the controller's word (or by force, here); that of this machine's
operator ends here alone. Both are in the journal. A trader without a controller takes nothing either (`Unconfigured`),
and one whose controller has promised to say whether it trades takes nothing before it has said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from actors.base import Address, handles
from actors.journal import HaltNoted, HaltWord, JournalEntry, NoteHalt, PastRead, ReadPast
from actors.leg_checks import refusal
from actors.leg_prover import LegProver
from actors.messages import ClockMeasured, Configured, Note, Unconfigured
from actors.risk.trader_limits import HOUR_US, Reason, TraderGate, TraderLimits
from actors.risk_messages import LegsTaken, NoLegsTaken, TakeLegs, TakeNoLegs
from actors.trader_messages import (
    Fence,
    Fenced,
    HaltTrader,
    ResumeTrader,
    TraderHalted,
    TraderResumed,
    TraderState,
    WatchState,
    Who,
)
from actors.trader_setup import TraderSetup, Work
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Action, Platform, Status
from protocol.units import money_to_dollars

MAX_DRAINS: Final = 1_000
"""Halts that wait for their end; beyond it the oldest is forgotten, and whoever asked asks again."""


class Drain(msgspec.Struct):
    """A halt that is not acknowledged yet: by whom it was asked, and what could still let an order out."""

    who: Who
    number: int | None
    asker: Address
    venues: set[str]
    noted: bool
    failed: str | None = None


class TraderDoor(LegProver):
    """Guarantees: what passes :meth:`refuse` is within the trader's own limits, together with all that passed before.

    A halt is acknowledged only when no order that was let through before can still leave.
    """

    def __init__(self) -> None:
        """No hello yet, and nothing read."""
        super().__init__()
        self.agreed: Configured | None = None
        self.controller: str | None = None
        self.stopping: str | None = None
        self.gates: dict[bool, TraderGate] = {}
        """The limits of real orders, and those of paper."""
        self.past_read = False
        self.halts: dict[Who, HaltWord] = {}
        self.drains: dict[int, Drain] = {}
        self.fences = 0
        self.heard: set[Who] = set()
        """Who has halted or resumed since the start: what the journal says of them is older."""
        self.watchers: list[Address] = []
        self.refused: Counter[str] = Counter()
        """Orders refused before the limits were asked, by what was against them."""
        self.said: str | None = None
        """Why the last order was refused; logged again when another reason comes, or after one was let through."""

    # -- start -----------------------------------------------------------------------------------------------

    @handles(TraderSetup)
    def setup(self, message: TraderSetup, _sender: Address) -> None:
        """Take the rules."""
        self.config = message
        rules = message.rules
        limits = message.limits or TraderLimits(platforms=rules.platforms, max_leg_notional=rules.max_leg_notional)
        self.gates = {paper: TraderGate(limits) for paper in (False, True)}

    def read_past(self) -> None:
        """Ask the journal what counts against the limits."""
        self.send(self.roles[self.config.journal], ReadPast(self.turn.unix_us - HOUR_US))

    @handles(PastRead)
    def past(self, message: PastRead, _sender: Address) -> None:
        """Count what was done before; a journal that cannot be read lets nothing through for good."""
        if message.failed is not None or self.past_read:
            return
        for holding in message.held:
            slot = (holding.platform, holding.market, holding.side)
            self.gates[holding.paper].held_before(slot, holding.contracts)
        for entry in message.recent:
            self.gates[self.was_paper(entry)].rebuild([entry])
        self.past_read = True
        for name, word in message.halts.items():
            who = Who(name)
            if who in self.heard:
                self.note_halt(who)
                continue
            self.halts[who] = word
            self.say(f"halted by the {name} since an earlier start: {word.reason}", "warning", count="halts_kept")
        self.state_changed()

    def was_paper(self, entry: JournalEntry) -> bool:
        """Whether an order of an earlier start was for no money."""
        return entry.dry or (entry.outcome is not None and entry.outcome.paper)

    # -- the hello -------------------------------------------------------------------------------------------

    @handles(Configured)
    def configured(self, message: Configured, _sender: Address) -> None:
        """The hello is done."""
        self.agreed = message

    @handles(Unconfigured)
    def unconfigured(self, _message: Unconfigured, _sender: Address) -> None:
        """The controller is gone: take nothing until the next hello. What is at a venue is still followed."""
        self.agreed, self.offset_us, self.controller = None, None, None

    @handles(ClockMeasured)
    def clock_measured(self, message: ClockMeasured, _sender: Address) -> None:
        """How far the controller's clock is ahead of ours."""
        self.offset_us = message.offset_us

    @property
    def dry(self) -> bool:
        """Dry when either end wishes it."""
        return self.config.dry_run or self.agreed is None or self.agreed.dry_run

    def on_paper(self, platform: Platform) -> bool:
        """Whether an order there would be for no money now."""
        roles = self.config.venues.get(platform)
        return self.dry or roles is None or roles.live is None

    # -- what is refused -------------------------------------------------------------------------------------

    def refuse(self, work: Work) -> Outcome | None:
        """Why this leg is not executed, or None: then it counts against the limits from now on."""
        refused = self.against(work)
        what = None if refused is None else (refused.error or "").partition(":")[0]
        work.quiet, self.said = what is not None and what == self.said, what
        if refused is None:
            work.counted = self.gate(work).note(work.leg, self.turn.unix_us)
        return refused

    def against(self, work: Work) -> Outcome | None:
        """The first thing that is against it: a halt, the clocks, the order itself, the limits."""
        leg = work.leg
        against = self.closed(leg) or self.clock_wrong()
        why = None if against is None else against[1]
        if against is None:
            agreed = None if self.agreed is None else self.agreed.platforms
            refused = refusal(leg, self.config.rules, agreed, (self.turn.unix_us + (self.offset_us or 0)) // 1_000)
            if refused is not None:
                self.refused[refused.what] += 1
                return refused.outcome
            why = self.gate(work).check(leg, self.turn.unix_us)
        else:
            self.refused[against[0]] += 1
        return None if why is None else Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=why)

    def closed(self, leg: Leg) -> Reason | None:
        """Why no leg is taken at all, or none of this kind: in a word, and in full."""
        if self.stopping is not None:
            return "stopping", f"this trader is stopping: {self.stopping}"
        if not self.past_read:
            return "halted", "halted: the journal has not told what was done before"
        word = self.halt_word()
        if word is not None and word.everything:
            return "halted", f"halted: {word.reason}"
        if self.agreed is not None and self.agreed.awaits_word:
            return "halted", "halted: the controller has not said yet whether it trades"
        if word is not None and leg.action is Action.BUY:
            return "reduce only", f"action: only what is held may be sold ({word.reason})"
        return None

    def clock_wrong(self) -> Reason | None:
        """Why no deadline can be believed."""
        offset = self.offset_us or 0
        if abs(offset) <= self.config.max_clock_offset_us:
            return None
        limit = self.config.max_clock_offset_us // 1_000
        return (
            "clock",
            f"clock: the controller's is {offset // 1_000} ms ahead, the limit is {limit} ms: set both clocks",
        )

    def gate(self, work: Work) -> TraderGate:
        """The limits of orders of its kind."""
        return self.gates[work.paper]

    def not_placed(self, work: Work) -> None:
        """It was let through, and for certain not placed: it does not count."""
        if work.counted:
            work.counted = False
            self.gate(work).undo(work.leg.leg_id)

    def counts(self, outcome: Outcome) -> None:
        """What became of it; a gate that has not let it through ignores it."""
        for gate in self.gates.values():
            gate.answered(outcome)

    # -- halts -----------------------------------------------------------------------------------------------

    def halt_word(self) -> HaltWord | None:
        """The strictest halt that stands, this machine's before the controller's."""
        if not self.halts:
            return None
        words = [self.halts[who] for who in (Who.OPERATOR, Who.CONTROLLER) if who in self.halts]
        return next((word for word in words if word.everything), words[0] if words else None)

    @handles(TakeNoLegs)
    def take_no_legs(self, message: TakeNoLegs, sender: Address) -> None:
        """The controller's halt."""
        self.controller_spoke()
        word = HaltWord(message.reason, message.everything, self.turn.unix_us)
        self.halt(Who.CONTROLLER, word, sender, message.number)

    @handles(HaltTrader)
    def halt_trader(self, message: HaltTrader, sender: Address) -> None:
        """The halt of this machine's operator."""
        self.halt(Who.OPERATOR, HaltWord(message.reason, message.everything, self.turn.unix_us), sender)

    def halt(self, who: Who, word: HaltWord, asker: Address, number: int | None = None) -> None:
        """Take nothing more, at once; say so when it is on disk and no order is on its way to a venue's port."""
        known = self.halts.get(who)
        news = known is None or (known.reason, known.everything) != (word.reason, word.everything)
        self.heard.add(who)
        while len(self.drains) >= MAX_DRAINS:
            del self.drains[next(iter(self.drains))]
        self.fences += 1
        drain = self.drains[self.fences] = Drain(who, number, asker, set(), noted=not news)
        if news:
            self.halts[who] = word
            self.note_halt(who)
            what = "HALTED" if word.everything else "only selling"
            self.say(f"{what}, by the {who.value}: {word.reason}", "error", count="trader_halts")
        self.raise_fence(self.fences, drain)
        self.state_changed()

    def note_halt(self, who: Who) -> None:
        """Have the journal remember what holds now."""
        self.send(self.roles[self.config.journal], NoteHalt(who.value, self.halts.get(who)))

    def venue_roles(self) -> Iterator[str]:
        """Every venue that an order may be on its way to."""
        for roles in self.config.venues.values():
            yield roles.paper
            if roles.live is not None:
                yield roles.live

    def raise_fence(self, number: int, drain: Drain) -> None:
        """Behind the orders on their way goes a word that comes back when each of them was handed to its port."""
        drain.venues = set(self.venue_roles())
        for role in drain.venues:
            self.send(self.roles[role], Fence(number, role))

    def raise_fences_again(self) -> None:
        """A venue was replaced, and the word with it; so were the orders on their way to it."""
        for number, drain in self.drains.items():
            self.raise_fence(number, drain)

    @handles(Fenced)
    def fenced(self, message: Fenced, _sender: Address) -> None:
        """One venue has nothing more on its way."""
        drain = self.drains.get(message.number)
        if drain is not None:
            drain.venues.discard(message.role)
            self.check_drains()

    @handles(HaltNoted)
    def halt_noted(self, message: HaltNoted, _sender: Address) -> None:
        """On disk; or the disk is broken, and then no order leaves either."""
        if message.failed is not None:
            self.say(f"a halt or its end could not be written: {message.failed}", "error", count="journal_failures")
        for drain in self.drains.values():
            if drain.who.value == message.who:
                drain.noted, drain.failed = True, message.failed
        self.check_drains()

    def check_drains(self) -> None:
        """Acknowledge every halt after which nothing can leave any more."""
        for number, drain in list(self.drains.items()):
            if drain.noted and not drain.venues:
                del self.drains[number]
                done = NoLegsTaken(drain.number, self.open_legs) if drain.number is not None else None
                self.send(drain.asker, done or TraderHalted(self.open_legs, drain.failed))

    @handles(TakeLegs)
    def take_legs(self, message: TakeLegs, sender: Address) -> None:
        """The controller's halt is over; the operator's holds."""
        self.controller_spoke()
        error = self.resume(Who.CONTROLLER, message.reason)
        self.send(sender, LegsTaken(message.number, error))

    @handles(ResumeTrader)
    def resume_trader(self, message: ResumeTrader, sender: Address) -> None:
        """The operator's halt is over; he may end the controller's, too."""
        if message.force:
            self.resume(Who.CONTROLLER, message.reason)
        self.send(sender, TraderResumed(self.resume(Who.OPERATOR, message.reason)))

    def resume(self, who: Who, reason: str) -> str | None:
        """End that halt; why legs are still not taken, or None."""
        self.heard.add(who)
        if self.halts.pop(who, None) is not None:
            self.note_halt(who)
            self.say(f"the halt by the {who.value} is over: {reason}", "warning", count="resumes")
        self.state_changed()
        word = self.halt_word()
        if word is None:
            return None
        by = next(name.value for name, known in self.halts.items() if known is word)
        return f"the {by} of this trader has halted it: {word.reason}"

    def controller_spoke(self) -> None:
        """It has said whether it trades."""
        if self.agreed is not None and self.agreed.awaits_word:
            self.agreed = msgspec.structs.replace(self.agreed, awaits_word=False)

    @handles(WatchState)
    def watch_state(self, _message: WatchState, sender: Address) -> None:
        """Somebody wants to know, now and whenever it changes."""
        self.watchers.append(sender)
        self.send(sender, self.state_word())

    def state_word(self) -> TraderState:
        """Whether it is halted, and whether it still sells."""
        word = self.halt_word()
        return TraderState(word is not None, reducing=word is not None and not word.everything)

    def state_changed(self) -> None:
        """Tell the limits and whoever watches."""
        word = self.halt_word()
        for gate in self.gates.values():
            gate.reduce_only = None if word is None else word.reason
        for watcher in self.watchers:
            self.send(watcher, self.state_word())

    # -- for people ------------------------------------------------------------------------------------------

    def door(self) -> dict[str, Any]:
        """Halts, limits and what they refused."""
        gate, word, now = self.gates[self.dry], self.halt_word(), self.turn.unix_us
        limits = gate.limits
        most = limits.max_hour_notional
        return {
            "state": "active" if word is None else "halted" if word.everything else "reducing",
            "halts": {who.value: msgspec.to_builtins(word) for who, word in self.halts.items()},
            "hour_notional_usd": money_to_dollars(gate.hour(now)),
            "max_hour_notional_usd": None if most is None else money_to_dollars(most),
            "markets": None if limits.markets is None else len(limits.markets),
            "refused": dict(sum((one.refused for one in self.gates.values()), start=self.refused)),
        }

    def say(self, text: str, level: str, *, count: str | None = None) -> None:
        """Log what concerns no single leg."""
        self.send(self.roles["telemetry"], Note("TRADER", text, level, count=count))
