from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from protocol.beacon import MAX_BEACON_BYTES, format_beacon
from tests.transport.link_kit import BOUND_S, HOST, on_every_loop
from transport import udp
from transport.udp import BeaconPortError, BeaconReceiver, BeaconSender

Heard = asyncio.Queue[tuple[bytes, str, int]]


@pytest.fixture
def plain() -> Iterator[socket.socket]:
    """A UDP socket of no library."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((HOST, 0))
        listener.settimeout(BOUND_S)
        yield listener


async def _receiver(heard: Heard, port: int = 0) -> BeaconReceiver:
    receiver = BeaconReceiver(port, lambda *datagram: heard.put_nowait(datagram), host=HOST)
    await receiver.start()
    return receiver


def test_a_plain_socket_receives_exactly_the_payload(plain: socket.socket) -> None:
    sender = BeaconSender(lambda: [plain.getsockname()])
    for port in (9001, 1, 65_535):
        assert sender.send(format_beacon(port)) == ()
        assert plain.recvfrom(2_048)[0] == b"arb-controller:%d" % port


def test_targets_are_asked_for_every_round(plain: socket.socket) -> None:
    targets: list[tuple[str, int]] = []
    sender = BeaconSender(lambda: targets)
    assert sender.send(b"nobody") == ()
    targets.append(plain.getsockname())
    assert sender.send(b"one") == ()
    assert plain.recvfrom(2_048)[0] == b"one"


def test_an_address_that_fails_is_returned_and_the_others_are_reached(
    plain: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = socket.socket.sendto

    class Unreachable(socket.socket):
        def sendto(self, data: bytes, address: tuple[str, int]) -> int:  # type: ignore[override]
            if address[0].startswith("198.51.100."):
                raise OSError(101, "Network is unreachable")
            return really(self, data, address)

    monkeypatch.setattr(socket, "socket", Unreachable)
    port = plain.getsockname()[1]
    targets = [("198.51.100.7", 9000), ("desk.local", 9000), (HOST, 70_000), ("", 1), (HOST, port)]
    failures = BeaconSender(lambda: targets).send(b"hello")
    assert [(failure.host, failure.port) for failure in failures] == targets[:-1]
    assert failures[0].reason == "Network is unreachable"
    assert "literal IP address" in failures[1].reason
    assert plain.recvfrom(2_048)[0] == b"hello"


def test_broadcast_is_allowed_on_the_socket_and_nothing_waits() -> None:
    with udp._sender(socket.AF_INET) as sender:
        assert sender.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) != 0
        assert sender.getblocking() is False


@on_every_loop
async def test_a_receiver_hears_the_payload_and_where_it_came_from() -> None:
    heard: Heard = asyncio.Queue()
    receiver = await _receiver(heard)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        for payload in (b"arb-controller:9001", b"", b"\x00\xff"):
            peer.sendto(payload, (HOST, receiver.port))
            assert await asyncio.wait_for(heard.get(), BOUND_S) == (payload, *peer.getsockname())
    await receiver.stop()
    await receiver.stop()


@on_every_loop
async def test_a_datagram_over_the_limit_is_ignored() -> None:
    heard: Heard = asyncio.Queue()
    receiver = await _receiver(heard)
    sender = BeaconSender(lambda: [(HOST, receiver.port)])
    for size in (MAX_BEACON_BYTES + 1, 60_000, MAX_BEACON_BYTES):
        assert sender.send(b"x" * size) == ()
    assert len((await asyncio.wait_for(heard.get(), BOUND_S))[0]) == MAX_BEACON_BYTES
    assert heard.empty()
    await receiver.stop()


@on_every_loop
async def test_traders_of_one_machine_share_the_port_and_each_hears_the_controller() -> None:
    everybody: list[Heard] = [asyncio.Queue() for _ in range(3)]
    first = await _receiver(everybody[0])
    receivers = [first, *[await _receiver(heard, first.port) for heard in everybody[1:]]]
    sender = BeaconSender(lambda: [(HOST, first.port)])
    # The system picks one of them for each datagram. 200 rounds: that one is never picked has odds of 1 in 10^35.
    for _ in range(200):
        assert sender.send(b"arb-controller:9001") == ()
        waiting = [asyncio.ensure_future(heard.get()) for heard in everybody]
        done, pending = await asyncio.wait(waiting, timeout=BOUND_S, return_when=asyncio.FIRST_COMPLETED)
        assert done
        for each in pending:
            each.cancel()
        await asyncio.wait(waiting)
        for number, each in enumerate(waiting):
            if not each.cancelled():
                receivers[number].seen = True  # type: ignore[attr-defined]
        if all(hasattr(receiver, "seen") for receiver in receivers):
            break
    assert all(hasattr(receiver, "seen") for receiver in receivers)
    for receiver in receivers:
        await receiver.stop()


@on_every_loop
async def test_a_port_that_cannot_be_shared_is_named_with_the_fix(plain: socket.socket) -> None:
    port = plain.getsockname()[1]
    with pytest.raises(BeaconPortError, match=rf"UDP {HOST}:{port}: .*beacon_port.*WEBSOCKET_URL"):
        await _receiver(asyncio.Queue(), port)


@on_every_loop
async def test_the_port_is_free_after_stop() -> None:
    receiver = await _receiver(asyncio.Queue())
    await receiver.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        alone.bind((HOST, receiver.port))
