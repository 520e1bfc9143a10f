"""What may change about a market while it is traded, and the lifecycle message that says so."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from market.fees import rate_from_text
from venues.kalshi.exchange.events import Lifecycle
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.listing import Listing, ListingError, MarketStatus, check_listing
from venues.kalshi.exchange.market import Market

CHANNEL = "market_lifecycle_v2"


class MarketChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of ``ticker`` is to be another; a fee is changed for all markets of its event, as Kalshi overrides them."""

    ticker: str
    status: MarketStatus | None = None
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
    market.listing, market.updated_us = listing, now_us
    for said in _messages(market, change, closes):
        exchange.tell(Lifecycle(CHANNEL, {"market_ticker": market.ticker, **said}), now_us)
    if change.fee_type is not None or change.fee_multiplier is not None:
        _change_fees(exchange, market, change, now_us)
    if change.status is not None:
        exchange.set_status(market, change.status, now_us)


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
