"""One run's world, drawn from its seed: who is there, how the venues behave, and what goes wrong."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import Final

import msgspec

from actors.risk.breaker import BreakerRules
from actors.risk.limits import NO_LIMITS, Limits
from actors.risk.trader_limits import TraderLimits
from market.pair import Pair
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from protocol.units import USD, Money, Quantity
from simulation.world import habits, late_draws, nemesis
from simulation.world.habits import CALM, Habits
from simulation.world.kernel import dice
from simulation.world.nemesis import Fault

SECOND_US: Final = 1_000_000


class Shape(StrEnum):
    """Who executes what."""

    TWO_TRADERS = "a trader for each venue"
    ONE_TRADER = "one trader for both venues"
    STANDBY = "two traders for both venues"
    MIXED = "a trader for each venue and one for both"
    LOCAL_KALSHI = "Kalshi locally, a trader for Polymarket"
    LOCAL_POLYMARKET = "Polymarket locally, a trader for Kalshi"
    LOCAL = "both venues locally"

    @property
    def local(self) -> tuple[Platform, ...]:
        """Platforms that the controller executes itself."""
        return {
            Shape.LOCAL_KALSHI: (KALSHI,),
            Shape.LOCAL_POLYMARKET: (POLYMARKET,),
            Shape.LOCAL: (KALSHI, POLYMARKET),
        }.get(self, ())

    @property
    def traders(self) -> tuple[tuple[Platform, ...], ...]:
        """The traders, each with its platforms."""
        both = (KALSHI, POLYMARKET)
        return {
            Shape.TWO_TRADERS: ((KALSHI,), (POLYMARKET,)),
            Shape.ONE_TRADER: (both,),
            Shape.STANDBY: (both, both),
            Shape.MIXED: ((KALSHI,), (POLYMARKET,), both),
            Shape.LOCAL_KALSHI: ((POLYMARKET,),),
            Shape.LOCAL_POLYMARKET: ((KALSHI,),),
        }.get(self, ())


def _risk(rng: Random) -> tuple[Limits, BreakerRules]:
    """An operator's limits and breakers, from narrow to wide."""
    dollars = rng.choice((40, 120, 600))
    limits = Limits(
        total=Money(dollars * USD),
        per_pair=Money(dollars // 2 * USD),
        per_venue=Money(dollars * 3 // 4 * USD),
        contracts_per_leg=rng.choice((None, Quantity(8_00))),
        trades_in_flight=rng.choice((None, 1, 2)),
    )
    rules = BreakerRules(
        daily_loss=rng.choice((None, Money(3 * USD))),
        errors_in_row=rng.choice((None, 4)),
        mismatches_in_row=rng.choice((None, 3)),
        naked=rng.choice((None, Money(5 * USD))),
        unknown_legs=rng.choice((None, 3)),
        feed_age_us=rng.choice((None, 20 * SECOND_US)),
    )
    return limits, rules


def _cash(rng: Random) -> dict[Platform, Money] | None:
    """What the accounts begin with, in three of ten worlds."""
    if rng.random() >= 0.3:  # noqa: PLR2004
        return None
    return {platform: Money(rng.choice((10, 30, 100, 400)) * USD) for platform in (KALSHI, POLYMARKET)}


def _calm() -> dict[Platform, Habits]:
    return {KALSHI: CALM, POLYMARKET: CALM}


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run depends on: the same scenario gives the same run, to the byte."""

    seed: int
    minutes: float = 10.0
    shape: Shape = Shape.TWO_TRADERS
    pairs: int = 2
    pace_us: int = 4 * SECOND_US
    dry_run: bool = False
    first: Platform | None = None
    delay_us: tuple[int, int] = (200, 5_000)
    ledger_us: int = 8_000
    limits: Limits = NO_LIMITS
    rules: BreakerRules = BreakerRules()
    cash: dict[Platform, Money] | None = None
    habits: dict[Platform, Habits] = msgspec.field(default_factory=_calm)
    faults: tuple[Fault, ...] = ()
    trader_limits: TraderLimits | None = None
    """Limits of every trader's own, whoever asks."""
    standby: bool = False
    """A second machine waits for the controller's home."""

    @property
    def end_us(self) -> int:
        """When the faults end."""
        return int(self.minutes * 60 * SECOND_US)

    @classmethod
    def draw(cls, seed: int, minutes: float = 10.0) -> Scenario:
        """The world of this seed: some are calm, some are hell."""
        rng = dice(seed, "scenario")
        shape = rng.choice(tuple(Shape))
        wildness = rng.choice((0.0, 0.3, 1.0, 1.0))
        processes = ["local" if shape.local else "controller", *("trader" for _ in shape.traders)]
        # Three in ten have an operator with limits.
        limits, rules = _risk(rng) if rng.random() < 0.3 else (NO_LIMITS, BreakerRules())  # noqa: PLR2004
        end_us = int(minutes * 60 * SECOND_US)
        early = cls(
            seed=seed,
            minutes=minutes,
            shape=shape,
            pairs=rng.choice((1, 2, 3)),
            pace_us=rng.choice((3, 6, 12)) * SECOND_US,
            dry_run=rng.random() < 0.05,  # noqa: PLR2004 -- one in twenty
            first=rng.choice((None, None, None, POLYMARKET, KALSHI)),
            delay_us=rng.choice(((200, 3_000), (5_000, 60_000), (200, 900_000))),
            limits=limits,
            rules=rules,
            cash=_cash(dice(seed, "cash")),
            ledger_us=rng.choice((8_000, 8_000, 200_000, 1_500_000)),
            habits={KALSHI: habits.drawn(rng, wildness), POLYMARKET: habits.drawn(rng, wildness)},
            faults=tuple(nemesis.drawn(rng, end_us, processes, rate=rng.choice((0.0, 0.3, 1.0, 4.0)))),
        )
        markets = frozenset(market for pair in early.make_pairs() for market in instruments(pair))
        more = late_draws.drawn(seed, end_us, len(shape.traders), rules, markets)
        return msgspec.structs.replace(
            early,
            rules=more.rules,
            trader_limits=more.trader_limits,
            standby=more.standby,
            faults=early.faults + more.faults,
        )

    def make_pairs(self) -> tuple[Pair, ...]:
        """The pairs of this world; question ``q1`` is the Kalshi ticker ``Q1`` and the tokens ``q1-yes``, ``q1-no``."""
        return tuple(
            Pair(
                pair_id=PairId(f"q{number}"),
                market_id=number,
                description=f"Question {number}",
                kalshi_market_ticker=f"Q{number}",
                poly_yes_token=f"q{number}-yes",
                poly_no_token=f"q{number}-no",
                kalshi_rate_ppm=70_000,
                polymarket_rate_ppm=40_000,
            )
            for number in range(1, self.pairs + 1)
        )


def instruments(pair: Pair) -> tuple[str, ...]:
    """The names that the venues have for it."""
    return tuple(filter(None, (pair.kalshi_market_ticker, pair.poly_yes_token, pair.poly_no_token)))
