"""Tickers, slugs and fields as facts: what is read, and what is doubted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pairing.facts import Claim, Game, Kind
from pairing.kalshi_game import read_kalshi_game, scope_in_words
from pairing.leagues import LeaguesError, plain, read_leagues
from pairing.polymarket_game import read_polymarket_game
from tests.pairing.kit import LEAGUES, gamma_game, kalshi_game, one_gamma, one_kalshi


def kalshi(ticker: str) -> Game | None:
    event = ticker.rpartition("-")[0]
    market = kalshi_game(ticker=ticker, event_ticker=event, yes_sub_title="", title="")["markets"][0]
    return read_kalshi_game(one_kalshi({"markets": [market]}), LEAGUES)


@pytest.mark.parametrize(
    ("ticker", "league", "kind", "scope", "day"),
    [
        ("KXNBAGAME-26JAN09TORBOS-BOS", "nba", Kind.WINNER, "whole", date(2026, 1, 9)),
        ("KXNBA1HWINNER-26JAN09TORBOS-BOS", "nba", Kind.WINNER, "first half", date(2026, 1, 9)),
        ("KXNBA2QSPREAD-26JAN09TORBOS-BOS4", "nba", Kind.SPREAD, "quarter 2", date(2026, 1, 9)),
        ("KXNBATEAMTOTAL-26JAN09TORBOS-BOS110", "nba", Kind.TEAM_TOTAL, "whole", date(2026, 1, 9)),
        ("KXMLBGAME-26JUN162005CWSTEX-TEX", "mlb", Kind.WINNER, "whole", date(2026, 6, 16)),
        ("KXEPLBTTS-26JAN09ARSCHE-BTTS", "epl", Kind.BOTH_SCORE, "whole", date(2026, 1, 9)),
        ("KXATPSETWINNER-26MAR16MERSVR-2-MER", "atp", Kind.WINNER, "set 2", date(2026, 3, 16)),
        ("KXLOLMAP-26MAR17JDGGEN-3-JDG", "lol", Kind.WINNER, "map 3", date(2026, 3, 17)),
        ("KXARGLNBGAME-26MAR162000UNIRAC-RAC", "arglnb", Kind.WINNER, "whole", date(2026, 3, 16)),
        ("KXATPCHALLENGERMATCH-26MAR16JUSPRA-PRA", "atpchallenger", Kind.WINNER, "whole", date(2026, 3, 16)),
    ],
)
def test_a_ticker_is_read(ticker: str, league: str, kind: Kind, scope: str, day: date) -> None:
    game = kalshi(ticker)
    assert game is not None
    assert game.scope is not None
    assert game.day is not None
    assert (game.league.value, game.kind.value, game.scope.value, game.day.value) == (league, kind, scope, day)


@pytest.mark.parametrize(
    "ticker", ["KXNBAMVP-26-SGIL", "KXFED-26JAN-T4.25", "PRESPARTYIL-24-D", "KXNBAGAME-26FOO09AB-A"]
)
def test_what_is_no_game_is_none(ticker: str) -> None:
    assert kalshi(ticker) is None


def test_a_day_that_no_month_has_is_none() -> None:
    game = kalshi("KXNBAGAME-26FEB30TORBOS-BOS")
    assert game is not None
    assert game.day is None


@pytest.mark.parametrize(
    ("strike", "name", "line"),
    [
        ({"strike_type": "greater", "floor_strike": 3.5}, "Boston wins by over 3.5 points", Decimal("3.5")),
        ({"strike_type": "greater_or_equal", "floor_strike": 4}, "Boston wins by 4 or more", Decimal("3.5")),
        ({}, "Boston wins by over 3.5 points", Decimal("3.5")),
        ({"strike_type": "greater", "floor_strike": 4.5}, "Boston wins by over 3.5 points", None),
        ({"strike_type": "less", "cap_strike": 3.5}, "Boston", None),
        ({}, "Boston", None),
    ],
)
def test_a_line_is_the_strike_where_the_words_agree(strike: dict[str, Any], name: str, line: Decimal | None) -> None:
    market = kalshi_game(
        ticker="KXNBASPREAD-26JAN09TORBOS-BOS4", event_ticker="KXNBASPREAD-26JAN09TORBOS", title="", **strike
    )["markets"][0]
    game = read_kalshi_game(one_kalshi({"markets": [{**market, "yes_sub_title": name}]}), LEAGUES)
    assert game is not None
    claim = game.claims[0]
    assert (None if claim is None else claim.value) == (None if line is None else Claim("Boston Celtics", line))


def test_codes_that_can_be_split_in_two_ways_are_doubted() -> None:
    leagues = read_leagues(
        [("x", '[x]\nkalshi=["X"]\n[x.teams]\nA={codes=["AB"]}\nB={codes=["CD"]}\nC={codes=["ABC"]}\nD={codes=["D"]}')]
    )
    market = {"ticker": "KXXGAME-26JAN09ABCD-AB", "event_ticker": "KXXGAME-26JAN09ABCD", "title": "?"}
    game = read_kalshi_game(one_kalshi({"markets": [market]}), leagues)
    assert game is not None
    assert game.teams is None
    assert game.doubts


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "Spread: Celtics (-3.5)", "line": -4.5, "sportsMarketType": "spreads"},
        {"question": "Spread: Lakers (-3.5)", "line": -3.5, "sportsMarketType": "spreads"},
        {
            "question": "Spread: Celtics (-3.5)",
            "line": -3.5,
            "sportsMarketType": "spreads",
            "description": "win the game by 5 or more points",
        },
        {"question": "O/U 220.5", "line": 221.5, "sportsMarketType": "totals", "outcomes": ["Over", "Under"]},
        {"question": "O/U 220.5", "sportsMarketType": "totals", "outcomes": ["Yes", "No"]},
    ],
)
def test_a_line_that_is_said_in_two_ways_is_none(changes: dict[str, Any]) -> None:
    game = read_polymarket_game(one_gamma(gamma_game(**changes)), LEAGUES)
    assert game is not None
    assert game.claims == (None, None)


@pytest.mark.parametrize(
    ("changes", "claims"),
    [
        ({"question": "Colston Loveland: O/U 32.5 receiving yards", "sportsMarketType": "totals", "line": 32.5}, 0),
        ({"question": "Raptors: O/U 110.5", "sportsMarketType": "totals", "line": 110.5}, 0),
        ({"question": "Raptors vs. Celtics: O/U 220.5", "sportsMarketType": "totals", "line": 220.5}, 2),
        ({"question": "Raptors vs. Celtics: 1H O/U 110.5", "sportsMarketType": "first_half_totals", "line": 110.5}, 2),
    ],
)
def test_a_total_is_that_of_both_sides(changes: dict[str, Any], claims: int) -> None:
    game = read_polymarket_game(one_gamma(gamma_game(outcomes=["Over", "Under"], **changes)), LEAGUES)
    assert game is not None
    assert sum(fact is not None for fact in game.claims) == claims


@pytest.mark.parametrize(
    ("question", "claims"),
    [
        ("Raptors vs. Celtics", 2),
        ("Raptors vs. Celtics: 1H Moneyline", 2),
        ("Raptors vs. Celtics: most rebounds", 0),
        ("Raptors vs. Celtics: first to 20 points", 0),
        ("Raptors vs. Lakers", 0),
        ("Who scores first?", 0),
    ],
)
def test_a_moneyline_asks_for_nothing_but_the_two_sides(question: str, claims: int) -> None:
    game = read_polymarket_game(one_gamma(gamma_game(question=question)), LEAGUES)
    assert game is not None
    assert sum(fact is not None for fact in game.claims) == claims


@pytest.mark.parametrize(
    ("question", "side"),
    [
        ("Will Arsenal win on 2026-01-09?", "arsenal"),
        ("Will Arsenal vs. Chelsea end in a draw?", "draw"),
        ("Will Arsenal win the league?", None),
        ("Will Arsenal win by two goals on 2026-01-09?", None),
        ("Will Chelsea win or draw on 2026-01-09?", None),
    ],
)
def test_a_yes_or_no_about_a_match_names_its_side(question: str, side: str | None) -> None:
    gamma = gamma_game(question=question, slug="epl-ars-che-2026-01-09", outcomes=["No", "Yes"])
    game = read_polymarket_game(one_gamma({**gamma, "title": "Arsenal vs. Chelsea"}), LEAGUES)
    assert game is not None
    assert [fact and fact.value.side for fact in game.claims] == [None, side]


def test_a_code_that_no_table_has_is_told_by_the_names() -> None:
    """Only where both names are known and none of the known codes is another team's."""
    game = read_polymarket_game(one_gamma(gamma_game(slug="nba-trt-bos-2026-01-09")), LEAGUES)
    assert game is not None
    assert game.teams is not None
    assert game.teams.value == {"Toronto Raptors", "Boston Celtics"}
    ticker = "KXNBAGAME-26JAN09TRTBOS"
    market = kalshi_game(ticker=f"{ticker}-TRT", event_ticker=ticker, yes_sub_title="Toronto")
    mine = read_kalshi_game(one_kalshi(market), LEAGUES)
    assert mine is not None
    assert mine.claims[0] is not None
    assert mine.claims[0].value == Claim("Toronto Raptors")
    wrong = read_polymarket_game(one_gamma(gamma_game(slug="nba-trt-lal-2026-01-09")), LEAGUES)
    assert wrong is not None
    assert wrong.teams is None


def test_the_number_of_a_game_in_a_series_is_no_part_of_a_game() -> None:
    market = kalshi_game(title="Game 3: Toronto at Boston Winner?")
    game = read_kalshi_game(one_kalshi({**market, "title": "Game 3: Toronto at Boston"}), LEAGUES)
    assert game is not None
    assert game.scope is not None
    assert game.scope.value == "whole"
    assert game.teams is not None


def test_the_sign_of_a_line_is_that_of_the_question() -> None:
    """Polymarket's field says 2.5 for "(-2.5)" in some markets: its sign is not believed."""
    gamma = gamma_game(
        question="1H Spread: Celtics (-2.5)",
        line=2.5,
        sportsMarketType="first_half_spreads",
        outcomes=["Raptors", "Celtics"],
    )
    game = read_polymarket_game(one_gamma(gamma), LEAGUES)
    assert game is not None
    assert [fact and fact.value for fact in game.claims] == [
        Claim("Toronto Raptors", Decimal("-2.5")),
        Claim("Boston Celtics", Decimal("2.5")),
    ]


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("Set 1 Winner: A vs B", "set 1"),
        ("A vs B: Map 3", "map 3"),
        ("First half winner", "first half"),
        ("Lakers vs. Suns: 1H Moneyline", "first half"),
        ("Who wins the 2nd set?", "set 2"),
        ("4th quarter", "quarter 4"),
        ("Setting a record", None),
        ("A vs B", None),
    ],
)
def test_the_part_of_a_game_is_read_off_words(text: str, scope: str | None) -> None:
    assert scope_in_words(text) == scope


def test_a_name_of_two_teams_is_nobodys() -> None:
    nba = LEAGUES.of_kalshi("NBA")
    assert nba.team("Los Angeles") is None
    assert nba.team("Los Angeles L") == "Los Angeles Lakers"
    assert LEAGUES.of_kalshi("NFL").team("New York") is None


@pytest.mark.parametrize(
    ("name", "same"),
    [("Luka Don\u010di\u0107", "luka doncic"), ("\u00d8degaard", "odegaard"), (" O'Neal,  Jr. ", "o neal jr")],
)
def test_names_are_compared_without_accents_and_points(name: str, same: str) -> None:
    assert plain(name) == same


def test_a_users_table_adds_to_what_ships() -> None:
    files = [("a", '[nba]\nkalshi=["NBA"]\n[nba.teams]\nA={codes=["AA"]}'), ("b", '[nba.teams]\nA={names=["Old A"]}')]
    league = read_leagues(files).of_kalshi("NBA")
    assert league.team("old a") == league.team("AA") == "A"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[nba", "not TOML"),
        ("nba = 1", "nba: must be a table"),
        ("[nba]\nsports='x'", "unknown key sports"),
        ("[nba]\nkalshi='NBA'", "nba.kalshi"),
        ("[nba.teams]\nA='AA'", "nba.teams.A"),
        ("[nba.teams]\nA={codes=[1]}", "nba.teams.A.codes"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(text: str, word: str) -> None:
    with pytest.raises(LeaguesError, match=r"mine\.toml") as caught:
        read_leagues([("mine.toml", text)])
    assert word in str(caught.value)
