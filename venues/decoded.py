"""What a venue's decoder makes of one frame; the same shape for every venue."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from market.events import BooksLost, FeedEvent

MAX_FEED_FRAME: Final = 8 * 1024 * 1024
"""Characters (or bytes) of one frame. The largest honest one is the snapshot of many books in one array."""

MAX_MARKET: Final = 200
"""Characters of an instrument's name; a Polymarket token has 78."""

MAX_REASON: Final = 300
"""Characters of what is said about one frame."""

_MAX_UNKNOWN: Final = 50
_OTHER: Final = "(other)"


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """All that one frame said.

    ``events`` are in the order in which they must be applied. ``is_data`` is true when the frame proves that market
    data flows: what counts against a silence limit. ``error`` says what was wrong with the frame, or what the venue
    complained of; where books can no longer be trusted for it, ``events`` says which. ``note`` is for the log.
    ``ended`` names Kalshi's subscription that the venue has ended: only a new one brings its books back.
    """

    events: tuple[FeedEvent, ...] = ()
    is_data: bool = False
    error: str | None = None
    note: str | None = None
    ended: bool = False


class Decoder(Protocol):
    """Turns one connection's frames into events. Pure: the same frames in the same order give the same events."""

    def decode(self, frame: str | bytes) -> Decoded:
        """What the frame says. Never raises, whatever the frame holds."""

    def reset(self) -> None:
        """Forget the connection that was: the next frame is the first of a new one."""


def malformed(reason: str, markets: tuple[str, ...] = ()) -> Decoded:
    """A frame that makes no sense: what it would have said is missing from these books (none named: from all)."""
    text = reason[:MAX_REASON]
    return Decoded((BooksLost(text, markets),), error=text)


class UnknownTypes(dict[str, int]):
    """How many frames were ignored for their type, by type; bounded, whatever the venue sends."""

    def count(self, kind: str) -> str:
        """Count one; answers with the note for the log."""
        name = kind[:60]
        if name not in self and len(self) >= _MAX_UNKNOWN:
            name = _OTHER
        self[name] = self.get(name, 0) + 1
        return f"frame of unknown type {name!r}: ignored"
