"""How venues behave, each order for itself: the habits of section 4 and 6 of the venues' facts, with their rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

from protocol.terms import POLYMARKET, SELL, Action, Platform


class Habit(StrEnum):
    """What a venue can do with one order."""

    PROMPT = "prompt"
    THIN = "thin"
    LATE_ANSWER = "late answer"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"
    ERROR_AFTER = "5xx after accepting"
    ERROR_BEFORE = "5xx instead of accepting"
    RATE_LIMITED = "429"
    REJECTED = "rejected"
    DELAYED = "delayed, filled later"
    PROVISIONAL = "provisional, confirmed later"
    REVERTED = "provisional, reverted later"
    OVERFILL = "overfill"


_PROMPT: Final = Habit.PROMPT

POLYMARKET_ONLY: Final = frozenset({Habit.DELAYED, Habit.PROVISIONAL, Habit.REVERTED, Habit.OVERFILL})
"""Kalshi's immediate-or-cancel orders are final when they are answered, and never fill more than was asked."""

BUY_ONLY: Final = frozenset({Habit.OVERFILL, Habit.REVERTED, Habit.PROVISIONAL})
"""A buy for an amount of dollars may bring more shares; a sell is of so many shares."""


class LookupHabit(StrEnum):
    """What a venue can do with one question about an order."""

    PROMPT = "prompt"
    FAILED = "5xx"
    SILENT = "no answer"
    DENIED = "denied once"


@dataclass(frozen=True)
class Habits:
    """The rates of one venue in one run: of orders by habit, of questions, and how long things take.

    ``lag_us``: for so long after an order reached the venue, its own look-ups do not know of it. ``lookup_denied``: of
    the answers about an order that the venue has, so many say "no such order", though never two running.
    """

    rates: dict[Habit, float] = field(default_factory=dict)
    lookup_failed: float = 0.0
    lookup_silent: float = 0.0
    lookup_denied: float = 0.0
    lag_us: int = 0
    settle_us: int = 0
    news_lost: float = 0.0

    def order(self, platform: Platform, action: Action, rng: Random) -> Habit:
        """Throw the habit of one order."""
        throw = rng.random()
        if not self.rates:
            return _PROMPT
        for habit, rate in self.rates.items():
            throw -= rate
            if throw < 0:
                foreign = (habit in POLYMARKET_ONLY and platform != POLYMARKET) or (
                    habit in BUY_ONLY and action is SELL
                )
                return _PROMPT if foreign else habit
        return _PROMPT

    def lookup(self, rng: Random) -> LookupHabit:
        """Throw the habit of one question."""
        throw = rng.random()
        if throw < self.lookup_failed:
            return LookupHabit.FAILED
        if throw < self.lookup_failed + self.lookup_silent:
            return LookupHabit.SILENT
        denied = throw < self.lookup_failed + self.lookup_silent + self.lookup_denied
        return LookupHabit.DENIED if denied else LookupHabit.PROMPT


CALM: Final = Habits()


def drawn(rng: Random, wildness: float) -> Habits:
    """The habits of a venue in one run; ``wildness`` from 0 (a venue as one wishes it) to 1."""
    habits: tuple[Habit, ...] = tuple(Habit)
    rates = {habit: wildness * rng.choice((0.0, 0.02, 0.05, 0.15)) for habit in habits[1:]}
    return Habits(
        rates=rates,
        lookup_failed=wildness * rng.choice((0.0, 0.1, 0.4)),
        lookup_silent=wildness * rng.choice((0.0, 0.1, 0.3)),
        lookup_denied=wildness * rng.choice((0.0, 0.05, 0.3)),
        lag_us=round(wildness * rng.choice((0, 300_000, 2_000_000))),
        settle_us=rng.choice((0, 1_000_000, 4_000_000)) if wildness else 0,
        news_lost=wildness * rng.choice((0.0, 0.3, 1.0)),
    )
