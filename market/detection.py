"""Is there an arbitrage in these books, and how much of it? Exact, and fast when the answer is no."""

from __future__ import annotations

from typing import Final

import msgspec

from market.book import Book
from market.events import Level
from market.fees import SCALE
from market.ladder import NO_ASK
from market.opportunity import ArbType, Opportunity, OpportunityLeg
from market.pair import Pair
from market.rules import Rules
from market.sizing import Offer, first, limit_on_tick, tops_clear, walk
from protocol.terms import BUY, KALSHI, NO, POLYMARKET, YES, Platform, Side
from protocol.units import CONTRACT, USD, Money, Price, Quantity, notional

__all__ = ["PairWatch", "Rules", "detect"]

_PAYOUT: Final = USD // CONTRACT
"""What one unit of quantity pays: 1/100 of a dollar, in micro-dollars."""

_IN_ORDER: Final = (
    ArbType.POLY_YES_KALSHI_NO,
    ArbType.KALSHI_YES_POLY_NO,
    ArbType.POLY_ONLY,
    ArbType.KALSHI_ONLY,
)

_KALSHI_LEGS: Final = frozenset(
    {
        (ArbType.POLY_YES_KALSHI_NO, NO),
        (ArbType.KALSHI_YES_POLY_NO, YES),
        (ArbType.KALSHI_ONLY, YES),
        (ArbType.KALSHI_ONLY, NO),
    }
)
"""Which leg of which arb Kalshi gives; every other leg is Polymarket's."""

_OWN_BOOK: Final = False
"""A Polymarket token has a book of its own, never read mirrored."""


class PairWatch:
    """A pair bound to its books. An instrument that the pair has not, has no book here."""

    __slots__ = ("kalshi", "no", "pair", "yes")

    def __init__(self, pair: Pair, *, kalshi: Book | None, yes: Book | None, no: Book | None) -> None:
        self.pair = pair
        self.kalshi = kalshi
        self.yes = yes
        self.no = no

    def __repr__(self) -> str:
        return f"<PairWatch {self.pair.pair_id}>"

    @property
    def books(self) -> tuple[Book, ...]:
        """The books that it looks at."""
        return tuple(book for book in (self.kalshi, self.yes, self.no) if book is not None)

    def on_tick(self, book: Book, tick: Price) -> None:
        """The venue's tick of this book takes the place of the pair's."""
        if book is self.kalshi:
            self.pair = msgspec.structs.replace(self.pair, kalshi_tick=tick)
        else:
            self.pair = msgspec.structs.replace(self.pair, poly_tick=tick)

    def uses(self, platform: Platform) -> bool:
        """Whether it has an instrument of this platform."""
        return any(book.platform == platform for book in self.books)


def detect(watch: PairWatch, rules: Rules, t: int) -> Opportunity | None:
    """The cheapest arb of the pair that the rules allow, sized, or ``None``.

    Cheapest is the lowest cost of a contract pair with all fees; then the larger edge; then the order of
    :class:`ArbType`. A book that is missing or unusable takes away only the arbs that need it. What is returned
    brings at least the minimum edge on its last contract before the venues' rounding, and on the whole after it.
    """
    kalshi, yes, no = watch.kalshi, watch.yes, watch.no
    kalshi_yes = kalshi_no = poly_yes = poly_no = int(NO_ASK)
    if kalshi is not None:
        kalshi_yes = kalshi.offer(mirrored=False)
        kalshi_no = kalshi.offer(mirrored=True)
    if yes is not None:
        poly_yes = yes.offer(mirrored=False)
    if no is not None:
        poly_no = no.offer(mirrored=False)
    if min(kalshi_yes, poly_yes) + min(kalshi_no, poly_no) > rules.ceiling:
        return None
    tops = ((poly_yes, kalshi_no), (kalshi_yes, poly_no), (poly_yes, poly_no), (kalshi_yes, kalshi_no))
    return _cheapest(watch, tops, rules, t)


def _cheapest(watch: PairWatch, prices: tuple[tuple[int, int], ...], rules: Rules, t: int) -> Opportunity | None:
    """``prices``: the best ones of YES and NO of each arb in :data:`_IN_ORDER`, ``NO_ASK`` where there is none."""
    best: Opportunity | None = None
    for arb_type, (yes_price, no_price) in zip(_IN_ORDER, prices, strict=True):
        tops = yes_price + no_price
        # A contract of it costs its tops at the least: what is cheaper than that already need not be compared.
        if tops > rules.ceiling or (best is not None and best.cost + best.fees < tops * best.quantity):
            continue
        yes = _offer(watch, arb_type, YES, yes_price, rules)
        no = _offer(watch, arb_type, NO, no_price, rules)
        found = _sized(watch.pair, arb_type, yes, no, rules, t)
        if found is not None and (best is None or _is_cheaper(found, best)):
            best = found
    return best


def _is_cheaper(one: Opportunity, other: Opportunity) -> bool:
    """Lower cost a contract, compared without a division; at the same cost the larger edge."""
    mine = (one.cost + one.fees) * other.quantity
    theirs = (other.cost + other.fees) * one.quantity
    return mine < theirs or (mine == theirs and one.edge > other.edge)


def _offer(watch: PairWatch, arb_type: ArbType, side: Side, best: int, rules: Rules) -> Offer:
    pair = watch.pair
    if (arb_type, side) in _KALSHI_LEGS and watch.kalshi is not None:
        fees = pair.kalshi_fees(rules.kalshi_precision)
        mirrored = side is NO
        least = pair.kalshi_min_contracts
        return Offer(KALSHI, side, watch.kalshi, mirrored, fees, pair.kalshi_tick, least, Money(0), best)
    book = watch.yes if side is YES else watch.no
    if book is None:
        raise ValueError(f"pair {pair.pair_id} has no instrument for {side} of {arb_type}, yet a price of it")
    charged, worth = pair.polymarket_fees(), pair.poly_min_notional
    return Offer(POLYMARKET, side, book, _OWN_BOOK, charged, pair.poly_tick, Quantity(1), worth, best)


def _sized(pair: Pair, arb_type: ArbType, yes: Offer, no: Offer, rules: Rules, t: int) -> Opportunity | None:
    """The arb of one type at the quantity that the books, the rules and both venues' minimums allow."""
    if not tops_clear(yes, no, rules):
        return None
    # A level is of use only if it clears against the other side's best, which keeps deep books cheap.
    yes_levels = yes.book.levels(buying=True, mirrored=yes.mirrored, limit=Price(rules.ceiling - no.best))
    no_levels = no.book.levels(buying=True, mirrored=no.mirrored, limit=Price(rules.ceiling - yes.best))
    quantity = walk(yes, no, yes_levels, no_levels, rules)
    quantity = Quantity(quantity - quantity % pair.quantity_step)
    if quantity <= 0:
        return None
    yes_leg = _leg(yes, first(yes_levels, quantity), quantity)
    no_leg = _leg(no, first(no_levels, quantity), quantity)
    if yes_leg is None or no_leg is None:
        return None
    cost = Money(yes_leg.cost + no_leg.cost)
    fees = Money(yes_leg.fees + no_leg.fees)
    edge = Money(_PAYOUT * quantity - cost - fees)
    # The venues round fees on the whole order: a small one may lose its edge to that.
    if edge <= 0 or edge * SCALE < rules.min_edge * quantity:
        return None
    return Opportunity(
        pair_id=pair.pair_id,
        market_id=pair.market_id,
        arb_type=arb_type,
        quantity=quantity,
        legs=(yes_leg, no_leg),
        cost=cost,
        fees=fees,
        edge=edge,
        t=t,
        description=pair.description,
    )


def _leg(offer: Offer, fills: list[Level], quantity: Quantity) -> OpportunityLeg | None:
    """The order that takes these fills, or ``None`` where the venue would refuse it for its size."""
    limit = limit_on_tick(fills[-1][0], offer.tick)
    if quantity < offer.min_quantity or notional(limit, quantity) < offer.min_notional:
        return None
    return OpportunityLeg(
        platform=offer.platform,
        market=offer.book.market,
        action=BUY,
        side=offer.side,
        limit=limit,
        cost=Money(sum([price * size for price, size in fills])),
        fees=offer.fees.total(fills),
        book_version=offer.book.version,
    )
