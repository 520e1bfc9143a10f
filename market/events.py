"""What a venue's market data says, in our words: the only thing that books are built from.

A venue's decoder (``venues/<venue>/feed.py``) turns each text frame into these; a feed port sends them on as one
:class:`FeedBatch` per frame, so that whoever applies them sees a frame whole or not at all.

``market`` is the venue's own instrument: a Kalshi ticker (one book, in YES terms: a NO bid at ``q`` is an ask at
``1 - q``), or a Polymarket token (YES and NO are two instruments, each with its own book).
"""

from __future__ import annotations

import msgspec

from protocol.terms import Platform
from protocol.units import Price, Quantity

Level = tuple[Price, Quantity]


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The whole book of a market; replaces what was known, and makes an unusable book usable."""

    market: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class LevelChanged(msgspec.Struct, frozen=True, gc=False):
    """One level changed by ``delta`` (Kalshi). Below zero the level is gone. Ignored while the book is unusable."""

    market: str
    is_bid: bool
    price: Price
    delta: Quantity


class LevelSet(msgspec.Struct, frozen=True, gc=False):
    """One level now holds ``size``; 0 removes it (Polymarket). Ignored while the book is unusable."""

    market: str
    is_bid: bool
    price: Price
    size: Quantity


class TopStated(msgspec.Struct, frozen=True, gc=False):
    """The venue says what the best prices are now (``None``: that side is empty).

    A side whose best level in our book is another price has an unknown top: it cannot be traded on until the
    venue's word and the book agree again, or a snapshot comes. Sides the frame does not speak of are not listed.
    """

    market: str
    best_bid: Price | None
    best_ask: Price | None


class BooksLost(msgspec.Struct, frozen=True, gc=False):
    """Books are unusable until their next snapshot: a disconnect, a gap in sequence, a frame that made no sense.

    ``markets`` empty: every book of the platform.
    """

    reason: str
    markets: tuple[str, ...] = ()


class MarketHalted(msgspec.Struct, frozen=True, gc=False):
    """The market's terms are not those any more that its pair was made for: nothing opens on it in this run.

    Its book stays as it is: what is open can be closed.
    """

    market: str
    reason: str


class TickSet(msgspec.Struct, frozen=True, gc=False):
    """The market's prices are so far apart from now on, whatever its pair was written down with."""

    market: str
    tick: Price


class FeedUp(msgspec.Struct, frozen=True, gc=False):
    """The feed is connected; snapshots follow. Books known before are forgotten."""


FeedEvent = BookSnapshot | LevelChanged | LevelSet | TopStated | BooksLost | MarketHalted | TickSet | FeedUp


class FeedBatch(msgspec.Struct, frozen=True, gc=False):
    """All that one frame said. ``t`` is unix microseconds (the recording's in a replay).

    ``is_data`` is true when the frame carried market data: only that counts against a silence limit.
    """

    platform: Platform
    t: int
    events: tuple[FeedEvent, ...]
    is_data: bool = True


class FeedEnded(msgspec.Struct, frozen=True, gc=False):
    """The feed will never speak again: the end of a recording, or, ``failed``, an error that nothing mends."""

    platform: Platform
    reason: str
    failed: bool = False
