"""Short ways to say books, arbs, legs and frames in the tests of actors: cents, contracts, dollars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from actors.base import Address
from actors.messages import LegReported, Note, OpportunitySeen
from market.events import FeedBatch
from market.opportunity import ArbType, Opportunity, OpportunityLeg
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import USD, Money, Price, Quantity, notional
from simulation.boxes import Box, ControllerBox, TraderBox
from simulation.doubles import Inbox, InboxSetup
from tests.market.builders import NO, TICKER, YES, Number, cents, contracts, kalshi, poly

LEVEL_2: dict[str, Any] = {"protocol": 2, "controller_id": "c", "session_id": "c-1"}
"""What a controller of level 2 adds to its `init`."""

SEED_FIELDS = ["type", "leg_id", "platform", "success", "filled", "avg_price", "order_id", "error"]
"""A `leg_result` as the seed has it, and nothing else."""

Plan = tuple[Platform, str, Side, Number]
"""Platform, instrument, side and limit in cents of one planned leg."""

KALSHI_YES: Plan = (KALSHI, TICKER, Side.YES, 45)
KALSHI_NO: Plan = (KALSHI, TICKER, Side.NO, 45)
POLY_YES: Plan = (POLYMARKET, YES, Side.YES, 45)
POLY_NO: Plan = (POLYMARKET, NO, Side.NO, 45)

BOOKS: Mapping[ArbType, tuple[FeedBatch, ...]] = {
    ArbType.KALSHI_YES_POLY_NO: (kalshi([(40, 10)], [(45, 10)]), poly(NO, [(40, 10)], [(45, 10)])),
    ArbType.POLY_YES_KALSHI_NO: (kalshi([(55, 10)], [(60, 10)]), poly(YES, [(40, 10)], [(45, 10)])),
    ArbType.POLY_ONLY: (poly(YES, [(40, 10)], [(45, 10)]), poly(NO, [(40, 10)], [(45, 10)])),
    ArbType.KALSHI_ONLY: (kalshi([(55, 10)], [(45, 10)]),),
}
"""Books that hold exactly this arb: 10 contracts of each leg at 45 cents, 10 cents of edge each."""

ARB = BOOKS[ArbType.KALSHI_YES_POLY_NO]


def arb(*plans: Plan, pair_id: str = "pair_0", size: Number = 10, version: int = 1) -> Opportunity:
    """An arb with these legs, as the scanner would have found it."""
    quantity = contracts(size)
    legs = tuple(
        OpportunityLeg(
            platform=platform,
            market=market + pair_id.removeprefix("pair_0").replace("pair_", "-"),
            action=Action.BUY,
            side=side,
            limit=cents(limit),
            cost=notional(cents(limit), quantity),
            fees=Money(0),
            book_version=version,
        )
        for platform, market, side, limit in plans or (KALSHI_YES, POLY_NO)
    )
    cost = Money(sum(leg.cost for leg in legs))
    return Opportunity(
        pair_id=PairId(pair_id),
        market_id=7,
        arb_type=ArbType.KALSHI_YES_POLY_NO,
        quantity=quantity,
        legs=legs,
        cost=cost,
        fees=Money(0),
        edge=Money(quantity * USD // 100 - cost),
        t=1,
        description="a test",
    )


def offer(box: ControllerBox, *plans: Plan, **more: Any) -> None:
    """The executor hears of an arb, without a scanner in between."""
    box.tell("executor", OpportunitySeen(arb(*plans, **more)))


def a_leg(leg_id: str = "l1", **fields: Any) -> Leg:
    """One order: 10 YES at 52 cents on Kalshi, unless said otherwise."""
    values: dict[str, Any] = {
        "leg_id": LegId(leg_id),
        "trade_id": TradeId("t1"),
        "pair_id": PairId("pair_0"),
        "market_id": 7,
        "platform": KALSHI,
        "market": TICKER,
        "action": Action.BUY,
        "side": Side.YES,
        "limit": Price(5_200),
        "quantity": Quantity(1_000),
    }
    return Leg(**values | fields)


def outcome(leg_id: str, status: Status = Status.FILLED, filled: Number = 0, **fields: Any) -> Outcome:
    """What became of a leg; its cost is 45 cents a contract unless said otherwise."""
    quantity = contracts(filled)
    values: dict[str, Any] = {"cost": notional(cents(45), quantity), "final": status.proven}
    return Outcome(leg_id=LegId(leg_id), status=status, filled=quantity, **values | fields)


def report(box: ControllerBox, leg_id: str, status: Status = Status.FILLED, filled: Number = 0, **fields: Any) -> None:
    """The executor hears what became of a leg."""
    box.tell("executor", LegReported(outcome(leg_id, status, filled, **fields)))


def trades(box: ControllerBox) -> dict[str, dict[str, Any]]:
    """The recent trades of the status, by id."""
    return {trade["trade_id"]: trade for trade in box.status()["recent_trades"]}


def states(box: ControllerBox) -> list[str]:
    """The states of the recent trades, oldest first."""
    return [trade["state"] for trade in box.status()["recent_trades"]]


def order(leg_id: str = "l1", **fields: Any) -> dict[str, Any]:
    """An `execute_leg` frame: buy 10 YES at 52 cents on Kalshi, unless said otherwise."""
    values = {
        "type": "execute_leg",
        "market_id": 7,
        "leg_id": leg_id,
        "platform": "kalshi",
        "action": "buy",
        "side": "yes",
        "price": 52,
        "contracts": 10,
        "kalshi_market_ticker": TICKER,
        "pair_id": "pair_0",
    }
    return values | fields


def book(
    bids: Iterable[tuple[Number, Number]], asks: Iterable[tuple[Number, Number]], *, seq: int = 1, **fields: Any
) -> dict[str, Any]:
    """A `book` frame of the Kalshi market, without fees unless said otherwise."""
    values = {
        "type": "book",
        "platform": "kalshi",
        "market": TICKER,
        "side": "yes",
        "bids": [list(level) for level in bids],
        "asks": [list(level) for level in asks],
        "t": 1,
        "seq": seq,
        "fee_rate": "0",
        "fee_exponent": 1,
    }
    return values | fields


def result(leg_id: str, **fields: Any) -> dict[str, Any]:
    """A `leg_result` frame as the seed has it: filled whole at 45 cents."""
    values = {
        "type": "leg_result",
        "leg_id": leg_id,
        "platform": "kalshi",
        "success": True,
        "filled": 10,
        "avg_price": 45,
        "order_id": f"o-{leg_id}",
        "error": None,
    }
    return values | fields


def results(box: Box, conn_id: int = 1) -> list[dict[str, Any]]:
    """The results that were written to a connection."""
    return box.frames(conn_id, "leg_result")


def only_result(box: Box, conn_id: int = 1) -> dict[str, Any]:
    """The one result that was written to a connection."""
    (told,) = results(box, conn_id)
    return told


def texts(box: Box, component: str | None = None) -> list[str]:
    """What was logged, in order; under one prefix only where it is named."""
    return [note.text for note in box.memory.notes if isinstance(note, Note) and component in {None, note.component}]


def dollars(value: object) -> Decimal:
    """A status document's amount, exactly."""
    return Decimal(str(value))


class Burst(msgspec.Struct, frozen=True):
    """To a burster: send all of these there, in one turn."""

    to: Address
    messages: tuple[object, ...]


class Burster(Inbox):
    """An inbox that can send several messages before any of them is looked at."""

    def receiveMessage(self, message: object, sender: Address) -> None:  # noqa: N802 -- thespian's name
        """Send a burst; everything else as an inbox does."""
        if not isinstance(message, Burst):
            super().receiveMessage(message, sender)
            return
        for one in message.messages:
            self.send(message.to, one)


def burst(box: TraderBox, *messages: object) -> list[Any]:
    """Have the trader find all of these in its queue at once; what it answers appears in the list."""
    received: list[Any] = []
    burster = box.host.system.createActor(Burster)
    box.host.tell(burster, InboxSetup(received))
    box.host.tell(burster, Burst(box.address("trader"), messages))
    return received


def never(_leg: Leg) -> Outcome | None:
    """A trader or venue that does not answer."""
    return None


def fills(amounts: Mapping[Side, Number]) -> Callable[[Leg], Outcome | None]:
    """A trader that fills so many contracts of each side, at the limit."""

    def answer(leg: Leg) -> Outcome:
        done = contracts(amounts[leg.side])
        status = Status.FILLED if done >= leg.quantity else (Status.PARTIAL if done else Status.UNFILLED)
        return Outcome(leg_id=leg.leg_id, status=status, filled=done, cost=notional(leg.limit, done))

    return answer
