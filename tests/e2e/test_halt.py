"""Halt, resume and confirm between real processes, asked for on the command line."""

from __future__ import annotations

import json

from tests.e2e.captures import SECOND, arbs, steady_market, write_capture, write_pairs
from tests.e2e.processes import Stage


def test_a_halt_drains_the_controller_and_both_traders_and_survives_a_restart(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home))
    traders = [
        stage.trader("--url", controller.url, "--name", name, "--platform", platform)
        for name, platform in (("lisbon", "kalshi"), ("oslo", "polymarket"))
    ]
    controller.wait_for_trades(1)
    done = stage.arb("halt", "--reason", "lunch", "--json")
    answer = json.loads(done.out)["controller"]
    assert (done.code, answer["state"], answer["drained"], answer["waiting_for"]) == (0, "halted", True, [])
    sent = len(controller.status()["recent_trades"])
    controller.wait_until(lambda said: said["risk"]["refused"], "what is seen is refused")
    assert controller.status()["state"] == "HALTED"
    assert len(controller.status()["recent_trades"]) == sent

    traders[0].kill()
    controller.wait_until(lambda said: len(said["connections"]) == 1, "one trader is gone")
    done = stage.arb("halt", "--reason", "still")
    assert done.code == 5
    assert "lisbon" in done.out

    assert controller.stop() == 0
    again = stage.controller(*steady_market(stage.home))
    again.wait_until(lambda said: said["state"] == "HALTED", "it is halted as before")
    assert stage.arb("resume", "--reason", "back").code == 0
    assert again.status()["state"] == "ACTIVE"


def test_a_trade_waits_for_a_person_and_runs_when_it_is_accepted(stage: Stage) -> None:
    capture = write_capture(stage.home / "one.jsonl", arbs(1, gap=7_200 * SECOND))
    words = ("--feed", f"replay:{capture}", "--pairs", str(write_pairs(stage.home / "pairs.toml")), "--speed", "1")
    controller = stage.controller(*words, ARB_RISK_CONFIRM="all", CONTROLLER_PLATFORMS="kalshi,polymarket")
    controller.wait_until(lambda said: said["risk"]["confirm"]["waiting"], "a trade waits")
    shown = stage.arb("confirm")
    assert shown.code == 0
    assert "book now: kalshi" in shown.out
    assert controller.status()["recent_trades"] == []
    number = json.loads(stage.arb("confirm", "--json").out)["waiting"][0]["number"]
    done = stage.arb("confirm", "--accept", str(number))
    assert (done.code, "sent: trade" in done.out) == (0, True), done.out
    controller.wait_until(lambda said: said["trades"]["hedged"] == 1, "it is hedged")
    assert stage.arb("confirm", "--accept", str(number)).code == 1
