"""How much of an arb to take: down both books at once, while the next contract still pays for itself."""

from __future__ import annotations

import msgspec

from market.book import Book
from market.events import Level
from market.fees import SCALE, FeeModel
from market.rules import Rules
from protocol.terms import Platform, Side
from protocol.units import DOLLAR, Money, Price, Quantity


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What one leg could buy: the outcome ``side`` from ``book`` (read ``mirrored``), where ``best`` is its top."""

    platform: Platform
    side: Side
    book: Book
    mirrored: bool
    fees: FeeModel
    tick: Price
    min_quantity: Quantity
    min_notional: Money
    best: int


def limit_on_tick(price: Price, tick: Price) -> Price:
    """The lowest price on the venue's grid that buys at ``price``: against ourselves, never below."""
    return price if tick == 1 else Price(-(-price // tick) * tick)


def first(levels: list[Level], quantity: Quantity) -> list[Level]:
    """The first ``quantity`` contracts of ``levels``: the fills of an order that takes so many."""
    fills: list[Level] = []
    left: int = quantity
    for price, size in levels:
        if size >= left:
            fills.append((price, Quantity(left)))
            break
        fills.append((price, size))
        left -= size
    return fills


def tops_clear(yes: Offer, no: Offer, rules: Rules) -> bool:
    """Whether one contract of each at the top of both books brings the minimum edge after fees."""
    return _all_in(yes, Price(yes.best)) + _all_in(no, Price(no.best)) <= rules.most


def walk(yes: Offer, no: Offer, yes_levels: list[Level], no_levels: list[Level], rules: Rules) -> Quantity:
    """The quantity at which the last contract still brings the minimum edge after both unrounded fees.

    Every level is judged at the limit that an order for it would carry (on the tick), so that the edge holds even if
    a venue fills the last contract at the limit. Bounded by the rules; not yet rounded to a step.
    """
    yes_rungs, no_rungs = iter(yes_levels), iter(no_levels)
    taken = yes_left = no_left = yes_cost = no_cost = 0
    yes_cap = no_cap = rules.max_quantity
    most = rules.most
    while True:
        if not yes_left:
            price, yes_left = next(yes_rungs, (DOLLAR, Quantity(0)))
            yes_cost, yes_cap = _all_in(yes, price), _cap(yes, price, rules)
        if not no_left:
            price, no_left = next(no_rungs, (DOLLAR, Quantity(0)))
            no_cost, no_cap = _all_in(no, price), _cap(no, price, rules)
        chunk = min(yes_left, no_left, yes_cap - taken, no_cap - taken)
        if chunk <= 0 or yes_cost + no_cost > most:
            return Quantity(taken)
        taken += chunk
        yes_left -= chunk
        no_left -= chunk


def _all_in(offer: Offer, price: Price) -> int:
    """What one contract costs at the limit for ``price``, with its unrounded fee, in 1e-14 dollar."""
    limit = price if offer.tick == 1 else limit_on_tick(price, offer.tick)
    return limit * SCALE + offer.fees.marginal(limit)


def _cap(offer: Offer, price: Price, rules: Rules) -> Quantity:
    """The most contracts of a leg whose limit is that for ``price``."""
    most = rules.max_leg_notional.get(offer.platform) if rules.max_leg_notional else None
    if most is None:
        return rules.max_quantity
    return min(rules.max_quantity, Quantity(most // limit_on_tick(price, offer.tick)))
