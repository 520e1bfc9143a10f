"""How to close an excess: buy what is missing, or sell what is too much, whichever leaves more after all fees.

Pure: books in, a plan out. The loss of a plan is what the excess cost, with its fees, less what closing it brings;
it is bounded by ``max_loss``, and every price by the levels that are really in the book.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from market.events import Level
from market.fees import FeeModel
from protocol.terms import Action, Platform, Side
from protocol.units import CONTRACT, USD, Money, Price, Quantity, notional

PAYOUT = USD // CONTRACT
"""Micro-dollars that 1/100 contract pays when its side is right."""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument of a trade, as it can be traded on now.

    ``held`` contracts cost ``basis`` with fees. ``asks`` and ``bids`` are best first, in the slot's own terms; empty
    where the book is unusable. An order below ``least_quantity`` or below ``least_notional`` at its limit is refused.
    """

    platform: Platform
    market: str
    side: Side
    held: Quantity
    basis: Money
    asks: Sequence[Level]
    bids: Sequence[Level]
    fees: FeeModel
    least_quantity: Quantity = Quantity(1)
    least_notional: Money = Money(0)


class CloseOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the plan. ``value`` is what it brings (a sale, after fees) or costs (a purchase, with fees)."""

    slot: int
    action: Action
    quantity: Quantity
    limit: Price
    value: Money


class NoPlan(StrEnum):
    """Why nothing is sent now."""

    NOTHING = "nothing is in excess"
    DUST = "below the venues' minimums"
    NO_BOOK = "no book to close it on"
    TOO_DEAR = "closing it would lose more than max_unwind_loss"


class ClosePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Orders to send together, and the loss that they lock in (negative: a gain)."""

    orders: tuple[CloseOrder, ...]
    loss: Money


def plan_close(slots: Sequence[Slot], max_loss: Money, *, may_buy: bool = True) -> ClosePlan | NoPlan:
    """The cheaper way to make all slots equal, or why there is none now; by selling alone unless ``may_buy``.

    Completing buys up to the fullest slot, selling sells down to the emptiest. Where the books are too thin for all
    of the excess, as much as they hold is closed and the rest is looked at again.
    """
    if len({slot.held for slot in slots}) == 1:
        return NoPlan.NOTHING
    plan = _cheaper(slots, max_loss, may_buy=may_buy)
    if plan is NoPlan.TOO_DEAR:
        # Deep levels can make the whole too dear where a part at the best level is not.
        best_only = [msgspec.structs.replace(slot, asks=slot.asks[:1], bids=slot.bids[:1]) for slot in slots]
        part = _cheaper(best_only, max_loss, may_buy=may_buy)
        return part if isinstance(part, ClosePlan) else plan
    return plan


def _cheaper(slots: Sequence[Slot], max_loss: Money, *, may_buy: bool) -> ClosePlan | NoPlan:
    plans = [_sell(slots, Quantity(min(slot.held for slot in slots)))]
    if may_buy:
        plans.insert(0, _complete(slots, Quantity(max(slot.held for slot in slots))))
    found = [plan for plan in plans if isinstance(plan, ClosePlan)]
    affordable = [plan for plan in found if plan.loss <= max_loss]
    if affordable:
        return min(affordable, key=_loss_per_contract)
    if found:
        return NoPlan.TOO_DEAR
    return NoPlan.DUST if NoPlan.DUST in plans and NoPlan.NO_BOOK not in plans else NoPlan.NO_BOOK


def _loss_per_contract(plan: ClosePlan) -> tuple[int, int]:
    # As a ratio of integers it would need a common denominator; per million contracts is exact enough to choose by,
    # and the larger plan wins a tie.
    closed = max(order.quantity for order in plan.orders)
    return plan.loss * 1_000_000 // closed, -closed


def _complete(slots: Sequence[Slot], target: Quantity) -> ClosePlan | NoPlan:
    """Buy up to ``target`` wherever less is held."""
    orders: list[CloseOrder] = []
    # Every slot that lacks contracts must get them for the hedge to hold: the thinnest book sets the pace.
    short = [(number, slot) for number, slot in enumerate(slots) if slot.held < target]
    reachable = min(slot.held + _depth(slot.asks) for _, slot in short)
    goal = Quantity(min(target, reachable))
    for number, slot in short:
        order = _order(number, slot, Action.BUY, Quantity(goal - slot.held))
        if order is NoPlan.DUST and goal < target:
            # The book is too thin for an order, which says nothing of how small the excess is.
            return NoPlan.NO_BOOK
        if isinstance(order, NoPlan):
            return order
        if order is not None:
            orders.append(order)
    if not orders:
        return NoPlan.NO_BOOK
    gained = Quantity(goal - min(slot.held for _, slot in short))
    # What is completed pays $1 a contract; it cost the excess's own basis and the purchase.
    excess = [slot for slot in slots if slot.held >= goal]
    basis = sum(_share(slot.basis, gained, slot.held) for slot in excess)
    loss = Money(basis + sum(order.value for order in orders) - gained * PAYOUT)
    return ClosePlan(orders=tuple(orders), loss=loss)


def _sell(slots: Sequence[Slot], target: Quantity) -> ClosePlan | NoPlan:
    """Sell down to ``target`` wherever more is held."""
    orders: list[CloseOrder] = []
    dust = 0
    # A purchase taken back after its sale leaves less than nothing: nothing else is sold to match that.
    floor = Quantity(max(0, target))
    over = [(number, slot) for number, slot in enumerate(slots) if slot.held > floor]
    loss = 0
    for number, slot in over:
        wanted = slot.held - floor
        quantity = Quantity(min(wanted, _depth(slot.bids)))
        order = _order(number, slot, Action.SELL, quantity)
        if order is NoPlan.DUST and quantity == wanted:
            dust += 1
        elif isinstance(order, CloseOrder):
            orders.append(order)
            loss += _share(slot.basis, order.quantity, slot.held) - order.value
    if orders:
        return ClosePlan(orders=tuple(orders), loss=Money(loss))
    # Where there is nothing to sell, selling is no way out, and says nothing against the other one being too small.
    return NoPlan.DUST if dust == len(over) else NoPlan.NO_BOOK


def _order(number: int, slot: Slot, action: Action, quantity: Quantity) -> CloseOrder | NoPlan | None:
    """An order for that much of the slot's book; None where nothing is to be done, a reason where nothing can be."""
    levels = slot.asks if action is Action.BUY else slot.bids
    if quantity <= 0:
        # A book that cannot be seen says nothing of how small the excess is.
        return None if levels else NoPlan.NO_BOOK
    taken = _walk(levels, quantity)
    limit = taken[-1][0]
    if quantity < slot.least_quantity or notional(limit, quantity) < slot.least_notional:
        return NoPlan.DUST
    fees = slot.fees.total(taken, action)
    paid = sum(notional(price, size) for price, size in taken)
    value = paid + fees if action is Action.BUY else paid - fees
    return CloseOrder(slot=number, action=action, quantity=quantity, limit=limit, value=Money(value))


def _walk(levels: Iterable[Level], quantity: Quantity) -> list[Level]:
    taken: list[Level] = []
    left = quantity
    for price, size in levels:
        if left <= 0:
            break
        part = Quantity(min(size, left))
        taken.append((price, part))
        left = Quantity(left - part)
    return taken


def _depth(levels: Iterable[Level]) -> int:
    return sum(size for _, size in levels)


def _share(basis: Money, part: Quantity, whole: Quantity) -> int:
    """The part's share of the basis, rounded up: a loss must not look smaller than it is."""
    return -(-basis * part // whole) if whole else 0
