"""A recording served as it was recorded: word for word, connection by connection, and its books for who comes late."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.shared_data import shared_data
from tests.venues.loopback_kit import soon, text, write
from tests.venues.polymarket_exchange.http_kit import calling
from tests.venues.polymarket_exchange.kit import Member, new_service, placed
from tests.venues.polymarket_exchange.socket_kit import Connection
from transport.loopback.player import Player
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.tape_frame import Recorded, read_frame

YES, NO = "111", "222"


def recorded(document: object) -> Recorded:
    found = read_frame(msgspec.json.encode(document).decode())
    assert found is not None
    return found


def book(token: str, bids: list[list[str]], asks: list[list[str]]) -> Recorded:
    sides = {
        name: [{"price": price, "size": size} for price, size in rows]
        for name, rows in (("bids", bids), ("asks", asks))
    }
    return recorded({"event_type": "book", "asset_id": token, "market": "m", "timestamp": "5", **sides})


def change(token: str, price: str, size: str, side: str) -> Recorded:
    one = {"asset_id": token, "price": price, "size": size, "side": side, "best_bid": "0.4", "best_ask": "0.5"}
    return recorded({"event_type": "price_change", "market": "m", "timestamp": "6", "price_changes": [one]})


BOOKS = [book(YES, [["0.4", "10"]], [["0.5", "5"]]), book(NO, [["0.5", "5"]], [["0.6", "10"]])]


def taped(*frames: Recorded) -> tuple[PolymarketService, Connection]:
    service = new_service([])
    assert service.tape.list_markets([*BOOKS, *frames]) == 1
    line = Connection(service)
    assert line.follow(YES, NO) == []
    for one in [*BOOKS, *frames]:
        service.play(one)
    return service, line


def levels(service: PolymarketService, token: str = YES) -> list[list[tuple[int, int]]]:
    market = service.exchange.by_token[token]
    return [[(price, size // 10**4) for price, size in market.levels(token, is_bid=is_bid)] for is_bid in (True, False)]


def test_who_follows_from_the_start_is_told_word_for_word_and_once() -> None:
    frames = [change(YES, "0.4", "0", "BUY"), change(NO, "0.6", "0", "SELL")]
    _, line = taped(*frames)
    assert line.texts() == [one.text for one in [*BOOKS, *frames]]


@pytest.mark.parametrize(("price", "tick"), [("0.41", 100), ("0.415", 50), ("0.411", 10), ("0.4111", 1), ("?", 100)])
def test_a_market_is_on_the_coarsest_tick_that_has_all_its_prices(price: str, tick: int) -> None:
    service = new_service([])
    service.tape.list_markets([*BOOKS, change(YES, price, "1", "BUY")])
    assert service.exchange.by_token[YES].tick == tick


def test_the_books_are_what_the_frames_say_of_either_token() -> None:
    service, _ = taped(change(NO, "0.55", "7", "BUY"), change(YES, "0.39", "1.5", "buy"))
    assert levels(service) == [[(4000, 1000), (3900, 150)], [(4500, 700), (5000, 500)]]
    late = Connection(service)
    (told,) = late.follow(NO)
    assert [level["price"] for level in told["bids"]] == ["0.5", "0.55"]
    assert told["timestamp"] == "6"


def test_one_may_trade_against_the_recording() -> None:
    service, _ = taped()
    member = Member(service)
    assert placed(member.buy(YES, "2", "0.5")) == ("matched", "2", "4")
    assert levels(service)[1] == [(5000, 100)]
    assert [one["asks"][-1:] + one["bids"][-1:] for one in Connection(service).follow(NO)] == [
        [{"price": "0.6", "size": "10"}, {"price": "0.5", "size": "1"}]
    ]


def test_a_recording_may_be_made_to_lie() -> None:
    service, line = taped()
    line.texts()
    service.break_down(Fault(name="top_lie"))
    service.play(BOOKS[0])
    honest = change(YES, "0.39", "3", "BUY")
    service.play(honest)
    service.play(honest)
    book, lie, truth = line.texts()
    assert (book, truth) == (BOOKS[0].text, honest.text)
    assert '"best_bid":"0.41"' in lie


def test_what_a_recording_left_crossed_is_shown_crossed() -> None:
    service, _ = taped(change(YES, "0.52", "3", "BUY"))
    (told,) = Connection(service).follow(YES)
    assert (told["bids"][-1]["price"], told["asks"][-1]["price"]) == ("0.52", "0.5")


def test_a_level_that_takes_the_place_of_another_in_one_frame_is_there() -> None:
    rows = [("0.45", "3", "BUY"), ("0.45", "0", "SELL")]
    changes = [{"asset_id": YES, "price": price, "size": size, "side": side} for price, size, side in rows]
    frame = {"event_type": "price_change", "market": "m", "timestamp": "6", "price_changes": changes}
    service, _ = taped(change(YES, "0.45", "1", "SELL"), recorded(frame))
    assert levels(service) == [[(4500, 300), (4000, 1000)], [(5000, 500)]]


def test_a_new_connection_of_the_recording_forgets_the_books() -> None:
    service, _ = taped()
    service.tape.restart()
    assert Connection(service).follow(YES) == []
    service.play(change(YES, "0.4", "3", "BUY"))
    assert levels(service) == [[], []]


@pytest.mark.parametrize("words", ["", "x", "PONG", "[]", "{}", '{"event_type":"new_market"}', "[1]", "3"])
def test_what_says_nothing_of_a_token_is_left_out(words: str) -> None:
    assert read_frame(words) is None


def test_a_frame_that_makes_no_sense_is_passed_on_and_leaves_the_books_alone() -> None:
    nonsense = [
        change(YES, "dear", "1", "BUY"),
        change(YES, "0.4", "many", "BUY"),
        recorded({"event_type": "book", "asset_id": "333", "market": "n", "timestamp": "6", "bids": [], "asks": []}),
        recorded({"event_type": "book", "asset_id": YES}),
        recorded({"event_type": "price_change", "price_changes": [{"asset_id": YES}]}),
    ]
    service, line = taped(*nonsense)
    assert len(line.texts()) == 6
    assert levels(service) == [[(4000, 1000)], [(5000, 500)]]


def test_the_recordings_connections_are_the_clients_connections(tmp_path: Path) -> None:
    """It waits for somebody to follow, breaks the socket where its own broke, and waits again."""
    up, down = ({"t": t, "venue": "polymarket", "event": event} for t, event in ((1, "connected"), (3, "disconnected")))
    frames = [{"t": t, "venue": "polymarket", "frame": one.text} for t, one in ((2, BOOKS[0]), (2, BOOKS[1]))]
    other = {"t": 2, "venue": "kalshi", "frame": "{}"}
    file = write(tmp_path / "tape.jsonl", up, *frames, other, down, {**up, "t": 4}, {**frames[0], "t": 5})

    async def main() -> None:
        async with calling(new_service([])) as caller:
            player = Player(caller.server, file, speed=0, clock=caller.clock)
            assert player.list_markets() == 1
            run = asyncio.create_task(player.run())
            async with caller.socket(YES, NO) as socket:
                assert [await text(socket), await text(socket)] == [one.text for one in BOOKS]
                assert (await soon(socket.receive())).type is aiohttp.WSMsgType.CLOSED
            assert player.frames == 2
            async with caller.socket(YES) as socket:
                assert await text(socket) == BOOKS[0].text
            await soon(run)
            assert player.frames == 3

    asyncio.run(main())


def session(folder: Path, name: str) -> tuple[Path, list[str]]:
    """The first connection of the recording in a file of its own, and its frames."""
    cut, frames = folder / "session.jsonl", []
    with gzip.open(shared_data(name), "rb") as whole, cut.open("wb") as out:
        for line in whole:
            decoded: dict[str, Any] = msgspec.json.decode(line)
            if decoded["venue"] != "polymarket":
                continue
            if decoded.get("event") == "disconnected":
                break
            out.write(line)
            frames += [decoded["frame"]] if "frame" in decoded else []
    return cut, frames


@pytest.mark.parametrize("name", ["nba-mvp-shai.jsonl.gz", "nba-mvp-luka.jsonl.gz"])
def test_a_recorded_session_arrives_word_for_word(name: str, tmp_path: Path) -> None:
    cut, frames = session(tmp_path, name)

    async def main() -> list[str]:
        async with calling(new_service([])) as caller:
            player = Player(caller.server, cut, speed=0, clock=caller.clock)
            player.list_markets()
            tokens = list(caller.server.service.exchange.by_token)
            assert len(tokens) == 2
            run = asyncio.create_task(player.run())
            async with caller.socket(*tokens) as socket:
                heard = [await text(socket) for _ in frames]
            await soon(run)
            return heard

    heard = asyncio.run(main())
    assert len(frames) > 20
    assert heard == frames
