"""Made-up pairs and the frames of their markets, in the venues' own wire shape."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from market.pair import Pair
from protocol.terms import PairId

DEPTH: Final = 8
"""Levels of a side in a snapshot."""

LEVEL: Final = "5000"
SIZE: Final = "20"

# In cents. Kalshi asks 58 for YES and, as its best bid is 36, 64 for NO; Polymarket 64 for YES and 58 for NO. So no
# two of them are an arb, and a cheap YES on Kalshi or a cheap NO on Polymarket is one across both venues.
ASK: Final = 58
WORSE_ASK: Final = 64
BID: Final = 36
ARB_ASK: Final = 30
"""What makes an arb: 30 + 58 leaves 12 cents before fees."""


def made_up_pairs(count: int) -> list[Pair]:
    """So many pairs; names as long as the venues' own."""
    return [
        Pair(
            pair_id=PairId(f"bench-pair-{number:06d}"),
            market_id=number % 65_536,
            description=f"made-up question {number}",
            kalshi_market_ticker=f"KXBENCHGAME-26JAN07AAABBB-{number:06d}",
            poly_yes_token=f"{10**77 + 2 * number}",
            poly_no_token=f"{10**77 + 2 * number + 1}",
            kalshi_rate_ppm=70_000,
            polymarket_rate_ppm=30_000,
        )
        for number in range(count)
    ]


class KalshiFrames:
    """The frames of one subscription, numbered as the venue numbers them."""

    def __init__(self) -> None:
        self._seq = itertools.count(1)

    def snapshot(self, pair: Pair, depth: int = DEPTH) -> str:
        """The market's book, ``depth`` levels a side."""
        yes = [[_dollars(BID - step), LEVEL] for step in range(depth)]
        no = [[_dollars(100 - ASK - step), LEVEL] for step in range(depth)]
        body = {"market_ticker": pair.kalshi_market_ticker, "yes_dollars_fp": yes, "no_dollars_fp": no}
        return self._frame("orderbook_snapshot", body)

    def ask(self, pair: Pair, cents: int, delta: str) -> str:
        """A delta of the level at which ``cents`` is asked for YES."""
        body = {
            "market_ticker": pair.kalshi_market_ticker,
            "price_dollars": _dollars(100 - cents),
            "delta_fp": delta,
            "side": "no",
            "ts_ms": 1_767_835_212_317,
        }
        return self._frame("orderbook_delta", body)

    def _frame(self, kind: str, body: dict[str, Any]) -> str:
        return _compact({"type": kind, "sid": 1, "seq": next(self._seq), "msg": body})


class PolymarketFrames:
    """The frames of the market channel."""

    def snapshots(self, pair: Pair, depth: int = DEPTH) -> str:
        """The books of both tokens in one frame, ``depth`` levels a side."""
        return _compact([_book(pair.poly_yes_token, WORSE_ASK, depth), _book(pair.poly_no_token, ASK, depth)])

    def ask(self, pair: Pair, cents: int, size: str, best_ask: int) -> str:
        """The level at which ``cents`` is asked for NO now holds ``size``."""
        change = {
            "asset_id": pair.poly_no_token,
            "price": _dollars(cents),
            "size": size,
            "side": "SELL",
            "best_bid": _dollars(BID),
            "best_ask": _dollars(best_ask),
        }
        event = {"event_type": "price_change", "market": "0xbench", "timestamp": "1767835212317"}
        return _compact({**event, "price_changes": [change]})


class Arbs:
    """Ticks that open an arb, pair by pair and on either venue by turns, each with the tick that closes it."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._kalshi = KalshiFrames()
        self._polymarket = PolymarketFrames()

    def snapshots(self) -> Iterable[tuple[str, str]]:
        """Kalshi's and Polymarket's first frame of every pair."""
        for pair in self._pairs:
            yield self._kalshi.snapshot(pair), self._polymarket.snapshots(pair)

    def tick(self, number: int) -> tuple[bool, str, str]:
        """Whether it is Kalshi's, the frame that opens the arb, and the one that closes it, to be sent after it."""
        pair = self._pairs[number // 2 % len(self._pairs)]
        if number % 2:
            opens = self._polymarket.ask(pair, ARB_ASK, SIZE, ARB_ASK)
            return False, opens, self._polymarket.ask(pair, ARB_ASK, "0", ASK)
        return True, self._kalshi.ask(pair, ARB_ASK, SIZE), self._kalshi.ask(pair, ARB_ASK, f"-{SIZE}")


def _book(token: str | None, ask: int, depth: int) -> dict[str, Any]:
    bids = [{"price": _dollars(BID - step), "size": LEVEL} for step in range(depth)]
    asks = [{"price": _dollars(ask + step), "size": LEVEL} for step in range(depth)]
    head = {"event_type": "book", "asset_id": token, "market": "0xbench", "timestamp": "1767835212317"}
    return {**head, "bids": bids, "asks": asks}


def _dollars(cents: int) -> str:
    return f"{Decimal(cents) / 100:.4f}"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
