"""Per leg: executed locally, by a remote trader, or the whole arb is aborted before anything was sent.

What became of the legs is the base's business; here it is decided what leaves: new trades, legs that were waiting for
the first one of their trade, and legs that close an excess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from actors.ask_desk import AskDesk
from actors.base import Address, handles
from actors.facts import Remark, TradeOpened
from actors.leg_sender import ExecutorSetup
from actors.messages import (
    Describe,
    Description,
    Directory,
    Drained,
    OpportunitySeen,
    PairFree,
    PathInfo,
    PathsChanged,
    StopTrading,
    TradeSent,
    Wanted,
)
from actors.pair_books import WatchPair
from actors.proposals import opening_proposal, smaller
from actors.recovery import adopt, could_be_ours
from actors.risk.approval import Approval, Reason, Refused
from actors.risk.asking import AskQueue
from actors.risk.state import RiskState
from actors.trade import OVER, Dust, Holding, SlotKey, State, Trade, merged
from actors.trade_book import liquidity, unknown_records
from actors.trader_messages import OutOfService, VenueOut
from market.opportunity import Opportunity
from protocol.leg import Leg
from protocol.terms import PairId, Platform, TradeId
from protocol.units import Money, Quantity, money_to_dollars, quantity_to_wire
from protocol.wire import Book

EATEN: Final = "so few contracts are left that the fees would eat what they bring"

_NAKED: Final = State.NAKED

RECENT: Final = 200
"""Trades shown in the status."""


class HybridExecutor(AskDesk):
    """Guarantees: every leg has a path before any leaves; one trade at a time per pair; fills only from results.

    Nothing new is traded while a leg of an earlier run is not proven; nothing is closed while a leg of its trade is
    not; nothing is sold that is not held.
    """

    def __init__(self) -> None:
        """Nothing in flight."""
        super().__init__()
        self.aborted: Counter[str] = Counter()
        self.episodes: dict[PairId, str] = {}
        self.stopping: StopTrading | None = None
        self.stop_asker: Address | None = None
        self.recovering: dict[TradeId, None] = {}
        self.taken_up: Mapping[TradeId, Trade] = {}
        self.later: dict[TradeId, tuple[Sequence[Book], Approval]] = {}
        """Of a trade whose other legs wait for the first: the books they were decided on, and what allows them."""

    # -- start -----------------------------------------------------------------------------------------------

    @handles(ExecutorSetup)
    def setup(self, message: ExecutorSetup, _sender: Address) -> None:
        """Take the rules, and up what the ledger holds."""
        self.config, self.pairs, self.leg_timeout_us = message, message.pairs, message.leg_timeout_us
        self.open_desk(message.risk, message.facts, message.ids)
        self.free_disk = message.free_disk
        self.queue = AskQueue(message.risk.asks)
        if message.rebuild is None:
            return
        rebuilt = message.rebuild()
        self.recorded.update(rebuilt.revisions)
        self.taken_up = rebuilt.trades
        self.dust = {pair_id: dict(left) for pair_id, left in rebuilt.dust.items()}
        for trade in rebuilt.trades.values():
            for leg in trade.legs.values():
                if leg.outcome is not None:
                    self.positions.apply(leg.leg, None, leg.outcome)
                    if leg.proven and not leg.outcome.final:
                        self.unsettled[leg.leg.leg_id] = None
            if trade.over:
                self.earlier.update(dict.fromkeys(trade.legs, trade))
            else:
                self.book.add(trade)
                self.recovering[trade.trade_id] = None
                for leg in trade.legs.values():
                    if not leg.proven:
                        self.unproven.add(leg.leg.leg_id, self.turn.mono_us)

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; a new scanner must hear what is wanted; what was open at the start is gone after."""
        first, before, self.roles = not self.roles, self.roles, dict(message.roles)
        if first or self.risk.state is RiskState.HALTED or before["router"] != self.roles["router"]:
            # Also that nothing holds: a local trader may remember a halt that a crash took from the ledger.
            self.tell_traders()
        self.settle_risk()
        self.want()
        for pair_id in dict.fromkeys((*self.watched, *self.queue.asked)):
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))
        self.follow_soon()
        if first:
            self.begin_cash()
            self.begin_markets()
        if first and self.recovering:
            text = f"recovering: {len(self.recovering)} trades are not over, {len(self.unproven)} legs not proven"
            self.note(text, level="warning")
            self.record((Remark(t=self.turn.unix_us, kind="recovery", text=text),))
            self.sweep_soon()
            for trade in [self.book.trades[trade_id] for trade_id in self.recovering]:
                if trade.reason:
                    text = f"trade {trade.trade_id} cannot be proven: {trade.reason}"
                    self.note(text, level="error", pair_id=trade.opportunity.pair_id)
                if trade.state is State.NAKED:
                    self.watch_to_close(trade)

    # -- paths -----------------------------------------------------------------------------------------------

    @handles(PathsChanged)
    def paths_changed(self, message: PathsChanged, _sender: Address) -> None:
        """Where remote legs can go now; somebody new may know what became of a leg."""
        self.remote = dict(message.remote)
        self.episodes.clear()
        self.tried.clear()
        self.want()
        self.cash_paths_changed()
        self.begin_markets()
        if len(self.unproven):
            self.unproven.hurry(self.turn.mono_us)
            self.sweep_soon()
        for pair_id in self.watched:
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))

    @handles(OutOfService)
    def out_of_service_here(self, message: OutOfService, _sender: Address) -> None:
        """A local trader takes no leg any more; remote ones do not serve a platform that is ours."""
        for platform in sorted(message.platforms):
            self.out_of_service[platform] = message.reason
            self.note(f"no path for {platform}: the local trader takes no leg: {message.reason}", level="error")
        self.want()

    @handles(VenueOut)
    def venue_out_here(self, message: VenueOut, _sender: Address) -> None:
        """A local trader's venue is out of reach, or within it again; a trader that broke stays out."""
        if message.reason is not None:
            self.outages[message.platform] = message.reason
        else:
            self.outages.pop(message.platform, None)
        self.want()

    def want(self) -> None:
        """Tell the scanner which books to send along and how large a leg may be."""
        if "scanner" not in self.roles:
            return
        paths = {**self.remote, **self.config.local}
        paths = {p: path for p, path in paths.items() if p not in self.out_of_service and not self.out_here(p)}
        paths = {p: path for p, path in paths.items() if not path.halted or path.reducing}
        paper = frozenset(p for p, path in paths.items() if path.paper)
        caps = {p: path.max_leg_notional for p, path in paths.items() if path.max_leg_notional is not None}
        takes_all = frozenset(p for p, path in paths.items() if not path.halted)
        self.send(self.roles["scanner"], Wanted(takes_all, paper, caps))

    # -- deciding --------------------------------------------------------------------------------------------

    @handles(OpportunitySeen)
    def opportunity(self, message: OpportunitySeen, _sender: Address) -> None:
        """Trade it, or abort it whole with the reason."""
        seen = message.opportunity
        if self.risk.state is not RiskState.ACTIVE:
            # Said first: traders that are halted with us are no path either, and that is no news.
            refused = self.risk.turned_down(seen.pair_id, self.turn.unix_us)
            if refused is not None:
                self.settle_risk()
                self.abort(seen, f"refused: {refused.reason}", said=True)
                return
        reason = self.reason_against(seen)
        accepted = self.accepted_of(seen)
        if reason is not None:
            self.abort(seen, reason)
        elif accepted is not None or not self.waits_for_person(seen):
            self.trade(seen, message.books, None if accepted is None else accepted.quantity)

    def trade(self, seen: Opportunity, books: Sequence[Book], most: Quantity | None) -> None:
        """Have it approved, perhaps of fewer contracts, and send it. ``most``: so many a person has accepted."""
        wanted = seen if most is None else smaller(seen, min(most, seen.quantity), self.risk.terms)
        if wanted is None:
            self.abort(seen, EATEN)
            return
        trade_id = self.config.ids.trade_id()
        approval, dust = self.approval_for(trade_id, wanted)
        if isinstance(approval, Refused):
            self.abort(seen, f"refused: {approval.reason}", said=True)
            return
        sized = smaller(wanted, approval.quantity, self.risk.terms)
        if sized is None:
            self.risk.never(trade_id)
            self.abort(seen, EATEN)
            return
        self.give_dust(seen.pair_id, dust)
        trade = self.propose(trade_id, sized, merged(dust.values()) if dust else {})
        self.book.add(trade)
        if trade.later:
            self.later[trade_id] = (books, approval)
        self.dispatch(trade, books, dust, approval)
        if self.answers:
            self.answered(seen.pair_id, f"sent: trade {trade_id}, {quantity_to_wire(sized.quantity)} contracts")

    def approval_for(self, trade_id: TradeId, seen: Opportunity) -> tuple[Approval | Refused, Dust]:
        """What risk says, and the dust that the trade takes in: none where that makes an order too small to be sent."""
        paper = not any(path is not None and path.real for path in map(self.path, {leg.platform for leg in seen.legs}))
        dust = self.dust_for(seen, paper=paper)
        proposal = opening_proposal(trade_id, seen, merged(dust.values()) if dust else {})
        answer = self.risk.approve(proposal, paper=paper, now_us=self.turn.unix_us)
        if dust and isinstance(answer, Refused) and answer.reason is Reason.TOO_SMALL:
            dust = {}
            answer = self.risk.approve(opening_proposal(trade_id, seen, {}), paper=paper, now_us=self.turn.unix_us)
        self.settle_risk()
        return answer, dust

    def reason_against(self, seen: Opportunity) -> str | None:
        """Why nothing may leave for this arb, or None."""
        if (nothing := self.nothing_leaves()) is not None:
            return nothing
        if self.recovering and (unproven := self.unproven_trades()):
            return f"recovering: {unproven} trades of an earlier run have legs that are not proven"
        if seen.pair_id in self.book.pair_in_use:
            return "the pair has a trade that is not over"
        if self.book.out_on(liquidity(leg) for leg in seen.legs):
            return "another pair's leg is out on the same book"
        paths = {leg.platform: self.path(leg.platform) for leg in seen.legs}
        if None in paths.values():
            missing = ", ".join(sorted(platform for platform, path in paths.items() if path is None))
            return f"no execution path for {missing}: not local and no trader connected"
        return self.half_real(paths) or self.cash_awaited(set(paths))

    def unproven_trades(self) -> int:
        """Trades of an earlier run with a leg whose fate is not proven."""
        return sum(1 for trade_id in self.recovering if self.book.trades[trade_id].state is State.UNKNOWN)

    def half_real(self, paths: Mapping[Platform, PathInfo | None]) -> str | None:
        """One leg for money and another on paper would be a naked position that looks hedged."""
        real = [platform for platform, path in paths.items() if path is not None and path.real]
        if not real or len(real) == len(paths):
            return None
        paper = sorted(platform for platform in paths if platform not in real)
        return f"{', '.join(sorted(real))} would be traded for real, {', '.join(paper)} only on paper"

    def abort(self, seen: Opportunity, reason: str, *, said: bool = False) -> None:
        """Nothing was sent. Counted every time, logged once per episode, unless somebody else has ``said`` it."""
        self.aborted[reason] += 1
        self.answered(seen.pair_id, f"not sent: {reason}")
        if not said and self.episodes.get(seen.pair_id) != reason:
            self.episodes[seen.pair_id] = reason
            self.note(f"arb aborted, nothing sent: {reason}", level="warning", pair_id=seen.pair_id)
        self.send(self.roles["scanner"], PairFree(seen.pair_id, recheck=False))

    def propose(self, trade_id: TradeId, seen: Opportunity, carried: Mapping[SlotKey, Holding]) -> Trade:
        """The trade with its legs and the path of each; dust that it takes in need not be bought."""
        legs, later = [], []
        for index, plan in enumerate(seen.legs):
            key = (plan.platform, plan.market, plan.side)
            quantity = Quantity(seen.quantity - (carried[key].contracts if key in carried else 0))
            if self.config.first not in {None, plan.platform} and self.splits(seen):
                later.append(plan)
            else:
                legs.append(self.new_leg(trade_id, seen, plan, quantity, index))
        return Trade(trade_id, seen, legs, later=later, carried=carried)

    def splits(self, seen: Opportunity) -> bool:
        """Whether one venue goes first: only where it has a leg and another venue has one too."""
        platforms = {leg.platform for leg in seen.legs}
        return self.config.first in platforms and len(platforms) > 1

    def dust_for(self, seen: Opportunity, *, paper: bool) -> Dust:
        """Dust of the pair, of this kind of money, that lies in the arb's own slots and is less than it buys."""
        if seen.pair_id not in self.dust:
            return {}
        found = {giver: left for giver, left in self.dust[seen.pair_id].items() if self.dust_on_paper(giver) is paper}
        dust = merged(found.values())
        slots = {(leg.platform, leg.market, leg.side) for leg in seen.legs}
        if not dust or not set(dust) <= slots or any(holding.contracts >= seen.quantity for holding in dust.values()):
            return {}
        return found

    def dust_on_paper(self, trade_id: TradeId) -> bool:
        """Whether the dust of this trade is paper."""
        giver = self.giver(trade_id)
        return giver is not None and giver.on_paper

    def giver(self, trade_id: TradeId) -> Trade | None:
        """A trade of this run or of an earlier one."""
        return self.book.trades.get(trade_id) or self.taken_up.get(trade_id)

    def give_dust(self, pair_id: PairId, dust: Dust) -> None:
        """A new trade takes the dust in: it is no longer its old owners'."""
        for trade_id, left in dust.items():
            giver = self.giver(trade_id)
            if giver is not None:
                giver.give(left)
        self.drop_dust(pair_id, dust)

    # -- sending ---------------------------------------------------------------------------------------------

    def dispatch(self, trade: Trade, books: Sequence[Book], gave: Dust, approval: Approval) -> None:
        """Its legs leave in this turn, then the trade is opened: durably a moment later, off the way out."""
        legs = list(trade.legs.values())
        self.send_legs(trade, legs, books, approval)
        trade.sent(self.turn.mono_us, self.turn.unix_us)
        seen = trade.opportunity
        opened = TradeOpened(
            t=self.turn.unix_us,
            trade_id=trade.trade_id,
            pair_id=seen.pair_id,
            market_id=seen.market_id,
            arb_type=seen.arb_type,
            quantity=seen.quantity,
            edge=seen.edge,
            market_t=seen.t,
            dry_run=self.risk.paper_of(trade.trade_id),
            description=seen.description,
            carried=tuple([(*slot, held.contracts, held.basis) for slot, held in trade.carried.items()]),
            gave=tuple(
                [
                    (giver, *slot, held.contracts, held.basis)
                    for giver, left in gave.items()
                    for slot, held in left.items()
                ]
            ),
        )
        self.record((opened, *(self.sent_fact(leg) for leg in legs)))
        self.send(self.roles["telemetry"], TradeSent(trade.trade_id, seen, tuple((leg.leg, leg.path) for leg in legs)))

    # -- what the base asks ----------------------------------------------------------------------------------

    def could_be_ours(self, told: Leg) -> bool:
        """Whether an earlier start may have sent it: what this one has sent, it knows."""
        pair = None if told.pair_id is None else self.pairs.get(told.pair_id)
        if self.config.ids.of_this_start(told.leg_id):
            return False
        return pair is None or could_be_ours(told, pair, self.config.ids)

    def adoptable(self, told: Leg, arb_type: str | None) -> Trade | None:
        """The trade of a leg that this ledger never heard of."""
        return adopt(told, arb_type, self.pairs, self.config.ids)

    def gate(self) -> None:
        """Recorded time may go on when no leg is out."""
        self.config.gate.set_busy(busy=bool(self.book.waiting))

    def swept(self) -> None:
        """Naked trades that had to wait get their books again."""
        self.look_again()
        self.check_drained()

    def moved(self, trade: Trade) -> None:
        """The trade has a new state, which is counted: say so, close what is naked, free its pair when it is over."""
        self.say_moved(trade)
        state = trade.state
        if state is not State.DUST:
            self.no_dust(trade)
        if state is State.SIZING:
            self.size_later(trade)
        elif state is _NAKED:
            self.book.latch(trade)
            self.naked(trade)
        elif state in OVER:
            self.finish(trade)
        else:
            self.book.latch(trade)
        self.check_drained()

    def finish(self, trade: Trade) -> None:
        """Write the verdict and free the pair."""
        pair_id = trade.opportunity.pair_id
        self.book.settle(trade)
        self.record_over(trade)
        self.recovering.pop(trade.trade_id, None)
        self.later.pop(trade.trade_id, None)
        self.forget_excess(trade)
        if self.book.release(trade):
            self.send(self.roles["scanner"], PairFree(pair_id, recheck=trade.state is not State.FLAT))

    def size_later(self, trade: Trade) -> None:
        """The first venue's fill is proven: the others get just as much, or nothing where that cannot be sent."""
        seen = trade.opportunity
        filled = Quantity(max(holding.contracts for holding in trade.holdings().values()))
        missing = [plan.platform for plan in trade.later if self.path(plan.platform) is None]
        held = trade.holdings()
        sizes = {plan: filled - held[plan.platform, plan.market, plan.side].contracts for plan in trade.later}
        books, approval = self.later.pop(trade.trade_id)
        # Dust that was taken in may be all that the others need, or more: that is closed like any excess.
        if missing or self.nothing_closes() is not None or min(sizes.values()) <= 0:
            trade.drop_later()
            self.risk.dropped(trade.trade_id)
            if trade.state is State.NAKED:
                # No leg is missing in the ledger: a start need not ask what became of one that was never sent.
                self.record_over(trade)
            self.trade_moved(trade)
            self.moved(trade)
            return
        legs = [
            self.new_leg(trade.trade_id, seen, plan, approval.at_most(plan, Quantity(size)), seen.legs.index(plan))
            for plan, size in sizes.items()
        ]
        trade.send_later(legs, self.turn.mono_us, self.turn.unix_us)
        self.book.note_legs(trade)
        self.send_legs(trade, legs, books, approval)
        self.record(tuple(self.sent_fact(leg) for leg in legs))

    # -- stopping --------------------------------------------------------------------------------------------

    @handles(StopTrading)
    def stop_trading(self, message: StopTrading, sender: Address) -> None:
        """Start nothing new; answer when every leg is answered or given up."""
        self.stopping, self.stop_asker = message, sender
        self.hold_back()
        self.check_drained()

    def check_drained(self) -> None:
        """Tell whoever asked to stop, once."""
        if self.stop_asker is not None and not self.book.waiting:
            open_trades = sum(1 for trade in self.book.trades.values() if not trade.over)
            self.send(self.stop_asker, Drained(open_trades))
            self.stop_asker = None

    # -- for people ------------------------------------------------------------------------------------------

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
            "risk": {**self.risk_record(), "confirm": {"waiting": len(self.queue.asked), **self.queue.counts}},
            "recovering": len(self.recovering),
            "unknown": unknown_records(self.unproven, self.book, self.turn.mono_us),
            "dust": [
                {
                    "pair_id": pair_id,
                    "platform": platform,
                    "side": side.value,
                    "contracts": quantity_to_wire(held.contracts),
                }
                for pair_id, left in self.dust.items()
                for (platform, _, side), held in merged(left.values()).items()
            ],
            "recent_trades": self.book.records(RECENT),
            "positions": self.positions.records(),
            "aborted": dict(self.aborted),
            "paths": {
                **{p: f"remote: {path.trader}" for p, path in self.remote.items() if not path.halted},
                **{p: f"remote: {path.trader} (sells only)" for p, path in self.remote.items() if path.reducing},
                **{p: "local" for p in self.config.local if p not in self.out_of_service and not self.out_here(p)},
            },
        }
        self.send(sender, Description("execution", data))
