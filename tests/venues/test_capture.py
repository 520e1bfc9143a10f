from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import BooksLost, BookSnapshot, FeedUp
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from venues.capture import CONNECTED, DISCONNECTED, MAX_T, BadLine, CaptureLine, CapturePlayer, encode_line, parse_line

SNAPSHOT = '{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"A"}}'
DELTA = (
    '{"type":"orderbook_delta","sid":1,"seq":2,"msg":'
    '{"market_ticker":"A","price_dollars":"0.5","delta_fp":"1","side":"yes"}}'
)

times = st.integers(0, MAX_T)
platforms = st.sampled_from(PLATFORMS)
texts = st.text(st.characters(codec="utf-8"))
lines = st.builds(CaptureLine, times, platforms, frame=texts) | st.builds(
    CaptureLine, times, platforms, event=st.sampled_from([CONNECTED, DISCONNECTED])
)


@given(lines)
def test_a_line_is_read_back_as_it_was(line: CaptureLine) -> None:
    text = encode_line(line)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    assert parse_line(text) == line
    assert parse_line(text.decode()) == line


def test_the_shape_is_that_of_the_recordings() -> None:
    assert encode_line(CaptureLine(7, KALSHI, event=CONNECTED)) == b'{"t":7,"venue":"kalshi","event":"connected"}\n'
    assert json.loads(encode_line(CaptureLine(7, POLYMARKET, frame="PONG"))) == {
        "t": 7,
        "venue": "polymarket",
        "frame": "PONG",
    }
    assert parse_line('{"venue":"kalshi","frame":"x","t":7,"more":1}') == CaptureLine(7, KALSHI, frame="x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a capture line"),
        ("{", "not a capture line"),
        ("[]", "not a capture line"),
        (b"\xff", "not a capture line"),
        ("\ud800", "not a capture line"),
        ("[" * 100_000, "not a capture line"),
        ('{"venue":"kalshi","frame":"x"}', "`t`"),
        ('{"t":"7","venue":"kalshi","frame":"x"}', "$.t"),
        ('{"t":-1,"venue":"kalshi","frame":"x"}', "$.t"),
        ('{"t":1.5,"venue":"kalshi","frame":"x"}', "$.t"),
        (f'{{"t":{MAX_T + 1},"venue":"kalshi","frame":"x"}}', "$.t"),
        ('{"t":7,"frame":"x"}', "`venue`"),
        ('{"t":7,"venue":"Kalshi","frame":"x"}', "kalshi, polymarket"),
        ('{"t":7,"venue":"kalshi"}', "either"),
        ('{"t":7,"venue":"kalshi","frame":"x","event":"connected"}', "either"),
        ('{"t":7,"venue":"kalshi","event":"reconnected"}', "$.event"),
        ('{"t":7,"venue":"kalshi","frame":{"type":"x"}}', "$.frame"),
        ('{"logged_at":"2026-03-17T00:38:17.221Z","type":"orderbook_delta","msg":{}}', "`t`"),
    ],
)
def test_what_is_no_line_is_said(text: str | bytes, said: str) -> None:
    line = parse_line(text)
    assert isinstance(line, BadLine)
    assert said in line.reason


@given(st.text() | st.binary())
def test_any_text_is_answered_with_a_value(text: str | bytes) -> None:
    assert isinstance(parse_line(text), CaptureLine | BadLine)


def test_connections_come_and_go() -> None:
    player = CapturePlayer()
    up = player.play(CaptureLine(1, KALSHI, event=CONNECTED)).batch
    down = player.play(CaptureLine(2, KALSHI, event=DISCONNECTED)).batch
    assert up is not None
    assert down is not None
    assert (up.platform, up.t, up.events, up.is_data) == (KALSHI, 1, (FeedUp(),), False)
    assert (down.platform, down.t, down.is_data) == (KALSHI, 2, False)
    assert [event.markets for event in down.events if isinstance(event, BooksLost)] == [()]


def test_a_new_connection_counts_anew_and_another_venue_does_not_matter() -> None:
    player = CapturePlayer()
    for line in (
        CaptureLine(1, KALSHI, frame=SNAPSHOT),
        CaptureLine(2, KALSHI, frame=DELTA),
        CaptureLine(3, POLYMARKET, event=CONNECTED),
        CaptureLine(4, KALSHI, event=CONNECTED),
        CaptureLine(5, KALSHI, frame=SNAPSHOT),
    ):
        assert player.play(line).error is None
    again = player.play(CaptureLine(6, KALSHI, frame=SNAPSHOT))
    assert again.error, "the same number twice on one connection"


def test_a_frame_becomes_one_batch_with_the_time_of_its_line() -> None:
    batch = CapturePlayer().play(CaptureLine(9, KALSHI, frame=SNAPSHOT)).batch
    assert batch is not None
    assert (batch.platform, batch.t, batch.is_data) == (KALSHI, 9, True)
    assert [type(event) for event in batch.events] == [BookSnapshot]


@pytest.mark.parametrize(
    ("venue", "frame", "is_data"),
    [(POLYMARKET, "PONG", None), (KALSHI, '{"type":"trade","sid":2}', True), (KALSHI, "{", False)],
)
def test_only_what_changes_a_book_or_proves_life_is_a_batch(venue: Platform, frame: str, is_data: bool | None) -> None:
    batch = CapturePlayer().play(CaptureLine(9, venue, frame=frame)).batch
    assert (None if batch is None else batch.is_data) is is_data


def test_faults_and_notes_are_passed_on() -> None:
    player = CapturePlayer()
    assert player.play(CaptureLine(9, KALSHI, frame="{")).error
    assert player.play(CaptureLine(9, KALSHI, frame='{"type":"weather"}')).note
