"""What was added to the worlds after their first draws, each from dice of its own: nobody else's throws are changed."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from actors.risk.breaker import BreakerRules
from actors.risk.trader_limits import TraderLimits
from protocol.terms import PLATFORMS
from protocol.units import CENT, USD, Money, Price
from simulation.world.kernel import dice
from simulation.world.nemesis import Fault, Kind

SECOND_US: Final = 1_000_000

MAD: Final = 0.25
"""In so many worlds that have a trader a mad controller is about."""

STANDBY: Final = 0.2
"""In so many worlds a second machine waits for the controller's home."""

OWN_NAME: Final = "by its own name"
STOLEN_NAME: Final = "by the controller's name"
NO_NAME: Final = "without a name"

LEG_NOTIONAL: Final = Money(40 * USD)
"""Above every leg that the controller sends, and below what a mad one asks for."""


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn late."""

    rules: BreakerRules
    trader_limits: TraderLimits | None
    standby: bool
    faults: tuple[Fault, ...]


def drawn(seed: int, end_us: int, traders: int, rules: BreakerRules, markets: frozenset[str]) -> Extras:
    """The late part of a world of so many traders. ``markets``: every instrument of its pairs."""
    trips: list[Fault] = []
    if rules != BreakerRules():
        rules, trips = _breakers(dice(seed, "breakers"), end_us, traders, rules)
    limits, harm = _mad(dice(seed, "mad"), end_us, traders, markets)
    standby, moves = _standby(dice(seed, "standby"), end_us)
    return Extras(rules=rules, trader_limits=limits, standby=standby, faults=(*trips, *harm, *moves))


def _breakers(rng: Random, end_us: int, traders: int, rules: BreakerRules) -> tuple[BreakerRules, list[Fault]]:
    """The breakers that nothing in a usual world would ever trip, and what trips them."""
    more = msgspec.structs.replace(
        rules,
        error_percent=rng.choice((None, 30)),
        error_samples=4,
        unknown_legs=rng.choice((None, 0, 1)),
        clock_offset_us=rng.choice((None, 500_000)),
        disk_free_bytes=rng.choice((None, 1_000_000)),
        naked_us=rng.choice((rules.naked_us, 5 * SECOND_US)),
    )
    faults = []
    if more.disk_free_bytes is not None:
        faults.append(_at(rng, end_us, Kind.DISK_LOW, 0))
    if more.clock_offset_us is not None and traders:
        faults.append(_at(rng, end_us, Kind.CLOCK, 1 + rng.randrange(traders)))
    return more, faults


def _mad(rng: Random, end_us: int, traders: int, markets: frozenset[str]) -> tuple[TraderLimits | None, list[Fault]]:
    """A mad controller that takes traders' links now and then, and traders with limits of their own."""
    if not traders or rng.random() >= MAD:
        return None, []
    limits = TraderLimits(
        # Every trader has its own platforms beside these.
        platforms=frozenset(PLATFORMS),
        markets=markets,
        max_leg_notional=LEG_NOTIONAL,
        max_hour_notional=rng.choice((None, None, Money(400 * USD), Money(2_000 * USD))),
        orders_per_second=rng.choice(({}, dict.fromkeys(PLATFORMS, 5))),
        least_price=Price(2 * CENT),
        most_price=Price(98 * CENT),
    )
    how = rng.choice((OWN_NAME, OWN_NAME, OWN_NAME, STOLEN_NAME, NO_NAME))
    faults = [_at(rng, end_us, Kind.MAD, 1 + rng.randrange(traders), how) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.5:  # noqa: PLR2004 -- half and half
        first = faults[0]
        # So that the mad one finds a trader that its own operator has halted.
        earlier = max(0, (first.at_us or 0) - rng.randrange(5 * SECOND_US))
        faults.append(Fault(kind=Kind.OWN_HALT, who=first.who, at_us=earlier, for_us=first.for_us + 10 * SECOND_US))
    return limits, faults


def _standby(rng: Random, end_us: int) -> tuple[bool, list[Fault]]:
    """A machine that waits for the home, and what makes it wait no longer."""
    if rng.random() >= STANDBY:
        return False, []
    kinds = (Kind.KILL, Kind.KILL, Kind.FREEZE, Kind.VOLUME, Kind.RESTART)
    return True, [_at(rng, end_us, rng.choice(kinds), 0) for _ in range(rng.randint(1, 4))]


def _at(rng: Random, end_us: int, kind: Kind, who: int, how: str = "") -> Fault:
    wait = int(rng.choice((3, 15, 40)) * SECOND_US * (0.5 + rng.random()))
    return Fault(kind=kind, who=who, at_us=rng.randrange(end_us), how=how, for_us=wait)
