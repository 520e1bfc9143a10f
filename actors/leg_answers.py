"""What the trader answers in the wire's words: to a hello an `init_ack`, for a leg a `leg_result`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import UNSET

from actors.messages import LegReported
from protocol.leg import Leg
from protocol.leg_frame import ResultFrame
from protocol.outcome import Outcome
from protocol.terms import KALSHI, WIRE_VERSION, Platform
from protocol.units import average_cents, money_to_dollars, price_to_cents, quantity_to_wire
from protocol.wire import MAX_TEXT, Init, InitAck, LegResult


def seed_ack(mine: Collection[Platform], init: Init, common: Collection[Platform], **more: object) -> InitAck:
    """The answer to a hello: the platforms of both, or an error that names each end's; ``more`` is for level 2."""
    fields: dict[str, Any] = {"success": bool(common), "platforms": sorted(common), "error": None}
    if not common:
        asked = ", ".join(init.platforms) or "nothing"
        fields["error"] = f"asked was {asked}; this trader executes {', '.join(sorted(mine))}"
    return InitAck.model_construct(**fields | more)


def leg_result(leg: Leg, reported: LegReported, level: int, trader_id: str) -> ResultFrame:
    """An outcome in the wire's words. Level 1 gets the seed's fields; an unknown begins with ``unknown:``."""
    outcome = reported.outcome
    filled = quantity_to_wire(outcome.filled)
    known, error = _said(outcome)
    won = known and outcome.filled > 0
    average = average_cents(outcome.cost, outcome.filled)
    if level < WIRE_VERSION:
        return ResultFrame(
            leg_id=outcome.leg_id,
            platform=leg.platform,
            success=won,
            filled=filled,
            avg_price=average,
            order_id=outcome.order_id,
            error=error,
        )
    on_kalshi = leg.platform == KALSHI
    return ResultFrame(
        leg_id=outcome.leg_id,
        platform=leg.platform,
        success=won,
        filled=filled,
        avg_price=average,
        order_id=outcome.order_id,
        error=error,
        status=outcome.status,
        cost=money_to_dollars(outcome.cost),
        fees=money_to_dollars(outcome.fees),
        revision=max(0, outcome.revision),
        final=outcome.final,
        paper=outcome.paper,
        trader_id=trader_id,
        trade_id=leg.trade_id,
        pair_id=leg.pair_id,
        market_id=leg.market_id,
        action=leg.action,
        side=leg.side,
        price=price_to_cents(leg.limit),
        contracts=quantity_to_wire(leg.quantity),
        latency_ns=outcome.latency_ns,
        kalshi_market_ticker=leg.market if on_kalshi else UNSET,
        poly_token=UNSET if on_kalshi else leg.market,
        arb_type=reported.arb_type,
    )


def bare_result(platform: Platform, outcome: Outcome, level: int) -> LegResult:
    """The answer to an order that could not be read: at level 2 with its status, and without a leg that nobody knows.

    There is no revision in it: nothing is to be acked.
    """
    fields = seed_fields(platform, outcome)
    if level >= WIRE_VERSION:
        fields["status"] = outcome.status
        if outcome.filled:
            fields |= {"cost": outcome.cost, "fees": outcome.fees, "revision": outcome.revision}
    return LegResult.model_construct(**fields)


def seed_fields(platform: Platform, outcome: Outcome) -> dict[str, Any]:
    """An outcome in the seed's words; an unknown begins with ``unknown:``."""
    known, error = _said(outcome)
    return {
        "leg_id": outcome.leg_id,
        "platform": platform,
        "success": known and outcome.filled > 0,
        "filled": outcome.filled,
        "avg_price": average_cents(outcome.cost, outcome.filled),
        "order_id": outcome.order_id,
        "error": error,
    }


def _said(outcome: Outcome) -> tuple[bool, str | None]:
    """Whether anything is proven, and the error as it is told."""
    known, error = outcome.status.proven, outcome.error
    if not known and not (error or "").startswith("unknown:"):
        error = f"unknown: {error or 'not proven'}"
    return known, None if error is None else error[:MAX_TEXT]


def state_of(conn_id: int | None, init: Init | None, agreed: Collection[Platform]) -> str:
    """A link in one word."""
    if conn_id is None:
        return "disconnected"
    if init is None:
        return "greeting"
    return "ready" if agreed else "refused"


def mode_of(dry_run: bool, init: Init | None) -> str:  # noqa: FBT001 -- the trader's own wish
    """Dry or live, and which end made it dry."""
    if dry_run and init is not None and init.dry_run:
        return "dry run, wanted by both ends"
    if dry_run:
        return "dry run, wanted by this trader"
    return "dry run, wanted by the controller" if init is None or init.dry_run else "live"
