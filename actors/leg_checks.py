"""What a trader refuses, whoever asks: its own protections, as one pure function. The first reason found is told."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import BUY, Action, Platform, Status
from protocol.units import DOLLAR, Money, Price, Quantity, notional, show_money


class TraderRules(msgspec.Struct, frozen=True):
    """The trader's own limits; no controller can change them."""

    platforms: frozenset[Platform]
    max_leg_notional: Money


class Refusal(NamedTuple):
    """What is against an order, in a word or two to be counted by, and the outcome that says it in full."""

    what: str
    outcome: Outcome


def refusal(leg: Leg, rules: TraderRules, agreed: frozenset[Platform] | None, now_ms: int) -> Refusal | None:
    """Why this leg is not executed, the outcome naming the field; None when nothing is against it.

    ``agreed`` are the platforms of the hello, None before it. Nothing of a refused leg reaches a venue.
    """
    if agreed is None:
        return _rejected("no hello", leg, "no init received yet: no leg is executed before the hello")
    if leg.platform not in rules.platforms or leg.platform not in agreed:
        mine = ", ".join(sorted(rules.platforms & agreed)) or "nothing"
        return _rejected(
            "platform", leg, f"platform: {leg.platform} is not executed here (this trader executes {mine})"
        )
    if not leg.market:
        field = "kalshi_market_ticker" if leg.platform == "kalshi" else "poly_token"
        return _rejected("no market", leg, f"{field}: missing, so the market of this leg is not known")
    if not 0 < leg.limit < DOLLAR:
        return _rejected("price", leg, "price: must be above 0 and below 100 cents")
    if leg.quantity <= 0:
        return _rejected("contracts", leg, "contracts: must be above 0")
    if leg.expires_at_ms is not None and now_ms >= leg.expires_at_ms:
        late = now_ms - leg.expires_at_ms
        error = f"expires_at_ms: arrived {late} ms too late"
        return Refusal("expired", Outcome(leg_id=leg.leg_id, status=Status.EXPIRED, error=error))
    at_risk = exposure(leg.action, leg.limit, leg.quantity)
    if at_risk > rules.max_leg_notional:
        limit = show_money(rules.max_leg_notional)
        why = f"contracts: {show_money(at_risk)} is above this trader's max_leg_notional of {limit}"
        return _rejected("notional per leg", leg, why)
    return None


def exposure(action: Action, limit: Price, quantity: Quantity) -> Money:
    """The most that this order can lose, without fees: a buy its price, a sell the dollar less its price.

    A sell of what is not held is a buy of the other side, and a sell of what is held gives away a contract that may
    pay the dollar: either way a low limit risks more, not less.
    """
    return notional(limit if action is BUY else Price(DOLLAR - limit), quantity)


def _rejected(what: str, leg: Leg, reason: str) -> Refusal:
    return Refusal(what, Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=reason))
