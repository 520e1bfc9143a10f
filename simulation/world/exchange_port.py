"""A process's way to a venue: requests that take their time, get lost, or get no answer. Implements ``VenuePort``.

What it promises is what an adapter of a live venue must promise: a request reaches the venue within
:data:`REQUEST_LIFE_US` of being sent, or never; a timeout, a lost connection and a 5xx are ``unknown``; and "no such
order" is said only when the venue says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from actors.ports import CashReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status
from protocol.units import Money
from protocol.wire import Book
from simulation.world.exchange import Exchange, Order
from simulation.world.habits import CALM, Habit, Habits, LookupHabit
from simulation.world.kernel import Kernel, dice
from simulation.world.network import Station
from simulation.world.trace import Trace

REQUEST_LIFE_US: Final = 2_000_000
_PROMPT: Final = Habit.PROMPT

Report = Callable[[Outcome], None]
LookupReport = Callable[[Outcome | None, str | None], None]


class Street:
    """What all ports to one venue share: the venue, its habits in this run, and the dice of each order."""

    def __init__(self, seed: int, exchange: Exchange, kernel: Kernel, trace: Trace, habits: Habits) -> None:
        """A venue that can be reached."""
        self.seed = seed
        self.exchange = exchange
        self.kernel = kernel
        self.trace = trace
        self.habits = habits
        self.count = 0
        self.denied: set[tuple[str, LegId]] = set()
        """Who was told a lie about which order when he last asked."""
        self.down = False
        """Nobody reaches the venue: requests are lost and questions fail."""
        self.on_place: Callable[[Station, Leg], None] = _nobody

    def next_dice(self) -> Random:
        """The dice of the next order or question."""
        self.count += 1
        return dice(self.seed, self.exchange.platform, self.count)

    def calm(self) -> None:
        """From now on the venue does as one wishes; what it has begun it finishes."""
        self.habits, self.down = CALM, False

    def say(self, kind: str, text: str) -> None:
        """Write a line of the trace."""
        self.trace.add(self.kernel.now_us, self.exchange.platform, kind, text)


class ExchangePort:
    """One process's port to the venue, for one run of that process."""

    paper = False

    def __init__(self, street: Street, station: Station, moment: Callable[[str], None]) -> None:
        """Open for the process's present run."""
        self.street = street
        self.station = station
        self.epoch = station.epoch
        self.moment = moment

    @property
    def platform(self) -> Platform:
        """The venue's wire name."""
        return self.street.exchange.platform

    def see(self, book: Book) -> None:
        """A real venue has its own books."""

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, leg: Leg, report: Report, *, blind: bool) -> None:  # noqa: ARG002 -- blind concerns paper venues
        """Send the order; by the venue's habits it arrives or not, and is answered or not."""
        street = self.street
        self.moment("venue order")
        street.on_place(self.station, leg)
        rng = street.next_dice()
        habit = street.habits.order(self.platform, leg.action, rng)
        if street.down:
            habit = Habit.LOST_REQUEST
        if street.trace.on:
            street.say("order sent", f"{leg.leg_id} by {self.station.name}: {habit}")
        under_way = rng.randint(40_000, 140_000)
        if habit is _PROMPT:
            street.kernel.after(under_way, partial(self._arrive, leg, habit, rng, report))
        elif habit is Habit.RATE_LIMITED or habit is Habit.ERROR_BEFORE:
            self._later(under_way * 2, partial(self._refused, leg, habit, report))
        elif habit is not Habit.LOST_REQUEST:
            if habit is Habit.LOST_ANSWER and rng.random() < 0.3:  # noqa: PLR2004 -- sometimes very late
                under_way = rng.randint(under_way, REQUEST_LIFE_US)
            street.kernel.after(under_way, partial(self._arrive, leg, habit, rng, report))
        self.moment("venue order sent")

    def _refused(self, leg: Leg, habit: Habit, report: Report) -> None:
        if habit is Habit.RATE_LIMITED:
            outcome = Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error="429: too many requests")
        else:
            outcome = _unknown(leg, "the venue answered 503")
        self._answer(report, outcome)

    def _arrive(self, leg: Leg, habit: Habit, rng: Random, report: Report) -> None:
        street = self.street
        order = street.exchange.arrive(
            leg,
            self.station.name,
            street.kernel.now_us,
            habit,
            lag_us=street.habits.lag_us,
            settle_us=street.habits.settle_us,
        )
        if street.trace.on:
            street.say("order", f"{leg.leg_id} {_words(order)}")
        back = rng.randint(40_000, 140_000)
        if order.live:
            street.kernel.after(rng.randint(300_000, 20_000_000), partial(self._matched, order, rng, report))
        elif order.provisional:
            later = rng.randint(5_000_000, 150_000_000)
            revert = habit is Habit.REVERTED
            street.kernel.after(later, partial(self._decided, order, report, revert, rng))
        if habit is not _PROMPT:
            if habit is Habit.LOST_ANSWER:
                return
            if habit is Habit.ERROR_AFTER:
                self._later(back, partial(self._answer, report, _unknown(leg, "the venue answered 502")))
                return
            if habit is Habit.LATE_ANSWER:
                back = rng.randint(1_000_000, 6_000_000)
        # The answer says what was so when it was written, not when it is read.
        self._later(back, partial(self._answer, report, order.outcome()))

    def _matched(self, order: Order, rng: Random, report: Report) -> None:
        street = self.street
        street.exchange.match(order, Habit.PROMPT, street.kernel.now_us, street.habits.settle_us)
        street.say("order matched", f"{order.leg.leg_id} {_words(order)}")
        self._news(order, rng, report)

    def _decided(self, order: Order, report: Report, revert: bool, rng: Random) -> None:  # noqa: FBT001 -- for partial
        self.street.exchange.decide(order, revert=revert)
        self.street.say("order decided", f"{order.leg.leg_id} {_words(order)}")
        self._news(order, rng, report)

    def _news(self, order: Order, rng: Random, report: Report) -> None:
        """The venue's own stream tells it too, unless that is down."""
        if rng.random() >= self.street.habits.news_lost:
            self._later(rng.randint(20_000, 200_000), partial(self._answer, report, order.outcome()))

    # -- questions -------------------------------------------------------------------------------------------

    def lookup(self, leg: Leg, report: LookupReport) -> None:
        """Ask what the venue knows of the order."""
        self.moment("venue question")
        rng = self.street.next_dice()
        habit = LookupHabit.FAILED if self.street.down else self.street.habits.lookup(rng)
        if habit in {LookupHabit.PROMPT, LookupHabit.DENIED}:
            deny = habit is LookupHabit.DENIED
            self.street.kernel.after(rng.randint(30_000, 80_000), partial(self._look, leg, rng, report, deny))
        elif habit is LookupHabit.FAILED:
            self._later(rng.randint(60_000, 200_000), partial(report, None, "the venue answered 503"))

    def _look(self, leg: Leg, rng: Random, report: LookupReport, deny: bool) -> None:  # noqa: FBT001 -- for partial
        found = self.street.exchange.lookup(leg.leg_id, self.street.kernel.now_us)
        denied = self.street.denied
        key = (self.station.name, leg.leg_id)
        if deny and key not in denied:
            denied.add(key)
            found = None
        else:
            denied.discard(key)
        self.street.say("looked up", f"{leg.leg_id} {'no such order' if found is None else found.status}")
        self._later(rng.randint(30_000, 80_000), partial(report, found, None))

    def cash(self, report: CashReport) -> None:
        """Ask what there is to be spent; the answer is as it was when it was written."""
        self.moment("venue cash")
        street = self.street
        if street.exchange.cash is None:
            report([], None)
            return
        rng = street.next_dice()
        habit = LookupHabit.FAILED if street.down else street.habits.lookup(rng)
        back = rng.choice((rng.randint(30_000, 80_000), rng.randint(30_000, 8_000_000)))
        if habit is LookupHabit.FAILED:
            self._later(back, partial(report, None, "the venue answered 503"))
        elif habit is not LookupHabit.SILENT:
            street.kernel.after(rng.randint(30_000, 80_000), partial(self._count, back, report))

    def _count(self, back: int, report: CashReport) -> None:
        there = self.street.exchange.free_cash
        self.street.say("cash", f"{self.station.name} is told {there}")
        self._later(back, partial(report, [] if there is None else [("", Money(there))], None))

    def _answer(self, report: Report, outcome: Outcome) -> None:
        if self.street.trace.on:
            self.street.say("answer", f"{outcome.leg_id} {outcome.status}")
        report(outcome)

    def _later(self, delay_us: int, what: Callable[[], None]) -> None:
        """Have the process hear of it, if it is still the same one."""
        self.street.kernel.after(delay_us, partial(self._hear, what))

    def _hear(self, what: Callable[[], None]) -> None:
        if self.station.alive and self.station.epoch == self.epoch and self.station.survives("venue answer"):
            what()


def _unknown(leg: Leg, why: str) -> Outcome:
    return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, error=f"unknown: {why}", final=False)


def _words(order: Order) -> str:
    if order.live:
        return "accepted, not matched yet"
    if order.refused is not None:
        return f"refused: {order.refused}"
    tail = ", provisional" if order.provisional else ", reverted" if order.reverted else ""
    return f"filled {order.filled} of {order.leg.quantity} for {order.cost} + {order.fees}{tail}"


def _nobody(_station: Station, _leg: Leg) -> None:
    pass
