"""What everybody may read: markets, events, series, books, trades, the exchange itself (OpenAPI 3.34.0)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from protocol.units import DOLLAR, Price
from venues.kalshi.exchange.documents import trade_document
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Fill
from venues.kalshi.exchange.page import limit_of, number_of, page, paged
from venues.kalshi.exchange.refusal import Refusal, invalid
from venues.kalshi.exchange.texts import count_text, moment_text, other, price_text

STATUSES: Final[Mapping[str, frozenset[str]]] = {
    "unopened": frozenset({"initialized"}),
    "open": frozenset({"active"}),
    "paused": frozenset({"inactive"}),
    "closed": frozenset({"closed", "determined", "disputed", "amended"}),
    "settled": frozenset({"finalized"}),
}
"""The words of the `status` filter, and the states that they mean."""

SHARDS: Final[Mapping[int, str]] = {
    0: "Default",
    1: "Combos",
    2: "Crypto and commodities",
    3: "Tennis, baseball and basketball",
}
MOST_TRADES: Final = 100_000
"""Trades that are remembered for everybody."""

_MOST_BOOKS: Final = 100
_LAUNCH: Final = "2021-01-01T00:00:00Z"
_FAR: Final = "2099-01-01T00:00:00Z"


class Catalog:
    """The public reads; ``trades`` are kept here, newest last."""

    def __init__(self, exchange: KalshiExchange) -> None:
        self._exchange = exchange
        self.trades: deque[Fill] = deque(maxlen=MOST_TRADES)

    def market(self, ticker: str) -> Market:
        """A market by its ticker. Raises :class:`Refusal` 404."""
        market = self._exchange.markets.get(ticker)
        if market is None:
            raise Refusal(404, "not_found", f"market not found: {ticker[:200]}")
        return market

    def markets(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /markets``."""
        status, event, series = query.get("status", ""), query.get("event_ticker", ""), query.get("series_ticker", "")
        if status and status not in STATUSES:
            raise invalid(f"status: one of {', '.join(STATUSES)}, not {status[:40]!r}")
        wanted = set(_split(query.get("tickers", "")))
        found = [
            market
            for ticker, market in sorted(self._exchange.markets.items())
            if (not status or market.status in STATUSES[status])
            and event in {"", market.listing.event}
            and series in {"", market.listing.series}
            and (not wanted or ticker in wanted)
        ]
        if query.get("mve_filter") == "only":
            found = []
        chosen, cursor = page(found, limit_of(query, 100, 1000, 0), query.get("cursor", ""), lambda item: item.ticker)
        return paged("markets", [market_document(market) for market in chosen], cursor)

    def events(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /events``."""
        nested = query.get("with_nested_markets", "").lower() == "true"
        wanted, series = set(_split(query.get("tickers", ""))), query.get("series_ticker", "")
        groups = self._by_event()
        found = [
            event
            for event, markets in sorted(groups.items())
            if (not wanted or event in wanted) and series in {"", markets[0].listing.series}
        ]
        chosen, cursor = page(found, limit_of(query, 200, 200), query.get("cursor", ""), str)
        return paged("events", [event_document(event, groups[event], nested=nested) for event in chosen], cursor)

    def event(self, ticker: str, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /events/{event_ticker}``."""
        markets = self._by_event().get(ticker)
        if markets is None:
            raise Refusal(404, "not_found", f"event not found: {ticker[:200]}")
        nested = query.get("with_nested_markets", "").lower() == "true"
        beside = [] if nested or query.get("exclude_markets", "").lower() == "true" else markets
        return {
            "event": event_document(ticker, markets, nested=nested),
            "markets": [market_document(market) for market in beside],
        }

    def series_list(self) -> dict[str, Any]:
        """``GET /series``."""
        return {"series": [series_document(name, markets) for name, markets in sorted(self._by_series().items())]}

    def series(self, ticker: str) -> dict[str, Any]:
        """``GET /series/{series_ticker}``."""
        markets = self._by_series().get(ticker)
        if markets is None:
            raise Refusal(404, "not_found", f"series not found: {ticker[:200]}")
        return {"series": series_document(ticker, markets)}

    def book(self, ticker: str, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /markets/{ticker}/orderbook``."""
        depth = number_of(query, "depth") or 0
        return {"orderbook_fp": book_document(self.market(ticker), depth)}

    def books(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /markets/orderbooks``; a ticker that is not known is left out."""
        tickers = _split(query.get("tickers", ""))
        if not 0 < len(tickers) <= _MOST_BOOKS:
            raise invalid(f"tickers: 1 to {_MOST_BOOKS} of them")
        known = (self._exchange.markets.get(ticker) for ticker in tickers)
        return {
            "orderbooks": [
                {"ticker": market.ticker, "orderbook_fp": book_document(market, 0)} for market in known if market
            ]
        }

    def trade_page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``GET /markets/trades``, newest first."""
        ticker = query.get("ticker", "")
        found = [fill for fill in reversed(self.trades) if ticker in {"", fill.ticker}]
        chosen, cursor = page(found, limit_of(query, 100, 1000, 0), query.get("cursor", ""), lambda item: item.trade_id)
        return paged("trades", [trade_document(fill) for fill in chosen], cursor)

    def status(self) -> dict[str, Any]:
        """``GET /exchange/status``."""
        flags = {
            "exchange_active": self._exchange.exchange_active,
            "trading_active": self._exchange.exchange_active and self._exchange.trading_active,
            "intra_exchange_transfers_active": self._exchange.exchange_active,
        }
        shards = [{"exchange_index": shard, "description": name, **flags} for shard, name in SHARDS.items()]
        return {**flags, "exchange_index_statuses": shards}

    @staticmethod
    def schedule() -> dict[str, Any]:
        """``GET /exchange/schedule``: open around the clock but for the weekly maintenance."""
        whole = [{"open_time": "00:00", "close_time": "00:00"}]
        days = dict.fromkeys(("monday", "tuesday", "wednesday", "friday", "saturday", "sunday"), whole)
        thursday = [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"}]
        hours = {"start_time": _LAUNCH, "end_time": _FAR, **days, "thursday": thursday}
        return {"schedule": {"standard_hours": [hours], "maintenance_windows": []}}

    @staticmethod
    def cutoff() -> dict[str, Any]:
        """``GET /historical/cutoff``: nothing was ever moved to the archive."""
        names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts", "market_positions_last_updated_ts")
        return dict.fromkeys(names, _LAUNCH)

    def _by_event(self) -> dict[str, list[Market]]:
        return _grouped((market.listing.event, market) for market in self._exchange.markets.values())

    def _by_series(self) -> dict[str, list[Market]]:
        return _grouped((market.listing.series, market) for market in self._exchange.markets.values())


def _grouped(named: Iterable[tuple[str, Market]]) -> dict[str, list[Market]]:
    groups: dict[str, list[Market]] = {}
    for name, market in named:
        groups.setdefault(name, []).append(market)
    return groups


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def sides(market: Market, depth: int = 0, *, yes_price: bool = False) -> tuple[list[list[str]], list[list[str]]]:
    """YES bids and NO bids, ascending, best last; ``yes_price``: NO levels in YES prices. ``depth`` 0 is all."""
    bids, asks = market.book.levels(is_bid=True), market.book.levels(is_bid=False)
    if depth > 0:
        bids, asks = bids[:depth], asks[:depth]
    yes = [[price_text(price), count_text(size)] for price, size in reversed(bids)]
    no = [[price_text(price if yes_price else other(price)), count_text(size)] for price, size in reversed(asks)]
    return yes, no


def book_document(market: Market, depth: int) -> dict[str, Any]:
    """``OrderbookCountFp``."""
    yes, no = sides(market, depth)
    return {"yes_dollars": yes, "no_dollars": no}


def top_document(market: Market) -> dict[str, str]:
    """Best prices and their sizes; an empty side is 0 for a bid and 1 for an ask."""
    bid, ask = market.book.best(is_bid=True) or Price(0), market.book.best(is_bid=False) or DOLLAR
    return {
        "yes_bid_dollars": price_text(bid),
        "yes_ask_dollars": price_text(ask),
        "yes_bid_size_fp": count_text(market.book.size(bid, is_bid=True)),
        "yes_ask_size_fp": count_text(market.book.size(ask, is_bid=False)),
    }


def market_document(market: Market) -> dict[str, Any]:
    """``Market``."""
    listing = market.listing
    bid, ask = market.book.best(is_bid=True) or Price(0), market.book.best(is_bid=False) or DOLLAR
    zero = price_text(0)
    return {
        **settlement_document(market),
        "ticker": market.ticker,
        "event_ticker": listing.event,
        "market_type": "binary",
        "title": listing.title,
        "yes_sub_title": listing.yes_sub_title,
        "no_sub_title": listing.no_sub_title,
        "created_time": listing.open_time,
        "updated_time": moment_text(market.updated_us),
        "open_time": listing.open_time,
        "close_time": listing.close_time,
        "expected_expiration_time": listing.close_time,
        "latest_expiration_time": listing.close_time,
        "settlement_timer_seconds": listing.settlement_timer_seconds,
        "status": market.status,
        **top_document(market),
        "no_bid_dollars": price_text(DOLLAR - ask),
        "no_ask_dollars": price_text(DOLLAR - bid),
        "last_price_dollars": price_text(market.last_price),
        "volume_fp": count_text(market.volume),
        "volume_24h_fp": count_text(market.volume),
        "result": market.result,
        "can_close_early": listing.can_close_early,
        "open_interest_fp": count_text(market.open_interest),
        "notional_value_dollars": price_text(DOLLAR),
        "previous_yes_bid_dollars": zero,
        "previous_yes_ask_dollars": zero,
        "previous_price_dollars": zero,
        "settlement_bounds_type": "default",
        "expiration_value": market.result,
        "rules_primary": listing.rules_primary,
        "rules_secondary": listing.rules_secondary,
        "price_level_structure": listing.price_level_structure,
        "price_ranges": listing.ranges,
        "exchange_index": listing.exchange_index,
    }


def settlement_document(market: Market) -> dict[str, str]:
    """What of ``Market`` is there only from its determination on, and from its settlement on."""
    document: dict[str, str] = {}
    if market.settlement_value is not None:
        document["settlement_value_dollars"] = price_text(market.settlement_value)
    if market.settled_us:
        document["settlement_ts"] = moment_text(market.settled_us)
    return document


def event_document(ticker: str, markets: list[Market], *, nested: bool) -> dict[str, Any]:
    """``EventData``."""
    first = markets[0].listing
    document: dict[str, Any] = {
        "event_ticker": ticker,
        "series_ticker": first.series,
        "sub_title": "",
        "title": first.title,
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "settlement_sources": [],
        "exchange_index": first.exchange_index,
    }
    if markets[0].fees_overridden:
        document["fee_type_override"] = markets[0].fee_type
        document["fee_multiplier_override"] = markets[0].multiplier
    return document | {"markets": [market_document(market) for market in markets]} if nested else document


def series_document(ticker: str, markets: list[Market]) -> dict[str, Any]:
    """``Series``; its fees are those of its first market."""
    return {
        "ticker": ticker,
        "frequency": "custom",
        "title": ticker,
        "category": "",
        "categories": [],
        "tags": [],
        "settlement_sources": [],
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": markets[0].fee_type,
        "fee_multiplier": markets[0].multiplier,
        "additional_prohibitions": [],
        "exchange_index": markets[0].shard,
    }
