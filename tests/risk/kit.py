"""Short ways to say limits, terms, proposals and books of money in tests: dollars, cents, contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.risk.approval import Approval, Cap, Proposal, ProposedLeg, Refused
from actors.risk.limits import ALL, Kind, Limits, Scope
from actors.risk.reservation import MoneyBook
from actors.risk.terms import Account, Terms
from market.fees import FeeModel, KalshiFees, PolymarketFees
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import CENT, CONTRACT, USD, Money, Price, Quantity, money_from_dollars, notional

T0 = 1_767_787_200_000_000
"""7 January 2026, 12:00 UTC, in microseconds."""

SECOND = 1_000_000

EVENTS: Mapping[str, str] = {"pair_0": "game", "pair_1": "game"}
"""Two pairs of one game; every other pair is an event of its own."""

NO_FEES: Mapping[Platform, FeeModel] = {KALSHI: KalshiFees(0), POLYMARKET: PolymarketFees(0)}
FEES: Mapping[Platform, FeeModel] = {KALSHI: KalshiFees(70_000), POLYMARKET: PolymarketFees(70_000)}


def usd(dollars: str | int) -> Money:
    return money_from_dollars(dollars)


def cents(number: int) -> Price:
    return Price(number * CENT)


def contracts(number: int) -> Quantity:
    return Quantity(number * CONTRACT)


def total() -> Scope:
    return ALL


def pair(name: str = "pair_0") -> Scope:
    return Scope(Kind.PAIR, name)


def venue(platform: Platform) -> Scope:
    return Scope(Kind.VENUE, platform)


def event(name: str) -> Scope:
    return Scope(Kind.EVENT, name)


class Market:
    """Terms of every pair: whole contracts at whole cents, without fees unless said otherwise.

    Of ``pair_2`` the shard is known from the start.
    """

    def __init__(self, fees: Mapping[Platform, FeeModel] = NO_FEES, **fields: Any) -> None:
        self.fees, self.fields = fees, {"tick": CENT, "step": CONTRACT, **fields}

    def __call__(self, pair_id: PairId, platform: Platform) -> Terms:
        shard = "3" if platform == KALSHI and pair_id == "pair_2" else ""
        return Terms(
            event=EVENTS.get(pair_id, pair_id),
            account=Account(platform, shard),
            market=f"{pair_id}-market" if platform == KALSHI else "",
            fees=self.fees[platform],
            **self.fields,
        )


def a_leg(
    platform: Platform = KALSHI,
    price: int = 45,
    size: int = 10,
    action: Action = Action.BUY,
    side: Side | None = None,
) -> ProposedLeg:
    """An order: on Kalshi for YES, on Polymarket for NO, unless said otherwise."""
    side = side or (Side.YES if platform == KALSHI else Side.NO)
    return ProposedLeg(
        platform=platform,
        market=f"{platform}-{side}",
        side=side,
        limit=cents(price),
        quantity=contracts(size),
        action=action,
    )


def arb(trade_id: str = "t1", pair_id: str = "pair_0", size: int = 10, kalshi: int = 45, poly: int = 45) -> Proposal:
    """YES on Kalshi and NO on Polymarket."""
    legs = (a_leg(KALSHI, kalshi, size), a_leg(POLYMARKET, poly, size))
    return Proposal(trade_id=TradeId(trade_id), pair_id=PairId(pair_id), quantity=contracts(size), legs=legs)


def closing(*legs: ProposedLeg, trade_id: str = "t1", pair_id: str = "pair_0") -> Proposal:
    return Proposal(trade_id=TradeId(trade_id), pair_id=PairId(pair_id), quantity=legs[0].quantity, legs=legs)


def order(approval: Approval | Proposal, index: int, leg_id: str | None = None) -> Leg:
    """One line of an approval as the order that leaves for it."""
    line = approval.legs[index]
    return Leg(
        leg_id=LegId(leg_id or f"{approval.trade_id}-{index}"),
        trade_id=approval.trade_id,
        pair_id=approval.pair_id,
        market_id=1,
        platform=line.platform,
        market=line.market,
        action=line.action,
        side=line.side,
        limit=line.limit,
        quantity=line.quantity,
    )


def filled(leg: Leg, size: int | None = None, fees: str = "0", **fields: Any) -> Outcome:
    """Filled at its limit: whole, or so many contracts."""
    quantity = leg.quantity if size is None else contracts(size)
    status = Status.FILLED if quantity >= leg.quantity else Status.PARTIAL if quantity else Status.UNFILLED
    values = {"cost": notional(leg.limit, quantity), "fees": usd(fees), "status": status, "revision": 1}
    return Outcome(leg_id=leg.leg_id, filled=quantity, **{**values, **fields})


def unknown(leg: Leg, **fields: Any) -> Outcome:
    return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, final=False, **fields)


def a_book(limits: Limits | None = None, market: Market | None = None, **fields: Any) -> MoneyBook:
    return MoneyBook(limits or Limits(**fields), market or Market())


def approved(answer: Approval | Refused) -> Approval:
    assert isinstance(answer, Approval), answer
    return answer


def refused(answer: Approval | Refused) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


def capped(answer: Approval | Refused) -> Cap:
    cap = approved(answer).cap
    assert cap is not None
    return cap


def send(book: MoneyBook, approval: Approval, now_us: int = T0) -> list[Leg]:
    """All orders of an approval leave."""
    legs = [order(approval, index) for index in range(len(approval.legs))]
    book.sent(approval, legs, now_us)
    return legs


def trade(book: MoneyBook, trade_id: str = "t1", **fields: Any) -> list[Leg]:
    """Approve an arb and send it."""
    return send(book, approved(book.approve(arb(trade_id, **fields), T0)))


def dollars(number: int) -> Money:
    return Money(number * USD)
