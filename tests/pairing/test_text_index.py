"""Candidates by words: the right one is among the first, and no query reads more than its share."""

from __future__ import annotations

from random import Random

import pytest

from bench.made_up_listings import made_up_listings
from pairing.candidates import find_candidates
from pairing.text_index import MAX_COMPARED, MAX_VISITS, TextIndex
from tests.pairing.kit import LEAGUES, gamma_question, kalshi_question

QUESTIONS = (
    "Will Sweden win Eurovision 2025?",
    "Will Austria win Eurovision 2025?",
    "Will LLA win the most seats in Argentina?",
    "Will PRO win the most seats in Argentina?",
    "Will Sweden join the Euro?",
    "Will T\u00fcrkiye leave NATO?",
)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Eurovision Winner 2025 \u00b7 Sweden", 0),
        ("Will the La Libertad Avanza party win most seats in the Argentine elections?", 2),
        ("Turkey to leave NATO", 5),
    ],
)
def test_the_nearest_comes_first(text: str, first: int) -> None:
    assert TextIndex(QUESTIONS).like(text, 3)[0][1] == first


def test_nothing_in_common_is_nothing_found() -> None:
    assert TextIndex(QUESTIONS).like("Bitcoin above a million", 3) == []
    assert TextIndex(()).like("Sweden", 3) == []


def test_a_word_that_everything_has_is_read_to_a_limit() -> None:
    index = TextIndex(["common"] * (MAX_VISITS + 50))
    found = index.like("common", 10_000)
    assert len(found) == MAX_COMPARED


def test_the_order_does_not_depend_on_the_order_of_sets() -> None:
    index = TextIndex([f"alpha beta {number}" for number in range(50)])
    assert index.like("alpha beta", 5) == index.like("beta alpha", 5)
    assert [number for _, number in index.like("alpha beta", 3)] == [0, 1, 2]


def test_the_same_question_is_found_among_others() -> None:
    kalshi = [kalshi_question("Will Ann Lee win the Nobel Prize by May 3, 2026?")]
    questions = ["Will Bo Ray win the Nobel Prize by May 3, 2026?", "Will Ann Lee win the Nobel Prize by May 3, 2026?"]
    polymarket = [gamma_question(text, conditionId=f"0x{i}") for i, text in enumerate(questions)]
    found = list(find_candidates(kalshi, polymarket, LEAGUES))
    assert [candidate.polymarket.market_id for candidate in found] == ["0x1", "0x0"]
    assert found[0].likeness is not None


def test_made_up_games_find_their_own_market() -> None:
    kalshi, polymarket = made_up_listings(60, Random(3))
    found = [each for each in find_candidates(kalshi, polymarket, LEAGUES) if each.likeness is None]
    games = [listing for listing in kalshi if listing.series == "KXNBAGAME"]
    assert len(found) == len(games) > 5
    assert all(each.judgement.yes is not None for each in found)
