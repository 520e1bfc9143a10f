"""Mistakes on the trader's side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from actors.journal import Begin, JournalEntry
from actors.leg_checks import refusal
from actors.leg_prover import LegProver
from actors.messages import PlaceLeg
from actors.trader import Trader
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Status
from simulation.world.disk import SimulatedJournal
from tests.simulation.defect_kit import changed, defect, handler_of

# -- the trader ----------------------------------------------------------------------------------------------


@defect
def no_dedup_of_a_leg_id() -> Iterator[None]:
    """An order that comes again is executed again."""
    begin = SimulatedJournal.begin

    def forgetful(self: SimulatedJournal, leg: Leg, **rest: Any) -> JournalEntry | None:
        self.entries.pop(leg.leg_id, None)
        return begin(self, leg, **rest)

    do_leg = Trader.do_leg

    def again(self: Trader, message: Any, sender: Any) -> None:
        self.work.pop(message.leg.leg_id, None)
        do_leg(self, message, sender)

    with patch.object(SimulatedJournal, "begin", forgetful), handler_of(Trader, do_leg, again):
        yield


@defect
def timeout_at_the_venue_read_as_unfilled() -> Iterator[None]:
    """No answer within the time is taken for no fill."""

    def unfilled(_self: LegProver, leg: Leg, why: str) -> Outcome:
        return Outcome(leg_id=leg.leg_id, status=Status.UNFILLED, error=why)

    with patch.object(LegProver, "unknown", unfilled):
        yield


@defect
def deadline_ignored() -> Iterator[None]:
    """An order is executed however late it comes."""
    with patch("actors.trader_door.refusal", lambda leg, rules, agreed, _now: refusal(leg, rules, agreed, 0)):
        yield


@defect
def intent_not_written_first() -> Iterator[None]:
    """The venue is called before the journal has the intent."""
    send = Trader.send

    def send_early(self: Trader, address: Any, message: Any) -> None:
        if isinstance(message, Begin) and message.refused is None:
            role = self.config.venues[message.leg.platform].live
            if role is not None and not message.dry:
                send(self, self.roles[role], PlaceLeg(message.leg))
                self.early = True  # type: ignore[attr-defined]
        if isinstance(message, PlaceLeg) and getattr(self, "early", False):
            return
        send(self, address, message)

    with patch.object(Trader, "send", send_early):
        yield


@defect
def outcome_told_before_it_is_written() -> Iterator[None]:
    """The answer leaves, and the journal is to have it some time later."""
    conclude = Trader.conclude

    def hasty(self: Trader, work: Any, outcome: Outcome) -> None:
        foreign, work.foreign = work.foreign, True
        conclude(self, work, outcome)
        work.foreign = foreign

    with patch.object(Trader, "conclude", hasty):
        yield


@defect
def no_tombstone() -> Iterator[None]:
    """A leg that was asked about before it came is executed when it comes after all."""

    def buried(_self: SimulatedJournal, leg_id: LegId, _platform: Any, _now_us: int) -> JournalEntry | None:
        return _self.entries.get(leg_id)

    with patch.object(SimulatedJournal, "tombstone", buried):
        yield


@defect
def a_denial_believed_at_once() -> Iterator[None]:
    """The venue knows no such order: taken for proof though the order may still be on its way."""
    with (
        patch.object(LegProver, "could_arrive_until", lambda _self, _work: 0),
        patch("actors.leg_prover.DENIED_AGAIN_US", 0),
    ):
        yield


@defect
def one_denial_is_enough() -> Iterator[None]:
    """A single "no such order" is taken for proof, though look-ups can be behind."""
    with patch("actors.leg_prover.DENIED_AGAIN_US", 0):
        yield


@defect
def provisional_fill_taken_for_final() -> Iterator[None]:
    """A fill that the venue may still take back is told as final."""
    conclude = Trader.conclude

    def sure(self: Trader, work: Any, outcome: Outcome) -> None:
        conclude(self, work, changed(outcome, final=outcome.status.proven))

    with patch.object(Trader, "conclude", sure):
        yield


@defect
def provisional_fill_never_asked_about() -> Iterator[None]:
    """Only the venue's own news settles a provisional fill, and news can be lost."""
    with patch.object(LegProver, "settle_soon", lambda _self: None):
        yield


@defect
def outbox_forgotten_at_a_reconnect() -> Iterator[None]:
    """What was not acked is not told again."""
    with handler_of(Trader, Trader.tell_unacked, lambda _self, _message, _sender: None):
        yield


@defect
def local_outbox_forgotten_at_a_start() -> Iterator[None]:
    """A local trader does not tell what it never had acked."""
    directory = Trader.directory

    def silent(self: Trader, message: Any, sender: Any) -> None:
        directory(self, message, sender)
        self.tell_all = False

    with handler_of(Trader, directory, silent):
        yield


@defect
def late_denial_overrules_a_fill() -> Iterator[None]:
    """A look-up that comes late, and knows nothing, replaces a fill that is proven."""

    def denied(self: LegProver, message: Any, sender: Any) -> None:
        work = self.work.get(message.leg_id)
        if work is not None and message.failed is None:
            if message.outcome is not None:
                self.conclude(work, message.outcome)
            else:
                self.denied(work, sender)

    with handler_of(Trader, LegProver.venue_knows, denied):
        yield


@defect
def dry_run_ignored_by_the_trader() -> Iterator[None]:
    """The trader executes for real whatever was agreed."""
    with patch.object(Trader, "dry", property(lambda _self: False)):
        yield


@defect
def journal_not_synced() -> Iterator[None]:
    """An intent is in the page cache when the venue is called, and gone after a crash."""
    begin, crash = SimulatedJournal.begin, SimulatedJournal.crash
    recent: dict[int, list[LegId]] = {}

    def unsynced(self: SimulatedJournal, leg: Leg, **rest: Any) -> JournalEntry | None:
        recent[id(self)] = [*recent.get(id(self), [])[-2:], leg.leg_id]
        return begin(self, leg, **rest)

    def lose(self: SimulatedJournal, rng: Any) -> None:
        crash(self, rng)
        for leg_id in recent.pop(id(self), []):
            if leg_id in self.entries and self.entries[leg_id].outcome is None:
                del self.entries[leg_id]

    with patch.object(SimulatedJournal, "begin", unsynced), patch.object(SimulatedJournal, "crash", lose):
        yield
