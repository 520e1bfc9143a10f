"""Figure 2: updates a second through decoder, books and detection, on a recorded evening of fourteen markets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from actors.base import Address, GuardedActor
from actors.messages import Directory
from actors.scanner import Scanner, ScannerSetup
from bench.figure import Figure, Row, row
from bench.sizes import Sizes
from market.events import FeedBatch, FeedUp
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import KALSHI, PLATFORMS, PairId
from transport.feeds.capture_file import read_capture
from transport.host import ActorHost
from venues.capture import CaptureLine
from venues.kalshi.feed import KalshiDecoder

RECORDING: Final = "kalshi-nba-2026-01-07.jsonl.gz"
AIM: Final = 50_000
CHUNK: Final = 5_000
"""Frames that one way is given before the next has its turn: what disturbs the machine disturbs all ways alike."""

SILENCE_US: Final = 60_000_000

Way = Callable[[Sequence[CaptureLine]], None]


class Sink(GuardedActor):
    """Takes what the scanner says, for everybody."""

    def receiveMessage(self, message: object, sender: Address) -> None:  # noqa: N802 -- thespian's name
        """Nothing."""


class Hosted:
    """The scanner actor in the actor host, as a feed of the controller process talks to it."""

    def __init__(self, make_scan: Callable[[], Scan]) -> None:
        self.host = ActorHost()
        sink = self.host.create(Sink, "sink")
        setup = ScannerSetup(make_scan, PLATFORMS, SILENCE_US)
        self.scanner = self.host.create(Scanner, "scanner", setup)
        self.host.tell(self.scanner, Directory(dict.fromkeys(("telemetry", "executor", "clock"), sink)))
        self.host.tell(self.scanner, FeedBatch(KALSHI, 0, (FeedUp(),), is_data=False))
        self._decoder = KalshiDecoder()

    def take(self, lines: Sequence[CaptureLine]) -> None:
        """Decode and tell."""
        decode, tell, scanner = self._decoder.decode, self.host.tell, self.scanner
        for line in lines:
            decoded = decode(line.frame or "")
            tell(scanner, FeedBatch(KALSHI, line.t, decoded.events, decoded.is_data))


class Direct:
    """The same without actors: what an offline replay does."""

    def __init__(self, make_scan: Callable[[], Scan]) -> None:
        self.scan = make_scan()
        self.scan.apply(FeedBatch(KALSHI, 0, (FeedUp(),), is_data=False))
        self._decoder = KalshiDecoder()

    def take(self, lines: Sequence[CaptureLine]) -> None:
        """Decode and apply."""
        decode, apply = self._decoder.decode, self.scan.apply
        for line in lines:
            decoded = decode(line.frame or "")
            apply(FeedBatch(KALSHI, line.t, decoded.events, decoded.is_data))


class DecodeOnly:
    """The first part alone."""

    def __init__(self) -> None:
        self._decoder = KalshiDecoder()

    def take(self, lines: Sequence[CaptureLine]) -> None:
        """Decode."""
        for line in lines:
            self._decoder.decode(line.frame or "")


def parse_only(lines: Sequence[CaptureLine]) -> None:
    """The floor: the standard library reads the frame and does nothing with it."""
    for line in lines:
        json.loads(line.frame or "")


def measure(sizes: Sizes, data: Path) -> Figure:
    """Every way through the recording, by turns; skipped where the recording is not."""
    name, aim = "updates", f"at least {AIM:,} updates a second"
    path = data / RECORDING
    if not path.exists():
        return Figure(name=name, aim=aim, skipped=f"no {RECORDING} in {data}")
    lines = [line for line, _ in zip(kalshi_frames(path), range(sizes.frames), strict=False)]
    pairs = kalshi_pairs(lines)
    seconds: dict[str, list[float]] = {}
    for _ in range(sizes.rounds):
        for way, taken in _round(lines, pairs).items():
            seconds.setdefault(way, []).append(taken)
    return _figure(name, aim, seconds, len(lines), len(pairs))


def kalshi_frames(path: Path) -> Iterable[CaptureLine]:
    """What Kalshi sent, without what became of the connection."""
    return (line for line in read_capture(path) if line.frame is not None)


def kalshi_pairs(lines: Iterable[CaptureLine]) -> list[Pair]:
    """A pair for each of its markets; the other side is made up."""
    tickers = dict.fromkeys(json.loads(line.frame or "")["msg"]["market_ticker"] for line in lines)
    return [
        Pair(
            pair_id=PairId(ticker),
            market_id=number,
            kalshi_market_ticker=ticker,
            poly_yes_token=f"{10**77 + 2 * number}",
            poly_no_token=f"{10**77 + 2 * number + 1}",
        )
        for number, ticker in enumerate(tickers)
    ]


def _round(lines: Sequence[CaptureLine], pairs: list[Pair]) -> dict[str, float]:
    """Seconds that each way took for all lines."""

    def make_scan() -> Scan:
        return Scan(pairs, Rules.from_cents(1))

    hosted = Hosted(make_scan)
    ways: dict[str, Way] = {
        "json.loads alone (floor)": parse_only,
        "decoder alone": DecodeOnly().take,
        "decoder, books and detection": Direct(make_scan).take,
        "the same through the scanner actor": hosted.take,
    }
    seconds = dict.fromkeys(ways, 0.0)
    for start in range(0, len(lines), CHUNK):
        chunk = lines[start : start + CHUNK]
        for name, take in ways.items():
            began = time.perf_counter()
            take(chunk)
            seconds[name] += time.perf_counter() - began
    hosted.host.shutdown()
    return seconds


def _figure(name: str, aim: str, seconds: dict[str, list[float]], frames: int, pairs: int) -> Figure:
    floors, *others = seconds
    rows: list[Row] = [row(way, "/s", [frames / each for each in taken]) for way, taken in seconds.items()]
    for way in others:
        ratios = [one / floor for one, floor in zip(seconds[way], seconds[floors], strict=True)]
        rows.append(row(f"{way} / json.loads", "x", ratios))
    hosted = next(each for each in rows if each.what == others[-1])
    conditions = {"frames": frames, "pairs": pairs, "recording": RECORDING}
    return Figure(name=name, aim=aim, reached=hosted.spread.middle >= AIM, rows=tuple(rows), conditions=conditions)
