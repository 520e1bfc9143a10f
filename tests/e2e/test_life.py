"""From start to end: signals, sockets, a second process of one home, crashes, and the modes of a run."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.captures import arbs, steady_market, write_capture, write_pairs
from tests.e2e.processes import Arb, Stage
from tests.e2e.raw import raw_trader


def sockets(stage: Stage) -> list[Path]:
    return sorted((stage.home / "run").glob("*.sock"))


# The end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_both_processes_in_order_and_leaves_no_socket(stage: Stage, number: signal.Signals) -> None:
    stage.through = ()  # fresh processes, not forks
    controller = stage.controller(*steady_market(stage.home))
    trader = stage.trader("--url", controller.url)
    controller.wait_for_trades(1)
    assert len(sockets(stage)) == 2
    assert (controller.stop(number), trader.stop(number)) == (0, 0)
    assert sockets(stage) == []
    for process in (controller, trader):
        process.wait_for_line(f"stopping: {number.name}")
        process.wait_for_line("stopped in order")
        assert not [line for line in process.lines if "Traceback" in line or " error " in line]


def test_a_signal_in_the_middle_of_the_start_is_no_crash(stage: Stage) -> None:
    stage.through = ()  # fresh processes, not forks
    controller = stage.controller()
    controller.wait_for_line("executes nothing itself")
    assert controller.stop(signal.SIGTERM) == 0
    assert sockets(stage) == []
    assert not [line for line in controller.lines if "Traceback" in line]


def test_a_stopping_controller_waits_for_legs_in_flight(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home))
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        legs = trader.legs(2)
        controller.send(signal.SIGTERM)
        controller.wait_until(lambda said: said["state"] == "STOPPING", "it stops")
        for leg in legs:
            trader.fill(leg)
        assert trader.ends() == 1001
    assert controller.ended() == 0
    controller.wait_for_line("is hedged")
    controller.wait_for_line("stopped in order")


def test_a_stopping_controller_reports_legs_that_nobody_answers(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home), ARB_LEG_TIMEOUT_MS="300")
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        legs = trader.legs(2)
        assert controller.stop(signal.SIGTERM) == 0
    for leg in legs:
        controller.wait_for_line("error", "unknown: no answer within 0.3 s", leg["leg_id"], leg["pair_id"])
    controller.wait_for_line("error", "not proven")


def test_a_second_signal_does_not_wait_any_longer(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home))
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        trader.legs(2)
        controller.send(signal.SIGINT)
        controller.wait_until(lambda said: said["state"] == "STOPPING", "it stops")
        assert controller.stop(signal.SIGINT) == 0
    assert sockets(stage) == []
    controller.wait_for_line("asked again")


def test_exit_at_end_ends_the_controller_with_its_recording(stage: Stage) -> None:
    capture = write_capture(stage.home / "short.jsonl.gz", arbs(3))
    pairs = write_pairs(stage.home / "pairs.toml")
    market = ("--feed", f"replay:{capture}", "--pairs", str(pairs), "--speed", "0")
    controller = stage.controller(*market, "--local", "kalshi,polymarket", "--exit-at-end")
    assert controller.ended() == 0
    assert len([line for line in controller.lines if "is hedged" in line]) == 3


# One process of a kind in one home


def test_a_second_controller_of_the_same_home_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    first = stage.controller()
    first.wait_until(lambda said: said["addresses"], "it listens")
    second = stage.controller()
    assert second.ended() == 4
    (line,) = [line for line in second.lines if line.startswith("arb: ")]
    assert "another process runs already" in line
    assert "ARB_HOME" in line
    assert not [line for line in second.lines if "Traceback" in line]
    assert first.status()["state"] == "ACTIVE"


def test_status_says_that_nothing_runs_before_after_and_past_a_crash(stage: Stage) -> None:
    def assert_nothing_runs() -> None:
        done = stage.arb("status", "--json")
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("arb: neither a controller nor a trader is running")

    assert_nothing_runs()
    crashed = stage.controller()
    crashed.wait_until(lambda said: said["addresses"], "it listens")
    crashed.kill()
    # What it leaves behind is no sign of life ...
    assert sockets(stage) == [crashed.socket]
    assert_nothing_runs()
    # ... and in nobody's way.
    again = stage.controller()
    again.wait_until(lambda said: said["addresses"], "it listens")
    said = json.loads(stage.arb("status", "--json").out)
    assert said["controller"]["pid"] == again.process.pid
    assert again.stop() == 0
    assert_nothing_runs()


# Modes


def test_the_feed_is_simulated_unless_told_otherwise_and_the_log_says_by_whom(stage: Stage) -> None:
    capture = write_capture(stage.home / "short.jsonl", arbs(1))
    write_pairs(stage.home / "pairs.toml")
    controller = stage.controller("--seed", "7")
    controller.wait_for_line("feed sim (by default)")
    said = controller.wait_until(lambda said: all(feed["frames"] for feed in said["feeds"]), "frames of both venues")
    assert said["feed"] == "sim"
    assert controller.stop() == 0
    (stage.home / "config.toml").write_text(f'feed = "replay:{capture.name}"\npairs = "pairs.toml"\n')
    controller = stage.controller()
    controller.wait_for_line(f"feed replay:{capture} (by file {stage.home / 'config.toml'}): 1 pairs")
    assert controller.stop() == 0


@pytest.mark.parametrize(("words", "env"), [(("--one-shot",), {}), ((), {"ONE_SHOT": "1"})], ids=["flag", "ONE_SHOT"])
def test_a_one_shot_trader_ends_after_it_has_answered_its_first_leg_and_the_other_of_the_same_arb(
    stage: Stage, words: tuple[str, ...], env: dict[str, str]
) -> None:
    controller = stage.controller(*steady_market(stage.home, speed=1))
    trader = stage.trader("--url", controller.url, *words, **env)
    assert trader.ended() == 0
    trader.wait_for_line("one shot: the first leg was answered")
    said = controller.wait_until(lambda said: said["trades"]["hedged"], "its answers have arrived")
    assert said["trades"]["naked"] == said["trades"]["unknown"] == 0
    controller.wait_for_paths()


def json_lines(process: Arb) -> list[dict[str, object]]:
    found = [json.loads(line) for line in process.lines]
    for line in found:
        assert {"t", "level", "component", "text"} <= line.keys()
    return found


def test_every_line_of_a_json_log_is_json_and_names_leg_and_pair_where_it_concerns_one(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home), "--log-json")
    trader = stage.trader("--url", controller.url, "--log-json", "--log-level", "debug")
    said = controller.wait_for_trades(2)
    with raw_trader(controller.url) as stranger:
        stranger.send_raw('not json, but "quotes" and \\ and \u2028')
        controller.wait_for_line("does not parse")
    assert (trader.stop(), controller.stop()) == (0, 0)
    theirs, ours = json_lines(trader), json_lines(controller)
    for leg in said["recent_trades"][0]["legs"]:
        for lines in (theirs, ours):
            about = [line for line in lines if line.get("leg_id") == leg["leg_id"]]
            assert about
            assert {line.get("pair_id") for line in about} == {said["recent_trades"][0]["pair_id"]}
    assert {line["component"] for line in ours} >= {"CONTROL", "WS", "BEACON", "FEED", "SCAN", "HYBRID", "REMOTE_EXEC"}
    for line in ours:
        if line["component"] == "SCAN" or "trade " in str(line["text"]):
            assert line.get("pair_id"), line


def test_the_demo_ends_by_itself_and_its_sums_agree(stage: Stage) -> None:
    done = stage.arb("demo", "--seconds", "4", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert (said["ok"], said["problems"], said["seconds"]) == (True, [], 4)
    assert said["status"]["role"] == "controller"
