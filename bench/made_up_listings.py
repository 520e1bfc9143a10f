"""Listings of two venues, made up: games by code, and questions in each venue's own wording, half of them shared.

Names are many and rare, the rest of a title is one of a few turns of phrase: as on the venues, and the hard case for
an index of words.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from pairing.listing import Listing, Outcome
from protocol.terms import KALSHI, POLYMARKET

GAMES: Final = 0.3
"""Share of the markets that are about games of a league with a table of teams."""

_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "sto", "vel", "dar", "ne", "qui", "ba", "tor", "hin", "su", "pra", "gel")
_PLACES: Final = (
    "Ohio",
    "Texas",
    "Utah",
    "Iowa",
    "Maine",
    "Nevada",
    "France",
    "Chile",
    "Japan",
    "Kenya",
    "Norway",
    "Poland",
    "Spain",
    "Brazil",
    "Ghana",
    "Peru",
)
_ASKED: Final = (
    ("Will {name} win the {year} {place} governor election?", "{name} to win {place} governor election in {year}?"),
    ("Will {name} be the next mayor of {place}?", "Next mayor of {place}: {name}?"),
    ("Will {name} release an album before {month} 1, {year}?", "{name} album by {month} 1, {year}?"),
    ("Will {name} rise above ${n} by {month} 15, {year}?", "{name} above ${n} on {month} 15, {year}?"),
    ("Will {name} win best actor in {year}?", "Best actor {year}: {name}"),
    ("How many seats will {name} win in {place}? {n} or more", "{name} wins at least {n} seats in {place}"),
)
_MONTHS: Final = ("January", "April", "June", "September", "December")
_CODES: Final = [
    "ATL",
    "BOS",
    "BKN",
    "CHA",
    "CHI",
    "CLE",
    "DAL",
    "DEN",
    "DET",
    "GSW",
    "HOU",
    "IND",
    "LAC",
    "LAL",
    "MEM",
    "MIA",
    "MIL",
    "MIN",
    "NOP",
    "NYK",
    "OKC",
    "ORL",
    "PHI",
    "PHX",
    "POR",
    "SAC",
    "SAS",
    "TOR",
    "UTA",
    "WAS",
]
_RULES: Final = "Decided by the official result. Times are ET. If it is cancelled, this market resolves to No. " * 4


def made_up_listings(count: int, rng: Random) -> tuple[list[Listing], list[Listing]]:
    """So many listings of each venue."""
    kalshi: list[Listing] = []
    polymarket: list[Listing] = []
    for number in range(count):
        if rng.random() < GAMES:
            first, second = _game(number, rng)
        else:
            first, second = _question(number, rng)
        kalshi.append(first)
        polymarket.append(second)
    rng.shuffle(polymarket)
    return kalshi, polymarket


def _game(number: int, rng: Random) -> tuple[Listing, Listing]:
    away, home = rng.sample(_CODES, 2)
    day = date(2025, 1, 1) + timedelta(number % 20_000)
    ticker = f"KXNBAGAME-{day:%y%b%d}{away}{home}".upper()
    start = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    mine = Listing(
        platform=KALSHI,
        market_id=f"{ticker}-{home}",
        event_id=ticker,
        series="KXNBAGAME",
        title=f"{away} at {home} Winner?",
        subtitle=home,
        outcomes=(Outcome(home), Outcome(f"not {home}")),
        rules=_RULES,
    )
    other = Listing(
        platform=POLYMARKET,
        market_id=f"0xg{number}",
        event_id=str(number),
        title=f"{away} vs. {home}",
        slug=f"nba-{away.lower()}-{home.lower()}-{day}",
        outcomes=(Outcome(away, f"a{number}"), Outcome(home, f"h{number}")),
        sports_type="moneyline",
        game_start=start,
        rules=_RULES,
    )
    return mine, other


def _question(number: int, rng: Random) -> tuple[Listing, Listing]:
    """A question of Kalshi's, and the same in other words, or (as often) another one."""
    asked = _ASKED[number % len(_ASKED)]
    said = _words(rng)
    mine = asked[0].format_map(said)
    other = asked[1].format_map(said if rng.random() < 0.5 else _words(rng))  # noqa: PLR2004 -- half of them
    return (
        Listing(
            platform=KALSHI,
            market_id=f"KXQ{number}-26-{number}",
            event_id=f"KXQ{number}",
            title=mine,
            subtitle=said["name"],
            outcomes=(Outcome(said["name"]), Outcome(f"not {said['name']}")),
            rules=f"{mine} {_RULES}",
        ),
        Listing(
            platform=POLYMARKET,
            market_id=f"0xq{number}",
            event_id=str(number),
            title=other,
            outcomes=(Outcome("Yes", f"y{number}"), Outcome("No", f"n{number}")),
            rules=f"{other} {_RULES}",
        ),
    )


def _words(rng: Random) -> dict[str, str]:
    name = " ".join("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))).title() for _ in range(2))
    return {
        "name": name,
        "place": rng.choice(_PLACES),
        "year": str(rng.randint(2026, 2028)),
        "month": rng.choice(_MONTHS),
        "n": str(rng.randint(2, 400)),
    }
