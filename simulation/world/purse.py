"""The money at stake as the venues' own books have it: positions at cost with fees, and what is under way at its worst.

An account of its own, kept apart from the one that decides (``actors/risk``), to hold that one to its limits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from market.fees import FeeModel
from protocol.leg import Leg
from protocol.terms import Action, LegId, PairId, Platform
from protocol.units import Money, notional
from simulation.world.exchange import Exchange, Order


def worst(leg: Leg, fees: FeeModel) -> int:
    """The most that a buy can cost: its limit for all of it, with the fees of that."""
    return notional(leg.limit, leg.quantity) + fees.total([(leg.limit, leg.quantity)])


def at_stake(exchanges: Mapping[Platform, Exchange], known: Iterable[LegId]) -> dict[tuple[Platform, PairId], Money]:
    """By venue and pair, over the legs that the controller knows of: what is held at its cost, fees included."""
    counted = set(known)
    held: dict[tuple[Platform, str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    pair_of: dict[str, PairId] = {}
    for platform, exchange in exchanges.items():
        for order in exchange.orders.values():
            leg = order.leg
            if leg.leg_id not in counted or not order.filled or leg.pair_id is None:
                continue
            key = (platform, leg.pair_id, leg.side.value)
            pair_of[leg.pair_id] = leg.pair_id
            held[key] = _after(held[key], order)
    stake: dict[tuple[Platform, PairId], Money] = defaultdict(lambda: Money(0))
    for (platform, pair, _side), (_contracts, basis) in held.items():
        stake[platform, pair_of[pair]] = Money(stake[platform, pair_of[pair]] + basis)
    return stake


def _after(held: tuple[int, int], order: Order) -> tuple[int, int]:
    contracts, basis = held
    if order.leg.action is Action.BUY:
        return contracts + order.filled, basis + order.cost + order.fees
    share = basis * min(order.filled, contracts) // contracts if contracts > 0 else 0
    return contracts - order.filled, basis - share
