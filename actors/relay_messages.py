"""What is said about relayed books: between a trader's link and its relay, and a controller's sessions and its desk."""

from __future__ import annotations

from actors.messages import Message
from protocol.book_wire import BookDelta, BooksSeen, BookState, WantBooks
from protocol.terms import Platform
from protocol.wire import Book

# -- the trader ----------------------------------------------------------------------------------------------


class RelayTo(Message, frozen=True):
    """Uplink to the relay: whatever was asked for before is over; who asks now is this connection (None: nobody)."""

    conn_id: int | None


class BooksAsked(Message, frozen=True):
    """Uplink to the relay: the controller wants books, or has read some."""

    asked: WantBooks | BooksSeen


class RelayClock(Message, frozen=True):
    """Uplink to the relay: the controller's clock is so far ahead of ours."""

    offset_us: int


# -- the controller ------------------------------------------------------------------------------------------


class RelayOffered(Message, frozen=True):
    """A session to the desk: this trader relays these platforms (none: and why it is not asked)."""

    conn_id: int
    trader: str
    platforms: tuple[Platform, ...]
    level: int


class RelayHeard(Message, frozen=True):
    """A session to the desk: a frame of a stream, and how long its text was."""

    conn_id: int
    frame: Book | BookDelta | BookState
    size: int


class RelayBroken(Message, frozen=True):
    """A session to the desk: a frame that must have been one of a stream, but cannot be read."""

    conn_id: int
    reason: str


class AskRelay(Message, frozen=True):
    """The desk to a session: write this."""

    asked: WantBooks | BooksSeen
