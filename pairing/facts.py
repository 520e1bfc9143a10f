"""What a market is about, as facts: each with the words it was read from, so that a person can check it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

__all__ = ["Claim", "Fact", "Game", "Kind"]

T_co = TypeVar("T_co", covariant=True)


class Fact(msgspec.Struct, Generic[T_co], frozen=True):
    """A value, the text it was read from, and the field in which that text stands."""

    value: T_co
    text: str
    field: str


class Kind(StrEnum):
    """What is asked about a game."""

    WINNER = "winner"
    SPREAD = "spread"
    TOTAL = "total"
    TEAM_TOTAL = "team total"
    BOTH_SCORE = "both to score"
    PLAYER = "player statistic"


class Claim(msgspec.Struct, frozen=True):
    """What an outcome says: ``side`` (a team, a player, ``over``, ``draw``, ``yes``) and the line it must beat.

    ``line`` is strict: a margin, a total or a statistic *above* it. A spread's side wins by more than ``line``, so
    "Lakers (-3.5)" is ``lakers`` above 3.5 and "Grizzlies (+3.5)" is ``grizzlies`` above -3.5.
    """

    side: str
    line: Decimal | None = None


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a market about one game. What could not be read, or is said twice, is None; ``doubts`` say why.

    ``day`` is the day on which it is played in New York, where Kalshi's tickers are dated, ``minute`` that of its
    start, ``number`` that of a game of a day with two. ``claims`` are those of the listing's outcomes, in its order.
    """

    league: Fact[str]
    teams: Fact[frozenset[str]] | None
    day: Fact[date] | None
    kind: Fact[Kind]
    scope: Fact[str] | None
    statistic: str = ""
    claims: tuple[Fact[Claim] | None, ...] = ()
    tabled: bool = False
    listed: bool = False
    sport: str = ""
    number: int | None = None
    minute: int | None = None
    doubts: tuple[str, ...] = ()
