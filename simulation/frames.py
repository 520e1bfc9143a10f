"""What the two venues' sockets would say, in their own wire shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from market.pair import Pair
from protocol.units import DOLLAR, Price, Quantity
from simulation.quotes import Change, Quotes

Frame = Mapping[str, Any]


class Wire(Protocol):
    """One venue's end of a connection."""

    def opening(self, t_ms: int, books: Iterable[tuple[Pair, Quotes]]) -> list[str]:
        """What the venue sends on a new connection: the answer to the subscription, then every book."""

    def changed(self, t_ms: int, pair: Pair, quotes: Quotes, changes: list[Change]) -> list[str]:
        """What it sends when these levels of the pair's book changed; ``quotes`` is the book after that."""

    def traded(self, t_ms: int, pair: Pair, price: Price, size: Quantity) -> str:
        """What it sends when somebody bought YES."""


class KalshiWire:
    """Kalshi: the book is subscription 1, trades are subscription 2; sequence numbers start anew per connection."""

    def __init__(self) -> None:
        self._seq = 0
        self._clock = 0

    def opening(self, t_ms: int, books: Iterable[tuple[Pair, Quotes]]) -> list[str]:
        """See :class:`Wire`."""
        self._seq = 0
        channels = enumerate(("orderbook_delta", "trade"), start=1)
        answers = [_text(_subscribed(channel, sid, t_ms)) for sid, channel in channels]
        return answers + [self._book("orderbook_snapshot", _snapshot(pair, quotes)) for pair, quotes in books]

    def changed(self, t_ms: int, pair: Pair, _quotes: Quotes, changes: list[Change]) -> list[str]:
        """See :class:`Wire`. A frame for each level."""
        return [self._book("orderbook_delta", _delta(pair, change) | {"ts_ms": t_ms}) for change in changes]

    def traded(self, t_ms: int, pair: Pair, price: Price, size: Quantity) -> str:
        """See :class:`Wire`."""
        msg = {
            "market_ticker": pair.kalshi_market_ticker,
            "yes_price_dollars": _dollars(price),
            "no_price_dollars": _dollars(Price(DOLLAR - price)),
            "count_fp": _contracts(size),
            "taker_outcome_side": "yes",
            "taker_book_side": "bid",
            "ts_ms": t_ms,
        }
        return _text({"type": "trade", "sid": 2, "msg": msg})

    def _book(self, kind: str, body: dict[str, Any]) -> str:
        self._seq += 1
        self._clock += 1
        return _text({"type": kind, "sid": 1, "seq": self._seq, "msg": body | {"clock": self._clock}})


class PolymarketWire:
    """Polymarket: YES and NO tokens show the same orders, one the mirror of the other."""

    def opening(self, t_ms: int, books: Iterable[tuple[Pair, Quotes]]) -> list[str]:
        """See :class:`Wire`. All books in one array."""
        return [_text([self._book(t_ms, pair, quotes, yes=yes) for pair, quotes in books for yes in (True, False)])]

    def changed(self, t_ms: int, pair: Pair, quotes: Quotes, changes: list[Change]) -> list[str]:
        """See :class:`Wire`. One frame, the tokens' best prices after it beside each level."""
        listed = [self._change(pair, quotes, change, yes=yes) for yes in (True, False) for change in changes]
        return [_text({"event_type": "price_change", **_head(t_ms, pair), "price_changes": listed})] if listed else []

    def traded(self, t_ms: int, pair: Pair, price: Price, size: Quantity) -> str:
        """See :class:`Wire`."""
        last = {"asset_id": pair.poly_yes_token, "price": _short(price, 4), "size": _short(size, 2), "side": "BUY"}
        return _text({"event_type": "last_trade_price", **_head(t_ms, pair), **last, "fee_rate_bps": "0"})

    def _book(self, t_ms: int, pair: Pair, quotes: Quotes, *, yes: bool) -> Frame:
        bids, asks = (quotes.bids, quotes.asks) if yes else (quotes.asks, quotes.bids)
        return {
            "event_type": "book",
            "asset_id": pair.poly_yes_token if yes else pair.poly_no_token,
            **_head(t_ms, pair),
            "bids": _levels(bids, yes=yes, falling=False),
            "asks": _levels(asks, yes=yes, falling=True),
        }

    def _change(self, pair: Pair, quotes: Quotes, change: Change, *, yes: bool) -> Frame:
        best_bid, best_ask = quotes.best_bid, quotes.best_ask
        return {
            "asset_id": pair.poly_yes_token if yes else pair.poly_no_token,
            "price": _short(change.price if yes else DOLLAR - change.price, 4),
            "size": _short(change.after, 2),
            "side": "BUY" if change.is_bid is yes else "SELL",
            "best_bid": _short(best_bid if yes else DOLLAR - best_ask, 4),
            "best_ask": _short(best_ask if yes else DOLLAR - best_bid, 4),
        }


def _subscribed(channel: str, sid: int, t_ms: int) -> Frame:
    return {"id": sid, "type": "subscribed", "sending_ts_ms": t_ms, "msg": {"channel": channel, "sid": sid}}


def _snapshot(pair: Pair, quotes: Quotes) -> dict[str, Any]:
    return {
        "market_ticker": pair.kalshi_market_ticker,
        "yes_dollars_fp": [[_dollars(price), _contracts(quotes.bids[price])] for price in sorted(quotes.bids)],
        "no_dollars_fp": [
            [_dollars(Price(DOLLAR - price)), _contracts(quotes.asks[price])]
            for price in sorted(quotes.asks, reverse=True)
        ],
    }


def _delta(pair: Pair, change: Change) -> dict[str, Any]:
    return {
        "market_ticker": pair.kalshi_market_ticker,
        "price_dollars": _dollars(change.price if change.is_bid else Price(DOLLAR - change.price)),
        "delta_fp": _contracts(Quantity(change.after - change.before)),
        "side": "yes" if change.is_bid else "no",
    }


def _head(t_ms: int, pair: Pair) -> Frame:
    return {"market": pair.pair_id, "timestamp": str(t_ms)}


def _levels(side: dict[Price, Quantity], *, yes: bool, falling: bool) -> list[Frame]:
    levels = sorted(((price if yes else DOLLAR - price, size) for price, size in side.items()), reverse=falling)
    return [{"price": _short(price, 4), "size": _short(size, 2)} for price, size in levels]


def _fixed(units: int, places: int) -> str:
    whole, part = divmod(abs(units), 10**places)
    return f"{'-' if units < 0 else ''}{whole}.{part:0{places}d}"


def _dollars(price: Price) -> str:
    return _fixed(price, 4)


def _contracts(size: Quantity) -> str:
    return _fixed(size, 2)


def _short(units: int, places: int) -> str:
    """Polymarket writes no zeros that say nothing."""
    return _fixed(units, places).rstrip("0").rstrip(".")


def _text(frame: object) -> str:
    return msgspec.json.encode(frame).decode()
