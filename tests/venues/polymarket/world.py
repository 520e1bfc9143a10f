"""A venue's books, its socket that may lose frames, and its REST, all in one place and in the hands of a test."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from market.books import Books
from market.events import FeedBatch, FeedEvent
from protocol.terms import POLYMARKET
from venues.polymarket.book import BookReply, read_books
from venues.polymarket.feed import PolymarketDecoder
from venues.polymarket.keeper import BookKeeper, KeeperPolicy

YES, NO = "71", "52"
TOKENS = (YES, NO)
OWNER = 0

Sides = dict[bool, dict[int, int]]


@dataclass
class Question:
    number: int
    tokens: tuple[str, ...]
    body: bytes | None = None


def text(units: int, per: int) -> str:
    return f"{units // per}.{units % per:0{len(str(per)) - 1}d}"


def level(price: int, size: int) -> dict[str, str]:
    return {"price": text(price, 10_000), "size": text(size, 100)}


@dataclass
class Venue:
    """The truth: ``books`` by token and side, and everything that is on its way to the keeper."""

    keeper: BookKeeper = field(default_factory=lambda: BookKeeper(KeeperPolicy(first_us=0, settle_us=1, again_us=1)))
    ms: int = 1_000
    now_us: int = 0

    def __post_init__(self) -> None:
        self.books: dict[str, Sides] = {token: {True: {4_500: 100}, False: {5_500: 100}} for token in TOKENS}
        self.stream: deque[str] = deque()
        self.questions: list[Question] = []
        self.decoder = PolymarketDecoder()
        self.told = Books()
        for token in TOKENS:
            self.told.track(POLYMARKET, token)
        self.connected = False
        self.batches: list[tuple[FeedEvent, ...]] = []

    # -- the venue -------------------------------------------------------------------------------------------

    def best(self, token: str, *, is_bid: bool) -> int | None:
        side = self.books[token][is_bid]
        return (max(side) if is_bid else min(side)) if side else None

    def book(self, token: str) -> dict[str, object]:
        sides = {
            name: [level(*one) for one in self.books[token][is_bid].items()]
            for name, is_bid in (("bids", True), ("asks", False))
        }
        return {"event_type": "book", "asset_id": token, "market": "0xc", "timestamp": str(self.ms), **sides}

    def change(self, token: str, price: int, size: int, *, is_bid: bool, lost: bool = False, later: int = 1) -> None:
        self.ms += later
        side = self.books[token][is_bid]
        if size:
            side[price] = size
        else:
            side.pop(price, None)
        bid, ask = self.best(token, is_bid=True), self.best(token, is_bid=False)
        change = {
            "asset_id": token,
            "side": "BUY" if is_bid else "SELL",
            "best_bid": text(bid or 0, 10_000),
            "best_ask": text(ask or 10_000, 10_000),
            **level(price, size),
        }
        frame = {"event_type": "price_change", "market": "0xc", "timestamp": str(self.ms), "price_changes": [change]}
        if self.connected and not lost:
            self.stream.append(json.dumps(frame))

    def connect(self) -> None:
        self.connected = True
        self.stream.clear()
        self.keeper.begin(OWNER, TOKENS, self.now_us)
        self.stream.append(json.dumps([self.book(token) for token in TOKENS]))

    def disconnect(self) -> None:
        self.connected = False
        self.stream.clear()
        self.tell(self.keeper.lose(TOKENS, "gone", self.now_us))

    # -- what reaches the keeper -----------------------------------------------------------------------------

    def tell(self, events: tuple[FeedEvent, ...]) -> None:
        self.batches.append(events)
        self.told.apply(FeedBatch(POLYMARKET, self.now_us, events))

    def deliver(self) -> None:
        """The next frame of the socket."""
        if self.stream:
            self.tell(self.keeper.frame(OWNER, self.decoder.read(self.stream.popleft()), self.now_us))

    def ask(self) -> bool:
        number, tokens = self.keeper.ask(self.now_us, 10)
        if tokens:
            self.questions.append(Question(number, tokens))
        return bool(tokens)

    def look(self) -> None:
        """The venue reads a question, and writes down the books as they are."""
        for question in self.questions:
            if question.body is None:
                question.body = json.dumps([self.book(token) for token in reversed(question.tokens)]).encode()
                return

    def answer(self) -> None:
        """The oldest answer arrives."""
        for place, question in enumerate(self.questions):
            if question.body is not None:
                del self.questions[place]
                found = self.read(question.body)
                self.tell(self.keeper.answered(question.number, question.tokens, found, self.now_us))
                return

    def fail(self) -> None:
        if self.questions:
            question = self.questions.pop(0)
            self.keeper.failed(question.number, question.tokens, self.now_us)

    def read(self, body: bytes) -> dict[str, BookReply]:
        return read_books(body, PolymarketDecoder())

    def quiet(self) -> None:
        """Everything that is on its way arrives, and nothing more is lost, until nothing is in doubt any more."""
        for _ in range(60):
            while self.stream:
                self.deliver()
            while self.questions:
                self.look()
                self.answer()
            self.now_us += self.keeper.policy.every_us
            if not self.ask():
                return

    # -- what is believed ------------------------------------------------------------------------------------

    def believed(self, token: str, *, is_bid: bool) -> dict[int, int] | None:
        """The side as the controller would trade on it; None where it would not."""
        book = self.told.get(POLYMARKET, token)
        assert book is not None
        known = book.bid_known if is_bid else book.ask_known
        return {int(p): int(s) for p, s in book.depth(is_bid=is_bid).items()} if book.usable and known else None
