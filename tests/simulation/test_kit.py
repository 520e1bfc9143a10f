"""The box as a kit: one's own venue adapter, one's own trader, both in a few lines, and held to the same invariants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.facts import TradeOver
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Side, Status
from protocol.units import CENT, Price, Quantity
from simulation.world.exchange_port import ExchangePort
from simulation.world.habits import CALM, Habit, Habits
from simulation.world.peer import Peer
from simulation.world.process import Surroundings
from simulation.world.scenario import Scenario, Shape
from simulation.world.world import World


class Careless(ExchangePort):
    """An adapter that reads a time-out as "not filled", as most do."""

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:
        def careless(outcome: Outcome) -> None:
            unknown = outcome.status is Status.UNKNOWN
            report(Outcome(leg_id=leg.leg_id, status=Status.UNFILLED) if unknown else outcome)

        super().place(leg, careless, blind=blind)


class Honest(ExchangePort):
    """An adapter of one's own that keeps what the port promises."""


LOSING_ANSWERS = Habits(rates={Habit.ERROR_AFTER: 0.3})


def test_a_careless_adapter_is_caught_and_an_honest_one_is_not() -> None:
    world = Scenario(seed=1, minutes=2, habits={KALSHI: LOSING_ANSWERS, POLYMARKET: CALM})
    found = World(world, port=Careless).run().violation
    assert found is not None
    assert found.invariant in {"proven", "2 fills agree"}
    assert World(world, port=Honest).run().violation is None


class Seed(Peer):
    """A trader of level 1, as the seed describes it, for one platform: executes at once, keeps no journal."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around, "seed")
        self.legs = 0

    def on_frame(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "init":
            self.write({"type": "init_ack", "success": True, "platforms": ["kalshi"], "error": None})
        elif frame["type"] == "ping":
            self.write({"type": "pong", "timestamp": frame["timestamp"]})
        elif frame["type"] == "execute_leg":
            self.legs += 1
            order = self.around.streets[KALSHI].exchange.arrive(leg(frame), self.name, self.kernel.now_us, Habit.PROMPT)
            filled = order.filled / 100
            price = order.cost / order.filled / 100 if order.filled else 0
            told = {"leg_id": frame["leg_id"], "platform": "kalshi", "success": True, "filled": filled}
            self.write({"type": "leg_result", **told, "avg_price": round(price, 4), "order_id": "o", "error": None})


def leg(frame: dict[str, Any]) -> Leg:
    return Leg(
        leg_id=LegId(frame["leg_id"]),
        trade_id=None,
        pair_id=None,
        market_id=0,
        platform=KALSHI,
        market=frame["kalshi_market_ticker"],
        action=Action(frame["action"]),
        side=Side(frame["side"]),
        limit=Price(round(frame["price"] * CENT)),
        quantity=Quantity(round(frame["contracts"] * 100)),
    )


def test_a_trader_of_ones_own_is_traded_with() -> None:
    world = World(Scenario(seed=3, minutes=3, shape=Shape.LOCAL_POLYMARKET), peers=[Seed])
    world.traders[0].controller = None  # the shape's own Kalshi trader stays away
    world.run()
    (seed,) = world.peers
    assert isinstance(seed, Seed)
    assert seed.legs > 3
    verdicts = [fact.state for fact in world.controller.ledger.facts if isinstance(fact, TradeOver)]
    assert "hedged" in verdicts


def test_a_peer_dies_and_comes_back_like_any_process() -> None:
    world = World(Scenario(seed=3, minutes=1, shape=Shape.LOCAL_POLYMARKET), peers=[Seed])
    (peer,) = world.peers
    peer.start()
    world.controller.start()
    world.kernel.run_until(5_000_000)
    assert peer.conn_id is not None
    peer.die()
    assert not peer.write({"type": "pong", "timestamp": 1})
    peer.start()
    world.kernel.run_until(10_000_000)
    assert (peer.epoch, peer.alive) == (2, True)
    assert peer.conn_id is not None
