"""Capture files made by hand, in the venues' own words, and the pairs file that goes with them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

START: Final = 1_795_300_000_000_000
SECOND: Final = 1_000_000

YES_ASK: Final = Decimal("0.40")
NO_ASK: Final = Decimal("0.50")
CONTRACTS: Final = 10
COST: Final = Decimal(9)
FEES: Final = Decimal("0.18")
"""Kalshi's 0.07 x 10 x 0.50 x 0.50 = 0.175, and what brings the balance to the cent."""
EDGE: Final = Decimal("0.82")

Line = dict[str, Any]


def ticker(number: int) -> str:
    """Kalshi's name of pair ``number``."""
    return f"KXTEST-26NOV22-T{number}"


def yes_token(number: int) -> str:
    """Polymarket's YES token of pair ``number``."""
    return f"7{number:05d}"


def connected(t: int) -> list[Line]:
    """Both feeds come up."""
    return [{"t": t, "venue": venue, "event": "connected"} for venue in ("kalshi", "polymarket")]


def kalshi_book(t: int, number: int, seq: int) -> Line:
    """NO contracts at 50c: a YES bid of the same."""
    levels = {"yes_dollars_fp": [[str(1 - NO_ASK), f"{CONTRACTS}.00"]]}
    frame = {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": {"market_ticker": ticker(number), **levels}}
    return {"t": t, "venue": "kalshi", "frame": json.dumps(frame)}


def polymarket_book(t: int, number: int, contracts: int = CONTRACTS) -> Line:
    """YES contracts at 40c."""
    asks = [{"price": str(YES_ASK), "size": str(contracts)}] if contracts else []
    frame = {"event_type": "book", "asset_id": yes_token(number), "market": "0x", "bids": [], "asks": asks}
    return {"t": t, "venue": "polymarket", "frame": json.dumps(frame)}


def arbs(count: int, pairs: int = 1, lead: int = SECOND, gap: int = SECOND) -> list[Line]:
    """``count`` arbs of 10 contracts, one every ``gap`` after a ``lead``, going round the pairs; each lasts half."""
    lines = connected(START)
    for index in range(count):
        t, number = START + lead + index * gap, index % pairs
        lines += [kalshi_book(t, number, index + 1), polymarket_book(t, number)]
        lines += [polymarket_book(t + gap // 2, number, 0)]
    return lines


def steady_market(folder: Path, count: int = 1200, pairs: int = 30, speed: int = 20) -> tuple[str, ...]:
    """The words that let a controller see ``count`` arbs, ``speed`` a second, the first after one of these gaps.

    With many pairs one whose last leg is of unknown fate, and which is not traded any more, is not missed.
    """
    capture = write_capture(folder / "steady.jsonl", arbs(count, pairs))
    listed = write_pairs(folder / "pairs.toml", range(pairs))
    return ("--feed", f"replay:{capture}", "--pairs", str(listed), "--speed", str(speed))


def write_capture(path: Path, lines: Iterable[Line]) -> Path:
    """Write a capture file, gzip as its name says."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_pairs(path: Path, numbers: Sequence[int] = (0,)) -> Path:
    """Write the pairs file of these pairs: Kalshi takes 0.07, Polymarket nothing."""
    path.write_text("\n".join(map(_table, numbers)))
    return path


def _table(number: int) -> str:
    return f"""[[pairs]]
pair_id = "pair_{number}"
kalshi_market_ticker = "{ticker(number)}"
poly_yes_token = "{yes_token(number)}"
poly_no_token = "8{number:05d}"
fees = {{ kalshi_rate = "0.07", polymarket_rate = "0" }}
"""
