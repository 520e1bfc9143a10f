from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.link_kit import BOUND_S, on_every_loop, turn
from transport import tailscale
from transport.tailscale import TailscaleStatus, parse_status, tailscale_status


def _peer(*addresses: str, **fields: object) -> dict[str, object]:
    return {
        "HostName": "box",
        "DNSName": "box.tail1.ts.net.",
        "TailscaleIPs": list(addresses),
        "Online": True,
        **fields,
    }


def _status(*peers: dict[str, object], **fields: object) -> dict[str, object]:
    return {
        "Version": "1.80.0",
        "BackendState": "Running",
        "Self": {"HostName": "me", "TailscaleIPs": ["100.64.0.1", "fd7a:115c:a1e0::1"], "Online": True},
        "Peer": {f"nodekey:{number}": peer for number, peer in enumerate(peers)},
        **fields,
    }


def _parsed(*peers: dict[str, object], **fields: object) -> TailscaleStatus:
    return parse_status(json.dumps(_status(*peers, **fields)).encode())


def _program(folder: Path, body: str) -> str:
    """A program that stands in for ``tailscale``; it is told nothing of the real one."""
    path = folder / "tailscale"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
    path.chmod(0o700)
    return str(path)


def test_our_addresses_and_those_of_the_peers_that_are_online() -> None:
    status = _parsed(_peer("100.64.0.2", "fd7a:115c:a1e0::2"), _peer("100.64.0.3", Online=False), _peer("100.64.0.4"))
    assert status == TailscaleStatus(
        running=True,
        self_ips=("100.64.0.1", "fd7a:115c:a1e0::1"),
        peers=("100.64.0.2", "fd7a:115c:a1e0::2", "100.64.0.4"),
    )
    assert status.peers_v4 == ("100.64.0.2", "100.64.0.4")


def test_exit_nodes_for_rent_and_machines_of_others_are_no_peers() -> None:
    rented = _peer("100.64.0.9", DNSName="se-got-wg-001.mullvad.ts.net.", ExitNodeOption=True)
    assert _parsed(rented, _peer("100.64.0.8", ShareeNode=True), _peer("100.64.0.2")).peers == ("100.64.0.2",)


@pytest.mark.parametrize("peers", [None, {}, [], "none"])
def test_a_tailnet_of_one_has_no_peers(peers: object) -> None:
    status = _parsed(Peer=peers)
    assert status.running
    assert status.peers == ()


def test_what_is_no_address_is_left_out() -> None:
    odd = _peer("100.64.0.2", "", "desk", "100.64.0.300")
    odd["TailscaleIPs"] = [*odd["TailscaleIPs"], 7, None, ["100.64.0.5"]]  # type: ignore[misc]
    status = _parsed(odd, _peer(TailscaleIPs=None), _peer(TailscaleIPs="100.64.0.6"), Self=None)
    assert (status.self_ips, status.peers) == ((), ("100.64.0.2",))


@pytest.mark.parametrize("state", ["Stopped", "NeedsLogin", "Starting", None, 7, "x" * 1_000])
def test_a_tailscale_that_is_not_up_says_its_state_and_gives_no_address(state: object) -> None:
    status = _parsed(_peer("100.64.0.2"), BackendState=state)
    assert not status.running
    assert (status.self_ips, status.peers) == ((), ())
    assert str(state)[:40] in str(status.reason)
    assert "tailscale up" in str(status.reason)
    assert len(str(status.reason)) < 200


@pytest.mark.parametrize("said", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b"Logged out."])
def test_what_is_no_json_object_is_told(said: bytes) -> None:
    status = parse_status(said)
    assert not status.running
    assert "JSON object" in str(status.reason)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("100.64.0.2"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Online", "TailscaleIPs", "DNSName", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON, _JSON, st.binary(max_size=50))
def test_nothing_that_it_says_raises(own: object, peers: object, said: bytes) -> None:
    status = parse_status(json.dumps({"BackendState": "Running", "Self": own, "Peer": peers}).encode())
    assert status.running
    assert set(status.self_ips) | set(status.peers) <= {"100.64.0.2"}
    parse_status(said)


@on_every_loop
async def test_the_program_is_asked_for_json(tmp_path: Path) -> None:
    said = json.dumps(_status(_peer("100.64.0.2")))
    binary = _program(tmp_path, f"assert sys.argv[1:] == ['status', '--json']; print({said!r})")
    status = await tailscale_status(binary=binary, within=BOUND_S)
    assert status.running
    assert status.peers == ("100.64.0.2",)


@on_every_loop
async def test_a_stopped_tailscale_fails_and_its_words_count_all_the_same(tmp_path: Path) -> None:
    binary = _program(tmp_path, 'print(\'{"BackendState": "Stopped"}\'); sys.exit(1)')
    assert "Stopped" in str((await tailscale_status(binary=binary, within=BOUND_S)).reason)


@on_every_loop
async def test_a_daemon_that_does_not_run_is_told(tmp_path: Path) -> None:
    binary = _program(tmp_path, "print('failed to connect to local tailscaled', file=sys.stderr); sys.exit(1)")
    status = await tailscale_status(binary=binary, within=BOUND_S)
    assert not status.running
    assert "exit code 1: is tailscaled running?" in str(status.reason)


@on_every_loop
async def test_no_program_is_an_answer_too(tmp_path: Path) -> None:
    status = await tailscale_status(binary=str(tmp_path / "tailscale"))
    assert status == TailscaleStatus(running=False, reason=status.reason)
    assert "not installed" in str(status.reason)
    (tmp_path / "tailscale").write_text("no program")
    assert "cannot be run" in str((await tailscale_status(binary=str(tmp_path / "tailscale"))).reason)


@on_every_loop
async def test_a_program_that_hangs_is_ended_in_time(tmp_path: Path) -> None:
    binary = _program(tmp_path, "sys.stdin.read(); time.sleep(60)")
    status = await asyncio.wait_for(tailscale_status(binary=binary, within=0.1), BOUND_S)
    assert "no answer in 0.1 s" in str(status.reason)


@on_every_loop
async def test_a_child_of_the_program_that_keeps_its_pipe_is_ended_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    listener = os.fdopen(os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK), "rb")
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), listener)
    child = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)'], pass_fds=[said.fileno()])"
    binary = _program(tmp_path, f"import subprocess; said = open({str(tmp_path / 'alive')!r}, 'wb'); {child}")
    try:
        status = await asyncio.wait_for(tailscale_status(binary=binary, within=1.0), BOUND_S)
        assert "no answer in 1 s" in str(status.reason)
        # The pipe ends when nobody is left who could write to it.
        assert await asyncio.wait_for(reader.read(), BOUND_S) == b""
    finally:
        transport.close()
        await turn()


@on_every_loop
async def test_a_program_that_never_stops_talking_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailscale, "MAX_STATUS_BYTES", 100_000)
    binary = _program(tmp_path, "while True: sys.stdout.write('x' * 65536)")
    status = await asyncio.wait_for(tailscale_status(binary=binary, within=BOUND_S), BOUND_S)
    assert "more than 100000 bytes" in str(status.reason)
