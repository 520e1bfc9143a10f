"""An arbitrage as found: what to buy where, how much, and what is left after both venues' fees."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from protocol.terms import Action, PairId, Platform, Side
from protocol.units import Money, Price, Quantity


class ArbType(StrEnum):
    """Which venue gives the YES contract and which the NO."""

    POLY_YES_KALSHI_NO = "poly_yes_kalshi_no"
    KALSHI_YES_POLY_NO = "kalshi_yes_poly_no"
    POLY_ONLY = "poly_only"
    KALSHI_ONLY = "kalshi_only"


class OpportunityLeg(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order of the arb: ``limit`` is the worst level it needs; ``cost`` what the walk down the book pays.

    ``market`` is the venue's instrument (Kalshi ticker or Polymarket token); ``book_version`` the version of the
    book that was walked, so that our own fills can be taken out of exactly that book.
    """

    platform: Platform
    market: str
    action: Action
    side: Side
    limit: Price
    cost: Money
    fees: Money
    book_version: int


class Opportunity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``quantity`` contracts of every leg pay ``quantity x $1`` for ``cost + fees``; ``edge`` is what remains.

    ``t`` is the market data's time (unix microseconds) at which it was seen.
    """

    pair_id: PairId
    market_id: int
    arb_type: ArbType
    quantity: Quantity
    legs: tuple[OpportunityLeg, ...]
    cost: Money
    fees: Money
    edge: Money
    t: int
    description: str = ""

    def leg(self, side: Side) -> OpportunityLeg:
        """The leg that buys this outcome."""
        return next(leg for leg in self.legs if leg.side is side)
