"""One line of a capture file, both ways; and a line played through the venues' decoders.

A capture file is what the recorder writes and the replay reads: one JSON object a line, in time order.

======== ==================================================================================================
``t``     unix time in microseconds
``venue`` ``kalshi`` or ``polymarket``
``frame`` the text frame exactly as the venue sent it; or
``event`` ``connected`` (snapshots follow) or ``disconnected`` (forget the books)
======== ==================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal

import msgspec

from market.events import BooksLost, FeedBatch, FeedUp
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from venues.decoded import Decoder
from venues.kalshi.feed import KalshiDecoder
from venues.polymarket.feed import PolymarketDecoder

MAX_T: Final = 10**16
"""Unix microseconds, in the year 2286."""

CONNECTED: Final = "connected"
DISCONNECTED: Final = "disconnected"

DECODERS: Final[Mapping[Platform, Callable[[], Decoder]]] = {KALSHI: KalshiDecoder, POLYMARKET: PolymarketDecoder}
"""How each venue's frames are read."""


class CaptureLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that a venue sent (``frame``), or that became of the connection to it (``event``): one of the two."""

    t: Annotated[int, msgspec.Meta(ge=0, le=MAX_T)]
    venue: Platform
    frame: str | None = None
    event: Literal["connected", "disconnected"] | None = None


class BadLine(msgspec.Struct, frozen=True, gc=False):
    """The text is no capture line, and why."""

    reason: str


_LINES: Final = msgspec.json.Decoder(CaptureLine)
_ENCODER: Final = msgspec.json.Encoder()


def parse_line(text: str | bytes) -> CaptureLine | BadLine:
    """The line in ``text``, or what is wrong with it. Never raises; keys that are not known are ignored."""
    try:
        line = _LINES.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return BadLine(f"not a capture line: {error}")
    if line.venue not in PLATFORMS:
        return BadLine(f"`venue` must be one of {', '.join(PLATFORMS)}, not {line.venue[:40]!r}")
    if (line.frame is None) is (line.event is None):
        return BadLine("a capture line has either a `frame` or an `event`")
    return line


def encode_line(line: CaptureLine) -> bytes:
    """The line as it stands in a capture file, its newline included."""
    return _ENCODER.encode(line) + b"\n"


class Played(msgspec.Struct, frozen=True, gc=False):
    """What one capture line comes to: ``batch`` is there when it changes a book or proves that the feed lives."""

    batch: FeedBatch | None = None
    error: str | None = None
    note: str | None = None


class CapturePlayer:
    """Plays capture lines through one decoder a venue, as the connections that they record would have been read."""

    def __init__(self) -> None:
        self._decoders = {platform: make() for platform, make in DECODERS.items()}

    def play(self, line: CaptureLine) -> Played:
        """What the line comes to. Never raises for what a line holds."""
        decoder = self._decoders[line.venue]
        if line.frame is None:
            decoder.reset()
            change = FeedUp() if line.event == CONNECTED else BooksLost("disconnected")
            return Played(FeedBatch(line.venue, line.t, (change,), is_data=False))
        decoded = decoder.decode(line.frame)
        batch = None
        if decoded.events or decoded.is_data:
            batch = FeedBatch(line.venue, line.t, decoded.events, decoded.is_data)
        return Played(batch, decoded.error, decoded.note)
