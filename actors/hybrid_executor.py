"""Per leg: executed locally, by a remote trader, or the whole arb is aborted before anything was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import (
    Describe,
    Description,
    Directory,
    DoLeg,
    Drained,
    LegOrder,
    LegReported,
    LegsNotSent,
    Note,
    OpportunitySeen,
    PairFree,
    PathInfo,
    PathsChanged,
    ResultElsewhere,
    SendLegs,
    SessionLost,
    StartTimer,
    StopTrading,
    TimerFired,
    Took,
    TradeMoved,
    TradeSent,
    Wanted,
)
from actors.ports import GatePort, IdSource
from actors.positions import Positions
from actors.trade import RELEASES_PAIR, State, Trade, TradeLeg
from actors.trade_book import TradeBook, liquidity, trade_record
from market.opportunity import Opportunity
from protocol.leg import Leg
from protocol.outcome import Outcome, outcome_from_result
from protocol.terms import WIRE_VERSION, LegId, PairId, Platform, Status
from protocol.units import Money, Quantity, money_to_dollars, quantity_to_wire
from protocol.wire import Book

SWEEP_US: Final = 100_000
"""How often trades in flight are looked at for legs that were never answered."""

RECENT: Final = 200
"""Trades shown in the status."""

MAX_MARKET_ID: Final = 65_536


class ExecutorSetup(msgspec.Struct, frozen=True):
    """What the executor may do. ``local``: platforms executed in this process, each with its trader's role."""

    local: Mapping[Platform, PathInfo]
    ids: IdSource
    gate: GatePort
    leg_timeout_us: int
    order_ttl_ms: int


class HybridExecutor(GuardedActor):
    """Guarantees: every leg has a path before any leaves; one trade at a time per pair; fills only from results."""

    def __init__(self) -> None:
        """Nothing in flight."""
        super().__init__()
        self.config: ExecutorSetup
        self.roles: dict[str, Address] = {}
        self.remote: dict[Platform, PathInfo] = {}
        self.book = TradeBook()
        self.positions = Positions()
        self.aborted: Counter[str] = Counter()
        self.episodes: dict[PairId, str] = {}
        self.sweeping = False
        self.stopping: StopTrading | None = None
        self.stop_asker: Address | None = None

    @handles(ExecutorSetup)
    def setup(self, message: ExecutorSetup, _sender: Address) -> None:
        """Take the rules."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; a new scanner must hear what is wanted."""
        self.roles = dict(message.roles)
        self.want()

    # -- paths -----------------------------------------------------------------------------------------------

    @handles(PathsChanged)
    def paths_changed(self, message: PathsChanged, _sender: Address) -> None:
        """Where remote legs can go now."""
        self.remote = dict(message.remote)
        self.episodes.clear()
        self.want()

    def path(self, platform: Platform) -> PathInfo | None:
        """Local first, else a connected trader, else none."""
        return self.config.local.get(platform) or self.remote.get(platform)

    def want(self) -> None:
        """Tell the scanner which books to send along and how large a leg may be."""
        if "scanner" not in self.roles:
            return
        paths = {**self.remote, **self.config.local}
        paper = frozenset(p for p, path in paths.items() if path.paper)
        caps = {p: path.max_leg_notional for p, path in paths.items() if path.max_leg_notional is not None}
        self.send(self.roles["scanner"], Wanted(frozenset(paths), paper, caps))

    # -- deciding --------------------------------------------------------------------------------------------

    @handles(OpportunitySeen)
    def opportunity(self, message: OpportunitySeen, _sender: Address) -> None:
        """Trade it, or abort it whole with the reason."""
        seen = message.opportunity
        reason = self.reason_against(seen)
        if reason is not None:
            self.abort(seen, reason)
            return
        trade = self.propose(seen)
        self.book.add(trade)
        self.dispatch(trade, message.books)

    def reason_against(self, seen: Opportunity) -> str | None:
        """Why nothing may leave for this arb, or None."""
        if self.stopping is not None:
            return f"stopping: {self.stopping.reason}"
        if seen.pair_id in self.book.pair_in_use:
            return "the pair has a trade that is not over"
        if self.book.legs_out and any(liquidity(leg) in self.book.legs_out for leg in seen.legs):
            return "another pair's leg is out on the same book"
        paths = {leg.platform: self.path(leg.platform) for leg in seen.legs}
        if None in paths.values():
            missing = ", ".join(sorted(platform for platform, path in paths.items() if path is None))
            return f"no execution path for {missing}: not local and no trader connected"
        return self.half_real(paths)

    def half_real(self, paths: Mapping[Platform, PathInfo | None]) -> str | None:
        """One leg for money and another on paper would be a naked position that looks hedged."""
        real = [platform for platform, path in paths.items() if path is not None and path.real]
        if not real or len(real) == len(paths):
            return None
        paper = sorted(platform for platform in paths if platform not in real)
        return f"{', '.join(sorted(real))} would be traded for real, {', '.join(paper)} only on paper"

    def abort(self, seen: Opportunity, reason: str) -> None:
        """Nothing was sent. Counted every time, logged once per episode."""
        self.aborted[reason] += 1
        if self.episodes.get(seen.pair_id) != reason:
            self.episodes[seen.pair_id] = reason
            self.note(f"arb aborted, nothing sent: {reason}", level="warning", pair_id=seen.pair_id)
        self.send(self.roles["scanner"], PairFree(seen.pair_id, recheck=False))

    def propose(self, seen: Opportunity) -> Trade:
        """The trade with its legs and the path of each."""
        trade_id = self.config.ids.trade_id()
        expires = self.turn.unix_us // 1_000 + self.config.order_ttl_ms
        legs = []
        for index, plan in enumerate(seen.legs):
            path = self.path(plan.platform)
            leg = Leg(
                leg_id=self.config.ids.leg_id(trade_id, index),
                trade_id=trade_id,
                pair_id=seen.pair_id,
                market_id=seen.market_id % MAX_MARKET_ID,
                platform=plan.platform,
                market=plan.market,
                action=plan.action,
                side=plan.side,
                limit=plan.limit,
                quantity=seen.quantity,
                expires_at_ms=expires,
                description=seen.description,
            )
            local = plan.platform in self.config.local
            name = "local" if local else f"remote:{path.trader if path else '?'}"
            legs.append(TradeLeg(leg, plan, name, None if local or path is None else path.conn_id))
        return Trade(trade_id, seen, legs)

    def dispatch(self, trade: Trade, books: tuple[Book, ...]) -> None:
        """All legs leave in this turn: the remote ones in one message, so that none can leave by halves."""
        by_market = {(book.platform, book.market): book for book in books}
        remote = []
        for leg in trade.legs.values():
            book = by_market.get((leg.plan.platform, leg.plan.market))
            if leg.conn_id is None:
                self.send(self.roles[f"trader:{leg.plan.platform}"], DoLeg(leg.leg, book))
            else:
                remote.append(LegOrder(leg.leg, book))
        if remote:
            self.send(self.roles["router"], SendLegs(tuple(remote)))
        trade.sent(self.turn.mono_us, self.turn.unix_us)
        self.config.gate.set_busy(busy=True)
        self.say_sent(trade)
        if not self.sweeping:
            self.sweeping = True
            self.send(self.roles["clock"], StartTimer(SWEEP_US, "sweep"))

    # -- results ---------------------------------------------------------------------------------------------

    @handles(LegReported)
    def leg_reported(self, message: LegReported, _sender: Address) -> None:
        """What became of a leg, from whichever road it came."""
        self.apply(message.outcome)

    @handles(ResultElsewhere)
    def result_elsewhere(self, message: ResultElsewhere, _sender: Address) -> None:
        """A trader that came back tells what it could not tell before: believed of the legs that it was sent."""
        result = message.result
        trade = self.book.by_leg.get(result.leg_id)
        leg = None if trade is None else trade.legs[result.leg_id]
        if leg is None or leg.path != f"remote:{message.trader}":
            self.note(
                f"ignored a result for a leg that was not sent to {message.trader}",
                level="warning",
                leg_id=result.leg_id,
            )
            return
        asked, limit = leg.leg.quantity, leg.leg.limit
        self.apply(outcome_from_result(result, asked=asked, limit=limit, dry_run=False, level=WIRE_VERSION))

    @handles(LegsNotSent)
    def legs_not_sent(self, message: LegsNotSent, _sender: Address) -> None:
        """These legs left nowhere: that is proven, and no fill."""
        for leg_id in message.leg_ids:
            self.apply(Outcome(leg_id=leg_id, status=Status.REJECTED, error=f"not sent: {message.reason}"))

    @handles(SessionLost)
    def session_lost(self, message: SessionLost, _sender: Address) -> None:
        """What that path had not answered is unknown until it is proven."""
        for trade in list(self.book.trades.values()):
            for leg in trade.legs.values():
                if leg.waiting and leg.conn_id == message.conn_id:
                    self.give_up(leg.leg.leg_id, f"unknown: the link was lost before the answer ({message.reason})")

    @handles(TimerFired)
    def sweep(self, _message: TimerFired, _sender: Address) -> None:
        """Legs that were not answered in time are unknown: never "not filled"."""
        deadline = self.turn.mono_us - self.config.leg_timeout_us
        for trade in list(self.book.trades.values()):
            if trade.waiting and trade.sent_us <= deadline:
                for leg in trade.legs.values():
                    if leg.waiting:
                        waited = self.config.leg_timeout_us / 1e6
                        self.give_up(leg.leg.leg_id, f"unknown: no answer within {waited:g} s")
        self.sweeping = self.book.waiting > 0
        if self.sweeping:
            self.send(self.roles["clock"], StartTimer(SWEEP_US, "sweep"))
        self.check_drained()

    def give_up(self, leg_id: LegId, error: str) -> None:
        """Mark a leg unknown; a later proof replaces this."""
        self.apply(Outcome(leg_id=leg_id, status=Status.UNKNOWN, error=error, revision=-1, final=False))

    def apply(self, outcome: Outcome) -> None:
        """Apply an outcome to its trade, and let everyone concerned know."""
        trade = self.book.by_leg.get(outcome.leg_id)
        if trade is None:
            self.note("result for a leg that is not known here", level="error", leg_id=outcome.leg_id)
            return
        leg = trade.legs[outcome.leg_id]
        before, was_waiting, was_state = leg.outcome, trade.waiting, trade.state
        if not trade.report(outcome):
            return
        self.positions.apply(leg.leg, before, outcome)
        if before is None:
            self.book.answered(leg)
        # What may have been taken is gone until the venue speaks: of an unknown leg all that was asked.
        known = leg.leg.quantity if outcome.status is Status.UNKNOWN and before is None else outcome.filled
        newly = Quantity(known - (before.filled if before else 0))
        if newly > 0:
            self.send(self.roles["scanner"], Took(leg.plan, newly))
        if outcome.status is Status.UNKNOWN:
            self.note(
                f"{leg.plan.platform} leg: {outcome.error or 'unknown'}",
                level="error",
                leg_id=outcome.leg_id,
                pair_id=trade.opportunity.pair_id,
                count="legs_unknown",
            )
        if was_waiting and not trade.waiting:
            self.book.waiting -= 1
            self.config.gate.set_busy(busy=self.book.waiting > 0)
        if trade.state is not was_state:
            self.moved(trade)

    def moved(self, trade: Trade) -> None:
        """The trade has a new state: say so, and free its pair when it is over."""
        pair_id = trade.opportunity.pair_id
        if trade.over:
            self.book.settle(trade)
        self.say_moved(trade)
        if trade.state not in RELEASES_PAIR:
            self.book.latch(trade)
        elif self.book.release(trade):
            self.send(self.roles["scanner"], PairFree(pair_id, recheck=trade.state is State.HEDGED))
        self.check_drained()

    # -- stopping --------------------------------------------------------------------------------------------

    @handles(StopTrading)
    def stop_trading(self, message: StopTrading, sender: Address) -> None:
        """Start nothing new; answer when every leg is answered or given up."""
        self.stopping, self.stop_asker = message, sender
        self.check_drained()

    def check_drained(self) -> None:
        """Tell whoever asked to stop, once."""
        if self.stop_asker is not None and self.book.waiting == 0:
            open_trades = sum(1 for trade in self.book.trades.values() if not trade.over)
            self.send(self.stop_asker, Drained(open_trades))
            self.stop_asker = None

    # -- for people ------------------------------------------------------------------------------------------

    def say_sent(self, trade: Trade) -> None:
        """One light message on the way out; the log line is made by whoever observes."""
        legs = tuple((leg.leg, leg.path) for leg in trade.legs.values())
        self.send(self.roles["telemetry"], TradeSent(trade.trade_id, trade.opportunity, legs))

    def say_moved(self, trade: Trade) -> None:
        """Tell telemetry what the trade has become."""
        self.send(self.roles["telemetry"], TradeMoved(trade_record(trade)))

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

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Trades, sums and positions."""
        sums = self.book.sums()
        data: dict[str, Any] = {
            "trades": {
                "open": sum(1 for trade in self.book.trades.values() if not trade.over),
                **{state.value: sums[state.value] for state in State},
                "aborted": sum(self.aborted.values()),
            },
            "totals": {
                "contracts": quantity_to_wire(Quantity(sums["contracts"])),
                "cost_usd": money_to_dollars(Money(sums["cost"])),
                "fees_usd": money_to_dollars(Money(sums["fees"])),
                "edge_locked_usd": money_to_dollars(Money(sums["edge"])),
                "unknown_legs": sums["unknown_legs"],
            },
            "recent_trades": self.book.records(RECENT),
            "positions": self.positions.records(),
            "aborted": dict(self.aborted),
            "paths": {
                **{p: f"remote: {path.trader}" for p, path in self.remote.items()},
                **dict.fromkeys(self.config.local, "local"),
            },
        }
        self.send(sender, Description("execution", data))
