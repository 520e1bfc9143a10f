"""The book of ``GET /markets/{ticker}/orderbook``: bids of both outcomes, the best last, as one book in YES terms."""

from __future__ import annotations

from typing import Final

import msgspec

from market.events import Level
from protocol.units import DOLLAR, Price, price_from_dollars, quantity_from_text


class BookReply(msgspec.Struct, frozen=True):
    """Bids and asks of YES, the best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class _Sides(msgspec.Struct, gc=False):
    yes_dollars: list[tuple[str, str]] | None = None
    no_dollars: list[tuple[str, str]] | None = None


class _Reply(msgspec.Struct, gc=False):
    orderbook_fp: _Sides


_decoder: Final = msgspec.json.Decoder(_Reply)


def read_book(body: bytes) -> BookReply:
    """The book in a body. Raises one of :data:`venues.kalshi.replies.UNREADABLE`."""
    sides = _decoder.decode(body).orderbook_fp
    bids = [(price_from_dollars(price), quantity_from_text(size)) for price, size in sides.yes_dollars or ()]
    asks = [
        (Price(DOLLAR - price_from_dollars(price)), quantity_from_text(size)) for price, size in sides.no_dollars or ()
    ]
    return BookReply(tuple(sorted(bids, reverse=True)), tuple(sorted(asks)))
