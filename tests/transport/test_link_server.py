from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.transport.link_kit import (
    BOUND_S,
    HOST,
    TEXT,
    RawPeer,
    Recorder,
    fails_with,
    frame,
    on_every_loop,
    serving,
    upgrade_request,
)
from transport.link import trust
from transport.link.policy import LinkPolicy

QUICK = LinkPolicy(close_s=0.2)
"""For peers that do not answer: the bound is what the test waits for."""


@on_every_loop
async def test_texts_go_both_ways_in_order() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server, connect(f"ws://{HOST}:{server.port}") as peer:
        number, name = await heard.wait("on_open")
        local_host, local_port = peer.local_address[:2]
        assert (number, name) == (1, f"{local_host}:{local_port}")
        for text in ("one", "two", "drei \u20ac"):
            await peer.send(text)
            assert server.send(number, f"echo {text}")
        assert [await asyncio.wait_for(peer.recv(), BOUND_S) for _ in range(3)] == [
            "echo one",
            "echo two",
            "echo drei \u20ac",
        ]
        await heard.wait("on_text", 3)
    assert heard.events[1:4] == [("on_text", 1, "one"), ("on_text", 1, "two"), ("on_text", 1, "drei \u20ac")]


@on_every_loop
async def test_connections_are_apart_and_numbers_are_never_used_again() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        url = f"ws://{HOST}:{server.port}"
        async with connect(url) as first:
            await heard.wait("on_open", 1)
            async with connect(url) as second:
                await heard.wait("on_open", 2)
                assert server.open_ids == (1, 2)
                assert server.send(2, "for the second")
                assert await asyncio.wait_for(second.recv(), BOUND_S) == "for the second"
            await heard.wait("on_close", 1)
            assert (server.is_open(1), server.is_open(2), server.is_open(9)) == (True, False, False)
            assert not server.send(2, "gone")
            assert server.send(1, "still here")
            assert await asyncio.wait_for(first.recv(), BOUND_S) == "still here"
        await heard.wait("on_close", 2)
        assert not server.is_open(1)
        async with connect(url):
            assert (await heard.wait("on_open", 3))[0] == 3
    assert [number for number, _ in heard.all("on_close")] == [2, 1, 3]


@on_every_loop
async def test_small_frames_leave_at_once_and_are_not_compressed() -> None:
    heard = Recorder()
    no_delay: list[int] = []

    def on_open(conn_id: int, peer: str) -> None:
        heard.note("on_open", conn_id, peer)
        (end,) = server._ends
        no_delay.append(end.wire.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async with serving(LinkPolicy(), heard, on_open=on_open) as server, connect(f"ws://{HOST}:{server.port}") as peer:
        await heard.wait("on_open")
        assert no_delay
        assert no_delay[0] != 0
        assert peer.response is not None
        assert "Sec-WebSocket-Extensions" not in peer.response.headers
        assert "Server" not in peer.response.headers


@on_every_loop
async def test_binary_is_garbage_and_the_connection_goes_on() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server, connect(f"ws://{HOST}:{server.port}") as peer:
        await peer.send(b"\x00\x01\x02")
        await peer.send("and text")
        await heard.wait("on_text")
    assert [event[0] for event in heard.events] == ["on_open", "on_garbage", "on_text", "on_close"]
    assert heard.all("on_garbage") == [(1, "binary frame of 3 bytes")]


@on_every_loop
async def test_a_ten_megabyte_frame_closes_its_connection_with_1009_and_no_other() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server, connect(f"ws://{HOST}:{server.port}") as honest:
        await heard.wait("on_open")
        greedy = await RawPeer.upgraded(server.port)
        writing = asyncio.ensure_future(greedy.write(frame(TEXT, b"x" * 10_000_000)))
        assert struct.pack("!H", 1009) in await greedy.read()
        number, reason = await heard.wait("on_close")
        assert number == 2
        assert "1009" in reason
        assert server.open_ids == (1,)
        assert server.send(1, "undisturbed")
        assert await asyncio.wait_for(honest.recv(), BOUND_S) == "undisturbed"
        await writing
        greedy.close()
    assert heard.all("on_text") == []


@on_every_loop
async def test_the_largest_allowed_frame_is_taken_and_one_byte_more_is_not() -> None:
    heard = Recorder()
    policy = LinkPolicy(max_frame_bytes=1_000)
    async with serving(policy, heard) as server, connect(f"ws://{HOST}:{server.port}") as peer:
        await peer.send("x" * 1_000)
        assert (await heard.wait("on_text"))[1] == "x" * 1_000
        await peer.send("x" * 1_001)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(peer.recv(), BOUND_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    assert len(heard.all("on_text")) == 1


@on_every_loop
async def test_text_that_is_not_utf8_closes_the_connection_with_1007() -> None:
    heard = Recorder()
    async with serving(QUICK, heard) as server:
        peer = await RawPeer.upgraded(server.port)
        await peer.write(frame(TEXT, b"\xff\xfe"))
        assert "1007" in (await heard.wait("on_close"))[1]
        peer.close()


@on_every_loop
async def test_garbage_in_place_of_a_handshake_is_reported_and_disturbs_nobody() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server, connect(f"ws://{HOST}:{server.port}") as honest:
        await heard.wait("on_open")
        for number, garbage in enumerate(
            (b"\x16\x03\x01\x02\x00hello\r\n\r\n", b"\x00" * 20_000, b"EHLO me\r\n\r\n"), 1
        ):
            peer = await RawPeer.connect(server.port)
            await peer.write(garbage)
            assert "handshake" in await heard.wait_refused(number)
            peer.close()
        assert server.send(1, "undisturbed")
        assert await asyncio.wait_for(honest.recv(), BOUND_S) == "undisturbed"
    assert len(heard.all("on_open")) == 1


@on_every_loop
async def test_a_plain_web_request_gets_426() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        peer = await RawPeer.connect(server.port)
        assert fails_with(await peer.ask(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()), 426)
        peer.close()
        assert "handshake" in await heard.wait_refused()


@on_every_loop
async def test_a_handshake_that_never_ends_is_cut_and_others_get_in_meanwhile() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(handshake_s=0.2), heard) as server:
        silent, half = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
        await half.write(b"GET / HTTP/1.1\r\nHost: ")
        async with connect(f"ws://{HOST}:{server.port}") as honest:
            await honest.send("in")
            await heard.wait("on_text")
            assert [await silent.read(), await half.read()] == [b"", b""]
            await heard.wait_refused(2)
        silent.close()
        half.close()


@on_every_loop
async def test_one_handshake_too_many_drops_the_oldest() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(max_handshakes=2), heard) as server:
        peers = [await RawPeer.connect(server.port) for _ in range(3)]
        assert "unfinished handshakes" in await heard.wait_refused()
        with suppress(ConnectionResetError):
            assert await peers[0].read() == b"", "cut without a word"
        assert (await peers[2].ask(upgrade_request(server.port))).startswith(b"HTTP/1.1 101 ")
        for peer in peers:
            peer.close()


@on_every_loop
async def test_one_connection_too_many_gets_503_until_one_is_free() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(max_connections=2), heard) as server:
        first, second = await RawPeer.upgraded(server.port), await RawPeer.upgraded(server.port)
        third = await RawPeer.connect(server.port)
        assert fails_with(await third.ask(upgrade_request(server.port)), 503)
        assert "503" in await heard.wait_refused()
        first.close()
        await heard.wait("on_close")
        fourth = await RawPeer.upgraded(server.port)
        for peer in (second, third, fourth):
            peer.close()
        await heard.wait("on_close", 3)


@on_every_loop
async def test_a_token_is_wanted_from_everybody() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(token="s3cret-t0ken"), heard) as server:
        for number, wrong in enumerate(
            ((), ("Authorization: Bearer s3cret-t0keN",), ("Authorization: Basic s3cret-t0ken",)), 1
        ):
            peer = await RawPeer.connect(server.port)
            answer = await peer.ask(upgrade_request(server.port, *wrong))
            assert fails_with(answer, 401)
            assert b"WWW-Authenticate: Bearer" in answer
            assert b"s3cret" not in answer
            assert "401" in await heard.wait_refused(number)
            peer.close()
        assert heard.all("on_open") == []
        headers = {"Authorization": "Bearer s3cret-t0ken"}
        async with connect(f"ws://{HOST}:{server.port}", additional_headers=headers):
            await heard.wait("on_open")


@on_every_loop
async def test_a_web_page_of_another_origin_gets_403() -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        peer = await RawPeer.connect(server.port)
        assert fails_with(await peer.ask(upgrade_request(server.port, "Origin: https://evil.example")), 403)
        assert "origin" in await heard.wait_refused()
        peer.close()


@on_every_loop
async def test_without_a_token_a_source_that_is_not_trusted_gets_403(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Recorder()
    async with serving(LinkPolicy(), heard) as server:
        monkeypatch.setattr(trust, "TRUSTED_NETWORKS", ())
        peer = await RawPeer.connect(server.port)
        assert fails_with(await peer.ask(upgrade_request(server.port)), 403)
        assert "loopback and Tailscale" in await heard.wait_refused()
        peer.close()
