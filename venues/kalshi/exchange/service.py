"""The whole exchange behind one door: REST, sockets, faults, the operator's hand. Who serves it brings the time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from protocol.terms import KALSHI
from protocol.units import Money
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.command import MAX_COMMAND
from venues.kalshi.exchange.events import Event
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.faults import Fault, Faults
from venues.kalshi.exchange.key_ring import KeyRing
from venues.kalshi.exchange.listing import DEMO, Listing
from venues.kalshi.exchange.refusal import Refusal, invalid
from venues.kalshi.exchange.rest import SOCKET_PATH, Rest
from venues.kalshi.exchange.session import Session
from venues.kalshi.exchange.tape import Recorded, TapeBooks
from venues.kalshi.exchange.texts import MILLISECOND_US
from venues.kalshi.exchange.view import KINDS
from venues.loopback.faults import FaultError
from venues.loopback.message import Reply, Request
from venues.loopback.service import Service
from venues.loopback.session import Listener as LoopbackListener

Listener = LoopbackListener[Event, Recorded]


class KalshiService(Service[Fault, Event, Recorded]):
    """An exchange with its keys and faults. Times given are the world's; :meth:`now_us` is what its own clock shows."""

    platform = KALSHI
    most_command = MAX_COMMAND
    faults: Faults
    tape: TapeBooks

    def __init__(
        self,
        listings: Iterable[Listing] = DEMO,
        *,
        salt: str = "arb",
        tier: str = "basic",
        keys: KeyRing | None = None,
    ) -> None:
        super().__init__()
        self.exchange = KalshiExchange(listings, salt=salt)
        self.faults = Faults()
        self.keys = KeyRing() if keys is None else keys
        self.rest = Rest(self.exchange, self.keys, self.faults, tier=tier)
        self.tape = TapeBooks(self.exchange)
        self.lag_us = dict.fromkeys(KINDS, 0)
        self.exchange.listeners.append(self._tell)

    # -- members -------------------------------------------------------------------------------------------------

    def member(
        self, name: str, key_id: str, public_pem: bytes, money: Money = Money(0), shards: Iterable[int] = (0,)
    ) -> Account:
        """An account with a key and money on those shards. Raises :class:`key_ring.BadKey`."""
        self.keys.add(key_id, name, public_pem)
        account = self.exchange.open_account(name)
        account.view.lag_us.update(self.lag_us)
        for shard in shards:
            self.exchange.fund(account, shard, money, 0)
        return account

    def handle(self, request: Request, world_us: int, struck: dict[str, Fault]) -> Reply:
        """The reply to a REST request."""
        reply = self.rest.handle(request, self.now_us(world_us), struck)
        return _shortened(reply) if "short_page" in struck and reply.status == 200 else reply  # noqa: PLR2004

    def refused(self, status: int, code: str, text: str) -> Refusal:
        """A refusal as Kalshi says it."""
        return Refusal(status, code, text)

    def invalid(self, text: str) -> Refusal:
        """400; the text names the field."""
        return invalid(text)

    def _opened(self, request: Request, now_us: int) -> Session:
        if request.path != SOCKET_PATH:
            raise Refusal(404, "not_found", "page not found")
        name = self.keys.account_of(request.headers, request.method, request.path, now_us)
        return Session(self.exchange, self.exchange.open_account(name), self.faults)

    # -- faults --------------------------------------------------------------------------------------------------

    def set_lag(self, lag_us: int, kind: str = "") -> None:
        """How long the reads show nothing of what happened. Raises :class:`FaultError` for a kind that is none."""
        if kind and kind not in KINDS:
            raise FaultError(f"kind: one of {', '.join(KINDS)}, not {kind[:40]!r}")
        for one in KINDS:
            if kind in {"", one}:
                self.lag_us[one] = lag_us
        for account in self.exchange.accounts.values():
            account.view.lag_us.update(self.lag_us)

    def _begin(self, fault: Fault, world_us: int) -> None:
        match fault.name:
            case "lag":
                self.set_lag(fault.ms * MILLISECOND_US, fault.kind)
            case "clock_offset":
                self._set_clock(fault.ms * MILLISECOND_US)
            case "maintenance":
                self.exchange.exchange_active = False
            case "trading_paused":
                self.exchange.trading_active = False
            case "market_paused":
                market = self.exchange.markets.get(fault.ticker)
                if market is None:
                    raise FaultError(f"ticker: no market is called {fault.ticker[:80]!r}")
                self.exchange.set_status(market, "inactive", self.now_us(world_us))
            case _:
                return

    def _set_clock(self, offset_us: int) -> None:
        for account in self.exchange.accounts.values():
            account.view.shift(offset_us - self.offset_us)
        self.offset_us = offset_us

    def _end(self, state: str, world_us: int) -> None:
        exchange = self.exchange
        match state:
            case "lag":
                self.set_lag(0)
            case "clock_offset":
                self._set_clock(0)
            case "maintenance":
                exchange.exchange_active = True
            case "trading_paused":
                exchange.trading_active = True
            case "market_paused":
                for market in exchange.markets.values():
                    if market.status == "inactive":
                        exchange.set_status(market, "active", self.now_us(world_us))
            case _:
                return


def _shortened(reply: Reply) -> Reply:
    """Half of a page, and no cursor to the rest."""
    document: dict[str, Any] = msgspec.json.decode(reply.body)
    halved = {key: value[: len(value) // 2] if isinstance(value, list) else value for key, value in document.items()}
    return Reply.of(halved | {"cursor": ""} if "cursor" in halved else halved)
