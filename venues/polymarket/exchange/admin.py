"""What the operator of a rehearsal may ask for, from this machine alone: faults, books, money, settlement, a look."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from market.fees import FeeError
from protocol.units import UnitError, money_from_dollars
from venues.loopback.admin import Admin as LoopbackAdmin
from venues.loopback.faults import FaultError
from venues.loopback.listing import ListingError
from venues.loopback.message import Request
from venues.polymarket.exchange import portfolio
from venues.polymarket.exchange.changes import MarketChange, change_market
from venues.polymarket.exchange.eip712 import BadSignature, checksum
from venues.polymarket.exchange.key_ring import ApiKey
from venues.polymarket.exchange.listing import Listing, check_listing, levels
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Trade, TradeStatus
from venues.polymarket.exchange.refusal import invalid
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind

KINDS: Final = {kind.name.lower(): kind for kind in WalletKind}
_Kind = Literal["eoa", "proxy", "safe", "deposit"]
_Level = tuple[str, str]


class _Book(msgspec.Struct, forbid_unknown_fields=True):
    market: str
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()


class _Funds(msgspec.Struct, forbid_unknown_fields=True):
    wallet: str
    dollars: str = "0"
    token: str = ""
    shares: str = "0"


class _Wallet(msgspec.Struct, forbid_unknown_fields=True):
    signer: str
    kind: _Kind = "eoa"
    wallet: str = ""
    dollars: str = "0"


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    secret: str
    passphrase: str
    address: str


class _Allowance(msgspec.Struct, forbid_unknown_fields=True):
    wallet: str
    spender: str
    dollars: str = ""
    approved: bool = True


class _Settle(msgspec.Struct, forbid_unknown_fields=True):
    status: TradeStatus
    trade: str = ""
    order: str = ""


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    auto: bool | None = None
    mined_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    confirmed_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Admin(LoopbackAdmin[PolymarketService]):
    """Answers requests under ``/arb-admin``. That they come from this machine is for the server to see to."""

    nonsense = (FaultError, ListingError, FeeError, UnitError, BadSignature)

    def state(self) -> dict[str, Any]:
        """The exchange's own books as they are now: what a ledger is compared with."""
        service = self._service
        return {
            "struck": service.faults.struck,
            "connections": len(service.listeners),
            "posted_twice": service.exchange.duplicates,
            "heartbeats_stopped": service.rest.heartbeats.stopped,
            "accounts": portfolio.state(service.exchange),
        }

    def _answer(self, request: Request, world_us: int) -> dict[str, Any]:
        self._service.advance(world_us)
        return super()._answer(request, world_us)

    def _obey(self, wish: str, request: Request, now_us: int) -> dict[str, Any] | None:
        if wish == "wallets":
            return self._open(self._read(request, _Wallet))
        self._change(wish, request, now_us)
        return None

    def _change(self, wish: str, request: Request, now_us: int) -> None:
        exchange = self._service.exchange
        match wish:
            case "book":
                book = self._read(request, _Book)
                exchange.set_book(self._market(book.market), levels(book.bids), levels(book.asks), now_us)
            case "market":
                change = self._read(request, MarketChange)
                change_market(exchange, self._market(change.market), change, now_us)
            case "markets":
                listing = self._read(request, Listing)
                check_listing(listing)
                if {listing.condition, *listing.tokens} & {*exchange.markets, *exchange.by_token}:
                    raise invalid(f"slug: {listing.slug} is listed already: change it with `book` and `market`")
                exchange.list_market(listing, now_us)
            case "settle":
                self._settle(self._read(request, _Settle), now_us)
            case "clock":
                self._set_clock(self._read(request, _Clock))
            case _:
                self._change_member(wish, request)

    def _change_member(self, wish: str, request: Request) -> None:
        match wish:
            case "funds":
                self._fund(self._read(request, _Funds))
            case "allowance":
                self._allow(self._read(request, _Allowance))
            case "keys":
                key = self._read(request, _Key)
                self._service.keys.add(ApiKey(key.key, key.secret, key.passphrase, checksum(key.address)))
            case _:
                raise self._unknown()

    def _open(self, wanted: _Wallet) -> dict[str, Any]:
        service, kind = self._service, KINDS[wanted.kind]
        if wanted.wallet:
            service.rest.authority.register(wanted.wallet, kind, wanted.signer)
        account = service.fund(wanted.signer, kind, money_from_dollars(wanted.dollars))
        return {"wallet": account.wallet, "kind": wanted.kind}

    def _fund(self, wanted: _Funds) -> None:
        account = self._service.exchange.accounts.get(checksum(wanted.wallet))
        if account is None:
            raise invalid(f"wallet: {wanted.wallet[:50]} is unknown: open it with `wallets`")
        if wanted.token:
            if wanted.token not in self._service.exchange.by_token:
                raise invalid("token: no market has it")
            account.shares[wanted.token] += money_from_dollars(wanted.shares)
        account.cash += money_from_dollars(wanted.dollars)

    def _allow(self, wanted: _Allowance) -> None:
        account = self._service.exchange.accounts.get(checksum(wanted.wallet))
        spender = checksum(wanted.spender)
        if account is None or spender not in account.allowances:
            raise invalid("wallet, spender: not known here")
        account.approved[spender] = wanted.approved
        if wanted.dollars:
            account.allowances[spender] = money_from_dollars(wanted.dollars)

    def _settle(self, wanted: _Settle, now_us: int) -> None:
        settlement = self._service.exchange.settlement
        chosen = [
            trade
            for trade in settlement.trades.values()
            if wanted.trade in {"", trade.trade_id}
            and wanted.order.lower() in {"", trade.taker.order_id}
            and (wanted.trade or wanted.order or not trade.final)
        ]
        if not chosen:
            raise invalid("trade, order: no such trade")
        for trade in chosen:
            self._step(trade, wanted.status, now_us)

    def _step(self, trade: Trade, status: TradeStatus, now_us: int) -> None:
        if trade.status != status:
            trade.doomed = status in {"RETRYING", "FAILED"}
            self._service.exchange.settlement.step(trade, status, now_us)

    def _set_clock(self, wanted: _Clock) -> None:
        settlement = self._service.exchange.settlement
        if wanted.auto is not None:
            settlement.auto = wanted.auto
        if wanted.mined_ms is not None:
            settlement.mined_us = wanted.mined_ms * 1_000
        if wanted.confirmed_ms is not None:
            settlement.confirmed_us = wanted.confirmed_ms * 1_000

    def _market(self, name: str) -> Market:
        """A market by slug, condition id or token."""
        exchange = self._service.exchange
        found = exchange.markets.get(name) or exchange.by_token.get(name)
        for market in exchange.markets.values():
            if found is None and market.listing.slug == name:
                found = market
        if found is None:
            raise invalid(f"market: none is called {name[:80]!r}")
        return found
