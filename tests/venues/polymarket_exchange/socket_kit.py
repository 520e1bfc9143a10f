"""A connection without a socket, and a reader that keeps books after what it is told."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.venues.polymarket_exchange.kit import Member
from venues.loopback.message import Request
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.service import PolymarketService

Side = dict[str, str]


class Connection:
    """One connection of the market or the user channel."""

    def __init__(self, service: PolymarketService, path: str = "/ws/market") -> None:
        self.service = service
        self.listener = service.connect(Request(method="GET", path=path))

    def say(self, text: object) -> list[str]:
        """Say something (a text as it is, anything else as JSON); what it brings."""
        words = text if isinstance(text, str) else msgspec.json.encode(text).decode()
        self.service.command(self.listener, words, 0)
        return self.texts()

    def follow(self, *tokens: str, custom: bool = False) -> list[dict[str, Any]]:
        """Subscribe; the events that it brings."""
        self.say_only({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": custom})
        return self.events()

    def say_only(self, text: object) -> None:
        """Say something, and leave what it brings."""
        self.service.command(self.listener, msgspec.json.encode(text).decode(), 0)

    def open(self, member: Member, *markets: str) -> None:
        """Open the user channel."""
        auth = {"apiKey": member.api.key, "secret": member.api.secret, "passphrase": member.api.passphrase}
        self.say({"type": "user", "auth": auth, **({"markets": list(markets)} if markets else {})})

    def texts(self) -> list[str]:
        """What waits, as it came."""
        texts, self.listener.waiting = self.listener.waiting, []
        return texts

    def events(self) -> list[dict[str, Any]]:
        """What waits, event by event."""
        events: list[dict[str, Any]] = []
        for text in self.texts():
            frame = msgspec.json.decode(text)
            events += frame if isinstance(frame, list) else [frame]
        return events


class Follower:
    """Books by token, after ``book`` and ``price_change`` alone; what did not agree is in ``errors``."""

    def __init__(self) -> None:
        self.books: dict[str, tuple[Side, Side]] = {}
        self.errors: list[str] = []

    def take(self, events: list[dict[str, Any]]) -> None:
        """What came."""
        for event in events:
            if event["event_type"] == "book":
                told = tuple({level["price"]: level["size"] for level in event[side]} for side in ("bids", "asks"))
                known = self.books.get(event["asset_id"])
                if known is not None and known != told:
                    self.errors.append(f"book {event['asset_id'][:6]}: {known} is not {told}")
                self.books[event["asset_id"]] = (dict(told[0]), dict(told[1]))
            elif event["event_type"] == "price_change":
                self._change(event["price_changes"])

    def _change(self, changes: list[dict[str, str]]) -> None:
        mine = [change for change in changes if change["asset_id"] in self.books]
        for change in mine:
            side = self.books[change["asset_id"]][0 if change["side"] == "BUY" else 1]
            if change["size"] == "0":
                side.pop(change["price"], None)
            else:
                side[change["price"]] = change["size"]
        for change in mine:
            bids, asks = self.books[change["asset_id"]]
            best = (max(bids, key=float, default="0"), min(asks, key=float, default="1"))
            if best != (change["best_bid"], change["best_ask"]):
                self.errors.append(f"best of {change['asset_id'][:6]}: {best} is not {change}")


def true_book(market: Market, token: str) -> tuple[Side, Side]:
    """The book as the exchange has it."""
    bids, asks = (
        {
            f"{price / 10_000:.4f}".rstrip("0"): f"{size / 10**6:.6f}".rstrip("0").rstrip(".")
            for price, size in market.levels(token, is_bid=is_bid)
        }
        for is_bid in (True, False)
    )
    return bids, asks
