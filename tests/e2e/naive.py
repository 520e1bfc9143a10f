"""What trading a recording must add up to, computed once more: slowly, in fractions of dollars, from dictionaries.

Written from the venues' rules and not from the product's code, which it shares nothing with. A line of the recording
is applied, then every pair is looked at: each arb that clears the minimum edge is taken whole from both books, until
there is none. What was taken comes back with the next word that the venue says about that book.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from math import ceil, floor
from pathlib import Path
from typing import Any, Final

CENT: Final = Fraction(1, 100)
MICRO: Final = Fraction(1, 1_000_000)
LEAST_ON_POLYMARKET: Final = Fraction(1)

Levels = list[tuple[Fraction, Fraction]]


@dataclass(slots=True)
class Side:
    """One side of a book: what the venue says (``said``), and what of it we have not taken (``left``)."""

    said: dict[Fraction, Fraction] = field(default_factory=dict)
    left: dict[Fraction, Fraction] = field(default_factory=dict)
    known: bool = True

    def put(self, price: Fraction, size: Fraction) -> None:
        self.said[price] = size
        if size <= 0:
            del self.said[price]

    def restore(self) -> None:
        self.left = dict(self.said)

    def take(self, price: Fraction, size: Fraction) -> None:
        self.left[price] -= size
        if not self.left[price]:
            del self.left[price]


@dataclass(slots=True)
class Book:
    """Kalshi: YES bids and NO bids. Polymarket: bids and asks of a token."""

    one: Side = field(default_factory=Side)
    other: Side = field(default_factory=Side)

    def spoken(self) -> None:
        self.one.restore()
        self.other.restore()


@dataclass(slots=True)
class Leg:
    """A way to buy one outcome: its levels (price, size) from the best on, and where each would be taken from."""

    levels: Levels
    side: Side
    is_kalshi: bool


@dataclass(slots=True)
class Totals:
    """The sums of every trade that was made."""

    trades: int = 0
    contracts: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    @property
    def edge(self) -> Fraction:
        """What is left of the payouts."""
        return self.contracts - self.cost - self.fees


@dataclass(frozen=True, slots=True)
class Found:
    """One arb at its size: the fills of both legs, and what they cost."""

    quantity: Fraction
    fills: tuple[Levels, Levels]
    cost: Fraction
    fees: Fraction

    @property
    def rank(self) -> tuple[Fraction, Fraction]:
        """The cheapest contract pair first, then the larger edge."""
        return (self.cost + self.fees) / self.quantity, self.cost + self.fees - self.quantity


class NaiveRun:
    """One recording, one pairs file, one minimum edge (dollars a contract), one limit on a leg (dollars)."""

    def __init__(self, pairs: Path, min_edge: Fraction = CENT, leg_limit: Fraction = Fraction(1000)) -> None:
        self.pairs: list[dict[str, Any]] = tomllib.loads(pairs.read_text())["pairs"]
        self.min_edge = min_edge
        self.leg_limit = leg_limit
        self.kalshi: dict[str, Book] = {}
        self.polymarket: dict[str, Book] = {}
        self.sequence: dict[int, int] = {}
        self.totals = Totals()

    def play(self, recording: Path) -> Totals:
        """Every line, in order."""
        with gzip.open(recording, "rt") as lines:
            for text in lines:
                line = json.loads(text)
                if "event" in line:
                    self.forget(line["venue"])
                elif line["venue"] == "kalshi":
                    self.hear_kalshi(json.loads(line["frame"]))
                else:
                    frame = json.loads(line["frame"])
                    self.hear_polymarket(frame if isinstance(frame, list) else [frame])
                for pair in self.pairs:
                    while self.trade(pair):
                        pass
        return self.totals

    # What the venues say

    def forget(self, venue: str) -> None:
        if venue == "kalshi":
            self.kalshi.clear()
            self.sequence.clear()
        else:
            self.polymarket.clear()

    def hear_kalshi(self, frame: Mapping[str, Any]) -> None:
        if frame["type"] not in {"orderbook_snapshot", "orderbook_delta"}:
            return
        sid, seq, body = frame["sid"], frame["seq"], frame["msg"]
        if self.sequence.setdefault(sid, seq - 1) != seq - 1:
            # One subscription in these recordings: a hole in it costs every book.
            self.kalshi.clear()
        self.sequence[sid] = seq
        market = body["market_ticker"]
        if frame["type"] == "orderbook_snapshot":
            book = self.kalshi[market] = Book()
            for side, name in ((book.one, "yes_dollars_fp"), (book.other, "no_dollars_fp")):
                for price, size in body.get(name, []):
                    side.put(Fraction(price), Fraction(size))
        elif market in self.kalshi:
            book = self.kalshi[market]
            side = book.one if body["side"] == "yes" else book.other
            price = Fraction(body["price_dollars"])
            side.put(price, side.said.get(price, Fraction(0)) + Fraction(body["delta_fp"]))
        if market in self.kalshi:
            self.kalshi[market].spoken()

    def hear_polymarket(self, frames: list[Mapping[str, Any]]) -> None:
        for frame in frames:
            if frame["event_type"] == "book":
                book = self.polymarket[frame["asset_id"]] = Book()
                for side, name in ((book.one, "bids"), (book.other, "asks")):
                    for level in frame[name]:
                        side.put(Fraction(level["price"]), _tradable(level["size"]))
                book.spoken()
            elif frame["event_type"] == "price_change":
                self.hear_changes(frame["price_changes"])

    def hear_changes(self, changes: list[Mapping[str, Any]]) -> None:
        stated: dict[str, tuple[Fraction, Fraction]] = {}
        for change in changes:
            book = self.polymarket.get(change["asset_id"])
            if book is None:
                continue
            side = book.one if change["side"] == "BUY" else book.other
            side.put(Fraction(change["price"]), _tradable(change["size"]))
            book.spoken()
            if change.get("best_bid") and change.get("best_ask"):
                stated[change["asset_id"]] = Fraction(change["best_bid"]), Fraction(change["best_ask"])
        for token, (bid, ask) in stated.items():
            book = self.polymarket[token]
            book.one.known = bid == max(book.one.said, default=Fraction(0))
            # An empty side of asks is stated as 0 or as 1.
            book.other.known = (ask % 1 or Fraction(1)) == min(book.other.said, default=Fraction(1))

    # What we do about it

    def trade(self, pair: Mapping[str, Any]) -> bool:
        """Take the cheapest arb of the pair, if there is one."""
        best: tuple[Found, tuple[Leg, Leg]] | None = None
        for legs in self.arbs(pair):
            found = self.size(pair, legs)
            if found is not None and (best is None or found.rank < best[0].rank):
                best = found, legs
        if best is None:
            return False
        found, legs = best
        for leg, fills in zip(legs, found.fills, strict=True):
            for price, size in fills:
                leg.side.take(1 - price if leg.is_kalshi else price, size)
        self.totals.trades += 1
        self.totals.contracts += found.quantity
        self.totals.cost += found.cost
        self.totals.fees += found.fees
        return True

    def arbs(self, pair: Mapping[str, Any]) -> Iterator[tuple[Leg, Leg]]:
        """The four ways to own both outcomes."""
        kalshi = self.kalshi.get(pair["kalshi_market_ticker"], Book())
        poly_yes, poly_no = (
            _leg(self.polymarket.get(pair[token], Book()).other) for token in ("poly_yes_token", "poly_no_token")
        )
        kalshi_yes, kalshi_no = _leg(kalshi.other, is_kalshi=True), _leg(kalshi.one, is_kalshi=True)
        yield poly_yes, kalshi_no
        yield kalshi_yes, poly_no
        yield poly_yes, poly_no
        yield kalshi_yes, kalshi_no

    def size(self, pair: Mapping[str, Any], legs: tuple[Leg, Leg]) -> Found | None:
        """As many contracts as pay for themselves, one by one; then the price of so many."""
        quantity = self.walk(pair, legs)
        if not quantity:
            return None
        fills = _first(legs[0].levels, quantity), _first(legs[1].levels, quantity)
        for leg, taken in zip(legs, fills, strict=True):
            if not leg.is_kalshi and taken[-1][0] * quantity < LEAST_ON_POLYMARKET:
                return None
        cost = sum((price * size for taken in fills for price, size in taken), Fraction(0))
        fees = sum((_charged(pair, leg, taken) for leg, taken in zip(legs, fills, strict=True)), Fraction(0))
        # Rounding can eat the edge of a small order.
        if quantity - cost - fees < max(self.min_edge * quantity, MICRO):
            return None
        return Found(quantity, fills, cost, fees)

    def walk(self, pair: Mapping[str, Any], legs: tuple[Leg, Leg]) -> Fraction:
        taken, depth = Fraction(0), [Fraction(0), Fraction(0)]
        at = [0, 0]
        while at[0] < len(legs[0].levels) and at[1] < len(legs[1].levels):
            prices = [leg.levels[index][0] for leg, index in zip(legs, at, strict=True)]
            all_in = sum(
                price + _rate(pair, leg) * price * (1 - price) for price, leg in zip(prices, legs, strict=True)
            )
            if 1 - all_in < self.min_edge:
                break
            ends = [depth[n] + legs[n].levels[at[n]][1] for n in (0, 1)]
            limits = [floor(self.leg_limit / price * 100) * CENT for price in prices]
            reached = min(*ends, *limits)
            if reached <= taken:
                break
            taken = reached
            for n in (0, 1):
                if ends[n] == taken:
                    depth[n] = ends[n]
                    at[n] += 1
        return taken


def _tradable(size: str) -> Fraction:
    return floor(Fraction(size) * 100) * CENT


def _leg(side: Side, *, is_kalshi: bool = False) -> Leg:
    """Kalshi has bids only: one for YES at p is an offer of NO at 1 - p."""
    levels = side.left.items() if side.known else ()
    prices = sorted((1 - price if is_kalshi else price, size) for price, size in levels)
    return Leg(prices, side, is_kalshi)


def _first(levels: Levels, quantity: Fraction) -> Levels:
    taken: Levels = []
    for index in count():
        price, size = levels[index]
        taken.append((price, min(size, quantity)))
        quantity -= taken[-1][1]
        if not quantity:
            return taken
    raise AssertionError


def _rate(pair: Mapping[str, Any], leg: Leg) -> Fraction:
    return Fraction(pair["fees"]["kalshi_rate" if leg.is_kalshi else "polymarket_rate"])


def _charged(pair: Mapping[str, Any], leg: Leg, fills: Levels) -> Fraction:
    """The fee of one buy order: Kalshi's rounding page for a retail member; Polymarket floors to $0.00001."""
    rate = _rate(pair, leg)
    fees = [(price, size, size * rate * price * (1 - price)) for price, size in fills]
    if not leg.is_kalshi:
        return sum((floor(fee * 100_000) / Fraction(100_000) for _, _, fee in fees), Fraction(0))
    total = gathered = Fraction(0)
    for price, size, model in fees:
        trade_fee = ceil(model / MICRO) * MICRO
        change = -price * size - trade_fee
        rounding = change - floor(change / CENT) * CENT
        gathered += rounding
        rebate = min(floor(gathered / CENT) * CENT, trade_fee + rounding)
        gathered -= rebate
        total += trade_fee + rounding - rebate
    return total
