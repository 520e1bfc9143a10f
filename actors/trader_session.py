"""One connected trader, seen from the controller: hello, keepalive, legs sent and not yet answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actors.base import Address, handles
from actors.keepalive import Keepalive
from actors.leg_orders import leg_told
from actors.leg_words import MISSING_AT_LEVEL_1, REHEARSAL
from actors.messages import (
    AckLeg,
    CloseLink,
    Describe,
    Description,
    Directory,
    Incoming,
    IncomingInvalid,
    LegOrder,
    LegReported,
    LegsNotSent,
    LinkClosed,
    Note,
    NotWritten,
    Outgoing,
    PathInfo,
    QueryLeg,
    Registered,
    ResultElsewhere,
    StartTimer,
    TimerFired,
    Unregistered,
)
from actors.relay_messages import AskRelay, RelayBroken, RelayHeard, RelayOffered
from actors.risk_messages import ClockTold, LegsTaken, NoLegsTaken, TakeLegs, TakeNoLegs
from actors.session_questions import Question, SessionQuestions, SessionSetup
from actors.wire_cash import off_the_wire_cash
from actors.wire_holdings import off_the_wire
from actors.wire_markets import off_the_wire_markets
from protocol.book_wire import BOOK_TYPES, BookDelta, BookState
from protocol.leg import Leg
from protocol.leg_frame import AckFrame, Frame, leg_frame
from protocol.outcome import outcome_from_result
from protocol.terms import KALSHI, WIRE_VERSION, LegId, Platform
from protocol.wire import (
    MAX_TEXT,
    Book,
    Cash,
    Halt,
    HaltAck,
    Holdings,
    Init,
    InitAck,
    LegQuery,
    LegResult,
    Markets,
    Ping,
    Pong,
    Resume,
    ResumeAck,
    StatusReport,
)

HELLO_LIMIT_US: Final = 10_000_000
"""A peer that has not said who it is by then is dropped."""

MAX_LEGS: Final = 10_000
"""Legs remembered per connection, the oldest forgotten first; a peer cannot make the controller grow."""

RELAYED_TYPES: Final = BOOK_TYPES | {Book.wire_type}


class TraderSession(SessionQuestions):
    """Guarantees: a leg handed in is written once or reported as not sent; every answer is passed on once."""

    def __init__(self) -> None:
        """No connection yet."""
        super().__init__()
        self.roles: dict[str, Address] = {}
        self.router: Address
        self.keepalive: Keepalive
        self.dry_run = True
        self.paper: frozenset[Platform] = frozenset()
        self.legs: dict[LegId, Leg] = {}
        self.unanswered: set[LegId] = set()
        self.proves_nothing = False
        self.report: StatusReport | None = None
        self.since_us = 0

    # -- life ------------------------------------------------------------------------------------------------

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; a new desk for relayed books has heard of no offer."""
        before, self.roles = self.roles, dict(message.roles)
        if before.get("books") != self.roles.get("books"):
            self.offer_books()

    @handles(SessionSetup)
    def setup(self, message: SessionSetup, sender: Address) -> None:
        """Greet: ``init`` is the first message on every connection."""
        self.config, self.router = message, sender
        self.since_us = self.turn.mono_us
        self.keepalive = Keepalive(self.turn.mono_us, message.heartbeat_us)
        said: dict[str, Any] = {"rehearsal": True} if message.rehearsal else {}
        self.write(
            Init.model_construct(
                platforms=list(message.platforms),
                dry_run=message.dry_run,
                protocol=WIRE_VERSION,
                controller_id=message.controller_id,
                session_id=message.session_id,
                heartbeat_ms=message.heartbeat_us // 1_000,
                at_us=self.turn.unix_us,
                state_follows=True,
                **said,
            )
        )
        self.set_timer()

    @handles(LinkClosed)
    def link_closed(self, message: LinkClosed, _sender: Address) -> None:
        """Unregister at once; what was not answered has no proven outcome (the router says so)."""
        if not self.closed:
            self.closed = True
            self.send(self.router, Unregistered(self.config.conn_id, message.reason))

    def drop(self, reason: str) -> None:
        """Give the link up."""
        self.send(self.roles["bridge"], CloseLink(self.config.conn_id, reason, drop=True))

    # -- keepalive -------------------------------------------------------------------------------------------

    def set_timer(self) -> None:
        """Have the keepalive looked at when something can be due."""
        wait = self.keepalive.next_check_us(self.turn.mono_us)
        if self.ack is None:
            wait = max(1_000, min(wait, self.since_us + HELLO_LIMIT_US - self.turn.mono_us))
        self.send(self.roles["clock"], StartTimer(wait, "keepalive"))

    @handles(TimerFired)
    def timer(self, _message: TimerFired, _sender: Address) -> None:
        """Ping when idle, drop when the other end is silent or never said hello."""
        if self.closed:
            return
        now = self.turn.mono_us
        if self.keepalive.silent(now):
            self.drop(f"silent for {self.keepalive.limit_us / 1e6:g} s")
            return
        if self.ack is None and now - self.since_us >= HELLO_LIMIT_US:
            self.drop("no init_ack")
            return
        if self.keepalive.must_ping(now):
            self.write(Ping.model_construct(timestamp=self.turn.unix_us // 1_000_000))
        self.set_timer()

    # -- messages in -----------------------------------------------------------------------------------------

    @handles(Incoming)
    def incoming(self, message: Incoming, _sender: Address) -> None:
        """Whatever it is, the other end lives."""
        self.keepalive.received_us = self.turn.mono_us
        match message.message:
            case LegResult() as result:
                self.result(result)
            case InitAck() as ack:
                self.hello(ack)
            case Ping() as ping:
                self.pong(ping)
            case StatusReport() as report:
                self.reported(report)
            case Book() | BookDelta() | BookState() as frame if "books" in self.roles:
                self.send(self.roles["books"], RelayHeard(self.config.conn_id, frame, message.size))
            case HaltAck(number=number, open_legs=open_legs):
                self.send(self.router, NoLegsTaken(number or 0, open_legs or 0, self.trader_name()))
            case ResumeAck(number=number, success=success, error=error):
                why = None if success else error or "no reason given"
                self.send(self.router, LegsTaken(number or 0, why, self.trader_name()))
            case Cash() | Holdings() | Markets() as told if told.platform in self.registered:
                self.answered(told)
            case _:
                pass

    def answered(self, told: Cash | Holdings | Markets) -> None:
        """What the trader says of its accounts and markets, for whoever wanted to know."""
        who = self.trader_name()
        match told:
            case Cash():
                self.send(self.roles["executor"], off_the_wire_cash(told, who))
            case Markets():
                self.send(self.roles["executor"], off_the_wire_markets(told, who, self.config.conn_id))
            case Holdings():
                if "reconciler" in self.roles:
                    self.send(self.roles["reconciler"], off_the_wire(told, who))

    def reported(self, report: StatusReport) -> None:
        """The trader's word on itself; one that halts takes no leg, and is asked on."""
        was = self.halted, self.reducing, self.out
        self.report = report
        if (self.halted, self.reducing, self.out) != was and self.registered:
            word = "only sells" if self.reducing else "takes no leg" if self.halted else "takes legs again"
            word += "".join(f", but none for {platform}: {why}" for platform, why in self.out.items())
            self.note(f"#{self.config.conn_id} {self.trader_name()} {word}")
            self.send(self.router, Registered(tuple(self.path(platform) for platform in self.registered)))
        if report.clock_offset_ms is not None:
            self.send(self.roles["executor"], ClockTold(self.trader_name(), report.clock_offset_ms * 1_000))

    @handles(TakeNoLegs, TakeLegs)
    def stand(self, message: TakeNoLegs | TakeLegs, _sender: Address) -> None:
        """Whether this trader may take legs; one of level 1 cannot be told, and gets none instead."""
        if self.closed or self.level < WIRE_VERSION or not self.registered:
            return
        if isinstance(message, TakeNoLegs):
            halt = Halt.model_construct(
                reason=message.reason[:MAX_TEXT], number=message.number, everything=message.everything
            )
            self.write(halt)
        else:
            self.write(Resume.model_construct(reason=message.reason[:MAX_TEXT], number=message.number))

    @handles(IncomingInvalid)
    def incoming_invalid(self, message: IncomingInvalid, _sender: Address) -> None:
        """A result that does not parse proves nothing: its leg stays unanswered until its time is up."""
        self.keepalive.received_us = self.turn.mono_us
        if message.invalid.wire_type == InitAck.wire_type and self.ack is None:
            self.note(f"#{self.config.conn_id} registers nothing: {message.invalid.reason}", level="warning")
        if message.invalid.wire_type in RELAYED_TYPES and "books" in self.roles:
            self.send(self.roles["books"], RelayBroken(self.config.conn_id, message.invalid.reason))

    def offer_books(self) -> None:
        """Tell the desk whose books this trader can relay, or that it can none."""
        if self.ack is not None and "books" in self.roles:
            relays = tuple(self.ack.relays or ()) if self.level >= WIRE_VERSION else ()
            offer = RelayOffered(self.config.conn_id, self.trader_name(), relays, self.level)
            self.send(self.roles["books"], offer)

    @handles(AskRelay)
    def ask_relay(self, message: AskRelay, _sender: Address) -> None:
        """The desk wants books, or has read some."""
        if not self.closed:
            self.write(message.asked)

    def hello(self, ack: InitAck) -> None:
        """Register every platform of the ack that was asked for; say why where there is none. Once a connection."""
        if self.ack is not None:
            self.note(f"#{self.config.conn_id} said hello twice; the first one holds", level="warning")
            return
        asked = set(self.config.platforms)
        same = bool(ack.rehearsal) is self.config.rehearsal
        usable = tuple(dict.fromkeys(p for p in ack.platforms if p in asked)) if ack.success and same else ()
        self.ack = ack
        self.level = min(ack.protocol or 1, WIRE_VERSION)
        self.dry_run = self.config.dry_run or bool(ack.dry_run)
        self.paper = frozenset(ack.paper or ()) if self.level >= WIRE_VERSION else frozenset()
        self.registered = usable
        self.offer_books()
        trader = self.trader_name()
        if not usable:
            offered = ", ".join(ack.platforms) or "no platform"
            why = (
                ack.error
                or (REHEARSAL if not same else None)
                or (f"it offers {offered}, asked was {', '.join(sorted(asked))}" if ack.success else "no reason given")
            )
            self.note(
                f"#{self.config.conn_id} {trader} registers nothing: {why}", level="warning", count="hello_refused"
            )
            return
        text = f"#{self.config.conn_id} {trader} executes {', '.join(usable)} (level {self.level}, {self.mode()})"
        self.note(text, count="hello_done")
        if self.level < WIRE_VERSION:
            self.note(
                f"#{self.config.conn_id} {trader} speaks level 1: " + "; ".join(MISSING_AT_LEVEL_1), level="warning"
            )
        self.send(self.router, Registered(tuple(self.path(platform) for platform in usable)))

    @property
    def halted(self) -> bool:
        """By its own word."""
        return self.report is not None and bool(self.report.halted)

    @property
    def reducing(self) -> bool:
        """Of one that is halted, by its own word too: it sells what it holds."""
        return self.halted and self.report is not None and bool(self.report.reducing)

    @property
    def out(self) -> Mapping[str, str]:
        """The platforms that it cannot reach now, and why."""
        return (self.report.venues if self.report is not None else None) or {}

    def path(self, platform: Platform) -> PathInfo:
        """What the executor may know of this way to a venue."""
        return PathInfo(
            platform=platform,
            conn_id=self.config.conn_id,
            trader=self.trader_name(),
            level=self.level,
            paper=platform in self.paper,
            dry_run=self.dry_run,
            max_leg_notional=None if self.ack is None else self.ack.max_leg_notional,
            halted=self.halted or platform in self.out,
            reducing=self.reducing and platform not in self.out,
            cash=self.states_cash,
            holdings=self.states_holdings,
            markets=self.states_markets(platform),
        )

    def result(self, result: LegResult) -> None:
        """Pass on what became of a leg; of a leg that was not sent here only what says itself whose it is."""
        # Its own words first: a trader may have executed something else under our id.
        told = leg_told(result) if self.level >= WIRE_VERSION else None
        leg = told or self.legs.get(result.leg_id)
        if leg is None:
            self.result_elsewhere(result)
            return
        self.unanswered.discard(result.leg_id)
        outcome = outcome_from_result(
            result, asked=leg.quantity, limit=leg.limit, dry_run=self.dry_run, level=self.level
        )
        if not outcome.status.proven and result.filled is None and not self.proves_nothing:
            self.proves_nothing = True
            text = "reports results without `filled`: that proves no fill and no refusal, its legs stay unknown"
            self.note(f"{self.trader_name()} {text}", level="warning")
        text = f"answered {outcome.status}: {outcome.error or ''}".rstrip(": ")
        self.note(text, leg_id=leg.leg_id, leg=leg)
        reported = LegReported(outcome, self.config.conn_id, self.trader_name(), leg, result.arb_type)
        self.send(self.roles["executor"], reported)

    def result_elsewhere(self, result: LegResult) -> None:
        """A trader with an id of its own may tell of an earlier connection's leg: the executor knows whose it was."""
        trader = None if self.ack is None else self.ack.trader_id
        if trader is not None and self.level >= WIRE_VERSION:
            self.send(self.roles["executor"], ResultElsewhere(trader, self.config.conn_id, result))
            return
        text = f"ignored a result for a leg that was not sent here: {result.leg_id}"
        self.note(text, level="warning", leg_id=result.leg_id)

    def pong(self, ping: Ping) -> None:
        """Answer a ping; at level 2 with our clock, so that the trader can measure how far the two are apart."""
        stamp = ping.timestamp if ping.timestamp is not None else self.turn.unix_us // 1_000_000
        fields: dict[str, Any] = {"timestamp": stamp}
        if ping.sent_us is not None and self.level >= WIRE_VERSION:
            fields |= {"sent_us": ping.sent_us, "at_us": self.turn.unix_us}
        self.write(Pong.model_construct(**fields))

    # -- messages out ----------------------------------------------------------------------------------------

    def write(
        self,
        message: Init | Frame | LegQuery | Question | Halt | Resume | Ping | Pong | Book,
        leg_id: LegId | None = None,
    ) -> None:
        """Hand a message to the bridge."""
        self.keepalive.sent_us = self.turn.mono_us
        self.send(self.roles["bridge"], Outgoing(self.config.conn_id, message, leg_id))

    @handles(LegOrder)
    def order(self, message: LegOrder, _sender: Address) -> None:
        """Write the leg; for a paper venue the book goes first, on the same ordered connection."""
        leg = message.leg
        if self.closed:
            self.send(self.roles["executor"], LegsNotSent((leg.leg_id,), "the trader's connection is gone"))
            return
        if len(self.legs) >= MAX_LEGS:
            oldest = next(iter(self.legs))
            del self.legs[oldest]
            self.unanswered.discard(oldest)
        self.legs[leg.leg_id] = leg
        self.unanswered.add(leg.leg_id)
        if message.book is not None and leg.platform in self.paper:
            self.write(message.book)
        self.write(leg_frame(leg, self.level, message.arb_type), leg.leg_id)

    @handles(AckLeg)
    def ack_leg(self, message: AckLeg, _sender: Address) -> None:
        """What this trader told is durable."""
        if not self.closed and self.level >= WIRE_VERSION:
            self.write(AckFrame(message.leg_id, message.revision))

    @handles(QueryLeg)
    def query_leg(self, message: QueryLeg, _sender: Address) -> None:
        """Ask this trader what became of a leg; one that speaks only level 1 cannot be asked."""
        if self.closed or self.level < WIRE_VERSION:
            return
        leg = message.leg
        market: dict[str, Any] = {("kalshi_market_ticker" if leg.platform == KALSHI else "poly_token"): leg.market}
        self.write(
            LegQuery.model_construct(
                leg_id=leg.leg_id,
                platform=leg.platform,
                market_id=leg.market_id,
                action=leg.action,
                side=leg.side,
                price=leg.limit,
                contracts=leg.quantity,
                pair_id=leg.pair_id,
                trade_id=leg.trade_id,
                expires_at_ms=leg.expires_at_ms,
                trader_id=message.sent_to,
                arb_type=message.arb_type,
                revision=message.revision,
                paper=message.paper,
                **market,
            )
        )

    @handles(NotWritten)
    def not_written(self, message: NotWritten, _sender: Address) -> None:
        """The connection was gone before a byte of the leg left."""
        self.legs.pop(message.leg_id, None)
        self.unanswered.discard(message.leg_id)
        self.send(self.roles["executor"], LegsNotSent((message.leg_id,), "the trader's connection is gone"))

    # -- for people ------------------------------------------------------------------------------------------

    def trader_name(self) -> str:
        """The trader's own id, or its address where it has told none."""
        return (self.ack.trader_id if self.ack else None) or self.config.peer

    def mode(self) -> str:
        """Dry or live, and which end made it dry."""
        if not self.dry_run:
            return "live"
        return "dry run, asked by " + ("the controller" if self.config.dry_run else "the trader")

    def note(
        self,
        text: str,
        *,
        level: str = "info",
        count: str | None = None,
        leg_id: LegId | None = None,
        leg: Leg | None = None,
    ) -> None:
        """Log under the link's prefix, or the routing one where it is about a leg."""
        component = "WS" if leg_id is None else "REMOTE_EXEC"
        self.send(
            self.roles["telemetry"],
            Note(component, text, level, leg_id=leg_id, pair_id=leg.pair_id if leg else None, count=count),
        )

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """The connection's line of the status."""
        report = {} if self.report is None else self.report.model_dump(mode="json", exclude_none=True)
        missing = list(MISSING_AT_LEVEL_1) if self.ack and self.level < WIRE_VERSION else []
        if self.proves_nothing:
            missing.append("no `filled` on its results: a success proves no fill, a failure no refusal")
        data = {
            "conn_id": self.config.conn_id,
            "peer": self.config.peer,
            "trader_id": self.trader_name(),
            "platforms": list(self.registered),
            "state": "ready" if self.registered else ("refused" if self.ack else "greeting"),
            "level": self.level,
            "since_s": (self.turn.mono_us - self.since_us) // 1_000_000,
            "silent_ms": (self.turn.mono_us - self.keepalive.received_us) // 1_000,
            "dry_run": self.dry_run,
            "unanswered": len(self.unanswered),
            "missing": missing,
            "report": report,
        }
        self.send(sender, Description("connection", data))
