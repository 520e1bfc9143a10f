"""What the controller asks one connected trader about its accounts and markets."""

from __future__ import annotations

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.cash_messages import CashAsked
from actors.holdings_messages import HoldingsAsked
from actors.market_messages import MarketsAsked
from actors.wire_cash import cash_query
from actors.wire_holdings import holdings_query
from actors.wire_markets import markets_query
from protocol.terms import WIRE_VERSION, Platform
from protocol.wire import CashQuery, HoldingsQuery, InitAck, MarketsQuery

Question = CashQuery | HoldingsQuery | MarketsQuery


class SessionSetup(msgspec.Struct, frozen=True):
    """What the hello says, and whom to tell."""

    conn_id: int
    peer: str
    platforms: tuple[Platform, ...]
    dry_run: bool
    controller_id: str
    session_id: str
    heartbeat_us: int
    rehearsal: bool = False


class SessionQuestions(GuardedActor):
    """Guarantees: nobody is asked what he has not said that he answers."""

    def __init__(self) -> None:
        """No connection yet."""
        super().__init__()
        self.config: SessionSetup
        self.ack: InitAck | None = None
        self.level = 1
        self.registered: tuple[Platform, ...] = ()
        self.closed = False

    def write(self, message: Question) -> None:
        """Hand a message to the bridge."""
        raise NotImplementedError

    @property
    def states_cash(self) -> bool:
        """By its hello."""
        return self.level >= WIRE_VERSION and self.ack is not None and self.ack.cash is True

    @property
    def states_holdings(self) -> bool:
        """The same."""
        return self.level >= WIRE_VERSION and self.ack is not None and self.ack.holdings is True

    def states_markets(self, platform: Platform) -> bool:
        """The same, by platform."""
        return self.level >= WIRE_VERSION and self.ack is not None and platform in (self.ack.markets or ())

    @handles(CashAsked)
    def ask_cash(self, message: CashAsked, _sender: Address) -> None:
        """Ask this trader what its accounts have."""
        platforms = [platform for platform in self.registered if platform in message.platforms]
        if not self.closed and self.states_cash and platforms:
            self.write(cash_query(message, platforms))

    @handles(HoldingsAsked)
    def ask_holdings(self, message: HoldingsAsked, _sender: Address) -> None:
        """Ask this trader what its accounts hold."""
        platforms = [platform for platform in self.registered if platform in message.platforms]
        if not self.closed and self.states_holdings and platforms:
            self.write(holdings_query(message, platforms))

    @handles(MarketsAsked)
    def ask_markets(self, message: MarketsAsked, _sender: Address) -> None:
        """Ask this trader in which of these markets it can order."""
        if not self.closed and message.platform in self.registered and self.states_markets(message.platform):
            self.write(markets_query(message))
