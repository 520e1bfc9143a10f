"""Whether two markets are one question: point by point, each with the words of both sides it was read from.

The judgement is built to be wrong in one direction only. A point is ``agree`` where both sides say the same in words
that leave nothing open, ``differ`` where they contradict each other, and ``unknown`` in all other cases. One ``differ``
refuses. "All points agree" is said only where every point is known and agrees, and no flag stands against it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pairing.facts import Fact
from pairing.listing import Listing
from pairing.rules import PAID, sources, void_rules
from protocol.units import DOLLAR

__all__ = [
    "AGREE",
    "DIFFER",
    "UNKNOWN",
    "Flag",
    "Judgement",
    "Point",
    "State",
    "Verdict",
    "settlement_points",
    "warnings",
]

INVERTED_SUM: Final = 300
"""How near to a dollar, in 1/10,000, two prices must add up to be taken for opposite sides."""

INVERTED_GAP: Final = 1_500
"""How far apart the same two prices must be: near 50 cents, opposite sides look alike."""

MAX_EVIDENCE: Final = 600
"""Characters of one side's words kept with a point."""


class State(StrEnum):
    """What is known of a point."""

    AGREE = "agree"
    DIFFER = "differ"
    UNKNOWN = "unknown"


AGREE, DIFFER, UNKNOWN = State.AGREE, State.DIFFER, State.UNKNOWN


class Verdict(StrEnum):
    """What the points come to. Only a person, or a class that a person named, makes a pair of it."""

    SAME = "all points agree"
    UNSURE = "not known"
    DIFFERENT = "different"


class Point(msgspec.Struct, frozen=True):
    """One thing that must agree, what is known of it, and the words of both sides. ``title``: a title can tell it."""

    name: str
    state: State
    kalshi: str
    polymarket: str
    why: str = ""
    title: bool = True


class Flag(msgspec.Struct, frozen=True):
    """What stands against a pair beside its points. None of them is refused for it, and none is all right with it."""

    name: str
    text: str


class Judgement(msgspec.Struct, frozen=True):
    """All points, the flags, and which of Polymarket's outcomes is Kalshi's YES (None: not known)."""

    points: tuple[Point, ...]
    flags: tuple[Flag, ...] = ()
    yes: int | None = None

    @property
    def verdict(self) -> Verdict:
        """Refused by one ``differ``; agreed by every point, a known side and no flag; else not known."""
        states = {point.state for point in self.points}
        if DIFFER in states:
            return Verdict.DIFFERENT
        if states == {AGREE} and not self.flags and self.yes is not None:
            return Verdict.SAME
        return Verdict.UNSURE

    @property
    def titles_agree(self) -> bool:
        """Whether every point that titles can tell agrees, and none of the others differs. Never enough to trade on."""
        telling = {point.state for point in self.points if point.title}
        return telling == {AGREE} and self.verdict is not Verdict.DIFFERENT and self.yes is not None

    def of(self, state: State) -> tuple[Point, ...]:
        """The points in that state."""
        return tuple(point for point in self.points if point.state is state)


def evidence(*facts: Fact[object] | None) -> str:
    """The words of facts, with where they stand; empty where there are none."""
    return "; ".join(f"{fact.text} [{fact.field}]" for fact in facts if fact is not None)[:MAX_EVIDENCE]


def known(same: bool | None) -> State:  # noqa: FBT001 -- the answer itself
    """The state of an answer, None meaning that it is not known."""
    return UNKNOWN if same is None else AGREE if same else DIFFER


def point(name: str, state: State, kalshi: str, polymarket: str, why: str = "", *, title: bool = True) -> Point:
    """A point, with the words of both sides cut to what is kept."""
    return Point(name, state, kalshi[:MAX_EVIDENCE], polymarket[:MAX_EVIDENCE], why, title)


def settlement_points(kalshi: Listing, polymarket: Listing, *, measured: bool) -> tuple[Point, Point]:
    """Who decides, and what mishaps do. ``measured``: the answer is a number that differs from source to source."""
    return _source(kalshi, polymarket, measured=measured), _void(kalshi, polymarket)


def _source(kalshi: Listing, polymarket: Listing, *, measured: bool) -> Point:
    mine, other = sources(kalshi), sources(polymarket)
    if mine is None or other is None:
        why = "neither names a source" if mine is other else "only one names a source"
        return point("source", UNKNOWN, evidence(mine), evidence(other), why, title=False)
    same = True if mine.value & other.value else False if measured else None
    why = "" if same else "different sources" + ("" if measured else " of what may be the same fact")
    return point("source", known(same), evidence(mine), evidence(other), why, title=False)


def _void(kalshi: Listing, polymarket: Listing) -> Point:
    mine, other = void_rules(kalshi.rules), void_rules(polymarket.rules)
    if mine is None or other is None:
        why = "neither says what a mishap does" if mine is other else "only one says what a mishap does"
        return point("void rule", UNKNOWN, evidence(mine), evidence(other), why, title=False)
    if mine.value == other.value:
        return point("void rule", AGREE, evidence(mine), evidence(other), title=False)
    for trigger in {name for name, _ in mine.value} & {name for name, _ in other.value}:
        paid = [frozenset(end for name, end in side.value if name == trigger) & PAID for side in (mine, other)]
        if paid[0] and paid[1] and not paid[0] & paid[1]:
            why = f"{trigger}: {_listed(paid[0])} against {_listed(paid[1])}"
            return point("void rule", DIFFER, evidence(mine), evidence(other), why, title=False)
    # What a fair price or a rescheduled game will come to is known to nobody beforehand.
    why = f"{_ends(mine)} against {_ends(other)}"
    return point("void rule", UNKNOWN, evidence(mine), evidence(other), why, title=False)


def _ends(rules: Fact[frozenset[tuple[str, str]]]) -> str:
    return _listed(frozenset(f"{trigger}: {end}" for trigger, end in rules.value))


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def warnings(kalshi: Listing, polymarket: Listing, yes: int | None) -> tuple[Flag, ...]:
    """The flags of a pair whose YES is the outcome ``yes``."""
    found = []
    if polymarket.is_other:
        found.append(Flag("other", "its outcome is 'Other': what that means changes with every outcome added"))
    if polymarket.neg_risk_augmented:
        found.append(Flag("augmented", "outcomes may still be added to its event (negRiskAugmented)"))
    if kalshi.derived or polymarket.derived:
        found.append(Flag("not listed", "follows from its event's name; the market itself was not seen"))
    found += [
        Flag("left out", f"{listing.platform}: {listing.left_out}")
        for listing in (kalshi, polymarket)
        if listing.left_out is not None
    ]
    if (flag := inversion(kalshi, polymarket, yes)) is not None:
        found.append(flag)
    return tuple(found)


def inversion(kalshi: Listing, polymarket: Listing, yes: int | None) -> Flag | None:
    """A flag where the two prices of "the same side" add up to a dollar and are far apart: it is the other side."""
    mine = kalshi.outcomes[0].price
    other = None if yes is None else polymarket.outcomes[yes].price
    if mine is None or other is None:
        return None
    if abs(mine + other - DOLLAR) > INVERTED_SUM or abs(mine - other) < INVERTED_GAP:
        return None
    return Flag(
        "inverted", f"prices {mine / 100:g}c and {other / 100:g}c add up to a dollar: YES may be the other side"
    )
