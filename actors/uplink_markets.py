"""The trader's end of the wire, asked in which markets it can order."""

from __future__ import annotations

from typing import Final

from actors.base import Address, handles
from actors.market_messages import MarketsAsked, MarketsSaid
from actors.uplink_holdings import UplinkHoldings
from actors.wire_markets import markets_answer
from protocol.wire import MarketsQuery

MAX_MARKETS_ASKED: Final = 32
"""Questions whose answer is still passed on."""


class UplinkMarkets(UplinkHoldings):
    """Guarantees: an answer goes to the connection that asked, and news only to one that has asked before."""

    def __init__(self) -> None:
        """Nobody has asked."""
        super().__init__()
        self.markets_asked: dict[int, tuple[int, int]] = {}
        """By a number of our own: the connection that asked, and the controller's number."""
        self.markets_count = 0
        self.markets_conn: int | None = None
        """The connection that asked last: its other end knows what news of markets is."""

    def ask_markets(self, query: MarketsQuery) -> None:
        """The controller is going to trade in these."""
        if self.conn_id is None or self.init is None or query.platform not in self.agreed:
            return
        self.markets_count += 1
        self.markets_conn = self.conn_id
        self.markets_asked[self.markets_count] = (self.conn_id, query.number)
        if len(self.markets_asked) > MAX_MARKETS_ASKED:
            del self.markets_asked[next(iter(self.markets_asked))]
        self.send(self.roles["trader"], MarketsAsked(self.markets_count, query.platform, tuple(query.markets)))

    @handles(MarketsSaid)
    def markets_said(self, message: MarketsSaid, _sender: Address) -> None:
        """A venue's word."""
        conn_id, number = self.markets_conn, 0
        if message.number:
            conn_id, number = self.markets_asked.pop(message.number, (None, 0))
        if conn_id is not None and conn_id == self.conn_id and message.platform in self.agreed:
            self.write(markets_answer(message, number))
