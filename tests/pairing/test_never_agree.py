"""What is not the same question is never called "all points agree", whatever it looks like."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing.candidates import judge
from pairing.judgement import Verdict
from tests.pairing.kit import (
    LEAGUES,
    VOID,
    gamma_game,
    gamma_question,
    judged,
    kalshi_game,
    kalshi_question,
    one_gamma,
    one_kalshi,
    states,
)

CODES = ("ATL", "BOS", "BKN", "CHA", "CHI", "DAL", "DEN", "LAL", "LAC", "NYK", "TOR", "UTA")
NICKNAMES = {"BOS": "Celtics", "TOR": "Raptors", "LAL": "Lakers", "LAC": "Clippers", "NYK": "Knicks", "UTA": "Jazz"}
DAYS = st.dates(date(2025, 10, 1), date(2027, 6, 30))
HALVES = st.integers(1, 600).map(lambda half: half / 2)


def spread(team: str, nickname: str, line: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both venues' market on a team winning by more than a line; Polymarket's other outcome is the other team."""
    other = "Raptors" if nickname == "Celtics" else "Celtics"
    kalshi = kalshi_game(
        ticker=f"KXNBASPREAD-26JAN09TORBOS-{team}{int(line + 1)}",
        event_ticker="KXNBASPREAD-26JAN09TORBOS",
        title=f"{team} wins by over {line} points?",
        yes_sub_title=f"{'Boston' if team == 'BOS' else 'Toronto'} wins by over {line} points",
        strike_type="greater",
        floor_strike=line,
    )
    gamma = gamma_game(
        question=f"Spread: {nickname} (-{line})",
        slug="nba-tor-bos-2026-01-09-spread",
        outcomes=[nickname, other],
        outcomePrices=["0.61", "0.39"],
        sportsMarketType="spreads",
        line=-line,
    )
    return kalshi, gamma


def test_a_game_of_which_everything_is_known_agrees() -> None:
    judgement = judged(kalshi_game(), gamma_game())
    assert judgement.verdict is Verdict.SAME
    assert judgement.yes == 1


def test_a_question_of_which_everything_is_known_agrees() -> None:
    title = "Will Ann Lee win the Nobel Prize by December 31, 2026?"
    judgement = judge(kalshi_question(title), gamma_question(title), LEAGUES)
    assert judgement.verdict is Verdict.SAME
    assert judgement.yes == 0


def test_a_spread_of_which_everything_is_known_agrees() -> None:
    judgement = judged(*spread("BOS", "Celtics", 3.5))
    assert judgement.verdict is Verdict.SAME, states(judgement)
    assert judgement.yes == 0


@pytest.mark.parametrize("order", list(permutations([0, 1])))
@pytest.mark.parametrize("which", ["BOS", "TOR"])
def test_yes_is_told_by_name_and_never_by_place(order: tuple[int, int], which: str) -> None:
    names, tokens = ["Raptors", "Celtics"], ["111", "222"]
    gamma = gamma_game(
        outcomes=[names[i] for i in order],
        clobTokenIds=[tokens[i] for i in order],
        outcomePrices=["0.5", "0.5"],
    )
    name = "Boston" if which == "BOS" else "Toronto"
    kalshi = kalshi_game(
        ticker=f"KXNBAGAME-26JAN09TORBOS-{which}", yes_sub_title=name, yes_bid_dollars="0", yes_ask_dollars="1"
    )
    listing = one_gamma(gamma)
    yes = judge(one_kalshi(kalshi), listing, LEAGUES).yes
    assert yes is not None
    assert listing.outcomes[yes].token == ("222" if which == "BOS" else "111")


@given(day=DAYS, shift=st.sampled_from([-7, -1, 1, 2, 365]))
def test_another_day_never_agrees(day: date, shift: int) -> None:
    kalshi, start = day, datetime(day.year, day.month, day.day, 23, tzinfo=UTC) + timedelta(shift)
    ticker = f"KXNBAGAME-{kalshi:%y%b%d}TORBOS".upper()
    judgement = judged(
        kalshi_game(ticker=f"{ticker}-BOS", event_ticker=ticker),
        gamma_game(slug=f"nba-tor-bos-{start:%Y-%m-%d}", gameStartTime=start.isoformat()),
    )
    assert judgement.verdict is Verdict.DIFFERENT


@given(hour=st.integers(0, 23))
def test_the_day_is_that_of_new_york(hour: int) -> None:
    start = datetime(2026, 1, 10, hour, tzinfo=UTC)
    slug = "nba-tor-bos-2026-01-09" if hour < 5 else "nba-tor-bos-2026-01-10"
    judgement = judged(kalshi_game(), gamma_game(slug=slug, gameStartTime=start.isoformat()))
    assert (judgement.verdict is Verdict.SAME) is (hour < 5)


@pytest.mark.parametrize(("league", "state"), [("nba", "agree"), ("wnba", "differ"), ("basket", "unknown")])
def test_leagues_of_other_names_differ_only_where_both_are_known(league: str, state: str) -> None:
    judgement = judged(kalshi_game(), gamma_game(slug=f"{league}-tor-bos-2026-01-09"))
    assert states(judgement)["league"] == state


@pytest.mark.parametrize(
    ("hour", "start", "state"),
    [
        ("1905", "2026-06-16 23:10:00+00", "agree"),
        ("1305", "2026-06-16 23:10:00+00", "unknown"),
        ("", "2026-06-16 23:10:00+00", "unknown"),
        ("2599", "2026-06-16 23:10:00+00", "unknown"),
    ],
)
def test_one_of_two_games_a_day_is_told_by_its_start(hour: str, start: str, state: str) -> None:
    ticker = f"KXMLBGAME-26JUN16{hour}CWSTEX"
    kalshi = kalshi_game(ticker=f"{ticker}-TEX", event_ticker=ticker, yes_sub_title="Texas")
    gamma = gamma_game(
        slug="mlb-cws-tex-2026-06-16",
        question="White Sox vs. Rangers",
        outcomes=["White Sox", "Rangers"],
        gameStartTime=start,
    )
    judgement = judged({**kalshi, "title": "Chicago WS at Texas"}, {**gamma, "title": "White Sox vs. Rangers"})
    assert states(judgement)["date"] == state
    assert judgement.yes == 1


@given(teams=st.permutations(CODES).map(lambda codes: codes[:2]))
def test_other_teams_never_agree(teams: list[str]) -> None:
    if set(teams) == {"TOR", "BOS"}:
        return
    first, second = teams
    ticker = f"KXNBAGAME-26JAN09{first}{second}"
    kalshi = kalshi_game(ticker=f"{ticker}-{second}", event_ticker=ticker, yes_sub_title="")
    assert judged({**kalshi, "title": f"{first} at {second}"}, gamma_game()).verdict is not Verdict.SAME


def test_swapped_teams_are_the_other_side() -> None:
    """The ticker says Toronto, the name of YES says Boston: neither is believed."""
    judgement = judged(kalshi_game(ticker="KXNBAGAME-26JAN09TORBOS-TOR"), gamma_game())
    assert judgement.verdict is not Verdict.SAME
    assert judgement.yes is None


@given(mine=HALVES, other=HALVES)
def test_another_line_never_agrees(mine: float, other: float) -> None:
    kalshi, _ = spread("BOS", "Celtics", mine)
    _, gamma = spread("BOS", "Celtics", other)
    assert (judged(kalshi, gamma).verdict is Verdict.SAME) is (mine == other)


@given(line=HALVES)
def test_the_other_sign_never_agrees(line: float) -> None:
    kalshi, _ = spread("BOS", "Celtics", line)
    _, gamma = spread("TOR", "Raptors", line)
    assert judged(kalshi, gamma).verdict is not Verdict.SAME


@pytest.mark.parametrize(
    "changes",
    [
        {"sportsMarketType": "first_half_moneyline", "question": "Raptors vs. Celtics: 1H Moneyline"},
        {"question": "Raptors vs. Celtics: 1H Moneyline"},
        {"question": "Raptors vs. Celtics: 4th quarter"},
        {"sportsMarketType": "spreads", "question": "Spread: Celtics (-0.5)", "line": -0.5},
        {"sportsMarketType": "totals", "question": "Raptors vs. Celtics: O/U 220.5", "outcomes": ["Over", "Under"]},
        {"sportsMarketType": "something_new"},
        {"outcomes": ["Celtics", "Celtics"]},
        {"outcomes": ["Raptors", "Warriors"]},
        {"outcomes": ["Yes", "No"]},
        {"slug": "wnba-tor-bos-2026-01-09"},
        {"slug": "nba-tor-bos-2026-01-09", "gameStartTime": None, "description": "Celtics win."},
        {"description": "If the game is canceled, this market will resolve to No."},
        {"description": ""},
        {"description": f"{VOID} Only regulation counts.".replace("any overtime periods", "nothing else")},
        {"description": f"If the Celtics lead at half-time, the market will resolve to Celtics. {VOID}"},
        {"description": f"If the Celtics win the first half, the market will resolve to Celtics. {VOID}"},
        {"description": f"If the Celtics win by 3 points, the market will resolve to Celtics. {VOID}"},
        {"question": "Raptors vs. Celtics: most rebounds"},
        {"closed": True},
        {"negRiskOther": True},
        {"negRiskAugmented": True},
        {"outcomePrices": ["0.61", "0.39"]},
    ],
    ids=lambda changes: "-".join(f"{key}" for key in changes),
)
def test_what_is_not_the_same_in_one_thing_never_agrees(changes: dict[str, Any]) -> None:
    assert judged(kalshi_game(), gamma_game(**changes)).verdict is not Verdict.SAME


@pytest.mark.parametrize(("title", "agrees"), [("Set 1 Winner", False), ("Winner", True)])
def test_one_set_is_not_the_match(title: str, agrees: bool) -> None:
    ticker = "KXATPMATCH-26MAR16MEDSIN"
    kalshi = kalshi_game(
        ticker=f"{ticker}-MED",
        event_ticker=ticker,
        title="Daniil Medvedev vs Jannik Sinner",
        yes_sub_title="Daniil Medvedev",
    )
    gamma = gamma_game(
        slug="atp-medvede-sinner-2026-03-16",
        question="Daniil Medvedev vs. Jannik Sinner" if agrees else f"Daniil Medvedev vs. Jannik Sinner: {title}",
        outcomes=["Daniil Medvedev", "Jannik Sinner"],
        outcomePrices=["0.61", "0.39"],
        gameStartTime="2026-03-16 15:00:00+00",
    )
    judgement = judged(
        {**kalshi, "title": "Daniil Medvedev vs Jannik Sinner"}, {**gamma, "title": "Daniil Medvedev vs. Jannik Sinner"}
    )
    assert (judgement.verdict is Verdict.SAME) is agrees, states(judgement)
    assert ("differ" in states(judgement).values()) is False or not agrees


BASE = "Will Ann Lee win the Nobel Prize before March 1, 2026?"


@pytest.mark.parametrize(
    "title",
    [
        "Will Ann Lee win the Nobel Prize by March 31, 2026?",
        "Will Ann Lee win the Nobel Prize before March 2, 2026?",
        "Will Ann Lee win the Nobel Prize by March 1, 2026?",
        "Will Ann Lee win the Nobel Prize before March 1, 2027?",
        "Will Ann Lee win the Nobel Prize before March 1?",
        "Will Ann Lee win the Nobel Prize on March 1, 2026?",
        "Will Ann Lee win the Nobel Prize after March 1, 2026?",
        "Will Ann Lee win the Nobel Prize by March?",
        "Will Ann Lee win the Nobel Prize in 2026?",
        "Will Ann Lee win the Nobel Prize?",
        "Will Ann Lee not win the Nobel Prize before March 1, 2026?",
        "Will Ann Lee lose the Nobel Prize before March 1, 2026?",
        "Will Ann Leigh win the Nobel Prize before March 1, 2026?",
        "Will Ann Lee win the Nobel Peace Prize before March 1, 2026?",
        "Will Ann Lee win two Nobel Prizes before March 1, 2026?",
        "Will Ann Lee or Bo Lee win the Nobel Prize before March 1, 2026?",
        "Will Lee Ann win the Nobel Prize before March 1, 2026?",
    ],
)
def test_another_question_never_agrees(title: str) -> None:
    judgement = judge(kalshi_question(BASE), gamma_question(title), LEAGUES)
    assert judgement.verdict is not Verdict.SAME
    assert not judgement.titles_agree


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ("Will Ann Lee beat Bo Ray on May 3, 2026?", "Will Bo Ray beat Ann Lee on May 3, 2026?"),
        ("Will rates rise above 4% on May 3, 2026?", "Will rates rise above 4.5% on May 3, 2026?"),
        ("Will rates rise above 4% on May 3, 2026?", "Will rates rise below 4% on May 3, 2026?"),
        ("Will rates rise above 4% on May 3, 2026?", "Will rates rise to at least 4% on May 3, 2026?"),
        ("Will BTC be above $100k on May 3, 2026?", "Will BTC be above $100 on May 3, 2026?"),
        ("Will it rain in Austria on May 3, 2026?", "Will it rain in Australia on May 3, 2026?"),
        ("Will Ann win more votes than Bo by May 3, 2026?", "Will Bo win more votes than Ann by May 3, 2026?"),
        ("Will Ann win more votes by May 3, 2026?", "Will Ann win fewer votes by May 3, 2026?"),
        ("Will Ann win the first set on May 3, 2026?", "Will Ann win on May 3, 2026?"),
        ("Will 10-14 orders be signed by May 3, 2026?", "Will 10-15 orders be signed by May 3, 2026?"),
    ],
)
def test_likeness_is_not_sameness(mine: str, other: str) -> None:
    assert judge(kalshi_question(mine), gamma_question(other), LEAGUES).verdict is not Verdict.SAME


@pytest.mark.parametrize(("name", "agrees"), [("Lakers", False), ("Celtics", True)])
def test_the_name_of_yes_must_be_whom_the_question_asks_about(name: str, agrees: bool) -> None:
    kalshi = kalshi_question("Celtics win against Lakers by May 3, 2026?", name=name)
    gamma = gamma_question("Will Celtics win against Lakers by May 3, 2026?")
    assert (judge(kalshi, gamma, LEAGUES).verdict is Verdict.SAME) is agrees


@pytest.mark.parametrize(
    ("name", "question", "agrees"),
    [
        ("Ann Lee", "Will Ann Lee win the Nobel Prize by May 3, 2026?", True),
        ("Ann Lee", "Will Bo Lee win the Nobel Prize by May 3, 2026?", False),
        ("Ann Lee", "Will the Nobel Prize win Ann Lee by May 3, 2026?", False),
        ("Ann Lee", "Will Lee Ann win the Nobel Prize by May 3, 2026?", False),
        ("Bo", "Will Ann Lee win the Nobel Prize by May 3, 2026?", False),
        ("Tie", "Will Ann Lee win the Nobel Prize by May 3, 2026?", False),
    ],
)
def test_a_title_that_leaves_the_name_out_is_read_with_it(name: str, question: str, agrees: bool) -> None:
    rules = "Times are ET. If it is cancelled, this market resolves to No."
    kalshi = kalshi_question("Who will win the Nobel Prize by May 3, 2026?", name=name, rules=rules)
    judgement = judge(kalshi, gamma_question(question, rules=rules), LEAGUES)
    assert (judgement.verdict is Verdict.SAME) is agrees, states(judgement)


@given(first=DAYS, second=DAYS)
def test_another_deadline_never_agrees(first: date, second: date) -> None:
    mine, other = (f"Will Ann Lee resign before {day:%B} {day.day}, {day.year}?" for day in (first, second))
    verdict = judge(kalshi_question(mine), gamma_question(other), LEAGUES).verdict
    assert (verdict is Verdict.SAME) is (first == second)


@given(day=DAYS)
def test_until_the_end_of_a_day_is_before_the_next(day: date) -> None:
    after = day + timedelta(1)
    mine = f"Will Ann Lee resign before {after:%b} {after.day}, {after.year}?"
    other = f"Will Ann Lee resign by {day:%B} {day.day}, {day.year}?"
    assert judge(kalshi_question(mine), gamma_question(other), LEAGUES).verdict is Verdict.SAME


@given(words=st.permutations(["Ann", "Lee", "beats", "Bo", "Ray", "in", "Rome"]))
def test_names_in_another_order_never_agree(words: list[str]) -> None:
    if [word for word in words if word[0].isupper()] == ["Ann", "Lee", "Bo", "Ray", "Rome"]:
        return
    kalshi = kalshi_question("Will Ann Lee beats Bo Ray in Rome on May 3, 2026?")
    gamma = gamma_question(f"Will {' '.join(words)} on May 3, 2026?")
    assert judge(kalshi, gamma, LEAGUES).verdict is not Verdict.SAME


def test_another_zone_refuses() -> None:
    title = "Will Ann Lee resign by May 3, 2026?"
    gamma = gamma_question(title, rules="By 11:59 PM UTC. If it is cancelled, this resolves to No.")
    assert states(judge(kalshi_question(title), gamma, LEAGUES))["zone"] == "differ"
