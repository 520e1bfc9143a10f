"""A whole loopback Polymarket without a network, handed the time: exchange, keys, rates, faults, sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from protocol.units import Money
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.events import Event
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import STATES, Fault, FaultError, Faults
from venues.polymarket.exchange.key_ring import KeyRing
from venues.polymarket.exchange.listing import DEMO, Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.market_session import MarketSession
from venues.polymarket.exchange.message import Reply, Request
from venues.polymarket.exchange.refusal import Refusal
from venues.polymarket.exchange.rest import Rest
from venues.polymarket.exchange.session import Session
from venues.polymarket.exchange.tape import TapeBooks
from venues.polymarket.exchange.tape_frame import Recorded
from venues.polymarket.exchange.user_session import UserSession
from venues.polymarket.exchange.wallets import WalletKind

MARKET_PATH: Final = "/ws/market"
USER_PATH: Final = "/ws/user"
MILLISECOND_US: Final = 1_000


@dataclass(slots=True, eq=False)
class Listener:
    """One connection, and the frames that wait to be sent on it."""

    session: Session
    waiting: list[str] = field(default_factory=list)


class PolymarketService:
    """Requests and commands in, replies and frames out. ``offset_us``: how far its clock is ahead of the world's."""

    def __init__(
        self,
        listings: Iterable[Listing] = DEMO,
        *,
        salt: str = "arb",
        share_step: int = 1,
        limited: bool = True,
    ) -> None:
        self.exchange = PolymarketExchange(listings, salt=salt, share_step=share_step)
        self.keys = KeyRing(salt)
        self.faults = Faults()
        self.rest = Rest(self.exchange, self.keys, self.faults, limited=limited)
        self.tape = TapeBooks(self.exchange)
        self.listeners: list[Listener] = []
        self.offset_us = 0
        self._paused: list[Market] = []
        self.exchange.listeners.append(self._tell)

    def now_us(self, world_us: int) -> int:
        """What the exchange's clock shows."""
        return world_us + self.offset_us

    def fund(self, signer: str, kind: WalletKind, money: Money) -> Account:
        """The signer's wallet of that kind, with so much more pUSD in it. Raises ``BadSignature`` for no address."""
        account = self.exchange.open_account(self.rest.authority.wallet_of(signer, kind), kind)
        account.cash += money
        return account

    def handle(self, request: Request, world_us: int, struck: dict[str, Fault]) -> Reply:
        """The reply to a REST request."""
        return self.rest.handle(request, self.now_us(world_us), struck)

    def advance(self, world_us: int) -> None:
        """Whatever the clock brings, asked or not."""
        self.rest.heartbeats.advance(self.now_us(world_us))
        self.exchange.advance(self.now_us(world_us))

    # -- sockets -------------------------------------------------------------------------------------------------

    def connect(self, request: Request) -> Listener:
        """A new connection. Raises :class:`Refusal` where the upgrade is refused."""
        fault = self.faults.socket("refused_handshake")
        if fault is not None:
            raise Refusal(fault.status, "service unavailable")
        match request.path:
            case _ if request.path == MARKET_PATH:
                listener = Listener(MarketSession(self.exchange, self.faults))
            case _ if request.path == USER_PATH:
                listener = Listener(UserSession(self.exchange, self.faults, self.keys))
            case _:
                raise Refusal(404, "not found")
        self.listeners.append(listener)
        return listener

    def disconnect(self, listener: Listener) -> None:
        """The connection is gone."""
        if listener in self.listeners:
            self.listeners.remove(listener)

    def command(self, listener: Listener, text: str | bytes, world_us: int) -> None:
        """A command of a connection; what it brings waits in ``listener.waiting``."""
        listener.waiting += listener.session.command(text, self.now_us(world_us))

    def play(self, recorded: Recorded) -> None:
        """A frame of a recording, to the books and to every connection."""
        self.tape.see(recorded)
        for listener in self.listeners:
            listener.waiting += listener.session.play(recorded)

    def _tell(self, event: Event, now_us: int) -> None:
        for listener in self.listeners:
            listener.waiting += listener.session.hear(event, now_us)

    # -- faults --------------------------------------------------------------------------------------------------

    def break_down(self, fault: Fault) -> None:
        """Ask for a fault: one that lasts begins now, another waits for its occasion. Raises :class:`FaultError`."""
        self.faults.add(fault)
        if fault.name in STATES:
            self._state(fault)

    def mend(self, name: str) -> None:
        """End the fault of that name, or all. Raises :class:`FaultError`."""
        if name and name not in STATES:
            self.faults.add(Fault(name=name))
        self.faults.clear(name)
        for state in STATES:
            if name in {"", state}:
                self._mended(state)

    def _state(self, fault: Fault) -> None:
        exchange = self.exchange
        match fault.name:
            case "clock_offset":
                self._set_clock(fault.ms * MILLISECOND_US)
            case "lag":
                self.rest.lag_us = fault.ms * MILLISECOND_US
            case "cancel_only":
                exchange.cancel_only = True
            case "post_only":
                exchange.post_only = True
            case "deposit_wallets_only":
                exchange.deposit_only = True
            case "unsettled":
                exchange.settlement.auto = False
            case "market_paused":
                found = [one for one in exchange.markets.values() if one.listing.slug == fault.market]
                if not found:
                    raise FaultError(f"market: no market is called {fault.market[:80]!r}")
                found[0].accepting = False
                self._paused.append(found[0])
            case _:
                return

    def _set_clock(self, offset_us: int) -> None:
        """Whatever waits goes on waiting as long as before."""
        by_us, self.offset_us = offset_us - self.offset_us, offset_us
        self.exchange.shift(by_us)
        self.rest.heartbeats.shift(by_us)

    def _mended(self, state: str) -> None:
        exchange = self.exchange
        match state:
            case "clock_offset":
                self._set_clock(0)
            case "lag":
                self.rest.lag_us = 0
            case "cancel_only":
                exchange.cancel_only = False
            case "post_only":
                exchange.post_only = False
            case "deposit_wallets_only":
                exchange.deposit_only = False
            case "unsettled":
                exchange.settlement.auto = True
            case "market_paused":
                for market in self._paused:
                    market.accepting = True
                self._paused.clear()
            case _:
                return
