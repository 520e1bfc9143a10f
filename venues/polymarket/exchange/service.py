"""A whole loopback Polymarket without a network, handed the time: exchange, keys, rates, faults, sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from protocol.terms import POLYMARKET
from protocol.units import Money
from venues.loopback.faults import FaultError
from venues.loopback.message import Reply, Request
from venues.loopback.service import Service
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.events import Event
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import Fault, Faults
from venues.polymarket.exchange.key_ring import KeyRing
from venues.polymarket.exchange.listing import DEMO, Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.market_session import MarketSession
from venues.polymarket.exchange.refusal import Refusal, invalid
from venues.polymarket.exchange.rest import Rest
from venues.polymarket.exchange.session import MAX_COMMAND, Session
from venues.polymarket.exchange.tape import TapeBooks
from venues.polymarket.exchange.tape_frame import Recorded
from venues.polymarket.exchange.user_session import UserSession
from venues.polymarket.exchange.wallets import WalletKind

MARKET_PATH: Final = "/ws/market"
USER_PATH: Final = "/ws/user"
MILLISECOND_US: Final = 1_000


class PolymarketService(Service[Fault, Event, Recorded]):
    """Requests and commands in, replies and frames out. ``offset_us``: how far its clock is ahead of the world's."""

    platform = POLYMARKET
    most_command = MAX_COMMAND
    faults: Faults
    tape: TapeBooks

    def __init__(
        self,
        listings: Iterable[Listing] = DEMO,
        *,
        salt: str = "arb",
        share_step: int = 1,
        limited: bool = True,
    ) -> None:
        super().__init__()
        self.exchange = PolymarketExchange(listings, salt=salt, share_step=share_step)
        self.keys = KeyRing(salt)
        self.faults = Faults()
        self.rest = Rest(self.exchange, self.keys, self.faults, limited=limited)
        self.tape = TapeBooks(self.exchange)
        self._paused: list[Market] = []
        self.exchange.listeners.append(self._tell)

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

    def refused(self, status: int, code: str, text: str) -> Refusal:
        """A refusal as Polymarket says it: without a code."""
        del code
        return Refusal(status, text)

    def invalid(self, text: str) -> Refusal:
        """400; the text names the field."""
        return invalid(text)

    def failed(self, fault: Fault) -> Refusal:
        """What `error_before` and `error_after` answer."""
        return Refusal(fault.status, fault.text)

    def _opened(self, request: Request, now_us: int) -> Session:
        del now_us
        if request.path == MARKET_PATH:
            return MarketSession(self.exchange, self.faults)
        if request.path == USER_PATH:
            return UserSession(self.exchange, self.faults, self.keys)
        raise Refusal(404, "not found")

    # -- faults --------------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault, world_us: int) -> None:
        del world_us
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

    def _end(self, state: str, world_us: int) -> None:
        del world_us
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
