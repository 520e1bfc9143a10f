"""What may change about a market while it is traded, and the lifecycle message that says so."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from market.fees import rate_from_text
from protocol.units import DOLLAR, price_from_dollars
from venues.kalshi.exchange.events import Lifecycle
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.listing import Listing, MarketStatus, check_listing
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.settlement import Result, value_of
from venues.loopback.listing import ListingError

CHANNEL = "market_lifecycle_v2"
_RESOLVED: Final = frozenset({"determined", "disputed", "amended", "finalized"})


class MarketChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of ``ticker`` is to be another; a fee is changed for all markets of its event, as Kalshi overrides them.

    ``result`` is what the market resolves to; ``settlement_value`` (dollars of a YES contract) is for a scalar one.
    """

    ticker: str
    status: MarketStatus | None = None
    result: Result | None = None
    settlement_value: str | None = None
    fee_type: str | None = None
    fee_multiplier: str | None = None
    close_time: str | None = None
    price_level_structure: str | None = None
    yes_sub_title: str | None = None


def change_market(exchange: KalshiExchange, market: Market, change: MarketChange, now_us: int) -> None:
    """Carry out all that is asked for, each with its message. Raises :class:`ListingError`, before anything is done."""
    closes = None if change.close_time is None else _seconds(change.close_time)
    fields = ("close_time", "price_level_structure", "yes_sub_title")
    wanted = {name: value for name in fields if (value := getattr(change, name)) is not None}
    listing = msgspec.structs.replace(market.listing, **wanted)
    if change.price_level_structure is not None:
        listing = msgspec.structs.replace(listing, price_ranges=())
    check_listing(listing)
    if change.fee_multiplier is not None:
        rate_from_text(change.fee_multiplier)
    _resolve(market, change)
    market.listing, market.updated_us = listing, now_us
    for said in _messages(market, change, closes):
        exchange.tell(Lifecycle(CHANNEL, {"market_ticker": market.ticker, **said}), now_us)
    if change.fee_type is not None or change.fee_multiplier is not None:
        _change_fees(exchange, market, change, now_us)
    if change.status == "finalized" and market.status not in _RESOLVED:
        exchange.set_status(market, "determined", now_us)
    if change.status is not None:
        exchange.set_status(market, change.status, now_us)


def _resolve(market: Market, change: MarketChange) -> None:
    """Take the result; nothing is determined without one, and nothing that was paid is taken back."""
    ticker = market.ticker
    if market.status == "finalized" and (change.status or change.result or change.settlement_value):
        raise ListingError(f"market {ticker}: it is settled, and stays so")
    if change.result is None:
        if change.settlement_value is not None:
            raise ListingError("settlement_value: only with `result`")
        if change.status in _RESOLVED and market.settlement_value is None:
            raise ListingError(f"result: `yes`, `no` or `scalar`, without which {ticker} cannot be {change.status}")
        return
    if change.status not in _RESOLVED:
        raise ListingError("result: only with `status` determined, disputed, amended or finalized")
    value = value_of(change.result)
    if (value is None) is (change.settlement_value is None):
        raise ListingError("settlement_value: with the result `scalar`, and with no other")
    if change.settlement_value is not None:
        value = price_from_dollars(change.settlement_value)
        if not 0 <= value <= DOLLAR:
            raise ListingError(f"settlement_value: 0 to 1 dollar, not {change.settlement_value[:40]}")
    market.result, market.settlement_value = change.result, value


def _messages(market: Market, change: MarketChange, closes: int | None) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if closes is not None:
        messages.append({"event_type": "close_date_updated", "close_ts": closes})
    if change.price_level_structure is not None:
        listing: Listing = market.listing
        messages.append(
            {
                "event_type": "price_level_structure_updated",
                "price_level_structure": listing.price_level_structure,
                "price_ranges": listing.ranges,
            }
        )
    if change.yes_sub_title is not None:
        messages.append({"event_type": "metadata_updated", "yes_sub_title": change.yes_sub_title})
    return messages


def _change_fees(exchange: KalshiExchange, market: Market, change: MarketChange, now_us: int) -> None:
    for other in exchange.markets.values():
        if other.listing.event == market.listing.event:
            other.fee_type = change.fee_type or other.fee_type
            other.multiplier = Decimal(change.fee_multiplier or other.multiplier)
            other.fees_overridden = True
    msg = {
        "event_ticker": market.listing.event,
        "fee_type_override": market.fee_type,
        "fee_multiplier_override": market.multiplier,
    }
    exchange.tell(Lifecycle("event_fee_update", msg), now_us)


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise ListingError(f"close_time: a time such as 2027-12-31T00:00:00Z, not {text[:40]!r}") from None
