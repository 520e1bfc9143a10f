from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from market.events import BooksLost, FeedBatch, FeedEnded, FeedUp
from protocol.terms import KALSHI, POLYMARKET, Platform
from tests.shared_data import shared_data
from tests.transport.feed_clock import JumpingClock
from transport.feeds.pace import LINES_A_BREATH, MAX_BEHIND_US, MAX_PAUSE_US
from transport.feeds.port import FeedPort, WallClock
from transport.feeds.replay import ReplayFeed
from venues.capture import CaptureLine, encode_line

S = 1_000_000
ENDS = [KALSHI, POLYMARKET]


def trade(t: int, venue: Platform = KALSHI) -> CaptureLine:
    text = '{"type":"trade","sid":2}' if venue == KALSHI else '{"event_type":"last_trade_price"}'
    return CaptureLine(t, venue, frame=text)


def recording(tmp_path: Path, lines: Sequence[CaptureLine]) -> Path:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"".join(encode_line(line) for line in lines))
    return path


class Taken:
    """What a feed delivered, and when by the clock."""

    def __init__(self, clock: JumpingClock) -> None:
        self.clock = clock
        self.batches: list[FeedBatch] = []
        self.at: list[int] = []
        self.ended: list[FeedEnded] = []

    def __call__(self, said: FeedBatch | FeedEnded) -> None:
        if isinstance(said, FeedEnded):
            self.ended.append(said)
        else:
            assert not self.ended
            self.batches.append(said)
            self.at.append(self.clock.at - 5_000)


def play(path: Path, speed: Fraction | Decimal | int = 1, clock: JumpingClock | None = None) -> Taken:
    clock = clock or JumpingClock()
    taken = Taken(clock)
    asyncio.run(ReplayFeed(path, clock, speed).run(taken))
    return taken


@pytest.mark.parametrize(
    ("speed", "at"),
    [
        (1, [0, S, S, 3 * S]),
        (50, [0, S // 50, S // 50, 3 * S // 50]),
        (Decimal("0.5"), [0, 2 * S, 2 * S, 6 * S]),
        (Fraction(1, 3), [0, 3 * S, 3 * S, 9 * S]),
        (0, [0, 0, 0, 0]),
    ],
)
def test_lines_are_due_at_their_time_over_the_speed(
    tmp_path: Path, speed: Fraction | Decimal | int, at: list[int]
) -> None:
    t = 1_700_000_000 * S
    lines = [trade(t), trade(t + S), trade(t + S, POLYMARKET), trade(t + 3 * S)]
    taken = play(recording(tmp_path, lines), speed)
    assert taken.at == at
    assert [(batch.platform, batch.t) for batch in taken.batches] == [(line.venue, line.t) for line in lines]
    assert [end.platform for end in taken.ended] == ENDS


@pytest.mark.parametrize(
    ("pause", "played"), [(59 * S, 59 * S), (MAX_PAUSE_US, 60 * S), (61 * S, 60 * S), (10**12, 60 * S)]
)
def test_long_pauses_are_cut_before_the_speed_counts(tmp_path: Path, pause: int, played: int) -> None:
    path = recording(tmp_path, [trade(0), trade(pause), trade(pause + S)])
    assert play(path).at == [0, played, played + S]
    assert play(path, 10).at == [0, played // 10, (played + S) // 10]


def test_connections_come_and_go_in_the_order_of_the_recording(tmp_path: Path) -> None:
    lines = [
        CaptureLine(1, KALSHI, event="connected"),
        CaptureLine(1, POLYMARKET, event="connected"),
        trade(2),
        CaptureLine(3, KALSHI, event="disconnected"),
    ]
    batches = play(recording(tmp_path, lines)).batches
    assert [type(batch.events[0]) if batch.events else None for batch in batches] == [FeedUp, FeedUp, None, BooksLost]
    assert [batch.is_data for batch in batches] == [False, False, True, False]


def test_recorded_time_stands_still_while_held(tmp_path: Path) -> None:
    clock = JumpingClock()
    taken = Taken(clock)
    held: list[int] = []

    async def hold() -> None:
        held.append(len(taken.batches))
        if len(held) == 1:
            await clock.sleep_us(10 * S)

    feed = ReplayFeed(recording(tmp_path, [trade(0), trade(S), trade(2 * S)]), clock, 1, hold)
    asyncio.run(feed.run(taken))
    assert held == [1, 2, 3], "after each batch"
    assert taken.at == [0, 11 * S, 12 * S]


def test_a_player_that_is_late_catches_up_but_does_not_sprint(tmp_path: Path) -> None:
    path = recording(tmp_path, [trade(S * second) for second in range(6)])
    clock = JumpingClock()
    taken = Taken(clock)

    def slow(said: FeedBatch | FeedEnded) -> None:
        taken(said)
        if len(taken.batches) == 1:
            clock.at += S + MAX_BEHIND_US // 2
        if len(taken.batches) == 4:
            clock.at += 100 * S

    asyncio.run(ReplayFeed(path, clock).run(slow))
    assert taken.at == [0, 3 * S // 2, 2 * S, 3 * S, 103 * S, 104 * S]


def test_as_fast_as_it_can_still_lets_others_run(tmp_path: Path) -> None:
    path = recording(tmp_path, [trade(0) for _ in range(10 * LINES_A_BREATH)])

    async def scenario() -> tuple[int, int]:
        clock = JumpingClock()
        taken = Taken(clock)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while not taken.ended:
                turns += 1
                await clock.sleep_us(0)

        await asyncio.gather(ReplayFeed(path, clock, 0).run(taken), other())
        return turns, len(taken.batches)

    turns, batches = asyncio.run(scenario())
    assert batches == 10 * LINES_A_BREATH
    assert turns >= 10


def test_what_no_decoder_understands_is_reported_and_the_play_goes_on(tmp_path: Path) -> None:
    lines = [trade(0), CaptureLine(1, KALSHI, frame="{"), CaptureLine(2, POLYMARKET, frame="PONG"), trade(3)]
    reports: list[tuple[Platform, str]] = []
    clock = JumpingClock()
    taken = Taken(clock)
    feed = ReplayFeed(recording(tmp_path, lines), clock, report=lambda platform, text: reports.append((platform, text)))
    asyncio.run(feed.run(taken))
    assert [batch.t for batch in taken.batches] == [0, 1, 3]
    assert [platform for platform, _ in reports] == [KALSHI]
    assert "line 2" in reports[0][1]
    assert feed.lines == 4
    assert feed.error is None


def test_a_truncated_recording_is_played_to_the_cut_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = shared_data("nba-mvp-shai.jsonl.gz").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    clock = JumpingClock()
    taken = Taken(clock)
    feed = ReplayFeed(path, clock, 0)
    asyncio.run(feed.run(taken))
    assert len(taken.batches) > 500
    assert feed.error is not None
    assert [end.platform for end in taken.ended] == ENDS
    assert all("truncated at line" in end.reason for end in taken.ended)


def test_a_missing_recording_ends_the_feed_with_the_reason(tmp_path: Path) -> None:
    taken = play(tmp_path / "none.jsonl")
    assert taken.batches == []
    assert all("none.jsonl" in end.reason for end in taken.ended)


def test_a_whole_recording_plays_line_for_line() -> None:
    path = shared_data("nba-mvp-shai.jsonl.gz")
    taken = play(path, 50)
    with gzip.open(path, "rb") as file:
        assert len(taken.batches) == sum(1 for _ in file)
    assert [end.reason for end in taken.ended] == ["the recording ended"] * 2


def test_cancelled_it_delivers_nothing_more(tmp_path: Path) -> None:
    path = recording(tmp_path, [trade(0), trade(3_600 * S)])

    async def scenario() -> Taken:
        clock = JumpingClock()
        taken = Taken(clock)
        reached = asyncio.Event()

        async def hold() -> None:
            reached.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(ReplayFeed(path, clock, 1, hold).run(taken))
        await asyncio.wait_for(reached.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return taken

    taken = asyncio.run(scenario())
    assert len(taken.batches) == 1
    assert taken.ended == []


def test_a_speed_below_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="speed"):
        ReplayFeed(tmp_path / "x", JumpingClock(), Decimal(-1))


def test_it_is_a_feed_port_and_the_machine_has_a_clock(tmp_path: Path) -> None:
    feed: FeedPort = ReplayFeed(recording(tmp_path, [trade(0)]), WallClock(), 1)
    ended: list[FeedBatch | FeedEnded] = []
    asyncio.run(feed.run(ended.append))
    assert [type(said) for said in ended] == [FeedBatch, FeedEnded, FeedEnded]
    assert feed.platforms == (KALSHI, POLYMARKET)
    assert WallClock().unix_us() > 1_700_000_000 * S
