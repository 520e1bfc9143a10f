"""Detection and fees once more, contract by contract in fractions: slow, plain, and no code shared with the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import ceil, floor

from market.events import Level
from market.opportunity import ArbType
from market.pair import Pair
from protocol.units import Price

UNIT = Fraction(1, 100)
"""The smallest part of a contract."""


@dataclass(frozen=True)
class World:
    """The books of one pair; ``None`` is a book that is unusable. Kalshi's is in YES terms."""

    kalshi: tuple[list[Level], list[Level]] | None
    yes: list[Level] | None
    no: list[Level] | None


@dataclass(frozen=True)
class Limits:
    """The rules, in dollars and contracts."""

    min_edge: Fraction
    max_quantity: Fraction | None
    max_leg_notional: Mapping[str, Fraction]
    precision: Fraction


@dataclass(frozen=True)
class Arb:
    """What the reference finds, in dollars and contracts."""

    arb_type: ArbType
    quantity: Fraction
    limits: tuple[Fraction, Fraction]
    cost: Fraction
    fees: Fraction

    @property
    def edge(self) -> Fraction:
        return self.quantity - self.cost - self.fees

    @property
    def price(self) -> Fraction:
        return (self.cost + self.fees) / self.quantity


class Leg:
    """One leg as single units of 0.01 contract, cheapest first."""

    def __init__(self, venue: str, offers: list[Level], pair: Pair, limits: Limits) -> None:
        self.venue = venue
        self.pair = pair
        self.precision = limits.precision
        self.most = limits.max_leg_notional.get(venue)
        self.units = [Fraction(price, 10_000) for price, size in sorted(offers) for _ in range(size)]

    def limit(self, price: Fraction) -> Fraction:
        tick = Fraction(self.pair.kalshi_tick if self.venue == "kalshi" else self.pair.poly_tick, 10_000)
        return ceil(price / tick) * tick

    def model(self, price: Fraction, quantity: Fraction) -> Fraction:
        chance = price * (1 - price)
        if self.venue == "kalshi":
            return (
                Fraction(self.pair.kalshi_rate_ppm, 10**6)
                * Fraction(self.pair.kalshi_multiplier_ppm, 10**6)
                * chance
                * quantity
            )
        return Fraction(self.pair.polymarket_rate_ppm, 10**6) * chance**self.pair.polymarket_exponent * quantity

    def all_in(self, price: Fraction) -> Fraction:
        limit = self.limit(price)
        return limit + self.model(limit, Fraction(1))

    def within(self, price: Fraction, quantity: Fraction) -> bool:
        return self.most is None or self.limit(price) * quantity <= self.most

    def accepted(self, quantity: Fraction) -> bool:
        worth = self.limit(self.units[int(quantity / UNIT) - 1]) * quantity
        if self.venue == "kalshi":
            return quantity >= self.pair.kalshi_min_contracts * UNIT
        return worth >= Fraction(self.pair.poly_min_notional, 10**6)

    def fees(self, quantity: Fraction) -> Fraction:
        taken = groupby(self.units[: int(quantity / UNIT)])
        fills = [(price, len(list(group)) * UNIT) for price, group in taken]
        return self.kalshi_fees(fills) if self.venue == "kalshi" else self.polymarket_fees(fills)

    def kalshi_fees(self, fills: list[tuple[Fraction, Fraction]]) -> Fraction:
        net = accumulator = Fraction(0)
        for price, quantity in fills:
            trade_fee = Fraction(ceil(self.model(price, quantity) * 10**6), 10**6)
            balance = -price * quantity - trade_fee
            aligned = floor(balance / self.precision) * self.precision
            rounding_fee = balance - aligned
            accumulator += rounding_fee
            rebate = Fraction(0)
            while accumulator >= self.precision and rebate + self.precision <= trade_fee + rounding_fee:
                rebate += self.precision
                accumulator -= self.precision
            net += trade_fee + rounding_fee - rebate
        return net

    def polymarket_fees(self, fills: list[tuple[Fraction, Fraction]]) -> Fraction:
        quantum = Fraction(1, 10**5)
        exact = [self.model(price, quantity) for price, quantity in fills]
        return sum((max(floor(fee / quantum) * quantum, quantum) for fee in exact if fee > 0), Fraction(0))


def find(pair: Pair, world: World, limits: Limits) -> Arb | None:
    """The cheapest arb; of equals that with the larger edge, then the first type."""
    found = [arb for arb in (_arb(arb_type, pair, world, limits) for arb_type in ArbType) if arb is not None]
    return min(found, key=lambda arb: (arb.price, -arb.edge), default=None)


def _arb(arb_type: ArbType, pair: Pair, world: World, limits: Limits) -> Arb | None:
    kalshi_yes = arb_type in {ArbType.KALSHI_YES_POLY_NO, ArbType.KALSHI_ONLY}
    kalshi_no = arb_type in {ArbType.POLY_YES_KALSHI_NO, ArbType.KALSHI_ONLY}
    mirrored = None if world.kalshi is None else [(Price(10_000 - price), size) for price, size in world.kalshi[0]]
    straight = None if world.kalshi is None else world.kalshi[1]
    yes_offers = straight if kalshi_yes else world.yes
    no_offers = mirrored if kalshi_no else world.no
    if yes_offers is None or no_offers is None:
        return None
    yes = Leg("kalshi" if kalshi_yes else "polymarket", yes_offers, pair, limits)
    no = Leg("kalshi" if kalshi_no else "polymarket", no_offers, pair, limits)
    quantity = _quantity(yes, no, pair, limits)
    if not quantity or not (yes.accepted(quantity) and no.accepted(quantity)):
        return None
    count = int(quantity / UNIT)
    arb = Arb(
        arb_type,
        quantity,
        (yes.limit(yes.units[count - 1]), no.limit(no.units[count - 1])),
        (sum(yes.units[:count], Fraction(0)) + sum(no.units[:count], Fraction(0))) * UNIT,
        yes.fees(quantity) + no.fees(quantity),
    )
    return arb if arb.edge > 0 and arb.edge >= limits.min_edge * quantity else None


def _quantity(yes: Leg, no: Leg, pair: Pair, limits: Limits) -> Fraction:
    quantity = Fraction(0)
    for yes_price, no_price in zip(yes.units, no.units, strict=False):
        edge = 1 - yes.all_in(yes_price) - no.all_in(no_price)
        grown = quantity + UNIT
        if not (edge > 0 and edge >= limits.min_edge):
            break
        if limits.max_quantity is not None and grown > limits.max_quantity:
            break
        if not (yes.within(yes_price, grown) and no.within(no_price, grown)):
            break
        quantity = grown
    step = pair.quantity_step * UNIT
    return floor(quantity / step) * step
