"""A recording served as it was recorded: word for word, connection by connection, and its books for who comes late."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import pytest

from tests.shared_data import shared_data
from tests.venues.kalshi_exchange.http_kit import Caller, calling, frame
from tests.venues.kalshi_exchange.kit import Member, new_service
from tests.venues.kalshi_exchange.socket_kit import Connection, Follower, true_sides
from tests.venues.loopback_kit import soon, text, write
from transport.feeds.capture_file import CaptureError
from transport.loopback.player import Player
from venues.kalshi.exchange.service import KalshiService
from venues.kalshi.exchange.tape import Recorded, read_frame

NBA: Final = "kalshi-nba-2026-01-07.jsonl.gz"
FRAMES: Final = 1_000
A: Final = "KXA-1-T"
B: Final = "KXB-1-T"


def recorded(kind: str, seq: int | None, ticker: str, sid: int = 1, **msg: object) -> Recorded:
    numbers = {"sid": sid} if seq is None else {"sid": sid, "seq": seq}
    frame = {"type": kind, **numbers, "msg": {"market_ticker": ticker, **msg}}
    found = read_frame(msgspec.json.encode(frame).decode())
    assert found is not None
    return found


def snapshot(seq: int, ticker: str = A) -> Recorded:
    yes, no = [["0.4000", "10.00"]], [["0.5500", "5.00"]]
    return recorded("orderbook_snapshot", seq, ticker, yes_dollars_fp=yes, no_dollars_fp=no)


def delta(seq: int, ticker: str = A, by: str = "1.00", price: str = "0.4000", side: str = "yes") -> Recorded:
    return recorded("orderbook_delta", seq, ticker, price_dollars=price, delta_fp=by, side=side)


def taped(*tickers: str) -> tuple[KalshiService, Connection]:
    service = new_service([])
    for ticker in tickers:
        service.tape.list_market(ticker)
    line = Connection(Member(service))
    line.follow(*tickers)
    assert [msgspec.json.decode(text)["type"] for text in line.texts()] == ["subscribed"]
    return service, line


def play(service: KalshiService, *frames: Recorded) -> None:
    for one in frames:
        service.play(one, 1)


def test_who_follows_from_the_start_is_told_word_for_word() -> None:
    service, line = taped(A, B)
    frames = [snapshot(1), delta(2), snapshot(3, B), delta(4, B), delta(5)]
    play(service, *frames)
    assert line.texts() == [one.text for one in frames]


def test_numbers_stay_without_holes_for_who_follows_a_part_and_a_hole_stays_a_hole() -> None:
    service, line = taped(A)
    play(service, snapshot(1), snapshot(2, B), delta(3), delta(4, B), delta(7), delta(9, B), delta(10))
    frames = [msgspec.json.decode(text) for text in line.texts()]
    # The recording missed two frames before its 7, and one before its 9.
    assert [frame["seq"] for frame in frames] == [1, 2, 5, 7]
    assert {frame["msg"]["market_ticker"] for frame in frames} == {A}


def test_who_comes_late_begins_with_the_books_snapshot_and_goes_on_from_there() -> None:
    service, _ = taped(A)
    play(service, snapshot(1), delta(2, by="-4.00"), delta(3, price="0.5600", side="no"))
    late, follower = Connection(Member(service)), Follower()
    late.follow(A)
    follower.take(late.texts())
    play(service, delta(4, by="2.50"))
    follower.take(late.texts())
    assert follower.errors == []
    assert follower.sides(A) == ([(4_000, 850)], [(4_400, 100), (4_500, 500)]) == true_sides(service, A)


def test_one_may_trade_against_the_recording() -> None:
    service, line = taped(A)
    play(service, snapshot(1))
    placed = line.member.order(ticker=A, price="0.4500", count="2")
    assert (placed["fill_count"], placed["average_fill_price"]) == ("2.00", "0.4500")
    assert true_sides(service, A)[1] == [(4_500, 300)]


def test_a_new_connection_of_the_recording_forgets_the_books() -> None:
    service, _ = taped(A)
    play(service, snapshot(1))
    service.tape.restart()
    late = Connection(Member(service))
    late.follow(A)
    assert [msgspec.json.decode(text)["type"] for text in late.texts()] == ["subscribed"]
    play(service, delta(2))
    assert true_sides(service, A) == ([], [])


@pytest.mark.parametrize("text", ["", "x", "[]", '{"type":"ok"}', '{"type":"subscribed","msg":{}}', '{"type":"trade"}'])
def test_what_is_no_frame_of_a_channel_is_left_out(text: str) -> None:
    assert read_frame(text) is None


def test_a_frame_that_makes_no_sense_is_passed_on_and_leaves_the_books_alone() -> None:
    service, line = taped(A)
    senseless = [delta(2, by="many"), delta(3, price="dear"), recorded("orderbook_delta", 4, A)]
    play(service, snapshot(1), *senseless)
    assert line.texts()[1:] == [one.text for one in senseless]
    assert true_sides(service, A) == ([(4_000, 1_000)], [(4_500, 500)])


def test_the_recordings_connections_are_the_clients_connections(tmp_path: Path) -> None:
    """It waits for somebody to follow, breaks the socket where its own broke, and waits again."""
    up, down = ({"t": t, "venue": "kalshi", "event": event} for t, event in ((1, "connected"), (3, "disconnected")))
    frames = [{"t": t, "venue": "kalshi", "frame": snapshot(1).text} for t in (2, 5)]
    other = {"t": 2, "venue": "polymarket", "frame": "{}"}
    file = write(tmp_path / "tape.jsonl", up, frames[0], other, down, {**up, "t": 4}, frames[1])

    async def followed(caller: Caller, *, to_the_end: bool) -> None:
        subscribe = {"cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_ticker": A}}
        async with caller.socket() as socket:
            await socket.send_json(subscribe)
            assert (await frame(socket))["type"] == "subscribed"
            assert await text(socket) == snapshot(1).text
            if to_the_end:
                assert (await soon(socket.receive())).type is aiohttp.WSMsgType.CLOSED

    async def main() -> None:
        async with calling(new_service([])) as caller:
            player = Player(caller.server, file, speed=0, clock=caller.clock)
            assert player.list_markets() == 1
            run = asyncio.create_task(player.run())
            await followed(caller, to_the_end=True)
            assert player.frames == 1
            await followed(caller, to_the_end=False)
            await soon(run)
            assert player.frames == 2

    asyncio.run(main())


def test_a_damaged_recording_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        async with calling(new_service([])) as caller:
            with pytest.raises(CaptureError):
                Player(caller.server, write(tmp_path / "tape.jsonl", {"t": 1}), speed=0).list_markets()

    asyncio.run(main())


def evening(folder: Path) -> tuple[Path, list[str]]:
    """The beginning of the recording's second connection in a file of its own, and its frames."""
    cut = folder / "nba.jsonl"
    frames: list[str] = []
    connections = 0
    with gzip.open(shared_data(NBA), "rb") as whole, cut.open("wb") as out:
        for line in whole:
            decoded = msgspec.json.decode(line)
            connections += decoded.get("event") == "connected"
            if len(frames) == FRAMES:
                break
            if connections == 2:
                out.write(line)
                frames += [decoded["frame"]] if "frame" in decoded else []
    return cut, frames


def test_a_recorded_evening_arrives_word_for_word(tmp_path: Path) -> None:
    cut, frames = evening(tmp_path)

    async def main() -> list[str]:
        async with calling(new_service([])) as caller:
            player = Player(caller.server, cut, speed=0, clock=caller.clock)
            player.list_markets()
            tickers = list(caller.server.service.exchange.markets)
            run = asyncio.create_task(player.run())
            async with caller.socket() as socket:
                channels = ["orderbook_delta", "trade"]
                params = {"channels": channels, "market_tickers": tickers}
                await socket.send_json({"id": 1, "cmd": "subscribe", "params": params})
                assert [(await frame(socket))["msg"]["sid"] for _ in channels] == [1, 2]
                heard = [await text(socket) for _ in frames]
            await soon(run)
            return heard

    assert asyncio.run(main()) == frames
    assert len(frames) == FRAMES
    assert {msgspec.json.decode(one)["type"] for one in frames} == {"orderbook_snapshot", "orderbook_delta", "trade"}
