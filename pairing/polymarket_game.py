"""A Polymarket market about a game, read from slug, fields and outcome names, each confirmed by another."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from pairing.facts import Claim, Fact, Game, Kind
from pairing.kalshi_game import HOUR, scope_in_words
from pairing.leagues import League, Leagues, plain
from pairing.listing import Listing

__all__ = ["NEW_YORK", "read_polymarket_game"]

TWO: Final = 2
"""A game has two sides."""

NEW_YORK: Final = ZoneInfo("America/New_York")

_SLUG: Final = re.compile(r"(?P<league>[a-z0-9]+)-(?P<teams>[a-z0-9-]+)-(?P<day>20\d\d-\d\d-\d\d)(?:-(?P<rest>.*))?$")
_KINDS: Final = {
    "moneyline": Kind.WINNER,
    "child_moneyline": Kind.WINNER,
    "spreads": Kind.SPREAD,
    "totals": Kind.TOTAL,
    "team_totals": Kind.TEAM_TOTAL,
    "both_teams_to_score": Kind.BOTH_SCORE,
    "points": Kind.PLAYER,
    "rebounds": Kind.PLAYER,
    "assists": Kind.PLAYER,
}
_PREFIXES: Final = {
    "first_half_": "first half",
    "second_half_": "second half",
    **{f"{word}_quarter_": f"quarter {i}" for i, word in enumerate(("first", "second", "third", "fourth"), 1)},
}
_VERSUS: Final = re.compile(r"^(?:.*?: )?(?P<first>.+?) (?:vs\.?|v\.?|@|at) (?P<second>.+?)(?:: .*| \(.*| - .*)?$")
_SPREAD: Final = re.compile(r"(?P<team>[^:()]+?)\s*\((?P<line>[+-]\d+(?:\.\d+)?)\)")
_LINE: Final = re.compile(r"\b(?:O/U|over|under)\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SCHEDULED: Final = re.compile(
    r"scheduled for (?P<month>January|February|March|April|May|June|July|August|September|October|November|December)"
    r" (?P<day>\d{1,2})\b[^.\n]*?\bE[SD]?T\b"
)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WINS_BY: Final = re.compile(r"\bby (\d+) or more\b")
_COMBINE: Final = re.compile(r"\bcombine to score (\d+) or more\b")
_WHOLE_POINTS: Final = Decimal("0.5")
_ON: Final = r"(?: on 20\d\d-\d\d-\d\d)?\?$"
_WILL_WIN: Final = re.compile(rf"^Will (?:the )?(?P<team>.+?) (?:win|beat (?P<other>.+?)){_ON}")
_DRAW: Final = re.compile(rf"^Will .+ end in a (?:draw|tie){_ON}", re.IGNORECASE)
_ASKED: Final = re.compile(r"^(?:[12]H |[1-4]Q )?Spread: ", re.IGNORECASE)
_PART: Final = re.compile(
    r"(?:[12]h|[1-4]q|bo\d|1st|2nd|3rd|4th|first|second|third|fourth|map|set|game|half|quarter|moneyline|winner|\d)?"
)
"""What may follow the two names in the question of a moneyline: anything else makes it another question."""


def read_polymarket_game(listing: Listing, leagues: Leagues) -> Game | None:
    """The facts of a market about a game, None for any other."""
    slug = _SLUG.match(listing.slug) or _SLUG.match(listing.event_subtitle)
    found = _kind(listing.sports_type)
    if slug is None or found is None:
        return None
    kind, scope = found
    league = leagues.of_polymarket(slug["league"])
    doubts: list[str] = []
    teams = _teams(slug["teams"], league, listing, doubts)
    return Game(
        league=Fact(league.name, listing.slug or listing.event_subtitle, "slug"),
        teams=Fact(frozenset(teams), f"{slug['teams']} · {listing.event_title or listing.title}", "slug, title")
        if teams
        else None,
        day=_day(slug["day"], listing, doubts),
        kind=Fact(kind, listing.sports_type, "sportsMarketType"),
        scope=_scope(scope, listing, doubts),
        statistic=listing.sports_type if kind is Kind.PLAYER else "",
        claims=_claims(kind, league, teams, listing, doubts),
        tabled=league.tabled,
        listed=league.listed,
        sport=league.sport,
        minute=None if listing.game_start is None else _minute(listing.game_start),
        doubts=tuple(doubts),
    )


def _kind(said: str) -> tuple[Kind, str | None] | None:
    sports_type = plain(said).replace(" ", "_")
    for prefix, scope in _PREFIXES.items():
        if sports_type.startswith(prefix):
            kind = _KINDS.get(sports_type.removeprefix(prefix))
            return None if kind is None else (kind, scope)
    kind = _KINDS.get(sports_type)
    # What a child of a match is about, a map or a set, only its words say.
    return None if kind is None else (kind, None if sports_type.startswith("child_") else "whole")


def _scope(said: str | None, listing: Listing, doubts: list[str]) -> Fact[str] | None:
    words = scope_in_words(listing.title) or scope_in_words(listing.subtitle)
    if said is None and words is None:
        doubts.append(f"which part of the match {listing.sports_type!r} is about is not said")
        return None
    if said is None or words in {None, said}:
        return Fact(said or str(words), f"{listing.sports_type} · {listing.title}", "sportsMarketType, question")
    doubts.append(f"sportsMarketType says {said}, the question {words}")
    return None


def _teams(codes: str, league: League, listing: Listing, doubts: list[str]) -> tuple[str, ...]:
    """Both teams, by code and by name alike; empty where the two disagree or either is not known."""
    named = _VERSUS.match(listing.event_title) or _VERSUS.match(listing.title)
    if not league.tabled:
        return (plain(named["first"]), plain(named["second"])) if named else ()
    by_name = {league.team(named["first"]), league.team(named["second"])} - {None} if named else set()
    parts = codes.split("-")
    by_code = tuple(filter(None, (league.codes.get(part) for part in parts)))
    if set(by_code) < by_name and len(by_name) == TWO:
        # A code that no table has; both names are known, and none of the codes is another's.
        return tuple(sorted(filter(None, by_name)))
    if len(parts) != TWO or len(set(by_code)) != TWO:
        doubts.append(f"the slug's {codes!r} are no two teams of {league.name}")
        return ()
    if not by_name <= set(by_code):
        doubts.append(f"the slug's teams are not those of the title {listing.event_title!r}")
        return ()
    return by_code


def _day(slug_day: str, listing: Listing, doubts: list[str]) -> Fact[date] | None:
    """The day in New York, by the start of the game or the rules; the slug, in no known zone, only confirms."""
    try:
        in_slug = date.fromisoformat(slug_day)
    except ValueError:
        return None
    if listing.game_start is None:
        scheduled = _SCHEDULED.search(listing.rules)
        if scheduled and (_MONTHS.index(scheduled["month"]) + 1, int(scheduled["day"])) == (in_slug.month, in_slug.day):
            return Fact(in_slug, f"{slug_day} · {scheduled[0]}", "slug, description")
        doubts.append(f"the slug says {slug_day} in no zone, and nothing says when the game starts")
        return None
    day = local_day(listing.game_start)
    if in_slug not in {day, listing.game_start.date()}:
        doubts.append(f"the slug says {slug_day}, the game starts on {day} (New York)")
        return None
    start = listing.game_start.astimezone(NEW_YORK)
    return Fact(day, f"{slug_day} · starts {start:%Y-%m-%d %H:%M} New York", "slug, gameStartTime")


def _minute(moment: datetime) -> int:
    there = moment.astimezone(NEW_YORK)
    return HOUR * there.hour + there.minute


def local_day(moment: datetime) -> date:
    """The day in New York of an instant."""
    return moment.astimezone(NEW_YORK).date()


def _claims(
    kind: Kind, league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]
) -> tuple[Fact[Claim] | None, ...]:
    match kind:
        case Kind.WINNER:
            return _winner(league, teams, listing, doubts)
        case Kind.SPREAD:
            return _spread(league, teams, listing, doubts)
        case Kind.TOTAL:
            return _over_under(league, teams, listing, doubts)
        case Kind.PLAYER:
            line = _line(listing, doubts)
            player = plain(listing.title.partition(":")[0])
            return _yes(listing, None if line is None else Fact(Claim(player, line.value), listing.title, "question"))
        case Kind.BOTH_SCORE:
            return _yes(listing, Fact(Claim("yes"), listing.title, "question"))
        case Kind.TEAM_TOTAL:
            return (None,) * len(listing.outcomes)


def _team(name: str, league: League, teams: tuple[str, ...]) -> str | None:
    """The team of this game that a name means."""
    team = league.team(name) if league.tabled else plain(name)
    return team if team in teams else None


def _winner(
    league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]
) -> tuple[Fact[Claim] | None, ...]:
    names = [outcome.name for outcome in listing.outcomes]
    if _is_yes_no(names):
        asked = _WILL_WIN.match(listing.title)
        side = _team(asked["team"], league, teams) if asked else "draw" if _DRAW.match(listing.title) else None
        return _yes(listing, None if side is None else Fact(Claim(side), listing.title, "question"))
    if not _names_both(listing.title, league, teams):
        doubts.append(f"the question {listing.title!r} is not just the two sides")
        return (None,) * len(names)
    sides = [_team(name, league, teams) for name in names]
    if len(set(sides)) != len(sides):
        return (None,) * len(names)
    return tuple(
        None if side is None else Fact(Claim(side), name, "outcomes") for side, name in zip(sides, names, strict=True)
    )


def _names_both(question: str, league: League, teams: tuple[str, ...]) -> bool:
    """Whether a question names both sides, and beside them at most a part of the game."""
    named = _VERSUS.match(question)
    if named is None or {_team(named["first"], league, teams), _team(named["second"], league, teams)} != set(teams):
        return False
    return all(_PART.fullmatch(word) for word in plain(question[named.end("second") :]).split())


def _spread(
    league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]
) -> tuple[Fact[Claim] | None, ...]:
    """Each outcome's margin. The sign is that of the question; field and rules may only confirm its size."""
    none = (None,) * len(listing.outcomes)
    said = _SPREAD.search(listing.title)
    favourite = _team(said["team"].strip(), league, teams) if said else None
    sides = [_team(outcome.name, league, teams) for outcome in listing.outcomes]
    if said is None or favourite is None or set(sides) != set(teams) or _ASKED.match(listing.title) is None:
        doubts.append(f"the question {listing.title!r} names no spread of one of the outcomes")
        return none
    line = -Decimal(said["line"])
    if listing.line is not None and abs(listing.line) != abs(line):
        doubts.append(f"two lines: {listing.title!r} and {listing.line} (line)")
        return none
    wins_by = _WINS_BY.search(listing.rules)
    if wins_by and line > 0 and Decimal(wins_by[1]) - _WHOLE_POINTS != line and line % 1:
        doubts.append(f"two lines: {listing.title!r} and {wins_by[0]!r} (description)")
        return none
    return tuple(
        Fact(Claim(str(side), line if side == favourite else -line), f"{listing.title} · {outcome.name}", "question")
        for side, outcome in zip(sides, listing.outcomes, strict=True)
    )


def _over_under(
    league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]
) -> tuple[Fact[Claim] | None, ...]:
    """The two sides of a line of both teams together; a player's total comes under the same type."""
    line = _line(listing, doubts)
    asked = listing.title if line is None else listing.title[: listing.title.index(line.text)]
    if not _names_both(asked.rstrip(": "), league, teams):
        doubts.append(f"the question {listing.title!r} is not of both sides' total")
        line = None
    combine = _COMBINE.search(listing.rules)
    if line and combine and line.value % 1 and Decimal(combine[1]) - _WHOLE_POINTS != line.value:
        doubts.append(f"two lines: {line.text!r} and {combine[0]!r} (description)")
        line = None
    names = [plain(outcome.name) for outcome in listing.outcomes]
    if line is None or set(names) != {"over", "under"}:
        return (None,) * len(names)
    return tuple(
        Fact(Claim(name, line.value), f"{line.text} · {outcome.name}", "question, outcomes")
        for name, outcome in zip(names, listing.outcomes, strict=True)
    )


def _line(listing: Listing, doubts: list[str]) -> Fact[Decimal] | None:
    """The line of the question, where the field does not contradict."""
    said = _LINE.search(listing.title)
    if said is None:
        return None
    if listing.line is not None and listing.line != Decimal(said[1]):
        doubts.append(f"two lines: {said[0]!r} and {listing.line} (line)")
        return None
    return Fact(Decimal(said[1]), said[0], "question")


def _yes(listing: Listing, claim: Fact[Claim] | None) -> tuple[Fact[Claim] | None, ...]:
    """The claim at the place of the outcome that is called Yes."""
    names = [outcome.name for outcome in listing.outcomes]
    return tuple(claim if _is_yes_no(names) and plain(name) == "yes" else None for name in names)


def _is_yes_no(names: list[str]) -> bool:
    return {plain(name) for name in names} == {"yes", "no"}
