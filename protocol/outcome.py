"""What became of a leg, as a value; and how to read it from a peer that says less than we would like."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from protocol.terms import LegId, Status
from protocol.units import CONTRACT, USD, Money, Price, Quantity, notional, show_money
from protocol.wire import LegResult


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fate of one leg as far as it is known.

    ``filled``, ``cost`` (what was paid, or received for a sell, without fees) and ``fees`` are facts when
    ``status.proven``; with ``UNKNOWN`` they are what is known so far, never a verdict. Of two outcomes of the
    same leg the one with the higher ``revision`` holds. ``final`` is false while it may still change.
    ``paper`` marks a simulated fill.
    """

    leg_id: LegId
    status: Status
    filled: Quantity = Quantity(0)
    cost: Money = Money(0)
    fees: Money = Money(0)
    order_id: str | None = None
    error: str | None = None
    revision: int = 0
    final: bool = True
    paper: bool = False
    latency_ns: int | None = None


def outcome_from_result(result: LegResult, *, asked: Quantity, limit: Price, dry_run: bool, level: int) -> Outcome:
    """Read a peer's ``leg_result`` as an :class:`Outcome`, claiming nothing that it does not prove.

    ``asked`` and ``limit`` are those of the leg as sent. A level-2 result says its own status. From a level-1
    peer: a ``filled`` is a fact; ``success`` without ``filled`` proves nothing (``UNKNOWN``), except in a dry
    run, where it means as asked; a failure whose error begins with ``unknown:`` is ``UNKNOWN``; any other
    failure is ``REJECTED``. A status or a cost that contradicts its own quantities is ``UNKNOWN`` too.
    """
    status, filled = _read(result, asked, dry_run=dry_run, level=level)
    cost = _cost(result, filled, limit)
    error = result.error
    if status.proven and not 0 <= cost <= filled * (USD // CONTRACT):
        # No contract costs more than the dollar it pays, and none at all cost nothing.
        status, error = Status.UNKNOWN, f"unknown: a cost of {show_money(cost)} contradicts what was filled"
    elif status is Status.UNKNOWN and error is None:
        error = "unknown: the answer contradicts itself, or proves no fill"
    return Outcome(
        leg_id=result.leg_id,
        status=status,
        filled=filled,
        cost=cost,
        fees=result.fees if result.fees is not None else Money(0),
        order_id=result.order_id,
        error=error,
        revision=result.revision or 0,
        final=result.final if result.final is not None else status.proven,
        paper=bool(result.paper) or dry_run,
        latency_ns=result.latency_ns,
    )


def _cost(result: LegResult, filled: Quantity, limit: Price) -> Money:
    if result.cost is not None:
        return result.cost
    if result.avg_price is not None and filled:
        # Cents (1/100 dollar) times contracts (1/100) in micro-dollars; a rounded average can be off by a few.
        return Money(int((result.avg_price * filled * 100).quantize(Decimal(1), ROUND_HALF_EVEN)))
    # The limit is the worst that an honest venue can have charged.
    return notional(limit, filled)


def _read(result: LegResult, asked: Quantity, *, dry_run: bool, level: int) -> tuple[Status, Quantity]:
    filled = result.filled
    if level >= 2 and result.status is not None:  # noqa: PLR2004 -- the wire level that has `status`
        known = filled if filled is not None else Quantity(0)
        return (result.status if _agrees(result.status, known, asked) else Status.UNKNOWN), known
    if result.success:
        if filled is None:
            return (Status.FILLED, asked) if dry_run else (Status.UNKNOWN, Quantity(0))
        if filled == 0:
            return Status.UNFILLED, filled
        return (Status.FILLED if filled >= asked else Status.PARTIAL), filled
    if (result.error or "").startswith("unknown:"):
        return Status.UNKNOWN, filled or Quantity(0)
    if filled:
        return (Status.FILLED if filled >= asked else Status.PARTIAL), filled
    return Status.REJECTED, Quantity(0)


def _agrees(status: Status, filled: Quantity, asked: Quantity) -> bool:
    match status:
        case Status.FILLED:
            return filled >= asked
        case Status.PARTIAL:
            return 0 < filled < asked
        case Status.UNFILLED | Status.REJECTED | Status.EXPIRED:
            return filled == 0
        case Status.UNKNOWN:
            return True
