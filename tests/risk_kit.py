"""Approvals for tests: made by a real book of money, as there is no other way."""

from __future__ import annotations

from collections.abc import Sequence

from actors.risk.approval import Approval, Proposal, ProposedLeg
from actors.risk.limits import NO_LIMITS
from actors.risk.reservation import MoneyBook
from actors.risk.terms import dearest_terms
from protocol.leg import Leg
from protocol.terms import PairId, TradeId


def approved(legs: Sequence[Leg]) -> Approval:
    """What allows these legs to leave."""
    lines = tuple(
        ProposedLeg(
            platform=leg.platform,
            market=leg.market,
            side=leg.side,
            limit=leg.limit,
            quantity=leg.quantity,
            action=leg.action,
        )
        for leg in legs
    )
    proposal = Proposal(
        trade_id=legs[0].trade_id or TradeId("t"),
        pair_id=legs[0].pair_id or PairId("p"),
        quantity=max(leg.quantity for leg in legs),
        legs=lines,
    )
    answer = MoneyBook(NO_LIMITS, dearest_terms).approve(proposal, 0)
    assert isinstance(answer, Approval), answer
    return answer
