"""Random fills, losses, cuts and restarts over the pipe: at rest the ledger says what the venues did, exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.facts import ResultSeen
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, LegId, Platform, Status
from protocol.units import Quantity, notional
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from simulation.memory import MemoryJournal, MemoryLedger
from simulation.pipe import Pipe, Wire
from tests.actors.kit import offer
from tests.market.builders import NO, YES, kalshi, pair, poly

SECOND = 1_000_000

BOOKS = (
    kalshi([(40, 50)], [(45, 50)]),
    poly(YES, [(40, 50)], [(45, 50)]),
    poly(NO, [(40, 50)], [(45, 50)]),
)


@dataclass
class Venue:
    """A venue account that fills by the dice, forgets nothing, and may keep its answer to itself."""

    platform: Platform
    dice: list[int]
    books: dict[LegId, Outcome] = field(default_factory=dict)
    seen: Counter[LegId] = field(default_factory=Counter)

    def port(self) -> ScriptedVenue:
        """The account as one trader process reaches it."""
        return ScriptedVenue(self.platform, script=self.place, knows=lambda leg: self.books.get(leg.leg_id))

    def place(self, leg: Leg) -> Outcome | None:
        roll = self.dice.pop() if self.dice else 0
        self.seen[leg.leg_id] += 1
        done = Quantity((leg.quantity, 0, leg.quantity // 2, leg.quantity // 2)[roll % 4])
        status = Status.FILLED if done == leg.quantity else (Status.PARTIAL if done else Status.UNFILLED)
        said = Outcome(leg_id=leg.leg_id, status=status, filled=done, cost=notional(leg.limit, done))
        self.books[leg.leg_id] = said
        # One answer in four never comes: the trader must ask.
        return None if roll >= 12 else said


class World:
    """A controller that may restart, two traders of the same accounts that may too, wires that may be cut."""

    def __init__(self, dice: list[int]) -> None:
        self.venues = {platform: Venue(platform, dice) for platform in (KALSHI, POLYMARKET)}
        self.journals = {name: MemoryJournal() for name in ("lisbon", "oslo")}
        self.ledger = MemoryLedger()
        self.ids = 0
        self.moment = 0
        self.begin()

    def begin(self) -> None:
        """Start all processes on what is durable."""
        self.controller = ControllerBox([pair()], dry_run=False, ledger=self.ledger)
        self.controller.ids.count = self.ids
        self.controller.clock.start_unix_us += self.moment
        self.pipe = Pipe(self.controller)
        self.traders = {name: self.trader(name) for name in self.journals}
        self.wires: dict[str, Wire] = {name: self.pipe.join(box) for name, box in self.traders.items()}
        self.controller.feed(*BOOKS)

    def trader(self, name: str) -> TraderBox:
        """A process on its journal."""
        ports = {platform: venue.port() for platform, venue in self.venues.items()}
        box = TraderBox(dry_run=False, live=ports, trader_id=name, journal=self.journals[name])
        box.clock.start_unix_us += self.moment
        return box

    def end(self) -> None:
        """All processes die; what was not durable in the ledger is lost."""
        self.ids = self.controller.ids.count + 1
        self.moment += self.controller.clock.now_us + 10 * SECOND
        self.ledger.waiting.clear()
        self.ledger.held = False
        for box in (self.controller, *self.traders.values()):
            box.close()

    def do(self, what: str) -> None:
        """One thing happens."""
        match what.split():
            case ["offer"]:
                offer(self.controller)
            case ["pump"]:
                self.pipe.pump()
            case ["wait"]:
                self.pipe.advance(SECOND)
            case ["hold"]:
                self.ledger.held = True
            case ["lose", way, name]:
                wire = self.wires[name]
                wire.lose_to_controller = wire.lose_to_controller or way == "results"
                wire.lose_to_trader = wire.lose_to_trader or way == "orders"
            case ["cut", name]:
                self.pipe.cut(self.wires[name])
                self.wires[name] = self.pipe.join(self.traders[name])
            case ["crash"]:
                self.end()
                self.begin()
            case _:
                raise AssertionError(f"no such thing happens: {what}")

    def rest(self) -> None:
        """Whole wires, and time."""
        self.ledger.release()
        for name in self.journals:
            self.do(f"cut {name}")
        self.pipe.advance(40 * SECOND, step_us=SECOND)
        for t in range(2, 8):
            self.controller.feed(kalshi([(40, 50)], [(45, 50)], t=t), poly(NO, [(40, 50)], [(45, 50)], t=t))
            self.pipe.advance(2 * SECOND, step_us=SECOND)
        self.pipe.advance(60 * SECOND, step_us=SECOND)


THINGS = st.sampled_from(
    [
        "offer",
        "offer",
        "pump",
        "wait",
        "hold",
        "crash",
        *(f"lose {way} {name}" for way in ("orders", "results") for name in ("lisbon", "oslo")),
        *(f"cut {name}" for name in ("lisbon", "oslo")),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 15), max_size=12), st.lists(THINGS, max_size=14))
def test_at_rest_the_ledger_equals_the_venues_and_nothing_naked_is_unflagged(
    dice: list[int], things: list[str]
) -> None:
    world = World(dice)
    try:
        for what in things:
            world.do(what)
        world.rest()
        check(world)
    finally:
        world.end()


def check(world: World) -> None:
    """Every order once; every fill in the ledger; every trade over, or flagged."""
    known: dict[LegId, Outcome] = {}
    revisions: Counter[tuple[LegId, int]] = Counter()
    for fact in world.ledger.facts:
        if isinstance(fact, ResultSeen):
            revisions[fact.outcome.leg_id, fact.outcome.revision] += 1
            before = known.get(fact.outcome.leg_id)
            if before is None or fact.outcome.revision > before.revision:
                known[fact.outcome.leg_id] = fact.outcome
    for venue in world.venues.values():
        assert all(times == 1 for times in venue.seen.values()), venue.seen
        for leg_id, really in venue.books.items():
            assert leg_id in known, leg_id
            assert (known[leg_id].filled, known[leg_id].cost) == (really.filled, really.cost), leg_id
    placed = {leg_id for venue in world.venues.values() for leg_id in venue.books}
    assert {leg_id for leg_id, said in known.items() if said.filled} <= placed
    assert world.controller.status()["unknown"] == []
    for trade in world.controller.status()["recent_trades"]:
        assert trade["state"] in {"hedged", "flat", "dust", "naked", "aborted"}, trade
        # Dust that a later trade of the pair took in is no excess of its own any more.
        assert trade["state"] == "dust" or bool(trade["excess"]) is (trade["state"] == "naked"), trade
        assert trade["reason"] or trade["state"] != "naked"
