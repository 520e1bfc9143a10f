"""What a day has lost: trade by trade, what is lost for good and what closing would lose now.

A trade's result is $1 for each matched contract, its excess at cost, less all that was spent. Where that is negative,
it is the trade's loss: an excess sold below cost, or completed for more than the dollar. A trade that earns makes no
room for another that loses: what is locked in is not paid out yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from actors.risk.day import TradingDay
from actors.risk.exposure import PAYOUT
from actors.trade import Trade
from protocol.terms import TradeId
from protocol.units import Money


def trade_loss(trade: Trade) -> Money:
    """What the trade has lost for good, fees included; 0 where it earned, or where its excess is all that is open."""
    sums = trade.sums
    if not (sums.excess or trade.carried or trade.given):
        return Money(max(0, sums.cost + sums.fees - sums.matched * PAYOUT))
    held = sums.holdings
    # A purchase taken back after its sale leaves less than nothing: beside it everything is in excess, and no more.
    excess = sum(
        held[slot].basis * min(extra, held[slot].contracts) // held[slot].contracts
        for slot, extra in sums.excess.items()
        if held[slot].contracts > 0
    )
    taken_in = sum(dust.basis for dust in trade.carried.values()) - sum(dust.basis for dust in trade.given.values())
    return Money(max(0, sums.cost + sums.fees + taken_in - sums.matched * PAYOUT - excess))


class DailyLoss:
    """Losses by trade, and how much of them is today's: what has come since the day began.

    A day that is over is never opened again, whatever a clock does.
    """

    def __init__(self, day: TradingDay, now_us: int) -> None:
        """Nothing lost."""
        self._day = day
        self._begin_us, self._end_us = day.around(now_us)
        self._lost: dict[TradeId, Money] = {}
        self._marks: dict[TradeId, Money] = {}
        self._before: dict[TradeId, Money] = {}
        self._today = 0

    @property
    def begin_us(self) -> int:
        """When today began."""
        return self._begin_us

    def take_up(self, before: Mapping[TradeId, Money], now: Mapping[TradeId, Money]) -> None:
        """At a start: the losses as they stood when today began, and as they stand."""
        self._lost, self._before = dict(now), dict(before)
        self._today = sum(self._of(trade_id) for trade_id in self._lost)

    def note(self, trade_id: TradeId, lost: Money, now_us: int) -> None:
        """The trade has lost this much for good by now."""
        self._set(self._lost, trade_id, lost, now_us)

    def mark(self, trade_id: TradeId, loss: Money, now_us: int) -> None:
        """Closing what the trade has in excess would lose this much on the books as they are; 0 where nothing is."""
        self._set(self._marks, trade_id, Money(max(0, loss)), now_us)

    def today(self, now_us: int) -> Money:
        """Lost today, by all trades."""
        self._roll(now_us)
        return Money(self._today)

    def _set(self, among: dict[TradeId, Money], trade_id: TradeId, amount: Money, now_us: int) -> None:
        self._roll(now_us)
        if among.get(trade_id, 0) == amount:
            return
        self._today -= self._of(trade_id)
        if amount:
            among[trade_id] = amount
        else:
            among.pop(trade_id, None)
        self._today += self._of(trade_id)

    def _of(self, trade_id: TradeId) -> int:
        return max(0, self._whole(trade_id) - self._before.get(trade_id, 0))

    def _whole(self, trade_id: TradeId) -> int:
        return self._lost.get(trade_id, 0) + self._marks.get(trade_id, 0)

    def _roll(self, now_us: int) -> None:
        if now_us < self._end_us:
            return
        self._begin_us, self._end_us = self._day.around(now_us)
        self._before = {each: Money(self._whole(each)) for each in (*self._lost, *self._marks)}
        self._today = 0
