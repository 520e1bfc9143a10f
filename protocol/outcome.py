"""What became of a leg, as a value; and how to read it from a peer that says less than we would like."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import msgspec

from protocol.leg import Leg
from protocol.terms import BUY, POLYMARKET, LegId, Status
from protocol.units import CONTRACT, USD, Money, Price, Quantity, notional, show_money, show_quantity
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
    peer: a ``filled`` is a fact, unless the error begins with ``unknown:``; without ``filled`` neither success nor
    failure proves anything (``UNKNOWN``: a venue's time-out is told as a failure, too), except in a dry run, where
    success means as asked and failure nothing. What contradicts itself is ``UNKNOWN`` too (:func:`believable`).
    """
    status, filled = _read(result, asked, dry_run=dry_run, level=level)
    outcome = Outcome(
        leg_id=result.leg_id,
        status=status,
        filled=filled,
        cost=_cost(result, filled, limit),
        fees=result.fees if result.fees is not None else Money(0),
        order_id=result.order_id,
        error=result.error if status.proven else _why_unknown(result),
        revision=result.revision or 0,
        final=result.final if result.final is not None else status.proven,
        # What it says itself goes above today's mode: it may tell of an order of another day.
        paper=result.paper if level >= 2 and result.paper is not None else dry_run,  # noqa: PLR2004 -- as below
        latency_ns=result.latency_ns,
    )
    return believable(outcome)


def believable(outcome: Outcome) -> Outcome:
    """The outcome itself; or ``UNKNOWN``, with the reason, where its numbers cannot be true.

    No contract costs more than the dollar it pays, none at all cost nothing, and no quantity, cost or fee of an
    immediate order is negative: such a number is not counted.
    """
    least = min(outcome.filled, outcome.cost, outcome.fees)
    if least >= 0 and (not outcome.status.proven or outcome.cost <= outcome.filled * (USD // CONTRACT)):
        return outcome
    told = f"a fill of {show_quantity(outcome.filled)} for {show_money(outcome.cost)}, fees {show_money(outcome.fees)}"
    return msgspec.structs.replace(
        outcome,
        status=Status.UNKNOWN,
        filled=Quantity(max(0, outcome.filled)),
        cost=Money(max(0, outcome.cost)),
        fees=Money(max(0, outcome.fees)),
        error=f"unknown: the answer contradicts itself: {told}",
        final=False,
    )


_LEAST: Final = Quantity(1)


def newer(news: Outcome, held: Outcome) -> bool:
    """Of two outcomes of one leg, whether ``news`` replaces ``held``. All that folds outcomes asks this.

    A higher revision does. Of one revision a proof replaces an unknown, and of two proofs the one that filled more
    holds: a fill is never ignored, in whichever order the two came.
    """
    if news.revision != held.revision:
        return news.revision > held.revision
    if news.status.proven and held.status.proven:
        return news.filled > held.filled
    return news.status.proven


def beyond_limit(leg: Leg, outcome: Outcome) -> Money:
    """How much worse than the leg's limit a proven fill was, in all; 0 where it kept to it.

    A cost that was told as a rounded average may be off by a micro-dollar a contract. Polymarket's purchases spend
    dollars: what these bought beyond the last whole 0.01 of a share was paid for, and is not in ``filled``.
    """
    if not (outcome.status.proven and outcome.filled):
        return Money(0)
    worse = outcome.cost - notional(leg.limit, outcome.filled)
    worse = worse if leg.action is BUY else -worse
    crumb = notional(leg.limit, _LEAST) if leg.platform == POLYMARKET and leg.action is BUY else 0
    return Money(worse) if worse > 1 + outcome.filled // CONTRACT + crumb else Money(0)


def _why_unknown(result: LegResult) -> str:
    if result.error is None:
        return "unknown: the answer contradicts itself, or proves no fill"
    if result.error.startswith("unknown:") or result.status is Status.UNKNOWN:
        return result.error
    return f"unknown: {result.error} (the answer does not prove what was filled)"


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
    # "Failed" without a quantity is also what a time-out at the venue is told as.
    return (Status.REJECTED if filled == 0 or dry_run else Status.UNKNOWN), Quantity(0)


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
