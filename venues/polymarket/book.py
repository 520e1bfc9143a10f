"""The books of ``POST /books``: each whole, and when it was so. Unordered; of a token it does not know, no word."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from market.events import BookSnapshot
from venues.decoded import MAX_FEED_FRAME, malformed
from venues.polymarket.feed import PolymarketDecoder


class BookReply(msgspec.Struct, frozen=True, gc=False):
    """One book; ``ms`` is the venue's unix milliseconds, 0 where it does not say."""

    book: BookSnapshot
    ms: int


class UnreadableBooks(ValueError):
    """The answer is no list of books."""


_items: Final = msgspec.json.Decoder(list[dict[str, Any]])
_encode: Final = msgspec.json.Encoder().encode


def read_books(body: bytes, decoder: PolymarketDecoder) -> dict[str, BookReply]:
    """The books in a body, by token; one that makes no sense is left out, as one that the venue does not know.

    A book is the same object here as on the market channel, but for the name of its kind; so is the way to read it.
    Raises :class:`UnreadableBooks`.
    """
    if len(body) > MAX_FEED_FRAME:
        raise UnreadableBooks(f"books of {len(body)} bytes, the limit is {MAX_FEED_FRAME}")
    try:
        items = _items.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableBooks(malformed(f"no list of books: {error}").error) from None
    read = decoder.read(_encode([{**item, "event_type": "book"} for item in items]))
    return {
        event.market: BookReply(event, ms)
        for event, ms in zip(read.decoded.events, read.stamps, strict=True)
        if isinstance(event, BookSnapshot)
    }
