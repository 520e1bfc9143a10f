"""A controller without a feed or a key of its own trades on the books that its traders relay."""

from __future__ import annotations

import signal
from typing import Any

from simulation.market_pairs import default_pairs_toml
from tests.e2e.processes import Controller, Stage, Status

RELAYED = {"ARB_FEEDS_POLYMARKET": "relay"}

SOON = {"ARB_SEED": "35"}
"""A made-up market whose first arb comes within a second."""


def relays(said: Status) -> dict[str, Any]:
    return {row["platform"]: row for row in said["relays"]["platforms"]}


def both_by(controller: Controller, name: str) -> None:
    controller.wait_until(
        lambda said: all((row["trader"] or "").startswith(name) and row["books"] for row in relays(said).values()),
        f"{name} relays both",
    )


def test_trades_on_relayed_books_and_on_those_of_the_next_trader_when_the_first_is_killed(stage: Stage) -> None:
    stage.home.joinpath("pairs.toml").write_text(default_pairs_toml())
    pairs = str(stage.home / "pairs.toml")
    controller = stage.controller("--feed", "live", "--pairs", pairs, **RELAYED)
    said = controller.wait_until(lambda said: "relays" in said, "it wants books")
    assert {row["reason"] for row in relays(said).values()} == {
        "no trader relays kalshi: none is connected",
        "no trader relays polymarket: none is connected",
    }
    first = stage.trader("--name", "one", "--url", controller.url, "--relay", "sim", **SOON)
    both_by(controller, "one")
    controller.wait_until(lambda said: said["trades"]["hedged"], "a trade")
    second = stage.trader("--name", "two", "--url", controller.url, "--relay", "sim", **SOON)
    second.wait_for_line("ready for")

    first.send(signal.SIGKILL)
    both_by(controller, "two")
    said = controller.status()
    assert {row["failovers"] for row in relays(said).values()} == {1}
    controller.wait_for_line("kalshi is not relayed by one", "its connection is gone")

    second.send(signal.SIGSTOP)
    controller.wait_for_line("the relay has said nothing for")
    second.send(signal.SIGCONT)
    both_by(controller, "two")
    assert "Relayed books" in stage.arb("status").out
