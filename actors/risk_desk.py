"""Between the executor and risk: what happens is told to the guard, and what the guard decides is passed on.

Nothing here waits for the ledger, the log or the status: the state has changed before any of them hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from actors.base import Address, handles
from actors.facts import AnyFact
from actors.ledger import FactsKept, Record
from actors.leg_keeper import LegKeeper
from actors.messages import StartTimer, TimerFired
from actors.ports import IdSource
from actors.recovery import Rebuilt, rebuild
from actors.risk.breaker import BreakerRules
from actors.risk.guard import RiskGuard
from actors.risk.plan import RiskPlan, guard_of
from actors.risk.state import RiskState
from actors.risk_messages import (
    AgesAsked,
    ClockTold,
    FeedAges,
    Halting,
    LegsTaken,
    NoLegsTaken,
    TakeLegs,
    TakeNoLegs,
)
from actors.trade import Trade, TradeLeg
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import TradeId

TICK_US: Final = 1_000_000
TICK: Final = "risk"
NO_RULES: Final = BreakerRules()
DISK_EVERY: Final = 10
"""Ticks between two looks at the disk."""


class RiskDesk(LegKeeper):
    """Guarantees: the guard hears of every leg and every trade; a new state reaches the traders in the same turn."""

    risk: RiskGuard
    free_disk: Callable[[], int | None] | None = None

    def __init__(self) -> None:
        """Nothing asked, nothing told."""
        super().__init__()
        self.told_state = RiskState.ACTIVE
        self.number = 0
        """Of the last halt or resume that the traders were told."""
        self.halting: Halting | None = None
        self.local_waiting: dict[str, Address] = {}
        self.written = self.kept = 0
        """How often facts were handed to the ledger, and up to which time they are durable."""
        self.ticking = False
        self.ticks = 0
        self.began_us = 0
        self.ruled = False
        """Whether any breaker has a rule."""

    def open_desk(self, plan: RiskPlan, facts: Callable[[], Iterable[AnyFact]], ids: IdSource) -> None:
        """Make the guard, and have it take up what the ledger holds."""
        now, self.began_us = self.turn.unix_us, self.turn.mono_us
        self.risk = guard_of(plan, self.pairs, now)
        self.ruled = self.risk.watch.rules != NO_RULES

        def trades(some: Iterable[AnyFact]) -> Rebuilt:
            return rebuild(some, self.pairs, ids)

        self.risk.rebuild(facts(), trades, now)
        self.told_state = self.risk.state

    def tick_soon(self) -> None:
        """Have the whole looked at once a second, where there is anything to look at."""
        if not self.ticking and self.must_tick():
            self.ticking = True
            self.send(self.roles["clock"], StartTimer(TICK_US, TICK))

    # -- for the executor to fill in -------------------------------------------------------------------------

    def risk_moved(self) -> None:
        """Another state holds: hold back what is naked, or look at it again."""

    def must_tick(self) -> bool:
        """Whether time alone may change something."""
        return self.ruled or bool(self.risk.breakers.standing)

    def ticked(self) -> None:
        """A second has passed."""

    # -- what happens ----------------------------------------------------------------------------------------

    def counted(self, trade: Trade, outcome: Outcome) -> None:
        """What became of a leg counts before anything follows from it."""
        self.risk.report(outcome, self.turn.unix_us)
        self.trade_moved(trade)

    def trade_moved(self, trade: Trade) -> None:
        """The trade is another one now, in its state or in what it has cost."""
        self.risk.moved(trade, self.turn.unix_us)
        self.settle_risk()

    def adopted(self, told: Leg, source: str, *, paper: bool) -> None:
        """A leg that left without our knowing, and those of its trade that may have: they count from now on."""
        if told.trade_id is not None:
            for leg in self.book.trades[told.trade_id].legs.values():
                self.count_stranger(leg, paper=paper)
        super().adopted(told, source, paper=paper)

    def count_stranger(self, leg: TradeLeg, *, paper: bool) -> None:
        """Count a leg that the guard has not approved; ``paper``: its kind, where no fill of its own says it."""
        if leg.outcome is not None and leg.outcome.status.proven and leg.outcome.filled:
            paper = leg.outcome.paper
        self.risk.adopted(leg.leg, paper=paper)
        if leg.outcome is not None:
            self.risk.report(leg.outcome, self.turn.unix_us)

    def on_paper(self, trade_id: TradeId) -> bool:
        """Whether the trade's orders are known to be for no money."""
        return self.risk.known_on_paper(trade_id)

    def settle_risk(self) -> None:
        """Have the state that the breakers demand, write down what changed, say it, and tell the traders."""
        self.risk.settle(self.turn.unix_us)
        state = self.risk.state
        moved = state is not self.told_state
        if moved:
            self.told_state = state
            self.tell_traders()
        facts = self.risk.take_facts()
        if facts:
            self.keep_facts(facts)
        for line in self.risk.take_lines():
            self.note(line.text, level="warning", count=line.counter, pair_id=line.pair_id)
        if moved:
            self.risk_moved()
        self.tick_soon()

    def keep_facts(self, facts: tuple[AnyFact, ...]) -> None:
        """Have them written; who asks for a halt is told once it would survive a restart."""
        self.written += 1
        if "ledger" in self.roles:
            self.send(self.roles["ledger"], Record(facts, number=self.written))
        else:
            self.kept = self.written

    @handles(FactsKept)
    def facts_kept(self, message: FactsKept, _sender: Address) -> None:
        """So far the ledger remembers."""
        self.kept = max(self.kept, message.number)

    # -- the traders -----------------------------------------------------------------------------------------

    def tell_traders(self) -> None:
        """What holds now goes to the router and to every local trader; each acks what it was told last."""
        self.number += 1
        standing: TakeNoLegs | TakeLegs
        if self.told_state is RiskState.HALTED:
            standing = TakeNoLegs(self.number, self.risk.reason)
        else:
            standing = TakeLegs(self.number, self.risk.reason)
        local = {role: address for role, address in self.roles.items() if role.startswith("trader:")}
        self.halting = None
        self.local_waiting = local if self.told_state is RiskState.HALTED else {}
        for address in (self.roles["router"], *local.values()):
            self.send(address, standing)

    @handles(NoLegsTaken)
    def no_legs_taken(self, message: NoLegsTaken, sender: Address) -> None:
        """A local trader has nothing left on the way to its venue."""
        if message.number == self.number:
            self.local_waiting = {role: each for role, each in self.local_waiting.items() if each != sender}

    @handles(LegsTaken)
    def legs_taken(self, message: LegsTaken, _sender: Address) -> None:
        """A trader takes legs again, or does not."""
        if message.error is not None:
            self.note(f"{message.who or 'the local trader'} takes no legs: {message.error}", level="warning")

    @handles(Halting)
    def on_halting(self, message: Halting, _sender: Address) -> None:
        """Whose ack the router waits for."""
        if message.number == self.number:
            self.halting = message

    @property
    def drained(self) -> bool:
        """Halted, and nothing can leave any more from anybody who can be asked."""
        if self.risk.state is not RiskState.HALTED or self.halting is None:
            return False
        return not (self.halting.waiting or self.local_waiting)

    def halt_record(self) -> dict[str, Any]:
        """How far the halt has come, for people: plain JSON values."""
        waiting = [] if self.halting is None else list(self.halting.waiting)
        return {
            "state": self.risk.state.value,
            "reason": self.risk.reason,
            "drained": self.drained,
            "waiting_for": [*self.local_waiting, *waiting],
            "out_of_reach": {} if self.halting is None else dict(self.halting.out_of_reach),
            "kept": self.kept == self.written and self.ledger_broken is None,
            "ledger": self.ledger_broken,
        }

    # -- numbers of the whole --------------------------------------------------------------------------------

    @handles(TimerFired)
    def timer(self, message: TimerFired, sender: Address) -> None:
        """Once a second the guard looks at the whole."""
        if message.key != TICK:
            super().timer(message, sender)
            return
        self.ticking = False
        self.tick()

    def tick(self) -> None:
        """Ask for the numbers that nobody tells by himself, and judge."""
        if self.risk.watch.rules.feed_age_us is not None:
            self.send(self.roles["scanner"], AgesAsked())
        if self.free_disk is not None and self.ticks % DISK_EVERY == 0:
            free = self.free_disk()
            if free is not None:
                self.risk.watch.disk(free, self.turn.unix_us)
        self.ticks += 1
        self.risk.tick(self.turn.unix_us)
        self.settle_risk()
        self.ticked()

    @handles(FeedAges)
    def feed_ages(self, message: FeedAges, _sender: Address) -> None:
        """A feed that never spoke is as old as this start."""
        never = self.turn.mono_us - self.began_us
        for platform, age in message.ages.items():
            self.risk.watch.feed_age(platform, never if age is None else age, self.turn.unix_us)
        self.settle_risk()

    @handles(ClockTold)
    def clock_told(self, message: ClockTold, _sender: Address) -> None:
        """How far a trader's clock is off."""
        self.risk.watch.clock(message.trader, message.offset_us, self.turn.unix_us)
        self.settle_risk()

    def risk_record(self) -> dict[str, Any]:
        """The section of the status."""
        return {**self.risk.describe(self.turn.unix_us), **self.halt_record()}
