"""Capture files as the batches that a feed makes of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from market.events import BooksLost, FeedBatch, FeedUp
from protocol.terms import KALSHI, POLYMARKET, Platform
from tests.market.builders import frame
from venues.kalshi.feed import KalshiDecoder
from venues.polymarket.feed import PolymarketDecoder


def recorded(path: Path) -> Iterator[FeedBatch]:
    decoders: dict[Platform, KalshiDecoder | PolymarketDecoder] = {
        KALSHI: KalshiDecoder(),
        POLYMARKET: PolymarketDecoder(),
    }
    with gzip.open(path, "rt") as lines:
        for line in lines:
            record = json.loads(line)
            platform, t = Platform(record["venue"]), record["t"]
            match record.get("event"):
                case "connected":
                    decoders[platform].reset()
                    yield frame(platform, FeedUp(), t=t, is_data=False)
                case "disconnected":
                    yield frame(platform, BooksLost("disconnected"), t=t, is_data=False)
                case _:
                    decoded = decoders[platform].decode(record["frame"])
                    yield FeedBatch(platform=platform, t=t, events=decoded.events, is_data=decoded.is_data)
