"""Real recordings through decoder and books, beside a naive rebuild that shares no code with them.

The largest, of an evening of basketball, goes the whole way: `tests/transport/kalshi/test_feed_recording.py`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.books import Books
from market.events import BooksLost, FeedBatch, FeedUp, LevelChanged
from protocol.terms import KALSHI, POLYMARKET
from tests.shared_data import shared_data
from venues.capture import CaptureLine, CapturePlayer, parse_line
from venues.decoded import Decoder
from venues.kalshi.feed import KalshiDecoder
from venues.polymarket.feed import PolymarketDecoder

NBA = "kalshi-nba-2026-01-07.jsonl.gz"
SHAI = "nba-mvp-shai.jsonl.gz"
LUKA = "nba-mvp-luka.jsonl.gz"
RAW = "kalshi-raw-deltas-2026-03-16.jsonl.gz"

Side = dict[int, int]


def records(name: str, venue: str) -> Iterator[dict[str, Any]]:
    path: Path = shared_data(name)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            record = msgspec.json.decode(line)
            if record["venue"] == venue:
                yield record


@cache
def units(text: str, places: int) -> int:
    scaled = Decimal(text) * places
    assert scaled == int(scaled)
    return int(scaled)


def put(side: Side, price: int, size: int) -> None:
    side[price] = size
    if size <= 0:
        del side[price]


class NaiveKalshi:
    """Bids by side and ticker; asks are read off the NO bids."""

    def __init__(self) -> None:
        self.bids: dict[str, dict[str, Side]] = {}

    def take(self, frame: dict[str, Any]) -> str | None:
        msg = frame["msg"]
        market = msg["market_ticker"]
        if frame["type"] == "orderbook_snapshot":
            self.bids[market] = {
                side: {units(price, 10_000): units(size, 100) for price, size in msg.get(f"{side}_dollars_fp", [])}
                for side in ("yes", "no")
            }
        elif frame["type"] == "orderbook_delta" and market in self.bids:
            price, change = units(msg["price_dollars"], 10_000), units(msg["delta_fp"], 100)
            side = self.bids[market][msg["side"]]
            put(side, price, side.get(price, 0) + change)
        else:
            return None
        return str(market)

    def book(self, market: str) -> tuple[Side, Side]:
        sides = self.bids[market]
        return sides["yes"], {10_000 - price: size for price, size in sides["no"].items()}


class NaivePolymarket:
    """Sizes by token and side, and what the venue last called the best prices."""

    def __init__(self) -> None:
        self.sides: dict[str, tuple[Side, Side]] = {}
        self.best: dict[str, tuple[int, int] | None] = {}

    def take(self, frame: dict[str, Any]) -> set[str]:
        if frame["event_type"] == "book":
            token = frame["asset_id"]
            bids, asks = (
                {units(level["price"], 10_000): units(level["size"], 100) for level in frame[side]}
                for side in ("bids", "asks")
            )
            self.sides[token], self.best[token] = (bids, asks), None
            return {token}
        if frame["event_type"] != "price_change":
            return set()
        touched = {change["asset_id"] for change in frame["price_changes"]} & set(self.sides)
        for change in frame["price_changes"]:
            if (token := change["asset_id"]) in touched:
                side = self.sides[token][0 if change["side"] == "BUY" else 1]
                put(side, units(change["price"], 10_000), units(change["size"], 100))
                self.best[token] = (units(change["best_bid"], 10_000), units(change["best_ask"], 10_000))
        return touched

    def book(self, token: str) -> tuple[Side, Side]:
        """A side whose best is not the one stated offers nothing."""
        bids, asks = self.sides[token]
        best = self.best[token]
        if best is None:
            return bids, asks
        return (bids if max(bids, default=0) == best[0] else {}), (asks if min(asks, default=10_000) == best[1] else {})


def offered(books: Books, venue: str, market: str) -> tuple[Side, Side]:
    book = books.get(KALSHI if venue == "kalshi" else POLYMARKET, market)
    assert book is not None
    return (
        {price: size for price, size in book.levels(buying=False)},  # noqa: C416 -- to plain integers
        {price: size for price, size in book.levels(buying=True)},  # noqa: C416
    )


@pytest.mark.parametrize("name", [SHAI, LUKA])
def test_kalshi_books_are_those_of_a_naive_rebuild_at_every_frame(name: str) -> None:
    books, decoder, naive, compared = Books(), KalshiDecoder(), NaiveKalshi(), 0
    for record in records(name, "kalshi"):
        if "event" in record:
            decoder.reset()
            naive = NaiveKalshi()
            books.apply(FeedBatch(KALSHI, record["t"], (FeedUp(),), is_data=False))
            continue
        decoded = decoder.decode(record["frame"])
        assert decoded.error is None
        assert decoded.is_data
        market = naive.take(json.loads(record["frame"]))
        if market is not None:
            books.track(KALSHI, market)
        books.apply(FeedBatch(KALSHI, record["t"], decoded.events))
        if market is not None:
            assert offered(books, "kalshi", market) == naive.book(market)
            compared += 1
    assert compared > 500


@pytest.mark.parametrize("name", [SHAI, LUKA])
def test_polymarket_books_are_those_of_a_naive_rebuild_at_every_frame(name: str) -> None:
    books, decoder, naive, compared, unknown = Books(), PolymarketDecoder(), NaivePolymarket(), 0, 0
    for record in records(name, "polymarket"):
        if "event" in record:
            naive = NaivePolymarket()
            books.apply(FeedBatch(POLYMARKET, record["t"], (FeedUp(),), is_data=False))
            continue
        decoded = decoder.decode(record["frame"])
        assert decoded.error is None
        assert decoded.is_data
        touched = naive.take(json.loads(record["frame"]))
        for token in touched:
            books.track(POLYMARKET, token)
        books.apply(FeedBatch(POLYMARKET, record["t"], decoded.events))
        for token in touched:
            assert offered(books, "polymarket", token) == naive.book(token)
            unknown += {} in naive.book(token)
            compared += 1
    assert compared > 1_000
    assert unknown > 0, "the recordings hold tops whose size was never seen"


@pytest.mark.parametrize("name", [SHAI, LUKA])
def test_no_size_in_the_recordings_needed_cutting(name: str) -> None:
    """The naive rebuild above reads sizes exactly: were one finer than 0.01, both would have to agree to cut it."""
    for record in records(name, "polymarket"):
        frame = json.loads(record.get("frame", "{}"))
        levels = [*frame.get("bids", []), *frame.get("asks", []), *frame.get("price_changes", [])]
        assert all(Decimal(level["size"]) * 100 % 1 == 0 for level in levels)


@pytest.mark.parametrize("name", [NBA, SHAI])
def test_a_frame_that_went_missing_loses_every_book_until_its_next_snapshot(name: str) -> None:
    decoder, seen, missing = KalshiDecoder(), set[str](), False
    for record in records(name, "kalshi"):
        if "frame" not in record:
            continue
        frame = json.loads(record["frame"])
        if missing and "seq" in frame:
            decoded = decoder.decode(record["frame"])
            assert decoded.error
            assert [set(event.markets) for event in decoded.events if isinstance(event, BooksLost)] == [seen]
            return
        if frame["type"] == "orderbook_delta" and frame["seq"] > 20 and not missing:
            missing = True
            continue
        decoder.decode(record["frame"])
        seen.add(frame["msg"]["market_ticker"])
    pytest.fail("no frame was left out")


def test_raw_deltas_in_an_older_shape() -> None:
    decoder, markets = KalshiDecoder(), set[str]()
    with gzip.open(shared_data(RAW), "rb") as file:
        for line in file:
            decoded = decoder.decode(line)
            assert decoded.error is None
            (event,) = decoded.events
            assert isinstance(event, LevelChanged)
            msg = json.loads(line)["msg"]
            price = units(msg["price_dollars"], 10_000)
            expected = (msg["market_ticker"], msg["side"] == "yes", units(msg["delta_fp"], 100))
            assert (event.market, event.is_bid, event.delta) == expected
            assert event.price == (price if event.is_bid else 10_000 - price)
            markets.add(event.market)
    assert len(markets) == 143


@pytest.mark.parametrize("name", [SHAI, LUKA])
def test_every_line_of_the_recordings_plays(name: str) -> None:
    player = CapturePlayer()
    with gzip.open(shared_data(name), "rb") as file:
        for text in file:
            line = parse_line(text)
            assert isinstance(line, CaptureLine)
            played = player.play(line)
            assert played.error is None
            assert played.note is None
            assert played.batch is not None


def test_the_decoders_are_decoders() -> None:
    decoders: list[Decoder] = [KalshiDecoder(), PolymarketDecoder()]
    for decoder in decoders:
        assert decoder.decode("?").error
