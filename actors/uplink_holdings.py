"""The trader's end of the wire, asked what its accounts hold."""

from __future__ import annotations

from typing import Final

from actors.base import Address, handles
from actors.holdings_messages import HoldingsAsked, HoldingsSaid
from actors.uplink_words import UplinkWords
from actors.wire_holdings import on_the_wire
from protocol.wire import MAX_TEXT, Holdings, HoldingsQuery

MAX_HOLDINGS_ASKED: Final = 32
"""Questions whose answer is still passed on."""


class UplinkHoldings(UplinkWords):
    """Guarantees: what is held is told on the connection on which it was asked for, and on no later one.

    A large account is told in parts to whoever takes them; to others, that it does not fit.
    """

    def __init__(self) -> None:
        """Nobody has asked."""
        super().__init__()
        self.holdings_asked: dict[int, tuple[int, HoldingsQuery]] = {}
        """By a number of our own: the connection that asked, and what."""
        self.holdings_count = 0

    def ask_holdings(self, query: HoldingsQuery) -> None:
        """The controller wants to compare."""
        if self.conn_id is None or self.init is None:
            return
        self.holdings_count += 1
        self.holdings_asked[self.holdings_count] = (self.conn_id, query)
        if len(self.holdings_asked) > MAX_HOLDINGS_ASKED:
            del self.holdings_asked[next(iter(self.holdings_asked))]
        asked = HoldingsAsked(self.holdings_count, self.agreed & set(query.platforms), query.since_us or 0)
        self.send(self.roles["trader"], asked)

    @handles(HoldingsSaid)
    def holdings_said(self, message: HoldingsSaid, _sender: Address) -> None:
        """A venue's word."""
        asked = self.holdings_asked.get(message.number)
        if asked is None or asked[0] != self.conn_id:
            return
        number, parts = asked[1].number, asked[1].parts
        if message.holdings is not None:
            for frame in on_the_wire(number, message.platform, message.holdings, paper=message.paper, parts=parts):
                self.write(frame)
            return
        why = (message.failed or "no reason given")[:MAX_TEXT]
        self.write(Holdings.model_construct(number=number, platform=message.platform, paper=message.paper, error=why))
