"""Peers that speak only the seed: a plain client can be the trader, a plain server can drive ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.captures import CONTRACTS, steady_market, ticker, yes_token
from tests.e2e.processes import Arb, Controller, Stage
from tests.e2e.raw import Peer, RawController, raw_controller, raw_trader

SEED_LEG = {
    "type": "execute_leg",
    "market_id": 42,
    "leg_id": "leg_001",
    "platform": "kalshi",
    "action": "buy",
    "side": "yes",
    "price": 52,
    "contracts": 10,
    "kalshi_market_ticker": "KXNBA-26NOV22LALBOS-LAL",
    "pair_id": "nba_lal_bos_ml",
    "description": "Lakers vs Celtics ML",
}
"""The example of the seed."""

SEED_LEG_FIELDS = {*SEED_LEG, "poly_token"}
SEED_RESULT_FIELDS = {"type", "leg_id", "platform", "success", "filled", "avg_price", "order_id", "error"}

RUST_STYLE = {"filled": "absent", "avg_price": "absent", "order_id": "absent", "latency_ns": 1_000_000}
"""The known peer in Rust says none of the three."""


def controller_with_arbs(stage: Stage, *words: str) -> Controller:
    """A controller to which an arb comes every 50 ms, on 30 pairs in turn."""
    return stage.controller(*steady_market(stage.home), *words)


def leg_of(said: dict[str, Any], leg: dict[str, Any]) -> dict[str, Any]:
    """What the controller's status says of that leg."""
    legs = [each for trade in said["recent_trades"] for each in trade["legs"]]
    found: dict[str, Any] = next(each for each in legs if each["leg_id"] == leg["leg_id"])
    return found


# A plain client as the trader


def test_a_plain_client_that_knows_only_the_seed_is_the_trader(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    with raw_trader(controller.url) as trader:
        init = trader.hello("kalshi", "polymarket")
        assert set(init["platforms"]) == {"kalshi", "polymarket"}
        assert init["dry_run"] is True
        legs = {leg["platform"]: leg for leg in trader.legs(2)}
        for leg in legs.values():
            assert set(leg) <= SEED_LEG_FIELDS
            trader.fill(leg)
        said = controller.wait_until(lambda said: said["trades"]["hedged"], "the trade is hedged")
    kalshi, polymarket = legs["kalshi"], legs["polymarket"]
    number = int(kalshi["pair_id"].removeprefix("pair_"))
    assert (kalshi["kalshi_market_ticker"], polymarket["poly_token"]) == (ticker(number), yes_token(number))
    assert (kalshi["action"], kalshi["side"], kalshi["price"]) == ("buy", "no", 50)
    assert (polymarket["action"], polymarket["side"], polymarket["price"]) == ("buy", "yes", 40)
    assert kalshi["contracts"] == polymarket["contracts"] == CONTRACTS
    assert kalshi["market_id"] == polymarket["market_id"] == number
    assert (said["totals"]["contracts"], said["totals"]["cost_usd"], said["totals"]["fees_usd"]) == (10, 9, 0)
    assert leg_of(said, kalshi)["order_id"] == f"ord_{kalshi['leg_id'][-4:]}"
    (link,) = said["connections"]
    assert link["level"] == 1
    assert any("no fees" in promise for promise in link["missing"])


def test_a_success_without_filled_is_as_requested_in_a_dry_run(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        for leg in trader.legs(2):
            trader.fill(leg, **RUST_STYLE)
        said = controller.wait_until(lambda said: said["trades"]["hedged"], "the trade is hedged")
    assert said["totals"]["contracts"] == CONTRACTS


def test_a_success_without_filled_proves_nothing_when_it_is_for_real(stage: Stage) -> None:
    controller = controller_with_arbs(stage, "--live")
    with raw_trader(controller.url) as trader:
        assert trader.hello("kalshi", "polymarket")["dry_run"] is False
        first, second = trader.legs(2)
        trader.fill(first)
        trader.fill(second, **RUST_STYLE)
        said = controller.wait_until(lambda said: said["trades"]["unknown"], "the trade is unknown")
        assert said["trades"]["hedged"] == 0
        assert leg_of(said, second)["status"] == "unknown"
        assert any("proves no fill" in promise for promise in said["connections"][0]["missing"])
        # The pair is latched; the others go on.
        assert {leg["pair_id"] for leg in trader.legs(2)}.isdisjoint({first["pair_id"]})


def test_an_unknown_that_is_proven_later_is_late_news_and_not_lost(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        first, second = trader.legs(2)
        trader.fill(first)
        trader.fill(second, success=False, filled=0, error="unknown: the venue did not answer")
        controller.wait_until(lambda said: said["trades"]["unknown"], "the trade is unknown")
        trader.fill(second)
        said = controller.wait_until(lambda said: said["trades"]["hedged"], "the trade is hedged after all")
    assert said["trades"]["unknown"] == 0
    assert said["totals"]["contracts"] == CONTRACTS


def test_a_leg_that_fails_beside_one_that_fills_is_named_naked_and_what_closes_it_is_sent(stage: Stage) -> None:
    controller = controller_with_arbs(stage)
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi", "polymarket")
        first, second = trader.legs(2)
        trader.fill(first)
        trader.fill(second, success=False, filled=0, avg_price=0, order_id=None, error="insufficient_balance")
        (closing,) = trader.legs(1)
        said = controller.wait_until(lambda said: said["trades"]["unwinding"], "the excess is being closed")
    assert leg_of(said, second)["error"] == "insufficient_balance"
    assert said["totals"]["edge_locked_usd"] == 0
    assert closing["pair_id"] == first["pair_id"]
    assert closing["leg_id"] not in {first["leg_id"], second["leg_id"]}
    controller.wait_for_line("error", "[HYBRID]", "is naked", first["pair_id"])
    controller.wait_for_line("[HYBRID]", "closing the excess", first["pair_id"])


def test_both_ends_keep_a_plain_client_alive_and_a_silent_one_is_dropped(stage: Stage) -> None:
    controller = stage.controller(ARB_HEARTBEAT_MS="100")
    with raw_trader(controller.url) as trader:
        trader.hello("kalshi")
        trader.send({"type": "ping"})
        trader.send({"type": "ping", "timestamp": 1_700_000_000})
        pongs = [trader.next("pong"), trader.next("pong")]
        assert isinstance(pongs[0]["timestamp"], int)
        assert pongs[1]["timestamp"] == 1_700_000_000
        # Only pings come now, each with its timestamp. Longer than the limit of 0.3 s, because they are answered ...
        for _ in range(6):
            ping = trader.next("ping")
            assert isinstance(ping["timestamp"], int)
            trader.send({"type": "pong", "timestamp": ping["timestamp"]})
        controller.wait_for_paths("kalshi")
        # ... and then they are not.
        trader.ends()
        controller.wait_for_paths()
    controller.wait_for_line("no trader for kalshi", "silent for 0.3 s")


# A plain server as the controller


@pytest.fixture
def seed_controller() -> Iterator[RawController]:
    with raw_controller() as controller:
        yield controller


@pytest.fixture
def our_trader(stage: Stage, seed_controller: RawController) -> Arb:
    return stage.trader("--url", seed_controller.url)


def ask(trader: Peer, **changes: Any) -> dict[str, Any]:
    """Send the seed's order, changed like this, and return the answer."""
    trader.send({name: value for name, value in (SEED_LEG | changes).items() if value != "absent"})
    return trader.next("leg_result")


def test_a_plain_server_that_knows_only_the_seed_drives_our_trader(
    seed_controller: RawController, our_trader: Arb
) -> None:
    trader, ack = seed_controller.greet("kalshi", "polymarket")
    assert ack == {"type": "init_ack", "success": True, "platforms": ["kalshi", "polymarket"], "error": None}
    result = ask(trader)
    assert set(result) == SEED_RESULT_FIELDS
    assert (result["leg_id"], result["platform"]) == ("leg_001", "kalshi")
    assert (result["success"], result["error"]) == (True, None)
    assert (result["filled"], result["avg_price"]) == (10, 52)
    assert result["order_id"]
    # The same id again is answered, and not executed again.
    assert ask(trader) == result
    our_trader.wait_for_line("not executed again", "leg_001")
    # The other venue, in its own terms.
    polymarket = {"platform": "polymarket", "poly_token": "7132", "kalshi_market_ticker": "absent"}
    result = ask(trader, leg_id="leg_002", price=0.5, contracts=250.25, **polymarket)
    assert (result["filled"], result["avg_price"], result["success"]) == (250.25, 0.5, True)


def test_our_trader_answers_pings_and_sends_its_own_always_with_a_timestamp(
    seed_controller: RawController, our_trader: Arb
) -> None:
    trader, _ = seed_controller.greet("kalshi", heartbeat_ms=100)
    trader.send({"type": "ping", "timestamp": 1_700_000_000})
    assert trader.next("pong") == {"type": "pong", "timestamp": 1_700_000_000}
    trader.send({"type": "ping"})
    assert isinstance(trader.next("pong")["timestamp"], int)
    assert isinstance(trader.next("ping")["timestamp"], int)
    # A controller that is silent is given up, and looked for again.
    trader.ends()
    seed_controller.accept()
    our_trader.wait_for_line("controller silent for 0.3 s")


@pytest.mark.parametrize("asked", [["kalshi"], ["other", "kalshi", "kalshi"]], ids=["one", "with a stranger"])
def test_our_trader_takes_what_it_executes_of_what_is_asked(
    seed_controller: RawController, our_trader: Arb, asked: list[str]
) -> None:
    trader, ack = seed_controller.greet(*asked)
    assert (ack["success"], ack["platforms"]) == (True, ["kalshi"])
    refused = ask(trader, platform="polymarket", poly_token="7132")
    assert (refused["success"], refused["filled"]) == (False, 0)
    assert refused["error"].startswith("platform:")
    assert our_trader.wait(0) is None


def test_our_trader_says_when_it_executes_nothing_of_what_is_asked(
    seed_controller: RawController, our_trader: Arb
) -> None:
    trader, ack = seed_controller.greet("predictit")
    assert (ack["success"], ack["platforms"]) == (False, [])
    assert "predictit" in ack["error"]
    assert ask(trader)["success"] is False
    our_trader.wait_for_line("warning", "predictit")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("NaN", {"price": float("nan")}, "price"),
    ("infinite", {"price": float("inf")}, "price"),
    ("zero", {"price": 0}, "price"),
    ("a dollar", {"price": 100}, "price"),
    ("negative", {"price": -1}, "price"),
    ("text", {"price": "52"}, "price"),
    ("too fine", {"price": 52.001}, "price"),
    ("none of it", {"price": "absent"}, "price"),
    ("no contracts", {"contracts": 0}, "contracts"),
    ("too fine a contract", {"contracts": 0.001}, "contracts"),
    ("a billion", {"contracts": 1_000_000_000}, "contracts"),
    ("too dear", {"contracts": 10_000}, "contracts"),
    ("no market", {"kalshi_market_ticker": "absent"}, "kalshi_market_ticker"),
    ("another venue", {"platform": "predictit"}, "platform"),
    ("another action", {"action": "hold"}, "action"),
    ("another side", {"side": "maybe"}, "side"),
    ("market id too large", {"market_id": 65_536}, "market_id"),
]


def test_our_trader_refuses_each_order_that_makes_no_sense_naming_the_field(
    seed_controller: RawController, our_trader: Arb
) -> None:
    trader = seed_controller.accept()
    early = ask(trader, leg_id="early")
    assert (early["success"], early["filled"], early["order_id"]) == (False, 0, None)
    assert "init" in early["error"]
    trader.send({"type": "init", "platforms": ["kalshi"], "dry_run": True})
    trader.next("init_ack")
    for number, (case, changes, field) in enumerate(REFUSED):
        result = ask(trader, leg_id=f"bad_{number}", **changes)
        assert set(result) == SEED_RESULT_FIELDS, case
        assert (result["success"], result["filled"], result["order_id"]) == (False, 0, None), case
        assert f"{field}" in result["error"], case
        # A good one between two bad ones: nobody who does that now and then is thrown out.
        assert ask(trader, leg_id=f"good_{number}")["success"] is True
    assert our_trader.status()["traders"][0]["answers"]["filled"] == len(REFUSED)


def test_frames_that_make_no_sense_are_not_answered_and_end_no_link(
    seed_controller: RawController, our_trader: Arb
) -> None:
    trader, _ = seed_controller.greet("kalshi")
    for frame in ("", "not json", "[]", "{}", '{"type": 1}', json.dumps({"type": "from_the_future"}), b"\x00\x01"):
        trader.send_raw(frame)
    assert ask(trader)["success"] is True
    for reason in ("not JSON", "no `type`", "from_the_future", "binary frame"):
        our_trader.wait_for_line(reason)
