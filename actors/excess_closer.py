"""Fills that differ leave an excess; here it is closed the cheaper way, or kept flagged as naked and tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from actors.base import Address, handles
from actors.closing import closing_legs, closing_plan, settlement_floors, unseen
from actors.closing_backoff import ClosingBackoff, Line
from actors.facts import Purpose
from actors.market_desk import MarketDesk
from actors.messages import StopTrading
from actors.pair_books import PairBooks, WatchPair
from actors.proposals import closing_proposal
from actors.recovery import excess_of
from actors.risk.approval import Approval, Refused
from actors.risk.state import RiskState
from actors.trade import Holding, SlotKey, State, Trade, TradeLeg
from market.close import ClosePlan, NoPlan
from market.opportunity import OpportunityLeg
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, PairId, Status, TradeId
from protocol.units import Price, Quantity, quantity_to_wire, show_money
from protocol.wire import Book

CLOSING: Final = -2
"""In the place of a revision: the ledger has the legs that close an excess."""

REFUSED: Final = frozenset({Status.REJECTED, Status.EXPIRED})

SETTLE_WAIT_US: Final = 2_000_000

REFUSED_WAIT_US: Final = 1_000_000
"""After so long risk is asked again."""

Chosen = Sequence[tuple[OpportunityLeg, Quantity]]
Way = tuple[Approval, Chosen, ClosePlan]
"""What closes an excess, with what allows it."""

BOOKS_WAIT_US: Final = 2_000_000
"""So long is waited for the books of both venues before it is decided on one alone: the other may be much better."""


class ExcessCloser(MarketDesk):
    """Guarantees: nothing is closed while a leg of the trade is not proven; nothing is sold that is not held.

    After an attempt that filled nothing the next one waits for the venue to speak of the pair's books again; after one
    that was refused it waits as `closing_backoff.py` has it.
    """

    def __init__(self) -> None:
        """Nothing naked."""
        super().__init__()
        self.stopping: StopTrading | None = None
        self.dust: dict[PairId, dict[TradeId, Mapping[SlotKey, Holding]]] = {}
        self.unwritten: dict[LegId, tuple[Trade, tuple[TradeLeg, ...], tuple[Book, ...], Approval]] = {}
        self.tried: dict[TradeId, object] = {}
        self.not_before_us: dict[TradeId, int] = {}
        self.books_until_us: dict[TradeId, int] = {}
        self.look_at_us: dict[TradeId, int] = {}
        self.watched: dict[PairId, None] = {}
        self.reasons: dict[TradeId, NoPlan | str] = {}
        self.attempts: dict[TradeId, dict[LegId, Line]] = {}
        """The legs that were sent last to close a trade, until they are judged."""
        self.backoff = ClosingBackoff()

    def naked(self, trade: Trade) -> None:
        """The trade has an excess and nothing is out to close it."""
        trade.reason = self.nothing_closes() or trade.reason or "waiting for books to close it on"
        outcome = next(reversed(trade.legs.values())).outcome
        held_until = self.judge(trade)
        if settlement_floors(trade):
            # What was bought is not there to be sold yet: wait, and do not lower the price for it.
            self.not_before_us[trade.trade_id] = max(self.turn.mono_us + SETTLE_WAIT_US, held_until)
            self.tried.pop(trade.trade_id, None)
            self.sweep_soon()
        elif outcome is not None and outcome.filled:
            self.tried.pop(trade.trade_id, None)
        elif held_until:
            # That nothing was filled says nothing of these books: it is tried again on them when its time has come.
            self.tried.pop(trade.trade_id, None)
        self.watch_to_close(trade)

    def judge(self, trade: Trade) -> int:
        """Which legs of the last attempt were refused, and which were taken; until when it waits, 0: not at all."""
        until, now = 0, self.turn.mono_us
        for leg_id, line in self.attempts.pop(trade.trade_id, {}).items():
            leg = trade.legs[leg_id]
            outcome = leg.outcome
            if outcome is None or not outcome.status.proven:
                continue
            if outcome.status not in REFUSED:
                self.backoff.taken(trade.trade_id, line)
                continue
            why = f"{line.platform}: {outcome.error or outcome.status}"
            self.backoff.refused(trade.trade_id, line, leg.leg.limit, why, now)
            until = max(until, self.backoff.until_us(trade.trade_id, {line: leg.leg.limit}))
        return until

    def look_again(self) -> None:
        """Naked trades that had to wait get their books again when their time has come."""
        now = self.turn.mono_us
        for waiting in (self.not_before_us, self.look_at_us):
            for trade_id in [each for each, at in waiting.items() if at <= now]:
                del waiting[trade_id]
                trade = self.book.trades.get(trade_id)
                if trade is not None and trade.state is State.NAKED:
                    self.watch_to_close(trade)
        if self.not_before_us or self.look_at_us:
            self.sweep_soon()

    def forget_excess(self, trade: Trade) -> None:
        """The trade is over."""
        self.tried.pop(trade.trade_id, None)
        self.attempts.pop(trade.trade_id, None)
        self.backoff.forget(trade.trade_id)
        for times in (self.not_before_us, self.books_until_us, self.look_at_us):
            times.pop(trade.trade_id, None)
        if self.reasons.pop(trade.trade_id, None) is not None:
            trade.reason = ""
        self.stop_watching(trade.opportunity.pair_id)

    def watch_to_close(self, trade: Trade) -> None:
        """Get the pair's books, now and at every change, until the excess is closed."""
        pair_id = trade.opportunity.pair_id
        self.watched[pair_id] = None
        self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))

    def stop_watching(self, pair_id: PairId) -> None:
        """Nothing to close on this pair any more."""
        if pair_id in self.watched and not self.naked_on(pair_id):
            del self.watched[pair_id]
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=False))

    def naked_on(self, pair_id: PairId) -> list[Trade]:
        """The naked trades of a pair."""
        holders = self.book.pair_in_use.get(pair_id, {})
        return [self.book.trades[each] for each in holders if self.book.trades[each].state is State.NAKED]

    @handles(PairBooks)
    def pair_books(self, message: PairBooks, _sender: Address) -> None:
        """Books of a pair with something to close: decide again."""
        nothing = self.nothing_closes()
        for trade in self.naked_on(message.pair.pair_id):
            if nothing is None:
                self.close(trade, message)
            else:
                self.stay_naked(trade, nothing)

    def risk_moved(self) -> None:
        """Halted: every naked trade says so. Otherwise each gets its books again."""
        if self.risk.state is RiskState.HALTED:
            self.hold_back()
            return
        for pair_id in self.watched:
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))

    def nothing_closes(self) -> str | None:
        """Why not even an excess is closed; None while it may be."""
        if (nothing := self.nothing_leaves()) is not None:
            return nothing
        return f"halted: {self.risk.reason}" if self.risk.state is RiskState.HALTED else None

    def nothing_leaves(self) -> str | None:
        """Why no leg leaves any more, whatever it would be for; None while legs may."""
        if self.stopping is not None:
            return f"stopping: {self.stopping.reason}"
        return None if self.ledger_broken is None else f"no ledger, no order: {self.ledger_broken}"

    def hold_back(self) -> None:
        """Nothing is closed from now on: every naked trade says why."""
        nothing = self.nothing_closes()
        for pair_id in list(self.book.pair_in_use):
            for trade in self.naked_on(pair_id):
                self.stay_naked(trade, nothing or "")

    def close(self, trade: Trade, books: PairBooks) -> None:
        """Send what closes the excess the cheaper way, or keep it flagged with the reason."""
        tried = (tuple(view.version for view in books.books), trade.excess)
        if trade.trade_id in self.not_before_us:
            self.stay_naked(trade, "what was bought has not settled yet: it is sold a moment later")
            return
        if self.tried.get(trade.trade_id) == tried:
            self.stay_naked(trade, "the last attempt filled nothing: tried again when a book changes")
            return
        found = self.way_to_close(trade, books)
        if found is None:
            return
        approval, chosen, plan = found
        self.tried[trade.trade_id] = tried
        legs = [
            self.new_leg(
                trade.trade_id,
                trade.opportunity,
                leg,
                quantity,
                0,
                Purpose.COMPLETE if leg.action is Action.BUY else Purpose.UNWIND,
            )
            for leg, quantity in chosen
        ]
        limits = self.limits(chosen)
        self.attempts[trade.trade_id] = {leg.leg.leg_id: line for leg, line in zip(legs, limits, strict=True)}
        trade.closing(legs, self.turn.mono_us)
        self.book.note_legs(trade)
        self.send_when_written(trade, legs, [view.shown for view in books.books if view.shown is not None], approval)
        text = ", ".join(
            f"{leg.leg.action} {quantity_to_wire(leg.leg.quantity)} {leg.leg.side} on {leg.leg.platform}"
            for leg in legs
        )
        self.note(
            f"closing the excess: {text}, loss {show_money(plan.loss)}",
            level="debug" if self.backoff.again(trade.trade_id, limits) else "warning",
            pair_id=trade.opportunity.pair_id,
            count="closings",
        )

    def send_when_written(
        self, trade: Trade, legs: Sequence[TradeLeg], books: Sequence[Book], approval: Approval
    ) -> None:
        """Unlike an opening leg a closing one has an id that no later run could guess: it is durable before it leaves.

        Otherwise a start that does not know of it would sell the same contracts once more.
        """
        first = legs[0].leg.leg_id
        self.unwritten[first] = (trade, tuple(legs), tuple(books), approval)
        self.record(tuple(self.sent_fact(leg) for leg in legs), (first, CLOSING))

    def durable(self, leg_id: LegId, revision: int) -> None:
        """Closing legs that are written down leave now, unless nothing may leave any more."""
        if revision != CLOSING:
            super().durable(leg_id, revision)
            return
        trade, legs, books, approval = self.unwritten.pop(leg_id)
        nothing = self.nothing_leaves()
        if self.risk.state is RiskState.HALTED:
            nothing = nothing or f"halted: {self.risk.reason}"
        ready = all(leg.waiting and self.path(leg.plan.platform, leg.plan.action) is not None for leg in legs)
        if nothing is None and ready:
            self.send_legs(trade, legs, books, approval)
            return
        reason = f"not sent: {nothing or 'its time is over, or there is no path any more'}"
        for leg in legs:
            if not leg.proven:
                self.apply(Outcome(leg_id=leg.leg.leg_id, status=Status.REJECTED, error=reason), "router")

    def way_to_close(self, trade: Trade, books: PairBooks) -> Way | None:
        """The cheaper way that risk approves; where a purchase is refused, there is still selling.

        None: it is said why there is none now.
        """
        why: Refused | NoPlan | str = ""
        for may_buy in (True, False):
            found = self.one_way(trade, books, may_buy=may_buy)
            if found is None or isinstance(found, tuple):
                return found
            if isinstance(found, NoPlan):
                why = why or found
                break
            why = found or why
        if isinstance(why, Refused):
            self.refused_by_risk(trade, why)
        elif isinstance(why, NoPlan):
            self.cannot_close(trade, why)
        elif why:
            self.stay_naked(trade, why)
        return None

    def one_way(self, trade: Trade, books: PairBooks, *, may_buy: bool) -> Way | Refused | NoPlan | str | None:
        """The plan with its approval, or why another way must be looked for. None: it is said why there is none."""
        plan = closing_plan(trade, books, self.config.max_unwind_loss, may_buy=may_buy)
        if isinstance(plan, NoPlan):
            return plan
        chosen = closing_legs(trade, plan, books)
        if may_buy:
            self.risk.loss.mark(trade.trade_id, plan.loss, self.turn.unix_us)
        if may_buy and self.only_sells(chosen):
            return ""
        held = self.held_back(trade, chosen)
        if held is not None:
            if may_buy and self.backoff.persists(trade.trade_id, self.limits(chosen)):
                return held
            self.stay_naked(trade, held)
            return None
        if self.cannot_send(trade, chosen) or self.waits_for_books(trade, books):
            return None
        paper = self.risk.paper_of(trade.trade_id)
        answer = self.risk.approve_closing(closing_proposal(trade, chosen), paper=paper, now_us=self.turn.unix_us)
        self.settle_risk()
        return (answer, chosen, plan) if isinstance(answer, Approval) else answer

    def refused_by_risk(self, trade: Trade, refused: Refused) -> None:
        """It may be allowed a moment later without any change of the books: the rate of orders, for one."""
        self.look_at_us[trade.trade_id] = self.turn.mono_us + REFUSED_WAIT_US
        self.sweep_soon()
        self.stay_naked(trade, f"refused, {refused.reason}: {refused.text}")

    def held_back(self, trade: Trade, chosen: Chosen) -> str | None:
        """Why this waits: it was refused before. It is looked at again when its time has come, books or no books."""
        limits = self.limits(chosen)
        held = self.backoff.holds(trade.trade_id, limits, self.turn.mono_us)
        if held is not None:
            self.look_at_us[trade.trade_id] = self.backoff.until_us(trade.trade_id, limits)
            self.sweep_soon()
        return held

    def limits(self, chosen: Chosen) -> dict[Line, Price]:
        """What would be sent, by whom, and at which limits."""
        found: dict[Line, Price] = {}
        for leg, _ in chosen:
            path = self.path(leg.platform, leg.action)
            who = "" if path is None or path.conn_id is None else path.trader
            found[Line(leg.platform, leg.market, leg.side, leg.action, who)] = leg.limit
        return found

    def try_again(self) -> None:
        """A person asks for it: whatever was refused is tried at once."""
        self.backoff.forget_all()
        for pair_id in self.watched:
            self.send(self.roles["scanner"], WatchPair(pair_id, wanted=True))

    def only_sells(self, chosen: Chosen) -> bool:
        """Whether a purchase among these would go to a trader that reduces: then there is still selling."""
        buys = {leg.platform for leg, _ in chosen if leg.action is Action.BUY}
        return any(self.path(each) is None and self.path(each, Action.SELL) is not None for each in buys)

    def cannot_send(self, trade: Trade, chosen: Chosen) -> bool:
        """True, and said, where a leg has no path, or one that would close on paper what is held for real."""
        paths = {leg.platform: self.path(leg.platform, leg.action) for leg, _ in chosen}
        missing = sorted(platform for platform, path in paths.items() if path is None)
        if missing:
            self.stay_naked(trade, f"no execution path for {', '.join(missing)}")
            return True
        paper = self.risk.paper_of(trade.trade_id)
        wrong = sorted(platform for platform, path in paths.items() if path is not None and path.real is paper)
        if wrong:
            held, sold = ("on paper", "for real") if paper else ("for real", "on paper")
            self.stay_naked(trade, f"what is held {held} would be closed {sold} on {', '.join(wrong)}")
        return bool(wrong)

    def waits_for_books(self, trade: Trade, books: PairBooks) -> bool:
        """True while a book of the trade is not known and it is not waited too long for it: after a start, say."""
        missing = unseen(trade, books)
        if not missing:
            for times in (self.books_until_us, self.look_at_us):
                times.pop(trade.trade_id, None)
            return False
        if trade.trade_id not in self.books_until_us:
            until = self.turn.mono_us + BOOKS_WAIT_US
            self.books_until_us[trade.trade_id] = self.look_at_us[trade.trade_id] = until
            self.sweep_soon()
        if self.turn.mono_us >= self.books_until_us[trade.trade_id]:
            return False
        self.stay_naked(trade, f"waiting for the book of {', '.join(missing)} before it is closed on the other alone")
        return True

    def cannot_close(self, trade: Trade, why: NoPlan) -> None:
        """Too small to trade is dust, and over; everything else stays naked and is tried again."""
        if why is NoPlan.DUST:
            trade.too_small()
            self.dust.setdefault(trade.opportunity.pair_id, {})[trade.trade_id] = excess_of(trade)
            self.trade_moved(trade)
            self.moved(trade)
        else:
            self.stay_naked(trade, why)

    def no_dust(self, trade: Trade) -> None:
        """Late news of the trade: what it left as dust is its own matter again, unless another took it in already."""
        self.drop_dust(trade.opportunity.pair_id, (trade.trade_id,))

    def drop_dust(self, pair_id: PairId, givers: Iterable[TradeId]) -> None:
        """What these trades left as dust is not there any more."""
        left = self.dust.get(pair_id, {})
        for trade_id in tuple(givers):
            left.pop(trade_id, None)
        if not left:
            self.dust.pop(pair_id, None)

    def stay_naked(self, trade: Trade, why: NoPlan | str) -> None:
        """Flagged in the status and said once per reason."""
        if self.reasons.get(trade.trade_id) != why:
            self.reasons[trade.trade_id] = why
            trade.reason = str(why)
            self.note(
                f"NAKED: trade {trade.trade_id} stays open: {why}",
                level="error",
                pair_id=trade.opportunity.pair_id,
                count="naked",
            )
