"""The two venues' NBA listings of 9 January 2026: every game paired on the right side, and nothing else."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cache

import pytest

from pairing.candidates import Candidate, find_candidates
from pairing.facts import Kind
from pairing.gamma import read_gamma
from pairing.judgement import Verdict
from pairing.kalshi import read_kalshi
from pairing.listing import Listing
from pairing.polymarket_game import read_polymarket_game
from tests.pairing.kit import LEAGUES
from tests.shared_data import shared_data
from transport.listing_file import read_listing_file

GAMES = 27
WITHOUT_PARTNER = 23


@cache
def listings() -> tuple[list[Listing], list[Listing]]:
    kalshi, bad = read_listing_file(shared_data("kalshi_events_nba_20260109.json"), read_kalshi)
    polymarket, worse = read_listing_file(shared_data("polymarket_gamma_events_nba_20260109.json.gz"), read_gamma)
    assert bad == worse == []
    return kalshi, polymarket


@cache
def found() -> list[Candidate]:
    return list(find_candidates(*listings(), LEAGUES, closed=True))


@cache
def answers() -> list[dict[str, str]]:
    with shared_data("nba_event_pairs_20260109.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_both_markets_of_every_game_are_paired_with_the_token_of_their_own_team() -> None:
    names = {team: name for row in answers() for team, name in _sides(row).items()}
    right = 0
    for candidate in found():
        yes = candidate.judgement.yes
        assert yes is not None
        outcome = candidate.polymarket.outcomes[yes]
        assert (outcome.name, outcome.token) == names[candidate.kalshi.market_id]
        right += 1
    assert right == 2 * GAMES == len(names)


def _sides(row: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Kalshi's ticker of each team, with the name and token that the answers give it: away first on both venues."""
    event = row["kalshi_event_ticker"]
    _, first, second, *_ = row["polymarket_slug"].upper().split("-")
    outcomes, tokens = json.loads(row["moneyline_outcomes"]), json.loads(row["moneyline_clobTokenIds"])
    return {
        f"{event}-{first}": (outcomes[0], tokens[0]),
        f"{event}-{second}": (outcomes[1], tokens[1]),
    }


def test_every_game_is_paired_with_its_event_and_its_moneyline() -> None:
    pairs = {(each.kalshi.event_id, each.polymarket.event_id, each.polymarket.market_id) for each in found()}
    assert pairs == {
        (row["kalshi_event_ticker"], row["polymarket_event_id"], row["moneyline_condition_id"]) for row in answers()
    }
    assert len(pairs) == GAMES


def test_events_without_a_partner_have_none() -> None:
    events = {listing.event_id for listing in listings()[1]}
    partners = {row["polymarket_event_id"] for row in answers()}
    assert len(events - partners) == WITHOUT_PARTNER
    assert {each.polymarket.event_id for each in found()} & (events - partners) == set()


def test_spreads_totals_halves_and_players_are_paired_with_no_moneyline() -> None:
    kinds = Counter(each.polymarket.sports_type for each in found())
    assert kinds == {"moneyline": 2 * GAMES}


def test_all_of_polymarkets_markets_are_read_as_what_they_are() -> None:
    read = [read_polymarket_game(listing, LEAGUES) for listing in listings()[1]]
    assert Counter(None if game is None else game.kind.value for game in read) == {
        Kind.PLAYER: 469, Kind.TOTAL: 123, Kind.SPREAD: 80, Kind.WINNER: 66,
    }  # fmt: skip
    assert [game.doubts for game in read if game is not None and game.doubts] == []


def test_markets_without_rules_are_not_said_to_agree() -> None:
    assert {each.verdict for each in found()} == {Verdict.UNSURE}


def test_pairs_of_one_game_know_of_each_other() -> None:
    keys = Counter(each.event_key for each in found())
    assert set(keys.values()) == {2}
    assert "nba:2026-01-09:Boston_Celtics-Toronto_Raptors" in keys


@pytest.mark.parametrize("shift", [-1, 1])
def test_games_of_another_day_are_not_paired(shift: int) -> None:
    kalshi, polymarket = listings()
    moved = [listing for listing in polymarket if listing.event_subtitle.endswith(f"-{9 + shift:02d}")]
    mine = [listing for listing in kalshi if "26JAN09" in listing.market_id]
    assert mine
    assert moved
    assert list(find_candidates(mine, moved, LEAGUES, closed=True)) == []
