"""A candidate as a pair of the pairs file, how long it holds its money, and what stands against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from market.pairs import format_pairs, parse_pairs
from pairing.candidates import Candidate, find_candidates
from pairing.export import NotAPair, pair_of
from pairing.judgement import Judgement
from pairing.lockup import edge_at, edge_per_year, lockup
from protocol.units import Money
from tests.pairing.kit import LEAGUES, gamma_game, judged, kalshi_game, one_gamma, one_kalshi


def candidate(**changes: Any) -> Candidate:
    (found,) = find_candidates([one_kalshi(kalshi_game())], [one_gamma(gamma_game(**changes))], LEAGUES)
    return found


def test_a_pair_has_the_token_of_its_outcome_and_goes_through_the_file() -> None:
    pair = pair_of(candidate(), 0)
    assert (pair.kalshi_market_ticker, pair.poly_yes_token, pair.poly_no_token) == (
        "KXNBAGAME-26JAN09TORBOS-BOS",
        "222",
        "111",
    )
    assert pair.event_id == "nba:2026-01-09:Boston_Celtics-Toronto_Raptors"
    assert pair.polymarket_rate_ppm == 0
    assert parse_pairs(format_pairs([pair]), "x") == [pair]


def test_fees_that_are_not_stated_are_the_dearest() -> None:
    assert pair_of(candidate(feesEnabled=None)).polymarket_rate_ppm == 70_000
    assert pair_of(candidate(feesEnabled=True, feeSchedule={"rate": 0.05, "exponent": 1})).polymarket_rate_ppm == 50_000


def test_the_name_of_a_pair_is_that_of_its_two_markets() -> None:
    names = {pair_of(candidate(conditionId=condition)).pair_id for condition in ("0xa", "0xb", "0xa")}
    assert len(names) == 2


def test_no_pair_is_made_where_yes_is_not_known() -> None:
    found = candidate()
    unknown = Candidate(
        kalshi=found.kalshi, polymarket=found.polymarket, judgement=Judgement(found.judgement.points), event_key="e"
    )
    with pytest.raises(NotAPair, match="YES is not known"):
        pair_of(unknown)


def test_a_pair_holds_its_money_until_the_later_leg_has_paid() -> None:
    times = lockup(one_kalshi(kalshi_game()), one_gamma(gamma_game()))
    assert times.expected == datetime(2026, 1, 10, 3, 5, tzinfo=UTC)
    assert times.latest is None
    assert (times.early, times.settlement_timer_s) == (True, 300)
    late = lockup(one_kalshi(kalshi_game()), one_gamma(gamma_game(endDate="2026-01-11T00:00:00Z")))
    assert late.expected == datetime(2026, 1, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("edge", "capital", "days", "share"),
    [(20_000, 980_000, 365, "0.0204"), (10_000, 990_000, 30, "0.1229"), (10_000, 1_000_000, 0, "87.6")],
)
def test_an_edge_by_the_year(edge: int, capital: int, days: int, share: str) -> None:
    found = edge_per_year(Money(edge), Money(capital), timedelta(days))
    assert found.quantize(Decimal(share)) == Decimal(share)


def test_an_edge_on_no_capital_is_refused() -> None:
    with pytest.raises(ValueError, match="no capital"):
        edge_per_year(Money(1), Money(0), timedelta(1))


def test_the_listed_edge_is_that_of_the_better_way() -> None:
    kalshi = one_kalshi(kalshi_game())
    assert edge_at(kalshi, one_gamma(gamma_game(outcomePrices=["0.36", "0.64"])), 1) == (300, 9_700)
    assert edge_at(kalshi, one_gamma(gamma_game(outcomePrices=[])), 1) is None


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, []),
        ({"outcomePrices": ["0.61", "0.39"]}, ["inverted"]),
        ({"outcomePrices": ["0.45", "0.55"]}, []),
        ({"outcomePrices": ["0.99", "0.01"]}, []),
        ({"negRiskOther": True}, ["other"]),
        ({"negRiskAugmented": True}, ["augmented"]),
        ({"closed": True}, ["left out"]),
    ],
)
def test_flags(changes: dict[str, Any], flags: list[str]) -> None:
    assert [flag.name for flag in judged(kalshi_game(), gamma_game(**changes)).flags] == flags
