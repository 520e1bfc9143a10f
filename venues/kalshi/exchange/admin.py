"""What the operator of a rehearsal may ask for, from this machine alone: faults, books, money, keys, a look."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from market.fees import FeeError
from protocol.units import Money, UnitError, money_from_dollars
from venues.kalshi.exchange.changes import MarketChange, change_market
from venues.kalshi.exchange.documents import fill_document, order_document, position_document
from venues.kalshi.exchange.key_ring import BadKey
from venues.kalshi.exchange.listing import MAX_SHARD, Listing, check_listing, levels
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.refusal import invalid
from venues.kalshi.exchange.service import KalshiService
from venues.kalshi.exchange.texts import money_text
from venues.loopback.admin import Admin as LoopbackAdmin
from venues.loopback.faults import FaultError
from venues.loopback.listing import ListingError
from venues.loopback.message import Request

_Level = tuple[str, str]


class _Book(msgspec.Struct, forbid_unknown_fields=True):
    ticker: str
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()


class _Funds(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    dollars: str
    exchange_index: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARD)] = 0


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    key_id: str
    public_pem: str


class Admin(LoopbackAdmin[KalshiService]):
    """Answers requests under ``/arb-admin``. That they come from this machine is for the server to see to."""

    nonsense = (FaultError, ListingError, FeeError, UnitError, BadKey)

    def _obey(self, wish: str, request: Request, now_us: int) -> None:
        exchange = self._service.exchange
        match wish:
            case "book":
                book = self._read(request, _Book)
                exchange.set_book(self._market(book.ticker), levels(book.bids), levels(book.asks), now_us)
            case "market":
                change = self._read(request, MarketChange)
                change_market(exchange, self._market(change.ticker), change, now_us)
            case "markets":
                listing = self._read(request, Listing)
                check_listing(listing)
                if listing.ticker in exchange.markets:
                    raise invalid(f"ticker: {listing.ticker} is listed already: change it with `book` and `market`")
                exchange.list_market(listing, now_us)
            case "funds":
                funds = self._read(request, _Funds)
                account = exchange.open_account(funds.account)
                exchange.fund(account, funds.exchange_index, Money(money_from_dollars(funds.dollars)), now_us)
            case "keys":
                key = self._read(request, _Key)
                self._service.member(key.account, key.key_id, key.public_pem.encode(), shards=())
            case _:
                raise self._unknown()

    def state(self) -> dict[str, Any]:
        """The exchange's own books as they are now, whatever the reads show: what a ledger is compared with."""
        exchange = self._service.exchange
        return {
            "struck": self._service.faults.struck,
            "connections": len(self._service.listeners),
            "accounts": {
                account.name: {
                    "cash": {str(shard): money_text(money) for shard, money in account.cash.items()},
                    "orders": [order_document(order) for order in account.orders.values()],
                    "fills": [fill_document(fill) for fill in account.fills],
                    "positions": [
                        position_document(exchange.markets[ticker], position)
                        for ticker, position in account.positions.items()
                    ],
                    "settlements": [settlement.document() for settlement in account.settlements],
                    "spent_ids": sorted(account.spent),
                }
                for account in exchange.accounts.values()
                if not account.unlimited
            },
        }

    def _market(self, ticker: str) -> Market:
        return self._service.rest.catalog.market(ticker)
