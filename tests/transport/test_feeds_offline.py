from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from market.events import FeedBatch, FeedEnded
from market.opportunity import ArbType
from market.pair import Pair
from market.pairs import parse_pairs
from market.rules import Rules
from market.scan import Scan
from market.tracker import EventKind, OpportunityEvent, OpportunityTracker
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from tests.shared_data import shared_data
from tests.transport.feed_clock import JumpingClock
from transport.feeds.capture_file import CaptureError
from transport.feeds.offline import replay_offline
from transport.feeds.replay import ReplayFeed
from venues.capture import CaptureLine, encode_line

S = 1_000_000
RULES = Rules.from_cents(0)
PAIR = Pair(
    pair_id=PairId("p"),
    market_id=0,
    kalshi_market_ticker="K",
    poly_yes_token="Y",
    poly_no_token="N",
    kalshi_rate_ppm=0,
    polymarket_rate_ppm=0,
)


def kalshi_asks(t: int, seq: int, price: str = "0.60") -> CaptureLine:
    """YES is offered at 1 - ``price``, 100 contracts."""
    msg = f'{{"market_ticker":"K","no_dollars_fp":[["{price}","100.00"]]}}'
    return CaptureLine(t, KALSHI, frame=f'{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{msg}}}')


def poly_asks(t: int, size: int = 50, price: str = "0.55") -> CaptureLine:
    """NO is offered at ``price``."""
    sides = f'"bids":[],"asks":[{{"price":"{price}","size":"{size}"}}]'
    return CaptureLine(t, POLYMARKET, frame=f'{{"event_type":"book","asset_id":"N",{sides}}}')


def life(t: int, venue: Platform) -> CaptureLine:
    text = '{"type":"trade","sid":2}' if venue == KALSHI else '{"event_type":"last_trade_price"}'
    return CaptureLine(t, venue, frame=text)


def recording(tmp_path: Path, *lines: CaptureLine) -> Path:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"".join(encode_line(line) for line in lines))
    return path


def told(events: list[OpportunityEvent]) -> list[tuple[str, int, int]]:
    return [(event.kind.value, event.t, event.opportunity.quantity // 100) for event in events]


def replay(path: Path, max_silence_us: int | None = None) -> list[tuple[str, int, int]]:
    return told(list(replay_offline(path, [PAIR], RULES, max_silence_us)))


def test_what_opens_changes_and_closes(tmp_path: Path) -> None:
    path = recording(
        tmp_path,
        CaptureLine(1, KALSHI, event="connected"),
        CaptureLine(1, POLYMARKET, event="connected"),
        kalshi_asks(2, 1),
        poly_asks(3),
        life(4, KALSHI),
        poly_asks(5, size=70),
        poly_asks(6, price="0.61"),
        poly_asks(7),
        CaptureLine(8, KALSHI, event="disconnected"),
        poly_asks(9, size=60),
        CaptureLine(10, KALSHI, event="connected"),
        kalshi_asks(11, 1),
    )
    assert replay(path) == [
        ("open", 3, 50),
        ("change", 5, 70),
        ("close", 6, 70),
        ("open", 7, 50),
        ("close", 8, 50),
        ("open", 11, 60),
    ]
    (first, *_) = replay_offline(path, [PAIR], RULES)
    assert first.opportunity.arb_type is ArbType.KALSHI_YES_POLY_NO
    assert first.opportunity.edge == 50 * 50_000


def test_a_gap_closes_until_the_next_snapshot(tmp_path: Path) -> None:
    gap = CaptureLine(5, KALSHI, frame='{"type":"ticker","sid":1,"seq":7}')
    path = recording(tmp_path, kalshi_asks(1, 1), poly_asks(2), gap, life(6, KALSHI), kalshi_asks(7, 8))
    offline = replay_offline(path, [PAIR], RULES)
    assert told(list(offline)) == [("open", 2, 50), ("close", 5, 50), ("open", 7, 50)]
    assert offline.faults == 1
    assert offline.lines == 5


def test_without_a_limit_silence_closes_nothing(tmp_path: Path) -> None:
    path = recording(tmp_path, kalshi_asks(0, 1), poly_asks(0), life(10**12, KALSHI))
    assert replay(path) == [("open", 0, 50)]


def test_silence_closes_at_the_limit_and_data_opens_again(tmp_path: Path) -> None:
    path = recording(
        tmp_path,
        kalshi_asks(10 * S, 1),
        poly_asks(10 * S),
        life(14 * S, KALSHI),
        life(20 * S, KALSHI),
        life(21 * S, KALSHI),
        life(22 * S, POLYMARKET),
        life(100 * S, POLYMARKET),
    )
    assert replay(path, 5 * S) == [
        ("open", 10 * S, 50),
        ("close", 15 * S, 50),
        ("open", 22 * S, 50),
        ("close", 26 * S, 50),
    ]


@pytest.mark.parametrize(("t", "events"), [(15 * S - 1, 1), (15 * S, 2)])
def test_silence_counts_from_exactly_the_limit(tmp_path: Path, t: int, events: int) -> None:
    path = recording(tmp_path, kalshi_asks(10 * S, 1), poly_asks(10 * S), life(12 * S, KALSHI), life(t, KALSHI))
    assert replay(path, 5 * S) == [("open", 10 * S, 50), ("close", 15 * S, 50)][:events]


def test_only_data_breaks_a_silence(tmp_path: Path) -> None:
    path = recording(
        tmp_path,
        kalshi_asks(10 * S, 1),
        poly_asks(10 * S),
        CaptureLine(12 * S, POLYMARKET, frame='{"event_type":"book","asset_id":"another"}'),
        life(14 * S, KALSHI),
        CaptureLine(17 * S, POLYMARKET, frame="PONG"),
        CaptureLine(18 * S, POLYMARKET, frame='{"event_type":"book","asset_id":"another"}'),
        life(19 * S, KALSHI),
    )
    assert replay(path, 5 * S) == [("open", 10 * S, 50), ("close", 15 * S, 50)]


def test_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="silence"):
        replay_offline(tmp_path, [PAIR], RULES, 0)


def test_a_truncated_recording_gives_what_came_before_and_then_the_error(tmp_path: Path) -> None:
    path = recording(tmp_path, kalshi_asks(1, 1), poly_asks(2), poly_asks(3, size=70))
    path.write_bytes(path.read_bytes()[:-20])
    events = iter(replay_offline(path, [PAIR], RULES))
    assert next(events).kind is EventKind.OPEN
    with pytest.raises(CaptureError, match="truncated at line 3"):
        next(events)


def test_faults_are_reported_with_their_line(tmp_path: Path) -> None:
    path = recording(tmp_path, life(1, KALSHI), CaptureLine(2, POLYMARKET, frame="{"))
    reports: list[tuple[Platform, str]] = []
    offline = replay_offline(path, [PAIR], RULES, report=lambda platform, text: reports.append((platform, text)))
    assert list(offline) == []
    assert [(platform, text[:6]) for platform, text in reports] == [(POLYMARKET, "line 2")]
    assert offline.faults == 1


def test_time_that_runs_backwards_is_counted(tmp_path: Path) -> None:
    offline = replay_offline(recording(tmp_path, life(5, KALSHI), life(1, KALSHI)), [PAIR], RULES)
    assert list(offline) == []
    assert offline.clamped == 1


@pytest.mark.parametrize(("name", "opened"), [("nba-mvp-shai", 5), ("nba-mvp-luka", 3)])
def test_the_recordings_hold_arbs_and_the_feed_sees_the_same_ones(name: str, opened: int) -> None:
    path = shared_data(f"{name}.jsonl.gz")
    pairs = parse_pairs(shared_data("pairs.toml").read_text(encoding="utf-8"), "pairs.toml")
    rules = Rules.from_cents(Decimal(0))
    offline = list(replay_offline(path, pairs, rules))
    assert [event.kind for event in offline].count(EventKind.OPEN) == opened
    assert [event.kind for event in offline].count(EventKind.CLOSE) == opened
    assert all(event.opportunity.edge > 0 for event in offline)

    scan, tracker, live = Scan(pairs, rules), OpportunityTracker(), list[OpportunityEvent]()

    def deliver(said: FeedBatch | FeedEnded) -> None:
        if isinstance(said, FeedBatch):
            for watch, found in scan.apply(said):
                event = tracker.see(watch.pair.pair_id, found, said.t)
                if event is not None:
                    live.append(event)

    asyncio.run(ReplayFeed(path, JumpingClock(), 0).run(deliver))
    assert live == offline
