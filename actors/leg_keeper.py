"""What became of every leg: results applied, recorded, acked; what is not proven asked about until it is.

The base of the executor. It never sends an order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.backoff import LAST_US
from actors.base import Address, GuardedActor, handles
from actors.facts import AnyFact, LegAdopted, ResultSeen, TradeOver
from actors.hand_word import PERSON
from actors.ledger import LedgerBroken, Record, Recorded
from actors.leg_words import in_words
from actors.messages import (
    AckLeg,
    HaltAsked,
    LegAcked,
    LegReported,
    LegsNotSent,
    Note,
    QueryLeg,
    ResultElsewhere,
    SessionLost,
    StartTimer,
    TimerFired,
    Took,
    TradeMoved,
)
from actors.positions import Positions
from actors.recovery import ADOPTED, ASSUMED, adopted_leg
from actors.revisions import contradicts, is_news, numbered
from actors.trade import State, Trade, TradeLeg
from actors.trade_book import LateRecord, TradeBook
from actors.unproven import Unproven
from market.pair import Pair
from protocol.leg import Leg
from protocol.outcome import Outcome, believable, beyond_limit, outcome_from_result
from protocol.terms import WIRE_VERSION, LegId, PairId, Platform, Status, TradeId
from protocol.units import Quantity, show_money

SWEEP_US: Final = 100_000
_NAKED: Final = State.NAKED

FOLLOW: Final = "follow"
"""How often legs in flight are looked at, and those that are not proven asked about when their time has come."""

Due = dict[tuple[LegId, int], dict[tuple[Platform, int | None, int], None]]
"""By leg and the revision that must be durable first: platform and connection to ack on, and the teller's revision."""


class LegKeeper(GuardedActor):
    """Guarantees: a revision is acked only when it is durable; an unproven leg is asked about for ever."""

    pairs: Mapping[PairId, Pair]
    leg_timeout_us: int

    def __init__(self) -> None:
        """No legs."""
        super().__init__()
        self.roles: dict[str, Address] = {}
        self.book = TradeBook()
        self.positions = Positions()
        self.unproven = Unproven()
        self.unsettled: dict[LegId, None] = {}
        """Legs whose fill is proven and may still be taken back."""
        self.following = False
        self.recorded: dict[LegId, int] = {}
        self.earlier: dict[LegId, Trade] = {}
        self.acks_due: Due = {}
        self.sweeping = False
        self.ledger_broken: str | None = None

    # -- for the executor to fill in -------------------------------------------------------------------------

    def moved(self, trade: Trade) -> None:
        """The trade has a new state, :meth:`counted` before; the executor frees its pair, or closes what is naked."""
        raise NotImplementedError

    def swept(self) -> None:
        """The sweep is done."""

    def gate(self) -> None:
        """Whether legs are out may have changed."""

    def counted(self, trade: Trade, outcome: Outcome) -> None:
        """Something became of a leg: count its money before anything follows from it."""

    def could_be_ours(self, told: Leg) -> bool:
        """Whether an earlier start may have sent this leg, which is not known here."""
        raise NotImplementedError

    def adoptable(self, told: Leg, arb_type: str | None) -> Trade | None:
        """The trade of a leg that is not known here."""
        raise NotImplementedError

    # -- results ---------------------------------------------------------------------------------------------

    @handles(LegReported)
    def leg_reported(self, message: LegReported, _sender: Address) -> None:
        """What became of a leg, from whichever road it came, perhaps of a leg of an earlier run."""
        outcome = believable(message.outcome)
        if outcome.leg_id not in self.book.by_leg and not self.take_in(message, outcome):
            return
        leg = self.book.by_leg[outcome.leg_id].legs[outcome.leg_id]
        if not self.believed(leg, message.source):
            self.note(
                f"ignored a result for a leg that was not sent to {message.source}",
                level="warning",
                leg_id=outcome.leg_id,
            )
            return
        if message.told is not None and leg.path != ASSUMED and not message.told.asks_the_same(leg.leg):
            outcome = self.another_order(leg, outcome, message.source)
        if contradicts(outcome, message.source, leg):
            self.say_contradicted(leg, outcome, message.source)
        news = numbered(outcome, message.source, leg)
        # What is no news is acked when what holds instead is durable.
        must = max(news.revision, -1 if leg.outcome is None else leg.outcome.revision)
        if outcome.revision >= 0:
            due = (leg.leg.platform, message.conn_id, outcome.revision)
            self.acks_due.setdefault((outcome.leg_id, must), {})[due] = None
            self.confirm(leg, message.told, message.source)
        if not self.apply(news, message.source, outcome.revision):
            self.ack_if_recorded(outcome.leg_id, must)

    def another_order(self, leg: TradeLeg, told: Outcome, source: str) -> Outcome:
        """That trader has another order under this id, so ours was not executed and never will be.

        Whatever the other one came to is nobody's leg here: a person must look at it.
        """
        text = f"{source} has another order under this id, which is not ours, and which came to: {in_words(told)}"
        self.say_foreign(text, leg.leg)
        error = f"not executed: {source} has another order under this id"
        return Outcome(leg_id=told.leg_id, status=Status.REJECTED, error=error, revision=told.revision)

    def believed(self, leg: TradeLeg, source: str) -> bool:
        """A trader's word counts for what was sent to it, and for what it may have been asked about."""
        sent_to_another = leg.path.startswith("remote:") and leg.path != f"remote:{source}"
        asked_about = leg.leg.leg_id in self.unproven.since or leg.leg.leg_id in self.unsettled
        return not sent_to_another or asked_about or source == "local"

    @handles(ResultElsewhere)
    def result_elsewhere(self, message: ResultElsewhere, _sender: Address) -> None:
        """A trader that came back tells what it could not tell before."""
        result = message.result
        trade = self.book.by_leg.get(result.leg_id)
        if trade is None:
            text = f"ignored the result of a leg that is not known here ({message.trader})"
            self.note(text, level="warning", leg_id=result.leg_id)
            return
        leg = trade.legs[result.leg_id].leg
        outcome = outcome_from_result(result, asked=leg.quantity, limit=leg.limit, dry_run=False, level=WIRE_VERSION)
        self.leg_reported(LegReported(outcome, message.conn_id, message.trader), _sender)

    def take_in(self, message: LegReported, outcome: Outcome) -> bool:
        """A leg that is not known here: one of a trade long over, or one that the ledger never heard of."""
        told, leg_id = message.told, outcome.leg_id
        if leg_id in self.earlier:
            leg = self.earlier[leg_id].legs[leg_id]
            if is_news(leg, outcome, message.source):
                self.reopen(self.earlier[leg_id])
                return True
            if contradicts(outcome, message.source, leg):
                self.say_contradicted(leg, outcome, message.source)
        if leg_id in self.recorded:
            self.long_over(message)
            return False
        if told is None or told.trade_id is None:
            self.note(
                f"ignored the result of a leg that is not known here ({message.source})", level="warning", leg_id=leg_id
            )
            return False
        if not self.could_be_ours(told):
            self.say_foreign(f"{message.source} tells of an order that no trade of ours can have: not taken in", told)
            return False
        return self.adopt(message, told, told.trade_id)

    def adopt(self, message: LegReported, told: Leg, trade_id: TradeId) -> bool:
        """A leg that the ledger never heard of, of a trade that is known, was over, or is made for it."""
        was_over = next((each for each in self.earlier.values() if each.trade_id == trade_id), None)
        if was_over is not None:
            self.reopen(was_over)
        trade = self.book.trades.get(trade_id)
        if trade is None:
            trade = self.adoptable(told, message.arb_type)
            if trade is None:
                text = (
                    f"{message.source} tells of a leg of unknown pair {told.pair_id}: add the pair, then it is adopted"
                )
                self.note(text, level="error", leg_id=told.leg_id)
                return False
            self.book.add(trade)
        elif told.leg_id not in trade.legs:
            trade.take_in(adopted_leg(told))
            self.book.note_legs(trade)
        self.adopted(told, message.source, paper=message.outcome.paper)
        return True

    def long_over(self, message: LegReported) -> None:
        """Word of a leg that is recorded, and whose trade is not held any more."""
        outcome, told = message.outcome, message.told
        leg_id = outcome.leg_id
        if outcome.revision > self.recorded[leg_id]:
            text = f"late news of a trade long over: {outcome.status}; recorded, and seen at the next start"
            self.note(text, level="error", leg_id=leg_id)
            trade_id = told.trade_id if told is not None else None
            if trade_id is not None:
                self.recorded[leg_id] = outcome.revision
                fact = ResultSeen(t=self.turn.unix_us, trade_id=trade_id, outcome=outcome, source=message.source)
                self.record((fact,))
        elif told is not None:
            self.send_ack(leg_id, outcome.revision, told.platform, message.conn_id)

    def reopen(self, trade: Trade) -> None:
        """A trade that was over when this run began is in the news: it is one of this run's from now on."""
        for leg_id in trade.legs:
            self.earlier.pop(leg_id, None)
        self.book.add(trade)
        self.book.settle(trade)

    def adopted(self, told: Leg, source: str, *, paper: bool) -> None:  # noqa: ARG002 -- for whoever counts money
        """Say so, write it down, and ask about what else that trade may have sent."""
        self.note(
            "adopted: it left just before a crash of this controller",
            level="warning",
            leg_id=told.leg_id,
            pair_id=told.pair_id,
            count="legs_adopted",
        )
        if told.trade_id is None:
            return
        trade = self.book.trades[told.trade_id]
        self.write_down(told, source, trade)
        for leg in trade.legs.values():
            if leg.outcome is not None and not leg.proven:
                self.ask_about(leg.leg.leg_id)

    def confirm(self, leg: TradeLeg, told: Leg | None, source: str) -> None:
        """A leg that was only assumed is told of: what it was is written before what became of it."""
        if leg.path == ASSUMED:
            leg.path = ADOPTED
            if told is not None and told.trade_id == leg.leg.trade_id and told.pair_id == leg.leg.pair_id:
                self.book.by_leg[leg.leg.leg_id].told(leg, told)
            self.write_down(leg.leg, source, self.book.by_leg[leg.leg.leg_id])

    def write_down(self, told: Leg, source: str, trade: Trade) -> None:
        """A leg becomes a fact by the word of whoever had it."""
        if told.trade_id is None or told.pair_id is None:
            return
        fact = LegAdopted(
            t=self.turn.unix_us,
            leg_id=told.leg_id,
            trade_id=told.trade_id,
            pair_id=told.pair_id,
            market_id=told.market_id,
            platform=told.platform,
            market=told.market,
            action=told.action,
            side=told.side,
            limit=told.limit,
            quantity=told.quantity,
            source=source,
            arb_type=trade.opportunity.arb_type,
        )
        self.record((fact,))

    @handles(LegsNotSent)
    def legs_not_sent(self, message: LegsNotSent, _sender: Address) -> None:
        """These legs left nowhere: that is proven, and no fill."""
        for leg_id in message.leg_ids:
            error = f"not sent: {message.reason}"
            self.apply(Outcome(leg_id=leg_id, status=Status.REJECTED, error=error), "router")

    @handles(SessionLost)
    def session_lost(self, message: SessionLost, _sender: Address) -> None:
        """What that path had not answered is unknown until it is proven."""
        for trade_id in list(self.book.waiting):
            for leg in list(self.book.trades[trade_id].legs.values()):
                if leg.waiting and leg.conn_id == message.conn_id:
                    self.give_up(leg.leg.leg_id, f"unknown: the link was lost before the answer ({message.reason})")

    def give_up(self, leg_id: LegId, error: str) -> None:
        """Mark a leg unknown; a later proof replaces this."""
        self.apply(Outcome(leg_id=leg_id, status=Status.UNKNOWN, error=error, revision=-1, final=False), "controller")

    def apply(self, outcome: Outcome, source: str, told_revision: int | None = None) -> bool:
        """Apply an outcome to its trade, write it down, and let everyone concerned know; True when it was news.

        ``told_revision`` is its teller's own number, where it was given another here.
        """
        trade = self.book.by_leg[outcome.leg_id]
        leg = trade.legs[outcome.leg_id]
        before, was = leg.outcome, trade.state
        if not trade.report(outcome):
            return False
        leg.told_by, leg.told_revision = source, outcome.revision if told_revision is None else told_revision
        self.positions.apply(leg.leg, before, outcome)
        self.record_result(trade, outcome, source)
        self.counted(trade, outcome)
        self.took(leg, before, outcome)
        self.check_limit(leg, outcome)
        if not outcome.status.proven:
            self.say_unknown(trade, leg, outcome)
            self.ask_about(outcome.leg_id)
        else:
            self.unproven.proven(outcome.leg_id)
            self.follow(outcome)
        self.book.note_legs(trade)
        self.gate()
        if trade.state is not was or trade.state is _NAKED:
            self.moved(trade)
        return True

    def took(self, leg: TradeLeg, before: Outcome | None, outcome: Outcome) -> None:
        """What may have been taken is gone until the venue speaks: of an unknown leg all that was asked."""
        known = leg.leg.quantity if before is None and not outcome.status.proven else outcome.filled
        newly = Quantity(known - (before.filled if before else 0))
        if newly > 0 and leg.plan.book_version >= 0:
            self.send(self.roles["scanner"], Took(leg.plan, newly))

    # -- the ledger ------------------------------------------------------------------------------------------

    def record(self, facts: tuple[AnyFact, ...], ack: tuple[LegId, int] | None = None) -> None:
        """Have these facts written; where there is no ledger (tests) they count as written."""
        if "ledger" in self.roles:
            self.send(self.roles["ledger"], Record(facts, ack))
        elif ack is not None:
            self.durable(*ack)

    def record_result(self, trade: Trade, outcome: Outcome, source: str) -> None:
        """Results that were told are facts; our own giving up is not."""
        if outcome.revision < 0:
            return
        fact = ResultSeen(t=self.turn.unix_us, trade_id=trade.trade_id, outcome=outcome, source=source)
        self.record((fact,), (outcome.leg_id, outcome.revision))

    def record_over(self, trade: Trade) -> None:
        """A verdict."""
        self.record((TradeOver(t=self.turn.unix_us, trade_id=trade.trade_id, state=trade.state.value),))

    @handles(Recorded)
    def on_recorded(self, message: Recorded, _sender: Address) -> None:
        """A result is durable."""
        self.durable(message.leg_id, message.revision)

    def durable(self, leg_id: LegId, revision: int) -> None:
        """Remember it, and ack it to whoever told it."""
        self.recorded[leg_id] = max(revision, self.recorded.get(leg_id, -1))
        self.ack_if_recorded(leg_id, revision)

    def ack_if_recorded(self, leg_id: LegId, revision: int) -> None:
        """Ack a result that was told (again) and is durable; otherwise the writing will."""
        if revision <= self.recorded.get(leg_id, -1):
            for platform, conn_id, told_revision in self.acks_due.pop((leg_id, revision), ()):
                self.send_ack(leg_id, told_revision, platform, conn_id)

    def send_ack(self, leg_id: LegId, revision: int, platform: Platform, conn_id: int | None) -> None:
        """On the road that the result came."""
        trader = self.roles.get(f"trader:{platform}")
        if conn_id is not None:
            self.send(self.roles["router"], AckLeg(leg_id, revision, platform, conn_id))
        elif trader is not None:
            self.send(trader, LegAcked(leg_id, revision))

    @handles(LedgerBroken)
    def on_ledger_broken(self, message: LedgerBroken, _sender: Address) -> None:
        """Without a ledger nothing new is started."""
        self.ledger_broken = message.reason
        self.send(self.roles["controller"], HaltAsked(f"the ledger cannot be written: {message.reason}"))

    # -- time ------------------------------------------------------------------------------------------------

    def ask_about(self, leg_id: LegId) -> None:
        """Ask until it is proven."""
        self.unproven.add(leg_id, self.turn.mono_us)
        self.sweep_soon()

    def sweep_soon(self) -> None:
        """Have the sweep running."""
        if not self.sweeping:
            self.sweeping = True
            self.send(self.roles["clock"], StartTimer(SWEEP_US, "sweep"))

    def follow(self, outcome: Outcome) -> None:
        """A fill that may be taken back is asked about until it cannot: whoever knew of it may be gone for good."""
        if outcome.final:
            self.unsettled.pop(outcome.leg_id, None)
            return
        self.unsettled[outcome.leg_id] = None
        self.follow_soon()

    def follow_soon(self) -> None:
        """Have them asked about, rarely: whoever placed them tells by itself."""
        if self.unsettled and not self.following:
            self.following = True
            self.send(self.roles["clock"], StartTimer(LAST_US, FOLLOW))

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """Look at what is open, or at what may still change."""
        if message.key != FOLLOW:
            self.sweep()
            return
        self.following = False
        for leg_id in list(self.unsettled):
            self.query(leg_id)
        self.follow_soon()

    def sweep(self) -> None:
        """Legs that were not answered in time are unknown, never "not filled"; unknown ones are asked about."""
        self.sweeping = False
        deadline = self.turn.mono_us - self.leg_timeout_us
        for trade_id in list(self.book.waiting):
            for leg in list(self.book.trades[trade_id].legs.values()):
                if leg.waiting and leg.sent_us <= deadline:
                    self.give_up(leg.leg.leg_id, f"unknown: no answer within {self.leg_timeout_us / 1e6:g} s")
        for leg_id in self.unproven.due(self.turn.mono_us):
            self.query(leg_id)
        self.swept()
        if self.book.waiting or len(self.unproven):
            self.sweep_soon()

    def query(self, leg_id: LegId) -> None:
        """Ask whoever serves the platform now; the trader that the leg was sent to knows best."""
        trade = self.book.by_leg.get(leg_id) or self.earlier.get(leg_id)
        if trade is None:
            self.unproven.proven(leg_id)
            self.unsettled.pop(leg_id, None)
            return
        leg = trade.legs[leg_id]
        # Who had an adopted leg is not known: nobody's "never received" settles it, the venue is asked.
        sent_to = leg.path.removeprefix("remote:") if leg.path != "local" else None
        revision = -1 if leg.outcome is None else leg.outcome.revision
        paper = self.on_paper(trade.trade_id)
        question = QueryLeg(leg.leg, sent_to, trade.opportunity.arb_type.value, revision, paper)
        local = self.roles.get(f"trader:{leg.leg.platform}")
        self.send(local if local is not None else self.roles["router"], question)

    def on_paper(self, _trade_id: TradeId) -> bool:
        """Whether the trade's orders are known to be for no money."""
        return False

    # -- for people ------------------------------------------------------------------------------------------

    def say_unknown(self, trade: Trade, leg: TradeLeg, outcome: Outcome) -> None:
        """An unknown leg is never only a log line, but it is one too."""
        self.note(
            f"{leg.leg.platform} leg: {outcome.error or 'unknown'}",
            level="error",
            leg_id=outcome.leg_id,
            pair_id=trade.opportunity.pair_id,
            count="legs_unknown",
        )

    def check_limit(self, leg: TradeLeg, outcome: Outcome) -> None:
        """Money is money, also what should never have been charged: it counts, and a person must look at it."""
        worse = beyond_limit(leg.leg, outcome)
        if worse:
            self.note(
                f"{leg.told_by} tells of a fill {show_money(worse)} beyond the leg's limit: it counts as told",
                level="error",
                leg_id=outcome.leg_id,
                pair_id=leg.leg.pair_id,
                count="fills_beyond_limit",
            )

    def say_contradicted(self, leg: TradeLeg, told: Outcome, source: str) -> None:
        """Two words on one leg that cannot both be true: only the venue's own books can say."""
        held = "nothing" if leg.outcome is None else in_words(leg.outcome)
        counts = "the proof counts" if leg.told_by == PERSON else "the larger fill counts: ask the venue"
        self.note(
            f"{source} contradicts {leg.told_by}: {in_words(told)}, not {held}; {counts}",
            level="error",
            leg_id=told.leg_id,
            pair_id=leg.leg.pair_id,
            count="results_contradicted",
        )

    def say_foreign(self, text: str, leg: Leg) -> None:
        """Somebody else has ordered on this account: only the venue's own books show what that has left."""
        self.note(text, level="error", leg_id=leg.leg_id, pair_id=leg.pair_id, count="foreign_orders")

    def say_moved(self, trade: Trade) -> None:
        """Tell telemetry what the trade has become."""
        self.send(self.roles["telemetry"], TradeMoved(trade.state.value, LateRecord(trade)))

    def note(
        self,
        text: str,
        *,
        level: str = "info",
        leg_id: LegId | None = None,
        pair_id: PairId | None = None,
        count: str | None = None,
    ) -> None:
        """Log under the seed's prefix."""
        self.send(self.roles["telemetry"], Note("HYBRID", text, level, leg_id=leg_id, pair_id=pair_id, count=count))
