"""The operator of a trader's machine against a controller that wants to trade: halts, limits, alerts."""

from __future__ import annotations

import signal
from typing import Any

from tests.alert_server import SECRET, serving
from tests.e2e.captures import steady_market
from tests.e2e.processes import PATIENCE_S, Arb, Stage
from tests.e2e.raw import Peer, raw_controller
from transport.status_client import ask

HELLO = {
    "type": "init",
    "platforms": ["kalshi"],
    "dry_run": True,
    "protocol": 2,
    "controller_id": "c",
    "session_id": "s",
}


def say(trader: Arb, command: str, **more: Any) -> dict[str, Any]:
    """What `arb halt` and `arb resume` send on the trader's machine."""
    return ask(trader.socket, {"command": command, **more}, PATIENCE_S)


def hello(peer: Peer) -> None:
    """Greet the trader, and wait until it is ready."""
    peer.send(HELLO)
    peer.next("init_ack")
    peer.next("status")


def result(peer: Peer, leg_id: str, **fields: Any) -> dict[str, Any]:
    """Send an order, and return what became of it."""
    order = {
        "type": "execute_leg",
        "market_id": 1,
        "leg_id": leg_id,
        "platform": "kalshi",
        "action": "buy",
        "side": "yes",
        "price": 50,
        "contracts": 10,
        "kalshi_market_ticker": "KXTEST",
    }
    peer.send(order | fields)
    for _ in range(100):
        message = peer.receive()
        if message["type"] == "leg_result" and message["leg_id"] == leg_id:
            peer.send({"type": "leg_ack", "leg_id": leg_id, "revision": message["revision"]})
            return message
    raise AssertionError(f"no result of {leg_id}")


def test_a_halt_by_the_traders_operator_holds_over_restarts_and_wakes_him(stage: Stage) -> None:
    with raw_controller() as controller, serving() as phone:
        settings = {"ARB_ALERTS_URLS": phone.url}
        trader = stage.trader("--url", controller.url, "--name", "k1", **settings)
        socket = stage.home / "run" / "trader-k1.sock"
        trader.socket = socket
        peer = controller.accept()
        hello(peer)
        done = stage.arb("halt", "--role", "trader", "--reason", "going to bed")
        assert (done.code, "trader-k1: halted: going to bed" in done.out) == (0, True)
        # Asked again it is no news, and answered all the same.
        assert say(trader, "halt", reason="going to bed") == {
            "state": "halted",
            "reason": "going to bed",
            "drained": True,
            "open_legs": 0,
            "failed": None,
        }
        assert phone.post() | {"message": ""} == {
            "version": "1.0",
            "title": "arb trader k1: Halted",
            "message": "",
            "attachments": [],
            "type": "info",
        }
        assert result(peer, "l1")["error"] == "halted: going to bed"
        peer.send({"type": "resume", "reason": "trade", "number": 1})
        trader.kill()
        again = stage.trader("--url", controller.url, "--name", "k1", **settings)
        again.socket = socket
        peer = controller.accept()
        hello(peer)
        assert result(peer, "l2")["error"] == "halted: going to bed"
        shown = stage.arb("status")
        assert "halted by the operator: going to bed" in shown.out
        assert "1 (json)" in shown.out
        done = stage.arb("resume", "--role", "trader", "--reason", "morning")
        assert (done.code, "trader-k1: active" in done.out) == (0, True)
        assert result(peer, "l3")["status"] != "rejected"
        status = again.wait_until(
            lambda said: said["alerts"]["services"][0]["sent"] >= 1, "it told of the halt it kept"
        )
        assert status["traders"][0]["state"] == "active"
        assert SECRET not in str(status)
        assert again.stop(signal.SIGTERM) == 0
        assert not [line for arb in (trader, again) for line in arb.lines if SECRET in line]


def test_an_alert_service_that_hangs_is_in_nobodys_way(stage: Stage) -> None:
    with raw_controller() as controller, serving(hangs=True) as phone:
        trader = stage.trader("--url", controller.url, "--platform", "kalshi", ARB_ALERTS_URLS=phone.url)
        peer = controller.accept()
        hello(peer)
        for number in range(5):
            assert say(trader, "halt", reason=f"{'again ' * number}stop")["drained"]
        assert phone.asked.wait(PATIENCE_S)
        peer.send({"type": "halt", "reason": "you too", "everything": True, "number": 3})
        peer.next("status")
        assert peer.next("halt_ack")["number"] == 3
        assert "halted" in result(peer, "l1")["error"]
        (service,) = trader.wait_until(lambda said: "alerts" in said, "it says so")["alerts"]["services"]
        assert (service["sent"], service["failed"]) == (0, 0)
        assert trader.stop(signal.SIGTERM) == 0
        assert not phone.released.is_set()


def test_a_mad_controller_meets_the_settings_of_the_trader_over_a_crash(stage: Stage) -> None:
    (stage.home / "config.toml").write_text(
        'max_leg_notional_usd = 5\nmax_hour_notional_usd = 10\nmarkets = ["KXTEST"]\n'
        "min_price_cents = 5\nmax_price_cents = 95\nmax_orders_per_second = 1000\n",
        encoding="utf-8",
    )
    with raw_controller() as controller:
        trader = stage.trader("--url", controller.url, "--name", "k1")
        peer = controller.accept()
        hello(peer)
        assert "max_leg_notional of $5.00" in result(peer, "a", contracts=10.01)["error"]
        assert "list of markets" in result(peer, "b", kalshi_market_ticker="KXOTHER")["error"]
        assert "band of 5c-95c" in result(peer, "c", price=96, contracts=1)["error"]
        assert result(peer, "d")["status"] == "unfilled", "the paper venue has no book of it"
        assert result(peer, "e")["status"] == "unfilled", "it counts all the same: it was sent"
        assert "within an hour is above $10.00" in result(peer, "f", contracts=0.01)["error"]
        trader.kill()
        stage.trader("--url", controller.url, "--name", "k1")
        peer = controller.accept()
        hello(peer)
        assert "within an hour is above $10.00" in result(peer, "g", contracts=0.01)["error"]


def test_a_local_trader_has_the_same_limits(stage: Stage) -> None:
    local = ("--local", "kalshi,polymarket")
    controller = stage.controller(*steady_market(stage.home), *local, ARB_MARKETS="KXELSEWHERE")
    controller.wait_for_line("is not on this trader's list of markets")
    status = controller.wait_until(lambda said: said["traders"][0]["refused"], "it is counted")
    assert status["traders"][0]["answers"] == {"rejected": status["traders"][0]["refused"]["market"]}


def test_an_alert_url_that_is_none_stops_the_start_and_is_not_shown(stage: Stage) -> None:
    done = stage.arb("run", "trader", ARB_ALERTS_URLS=f"nonsense://{SECRET}")
    assert done.code == 4
    assert "alerts.urls: number 1 is no URL" in done.err
    assert SECRET not in done.err + done.out
