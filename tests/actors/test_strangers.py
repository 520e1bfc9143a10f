"""Orders and questions of others under our ids, or through our traders: what they may not become."""

from __future__ import annotations

from typing import Any

import pytest

from actors.leg_orders import MAX_REVISION
from actors.messages import LegOrder, LegReported, LegsNotSent, SendLegs
from protocol.leg import Leg
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Platform, Side, Status
from protocol.units import Price, Quantity
from protocol.wire import MAX_INT
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import Say, ScriptedVenue, filled, inbox
from simulation.memory import MemoryLedger
from tests.actors.kit import a_leg, order, outcome, results, states
from tests.fact_kit import opened, sent
from tests.market.builders import NO, TICKER, YES, pair
from tests.risk_kit import approved
from transport.ids import BootIds


def started(facts: list[Any]) -> ControllerBox:
    """A controller that finds these facts in its ledger."""
    box = ControllerBox([pair(0)], dry_run=False, ledger=MemoryLedger(facts))
    box.ids.count = 100
    return box


def told(leg: Leg) -> LegReported:
    """A trader says that this was filled."""
    return LegReported(outcome(leg.leg_id, Status.FILLED, 10), None, "lisbon", leg)


# -- another order under our id --------------------------------------------------------------------------------------


def test_what_another_order_under_our_id_has_filled_is_not_ours() -> None:
    facts = [opened(), sent("t1-1", market=TICKER), sent("t1-2", platform=POLYMARKET, market=NO, side=Side.NO)]
    with started(facts) as box:
        ours = Leg(
            leg_id=LegId("t1-1"),
            trade_id=None,
            pair_id=None,
            market_id=0,
            platform=KALSHI,
            market="KXOTHER",
            action=Action.BUY,
            side=Side.YES,
            limit=Price(5_200),
            quantity=Quantity(1_000),
        )
        box.tell("executor", told(ours))
        assert box.notes("has another order under this id, which is not ours")
        legs = {leg["leg_id"]: leg for leg in box.status()["recent_trades"][0]["legs"]}
        assert (legs["t1-1"]["status"], legs["t1-1"]["filled"]) == ("rejected", 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": Action.SELL},
        {"market": "KXOTHER"},
        {"platform": Platform("nasdaq")},
        {"platform": POLYMARKET, "market": YES, "side": Side.NO},
        {"leg_id": LegId("t1-2")},
    ],
)
def test_an_order_that_no_trade_of_ours_can_have_is_not_taken_in(fields: dict[str, Any]) -> None:
    with started([]) as box:
        box.tell("executor", told(a_leg(**{"leg_id": "t1-1"} | fields)))
        assert box.notes("tells of an order that no trade of ours can have")
        assert states(box) == []


def test_an_id_of_this_very_start_is_not_one_that_left_before_a_crash() -> None:
    ids = BootIds("ctl", 7, 1_000)
    assert ids.of_this_start(ids.leg_id(ids.trade_id(), 0))
    for other in (BootIds("ctl", 6, 1_000), BootIds("bob", 7, 1_000)):
        assert not other.of_this_start(ids.leg_id(ids.trade_id(), 0))


# -- the trader that a leg is meant for ------------------------------------------------------------------------------


def test_a_leg_goes_to_the_trader_that_it_is_written_down_for_or_to_none() -> None:
    with ControllerBox([pair(0)], dry_run=False) as box:
        box.say_hello(1, [KALSHI], protocol=2, trader_id="lisbon")
        box.say_hello(2, [KALSHI], protocol=2, trader_id="porto")
        asker, answers = inbox(box.host)
        for conn_id, leg_id in ((2, "l1"), (3, "l2")):
            leg = a_leg(leg_id)
            message = SendLegs((LegOrder(leg, conn_id=conn_id),), approved([leg]))
            box.host.tell(asker, Say(box.address("router"), message))
        assert [frame["leg_id"] for frame in box.frames(2, "execute_leg")] == ["l1"]
        assert box.frames(1, "execute_leg") == []
        assert answers == [LegsNotSent((LegId("l2"),), "no trader for kalshi")]


# -- a stranger's question -------------------------------------------------------------------------------------------


def ask(leg_id: str, **fields: Any) -> dict[str, Any]:
    return order(leg_id) | {"type": "leg_query", "trader_id": "somebody"} | fields


def test_a_question_that_claims_the_last_revision_leaves_room_for_the_answer(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    venue.knows = filled
    live.receive(1, ask("l9", revision=MAX_INT))
    live.pass_time(20)
    assert [told["revision"] for told in results(live)] == [MAX_REVISION + 1]


def test_what_was_found_out_for_a_stranger_is_not_the_answer_to_another_question(
    live: TraderBox, venue: ScriptedVenue
) -> None:
    venue.knows = lambda leg: filled(leg) if leg.market == TICKER else None
    for market in ("KXOTHER", TICKER):
        live.receive(1, ask("l9", kalshi_market_ticker=market))
        live.pass_time(12)
    assert [told["status"] for told in results(live)][-1] == "filled"
    assert {(told["kalshi_market_ticker"], told["status"]) for told in results(live)} == {
        ("KXOTHER", "unfilled"),
        (TICKER, "filled"),
    }


# -- clocks ----------------------------------------------------------------------------------------------------------


def test_the_controller_is_told_once_when_the_clocks_are_found_apart(live: TraderBox) -> None:
    before = len(live.frames(1, "status"))
    now = live.clock.unix_us()
    for ahead in (700_000, 700_000, 750_000):
        live.receive(1, {"type": "pong", "timestamp": 0, "sent_us": now, "at_us": now + ahead})
        live.pass_time(0.001)
        now = live.clock.unix_us()
    assert [frame["clock_offset_ms"] for frame in live.frames(1, "status")[before:]] == [700]
