"""A trader that only reduces opens nothing, and is still where an excess is sold."""

from __future__ import annotations

import pytest

from actors.trader_messages import HaltTrader, ResumeTrader
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, Status
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue, filled
from simulation.pipe import Pipe
from tests.actors.kit import ARB, never, states, trades
from tests.market.builders import NO, contracts, kalshi, pair, poly


def refuses_buys(leg: Leg) -> Outcome:
    nothing = Outcome(leg_id=leg.leg_id, status=Status.UNFILLED)
    return nothing if leg.action is Action.BUY else filled(leg)


class Scene:
    """Kalshi's leg fills and Polymarket's answer waits: told that nothing filled, the trade has an excess of YES."""

    def __init__(self, *, other: bool = False) -> None:
        self.kalshi = ScriptedVenue(KALSHI, script=filled)
        self.poly = ScriptedVenue(POLYMARKET, script=never)
        self.holder = TraderBox((KALSHI,), dry_run=False, trader_id="k", live={KALSHI: self.kalshi})
        self.buyer = TraderBox((POLYMARKET,), dry_run=False, trader_id="p", live={POLYMARKET: self.poly})
        self.world = Pipe(ControllerBox([pair(0), pair(1)], dry_run=False))
        self.wires = [self.world.join(self.holder), self.world.join(self.buyer)]
        self.second = ScriptedVenue(KALSHI, script=filled)
        if other:
            box = TraderBox((KALSHI,), dry_run=False, trader_id="k2", live={KALSHI: self.second})
            self.wires.append(self.world.join(box))
        self.world.controller.feed(*ARB)
        self.world.pump()
        assert [leg.action for leg in self.kalshi.placed] == [Action.BUY]

    def reduce(self, box: TraderBox) -> None:
        box.tell("trader", HaltTrader("enough", everything=False))
        self.world.pump()

    def excess(self) -> None:
        """Polymarket's leg comes to nothing; completing would cost more than selling."""
        self.world.controller.feed(poly(NO, [(40, 10)], [(70, 10)], t=2))
        self.poly.script = refuses_buys
        self.poly.answer(Outcome(leg_id=self.poly.placed[0].leg_id, status=Status.UNFILLED))
        self.world.pump()
        self.world.controller.feed(kalshi([(40, 10)], [(45, 10)], t=3))
        self.world.pump()


def test_what_a_reducing_trader_holds_is_sold_by_it_and_nothing_new_goes_there() -> None:
    scene = Scene()
    scene.reduce(scene.holder)
    scene.excess()
    assert [leg.action for leg in scene.kalshi.placed] == [Action.BUY, Action.SELL]
    assert states(scene.world.controller) == ["flat"]
    status = scene.world.controller.status()
    assert status["paths"][KALSHI] == "remote: k (sells only)"
    scene.world.controller.feed(*ARB)
    scene.world.pump()
    assert len(scene.kalshi.placed) == 2
    assert scene.holder.status()["traders"][0]["state"] == "reducing"
    assert any("no execution path for kalshi" in reason for reason in scene.world.controller.status()["aborted"])


def test_where_only_buying_there_would_be_cheaper_the_excess_is_sold_elsewhere() -> None:
    scene = Scene()
    scene.reduce(scene.buyer)
    # Completing on Polymarket costs nothing beyond what was planned, and its trader buys no more.
    scene.poly.answer(Outcome(leg_id=scene.poly.placed[0].leg_id, status=Status.UNFILLED))
    scene.world.pump()
    scene.world.controller.feed(poly(NO, [(40, 10)], [(45, 10)], t=2), kalshi([(40, 10)], [(45, 10)], t=2))
    scene.world.pump()
    assert len(scene.poly.placed) == 1
    assert [leg.action for leg in scene.kalshi.placed] == [Action.BUY, Action.SELL]
    assert states(scene.world.controller) == ["flat"]


def test_halted_whole_it_is_no_path_for_sales_either_until_it_reduces() -> None:
    scene = Scene()
    scene.holder.tell("trader", HaltTrader("a fire", everything=True))
    scene.world.pump()
    scene.excess()
    assert [leg.action for leg in scene.kalshi.placed] == [Action.BUY]
    (trade,) = trades(scene.world.controller).values()
    assert (trade["state"], trade["reason"]) == ("naked", "no execution path for kalshi")
    scene.reduce(scene.holder)
    assert [leg.action for leg in scene.kalshi.placed] == [Action.BUY, Action.SELL], "it is looked at again at once"


@pytest.mark.parametrize("back", [False, True])
def test_a_trader_that_takes_all_legs_goes_before_one_that_reduces(back: bool) -> None:
    scene = Scene(other=True)
    scene.reduce(scene.holder)
    if back:
        scene.holder.tell("trader", ResumeTrader("again"))
        scene.world.pump()
    assert scene.world.controller.status()["paths"][KALSHI] == "remote: k2"
    scene.excess()
    assert [leg.action for leg in scene.second.placed] == [Action.SELL]
    assert contracts(10) == scene.second.placed[0].quantity


def test_a_level_1_wire_says_nothing_of_it_and_a_status_with_halted_alone_is_no_path() -> None:
    with ControllerBox([pair(0)], dry_run=False) as box:
        box.say_hello(1, protocol=2, trader_id="an older one")
        box.receive(1, {"type": "status", "platforms": ["kalshi", "polymarket"], "halted": True})
        assert box.status()["paths"] == {}
        box.receive(1, {"type": "status", "platforms": ["kalshi", "polymarket"], "halted": True, "reducing": True})
        assert set(box.status()["paths"]) == {KALSHI, POLYMARKET}
