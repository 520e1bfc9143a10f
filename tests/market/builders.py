"""Short ways to say books, pairs and frames in tests: prices in cents, sizes in contracts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from market.detection import PairWatch
from market.events import BookSnapshot, FeedBatch, FeedEvent, Level
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from protocol.units import Price, Quantity

TICKER = "KXTEST-26-A"
YES = "111"
NO = "222"

Number = int | str | Decimal


def cents(value: Number) -> Price:
    scaled = Decimal(value) * 100
    assert scaled == int(scaled)
    return Price(int(scaled))


def contracts(value: Number) -> Quantity:
    scaled = Decimal(value) * 100
    assert scaled == int(scaled)
    return Quantity(int(scaled))


def levels(*pairs: tuple[Number, Number]) -> tuple[Level, ...]:
    return tuple((cents(price), contracts(size)) for price, size in pairs)


def pair(number: int = 0, **fields: Any) -> Pair:
    """A pair with all three instruments and, unless said otherwise, no fees at all."""
    values: dict[str, Any] = {
        "pair_id": PairId(f"pair_{number}"),
        "market_id": number,
        "kalshi_market_ticker": TICKER if number == 0 else f"{TICKER}-{number}",
        "poly_yes_token": YES if number == 0 else f"{YES}-{number}",
        "poly_no_token": NO if number == 0 else f"{NO}-{number}",
        "kalshi_rate_ppm": 0,
        "polymarket_rate_ppm": 0,
    }
    return Pair(**{**values, **fields})


def frame(platform: Platform, *events: FeedEvent, t: int = 1, is_data: bool = True) -> FeedBatch:
    return FeedBatch(platform=platform, t=t, events=events, is_data=is_data)


def kalshi(
    bids: Iterable[tuple[Number, Number]] = (),
    asks: Iterable[tuple[Number, Number]] = (),
    *,
    market: str = TICKER,
    t: int = 1,
) -> FeedBatch:
    """A whole Kalshi book in YES terms."""
    return frame(KALSHI, BookSnapshot(market, levels(*bids), levels(*asks)), t=t)


def poly(
    market: str,
    bids: Iterable[tuple[Number, Number]] = (),
    asks: Iterable[tuple[Number, Number]] = (),
    *,
    t: int = 1,
) -> FeedBatch:
    """A whole book of one Polymarket token."""
    return frame(POLYMARKET, BookSnapshot(market, levels(*bids), levels(*asks)), t=t)


def scan_of(*batches: FeedBatch, rules: Rules | None = None, **fields: Any) -> tuple[Scan, PairWatch]:
    """One pair, scanned, after these frames."""
    scan = Scan([pair(**fields)], rules or Rules())
    for batch in batches:
        scan.apply(batch)
    return scan, scan.watch(PairId("pair_0"))
