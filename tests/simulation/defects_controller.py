"""Mistakes on the controller's side, and in what all actors stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec

import actors.recovery
import actors.revisions
import actors.trade
import actors.trader
from actors.base import GuardedActor
from actors.excess_closer import ExcessCloser
from actors.hybrid_executor import HybridExecutor
from actors.ledger import LedgerWritten
from actors.leg_keeper import LegKeeper
from actors.messages import PairFree
from actors.risk.exposure import Exposure, LegMoney
from actors.risk_desk import RiskDesk
from actors.scanner import Scanner
from actors.trade import Event, Trade
from actors.trade_book import TradeBook
from market.books import Books
from market.events import BooksLost
from protocol.outcome import Outcome
from protocol.terms import LegId, Status
from protocol.units import Money, Quantity
from simulation.world.disk import SimulatedLedger
from tests.simulation.defect_kit import changed, defect, handler_of
from transport.ids import BootIds

# -- the controller ------------------------------------------------------------------------------------------


@defect
def lost_link_read_as_unfilled() -> Iterator[None]:
    """What the trader had not answered when the link died is taken for not filled."""

    def unfilled(self: LegKeeper, leg_id: LegId, error: str) -> None:
        self.apply(Outcome(leg_id=leg_id, status=Status.UNFILLED, error=error, revision=0), "controller")

    with patch.object(LegKeeper, "give_up", unfilled):
        yield


@defect
def ack_before_durable() -> Iterator[None]:
    """A result is acked when it is handed to the ledger, not when it is on disk."""
    record = LegKeeper.record

    def hasty(self: LegKeeper, facts: Any, ack: Any = None) -> None:
        record(self, facts, ack)
        if ack is not None:
            self.durable(*ack)

    with patch.object(LegKeeper, "record", hasty):
        yield


@defect
def result_of_an_older_revision_wins() -> Iterator[None]:
    """Whatever comes last holds."""
    always = lambda _news, _held: True  # noqa: E731 -- the mistake itself
    with (
        patch.object(actors.trade, "newer", always),
        patch.object(actors.revisions, "numbered", lambda told, _source, _leg: told),
        patch("actors.leg_keeper.numbered", lambda told, _source, _leg: told),
    ):
        yield


@defect
def unwind_while_a_leg_is_unknown() -> Iterator[None]:
    """An excess is closed though a leg of the trade is not proven."""
    verdict = Trade.verdict

    def impatient(self: Trade) -> Event:
        found = verdict(self)
        if found is not Event.UNPROVEN:
            return found
        held = [holding.contracts for holding in self.holdings().values()]
        if len(set(held)) > 1:
            return Event.UNEQUAL
        return Event.EQUAL if held[0] else Event.NOTHING

    with patch.object(Trade, "verdict", impatient):
        yield


@defect
def latch_released_too_early() -> Iterator[None]:
    """The pair trades again while a leg of its last trade is unknown."""
    moved, reason_against = HybridExecutor.moved, HybridExecutor.reason_against

    def free(self: HybridExecutor, trade: Trade) -> None:
        moved(self, trade)
        self.send(self.roles["scanner"], PairFree(trade.opportunity.pair_id, recheck=True))

    def unlatched(self: HybridExecutor, seen: Any) -> str | None:
        reason = reason_against(self, seen)
        return None if reason == "the pair has a trade that is not over" else reason

    with patch.object(HybridExecutor, "moved", free), patch.object(HybridExecutor, "reason_against", unlatched):
        yield


@defect
def trading_before_recovery_is_done() -> Iterator[None]:
    """A start trades at once, with the pairs of unproven trades free."""
    setup = HybridExecutor.setup

    def eager(self: HybridExecutor, message: Any, sender: Any) -> None:
        setup(self, message, sender)
        self.recovering.clear()
        self.book.pair_in_use.clear()

    with handler_of(HybridExecutor, setup, eager):
        yield


@defect
def recovery_assumes_that_silence_is_no_fill() -> Iterator[None]:
    """A leg without a result in the ledger counts as not filled at the next start."""

    def unfilled(leg_id: LegId) -> Outcome:
        return Outcome(leg_id=leg_id, status=Status.UNFILLED, error="no result", revision=-1)

    with patch.object(actors.recovery, "_unknown", unfilled):
        yield


@defect
def nobody_asks_about_unknown_legs() -> Iterator[None]:
    """No leg_query is ever sent."""
    with patch.object(LegKeeper, "query", lambda _self, _leg_id: None):
        yield


@defect
def late_news_ignored() -> Iterator[None]:
    """A trade that is over hears nothing more."""
    report = Trade.report

    def deaf(self: Trade, outcome: Outcome) -> bool:
        return False if self.over else report(self, outcome)

    with patch.object(Trade, "report", deaf):
        yield


@defect
def unknown_legs_not_adopted() -> Iterator[None]:
    """A result of a leg that the ledger does not know is dropped."""
    with patch.object(LegKeeper, "take_in", lambda _self, _message, _outcome: False):
        yield


@defect
def sells_more_than_is_held() -> Iterator[None]:
    """An unwind sells twice the excess."""
    closing_legs = ExcessCloser.close.__globals__["closing_legs"]

    def doubled(trade: Any, plan: Any, books: Any) -> Any:
        return [(leg, Quantity(quantity * 2)) for leg, quantity in closing_legs(trade, plan, books)]

    with patch("actors.excess_closer.closing_legs", doubled):
        yield


@defect
def naked_trades_never_tried_again() -> Iterator[None]:
    """An excess is flagged, and nobody closes it."""
    with patch.object(ExcessCloser, "close", lambda _self, _trade, _books: None):
        yield


@defect
def dust_forgotten() -> Iterator[None]:
    """What is too small to trade is not remembered."""

    def forget(self: ExcessCloser, trade: Trade, _why: Any) -> None:
        trade.too_small()
        self.moved(trade)

    with patch.object(ExcessCloser, "cannot_close", forget):
        yield


@defect
def fees_left_out() -> Iterator[None]:
    """The ledger gets results without their fees."""
    record_result = LegKeeper.record_result

    def free(self: LegKeeper, trade: Trade, outcome: Outcome, source: str) -> None:
        record_result(self, trade, changed(outcome, fees=Money(0)), source)

    with patch.object(LegKeeper, "record_result", free):
        yield


@defect
def overfill_cut_to_what_was_asked() -> Iterator[None]:
    """More than was asked for cannot be, so it is not recorded."""
    record_result = LegKeeper.record_result

    def cut(self: LegKeeper, trade: Trade, outcome: Outcome, source: str) -> None:
        asked = trade.legs[outcome.leg_id].leg.quantity
        record_result(self, trade, changed(outcome, filled=min(asked, outcome.filled)), source)

    with patch.object(LegKeeper, "record_result", cut):
        yield


@defect
def partial_fill_read_as_whole() -> Iterator[None]:
    """A fill is a fill."""
    apply = LegKeeper.apply

    def whole(self: LegKeeper, outcome: Outcome, source: str, told_revision: int | None = None) -> bool:
        if outcome.status is Status.PARTIAL:
            leg = self.book.by_leg[outcome.leg_id].legs[outcome.leg_id].leg
            outcome = changed(outcome, status=Status.FILLED, filled=leg.quantity)
        return apply(self, outcome, source, told_revision)

    with patch.object(LegKeeper, "apply", whole):
        yield


@defect
def book_kept_after_a_disconnect() -> Iterator[None]:
    """The last book is traded on though the feed is down."""
    apply = Books.apply

    def kept(self: Books, batch: Any) -> Any:
        events = tuple(event for event in batch.events if not isinstance(event, BooksLost))
        return apply(self, msgspec.structs.replace(batch, events=events))

    with patch.object(Books, "apply", kept):
        yield


@defect
def silence_taken_for_a_quiet_market() -> Iterator[None]:
    """A feed that answers pings and brings no data is trusted for ever."""
    with handler_of(Scanner, Scanner.timer, lambda _self, _message, _sender: None):
        yield


@defect
def results_recorded_twice() -> Iterator[None]:
    """A result that comes again is written again, under a new revision."""
    report = LegKeeper.leg_reported

    def again(self: LegKeeper, message: Any, sender: Any) -> None:
        report(self, message, sender)
        trade = self.book.by_leg.get(message.outcome.leg_id)
        if trade is not None and message.outcome.revision >= 0:
            self.record_result(trade, changed(message.outcome, revision=message.outcome.revision + 1), message.source)

    with handler_of(HybridExecutor, report, again):
        yield


@defect
def pair_freed_by_trades_that_are_not_over() -> Iterator[None]:
    """The book of trades forgets who holds a pair when another of its trades ends."""

    def release(self: TradeBook, trade: Trade) -> bool:
        return self.pair_in_use.pop(trade.opportunity.pair_id, None) is not None

    with patch.object(TradeBook, "release", release):
        yield


@defect
def nobody_follows_the_fills_of_a_trader_that_burnt() -> Iterator[None]:
    """A provisional fill is left to the trader that reported it, which never comes back."""
    with patch.object(LegKeeper, "follow", lambda _self, _outcome: None):
        yield


@defect
def unwind_not_decided_anew() -> Iterator[None]:
    """The first plan to close a trade is repeated, whatever its last attempt has sold."""
    closing_legs = ExcessCloser.close.__globals__["closing_legs"]
    plans: dict[Any, Any] = {}

    def stale(trade: Any, plan: Any, books: Any) -> Any:
        plans.setdefault(trade.trade_id, closing_legs(trade, plan, books))
        return plans[trade.trade_id]

    with patch("actors.excess_closer.closing_legs", stale):
        yield


@defect
def risk_not_reserved() -> Iterator[None]:
    """What leaves is not counted until it is filled: limits hold for positions, not for what is in flight."""
    counted = LegMoney.counted
    with (
        patch.object(LegMoney, "counted", lambda self: msgspec.structs.replace(counted(self), open=0)),
        patch.object(Exposure, "keep", lambda _self, _trade_id, _pair_id, _needs: None),
    ):
        yield


@defect
def halt_acknowledged_before_it_has_drained() -> Iterator[None]:
    """The operator is told that nothing leaves any more while legs are on their way to the traders."""
    record = RiskDesk.halt_record

    def hasty(self: RiskDesk) -> dict[str, Any]:
        return record(self) | {"drained": True, "waiting_for": []}

    with patch.object(RiskDesk, "halt_record", hasty):
        yield


# -- what all actors stand on --------------------------------------------------------------------------------


@defect
def redelivery_after_a_raising_handler() -> Iterator[None]:
    """A handler that raises is run again with the same message, as Thespian does it."""
    receive = GuardedActor.receiveMessage

    def thrice(self: GuardedActor, message: object, sender: Any) -> None:
        handler = self._handlers.get(type(message))
        if handler is None or self.failed:
            receive(self, message, sender)
            return
        for attempt in range(3):
            try:
                handler(self, message, sender)
            except Exception as error:  # noqa: BLE001 -- the mistake itself
                if attempt == 2:
                    self._fail(message, error)
            else:
                return

    with patch.object(GuardedActor, "receiveMessage", thrice):
        yield


@defect
def ids_begin_anew_at_every_start() -> Iterator[None]:
    """No boot counter: the first trade of a start has the id of the first trade of the last one."""
    init = BootIds.__init__

    def same(self: BootIds, controller_id: str, _boot: int, _started_ms: int) -> None:
        init(self, controller_id, 1, 1_795_300_000_000)

    with patch.object(BootIds, "__init__", same):
        yield


@defect
def ledger_says_durable_too_early() -> Iterator[None]:
    """Facts are called durable when they are in memory."""
    write = SimulatedLedger.write

    def early(self: SimulatedLedger, token: int, facts: Any) -> None:
        write(self, token, facts)
        self._waiting = [(each, batch) for each, batch in self._waiting if each != token]
        self.kernel.after(1, lambda: self.tell(LedgerWritten(token)))
        epoch = self._epoch

        def late() -> None:
            if epoch == self._epoch:
                self._append(facts)

        self.kernel.after(30_000, late)

    with patch.object(SimulatedLedger, "write", early):
        yield
