"""A trader that is killed, cut off or replaced in mid-run: arbs are rejected until it is back, and it comes back."""

from __future__ import annotations

import signal
from typing import Any

from tests.e2e.captures import EDGE, steady_market
from tests.e2e.processes import Controller, Stage, Status, free_port

HEARTBEAT = {"ARB_HEARTBEAT_MS": "100"}


def controller_with_arbs(stage: Stage, bind: str = "127.0.0.1:0") -> Controller:
    """An arb every 50 ms; a link that is silent for 0.3 s is dead."""
    return stage.controller(*steady_market(stage.home), bind=bind, **HEARTBEAT)


def assert_arbs_are_rejected_and_nothing_is_sent(controller: Controller, platform: str) -> None:
    """Three more arbs are aborted with the reason, while the count of legs stands still."""
    reason = f"no execution path for {platform}: not local and no trader connected"
    before = controller.wait_for_paths(*({"kalshi", "polymarket"} - set(platform.split(", "))))
    times = before["aborted"].get(reason, 0)
    after = controller.wait_until(lambda said: said["aborted"].get(reason, 0) >= times + 3, "arbs are rejected")
    assert after["counters"]["legs_sent"] == before["counters"]["legs_sent"]
    assert after["trades"]["hedged"] == before["trades"]["hedged"]


def assert_sums_hold(said: Status) -> None:
    """Every trade that went smoothly brought what one brings; what did not is proven, closed, or still being proven."""
    for trade in said["recent_trades"]:
        legs: list[dict[str, Any]] = trade["legs"]
        if trade["state"] == "hedged" and {leg["purpose"] for leg in legs} == {"open"}:
            assert trade["edge_usd"] == EDGE
        elif trade["state"] not in {"legs_out", "settling"}:
            assert {"unknown", "unfilled", "expired", "rejected"} & {leg["status"] for leg in legs} or len(legs) > 2
    assert said["trades"]["naked"] == 0


def test_arbs_are_rejected_while_a_killed_trader_is_gone_and_traded_when_one_is_back(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    stage.trader("--platform", "kalshi", "--url", controller.url)
    victim = stage.trader("--platform", "polymarket", "--url", controller.url)
    controller.wait_for_trades(2)
    victim.kill()
    assert_arbs_are_rejected_and_nothing_is_sent(controller, "polymarket")
    controller.wait_for_line("[REMOTE_EXEC]", "no trader for polymarket")
    stage.trader("--platform", "polymarket", "--url", controller.url)
    assert_sums_hold(controller.wait_for_trades(2))


def test_a_trader_that_falls_silent_is_cut_off_and_comes_back_by_itself(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    trader = stage.trader("--url", controller.url)
    controller.wait_for_trades(2)
    trader.send(signal.SIGSTOP)
    assert_arbs_are_rejected_and_nothing_is_sent(controller, "kalshi, polymarket")
    controller.wait_for_line("no trader for polymarket", "silent for 0.3 s")
    seen = len(trader.lines)
    trader.send(signal.SIGCONT)
    trader.wait_for_line("ready for kalshi, polymarket", after=seen)
    assert_sums_hold(controller.wait_for_trades(2))


def test_a_standby_takes_over_from_a_trader_that_is_killed(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    first = stage.trader("--name", "first", "--url", controller.url)
    assert controller.wait_for_trades(1)["paths"]["kalshi"].startswith("remote: first-")
    second = stage.trader("--name", "second", "--url", controller.url)
    second.wait_for_line("ready for kalshi, polymarket")
    # The first one is active until it is gone.
    before = controller.wait_for_trades(1)
    assert before["paths"]["kalshi"].startswith("remote: first-")
    first.kill()
    controller.wait_until(lambda said: said["paths"]["kalshi"].startswith("remote: second-"), "a take-over")
    after = controller.wait_for_trades(2)
    assert {leg["path"].split("-")[0] for leg in after["recent_trades"][-1]["legs"]} == {"remote:second"}
    assert after["aborted"] == before["aborted"]
    assert_sums_hold(after)


def test_a_trader_replaced_in_mid_run_leaves_its_place_to_the_new_one(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    old = stage.trader("--name", "desk", "--url", controller.url)
    controller.wait_for_trades(2)
    assert old.stop(signal.SIGTERM) == 0
    assert_arbs_are_rejected_and_nothing_is_sent(controller, "kalshi, polymarket")
    # Stopped in order, it left nothing unanswered.
    assert controller.status()["totals"]["unknown_legs"] == 0
    stage.trader("--name", "desk", "--url", controller.url)
    assert_sums_hold(controller.wait_for_trades(2))


def test_a_trader_comes_back_by_itself_to_a_controller_that_was_restarted(stage: Stage) -> None:
    bind = f"127.0.0.1:{free_port()}"
    controller = controller_with_arbs(stage, bind)
    trader = stage.trader("--url", f"ws://{bind}")
    controller.wait_for_trades(2)
    controller.kill()
    trader.wait_for_line("not connected", "connection refused")
    seen = len(trader.lines)
    again = controller_with_arbs(stage, bind)
    trader.wait_for_line("ready for kalshi, polymarket", after=seen)
    said = again.wait_for_trades(2)
    assert_sums_hold(said)
    assert trader.wait(0) is None
