"""The leg that an `execute_leg`, a `leg_query` or a `leg_result` names, in our own terms."""

from __future__ import annotations

from typing import Final

from protocol.leg import Leg
from protocol.terms import KALSHI, Action, Side
from protocol.units import Price, Quantity
from protocol.wire import MAX_INT, ExecuteLeg, LegQuery, LegResult

MAX_REVISION: Final = MAX_INT // 2
"""What a controller can claim to have: there must be room above it for news, on the wire too."""


def leg_ordered(order: ExecuteLeg) -> Leg:
    """The leg of an order; without a market where the order names none."""
    market = order.kalshi_market_ticker if order.platform == KALSHI else order.poly_token
    return Leg(
        leg_id=order.leg_id,
        trade_id=order.trade_id,
        pair_id=order.pair_id,
        market_id=order.market_id,
        platform=order.platform,
        market=market or "",
        action=order.action,
        side=order.side,
        limit=order.price,
        quantity=order.contracts,
        expires_at_ms=order.expires_at_ms,
        description=order.description or "",
    )


def leg_told(result: LegResult) -> Leg | None:
    """The leg as a level-2 trader tells of it, for one of an earlier connection, controller or trader."""
    market = result.kalshi_market_ticker if result.platform == KALSHI else result.poly_token
    known = (result.action, result.side, result.price, result.contracts)
    if market is None or None in known:
        return None
    return Leg(
        leg_id=result.leg_id,
        trade_id=result.trade_id,
        pair_id=result.pair_id,
        market_id=result.market_id or 0,
        platform=result.platform,
        market=market,
        action=result.action or Action.BUY,
        side=result.side or Side.YES,
        limit=result.price or Price(1),
        quantity=result.contracts or Quantity(1),
    )


def leg_asked_about(query: LegQuery) -> Leg:
    """The leg of a question; what it does not say is filled in, and never ordered."""
    market = query.kalshi_market_ticker if query.platform == KALSHI else query.poly_token
    return Leg(
        leg_id=query.leg_id,
        trade_id=query.trade_id,
        pair_id=query.pair_id,
        market_id=query.market_id or 0,
        platform=query.platform,
        market=market or "",
        action=query.action or Action.BUY,
        side=query.side or Side.YES,
        limit=query.price or Price(1),
        quantity=query.contracts or Quantity(1),
        expires_at_ms=query.expires_at_ms,
    )


def revision_claimed(query: LegQuery) -> int:
    """The revision that the asker says it has, as far as it can be believed."""
    return -1 if query.revision is None else min(query.revision, MAX_REVISION)
