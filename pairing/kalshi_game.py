"""A Kalshi market about a game, read from its ticker and confirmed by its own words.

``KXNBASPREAD-26JAN09TORBOS-BOS4`` is league, kind, day (and hour) in New York, both teams, and what YES says. The
threshold is never the number in the ticker, which the venue rounds, but the strike, or the words of the title.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from pairing.facts import Claim, Fact, Game, Kind
from pairing.leagues import League, Leagues, plain
from pairing.listing import Listing

__all__ = ["read_kalshi_game"]

_SERIES: Final = re.compile(
    r"KX(?P<league>[A-Z0-9]+?)(?P<scope>[12]H|[1-4]Q)?"
    r"(?P<kind>TEAMTOTAL|SETWINNER|GAME|MATCH|FIGHT|WINNER|SPREAD|TOTAL|BTTS|MAP|PTS|REB|AST)"
)
_TICKER: Final = re.compile(
    r"(?P<day>\d\d(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d\d)(?P<hour>\d{4})?"
    r"(?P<teams>[A-Z][A-Z0-9]+?)(?:G(?P<number>[12]))?$"
)
HOUR: Final = 60
LAST_HOUR: Final = 23
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_KINDS: Final = {
    "GAME": Kind.WINNER,
    "MATCH": Kind.WINNER,
    "FIGHT": Kind.WINNER,
    "WINNER": Kind.WINNER,
    "SETWINNER": Kind.WINNER,
    "MAP": Kind.WINNER,
    "SPREAD": Kind.SPREAD,
    "TOTAL": Kind.TOTAL,
    "TEAMTOTAL": Kind.TEAM_TOTAL,
    "BTTS": Kind.BOTH_SCORE,
    "PTS": Kind.PLAYER,
    "REB": Kind.PLAYER,
    "AST": Kind.PLAYER,
}
_STATISTICS: Final = {"PTS": "points", "REB": "rebounds", "AST": "assists"}
_SCOPES: Final = {"1H": "first half", "2H": "second half"}
_PARTS: Final = {"SETWINNER": "set", "MAP": "map"}
_OVER: Final = re.compile(r"\b(?:over|more than|above)\s+(\d+(?:\.\d+)?)", re.IGNORECASE)
_AT_LEAST: Final = re.compile(r"\b(\d+)\s*(?:\+|or more\b)|\bat least\s+(\d+)", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"^(?P<first>.+?) (?:at|vs\.?|v) (?P<second>.+?)(?:: .*|\s+Winner\?)?$", re.IGNORECASE)
_OF_SERIES: Final = re.compile(r"^Game \d: ")
"""The number of a game in a series of games, each of which is a whole one."""

_HALF: Final = Decimal("0.5")
_NO_TEAMS: Final[frozenset[str]] = frozenset()


class _Ticker(NamedTuple):
    """The parts of a ticker, as they stand there."""

    event: str
    kind: str
    scope: str | None
    part: str | None
    day: str
    teams: str
    number: str | None
    what: str
    hour: str | None


def read_kalshi_game(listing: Listing, leagues: Leagues) -> Game | None:
    """The facts of a market about a game, None for any other."""
    series = _SERIES.fullmatch(listing.series or listing.market_id.partition("-")[0])
    ticker = None if series is None else _ticker(listing.market_id, series)
    if series is None or ticker is None:
        return None
    league = leagues.of_kalshi(series["league"])
    kind = _KINDS[ticker.kind]
    doubts: list[str] = []
    teams = _teams(ticker, league, listing, doubts)
    claim = _claim(ticker, kind, league, teams, listing, doubts)
    return Game(
        league=Fact(league.name, listing.market_id, "ticker"),
        teams=Fact(frozenset(teams), f"{ticker.teams} · {listing.event_title or listing.title}", "ticker, title")
        if teams
        else None,
        day=_day(ticker.day),
        kind=Fact(kind, listing.series or listing.market_id, "series"),
        scope=_scope(ticker, listing, doubts),
        statistic=_STATISTICS.get(ticker.kind, ""),
        claims=(claim, None),
        tabled=league.tabled,
        listed=league.listed,
        sport=league.sport,
        number=int(ticker.number) if ticker.number else None,
        minute=_minute(ticker.hour),
        doubts=tuple(doubts),
    )


def _ticker(market_id: str, series: re.Match[str]) -> _Ticker | None:
    _, *middle = market_id.split("-")
    found = _TICKER.match(middle[0]) if middle else None
    if found is None or not 2 <= len(middle) <= 3:  # noqa: PLR2004 -- event, (set or map,) what YES says
        return None
    part = middle[1] if len(middle) == 3 else None  # noqa: PLR2004 -- the same
    return _Ticker(
        middle[0],
        series["kind"],
        series["scope"],
        part,
        found["day"],
        found["teams"],
        found["number"],
        middle[-1],
        found["hour"],
    )


def _day(text: str) -> Fact[date] | None:
    try:
        day = date(2000 + int(text[:2]), _MONTHS.index(text[2:5]) + 1, int(text[5:]))
    except ValueError:
        return None
    return Fact(day, f"{text} (New York)", "ticker")


def _minute(hour: str | None) -> int | None:
    """The minute of the day of ``2005``, None where that is no hour."""
    if hour is None or int(hour[:2]) > LAST_HOUR or int(hour[2:]) >= HOUR:
        return None
    return HOUR * int(hour[:2]) + int(hour[2:])


def _scope(ticker: _Ticker, listing: Listing, doubts: list[str]) -> Fact[str] | None:
    """The part of the game; None where ticker and words disagree."""
    if ticker.kind in _PARTS:
        if ticker.part is None or not ticker.part.isdigit():
            doubts.append(f"the ticker does not say which {_PARTS[ticker.kind]}")
            return None
        said = f"{_PARTS[ticker.kind]} {int(ticker.part)}"
    elif ticker.scope is not None:
        said = _SCOPES.get(ticker.scope) or f"quarter {ticker.scope[0]}"
    else:
        said = "whole"
    words = scope_in_words(_OF_SERIES.sub("", listing.title))
    if words not in {None, said}:
        doubts.append(f"the ticker says {said}, the title {words}")
        return None
    return Fact(said, listing.market_id, "ticker")


_SCOPE_WORDS: Final = (
    (re.compile(r"\b(?:1st|first)[- ]half\b|\b1H\b", re.IGNORECASE), "first half"),
    (re.compile(r"\b(?:2nd|second)[- ]half\b|\b2H\b", re.IGNORECASE), "second half"),
    (re.compile(r"\b(?:1st|first) quarter\b|\b1Q\b|\bQ1\b", re.IGNORECASE), "quarter 1"),
    (re.compile(r"\b(?:2nd|second) quarter\b|\b2Q\b|\bQ2\b", re.IGNORECASE), "quarter 2"),
    (re.compile(r"\b(?:3rd|third) quarter\b|\b3Q\b|\bQ3\b", re.IGNORECASE), "quarter 3"),
    (re.compile(r"\b(?:4th|fourth) quarter\b|\b4Q\b|\bQ4\b", re.IGNORECASE), "quarter 4"),
)
_NUMBERED: Final = re.compile(r"\b(set|map|game|inning|period|round)\s+#?(\d{1,2})\b", re.IGNORECASE)
_ORDINAL: Final = re.compile(r"\b(1st|first|2nd|second|3rd|third) (set|map|inning|period|round)\b", re.IGNORECASE)
_ORDINALS: Final = {"1st": 1, "first": 1, "2nd": 2, "second": 2, "3rd": 3, "third": 3}


def scope_in_words(text: str) -> str | None:
    """The part of a game that a title names, None where it names none."""
    for pattern, scope in _SCOPE_WORDS:
        if pattern.search(text):
            return scope
    if numbered := _NUMBERED.search(text):
        return f"{numbered[1].lower()} {int(numbered[2])}"
    if ordinal := _ORDINAL.search(text):
        return f"{ordinal[2].lower()} {_ORDINALS[ordinal[1].lower()]}"
    return None


def _teams(ticker: _Ticker, league: League, listing: Listing, doubts: list[str]) -> tuple[str, ...]:
    """Both teams in the ticker's order; empty where they are not known for certain."""
    named = _BETWEEN.match(_OF_SERIES.sub("", listing.event_title or listing.title))
    if not league.tabled:
        return (plain(named["first"]), plain(named["second"])) if named else ()
    codes = ticker.teams.lower()
    splits = {(league.codes.get(codes[:i]), league.codes.get(codes[i:])) for i in range(1, len(codes))}
    whole = [(first, second) for first, second in splits if first and second and first != second]
    by_name = [league.team(named["first"]), league.team(named["second"])] if named else []
    if not whole and all(by_name) and len(set(by_name)) == 2 and _begins_or_ends(codes, league, by_name):  # noqa: PLR2004 -- two sides
        # A code that no table has; both names are known, and the other code stands where it must.
        return tuple(filter(None, by_name))
    if len(whole) != 1:
        doubts.append(f"the codes {ticker.teams} are {'two' if whole else 'no two'} teams of {league.name}")
        return ()
    if named:
        said = {league.team(named["first"]), league.team(named["second"])} - {None}
        if not said <= set(whole[0]):
            doubts.append(f"the ticker's teams are not those of the title {named[0]!r}")
            return ()
    return whole[0]


def _begins_or_ends(codes: str, league: League, names: list[str | None]) -> bool:
    """Whether the code of one of these teams begins or ends the ticker's codes."""
    return any(codes.startswith(code) or codes.endswith(code) for code, team in league.codes.items() if team in names)


def _claim(
    ticker: _Ticker, kind: Kind, league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]
) -> Fact[Claim] | None:
    """What YES says; None where it is not known."""
    if kind is Kind.BOTH_SCORE:
        return Fact(Claim("yes"), listing.title, "title")
    if kind is Kind.PLAYER:
        return _with_line(plain(listing.title.partition(":")[0]), listing, doubts)
    if kind is Kind.TOTAL:
        return _with_line("over", listing, doubts)
    side = _side(ticker.what, league, teams, listing, doubts)
    if side is None or kind is not Kind.WINNER:
        return None if side is None else _with_line(side, listing, doubts)
    return Fact(Claim(side), f"{ticker.what} \u00b7 {listing.outcomes[0].name}", "ticker, yes_sub_title")


def _side(what: str, league: League, teams: tuple[str, ...], listing: Listing, doubts: list[str]) -> str | None:
    """The team that the ticker's last part names, where the name of YES does not contradict."""
    code = what.rstrip("0123456789.") if not league.codes.get(what.lower()) else what
    name = re.split(r" wins? | by | over ", listing.outcomes[0].name, maxsplit=1)[0]
    if code == "TIE":
        return "draw"
    if not league.tabled:
        return next((team for team in teams if team == plain(name)), None)
    by_code, by_name = league.codes.get(code.lower()), league.team(name)
    said = {by_code, by_name} - {None}
    if len(said) != 1 or not said <= set(teams):
        doubts.append(f"the ticker says {code}, YES is {name!r}: not one team of this game")
        return None
    return said.pop()


def _with_line(side: str, listing: Listing, doubts: list[str]) -> Fact[Claim] | None:
    """The claim above the strike, where strike and words agree on it."""
    lines = {line.value: line for line in (_struck(listing), _worded(listing)) if line is not None}
    if len(lines) > 1:
        doubts.append("two lines: " + " and ".join(f"{line.text} ({line.field})" for line in lines.values()))
    if len(lines) != 1:
        return None
    line = next(iter(lines.values()))
    return Fact(Claim(side, line.value), line.text, line.field)


def _struck(listing: Listing) -> Fact[Decimal] | None:
    strike = listing.strike
    if strike is None or strike.floor is None or strike.cap is not None:
        return None
    text = f"{strike.kind} {strike.floor}"
    match strike.kind:
        case "greater":
            return Fact(strike.floor, text, "floor_strike")
        case "greater_or_equal" if not strike.floor % 1:
            # Points are whole: at least 4 is above 3.5.
            return Fact(strike.floor - _HALF, text, "floor_strike")
        case _:
            return None


def _worded(listing: Listing) -> Fact[Decimal] | None:
    for field, text in (("yes_sub_title", listing.outcomes[0].name), ("title", listing.title)):
        if over := _OVER.search(text):
            return Fact(Decimal(over[1]), over[0], field)
        if least := _AT_LEAST.search(text):
            return Fact(Decimal(least[1] or least[2]) - _HALF, least[0], field)
    return None
