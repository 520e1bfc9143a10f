"""Polymarket's market data over real sockets, in a time that the test lets pass."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from market.events import BooksLost, BookSnapshot, FeedUp, LevelSet, MarketHalted, TickSet
from protocol.terms import POLYMARKET
from protocol.units import Price
from tests.transport.polymarket.stage import POLICY, SECOND, Heard, Reads, Stub, run
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import FeedPolicy, PolymarketFeed
from venues.capture import CaptureLine, CapturePlayer

A, B, C, D = "101", "102", "103", "104"
TWO_EACH = replace(POLICY, per_connection=2, connections=2)


def _connected(stub: Stub, number: int) -> bool:
    return len(stub.connections) == number and len(stub.subscribed) == 1


def test_it_subscribes_pings_in_text_and_brings_every_book() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B))
        stub.clock.pass_us(10 * SECOND)
        await heard.until(lambda: "PING" in stub.frames[0])
        await stub.move(A, 4_600, 300, is_bid=True)
        await heard.until(lambda: heard.bid(A) == "0.4600")
        first, *_ = stub.frames[0]
        assert json.loads(first) == {"type": "market", "assets_ids": [A, B], "custom_feature_enabled": True}
        assert heard.of(FeedUp) == [FeedUp()]
        assert heard.of(LevelSet)[0].market == A
        assert heard.batches[-1].t == stub.clock.unix_us()

    assert run(test, [A, B]).lines == []


def test_tokens_are_spread_and_those_that_find_no_room_say_so() -> None:
    async def test(stub: Stub, feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B, C, D))
        assert sorted(map(sorted, stub.subscribed.values())) == [[A, B], [C, D]]
        assert [socket.tokens for socket in feed.sockets] == [(A, B), (C, D)]
        assert heard.lost() == ["more than 2 connections of 2 tokens: raise feeds.polymarket_connections"]

    assert "1 tokens have no book" in run(test, [A, B, C, D, "105"], TWO_EACH).lines[0]


def test_hundreds_of_tokens_come_over_one_connection_and_the_rest_over_others() -> None:
    tokens = [str(1_000 + number) for number in range(600)]

    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(*tokens))
        assert sorted(map(len, stub.subscribed.values())) == [100, 250, 250]
        stub.clock.pass_us(SECOND)
        await heard.through(stub.clock, lambda: sum(map(len, stub.asked)) == 600, 10)
        assert {len(asked) for asked in stub.asked} == {100}

    run(test, tokens)


def test_a_connection_that_fails_loses_its_own_books_alone_and_comes_back() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B, C, D))
        of_c = next(one for one, tokens in stub.subscribed.items() if C in tokens)
        stub.refuse = True
        await of_c.close()
        await heard.until(lambda: not heard.usable(C) and not heard.usable(D))
        assert heard.usable(A, B)
        await stub.move(A, 4_600, 300, is_bid=True)
        await heard.until(lambda: heard.bid(A) == "0.4600")
        stub.refuse = False
        await stub.move(C, 4_700, 300, is_bid=True)
        await heard.through(stub.clock, lambda: heard.usable(C, D))
        assert heard.bid(C) == "0.4700"
        assert len(heard.of(FeedUp)) == 1

    lines = run(test, [A, B, C, D], TWO_EACH).lines
    assert any("connection 1 of 2 tokens lost" in line for line in lines)


def test_when_none_is_left_the_feed_is_down() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B))
        stub.refuse = True
        await stub.connections[0].close()
        await heard.until(lambda: any(not event.markets for event in heard.of(BooksLost)))
        stub.refuse = False
        await heard.through(stub.clock, lambda: heard.usable(A, B))
        assert len(heard.of(FeedUp)) == 2

    run(test, [A, B])


def test_a_socket_that_only_answers_pings_is_found_and_given_up() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        stub.mute, stub.rest_down = True, True
        await stub.move(A, 4_600, 300, is_bid=True)
        stub.clock.pass_us(10 * SECOND)
        await heard.until(lambda: "PING" in stub.frames[0])
        await heard.held(lambda: heard.usable(A))
        assert len(stub.connections) == 1
        # PONG came back; market data did not.
        stub.clock.pass_us(5 * SECOND)
        await heard.until(lambda: len(stub.connections) == 2)
        await heard.through(stub.clock, lambda: not heard.usable(A), 11)
        assert any("no market data for 15 s, nor for 10 s on a new connection" in reason for reason in heard.lost())
        stub.mute = False
        await heard.through(stub.clock, lambda: heard.bid(A) == "0.4600")
        assert reads.looks == {}

    run(test, [A])


def test_a_market_in_which_nothing_happens_loses_no_book_by_being_silent() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        for number in range(2, 5):
            stub.clock.pass_us(15 * SECOND)
            await heard.until(partial(_connected, stub, number))
            await heard.until(lambda: heard.batches[-1].is_data)
        assert heard.lost() == []
        assert heard.usable(A)

    assert run(test, [A]).lines == []


def test_every_book_is_verified_at_the_start_and_from_time_to_time() -> None:
    async def test(stub: Stub, feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B))
        stub.clock.pass_us(SECOND)
        await heard.until(lambda: stub.asked == [(A, B)])
        await stub.move(A, 4_400, 300, is_bid=True, lost=True)
        stub.clock.pass_us(SECOND)
        await heard.held(lambda: len(stub.asked) == 1)
        assert feed.keeper.mended == 0
        await heard.through(stub.clock, lambda: feed.keeper.mended == 1)
        book = heard.books.get(POLYMARKET, A)
        assert book is not None
        assert book.depth(is_bid=True) == {4_500: 100, 4_400: 300}

    lines = run(test, [A, B], replace(POLICY, socket=SocketPolicy(silent_s=1_000))).lines
    assert "1 books were not what polymarket has: taken from there" in lines


def test_best_prices_that_differ_close_the_side_until_the_book_came_whole() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B))
        stub.clock.pass_us(SECOND)
        await heard.until(lambda: len(stub.asked) == 1)
        await stub.move(A, 4_600, 300, is_bid=True, lost=True)
        await stub.move(A, 5_600, 300, is_bid=False)
        await heard.until(lambda: not heard.usable(A))
        assert heard.bid(A) is None
        assert heard.usable(B)
        stub.clock.pass_us(SECOND // 4)
        await heard.until(lambda: heard.usable(A))
        assert stub.asked[1:] == [(A,)]
        assert heard.bid(A) == "0.4600"

    run(test, [A, B])


def test_a_rest_that_is_down_costs_no_book_that_is_known() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        stub.clock.pass_us(SECOND)
        await heard.until(lambda: any("could not be verified: no rest today" in line for line in heard.lines))
        assert heard.usable(A)
        stub.rest_down = False
        await heard.through(stub.clock, lambda: stub.asked == [(A,)], 3)

    run(test, [A], before=lambda stub: setattr(stub, "rest_down", True))


def test_a_token_that_the_venue_does_not_know_is_lost_with_the_reason() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        stub.clock.pass_us(SECOND)
        await heard.until(lambda: "polymarket has no book of it" in heard.lost())
        assert heard.of(BooksLost)[-1].markets == (B,)
        assert heard.usable(A)

    def unlisted(stub: Stub) -> None:
        del stub.books[B]

    run(test, [A, B], before=unlisted)


@pytest.mark.parametrize(("ahead_s", "is_late"), [(0, True), (-60, False), (60, True)])
def test_what_is_old_when_it_comes_is_not_believed_by_the_venues_clock(ahead_s: int, is_late: bool) -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        # Sent 3 s ago, by a clock that is right: ours, or the one that is so much ahead of ours.
        old_ms = stub.clock.unix_us() // 1_000 + 1_000 * ahead_s - 3_000
        trade = {"event_type": "last_trade_price", "asset_id": A, "timestamp": str(old_ms)}
        await heard.until(lambda: len(stub.subscribed) == 1)
        await stub.say(json.dumps(trade), A)
        if ahead_s == -60:
            trade["timestamp"] = str(old_ms + 3_000)
        await heard.until(lambda: any("s old when it comes" in reason for reason in heard.lost()))

    async def fresh(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        now_ms = stub.clock.unix_us() // 1_000 + 1_000 * ahead_s
        trade = {"event_type": "last_trade_price", "asset_id": A, "timestamp": str(now_ms)}
        before = len(heard.batches)
        await stub.say(json.dumps(trade), A)
        await heard.until(lambda: len(heard.batches) > before)
        assert heard.usable(A)

    run(test if is_late else fresh, [A], before=lambda stub: setattr(stub, "offset_s", ahead_s))


@pytest.mark.parametrize("frame", ["no json", json.dumps({"event_type": "book"})])
def test_a_frame_that_may_be_about_anything_costs_the_connection(frame: str) -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        await stub.say(frame, A)
        await heard.until(lambda: not heard.usable(A))
        await heard.through(stub.clock, lambda: heard.usable(A) and len(stub.connections) == 2)

    run(test, [A])


def test_ticks_and_results_latch_and_are_told_again() -> None:
    async def test(stub: Stub, feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A, B))
        tick = {"event_type": "tick_size_change", "asset_id": A, "old_tick_size": "0.01", "new_tick_size": "0.001"}
        await stub.say(json.dumps(tick), A)
        await heard.until(lambda: heard.of(TickSet) == [TickSet(A, Price(10))])
        resolved = {"event_type": "market_resolved", "market": "0xc", "assets_ids": [B], "winning_outcome": "Yes"}
        await stub.say(json.dumps(resolved), B)
        await heard.until(lambda: {event.market for event in heard.of(MarketHalted)} >= {A, B})
        assert not heard.usable(B)
        count = len(heard.batches)
        feed.resync()
        again = [type(event) for event in heard.batches[count].events]
        assert again.count(FeedUp) == 1
        assert again.count(MarketHalted) == 2
        assert TickSet in again
        await heard.until(lambda: not heard.usable(B))

    run(test, [A, B])


def test_the_tokens_can_change_while_it_runs() -> None:
    async def test(stub: Stub, feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        stub.books[C] = {True: {4_000: 100}, False: {6_000: 100}}
        stub.books[D] = {True: {4_000: 100}, False: {6_000: 100}}
        await heard.until(lambda: heard.usable(A, B))
        for token in (C, D):
            heard.books.track(POLYMARKET, token)
        feed.watch([B, C, D])
        await heard.until(lambda: heard.usable(B, C, D))
        assert not heard.usable(A)
        assert len(stub.connections) == 2
        commands = [json.loads(frame) for frame in stub.frames[0][1:]]
        assert commands == [
            {"operation": "unsubscribe", "assets_ids": [A]},
            {"operation": "subscribe", "assets_ids": [C], "custom_feature_enabled": True},
        ]
        assert BooksLost("not watched any more", (A,)) in heard.of(BooksLost)

    run(test, [A, B], TWO_EACH)


def test_what_comes_is_recorded_as_it_came_and_plays_back_as_the_same_books() -> None:
    lines: list[CaptureLine] = []

    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.usable(A))
        await stub.move(A, 4_600, 300, is_bid=True)
        await heard.until(lambda: heard.bid(A) == "0.4600")
        stub.clock.pass_us(15 * SECOND)
        await heard.until(lambda: len(heard.of(BookSnapshot)) == 2)
        await stub.connections[-1].close()
        await heard.until(lambda: not heard.usable(A))

    live = run(test, [A], FeedPolicy(max_lag_ms=None), asking=False, record=lines.append)
    assert [line.event for line in lines if line.event] == ["connected", "connected", "disconnected"]
    assert [line.frame is None for line in lines] == [True, False, False, True, False, True]
    assert all((line.frame is None) is not (line.event is None) for line in lines)
    played = [CapturePlayer().play(line) for line in lines]
    shown = [event for one in played if one.batch for event in one.batch.events if isinstance(event, BookSnapshot)]
    assert shown == live.of(BookSnapshot)
