"""A book as the wire shows it: what a paper venue needs to fill exactly what the controller decided on."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from market.book import Book
from market.fees import RATE_UNIT
from market.pair import Pair
from protocol import wire
from protocol.terms import KALSHI, Side

MAX_SHOWN: Final = 50
"""Levels of a side; an order that walked further than that would be no arb."""


def shown_book(book: Book, pair: Pair) -> wire.Book:
    """The book's best levels with what we took ourselves already gone, and the pair's fee rate on that venue.

    In the instrument's own terms (YES for Kalshi). ``seq`` is the book's version: the same one means that the venue
    has said nothing since. A side that cannot be traded on is shown empty.
    """
    if book.platform == KALSHI:
        rate, exponent = pair.kalshi_rate_ppm * pair.kalshi_multiplier_ppm // RATE_UNIT, 1
    else:
        rate, exponent = pair.polymarket_rate_ppm, pair.polymarket_exponent
    return wire.Book.model_construct(
        platform=book.platform,
        market=book.market,
        side=Side.NO if book.market == pair.poly_no_token else Side.YES,
        bids=book.levels(buying=False)[:MAX_SHOWN],
        asks=book.levels(buying=True)[:MAX_SHOWN],
        t=book.t,
        seq=book.version,
        fee_rate=str(Decimal(rate) / RATE_UNIT),
        fee_exponent=exponent,
    )
