"""What must always hold, and what must hold at rest, judged by the venues' own books.

Invariants of the step are checked where the thing happens (an order leaves, an ack leaves, a frame leaves); those of
rest once the faults have stopped, the links have healed and the venues have decided everything. The numbers are those
of the design's section 8; the names below them were found on the way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from actors.facts import AnyFact, LegAdopted, LegSent, ResultSeen
from actors.ledger_state import LedgerState
from actors.recovery import rebuild
from actors.risk.limits import NO_LIMITS
from actors.trade import State, Trade
from market.close import NoPlan
from market.pair import Pair
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import BUY, NO, YES, LegId, PairId, Platform
from protocol.units import Money, notional
from simulation.world.agreement import Folded, disagreement, lost_orders, toward_yes
from simulation.world.exchange import Exchange, Order
from simulation.world.foreign import Foreign
from simulation.world.network import Station
from simulation.world.process import (
    MAX_CONTRACTS,
    MAX_SILENCE_US,
    SECOND_US,
    ControllerMachine,
    Process,
)
from simulation.world.purse import at_stake
from simulation.world.till import Till
from simulation.world.trader_machine import TraderMachine

CLOCK_GRACE_US: Final = 1_600_000
"""An order's deadline is kept by a clock that may be a second off, and was measured over a slow link."""

LINK_US: Final = 5_000_000
"""Longer than an answer and its ack are under way at rest."""

_MOST_NAKED: Final = MAX_CONTRACTS * 6 // 5
"""A venue may fill a little more than was asked for."""

CLOCK_NOTICED_US: Final = 20_000_000
"""A clock that jumps is noticed with the next pings."""


class _Frame(msgspec.Struct):
    """What the checker reads of a frame."""

    leg_id: LegId
    revision: int = 0
    platform: Platform = Platform("")
    action: str | None = None
    trade_id: str | None = None


_read: Final = msgspec.json.Decoder(_Frame).decode


class Found(BaseException):
    """An invariant does not hold."""

    def __init__(self, invariant: str, text: str) -> None:
        """Name it, and say what was seen."""
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant
        self.text = text


class Checker:
    """Looks at everything that leaves; at rest, at everything that is there."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        exchanges: Mapping[Platform, Exchange],
        controllers: Sequence[ControllerMachine],
        traders: Sequence[TraderMachine],
        *,
        dry_run: bool,
    ) -> None:
        """Watch a world."""
        self.pairs = pairs
        self.exchanges = exchanges
        self.controllers = controllers
        self.traders = traders
        self.dry_run = dry_run
        self.placed: Counter[LegId] = Counter()
        self.legs: dict[str, dict[LegId, LegSent | LegAdopted]] = defaultdict(dict)
        self.open_of: dict[tuple[str, PairId | None], dict[LegId, None]] = defaultdict(dict)
        self.crashes = 0
        self.gone: set[str] = set()
        self.limits = NO_LIMITS
        self.till = Till(exchanges)
        self.paid_out: set[str] = set()
        self.halted_us: int | None = None
        self.out_of_reach: set[str] = set()
        self.newest: dict[tuple[str, LegId], tuple[int, bool]] = {}
        self.denied: set[LegId] = set()
        self.sent_of: set[str] = set()
        self.begun: dict[str, int] = {}
        self.clocks_jumped_us = -CLOCK_NOTICED_US
        self.foreign: Foreign | None = None
        self._folded = Folded()
        self.stale: Callable[[], Sequence[ControllerMachine]] = list
        """Controllers that run though another one has their home."""
        for controller in controllers:
            controller.ledger.on_fact = lambda fact, name=controller.name: self.told(name, fact)  # type: ignore[misc]
            controller.on_send = lambda kind, text, of=controller: self.controller_sends(of, kind, text)  # type: ignore[misc]
        for trader in traders:
            trader.on_send = lambda kind, text, of=trader: self.trader_sends(of, kind, text)  # type: ignore[misc]

    def fault(self, text: str) -> None:
        """An actor failed."""
        raise Found("no bug", text)

    # -- what the controller knows ---------------------------------------------------------------------------

    def told(self, name: str, fact: AnyFact) -> None:
        """A fact was handed to the ledger."""
        if self.foreign is not None:
            self._complain(self.foreign.told(fact))
        match fact:
            case LegSent() | LegAdopted():
                if self.legs[name].setdefault(fact.leg_id, fact) is fact:
                    self.open_of[name, fact.pair_id][fact.leg_id] = None
                if isinstance(fact, LegSent):
                    self._counted(name, fact)
            case ResultSeen(outcome=outcome):
                self._in_order(name, outcome)
                self._honest(outcome)
                leg = self.legs[name].get(outcome.leg_id)
                if leg is not None and outcome.status.proven:
                    self.open_of[name, leg.pair_id].pop(outcome.leg_id, None)
                elif leg is not None:
                    self.open_of[name, leg.pair_id][outcome.leg_id] = None
            case _:
                pass

    def _counted(self, name: str, fact: LegSent) -> None:
        for controller in self.controllers:
            if controller.name == name:
                if controller.alive:
                    self.till.sent(controller, fact.platform, fact.leg_id, fact.trade_id)
                return
        raise KeyError(name)

    def _in_order(self, name: str, outcome: Outcome) -> None:
        """Revisions only go up, and what was proven is not unknown again under its own number."""
        before = self.newest.get((name, outcome.leg_id))
        this = (outcome.revision, outcome.status.proven)
        if before is not None and this <= before:
            raise Found("recorded once", f"{outcome.leg_id}: {this} is recorded after {before}")
        self.newest[name, outcome.leg_id] = this

    def _honest(self, outcome: Outcome) -> None:
        """What is called proven is what the venue has, or had; "nothing" of an order that never arrives stays true."""
        if outcome.paper or not outcome.status.proven:
            return
        order = None
        for exchange in self.exchanges.values():
            order = order or exchange.orders.get(outcome.leg_id)
        if order is not None and self.foreign is not None and self.foreign.is_foreign(order):
            order = None
        if order is None and not outcome.filled:
            self.denied.add(outcome.leg_id)
        elif order is None or outcome.filled not in order.was:
            had = "no such order" if order is None else order.was
            raise Found("proven", f"{outcome.leg_id} is recorded as {outcome.filled} filled; the venue has {had}")

    def died(self, process: Process) -> None:
        """What a controller had not made durable, it does not know any more."""
        self.crashes += 1
        if isinstance(process, ControllerMachine):
            self.recall(process)

    def recall(self, process: ControllerMachine) -> None:
        """It knows what its ledger has durably, and no more."""
        if process in self.controllers:
            self.legs[process.name] = {}
            for pair in self.pairs:
                self.open_of[process.name, pair.pair_id] = {}
            for key in [key for key in self.newest if key[0] == process.name]:
                del self.newest[key]
            for fact in process.ledger.facts:
                self.told(process.name, fact)
            self.till.began(process)

    # -- steps -----------------------------------------------------------------------------------------------

    def order_leaves(self, station: Station, leg: Leg, now_us: int) -> None:
        """An order is on its way to a venue."""
        self.placed[leg.leg_id] += 1
        if self.placed[leg.leg_id] > 1:
            raise Found("1 once", f"{leg.leg_id} is sent to {leg.platform} a second time, by {station.name}")
        if self.dry_run:
            raise Found("5 dry", f"{leg.leg_id} is sent to {leg.platform} by {station.name}")
        asked_by_the_mad = self.foreign is not None and leg.leg_id in self.foreign.mad.asked
        if self.halted_us is not None and station.name not in self.out_of_reach and not asked_by_the_mad:
            raise Found("6 halt", f"{leg.leg_id} leaves {station.name} after the halt was acknowledged")
        self._intent(station, leg)
        if self.foreign is not None and isinstance(station, TraderMachine):
            right = now_us > self.clocks_jumped_us + CLOCK_NOTICED_US
            self._complain(self.foreign.order_leaves(station.name, leg, now_us, clock_right=right))
        if not asked_by_the_mad:
            self._of_a_trade(station, leg, now_us)

    def _of_a_trade(self, station: Station, leg: Leg, now_us: int) -> None:
        """What must hold of an order of the honest controller's."""
        controller = self._controller_of(leg)
        if controller is not None and leg.action is BUY:
            controller.kernel.after(0, partial(self._within_limits, controller, leg))
        if leg.expires_at_ms is not None and controller is not None:
            late = controller.unix_us() - leg.expires_at_ms * 1_000
            if late > CLOCK_GRACE_US and now_us > self.clocks_jumped_us + CLOCK_NOTICED_US:
                raise Found("deadline", f"{leg.leg_id} leaves {late / 1e6:.3f} s after its deadline")
        if controller is station and leg.trade_id is not None:
            alone = leg.trade_id not in self.sent_of
            self.sent_of.add(leg.trade_id)
            if alone and leg.action is BUY and opens(leg):
                self._fresh(controller, leg.platform, now_us, leg.leg_id)
        if controller is not None and opens(leg):
            # In a moment: what the controller knows is written down at the end of its turn.
            controller.kernel.after(0, partial(self._latched, controller, controller.epoch, leg))

    def halted(self, out_of_reach: set[str]) -> None:
        """The operator was told that nothing leaves any more, but perhaps from those."""
        # Nobody can halt a process that has lost its disk, but by ending it.
        if self.halted_us is None and not self.stale():
            self.halted_us, self.out_of_reach = self.controllers[0].kernel.now_us, out_of_reach

    def own_halt(self, trader: str, at_us: int | None) -> None:
        """A trader's own operator was told that nothing leaves it any more; None: he lets it trade again."""
        if self.foreign is not None:
            self.foreign.own_halts.pop(trader, None)
            if at_us is not None:
                self.foreign.own_halts[trader] = f"{at_us / 1e6:.3f} s"

    @staticmethod
    def _complain(found: tuple[str, str] | None) -> None:
        if found is not None:
            raise Found(*found)

    def resumed(self) -> int | None:
        """The operator wants orders to leave again; since when none was to leave, if he had been told so."""
        since, self.halted_us = self.halted_us, None
        return since

    def _within_limits(self, controller: ControllerMachine, leg: Leg) -> None:
        """What is at stake, with this order and all others that are under way at their worst, is within the limits."""
        known = self.legs[controller.name]
        if self.limits == NO_LIMITS or leg.leg_id not in known:
            return
        # What a thief of its name has ordered may be taken in a moment after this order has left.
        asked = () if self.foreign is None else self.foreign.mad.asked
        counted = [
            leg_id for leg_id, fact in known.items() if fact.trade_id not in self.paid_out and leg_id not in asked
        ]
        stake = at_stake(self.exchanges, counted)
        arrived = {leg_id for exchange in self.exchanges.values() for leg_id in exchange.orders}
        under_way = (known[each] for pair in self.pairs for each in self.open_of[controller.name, pair.pair_id])
        for other in under_way:
            if other.leg_id in self.placed and other.leg_id not in arrived and other.action is BUY:
                key = (other.platform, other.pair_id)
                stake[key] = Money(stake[key] + notional(other.limit, other.quantity))
        by_pair: Counter[object] = Counter()
        by_venue: Counter[object] = Counter()
        for (platform, pair_id), amount in stake.items():
            by_pair[pair_id] += amount
            by_venue[platform] += amount
        checks: tuple[tuple[str, int, Money | None], ...] = (
            ("in total", sum(stake.values()), self.limits.total),
            (f"in {leg.pair_id}", by_pair[leg.pair_id], self.limits.per_pair),
            (f"on {leg.platform}", by_venue[leg.platform], self.limits.per_venue),
        )
        for where, money, most in checks:
            if most is not None and money > most:
                raise Found("4 limits", f"with {leg.leg_id} {money} is at stake {where}, the limit is {most}")

    def _intent(self, station: Station, leg: Leg) -> None:
        if isinstance(station, TraderMachine):
            journal = station.journal
        elif isinstance(station, ControllerMachine):
            journal = station.journals[leg.platform]
        else:
            return
        entry = journal.entries.get(leg.leg_id)
        if entry is None or entry.leg is None:
            raise Found("intent first", f"{leg.leg_id} leaves for {leg.platform} and is not in the journal")

    def _controller_of(self, leg: Leg) -> ControllerMachine | None:
        """The controller whose trade it is: the one that made the id, else one whose name is part of it."""
        for each in self.controllers:
            if each.ids is not None and leg.leg_id.startswith(each.ids.prefix):
                return each
        return next((each for each in self.controllers if each.controller_id in leg.leg_id), None)

    def _latched(self, controller: ControllerMachine, epoch: int, leg: Leg) -> None:
        """Nothing is open of another trade of the pair that the controller knew of when it sent this leg."""
        sent = self.legs[controller.name].get(leg.leg_id)
        if epoch != controller.epoch or sent is None:
            return
        begun = self.begun.setdefault(sent.trade_id, sent.t)
        for other_id in self.open_of[controller.name, leg.pair_id]:
            other = self.legs[controller.name][other_id]
            if other.trade_id != leg.trade_id and other.t < begun:
                raise Found("latched", f"{leg.leg_id} opens on {leg.pair_id} while {other_id} is not proven")

    def _fresh(self, controller: ControllerMachine, platform: Platform, now_us: int, what: str) -> None:
        feed = controller.feeds.get(platform)
        if controller.waking:
            # It has not heard yet of what happened while it was stopped.
            return
        if feed is None or not feed.up:
            raise Found("fresh books", f"{what} leaves for {platform} while its feed is down")
        if feed.silent and now_us - feed.silent_since_us > MAX_SILENCE_US + SECOND_US:
            raise Found("fresh books", f"{what} leaves for {platform} though its feed has long been silent")

    def controller_sends(self, controller: ControllerMachine, kind: str, text: str) -> None:
        """A controller writes a frame."""
        if kind == "leg_ack":
            ack = _read(text)
            if controller.ledger.durable.get(ack.leg_id, -1) < ack.revision:
                raise Found("ack after durable", f"{controller.name} acks {ack.leg_id} r{ack.revision}")
        elif kind == "execute_leg":
            order = _read(text)
            trade_id = order.trade_id or ""
            alone = trade_id not in self.sent_of
            self.sent_of.add(trade_id)
            # The second leg of a trade whose first one has filled hedges it: it leaves whatever the feeds do.
            if alone and order.action == BUY and order.leg_id.startswith(trade_id):
                self._fresh(controller, order.platform, controller.kernel.now_us, order.leg_id)

    def trader_sends(self, trader: TraderMachine, kind: str, text: str) -> None:
        """A trader writes a frame."""
        if kind == "leg_result":
            result = _read(text)
            entry = trader.journal.entries.get(result.leg_id)
            if entry is None or entry.leg is None or trader.journal.full:
                return
            held = entry.outcome
            if held is None or held.revision < result.revision:
                raise Found("outcome first", f"{trader.name} tells {result.leg_id} before it is in its journal")

    def books_moved(self, pair: Pair) -> None:
        """A venue has filled or taken back something of this pair."""
        for exchange in self.exchanges.values():
            if exchange.sold_short and (self.foreign is None or not self.foreign.sold):
                raise Found("nothing sold short", f"{exchange.sold_short[0]} on {exchange.platform}")
            for leg_id in self.denied & exchange.orders.keys() if self.denied else ():
                if self.foreign is not None and self.foreign.is_foreign(exchange.orders[leg_id]):
                    continue
                raise Found("proven", f"{leg_id} was recorded as not filled, and then reached {exchange.platform}")
            if exchange.twice:
                raise Found("1 once", f"{exchange.twice[0]} reached {exchange.platform} twice")
        # What somebody else has spent since the venue was asked, nobody could know.
        if self.till.overdrawn() and (self.foreign is None or not self.foreign.in_the_way):
            raise Found("cash", self.till.overdrawn() or "")
        imbalance = self.imbalance(pair)
        if abs(imbalance) <= _MOST_NAKED:
            return
        reverted = sum(exchange.reverted for exchange in self.exchanges.values())
        cap = _MOST_NAKED * (1 + reverted + self.crashes)
        cap += 0 if self.foreign is None else self.foreign.bought
        if abs(imbalance) > cap:
            raise Found("3 flat or known", f"{imbalance} contracts of {pair.pair_id} are not hedged, the cap is {cap}")

    def imbalance(self, pair: Pair) -> int:
        """YES held less NO held, over all venues."""
        market = str(pair.pair_id)
        held = 0 if self.foreign is None else -self.foreign.imbalance(market)
        for each in self.exchanges.values():
            held += each.held.get((market, YES), 0) - each.held.get((market, NO), 0)
        return held

    # -- rest ------------------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Everything has come to rest: what the ledgers say is what the venues have."""
        for controller in self.controllers:
            self._ledger_sound(controller)
            self._nothing_open(controller)
            self._rebuilt(controller)
        for trader in self.traders:
            if trader.name not in self.gone:
                self._journal_done(trader)
        self._fills_agree()
        if self.foreign is not None:
            self._complain(self.foreign.hour())
        for pair in self.pairs:
            self._flagged(pair)

    def _ledger_sound(self, controller: ControllerMachine) -> None:
        if controller.ledger.conflicts:
            raise Found("no conflict", controller.ledger.conflicts[0])
        told = [fact.outcome for fact in controller.ledger.facts if type(fact) is ResultSeen]
        seen = [(outcome.leg_id, outcome.revision, outcome.status.proven) for outcome in told]
        if len(set(seen)) < len(seen):
            twice = next(key for key, count in Counter(seen).items() if count > 1)
            raise Found("recorded once", f"{twice} is in the ledger {seen.count(twice)} times")

    def _nothing_open(self, controller: ControllerMachine) -> None:
        executor = controller.instance("executor")
        if controller.halted is not None:
            raise Found("alive", f"{controller.name} is halted: {controller.halted}")
        for leg_id in executor.unproven.since:
            raise Found("all proven", f"{leg_id} is not proven by {controller.name}")
        for leg_id in executor.unsettled:
            raise Found("all proven", f"{controller.name} holds {leg_id} for a fill that may still be taken back")
        for trade in executor.book.trades.values():
            if not trade.over and trade.state is not State.NAKED and (self.free or trade.state is not State.UNWINDING):
                raise Found("all proven", f"trade {trade.trade_id} is {trade.state}")
            if trade.state is State.NAKED and trade.reason != NoPlan.TOO_DEAR and self.free:
                raise Found("closed", f"trade {trade.trade_id} is still naked on deep books: {trade.reason}")

    @property
    def free(self) -> bool:
        """No limit, and nobody else in the account, stands in the way of trading on."""
        return self.limits == NO_LIMITS and (self.foreign is None or not self.foreign.in_the_way)

    def _journal_done(self, trader: TraderMachine) -> None:
        for entry in trader.journal.unproven():
            raise Found("all proven", f"{entry.leg_id} is open in the journal of {trader.name}: {entry.outcome}")
        for entry in trader.journal.unacked():
            if self.foreign is not None and entry.leg_id in self.foreign.mad.named:
                # It waits for whoever sent it, and is withheld from everybody else.
                continue
            if not self.free and entry.asked_us > trader.unix_us() - LINK_US:
                # What is refused for ever is tried for ever: the ack is on its way.
                continue
            raise Found("all proven", f"{entry.leg_id} of {trader.name} is not acked: {entry.outcome}")

    def _fills_agree(self) -> None:
        """Leg by leg, and so in sum."""
        foreign = None if self.foreign is None else self.foreign.is_foreign
        self._complain(disagreement(self.exchanges, self._states(), self.lost(), foreign))

    def _states(self) -> list[LedgerState]:
        return [self._folded.of(controller.ledger.facts) for controller in self.controllers]

    def lost(self) -> list[Order]:
        """Orders that nobody is left to tell of."""
        found = lost_orders(self.exchanges, self._states(), self.gone) if self.gone else []
        return [order for order in found if self.foreign is None or not self.foreign.is_foreign(order)]

    def _flagged(self, pair: Pair) -> None:
        """What is not hedged is somebody's naked trade or dust."""
        if self.dry_run:
            # What is naked there is so on paper, and the venues know nothing of it.
            return
        flagged = sum(toward_yes(order) for order in self.lost() if order.leg.pair_id == pair.pair_id)
        for controller in self.controllers:
            executor = controller.instance("executor")
            flagged += sum(
                _signed(trade)
                for trade in executor.book.trades.values()
                if trade.opportunity.pair_id == pair.pair_id and trade.state in {State.NAKED, State.UNWINDING}
            )
            for left in executor.dust.get(pair.pair_id, {}).values():
                flagged += sum((1 if side is YES else -1) * held.contracts for (_, _, side), held in left.items())
        if flagged != self.imbalance(pair):
            raise Found(
                "3 flat or known", f"{self.imbalance(pair)} of {pair.pair_id} are not hedged, flagged are {flagged}"
            )

    def _rebuilt(self, controller: ControllerMachine) -> None:
        """A start now would find the same trades."""
        if controller.ids is None or not controller.ledger.idle:
            return
        pairs = {pair.pair_id: pair for pair in self.pairs}
        rebuilt = rebuild(controller.ledger.facts, pairs, controller.ids)
        for trade in controller.instance("executor").book.trades.values():
            again = rebuilt.trades.get(trade.trade_id)
            if again is not None and again.state is trade.state and again.holdings() == trade.holdings():
                continue
            # A closing order that is out right now has no result yet.
            states = {trade.state, State.UNKNOWN if trade.state is State.UNWINDING else trade.state}
            if again is None or again.state not in states or _held(again) != _held(trade):
                now = None if again is None else (again.state, _held(again))
                raise Found("8 rebuilt", f"{trade.trade_id} is {trade.state, _held(trade)}, rebuilt it is {now}")


def opens(leg: Leg) -> bool:
    """An opening leg's id begins with its trade's."""
    return leg.trade_id is not None and leg.leg_id.startswith(leg.trade_id)


def _signed(trade: Trade) -> int:
    return sum((1 if side is YES else -1) * extra for (_, _, side), extra in trade.excess.items())


def _held(trade: Trade) -> list[tuple[str, str, str, int, int]]:
    """What the trade holds; a slot that holds nothing is none."""
    held = ((*slot, held.contracts, held.basis) for slot, held in trade.holdings().items())
    return sorted(each for each in held if each[-2:] != (0, 0))
