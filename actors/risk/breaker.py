"""Breakers: what stops the trading by itself, with the number that did it, and how each is mended.

A breaker *stands* from its trip until its cool-down is over and what tripped it is mended, or until a person
acknowledges its reason, as ``POLICIES`` says. After an acknowledgement it trips again only where things have got worse
by as much again as its limit allows: the person knew of what was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from actors.risk.facts import BreakerCleared, BreakerTripped
from actors.risk.state import RiskState, Who, strictest
from protocol.terms import PairId
from protocol.units import Money, show_money

MAX_STANDING: Final = 1_000
"""Breakers that stand at once; of more pairs set aside than this the oldest is let go."""


class Breaker(StrEnum):
    """What is watched."""

    DAILY_LOSS = "daily-loss"
    ERRORS_IN_ROW = "errors-in-a-row"
    ERROR_RATE = "error-rate"
    MISMATCH = "mismatch"
    ASIDE = "set-aside"
    NAKED = "naked"
    UNKNOWN = "unknown-legs"
    FEED_AGE = "feed-age"
    CLOCK = "clock"
    DISK = "disk"


class Effect(StrEnum):
    """What a breaker that stands does: sets a pair aside, allows closing only, or allows nothing."""

    SET_ASIDE = "set-aside"
    REDUCE = "reduce"
    HALT = "halt"


class Policy(NamedTuple):
    """What a breaker does, and whether a person must say that it was seen."""

    effect: Effect
    person: bool


POLICIES: Final[Mapping[Breaker, Policy]] = {
    Breaker.DAILY_LOSS: Policy(Effect.REDUCE, person=True),
    Breaker.ERRORS_IN_ROW: Policy(Effect.REDUCE, person=True),
    Breaker.ERROR_RATE: Policy(Effect.REDUCE, person=False),
    Breaker.MISMATCH: Policy(Effect.SET_ASIDE, person=False),
    Breaker.ASIDE: Policy(Effect.SET_ASIDE, person=False),
    Breaker.NAKED: Policy(Effect.REDUCE, person=True),
    Breaker.UNKNOWN: Policy(Effect.REDUCE, person=True),
    Breaker.FEED_AGE: Policy(Effect.REDUCE, person=False),
    # Without a clock no deadline holds, and without a disk nothing is remembered: then not even closing is safe.
    Breaker.CLOCK: Policy(Effect.HALT, person=False),
    Breaker.DISK: Policy(Effect.HALT, person=True),
}

_STATES: Final = {
    Effect.SET_ASIDE: RiskState.ACTIVE,
    Effect.REDUCE: RiskState.REDUCING,
    Effect.HALT: RiskState.HALTED,
}


class BreakerRules(msgspec.Struct, frozen=True, kw_only=True):
    """Where each breaker trips; None switches it off. Times in microseconds.

    ``daily_loss`` and what is counted in a row trip when this is reached, all others above it. The error rate is that
    of ``error_samples`` or more answers of one venue within ``error_window_us``.
    """

    daily_loss: Money | None = None
    errors_in_row: int | None = None
    error_percent: int | None = None
    error_samples: int = 20
    error_window_us: int = 60_000_000
    mismatches_in_row: int | None = None
    naked: Money | None = None
    naked_us: int = 30_000_000
    unknown_legs: int | None = None
    feed_age_us: int | None = None
    clock_offset_us: int | None = None
    disk_free_bytes: int | None = None
    cool_down_us: int = 60_000_000
    set_aside_us: int = 3_600_000_000


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that stands. ``until_us`` None: until a person acknowledges ``reason_id``."""

    reason_id: str
    breaker: Breaker
    what: str
    effect: Effect
    text: str
    value: int
    t: int
    until_us: int | None


Key = tuple[Breaker, str]


class Breakers:
    """The breakers that stand. Whatever changes is told as facts by :meth:`take_facts`, in the order it happened."""

    def __init__(self, rules: BreakerRules) -> None:
        """None stands."""
        self.rules = rules
        self.standing: dict[Key, Trip] = {}
        self._accepted: dict[Key, int] = {}
        self._facts: list[BreakerTripped | BreakerCleared] = []
        self._set_aside: list[Trip] = []
        self._number = 0

    # -- asking ----------------------------------------------------------------------------------------------

    @property
    def demands(self) -> RiskState:
        """The strictest state that a standing breaker demands."""
        return strictest(RiskState.ACTIVE, *(_STATES[trip.effect] for trip in self.standing.values()))

    def set_aside(self, pair_id: PairId) -> Trip | None:
        """Why the pair takes no new trade."""
        if not self.standing:
            return None
        return self.standing.get((Breaker.MISMATCH, pair_id)) or self.standing.get((Breaker.ASIDE, pair_id))

    def beyond(self, state: RiskState) -> Iterator[Trip]:
        """What stands and demands a stricter state than this one."""
        return (trip for trip in self.standing.values() if strictest(_STATES[trip.effect], state) is not state)

    # -- what trips and clears -------------------------------------------------------------------------------

    def level(self, breaker: Breaker, what: str, value: int, least: int, text: str, now_us: int) -> None:
        """A number that trips from ``least`` on, and mends below it. The cool-down begins when it is bad no more."""
        key = (breaker, what)
        if value < least:
            self._accepted.pop(key, None)
            return
        if value < self._accepted.get(key, 0) + least:
            return
        self.trip(breaker, what, value, text, now_us)

    def trip(self, breaker: Breaker, what: str, value: int, text: str, now_us: int) -> None:
        """It trips, or what tripped it goes on."""
        key, policy = (breaker, what), POLICIES[breaker]
        until = None if policy.person else now_us + self._cool_down(breaker)
        stands = self.standing.get(key)
        if stands is not None:
            # Said once; the cool-down begins anew, and a restart may forget that.
            self.standing[key] = msgspec.structs.replace(stands, until_us=until, value=value)
            return
        self._number += 1
        trip = Trip(
            reason_id=f"{breaker}-{self._number}",
            breaker=breaker,
            what=what,
            effect=policy.effect,
            text=text,
            value=value,
            t=now_us,
            until_us=until,
        )
        self.standing[key] = trip
        self._facts.append(_fact(trip))
        if trip.effect is Effect.SET_ASIDE:
            self._set_aside.append(trip)
        aside = [each for each, held in self.standing.items() if held.effect is Effect.SET_ASIDE]
        if len(aside) > MAX_STANDING:
            self._clear(aside[0], Who.COOL_DOWN, now_us)

    def tick(self, now_us: int) -> None:
        """Clear what has cooled down."""
        cooled = [key for key, trip in self.standing.items() if trip.until_us is not None and trip.until_us <= now_us]
        for key in cooled:
            self._clear(key, Who.COOL_DOWN, now_us)

    def acknowledge(self, reason_id: str, now_us: int) -> bool:
        """A person has seen it; False where no breaker stands for that reason."""
        key = next((key for key, trip in self.standing.items() if trip.reason_id == reason_id), None)
        if key is None:
            return False
        self._accepted[key] = self.standing[key].value
        self._clear(key, Who.OPERATOR, now_us)
        return True

    # -- memory ----------------------------------------------------------------------------------------------

    def take_facts(self) -> tuple[BreakerTripped | BreakerCleared, ...]:
        """What happened since the last call, for the ledger."""
        if not self._facts:
            return ()
        facts = tuple(self._facts)
        self._facts.clear()
        return facts

    def take_set_aside(self) -> tuple[Trip, ...]:
        """The pairs that were set aside since the last call, each once for as long as it is."""
        trips = tuple(self._set_aside)
        self._set_aside.clear()
        return trips

    def fold(self, fact: BreakerTripped | BreakerCleared) -> None:
        """Take in the next fact of the ledger, at a start. A breaker that this build does not know is kept out."""
        if isinstance(fact, BreakerCleared):
            self._forget(fact)
            return
        self._number += 1
        if fact.breaker in set(Breaker):
            trip = Trip(
                reason_id=fact.reason_id,
                breaker=Breaker(fact.breaker),
                what=fact.what,
                effect=Effect(fact.effect),
                text=fact.text,
                value=fact.value,
                t=fact.t,
                until_us=fact.until_us,
            )
            self.standing[trip.breaker, trip.what] = trip

    def _forget(self, fact: BreakerCleared) -> None:
        for key in [key for key, trip in self.standing.items() if trip.reason_id == fact.reason_id]:
            trip = self.standing.pop(key)
            if fact.by == Who.OPERATOR:
                self._accepted[key] = trip.value

    def _clear(self, key: Key, by: Who, now_us: int) -> None:
        trip = self.standing.pop(key)
        self._facts.append(BreakerCleared(t=now_us, reason_id=trip.reason_id, by=by.value))

    def _cool_down(self, breaker: Breaker) -> int:
        aside = POLICIES[breaker].effect is Effect.SET_ASIDE
        return self.rules.set_aside_us if aside else self.rules.cool_down_us


def _fact(trip: Trip) -> BreakerTripped:
    return BreakerTripped(
        t=trip.t,
        reason_id=trip.reason_id,
        breaker=trip.breaker.value,
        what=trip.what,
        effect=trip.effect.value,
        text=trip.text,
        value=trip.value,
        until_us=trip.until_us,
    )


def money_text(what: str, amount: Money, limit: Money) -> str:
    """``lost today: $101.00, and at most $100.00 may be``: for people."""
    return f"{what}: {show_money(amount)}, and at most {show_money(limit)} may be"
