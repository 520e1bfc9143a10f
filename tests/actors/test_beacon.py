"""The beacon's actors: when it is sent, and which of those that arrive are believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.beacon import BeaconListener, DatagramSeen, ListenerSetup
from actors.messages import Directory
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import Remembering, inbox
from tests.actors.kit import texts
from tests.market.builders import pair
from transport.host import ActorHost

BEACON = b"arb-controller:9001"


@pytest.fixture
def controller() -> Iterator[ControllerBox]:
    with ControllerBox([pair()]) as made:
        yield made


def hear(trader: TraderBox, host: str, payload: bytes = BEACON, times: int = 1) -> None:
    for _ in range(times):
        trader.tell("beacon", DatagramSeen(payload, host, 40_000))


def test_the_beacon_is_sent_at_once_and_every_two_seconds(controller: ControllerBox) -> None:
    assert controller.memory.announced == [BEACON]
    controller.pass_time(1.9)
    assert len(controller.memory.announced) == 1
    controller.pass_time(0.1)
    assert len(controller.memory.announced) == 2
    controller.pass_time(60)
    assert controller.memory.announced == [BEACON] * 32
    assert controller.status()["beacon"] == {"sent": 32, "ws_port": 9_001}


def test_a_controller_that_shall_not_announce_itself_does_not() -> None:
    with ControllerBox([pair()], beacon=False) as box:
        box.pass_time(60)
        assert box.memory.announced == []


def test_a_replaced_broadcaster_goes_on_and_does_not_send_twice_as_often(controller: ControllerBox) -> None:
    controller.pass_time(1)
    controller.tell("beacon", "a message of no known type")
    controller.memory.announced.clear()
    controller.pass_time(20)
    assert controller.memory.announced == [BEACON] * 10


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "ws://127.0.0.1:9001"),
        ("100.101.102.103", "ws://100.101.102.103:9001"),
        ("::1", "ws://[::1]:9001"),
        ("fd7a:115c:a1e0::5", "ws://[fd7a:115c:a1e0::5]:9001"),
    ],
)
def test_a_beacon_over_loopback_or_tailscale_is_believed(trader: TraderBox, host: str, url: str) -> None:
    hear(trader, host)
    assert trader.memory.urls == [(url, "by its beacon")]
    assert trader.status()["beacon"]["heard"] == url


def test_every_beacon_is_passed_on_and_said_once(trader: TraderBox) -> None:
    hear(trader, "127.0.0.1", times=5)
    assert len(trader.memory.urls) == 5
    assert texts(trader, "BEACON") == ["controller found by its beacon: ws://127.0.0.1:9001"]
    hear(trader, "127.0.0.1", b"arb-controller:9002")
    assert len(texts(trader, "BEACON")) == 2


@pytest.mark.parametrize("host", ["192.168.1.7", "10.0.0.3", "8.8.8.8", "fe80::1%eth0", "::ffff:192.168.1.7"])
def test_a_beacon_from_anywhere_else_is_not_believed_and_said_once(trader: TraderBox, host: str) -> None:
    hear(trader, host, times=5)
    assert trader.memory.urls == []
    (text,) = texts(trader, "BEACON")
    assert f"ignored a beacon from {host}" in text
    assert "WEBSOCKET_URL" in text
    assert trader.status()["beacon"] == {"heard": None, "ignored_sources": 1}


@pytest.mark.parametrize("payload", [b"", b"arb-controller:09001", b"arb-controller:9001\n", b"\xff" * 600])
def test_what_is_no_beacon_is_ignored_even_from_this_machine(trader: TraderBox, payload: bytes) -> None:
    hear(trader, "127.0.0.1", payload, times=3)
    assert trader.memory.urls == []
    assert texts(trader, "BEACON") == ["ignored a datagram from 127.0.0.1 that is no beacon"]


def test_the_log_of_ignored_sources_is_bounded(trader: TraderBox) -> None:
    for number in range(300):
        hear(trader, f"192.168.{number // 250}.{number % 250}")
    assert len(texts(trader, "BEACON")) == 100


def test_whoever_believes_any_source_has_said_so() -> None:
    memory = Remembering()
    with ActorHost() as host:
        listener = host.create(BeaconListener, "beacon", ListenerSetup(memory, any_source=True))
        others, _ = inbox(host)
        host.tell(listener, Directory({"telemetry": others}))
        host.tell(listener, DatagramSeen(BEACON, "192.168.1.7", 40_000))
    assert memory.urls == [("ws://192.168.1.7:9001", "by its beacon")]
