"""What is asked of risk before orders leave, made from an opportunity or from the legs that close an excess. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from actors.risk.approval import Proposal, ProposedLeg
from actors.risk.exposure import PAYOUT
from actors.risk.terms import TermsOf
from actors.trade import Holding, SlotKey, Trade
from market.opportunity import Opportunity, OpportunityLeg
from protocol.terms import TradeId
from protocol.units import Money, Quantity


def opening_proposal(trade_id: TradeId, seen: Opportunity, carried: Mapping[SlotKey, Holding]) -> Proposal:
    """A new trade: every leg buys the trade's quantity, less the dust that it takes in."""
    return Proposal(
        trade_id=trade_id,
        pair_id=seen.pair_id,
        quantity=seen.quantity,
        legs=tuple(_line(plan, Quantity(seen.quantity - _dust(plan, carried))) for plan in seen.legs),
    )


def closing_proposal(trade: Trade, chosen: Sequence[tuple[OpportunityLeg, Quantity]]) -> Proposal:
    """Orders that close an excess of the trade."""
    return Proposal(
        trade_id=trade.trade_id,
        pair_id=trade.opportunity.pair_id,
        quantity=Quantity(max(quantity for _, quantity in chosen)),
        legs=tuple(_line(plan, quantity) for plan, quantity in chosen),
    )


def smaller(seen: Opportunity, quantity: Quantity, terms: TermsOf) -> Opportunity | None:
    """The same arb of fewer contracts; None where the fees would eat what it brings.

    The best levels are taken first, and price plus fee rises with the price: the first part of a walk costs no more a
    contract than the whole of it, but for what the venue rounds up, and that is added in full.
    """
    if quantity == seen.quantity:
        return seen
    legs = tuple(_part(leg, quantity, seen, terms) for leg in seen.legs)
    cost, fees = sum(leg.cost for leg in legs), sum(leg.fees for leg in legs)
    edge = quantity * PAYOUT - cost - fees
    if edge <= 0:
        return None
    return msgspec.structs.replace(
        seen, quantity=quantity, legs=legs, cost=Money(cost), fees=Money(fees), edge=Money(edge)
    )


def _part(leg: OpportunityLeg, quantity: Quantity, seen: Opportunity, terms: TermsOf) -> OpportunityLeg:
    fees = -(-leg.fees * quantity // seen.quantity) + terms(seen.pair_id, leg.platform).rounding
    return msgspec.structs.replace(leg, cost=Money(-(-leg.cost * quantity // seen.quantity)), fees=Money(fees))


def _dust(plan: OpportunityLeg, carried: Mapping[SlotKey, Holding]) -> Quantity:
    held = carried.get((plan.platform, plan.market, plan.side))
    return Quantity(0) if held is None else held.contracts


def _line(plan: OpportunityLeg, quantity: Quantity) -> ProposedLeg:
    return ProposedLeg(
        platform=plan.platform,
        market=plan.market,
        side=plan.side,
        limit=plan.limit,
        quantity=quantity,
        action=plan.action,
    )
