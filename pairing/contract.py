"""From two listings and which outcome is which to a pair that can be traded: instruments, fees, ticks, minimums."""

from __future__ import annotations

from typing import Final

from market.fees import RATE_UNIT
from market.pair import DEAREST_RATE, Pair
from pairing.listing import Listing
from pairing.proposal import Proposal
from protocol.terms import PairId
from protocol.units import DOLLAR, USD, Price, Quantity
from protocol.wire import MAX_NAME, MAX_TEXT

__all__ = ["name_of", "pair_of"]

KALSHI_RATE: Final = 70_000
"""Kalshi's taker rate, the same for every market; what differs is its multiplier."""

_FINEST: Final = Price(1)


def name_of(kalshi_id: str, polymarket_id: str) -> tuple[PairId, PairId]:
    """What the pair is called: as its Kalshi market, and longer where another pair has that name already."""
    tail = polymarket_id.removeprefix("0x")[:8]
    return PairId(kalshi_id[:MAX_NAME]), PairId(f"{kalshi_id[: MAX_NAME - 9]}~{tail}")


def pair_of(proposal: Proposal, kalshi: Listing, polymarket: Listing, pair_id: PairId, event_key: str) -> Pair:
    """The pair. What a listing does not say is taken as what costs most. Raises :class:`ValueError` where none can be.

    A waiver of fees is not counted on: it ends before the market does.
    """
    fees = polymarket.fees
    multiplier = kalshi.fees.multiplier_ppm
    return Pair(
        pair_id=pair_id,
        market_id=0,
        description=_description(kalshi)[:MAX_TEXT],
        event_id=event_key,
        kalshi_market_ticker=kalshi.market_id,
        poly_yes_token=proposal.yes_token,
        poly_no_token=proposal.no_token,
        kalshi_rate_ppm=KALSHI_RATE,
        kalshi_multiplier_ppm=RATE_UNIT if multiplier is None else multiplier,
        polymarket_rate_ppm=DEAREST_RATE if fees.rate_ppm is None else fees.rate_ppm,
        polymarket_exponent=fees.exponent,
        kalshi_tick=_tick(kalshi),
        poly_tick=_tick(polymarket),
        kalshi_min_contracts=kalshi.min_quantity or Quantity(1),
        poly_min_notional=polymarket.min_notional or USD,
    )


def _tick(listing: Listing) -> Price:
    tick = listing.tick
    return tick if tick is not None and 0 < tick < DOLLAR and DOLLAR % tick == 0 else _FINEST


def _description(kalshi: Listing) -> str:
    subtitle = kalshi.subtitle
    return f"{kalshi.title}: {subtitle}" if subtitle and subtitle not in kalshi.title else kalshi.title
