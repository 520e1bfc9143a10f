"""A connection without a socket: commands in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from market.book import Book
from market.events import BooksLost, BookSnapshot, Level, LevelChanged
from market.feed_state import FeedState
from protocol.terms import KALSHI
from tests.venues.kalshi_exchange.kit import Member, frames_of
from venues.kalshi.exchange.rest import SOCKET_PATH
from venues.kalshi.exchange.service import KalshiService, Listener
from venues.kalshi.feed import KalshiDecoder
from venues.loopback.message import Request

Frame = Mapping[str, Any]


class Connection:
    """One of a member's connections; :meth:`taken` gives the frames since it was asked last."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.service: KalshiService = member.service
        request = Request(method="GET", path=SOCKET_PATH, headers=member.signed("GET", SOCKET_PATH))
        self.listener: Listener = self.service.connect(request, member.now_us)
        self._commands = 0

    def say(self, cmd: str, **params: object) -> list[Frame]:
        """A command, and the frames that it brought."""
        self._commands += 1
        command = {"id": self._commands, "cmd": cmd} | ({"params": params} if params else {})
        return self.raw(msgspec.json.encode(command).decode())

    def raw(self, text: str) -> list[Frame]:
        """Any text, and the frames that it brought."""
        self.send(text)
        return self.taken()

    def send(self, text: str) -> None:
        """Any text; what it brings waits."""
        self.service.command(self.listener, text, self.member.now_us)

    def follow(self, *tickers: str) -> None:
        """Subscribe to these books; what it brings waits."""
        params = {"channels": ["orderbook_delta"], "market_tickers": list(tickers)}
        self.send(msgspec.json.encode({"id": 1, "cmd": "subscribe", "params": params}).decode())

    def subscribe(self, *channels: str, tickers: list[str] | None = None, **more: object) -> list[Frame]:
        """Subscribe, and the frames that it brought."""
        markets = {} if tickers is None else {"market_tickers": tickers}
        return self.say("subscribe", channels=list(channels), **markets, **more)

    def taken(self) -> list[Frame]:
        """The frames that wait."""
        return frames_of(self.texts())

    def texts(self) -> list[str]:
        """The same, as they are sent."""
        texts, self.listener.waiting = self.listener.waiting, []
        return texts


class Follower:
    """Our own decoder and books, fed with frames: what a client makes of them."""

    def __init__(self) -> None:
        self._feed = FeedState(KALSHI)
        self._decoder = KalshiDecoder()
        self.books: dict[str, Book] = {}
        self.errors: list[str] = []

    def take(self, texts: list[str]) -> None:
        """Apply the frames."""
        for text in texts:
            decoded = self._decoder.decode(text)
            if decoded.error is not None:
                self.errors.append(decoded.error)
            for event in decoded.events:
                match event:
                    case BookSnapshot(market=market, bids=bids, asks=asks):
                        self.book(market).replace(bids, asks, 0)
                    case LevelChanged(market=market, is_bid=is_bid, price=price, delta=delta):
                        self.book(market).add(price, delta, 0, is_bid=is_bid)
                    case BooksLost(markets=markets):
                        for market in markets or tuple(self.books):
                            self.book(market).forget(0)
                    case _:
                        raise AssertionError(event)

    def book(self, market: str) -> Book:
        """The book of a market."""
        return self.books.setdefault(market, Book(self._feed, market))

    def sides(self, market: str) -> tuple[list[Level], list[Level]]:
        """Bids and asks as they are known."""
        book = self.book(market)
        bids = [(price, size) for price, size in book.levels(buying=False)]
        return bids, book.levels(buying=True)


def true_sides(service: KalshiService, market: str) -> tuple[list[Level], list[Level]]:
    """Bids and asks as the exchange has them."""
    book = service.exchange.markets[market].book
    return book.levels(is_bid=True), book.levels(is_bid=False)
