"""One trader, two controllers with a ledger each: what one sent is never the other's, over real sockets and deaths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.e2e.captures import steady_market, ticker
from tests.e2e.processes import Arb, Stage
from tests.e2e.raw import MOST_BEFORE, Message, Peer, RawController, raw_controller

ANN: Final[dict[str, Any]] = {"protocol": 2, "controller_id": "ann", "session_id": "ann-1"}
BOB: Final[dict[str, Any]] = {"protocol": 2, "controller_id": "bob", "session_id": "bob-1"}


@pytest.fixture
def controllers() -> Iterator[RawController]:
    """Where both controllers are found, one after the other; who it is says the hello."""
    with raw_controller() as both:
        yield both


def first(trader: Peer, kind: str) -> Message:
    """The next message of this type, whatever comes before it."""
    for _ in range(MOST_BEFORE):
        message = trader.receive()
        if message["type"] == kind:
            return message
        if message["type"] == "ping":
            trader.send({"type": "pong", "timestamp": message["timestamp"]})
    raise AssertionError(f"no {kind} came")


def an_order(leg_id: str) -> Message:
    """An order for one of the steady market's pairs."""
    return {
        "type": "execute_leg",
        "market_id": 0,
        "leg_id": leg_id,
        "trade_id": leg_id.rpartition("-")[0],
        "platform": "kalshi",
        "action": "buy",
        "side": "no",
        "price": 50,
        "contracts": 10,
        "kalshi_market_ticker": ticker(0),
        "pair_id": "pair_0",
    }


def send(trader: Peer, leg_id: str) -> Message:
    """Send an order behind the book that fills it, and return the first result that comes, whosever it is."""
    asks = [[50, 1_000]]
    book: dict[str, Any] = {"type": "book", "platform": "kalshi", "market": ticker(0), "side": "no", "bids": []}
    trader.send(book | {"asks": asks, "t": 1, "seq": 1, "fee_rate": "0", "fee_exponent": 1})
    trader.send(an_order(leg_id))
    return first(trader, "leg_result")


def unacked_leg_of_ann(controllers: RawController) -> Message:
    """Ann sends a leg, is told of its fill, and is gone before she has acknowledged it."""
    trader, _ = controllers.greet("kalshi", **ANN)
    told = send(trader, "ann-1")
    trader.connection.close()
    return told


def test_a_result_waits_for_who_sent_the_leg_through_other_controllers_and_a_death(
    stage: Stage, controllers: RawController
) -> None:
    trader: Arb = stage.trader("--url", controllers.url, "--name", "lisbon")
    told = unacked_leg_of_ann(controllers)
    assert (told["leg_id"], told["status"], told["filled"]) == ("ann-1", "filled", 10)
    at_bob, ack = controllers.greet("kalshi", **BOB)
    assert ack["unacked"] == 0
    # What waited would have been told before this.
    mine = send(at_bob, "bob-1")
    assert (mine["leg_id"], mine["status"]) == ("bob-1", "filled")
    at_bob.send({"type": "leg_ack", "leg_id": "ann-1", "revision": 0})
    at_bob.send({"type": "leg_ack", "leg_id": "bob-1", "revision": 0})
    trader.wait_for_line("warning", "1 results wait for controller ann")
    trader.wait_for_line("warning", "ignored an ack of ann-1")
    trader.kill()
    stage.trader("--url", controllers.url, "--name", "lisbon")
    at_ann, ack = controllers.greet("kalshi", **ANN)
    assert ack["unacked"] == 1
    again = first(at_ann, "leg_result")
    assert again == told
    # The same id from anyone is answered, and never executed again.
    assert send(at_ann, "bob-1")["filled"] == 10
    assert send(at_ann, "bob-1")["order_id"] == mine["order_id"]


def test_a_controller_adopts_no_leg_of_another_ones_ledger(stage: Stage) -> None:
    with raw_controller() as ann:
        trader = stage.trader("--url", ann.url)
        unacked_leg_of_ann(ann)
        port = urlsplit(ann.url).port
    bob = stage.controller(*steady_market(stage.home), bind=f"127.0.0.1:{port}")
    bob.wait_for_paths("kalshi", "polymarket")
    bob.wait_for_trades(2)
    trader.wait_for_line("warning", "1 results wait for controller ann")
    assert bob.stop() == 0
    assert not [line for line in bob.lines if "adopted" in line]
    legs = [json.loads(line) for line in stage.arb("ledger", "legs", "--json").out.splitlines()]
    assert legs
    assert "ann-1" not in {leg["leg_id"] for leg in legs}
