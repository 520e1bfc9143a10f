"""The beacon: what is on the wire, and that a trader with nothing configured finds its controller by it."""

from __future__ import annotations

import json
import socket
from contextlib import closing

from tests.e2e.processes import PATIENCE_S, Stage
from tests.e2e.raw import raw_controller


def test_a_raw_udp_socket_receives_exactly_the_seeds_text_again_and_again(stage: Stage) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
        ear.bind(("127.0.0.1", stage.beacon_port))
        ear.settimeout(PATIENCE_S)
        controller = stage.controller()
        heard = [ear.recvfrom(2048) for _ in range(2)]
    # The port really bound: the controller was started on any that is free.
    assert {payload for payload, _ in heard} == {b"arb-controller:%d" % controller.port}
    assert {host for _, (host, _) in heard} == {"127.0.0.1"}
    assert controller.status()["beacon"]["ws_port"] == controller.port


def test_traders_with_nothing_configured_find_the_controller_whoever_starts_first(stage: Stage) -> None:
    early = [stage.trader("--platform", platform) for platform in ("kalshi", "polymarket")]
    for trader in early:
        trader.wait_for_line("waiting for a beacon", str(stage.beacon_port))
    controller = stage.controller()
    for trader in early:
        trader.wait_for_line("controller found by its beacon", controller.url)
    controller.wait_for_paths("kalshi", "polymarket")
    late = stage.trader()
    late.wait_for_line("controller found by its beacon", controller.url)
    controller.wait_until(lambda said: len(said["connections"]) == 3, "all three are there")


def test_websocket_url_overrides_the_beacon(stage: Stage) -> None:
    controller = stage.controller()
    controller.wait_until(lambda said: said.get("addresses"), "it announces itself")
    with raw_controller() as chosen:
        trader = stage.trader(WEBSOCKET_URL=chosen.url)
        chosen.greet("kalshi")
        assert trader.status()["link"]["peer"] == chosen.url.removeprefix("ws://")
        trader.wait_for_line(chosen.url, "configured")
        assert controller.status()["connections"] == []


def test_a_trader_ignores_what_is_no_beacon_and_takes_the_known_peers_json(stage: Stage) -> None:
    trader = stage.trader()
    trader.wait_for_line("waiting for a beacon")
    with raw_controller() as controller, closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mouth:
        port = int(controller.url.rpartition(":")[2])
        for payload in (
            b"arb-controller:9001\n",
            b"arb-controller: 9001",
            b"ARB-CONTROLLER:9001",
            b"arb-controller:0",
            b"arb-controller:65536",
            b"",
            b"\xff" * 600,
            json.dumps({"role": "trader", "ws_port": 9001}).encode(),
            json.dumps({"role": "controller", "ws_port": port, "version": "0.3.1"}).encode(),
        ):
            mouth.sendto(payload, ("127.0.0.1", stage.beacon_port))
        controller.greet("kalshi")
        trader.wait_for_line("warning", "127.0.0.1", "no beacon")
        assert [line for line in trader.lines if "not connected" in line] == []
