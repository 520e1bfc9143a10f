"""The trader's end of the wire: hello, keepalive, and results that are told again until they could be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.base import Address, handles
from actors.clock_samples import ClockSamples
from actors.journal import JournalRead, ReadJournal
from actors.keepalive import DEFAULT_INTERVAL_US, Keepalive
from actors.leg_answers import bare_result, leg_result, state_of
from actors.leg_orders import leg_asked_about, leg_ordered, revision_claimed
from actors.leg_words import REHEARSAL, describe_leg
from actors.messages import (
    Attach,
    ClockMeasured,
    CloseLink,
    Configured,
    Describe,
    Description,
    Directory,
    DoLeg,
    Incoming,
    IncomingInvalid,
    LegAcked,
    LegReported,
    LinkClosed,
    LinkOpened,
    Note,
    Outgoing,
    QueryLeg,
    StartTimer,
    TellUnacked,
    TimerFired,
    Unconfigured,
)
from actors.risk_messages import LegsTaken, NoLegsTaken, TakeLegs, TakeNoLegs
from actors.trader_messages import OrderRefused, OutOfService, RefuseOrder, Serving, TraderState, VenueOut, WatchState
from actors.uplink_markets import UplinkMarkets
from actors.uplink_setup import UplinkSetup
from protocol.leg import Leg
from protocol.leg_frame import Frame
from protocol.terms import WIRE_VERSION, LegId, Platform
from protocol.wire import (
    MAX_TEXT,
    Book,
    CashQuery,
    ExecuteLeg,
    Halt,
    HaltAck,
    HoldingsQuery,
    Init,
    LegAck,
    LegQuery,
    MarketsQuery,
    Ping,
    Pong,
    Resume,
    ResumeAck,
    WireMessage,
)

HELLO_LIMIT_US: Final = 10_000_000
MAX_BOOKS: Final = 10_000
MAX_LEGS: Final = 100_000

NO_NUMBER: Final = -1
"""Of a halt or resume that carries none."""

SUPERSEDED: Final = 4001
"""Close code (of RFC 6455's private range) for the older one of two controllers: this trader has a newer session."""


class Uplink(UplinkMarkets):
    """Guarantees: every `execute_leg` is answered, also one that makes no sense; an answer is written or kept.

    What became of a leg is told to the controller that sent it, or that asks about it by its id; to no other.
    """

    def __init__(self) -> None:
        """No controller yet."""
        super().__init__()
        self.peer = ""
        self.keepalive = Keepalive(0)
        self.since_us = 0
        self.timers = 0
        self.books: dict[tuple[Platform, str], Book] = {}
        self.legs: dict[LegId, Leg] = {}
        self.early: set[LegId] = set()
        self.measured_us = 0
        self.halt_number = NO_NUMBER
        self.given_up = False
        """The controller was silent for too long: whatever still comes on this connection comes too late."""

    @handles(UplinkSetup)
    def setup(self, message: UplinkSetup, _sender: Address) -> None:
        """Take the hello."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        first, self.roles = not self.roles, dict(message.roles)
        if first:
            self.send(self.roles["journal"], ReadJournal())
            self.send(self.roles["trader"], WatchState())

    # -- life of the link ------------------------------------------------------------------------------------

    @handles(LinkOpened)
    def opened(self, message: LinkOpened, _sender: Address) -> None:
        """A connection to a controller; the newest one holds, and nothing is taken until its own hello."""
        if self.conn_id is not None:
            self.send(self.roles["bridge"], CloseLink(self.conn_id, "this trader has a newer session", code=SUPERSEDED))
        if self.init is not None:
            self.send(self.roles["trader"], Unconfigured("a newer connection is up"))
        self.conn_id, self.peer, self.init = message.conn_id, message.peer, None
        self.halt_number, self.given_up = NO_NUMBER, False
        self.since_us = self.turn.mono_us
        self.keepalive = Keepalive(self.turn.mono_us, DEFAULT_INTERVAL_US)
        self.books.clear()
        self.early.clear()
        self.offsets = ClockSamples()
        self.send(self.roles["bridge"], Attach(message.conn_id, self.myAddress))
        self.set_timer()

    @handles(LinkClosed)
    def closed(self, message: LinkClosed, _sender: Address) -> None:
        """No controller: take no leg until the next hello."""
        if message.conn_id == self.conn_id:
            self.conn_id, self.init = None, None
            self.send(self.roles["trader"], Unconfigured(message.reason))

    def set_timer(self) -> None:
        """Have the keepalive looked at when something can be due; a timer set before this one counts no more."""
        self.timers += 1
        wait = self.keepalive.next_check_us(self.turn.mono_us)
        if self.init is None:
            wait = max(1_000, min(wait, self.since_us + HELLO_LIMIT_US - self.turn.mono_us))
        self.send(self.roles["clock"], StartTimer(wait, f"keepalive {self.timers}"))

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """Ping when idle; drop a controller that is silent or never says `init`."""
        if self.conn_id is None or message.key != f"keepalive {self.timers}":
            return
        now = self.turn.mono_us
        if self.keepalive.silent(now):
            self.drop(f"controller silent for {self.keepalive.limit_us / 1e6:g} s")
        elif self.init is None and now - self.since_us >= HELLO_LIMIT_US:
            self.drop("no init from the controller")
        else:
            stale = self.level >= WIRE_VERSION and now - self.measured_us >= self.keepalive.interval_us
            if stale or self.keepalive.must_ping(now):
                self.ping()
            self.set_timer()

    def ping(self) -> None:
        """Keep the link alive, and measure how far the two clocks are apart."""
        fields: dict[str, Any] = {"timestamp": self.turn.unix_us // 1_000_000}
        if self.level >= WIRE_VERSION:
            fields["sent_us"] = self.turn.unix_us
            self.measured_us = self.turn.mono_us
        self.write(Ping.model_construct(**fields))

    def measure(self, pong: Pong) -> None:
        """A pong that says what the controller's clock showed."""
        if self.offsets.add(pong, self.turn.unix_us) and self.offsets.best_us is not None:
            self.send(self.roles["trader"], ClockMeasured(self.offsets.best_us))
            if self.level >= WIRE_VERSION and self.agreed and self.offsets.is_news():
                self.write(self.status_report())

    def drop(self, reason: str) -> None:
        """Give the link up, and take no leg from now on; the transport connects again by itself."""
        if self.conn_id is not None:
            self.given_up = True
            self.send(self.roles["trader"], Unconfigured(reason))
            self.send(self.roles["bridge"], CloseLink(self.conn_id, reason, drop=True))

    # -- messages in -----------------------------------------------------------------------------------------

    @handles(Incoming)
    def incoming(self, message: Incoming, _sender: Address) -> None:
        """Whatever it is, the other end lives; unless we slept for so long that it must have given us up."""
        if self.init is not None and not self.given_up and self.keepalive.silent(self.turn.mono_us):
            self.drop("nothing heard from the controller for too long")
        self.keepalive.received_us = self.turn.mono_us
        match message.message:
            case ExecuteLeg() as order:
                self.execute(order)
            case LegAck() as ack:
                self.acked(ack)
            case Book() as book:
                self.take_book(book)
            case LegQuery() as query:
                self.asked(query)
            case other:
                self.about_the_link(other)

    def about_the_link(self, message: object) -> None:
        """What concerns no leg of its own."""
        match message:
            case Init() as init:
                if not self.given_up:
                    self.hello(init)
            case Ping() as ping:
                stamp = ping.timestamp if ping.timestamp is not None else self.turn.unix_us // 1_000_000
                self.write(Pong.model_construct(timestamp=stamp))
            case Pong() as pong:
                self.measure(pong)
            case Halt() as halt:
                self.halt(halt)
            case Resume() as resume:
                self.resume(resume)
            case CashQuery() as query:
                self.ask_cash(query)
            case HoldingsQuery() as query:
                self.ask_holdings(query)
            case MarketsQuery() as query:
                self.ask_markets(query)
            case _:
                pass

    @handles(IncomingInvalid)
    def incoming_invalid(self, message: IncomingInvalid, _sender: Address) -> None:
        """An order with a wrong field is answered all the same, naming the field; nothing reaches a venue."""
        self.keepalive.received_us = self.turn.mono_us
        invalid = message.invalid
        if invalid.wire_type == ExecuteLeg.wire_type and invalid.leg_id is not None:
            leg_id = LegId(invalid.leg_id)
            if leg_id in self.legs:
                self.note(f"a second order under the id {leg_id}, and a wrong one: {invalid.reason}", level="warning")
            self.claim(leg_id)
            if self.init is None:
                self.early.add(leg_id)
            platform = Platform(invalid.platform or "unknown")
            self.send(self.roles["trader"], RefuseOrder(leg_id, platform, invalid.reason))

    @handles(OrderRefused)
    def order_refused(self, message: OrderRefused, _sender: Address) -> None:
        """The answer to an order that could not be read: there is no leg to echo, and nothing to be acked."""
        if self.conn_id is not None and (self.init is not None or message.outcome.leg_id in self.early):
            self.write(bare_result(message.platform, message.outcome, self.level))

    def hello(self, init: Init) -> None:
        """Agree on platforms and on dry run, say so, and tell again what could not be written before."""
        self.init = init
        common = frozenset(self.config.platforms & set(init.platforms))
        if bool(init.rehearsal) is not self.config.rehearsal:
            # A leg for money beside one that only looks so is a naked position: such ends never meet.
            common = frozenset()
            self.note(REHEARSAL, level="error")
        if self.out_of_service is not None and self.level < WIRE_VERSION:
            # A level-1 controller cannot be told otherwise, and has no questions either.
            common = frozenset()
        self.agreed = common
        if init.heartbeat_ms is not None:
            self.keepalive.interval_us = init.heartbeat_ms * 1_000
            self.set_timer()
        if (self.out_of_service is not None or self.outages) and self.level >= WIRE_VERSION:
            # Before the ack: from that on legs may come.
            self.write(self.status_report())
        self.write(self.init_ack(init, common))
        self.send(self.roles["trader"], Serving(init.controller_id))
        self.send(self.roles["trader"], self.configuration(init, common))
        if init.at_us is not None and self.level >= WIRE_VERSION:
            # Coarse by the time that the frame was under way; a ping measures it better a moment later.
            self.send(self.roles["trader"], ClockMeasured(init.at_us - self.turn.unix_us))
        if not common:
            mine = ", ".join(sorted(self.config.platforms))
            self.note(
                f"the controller asks for {', '.join(init.platforms) or 'nothing'}, this trader executes {mine}",
                level="warning",
            )
            return
        self.note(f"ready for {', '.join(sorted(common))} ({self.mode()}, level {self.level})", count="hello_done")
        if self.level >= WIRE_VERSION:
            self.write(self.status_report())
            self.ping()
        self.say_withheld()
        self.send(self.roles["trader"], TellUnacked())

    # -- halts -----------------------------------------------------------------------------------------------

    def halt(self, halt: Halt) -> None:
        """The controller halts: the trader first, and its word goes back when nothing can leave any more."""
        if self.is_news(halt.number):
            reason, number = halt.reason or "no reason given", NO_NUMBER if halt.number is None else halt.number
            self.send(self.roles["trader"], TakeNoLegs(number, reason, everything=halt.everything is True))
        else:
            self.write(HaltAck.model_construct(number=halt.number, open_legs=len(self.unanswered)))

    def resume(self, resume: Resume) -> None:
        """The controller trades. On a connection that was given up it counts for nothing."""
        if self.init is None or self.given_up:
            return
        if self.is_news(resume.number):
            number = NO_NUMBER if resume.number is None else resume.number
            self.send(self.roles["trader"], TakeLegs(number, resume.reason or "no reason given"))
        else:
            self.write(ResumeAck.model_construct(number=resume.number, success=False, error="an older word"))

    def is_news(self, number: int | None) -> bool:
        """Whether this is the newest word on this connection; one without a number always is."""
        newest = self.halt_number
        self.halt_number = max(newest, NO_NUMBER if number is None else number)
        return number is None or number >= newest

    @handles(NoLegsTaken)
    def no_legs_taken(self, message: NoLegsTaken, _sender: Address) -> None:
        """Nothing can leave any more."""
        number = None if message.number == NO_NUMBER else message.number
        self.write(HaltAck.model_construct(number=number, open_legs=message.open_legs))

    @handles(LegsTaken)
    def legs_taken(self, message: LegsTaken, _sender: Address) -> None:
        """Legs are taken again, or this machine's operator has halted the trader, too."""
        number = None if message.number == NO_NUMBER else message.number
        self.write(ResumeAck.model_construct(number=number, success=message.error is None, error=message.error))

    @handles(TraderState)
    def trader_state(self, message: TraderState, _sender: Address) -> None:
        """Say the truth to the controller's operator as soon as it changes."""
        changed = (message.halted, message.reducing) != (self.halted, self.reducing)
        self.halted, self.reducing = message.halted, message.reducing
        if changed and self.init is not None and self.agreed and self.level >= WIRE_VERSION:
            self.write(self.status_report())

    def configuration(self, init: Init, common: frozenset[Platform]) -> Configured:
        """What was agreed, for the trader."""
        seed = self.level < WIRE_VERSION
        return Configured(common, init.dry_run, blind_paper=seed, awaits_word=not seed and init.state_follows is True)

    def claim(self, leg_id: LegId) -> None:
        """Whoever names a leg by its id knows it: it sent it, or its ledger has it. Who has no name takes none away."""
        if self.init is None or self.init.controller_id is None:
            return
        if len(self.owners) >= MAX_LEGS:
            del self.owners[next(iter(self.owners))]
        self.owners.pop(leg_id, None)
        self.owners[leg_id] = self.init.controller_id

    def say_withheld(self) -> None:
        """A person must know that somebody's results wait."""
        for owner, count in self.withheld().items():
            text = f"{count} results wait for controller {owner}, which sent those legs; this one is not told"
            self.note(text, level="warning", count="results_withheld")

    def take_book(self, book: Book) -> None:
        """Keep the book for the leg that follows it."""
        if len(self.books) >= MAX_BOOKS:
            self.books.pop(next(iter(self.books)))
        self.books[book.platform, book.market] = book

    def execute(self, order: ExecuteLeg) -> None:
        """Hand the order to the trader, with the book that came before it."""
        leg = leg_ordered(order)
        self.claim(leg.leg_id)
        if leg.leg_id not in self.legs:
            if len(self.legs) >= MAX_LEGS:
                oldest = next(iter(self.legs))
                del self.legs[oldest]
                self.unanswered.discard(oldest)
                self.early.discard(oldest)
            self.legs[leg.leg_id] = leg
            self.unanswered.add(leg.leg_id)
            if self.init is None:
                self.early.add(leg.leg_id)
        self.note(partial(_received, leg), leg=leg, count="legs_received")
        book = self.books.pop((leg.platform, leg.market), None)
        self.send(self.roles["trader"], DoLeg(leg, book, order.arb_type))

    def acked(self, ack: LegAck) -> None:
        """The controller has this revision durably. Another one's word on it would silence the result for its owner."""
        if not self.is_theirs(ack.leg_id):
            self.note(f"ignored an ack of {ack.leg_id}: another controller sent that leg", level="warning")
            return
        if ack.revision >= self.unacked.get(ack.leg_id, 0):
            self.unacked.pop(ack.leg_id, None)
        self.send(self.roles["trader"], LegAcked(ack.leg_id, ack.revision))

    def asked(self, query: LegQuery) -> None:
        """The controller wants to know what became of a leg."""
        leg = leg_asked_about(query)
        self.claim(leg.leg_id)
        self.note("asked what became of it", leg=leg, count="legs_queried")
        revision, paper = revision_claimed(query), query.paper is True
        self.send(self.roles["trader"], QueryLeg(leg, query.trader_id, query.arb_type, revision, paper))

    # -- results out -----------------------------------------------------------------------------------------

    @handles(JournalRead)
    def journal_read(self, message: JournalRead, _sender: Address) -> None:
        """At the start: what was never acked is counted in the hello, and told after it."""
        self.unacked = {entry.leg_id: entry.outcome.revision for entry in message.unacked if entry.outcome is not None}
        entries = (*message.unproven, *message.unacked)
        self.owners = {entry.leg_id: entry.owner for entry in entries if entry.owner is not None}

    @handles(LegReported)
    def reported(self, message: LegReported, _sender: Address) -> None:
        """The trader's word on a leg: written now, or told from the journal after the next hello."""
        outcome = message.outcome
        leg = message.told or self.legs.get(outcome.leg_id)
        if leg is None:
            return
        self.unanswered.discard(outcome.leg_id)
        self.unacked[outcome.leg_id] = outcome.revision
        if self.conn_id is None or (self.init is None and outcome.leg_id not in self.early):
            return
        if not self.is_theirs(outcome.leg_id):
            return
        self.write(leg_result(leg, message, self.level, self.config.trader_id))
        if self.level < WIRE_VERSION:
            # A level-1 controller acks nothing; what was written to it counts as told.
            self.unacked.pop(outcome.leg_id, None)
            self.send(self.roles["trader"], LegAcked(outcome.leg_id, outcome.revision))

    def write(self, message: WireMessage | Frame) -> None:
        """Hand a message to the bridge."""
        if self.conn_id is not None:
            self.keepalive.sent_us = self.turn.mono_us
            self.send(self.roles["bridge"], Outgoing(self.conn_id, message))

    # -- for people ------------------------------------------------------------------------------------------

    @handles(OutOfService)
    def goes_out_of_service(self, message: OutOfService, _sender: Address) -> None:
        """The trader takes no leg any more: the controller must not count on it; it may still ask."""
        self.out_of_service = message.reason
        # A level-1 controller cannot be told: it hears of each leg, and its next hello is refused.
        if self.init is not None and self.level >= WIRE_VERSION:
            self.write(self.status_report())

    @handles(VenueOut)
    def venue_out(self, message: VenueOut, _sender: Address) -> None:
        """A venue is out of reach, or within it again: the controller must not count on it meanwhile."""
        self.outages.pop(message.platform, None)
        if message.reason is not None:
            self.outages[message.platform] = message.reason[:MAX_TEXT]
        if self.init is not None and self.level >= WIRE_VERSION:
            self.write(self.status_report())

    def note(
        self, text: str | Callable[[], str], *, level: str = "info", count: str | None = None, leg: Leg | None = None
    ) -> None:
        """Log what happens on the link."""
        component = "WS" if leg is None else "REMOTE_EXEC"
        self.send(
            self.roles["telemetry"],
            Note(component, text, level, leg.leg_id if leg else None, leg.pair_id if leg else None, count),
        )

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """The link's part of the status."""
        data = {
            "conn_id": self.conn_id,
            "peer": self.peer if self.conn_id is not None else None,
            "state": state_of(self.conn_id, self.init, self.agreed),
            "controller_id": self.init.controller_id if self.init else None,
            "level": self.level if self.init else None,
            "since_s": (self.turn.mono_us - self.since_us) // 1_000_000 if self.conn_id is not None else None,
            "dry_run_by": self.mode(),
            "unacked": self.theirs_unacked,
            "withheld": self.withheld(),
            "clock_offset_ms": self.offsets.best_ms,
        }
        self.send(sender, Description("link", data))


def _received(leg: Leg) -> str:
    return f"received: {describe_leg(leg)}"
