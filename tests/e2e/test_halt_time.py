"""From `halt` to the last order that leaves any process, and to the answer: real processes and sockets, under load."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from config.home import ArbHome
from tests.e2e.captures import steady_market
from tests.e2e.processes import Stage
from transport.host import SystemTime
from transport.status_client import ask

HALTS = 200
PATIENCE_S = 3.0
PATIENCE_US = 3_000_000
CLOCK = SystemTime()


def halted(request: Callable[[str], dict[str, Any]]) -> tuple[int, int]:
    """When the halt was asked for, and when it was answered that nothing leaves any more (unix microseconds)."""
    asked = CLOCK.unix_us()
    deadline = CLOCK.mono_us() + PATIENCE_US
    said = request("halt")
    while not said["drained"] or said["waiting_for"] or not said["kept"]:
        assert CLOCK.mono_us() < deadline, said
        said = request("risk")
    assert said["out_of_reach"] == {}
    return asked, CLOCK.unix_us()


@pytest.mark.hunt
@pytest.mark.timeout(500)
def test_two_hundred_halts_under_load(stage: Stage, say: Callable[[str], None]) -> None:
    controller = stage.controller(*steady_market(stage.home, count=40_000, pairs=200, speed=100))
    traders = [
        stage.trader("--url", controller.url, "--name", name, "--platform", platform)
        for name, platform in (("lisbon", "kalshi"), ("oslo", "polymarket"))
    ]
    controller.wait_for_trades(3)
    socket = ArbHome(stage.home).socket("controller")

    def request(command: str) -> dict[str, Any]:
        return ask(socket, {"command": command, "reason": "a test", "ack": [], "force": False}, PATIENCE_S)

    windows = []
    for _ in range(HALTS):
        controller.wait_for_trades(2)
        asked, answered = halted(request)
        windows.append((asked, answered, CLOCK.unix_us()))
        assert request("resume")["state"] == "active"
    assert [trader.stop() for trader in traders] == [0, 0]
    controller.stop()

    left: list[int] = []
    for journal in stage.home.glob("journal-*.db"):
        with sqlite3.connect(journal) as book:
            left += [at for (at,) in book.execute("SELECT asked_us FROM legs WHERE fate = 'placed'")]
    assert len(left) > HALTS
    late = [at for at in left for _, answered, resumed in windows if answered < at < resumed]
    assert late == []
    last = [
        max((at for at in left if asked <= at <= answered), default=asked) - asked for asked, answered, _ in windows
    ]
    acks = [answered - asked for asked, answered, _ in windows]
    say(
        f"{HALTS} halts, {len(left)} orders: last order p50 {at(last, 50)}, p99 {at(last, 99)} ms after the halt; "
        f"answered p50 {at(acks, 50)}, p99 {at(acks, 99)} ms after it; none left later"
    )


def at(times_us: list[int], percent: int) -> str:
    ordered = sorted(times_us)
    return f"{ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1_000:.1f}"
