"""What executor and scanner say about the books of a pair with something to close."""

from __future__ import annotations

from actors.messages import Message
from market.events import Level
from market.pair import Pair
from protocol.terms import PairId, Platform
from protocol.units import Money
from protocol.wire import Book


class WatchPair(Message, frozen=True):
    """Executor to scanner: tell me this pair's books now and at every change, until told otherwise."""

    pair_id: PairId
    wanted: bool


class BookView(Message, frozen=True):
    """One instrument's book in its own terms, best first, our own takes gone; ``shown`` is it for a paper venue.

    Empty where it cannot be traded on; ``known`` says whether it is empty because nothing is known of it.
    """

    platform: Platform
    market: str
    version: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    shown: Book | None
    known: bool = True


class PairBooks(Message, frozen=True):
    """Scanner to executor: the books of a watched pair as they are now."""

    pair: Pair
    books: tuple[BookView, ...]
    kalshi_precision: Money
