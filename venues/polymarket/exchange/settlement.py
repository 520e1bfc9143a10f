"""How trades settle: MATCHED, MINED, CONFIRMED, or RETRYING and FAILED, by the clock or by the operator's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venues.polymarket.exchange.events import TradeNoted
from venues.polymarket.exchange.ids import hash_text
from venues.polymarket.exchange.order import Trade, TradeStatus
from venues.polymarket.exchange.refusal import invalid

if TYPE_CHECKING:
    from venues.polymarket.exchange.exchange import PolymarketExchange

MINED_US: Final = 2_000_000
CONFIRMED_US: Final = 5_000_000

_NEXT: Final[dict[TradeStatus, frozenset[TradeStatus]]] = {
    "MATCHED": frozenset({"MINED", "CONFIRMED", "RETRYING", "FAILED"}),
    "RETRYING": frozenset({"MINED", "CONFIRMED", "FAILED"}),
    "MINED": frozenset({"CONFIRMED", "RETRYING", "FAILED"}),
    "CONFIRMED": frozenset(),
    "FAILED": frozenset(),
}


class Settlement:
    """The trades and their clock: mined ``mined_us`` and confirmed ``confirmed_us`` after the match.

    A doomed trade is RETRYING where it would be mined and FAILED where it would be confirmed. With ``auto`` False
    nothing happens by itself. Balances move when a trade is mined; FAILED gives back what had moved, or was locked.
    """

    def __init__(self, exchange: PolymarketExchange) -> None:
        self.trades: dict[str, Trade] = {}
        self.auto = True
        self.mined_us = MINED_US
        self.confirmed_us = CONFIRMED_US
        self._exchange = exchange
        self._open: dict[str, Trade] = {}

    def add(self, trade: Trade, now_us: int) -> None:
        """A new trade, MATCHED."""
        self.trades[trade.trade_id] = self._open[trade.trade_id] = trade
        for move in trade.moves:
            move.account.lock(move.money, move.token, move.shares)
        self._exchange.tell(TradeNoted(trade), now_us)

    def advance(self, now_us: int) -> None:
        """What the clock brings."""
        if not self.auto:
            return
        for trade in tuple(self._open.values()):
            age = now_us - trade.matched_us
            if age >= self.mined_us and trade.status == "MATCHED":
                self.step(trade, "RETRYING" if trade.doomed else "MINED", trade.matched_us + self.mined_us)
            if age >= self.confirmed_us and not trade.final:
                self.step(trade, "FAILED" if trade.doomed else "CONFIRMED", trade.matched_us + self.confirmed_us)

    def step(self, trade: Trade, status: TradeStatus, now_us: int) -> None:
        """The trade's next status. Raises :class:`Refusal` where it cannot follow."""
        if status not in _NEXT[trade.status]:
            raise invalid(f"status: a trade that is {trade.status} does not become {status}")
        if status == "CONFIRMED" and trade.status != "MINED":
            self.step(trade, "MINED", now_us)
        if status == "MINED":
            self._mine(trade)
        elif status in {"RETRYING", "FAILED"} and trade.moved:
            self._reverse(trade)
        if status == "FAILED":
            for move in trade.moves:
                move.account.unlock(move.money, move.token, move.shares)
        trade.status, trade.updated_us = status, now_us
        if trade.final:
            self._open.pop(trade.trade_id, None)
        self._exchange.tell(TradeNoted(trade), now_us)

    @property
    def unfinished(self) -> tuple[Trade, ...]:
        """Trades that are neither CONFIRMED nor FAILED, oldest first."""
        return tuple(self._open.values())

    @staticmethod
    def _mine(trade: Trade) -> None:
        trade.moved, trade.transaction = True, hash_text("transaction", trade.trade_id)
        for move in trade.moves:
            move.account.unlock(move.money, move.token, move.shares)
            move.account.move(move.money, move.token, move.shares)

    @staticmethod
    def _reverse(trade: Trade) -> None:
        """A block was thrown out: what it moved is back, and locked again."""
        trade.moved, trade.transaction = False, ""
        for move in trade.moves:
            move.account.move(-move.money, move.token, -move.shares)
            move.account.lock(move.money, move.token, move.shares)
