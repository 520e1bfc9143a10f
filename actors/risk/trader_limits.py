"""The trader's own limits, whoever asks: no controller, mad or taken over, gets past them. Pure; the trader owns it.

They know nothing of the controller's risk and trust nothing that it says. What is counted by the hour comes back from
the trader's own journal at a start.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from actors.journal import JournalEntry
from actors.leg_checks import exposure
from actors.risk.order_rate import OrderRate
from protocol.leg import Leg
from protocol.outcome import Outcome, newer
from protocol.terms import BUY, LegId, Platform, Side, Status
from protocol.units import DOLLAR, Money, Price, Quantity, show_money, show_price, show_quantity

HOUR_US: Final = 3_600_000_000

_LEFT_NOTHING: Final = frozenset({Status.REJECTED, Status.EXPIRED})


class TraderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one trader does at most; None is no limit, exactly at a limit is allowed.

    Notional is what an order can lose, fees aside (:func:`actors.leg_checks.exposure`); that of an hour is of any 60
    minutes. A price band is inclusive. ``markets``: the instruments that may be traded at all.
    """

    platforms: frozenset[Platform]
    markets: frozenset[str] | None = None
    max_leg_notional: Money | None = None
    max_hour_notional: Money | None = None
    orders_per_second: Mapping[Platform, int] = {}
    least_price: Price = Price(1)
    most_price: Price = Price(DOLLAR - 1)


Slot = tuple[Platform, str, Side]
"""Contracts of one side of one instrument."""

Reason = tuple[str, str]
"""What is against an order, for the count, and in words with its numbers."""


class _Done(msgspec.Struct):
    """An order that was let through: when, what it can lose or has, and whether its hour is still running."""

    t: int
    leg: Leg
    notional: Money
    outcome: Outcome | None = None
    recent: bool = True

    @property
    def final(self) -> bool:
        return self.outcome is not None and self.outcome.status.proven and self.outcome.final

    @property
    def moved(self) -> int:
        """Contracts that it certainly brought, or that a sale may have taken: never more than there are."""
        filled = self.outcome.filled if self.outcome is not None and self.outcome.status.proven else 0
        if self.leg.action is BUY:
            return filled
        return -filled if self.final else -max(filled, self.leg.quantity)


class TraderGate:
    """Answers :meth:`check` before an order is placed; is told :meth:`note` when it is, and :meth:`answered` after."""

    def __init__(self, limits: TraderLimits) -> None:
        """Nothing done; not reducing."""
        self.limits = limits
        self.reduce_only: str | None = None
        """Why only what is held may be sold; None while it may also be bought."""
        self.refused: Counter[str] = Counter()
        """How many orders were refused, by what was against them."""
        self._rate = OrderRate(limits.orders_per_second)
        self._done: dict[LegId, _Done] = {}
        self._hour: deque[_Done] = deque()
        self._notional = 0
        self._held: Counter[Slot] = Counter()

    # -- asking ----------------------------------------------------------------------------------------------

    def check(self, leg: Leg, now_us: int) -> str | None:
        """Why this leg is not executed, naming the field and the limit; None when nothing is against it."""
        found = self._of_kind(leg) or self._of_price(leg) or self._of_size(leg, now_us)
        if found is None:
            return None
        what, why = found
        self.refused[what] += 1
        return why

    def _of_kind(self, leg: Leg) -> Reason | None:
        limits = self.limits
        if leg.platform not in limits.platforms:
            return "platform", f"platform: {leg.platform} is not executed by this trader"
        if limits.markets is not None and leg.market not in limits.markets:
            return "market", f"market: {leg.market} is not on this trader's list of markets"
        if self.reduce_only is None:
            return None
        if leg.action is BUY:
            return "reduce only", f"action: only what is held may be sold ({self.reduce_only})"
        free = self.sellable(leg.platform, leg.market, leg.side)
        if leg.quantity > free:
            held = f"{show_quantity(free)} are held here, and no more may be sold"
            return "reduce only", f"contracts: {held} ({self.reduce_only})"
        return None

    def _of_price(self, leg: Leg) -> Reason | None:
        least, most = self.limits.least_price, self.limits.most_price
        if least <= leg.limit <= most:
            return None
        band = f"{show_price(least)}-{show_price(most)}"
        return "price band", f"price: {show_price(leg.limit)} is outside this trader's band of {band}"

    def _of_size(self, leg: Leg, now_us: int) -> Reason | None:
        at_risk, limits = exposure(leg.action, leg.limit, leg.quantity), self.limits
        if limits.max_leg_notional is not None and at_risk > limits.max_leg_notional:
            most = show_money(limits.max_leg_notional)
            why = f"contracts: {show_money(at_risk)} is above this trader's max_leg_notional of {most}"
            return "notional per leg", why
        hour = self.hour(now_us)
        if limits.max_hour_notional is not None and hour + at_risk > limits.max_hour_notional:
            most = show_money(limits.max_hour_notional)
            why = f"contracts: {show_money(at_risk)} more than {show_money(hour)} within an hour is above {most}"
            return "notional per hour", why
        if self._rate.free(leg.platform, now_us) == 0:
            most_orders = limits.orders_per_second[leg.platform]
            why = f"leg_id: one order more than {most_orders} in one second to {leg.platform}"
            return "orders a second", why
        return None

    # -- what happens ----------------------------------------------------------------------------------------

    def note(self, leg: Leg, now_us: int) -> bool:
        """The order is placed now, or may have been. False: it counts already."""
        if leg.leg_id in self._done:
            return False
        done = self._done[leg.leg_id] = _Done(now_us, leg, exposure(leg.action, leg.limit, leg.quantity))
        self._hour.append(done)
        self._notional += done.notional
        self._held[_slot(leg)] += done.moved
        self._rate.took(leg.platform, now_us)
        return True

    def undo(self, leg_id: LegId) -> None:
        """It was noted and then, for certain, not placed under this id. Its place in the second stays taken."""
        done = self._done.pop(leg_id, None)
        if done is not None:
            self._held[_slot(done.leg)] -= done.moved
            if done.recent:
                self._notional -= done.notional
                self._hour.remove(done)

    def held_before(self, slot: Slot, contracts: int) -> None:
        """What orders that are over brought and took there; for a start."""
        self._held[slot] += contracts

    def answered(self, outcome: Outcome) -> None:
        """What became of it. What certainly left nothing does not count; what cost more counts as it is."""
        done = self._done.get(outcome.leg_id)
        if done is None or (done.outcome is not None and not newer(outcome, done.outcome)):
            return
        leg, before = done.leg, done.moved
        done.outcome = outcome
        self._held[_slot(leg)] += done.moved - before
        counted = exposure(leg.action, leg.limit, leg.quantity)
        if outcome.status in _LEFT_NOTHING and not outcome.filled:
            counted = Money(0)
        elif leg.action is BUY:
            counted = Money(max(counted, outcome.cost))
        self._notional += (counted - done.notional) if done.recent else 0
        done.notional = counted
        self._forget(done)

    def rebuild(self, entries: Iterable[JournalEntry]) -> None:
        """Take up what the journal knows, oldest first. A tombstone counts for nothing, nor does what was refused."""
        for entry in entries:
            if entry.leg is not None:
                self.note(entry.leg, entry.asked_us)
                if entry.outcome is not None:
                    self.answered(entry.outcome)

    # -- what follows ----------------------------------------------------------------------------------------

    def hour(self, now_us: int) -> Money:
        """The notional of the last 60 minutes."""
        while self._hour and self._hour[0].t <= now_us - HOUR_US:
            done = self._hour.popleft()
            done.recent = False
            self._notional -= done.notional
            self._forget(done)
        return Money(self._notional)

    def sellable(self, platform: Platform, market: str, side: Side) -> Quantity:
        """What this trader has bought there itself and neither sold nor is selling."""
        return Quantity(max(0, self._held[platform, market, side]))

    def _forget(self, done: _Done) -> None:
        """Only what is held remains of an order that is final and an hour old."""
        if done.final and not done.recent:
            self._done.pop(done.leg.leg_id, None)


def _slot(leg: Leg) -> Slot:
    return leg.platform, leg.market, leg.side
