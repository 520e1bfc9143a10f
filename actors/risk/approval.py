"""What is asked of risk before orders leave, and its answer. Nothing leaves without an :class:`Approval`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NoReturn

import msgspec

from market.opportunity import OpportunityLeg
from protocol.leg import Leg
from protocol.terms import Action, PairId, Platform, Side, TradeId
from protocol.units import Money, Price, Quantity


class Reason(StrEnum):
    """Why less was approved than was asked for, or nothing."""

    PER_PAIR = "the limit per pair"
    PER_EVENT = "the limit per event"
    PER_VENUE = "the limit per venue"
    TOTAL = "the limit in total"
    CASH = "the cash at the venue"
    NO_SHARD = "the shard of the market is not known"
    NO_RULES = "the trader does not know the market's rules yet"
    CONTRACTS = "the limit on contracts of a leg"
    IN_FLIGHT = "the limit on trades in flight"
    ORDER_RATE = "the limit on orders a second"
    TOO_SMALL = "below what the venues accept"
    NOT_HELD = "more would be sold than is held"
    STATE = "the state allows no new trade"
    SET_ASIDE = "the pair is set aside"


class ProposedLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One order as it would be sent: ``quantity`` contracts at ``limit`` or better."""

    platform: Platform
    market: str
    side: Side
    limit: Price
    quantity: Quantity
    action: Action = Action.BUY


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A trade before anything of it was sent: ``quantity`` contracts in every slot, its legs buying each that much.

    A leg whose quantity is lower than that takes in dust which is held already; what is approved keeps the difference.
    """

    trade_id: TradeId
    pair_id: PairId
    quantity: Quantity
    legs: tuple[ProposedLeg, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is approved. ``text`` has the numbers; ``what`` names the scope, venue or pair that it is about."""

    reason: Reason
    what: str
    text: str


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """Less is approved than was asked for, and why."""

    reason: Reason
    what: str
    text: str


class NotApproved(Exception):
    """Something was about to leave that no approval covers: a bug, not an outcome."""


_MINT: Final = object()


class Approval:
    """So many contracts of these legs may leave, each once; the money for all of them is reserved.

    Only :func:`mint` makes one, and only the risk module has that. It cannot be changed, copied or pickled; the book of
    money knows each by its identity, so that one made around all this opens nothing.
    """

    __slots__ = ("cap", "legs", "money", "pair_id", "quantity", "trade_id")

    trade_id: TradeId
    pair_id: PairId
    quantity: Quantity
    legs: tuple[ProposedLeg, ...]
    money: Money
    cap: Cap | None

    def __init__(self, proof: object, proposal: Proposal, money: Money, cap: Cap | None) -> None:
        if proof is not _MINT:
            raise NotApproved("an approval is made by risk alone: ask it")
        for name, value in (
            ("trade_id", proposal.trade_id),
            ("pair_id", proposal.pair_id),
            ("quantity", proposal.quantity),
            ("legs", proposal.legs),
            ("money", money),
            ("cap", cap),
        ):
            object.__setattr__(self, name, value)

    def at_most(self, plan: OpportunityLeg, quantity: Quantity) -> Quantity:
        """So many contracts of this leg, or as many as are approved where a venue filled more of another than asked."""
        key = (plan.platform, plan.market, plan.side)
        approved = [leg.quantity for leg in self.legs if (leg.platform, leg.market, leg.side) == key]
        return min(quantity, *approved)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an approval cannot be changed ({name})")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an approval cannot be changed ({name})")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise NotApproved("an approval cannot be copied")

    def __repr__(self) -> str:
        return f"Approval({self.trade_id}, {self.quantity}, {self.money})"


def mint(proposal: Proposal, money: Money, cap: Cap | None) -> Approval:
    """For the book of money alone (a test holds that nobody else imports this)."""
    return Approval(_MINT, proposal, money, cap)


def covers(line: ProposedLeg, leg: Leg) -> bool:
    """Whether the order is the approved one: the same instrument and direction, no more, at no worse a limit."""
    same = (line.platform, line.market, line.side, line.action) == (leg.platform, leg.market, leg.side, leg.action)
    no_worse = leg.limit <= line.limit if leg.action is Action.BUY else leg.limit >= line.limit
    return same and no_worse and 0 < leg.quantity <= line.quantity
