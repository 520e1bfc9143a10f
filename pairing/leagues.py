"""Which codes and names of the venues are one team: tables that a user can extend."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

__all__ = ["League", "Leagues", "LeaguesError", "plain", "read_leagues"]

MAX_LEAGUES: Final = 1_000
MAX_TEAMS: Final = 2_000
"""Teams of one league."""

_ODD: Final = re.compile(r"[\W_]+")
# Letters that decompose into none of ASCII; what one venue writes with them the other often does not.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
_KEYS: Final = frozenset({"sport", "kalshi", "polymarket", "draw", "teams"})
_TEAM_KEYS: Final = frozenset({"codes", "names"})


class LeaguesError(ValueError):
    """A table that cannot be used; the text names the file, the league, the field and the fix."""


def plain(text: str) -> str:
    """A name without case, accents and punctuation: ``"Dončić, Luka"`` is ``"doncic luka"``."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
        text = text.casefold().translate(_LETTERS)
    return _ODD.sub(" ", text.casefold()).strip()


class League(msgspec.Struct, frozen=True, kw_only=True):
    """A league: what the venues call it, and its teams by code and by name. A name of two teams is in neither map.

    ``listed`` tells a league of a table from one that only stands for its own code.
    """

    name: str
    sport: str = ""
    kalshi: frozenset[str] = frozenset()
    polymarket: frozenset[str] = frozenset()
    draw: bool = False
    listed: bool = False
    codes: Mapping[str, str] = {}
    names: Mapping[str, str] = {}

    @property
    def tabled(self) -> bool:
        """Whether its teams are known by code, and not by name alone."""
        return bool(self.codes)

    def team(self, name: str) -> str | None:
        """The team of that name or code in any case, None where it is not known."""
        key = plain(name)
        return self.names.get(key) or self.codes.get(key)


class Leagues:
    """All leagues, by what either venue calls them. A league that no table names stands for itself, by its code."""

    def __init__(self, leagues: Iterable[League]) -> None:
        self._kalshi: dict[str, League] = {}
        self._polymarket: dict[str, League] = {}
        for league in leagues:
            self._kalshi.update(dict.fromkeys(league.kalshi, league))
            self._polymarket.update(dict.fromkeys(league.polymarket, league))

    def of_kalshi(self, code: str) -> League:
        """The league of a series such as ``NBA`` in ``KXNBAGAME``."""
        return self._kalshi.get(code) or League(name=code.lower())

    def of_polymarket(self, code: str) -> League:
        """The league of the first part of a slug such as ``nba`` in ``nba-okc-mem-2026-01-09``."""
        return self._polymarket.get(code) or League(name=code.lower())


def read_leagues(files: Iterable[tuple[str, str]]) -> Leagues:
    """The leagues of TOML files, given as name and text; what a later file says of a league is added to it."""
    merged: dict[str, dict[str, Any]] = {}
    for source, text in files:
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise LeaguesError(f"{source}: not TOML: {error}") from None
        for name, table in document.items():
            _merge(merged.setdefault(name, {"teams": {}}), _checked(table, f"{source}: {name}"))
    if len(merged) > MAX_LEAGUES:
        raise LeaguesError(f"{len(merged)} leagues are more than {MAX_LEAGUES}")
    return Leagues(_league(name, table) for name, table in merged.items())


def _checked(table: object, where: str) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise LeaguesError(f"{where}: must be a table such as [nba]")
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise LeaguesError(f"{where}: unknown key {unknown[0]}: allowed are {', '.join(sorted(_KEYS))}")
    for key in ("kalshi", "polymarket"):
        _names(table.get(key, []), f"{where}.{key}")
    teams = table.get("teams", {})
    if not isinstance(teams, dict) or len(teams) > MAX_TEAMS:
        raise LeaguesError(f"{where}.teams: must be a table of at most {MAX_TEAMS} teams")
    for team, row in teams.items():
        if not isinstance(row, dict) or set(row) - _TEAM_KEYS:
            raise LeaguesError(f'{where}.teams.{team}: must be {{ codes = ["BOS"], names = ["Boston"] }}')
        for key in _TEAM_KEYS:
            _names(row.get(key, []), f"{where}.teams.{team}.{key}")
    return table


def _names(value: object, where: str) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise LeaguesError(f"{where}: must be a list of texts")


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key == "teams":
            for team, row in value.items():
                known = into["teams"].setdefault(team, {"codes": [], "names": []})
                for part in _TEAM_KEYS:
                    known[part] = [*known[part], *row.get(part, [])]
        elif isinstance(value, list):
            into[key] = [*into.get(key, []), *value]
        else:
            into[key] = value


def _league(name: str, table: Mapping[str, Any]) -> League:
    teams: Mapping[str, Mapping[str, list[str]]] = table["teams"]
    return League(
        name=name,
        sport=str(table.get("sport", "")),
        kalshi=frozenset(code.upper() for code in table.get("kalshi", [])),
        polymarket=frozenset(code.lower() for code in table.get("polymarket", [])),
        draw=bool(table.get("draw", False)),
        listed=True,
        codes=_unique((plain(code), team) for team, row in teams.items() for code in row["codes"]),
        names=_unique((plain(each), team) for team, row in teams.items() for each in (team, *row["names"])),
    )


def _unique(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What names one team only: a code or a name of two teams names none."""
    found: dict[str, set[str]] = {}
    for key, team in rows:
        found.setdefault(key, set()).add(team)
    return {key: next(iter(teams)) for key, teams in found.items() if len(teams) == 1}
