from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.transport.link_kit import (
    BOUND_S,
    HOST,
    TEXT,
    RawPeer,
    Recorder,
    close_frame,
    frame,
    on_every_loop,
    serving,
    turn,
)
from transport.link.errors import PortInUse
from transport.link.policy import LinkPolicy
from transport.link.server import LinkServer

QUICK = LinkPolicy(close_s=0.2)
"""For peers that do not answer: the bound is what the test waits for."""


async def _by_close_frame(peer: RawPeer) -> None:
    await peer.write(close_frame(1000, "done"))
    await peer.read_to_end()
    peer.close()


async def _by_close_frame_and_staying(peer: RawPeer) -> None:
    await peer.write(close_frame(1000, "done"))


async def _by_end_of_file(peer: RawPeer) -> None:
    peer.end_of_file()


async def _by_closing_the_socket(peer: RawPeer) -> None:
    peer.close()


async def _by_reset(peer: RawPeer) -> None:
    peer.reset()


async def _by_breaking_the_protocol(peer: RawPeer) -> None:
    await peer.write(b"\xff\xff\xff\xff\xff\xff")


WAYS_TO_DIE: list[tuple[Callable[[RawPeer], Any], str]] = [
    (_by_close_frame, "peer closed (1000): 'done'"),
    (_by_close_frame_and_staying, "peer closed (1000): 'done'"),
    (_by_end_of_file, "connection lost"),
    (_by_closing_the_socket, "connection lost"),
    (_by_reset, "connection lost"),
    (_by_breaking_the_protocol, "we closed (1002)"),
]


@pytest.mark.parametrize(("die", "reason"), WAYS_TO_DIE, ids=[die.__name__.lstrip("_") for die, _ in WAYS_TO_DIE])
@on_every_loop
async def test_a_peer_is_gone_once_and_at_once_however_it_dies(die: Callable[[RawPeer], Any], reason: str) -> None:
    heard = Recorder()
    # A minute: a peer that keeps its socket must not be what on_close waits for.
    async with serving(LinkPolicy(close_s=60.0), heard) as server:
        peer = await RawPeer.upgraded(server.port)
        await heard.wait("on_open")
        await peer.write(frame(TEXT, b"last words"))
        await die(peer)
        assert reason in (await heard.wait("on_close"))[1]
        assert not server.send(1, "too late")
        assert server.open_ids == ()
        peer.close()
    assert [event[0] for event in heard.events] == ["on_open", "on_text", "on_close"]


@on_every_loop
async def test_last_words_in_the_same_packet_as_the_goodbye_are_heard_first() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        peer = await RawPeer.upgraded(server.port)
        words = [f"word {number}" for number in range(200)]
        await peer.write(b"".join(frame(TEXT, word.encode()) for word in words) + close_frame(1001))
        await heard.wait("on_close")
        peer.close()
    assert [text for _, text in heard.all("on_text")] == words
    assert heard.events[-1] == ("on_close", 1, "peer closed (1001)")


@on_every_loop
async def test_a_peer_that_says_goodbye_and_stays_is_cut_in_the_end() -> None:
    heard = Recorder()
    async with serving(QUICK, heard) as server:
        peer = await RawPeer.upgraded(server.port)
        await peer.write(close_frame(1000))
        await heard.wait("on_close")
        await peer.read_to_end()
        while server._ends:
            await asyncio.wait_for(next(iter(server._ends)).wait_closed(), BOUND_S)
        peer.close()


@on_every_loop
async def test_a_slow_reader_is_dropped_and_not_buffered_without_end() -> None:
    heard = Recorder()
    policy = LinkPolicy(max_unsent_bytes=200_000)
    async with serving(policy, heard) as server, connect(f"ws://{HOST}:{server.port}") as honest:
        await heard.wait("on_open")
        peer = await RawPeer.upgraded(server.port, receive_buffer=4_096)
        await heard.wait("on_open", 2)
        sent = 0
        while server.send(2, "x" * 10_000):
            sent += 10_000
            assert sent < 50_000_000, "buffered without end"
            await turn()
        assert heard.all("on_close") == [], "on_close is never called from inside send"
        number, reason = await heard.wait("on_close")
        assert number == 2
        assert reason.startswith("slow reader: 2")
        assert reason.endswith(" bytes unsent")
        assert server.send(1, "undisturbed")
        assert await asyncio.wait_for(honest.recv(), BOUND_S) == "undisturbed"
        peer.close()


@on_every_loop
async def test_drop_is_at_once_and_nothing_more_is_delivered() -> None:
    heard = Recorder()

    def on_text(conn_id: int, text: str) -> None:
        heard.note("on_text", conn_id, text)
        server.drop(conn_id, "silent for 15 s")
        server.drop(conn_id, "a second time")
        assert heard.all("on_close") == [], "on_close is never called from inside drop"
        assert not server.send(conn_id, "too late")

    async with serving(LinkPolicy(close_s=60.0), heard, on_text=on_text) as server:
        peer = await RawPeer.upgraded(server.port)
        await peer.write(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(TEXT, b"three"))
        await heard.wait("on_close")
        peer.close()
    assert heard.events[1:] == [("on_text", 1, "one"), ("on_close", 1, "silent for 15 s")]


@on_every_loop
async def test_close_says_goodbye_with_its_code_and_reason() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server, connect(f"ws://{HOST}:{server.port}") as peer:
        await heard.wait("on_open")
        server.close(1, 1008, "too much garbage " * 20)
        server.close(1, 1000, "a second time")
        assert not server.send(1, "too late")
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(peer.recv(), BOUND_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert closed.value.rcvd.reason.startswith("too much garbage")
        assert len(closed.value.rcvd.reason) <= 123
        assert (await heard.wait("on_close"))[1].startswith("we closed (1008)")


@pytest.mark.parametrize(("code", "is_heard"), [(1000, True), (1001, True), (1008, False)])
@on_every_loop
async def test_what_crosses_our_goodbye_is_heard_unless_the_peer_was_at_fault(code: int, *, is_heard: bool) -> None:
    heard = Recorder()
    # A minute: the peer's answer ends it, also when the peer keeps its socket.
    async with serving(LinkPolicy(close_s=60.0), heard) as server:
        peer = await RawPeer.upgraded(server.port)
        await heard.wait("on_open")
        server.close(1, code)
        await peer.read()  # our close frame is there; the peer had not seen it when it sent its results
        await peer.write(frame(TEXT, b"filled"))
        if is_heard:
            await heard.wait("on_text")
        await peer.write(frame(TEXT, b"filled, too") + close_frame(code))
        await heard.wait("on_close")
        peer.close()
    assert heard.all("on_text") == ([(1, "filled"), (1, "filled, too")] if is_heard else [])


@on_every_loop
async def test_close_is_bounded_for_a_peer_that_does_not_answer() -> None:
    heard = Recorder()
    async with serving(QUICK, heard) as server:
        mute = await RawPeer.upgraded(server.port)
        full = await RawPeer.upgraded(server.port, receive_buffer=4_096)
        await heard.wait("on_open", 2)
        while server._links._open[2].end.wire.get_write_buffer_size() < 300_000:
            assert server.send(2, "x" * 10_000)
            await turn()
        server.close(1)
        server.close(2)
        assert heard.all("on_close") == []
        await heard.wait("on_close", 2)
        mute.close()
        full.close()


@on_every_loop
async def test_drain_knows_whether_the_peer_has_read_it_all() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        mute = await RawPeer.upgraded(server.port)
        async with connect(f"ws://{HOST}:{server.port}") as reader:
            await heard.wait("on_open", 2)
            assert server.send(1, "result")
            assert server.send(2, "result")
            assert await server.drain(2, within=BOUND_S)
            assert not await server.drain(1, within=0.05)
            assert not await server.drain(99, within=BOUND_S)
            assert await asyncio.wait_for(reader.recv(), BOUND_S) == "result"
            waiting = asyncio.ensure_future(server.drain(1, within=BOUND_S))
            await turn()
            mute.reset()
            assert not await waiting
        mute.close()


@on_every_loop
async def test_stop_says_goodbye_to_all_and_is_bounded_and_idempotent() -> None:
    heard = Recorder()
    server = LinkServer(QUICK, heard.callbacks(), on_refused=heard.on_refused)
    await server.start()
    port = server.port
    mute, shaking = await RawPeer.upgraded(port), await RawPeer.connect(port)
    async with connect(f"ws://{HOST}:{port}") as polite:
        await heard.wait("on_open", 2)
        await server.stop()
        assert len(heard.all("on_close")) == 2, "every on_close has come when stop returns"
        assert {reason for _, reason in heard.all("on_close")} == {"we closed (1001): 'the controller stops'"}
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(polite.recv(), BOUND_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await RawPeer.connect(port)
    assert not server.send(1, "after the end")
    mute.close()
    shaking.close()
    again = LinkServer(LinkPolicy(bind=((HOST, port),)), heard.callbacks())
    await again.start()
    assert again.port == port
    await again.stop()


@on_every_loop
async def test_a_server_that_never_started_can_be_stopped() -> None:
    await LinkServer(LinkPolicy(), Recorder().callbacks()).stop()


@on_every_loop
async def test_an_end_of_file_is_an_end_although_much_is_unsent() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(close_s=60.0), heard) as server:
        peer = await RawPeer.upgraded(server.port, receive_buffer=4_096)
        await heard.wait("on_open")
        while server._links._open[1].end.wire.get_write_buffer_size() < 300_000:
            assert server.send(1, "x" * 10_000)
            await turn()
        peer.end_of_file()
        await heard.wait("on_close")
        assert server.open_ids == ()
        peer.reset()


@pytest.mark.parametrize("broken", ["on_open", "on_text", "on_close"])
@on_every_loop
async def test_a_callback_that_raises_costs_its_own_connection_only(broken: str) -> None:
    heard = Recorder()
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def raise_for_the_second(conn_id: int, text: str) -> None:
        heard.note(broken, conn_id, text)
        if conn_id == 2:
            raise ZeroDivisionError("our bug")

    async with (
        serving(LinkPolicy(), heard, **{broken: raise_for_the_second}) as server,
        connect(f"ws://{HOST}:{server.port}") as first,
    ):
        await heard.wait("on_open")
        second = await RawPeer.upgraded(server.port)
        await second.write(frame(TEXT, b"hello") + (close_frame(1000) if broken == "on_close" else b""))
        reason = (await heard.wait("on_close"))[1]
        assert reason == ("peer closed (1000)" if broken == "on_close" else "an error of our own; see the log")
        second.close()
        await first.send("still served")
        await heard.wait("on_text", 1 if broken == "on_open" else 2)
    assert [str(context["exception"]) for context in reported] == ["our bug"]


@on_every_loop
async def test_a_port_in_use_is_named_with_its_fix_and_nothing_stays_open() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        policy = LinkPolicy(bind=((HOST, 0), (HOST, server.port)))
        with pytest.raises(PortInUse, match=rf"{HOST}:{server.port}.*--bind HOST:PORT"):
            await LinkServer(policy, heard.callbacks()).start()
