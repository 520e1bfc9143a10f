"""The judgement of two markets about games: from facts, never from likeness."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pairing.facts import Claim, Fact, Game, Kind
from pairing.judgement import (
    AGREE,
    DIFFER,
    UNKNOWN,
    Judgement,
    Point,
    evidence,
    known,
    point,
    settlement_points,
    warnings,
)
from pairing.kalshi_game import scope_in_words
from pairing.listing import Listing
from pairing.rules import overtime

__all__ = ["judge_games"]

_HALF: Final = re.compile(r"\bhalf[- ]?time\b|\b(?:at|by) the half\b", re.IGNORECASE)

_MARGIN: Final = re.compile(r"\bwins? by\b|\bby (?:more than|at least|over) \d", re.IGNORECASE)

TWICE_A_DAY: Final = frozenset({"baseball"})
"""Sports in which the same teams meet twice on one day."""

SAME_START: Final = 90
"""Minutes by which the starts of one game may differ: a delay that one venue knows of and the other does not."""

ENDS: Final = frozenset({"tennis", "esports", "mixed martial arts"})
"""Sports in which nothing is played after the end, so that no rule need say whether it counts."""


def judge_games(kalshi: Listing, mine: Game, polymarket: Listing, other: Game) -> Judgement:
    """Every point of two games."""
    yes = _yes(mine, other)
    points = (
        _league(mine, other),
        _day(mine, other),
        _teams(mine, other),
        _type(kalshi, mine, polymarket, other),
        _scope(kalshi, mine, polymarket, other),
        _side(mine, other, yes),
        *_line(mine, other, yes),
        *settlement_points(kalshi, polymarket, measured=False),
    )
    return Judgement(points, warnings(kalshi, polymarket, yes), yes)


def _yes(mine: Game, other: Game) -> int | None:
    """The outcome whose claim is Kalshi's YES: by name and line, never by place. None where none or two are."""
    claim = mine.claims[0] if mine.claims else None
    if claim is None:
        return None
    found = [index for index, fact in enumerate(other.claims) if fact is not None and fact.value == claim.value]
    return found[0] if len(found) == 1 else None


def _league(mine: Game, other: Game) -> Point:
    """Two codes of which a table has only one may be two words for one league."""
    words = evidence(mine.league), evidence(other.league)
    if mine.league.value == other.league.value:
        return point("league", AGREE, *words)
    both = mine.listed and other.listed
    why = f"{mine.league.value} against {other.league.value}" if both else "a code that no table has"
    return point("league", DIFFER if both else UNKNOWN, *words, why)


def _day(mine: Game, other: Game) -> Point:
    if mine.day is None or other.day is None:
        return point("date", UNKNOWN, evidence(mine.day), evidence(other.day), _doubt(mine, other))
    same: bool | None = mine.day.value == other.day.value
    why = "" if same else "not the same day in New York"
    if same and (mine.number or other.number):
        # A doubleheader: the same teams twice on one day, and only one venue may say which.
        same, why = None, f"game {mine.number or other.number} of the day on one side only"
    elif same and (late := _apart(mine, other)):
        same, why = None, late
    return point("date", known(same), evidence(mine.day), evidence(other.day), why)


def _apart(mine: Game, other: Game) -> str:
    """Why the two may be different games of one day, empty where they cannot be."""
    if mine.minute is None or other.minute is None:
        return "two games a day are played, and only one says when it starts" if mine.sport in TWICE_A_DAY else ""
    return "" if abs(mine.minute - other.minute) <= SAME_START else "they do not start at the same time"


def _teams(mine: Game, other: Game) -> Point:
    words = evidence(mine.teams), evidence(other.teams)
    if mine.teams is None or other.teams is None:
        return point("teams", UNKNOWN, *words, _doubt(mine, other))
    if mine.teams.value == other.teams.value:
        return point("teams", AGREE, *words)
    if mine.tabled and other.tabled:
        return point("teams", DIFFER, *words, "not the same two teams")
    one, two = ({word for name in game.teams.value for word in name.split()} for game in (mine, other) if game.teams)
    return point("teams", UNKNOWN if one & two else DIFFER, *words, "not the same two names")


def _type(kalshi: Listing, mine: Game, polymarket: Listing, other: Game) -> Point:
    same = (mine.kind.value, mine.statistic) == (other.kind.value, other.statistic)
    for listing, game in ((kalshi, mine), (polymarket, other)):
        if same and game.kind.value is Kind.WINNER and _MARGIN.search(listing.rules):
            why = f"the rules on {listing.platform} speak of a margin"
            return point("type", UNKNOWN, evidence(mine.kind), evidence(other.kind), why)
    return point("type", known(same), evidence(mine.kind), evidence(other.kind))


def _scope(kalshi: Listing, mine: Game, polymarket: Listing, other: Game) -> Point:
    """The part of the game, and whether what follows the regular time counts."""
    words = evidence(mine.scope), evidence(other.scope)
    if mine.scope is None or other.scope is None:
        return point("scope", UNKNOWN, *words, _doubt(mine, other))
    if mine.scope.value != other.scope.value:
        return point("scope", DIFFER, *words, f"{mine.scope.value} against {other.scope.value}")
    for listing, game in ((kalshi, mine), (polymarket, other)):
        # Fields and a title say the whole game; rules that speak of a part of it decide, and are for a person to read.
        part = _part(listing.rules)
        if part is not None and part != game.scope.value:  # type: ignore[union-attr]  # asked above
            return point("scope", UNKNOWN, *words, f"the rules on {listing.platform} speak of the {part}")
    extra = overtime(kalshi.rules), overtime(polymarket.rules)
    words = evidence(mine.scope, extra[0]), evidence(other.scope, extra[1])
    if extra[0] is not None and extra[1] is not None and extra[0].value != extra[1].value:
        return point("scope", DIFFER, *words, "overtime counts on one side only")
    silent = [fact for fact in extra if fact is None]
    if silent and mine.scope.value == "whole" and mine.sport not in ENDS:
        who = "only one says" if len(silent) == 1 else "neither says"
        return point("scope", UNKNOWN, *words, f"{who} whether overtime counts")
    return point("scope", AGREE, *words)


def _part(rules: str) -> str | None:
    """The part of a game that rules name."""
    return scope_in_words(rules) or ("half" if _HALF.search(rules) else None)


def _side(mine: Game, other: Game, yes: int | None) -> Point:
    """Which outcome is YES, by its name."""
    claim = mine.claims[0] if mine.claims else None
    chosen = other.claims[yes] if yes is not None else None
    said = [fact for fact in other.claims if fact is not None]
    if chosen is not None:
        return point("outcome", AGREE, evidence(claim), evidence(chosen))
    words = evidence(claim), evidence(*said)
    if claim is None or not said:
        return point("outcome", UNKNOWN, *words, _doubt(mine, other))
    sides = {fact.value.side for fact in said}
    if claim.value.side in sides:
        return point("outcome", UNKNOWN, *words, "the side is there, its line is another")
    # A market with a single named claim may still hold the other one as its complement.
    complete = len(said) == len(other.claims) and mine.tabled and other.tabled
    same_kind = mine.kind.value is other.kind.value
    return point("outcome", DIFFER if complete or not same_kind else UNKNOWN, *words, "no outcome has that name")


def _line(mine: Game, other: Game, yes: int | None) -> tuple[Point, ...]:
    """The line with its sign, where either side has one."""
    lined = {Kind.SPREAD, Kind.TOTAL, Kind.TEAM_TOTAL, Kind.PLAYER}
    if mine.kind.value not in lined and other.kind.value not in lined:
        return ()
    claim = mine.claims[0] if mine.claims else None
    said = [fact for fact in other.claims if fact is not None]
    words = evidence(claim), evidence(*said)
    if yes is not None:
        return (point("line", AGREE, *words),)
    if claim is None or claim.value.line is None or not said:
        return (point("line", UNKNOWN, *words, _doubt(mine, other)),)
    return (point("line", known(_meets(claim, said)), *words, "no outcome has that line with its sign"),)


def _meets(claim: Fact[Claim], said: Sequence[Fact[Claim]]) -> bool | None:
    """False where the side is there with another line; None where even the side is not known to be there."""
    same = [fact for fact in said if fact.value.side == claim.value.side]
    return None if not same else any(fact.value.line == claim.value.line for fact in same)


def _doubt(mine: Game, other: Game) -> str:
    return "; ".join([*mine.doubts, *other.doubts]) or "not said"
