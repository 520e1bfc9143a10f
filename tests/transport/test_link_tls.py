from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.transport.link_kit import BOUND_S, HOST, RawPeer, Recorder, on_every_loop, serving, turn
from transport.link.client import LinkClient
from transport.link.errors import TlsError
from transport.link.policy import ClientPolicy, LinkPolicy
from transport.link.tls import client_context, server_context


class Pair(NamedTuple):
    cert: Path
    key: Path


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program to make a certificate")
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=BOUND_S)


def _make_pair(folder: Path, name: str) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    made_of = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    who = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{HOST}")
    _openssl("req", *made_of, *who, "-keyout", str(pair.key), "-out", str(pair.cert))
    return pair


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """Two certificates for this address, each signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    return _make_pair(folder, "ours"), _make_pair(folder, "another")


def _client(port: int, trader: Recorder, context: ssl.SSLContext | None, scheme: str = "wss") -> LinkClient:
    async def url() -> str:
        return f"{scheme}://{HOST}:{port}"

    def on_failure(reason: str, attempt: int, _delay: float) -> None:
        trader.note("failure", attempt, reason)

    async def sleep(_delay: float) -> None:
        await turn()

    policy = ClientPolicy(ssl=context, close_s=0.5)
    return LinkClient(policy, trader.callbacks(), next_url=url, on_failure=on_failure, rng=Random(1), sleep=sleep)


@on_every_loop
async def test_wss_with_the_operators_certificate(pairs: tuple[Pair, Pair]) -> None:
    far, trader = Recorder(), Recorder()
    async with serving(LinkPolicy(ssl=server_context(*pairs[0])), far) as server:
        client = _client(server.port, trader, client_context(pairs[0].cert))
        task = asyncio.ensure_future(client.run())
        await trader.wait("on_open")
        await far.wait("on_open")
        assert server.send(1, "init")
        assert client.send(1, "init_ack")
        assert await trader.wait("on_text") == (1, "init")
        assert await far.wait("on_text") == (1, "init_ack")
        assert await server.drain(1, within=BOUND_S)
        await client.stop()
        await asyncio.wait_for(task, BOUND_S)
        await far.wait("on_close")
    assert trader.all("failure") == []


@on_every_loop
async def test_a_certificate_that_nobody_vouches_for_is_not_believed(pairs: tuple[Pair, Pair]) -> None:
    far = Recorder()
    async with serving(LinkPolicy(ssl=server_context(*pairs[0])), far) as server:
        for context in (client_context(pairs[1].cert), client_context(), None):
            trader = Recorder()
            client = _client(server.port, trader, context)
            task = asyncio.ensure_future(client.run())
            assert "name its CA file" in (await trader.wait("failure"))[1]
            await client.stop()
            await asyncio.wait_for(task, BOUND_S)
    assert far.all("on_open") == []


@on_every_loop
async def test_each_end_tells_when_only_one_of_them_speaks_tls(pairs: tuple[Pair, Pair]) -> None:
    for policy, scheme in ((LinkPolicy(), "wss"), (LinkPolicy(ssl=server_context(*pairs[0])), "ws")):
        trader = Recorder()
        async with serving(policy, Recorder()) as server:
            client = _client(server.port, trader, client_context(pairs[0].cert), scheme)
            task = asyncio.ensure_future(client.run())
            # Which of the two words it is depends on who hangs up first.
            reason = (await trader.wait("failure"))[1]
            assert "wss://" in reason or "no WebSocket server, or went away" in reason
            await client.stop()
            await asyncio.wait_for(task, BOUND_S)


@on_every_loop
async def test_a_slow_reader_behind_tls_is_dropped_too(pairs: tuple[Pair, Pair]) -> None:
    far, trader = Recorder(), Recorder()
    async with serving(LinkPolicy(ssl=server_context(*pairs[0]), max_unsent_bytes=200_000), far) as server:
        client = _client(server.port, trader, client_context(pairs[0].cert))
        task = asyncio.ensure_future(client.run())
        await trader.wait("on_open")
        await far.wait("on_open")
        client._links._open[1].end.wire.pause_reading()
        sent = 0
        while server.send(1, "x" * 10_000):
            sent += 10_000
            assert sent < 50_000_000, "buffered without end"
            await turn()
        assert (await far.wait("on_close"))[1].startswith("slow reader: ")
        await client.stop()
        await asyncio.wait_for(task, BOUND_S)


@on_every_loop
async def test_a_tls_handshake_that_never_ends_is_cut(pairs: tuple[Pair, Pair]) -> None:
    policy = LinkPolicy(ssl=server_context(*pairs[0]), handshake_s=0.2)
    async with serving(policy, Recorder()) as server:
        silent, garbage = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
        await garbage.write(b"GET / HTTP/1.1\r\n\r\n")
        await garbage.read_to_end()
        assert await silent.read() == b""
        silent.close()
        garbage.close()


def test_files_that_cannot_be_used_are_named(pairs: tuple[Pair, Pair], tmp_path: Path) -> None:
    ours, another = pairs
    gone, text = tmp_path / "gone.pem", tmp_path / "text.pem"
    text.write_text("not a certificate")
    for cert, key, words in (
        (gone, ours.key, f"certificate {gone} cannot be read: No such file"),
        (ours.cert, gone, f"key {gone} cannot be read: No such file"),
        (text, ours.key, f"certificate {text} and key {ours.key} cannot be used together"),
        (ours.cert, another.key, "both must be PEM and belong to each other"),
    ):
        with pytest.raises(TlsError) as refused:
            server_context(cert, key)
        assert words in str(refused.value)
    for ca_file, words in ((gone, "CA file"), (text, "no certificate in PEM")):
        with pytest.raises(TlsError, match=words):
            client_context(ca_file)


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(pairs: tuple[Pair, Pair], tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    _openssl("pkey", "-in", str(pairs[0].key), "-aes256", "-passout", "pass:secret", "-out", str(locked))
    with pytest.raises(TlsError, match="protected by a passphrase"):
        server_context(pairs[0].cert, locked)
