"""The wire of relayed books, level 2: what the controller wants to see, and what a trader tells of it.

These messages come by the thousand, so they are structs and no checking models: what a peer sends is checked by its
type when it is read, and its prices and sizes when they are turned into our units. A snapshot is a
:class:`~protocol.wire.Book`.

A *stream* is one platform's books on one connection, numbered ``sub`` by the controller. All frames of a stream,
whatever their type, count up in one ``seq`` from 1: so a frame that is missing is seen by the next one, at the latest
by the next heartbeat. Times are unix microseconds by the trader's clock, but for ``t``, which is the venue's.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from protocol.leg_frame import Frame
from protocol.terms import Platform
from protocol.units import CENT, CONTRACT, DOLLAR, MAX_QUANTITY, Price, Quantity, price_to_cents, quantity_to_wire
from protocol.wire import MAX_INT, MAX_LEVELS, MAX_NAME, MAX_TEXT

MAX_MARKETS: Final = 150_000
"""Markets of one stream: two tokens for each pair that the wire can number."""

MAX_BATCH: Final = 250
"""Markets that one message asks for or gives up: with the longest names it still fits a frame."""

MAX_CHANGES: Final = 200
"""Books that one delta changes."""

MAX_LOST: Final = 5_000
"""Markets that one state calls lost; more of them fill another."""

MAX_HALTED: Final = 100
"""Markets that one state calls halted; more of them fill another."""

MAX_REASON: Final = 200
"""Characters of why a market is halted."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Stamp = Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=MAX_MARKETS)]
Market = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Markets = Annotated[tuple[Market, ...], msgspec.Meta(max_length=MAX_BATCH)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Reason = Annotated[str, msgspec.Meta(max_length=MAX_REASON)]
Beat = Annotated[int, msgspec.Meta(ge=10, le=60_000)]

FeedWord = Literal["waiting", "up", "down", "ended", "failed"]
"""How the trader's own feed of a platform is; ``waiting``: it has not said anything yet."""

WireLevel = tuple[int | Decimal, int | Decimal]
WireChange = tuple[Number, tuple[WireLevel, ...], tuple[WireLevel, ...]]
WireTop = tuple[Number, int | Decimal | None, int | Decimal | None]
Level = tuple[Price, Quantity]
Changes = tuple[Level, ...]


class BookMessage(Frame, frozen=True, omit_defaults=True):
    """Base of these messages: tagged by ``type``, unknown fields ignored, what is at its default left out."""

    wire_type: ClassVar[str] = ""


class WantBooks(BookMessage, frozen=True, tag="want_books"):
    """Controller to trader: send me these books. Answered with a :class:`BookState`, then a snapshot of each.

    ``add`` numbers its markets from ``first`` on, in their order. ``first`` 0 begins the stream anew, and ends the one
    of that platform before it. ``remove``: send nothing of these any more; their numbers are not used again.
    """

    wire_type: ClassVar[str] = "want_books"
    platform: Annotated[Platform, msgspec.Meta(max_length=MAX_NAME)]
    sub: Count
    first: Count = 0
    add: Markets = ()
    remove: Markets = ()
    heartbeat_ms: Beat = 1_000


class BooksSeen(BookMessage, frozen=True, tag="books_seen"):
    """Controller to trader: every frame of the stream up to ``seq`` was read. What was not is never much."""

    wire_type: ClassVar[str] = "books_seen"
    sub: Count
    seq: Count


class BookState(BookMessage, frozen=True, tag="book_state", kw_only=True):
    """Trader to controller: how its feed is. Said at once when that changes, and as the heartbeat of the stream.

    ``halted``: markets whose terms are not those any more that were paired, and why; it holds for the whole run.

    ``at`` is when it was written, ``heard`` when the feed last brought data of the platform (0: never), so a feed that
    lives and a relay that lives are told apart. ``offset_us``: the controller's clock is so far ahead. ``markets``: how
    many were asked for so far. ``reset``: every book sent before is void; ``lost``: these are, until a snapshot comes.
    """

    wire_type: ClassVar[str] = "book_state"
    sub: Count
    seq: Count
    t: Stamp
    at: Stamp
    heard: Stamp
    offset_us: Stamp
    feed: FeedWord
    markets: Count
    reset: bool = False
    lost: Annotated[tuple[Number, ...], msgspec.Meta(max_length=MAX_LOST)] = ()
    halted: Annotated[tuple[tuple[Number, Reason], ...], msgspec.Meta(max_length=MAX_HALTED)] = ()
    reason: Text | None = None


class DeltaFrame(BookMessage, frozen=True, tag="book_delta"):
    """A :class:`BookDelta` as it is written: prices in cents, sizes in contracts."""

    wire_type: ClassVar[str] = "book_delta"
    sub: Count
    seq: Count
    t: Stamp
    at: Stamp
    d: Annotated[tuple[WireChange, ...], msgspec.Meta(max_length=MAX_CHANGES)]
    top: Annotated[tuple[WireTop, ...], msgspec.Meta(max_length=MAX_CHANGES)] = ()


class BookDelta(msgspec.Struct, frozen=True, gc=False):
    """Trader to controller: these levels hold another size than when they were last told; 0: the level is gone.

    ``changes``: market number, bids, asks; what one frame of the venue changed stands in one delta. ``tops``, for
    books of which one side is in doubt, or was: the best price of each side that may be traded on (None: none).
    """

    wire_type: ClassVar[str] = "book_delta"
    sub: int
    seq: int
    t: int
    at: int
    changes: tuple[tuple[int, Changes, Changes], ...]
    tops: tuple[tuple[int, Price | None, Price | None], ...] = ()


BookFrame = WantBooks | BooksSeen | BookState | BookDelta
"""What this file reads."""

BOOK_TYPES: Final = frozenset({"want_books", "books_seen", "book_state", "book_delta"})

PREFIXES: Final = ('{"type":"book_', '{"type":"books_', '{"type":"want_books"')
"""How the frames begin that we write ourselves: they are read without looking for their type first."""

_FRAMES: Final = msgspec.json.Decoder(WantBooks | BooksSeen | BookState | DeltaFrame)
_EXACT: Final = Context(prec=40, traps=[Inexact, InvalidOperation])


class BadBook(ValueError):
    """A frame of a relay that makes no sense, and why."""


def read_book_frame(text: str | bytes) -> BookFrame:
    """The message in a frame that is one of these. Raises :class:`BadBook`, naming the field."""
    try:
        frame = _FRAMES.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadBook(str(error)[:200]) from None
    return _delta(frame) if isinstance(frame, DeltaFrame) else frame


def wire_levels(levels: Changes) -> tuple[WireLevel, ...]:
    """Levels as they are written."""
    return tuple(
        (
            price_to_cents(price) if price % CENT else price // CENT,
            quantity_to_wire(size) if size % CONTRACT else size // CONTRACT,
        )
        for price, size in levels
    )


def wire_price(price: Price | None) -> int | Decimal | None:
    """A price of ``top`` as it is written."""
    return None if price is None else price_to_cents(price)


def _delta(frame: DeltaFrame) -> BookDelta:
    changes = tuple((number, _levels(bids), _levels(asks)) for number, bids, asks in frame.d)
    tops = tuple((number, _top(bid), _top(ask)) for number, bid, ask in frame.top)
    return BookDelta(frame.sub, frame.seq, frame.t, frame.at, changes, tops)


def _levels(levels: tuple[WireLevel, ...]) -> Changes:
    if len(levels) > 2 * MAX_LEVELS:
        raise BadBook(f"d: more than {2 * MAX_LEVELS} levels of one side")
    return tuple((_price(price), _size(size)) for price, size in levels)


def _top(cents: int | Decimal | None) -> Price | None:
    return None if cents is None else _price(cents)


def _price(cents: int | Decimal) -> Price:
    price = _scaled(cents, CENT, "price")
    if not 0 < price < DOLLAR:
        raise BadBook(f"d: price must be above 0 and below 100 cents, not {cents}")
    return Price(price)


def _size(contracts: int | Decimal) -> Quantity:
    size = _scaled(contracts, CONTRACT, "size")
    if not 0 <= size <= MAX_QUANTITY:
        raise BadBook(f"d: size must be from 0 to {MAX_QUANTITY // CONTRACT} contracts, not {contracts}")
    return Quantity(size)


def _scaled(value: Any, unit: int, what: str) -> int:  # noqa: ANN401 -- int or Decimal, told apart by exact type
    if type(value) is int:
        return value * unit
    if not value.is_finite():
        raise BadBook(f"d: {what} must be a finite number")
    try:
        scaled = _EXACT.multiply(value, Decimal(unit))
        whole = int(scaled) if scaled.adjusted() < 30 else -1  # noqa: PLR2004 -- no amount of any unit is near 1e30
    except (Inexact, InvalidOperation):
        raise BadBook(f"d: {what} has more digits than any amount") from None
    if whole != scaled:
        raise BadBook(f"d: {what} has more decimals than can be traded: {str(value)[:40]}")
    return whole
