"""Which markets of two venues may be the same question: by facts where there are facts, by words for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from pairing.facts import Game, Kind
from pairing.judge_game import judge_games
from pairing.judge_text import judge_texts, question_of
from pairing.judgement import Judgement, Verdict
from pairing.kalshi_game import read_kalshi_game
from pairing.leagues import Leagues
from pairing.listing import LeftOut, Listing
from pairing.polymarket_game import read_polymarket_game
from pairing.text_index import TextIndex

__all__ = ["Candidate", "find_candidates", "judge"]

PER_MARKET: Final = 3
"""Candidates by words that are proposed for one Kalshi market."""

LEAST_LIKE: Final = 0.45
"""Score below which words propose nothing."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A Kalshi market and a Polymarket market that may be one question, and what is known of it.

    ``event_key`` is the same for all pairs of one event: what risk limits per event go by. ``likeness`` is None for
    candidates found by facts.
    """

    kalshi: Listing
    polymarket: Listing
    judgement: Judgement
    event_key: str
    likeness: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What its points come to."""
        return self.judgement.verdict


class _Read(NamedTuple):
    """A listing with the facts that were read from it."""

    listing: Listing
    game: Game | None


class _Key(NamedTuple):
    """What a game market and its counterpart share. Not the line: its sign and size are the judgement's."""

    league: str
    day: date
    teams: frozenset[str]
    kind: Kind
    statistic: str
    scope: str
    line: object


def judge(kalshi: Listing, polymarket: Listing, leagues: Leagues) -> Judgement:
    """The judgement of any two listings: of facts where both are about games, else of words."""
    return _judged(_read_kalshi(kalshi, leagues), _read_polymarket(polymarket, leagues))


def find_candidates(
    kalshi: Iterable[Listing],
    polymarket: Iterable[Listing],
    leagues: Leagues,
    *,
    per_market: int = PER_MARKET,
    closed: bool = False,
) -> Iterator[Candidate]:
    """Every candidate: those by facts first, then for what is left those by words, best first for each market.

    Markets that are left out propose nothing; with ``closed`` those that only do not trade now do.
    """
    mine = [_read_kalshi(listing, leagues) for listing in kalshi if _counts(listing, closed=closed)]
    other = [_read_polymarket(listing, leagues) for listing in polymarket if _counts(listing, closed=closed)]
    paired: set[tuple[str, str]] = set()
    for first, second in _by_facts(mine, other):
        paired |= {first.listing.key, second.listing.key}
        yield _candidate(first, second, None)
    rest = [read for read in mine if read.listing.key not in paired]
    # A market whose facts are all known has no counterpart that words could find where the other's are known too.
    yield from _by_words(rest, [read for read in other if read.listing.key not in paired], per_market)


def _counts(listing: Listing, *, closed: bool) -> bool:
    return listing.left_out is None or (closed and listing.left_out is LeftOut.CLOSED)


def _read_kalshi(listing: Listing, leagues: Leagues) -> _Read:
    return _Read(listing, read_kalshi_game(listing, leagues))


def _read_polymarket(listing: Listing, leagues: Leagues) -> _Read:
    return _Read(listing, read_polymarket_game(listing, leagues))


def _judged(mine: _Read, other: _Read) -> Judgement:
    if mine.game is not None and other.game is not None:
        return judge_games(mine.listing, mine.game, other.listing, other.game)
    return judge_texts(mine.listing, other.listing)


def _candidate(mine: _Read, other: _Read, likeness: float | None) -> Candidate:
    return Candidate(
        kalshi=mine.listing,
        polymarket=other.listing,
        judgement=_judged(mine, other),
        event_key=event_key(mine.listing, mine.game),
        likeness=likeness,
    )


def event_key(listing: Listing, game: Game | None) -> str:
    """What all markets of one event share: league, day and teams of a game, else Kalshi's event."""
    if game is None or game.day is None or game.teams is None:
        return listing.event_id
    teams = "-".join(sorted(team.replace(" ", "_") for team in game.teams.value))
    return f"{game.league.value}:{game.day.value}:{teams}" + (f":{game.number}" if game.number else "")


def _key(game: Game | None) -> _Key | None:
    """The key of a game of which everything is known, else None."""
    if game is None or game.day is None or game.teams is None or game.scope is None:
        return None
    claims = [fact.value for fact in game.claims if fact is not None]
    if not claims:
        return None
    line = None if claims[0].line is None else abs(claims[0].line)
    player = claims[0].side if game.kind.value is Kind.PLAYER else ""
    return _Key(
        game.league.value,
        game.day.value,
        game.teams.value,
        game.kind.value,
        game.statistic + player,
        game.scope.value,
        line,
    )


def _by_facts(mine: Sequence[_Read], other: Sequence[_Read]) -> Iterator[tuple[_Read, _Read]]:
    """Pairs of equal keys of which an outcome is Kalshi's YES."""
    by_key: dict[_Key, list[_Read]] = defaultdict(list)
    for read in other:
        if (key := _key(read.game)) is not None:
            by_key[key].append(read)
    for read in mine:
        key = _key(read.game)
        for found in by_key.get(key, ()) if key is not None else ():
            if _says(read, found):
                yield read, found


def _says(mine: _Read, other: _Read) -> bool:
    """Whether an outcome claims what Kalshi's YES claims."""
    if mine.game is None or other.game is None or mine.game.claims[0] is None:
        return False
    claim = mine.game.claims[0].value
    return any(fact is not None and fact.value == claim for fact in other.game.claims)


def _by_words(mine: Sequence[_Read], other: Sequence[_Read], per_market: int) -> Iterator[Candidate]:
    if not mine or not other:
        return
    index = TextIndex([_words(read.listing) for read in other])
    for read in mine:
        known = _key(read.game) is not None
        for score, number in index.like(_words(read.listing), per_market):
            if score < LEAST_LIKE:
                break
            found = other[number]
            if not (known and _key(found.game) is not None):
                yield _candidate(read, found, score)


def _words(listing: Listing) -> str:
    """What a market is found by: its question, and its event's title for questions that lean on it."""
    question = question_of(listing)
    return question if listing.event_title in question else f"{question} {listing.event_title}"
