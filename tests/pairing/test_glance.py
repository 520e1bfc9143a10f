"""What two listings' prices would make of a pair: fees off, and by the year of held money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from market.pair import Pair
from pairing.glance import Glance, glance, yearly
from protocol.terms import PairId
from tests.pairing.kit import gamma_game, kalshi_game, one_gamma, one_kalshi

PAIR = Pair(
    pair_id=PairId("p"),
    market_id=0,
    kalshi_market_ticker="K",
    poly_yes_token="222",
    poly_no_token="111",
    polymarket_rate_ppm=0,
)
NOW = datetime(2026, 1, 9, 3, 5, tzinfo=UTC)


def look(pair: Pair = PAIR, **changes: Any) -> Glance | None:
    return glance(pair, one_kalshi(kalshi_game()), one_gamma(gamma_game(**changes)))


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        # Kalshi's YES at 61c and the other side's 31c: 8c, less Kalshi's 0.07 x 0.61 x 0.39 = 1.6653c.
        (["0.31", "0.69"], Glance(633, 9_367)),
        # The other way: NO at 39c and YES at 51c.
        (["0.49", "0.51"], Glance(833, 9_167)),
        (["0.39", "0.61"], Glance(-167, 10_167)),
    ],
)
def test_it_is_the_better_of_both_ways_after_fees(prices: list[str], expected: Glance) -> None:
    assert look(outcomePrices=prices) == expected


def test_without_a_price_there_is_no_glance() -> None:
    assert look(outcomePrices=[]) is None


def test_a_day_of_an_edge_is_365_of_them_by_the_year() -> None:
    kalshi, polymarket = one_kalshi(kalshi_game()), one_gamma(gamma_game(outcomePrices=["0.31", "0.69"]))
    found = glance(PAIR, kalshi, polymarket)

    share = yearly(found, kalshi, polymarket, NOW)

    assert share is not None
    assert round(float(share), 3) == round(633 / 9_367 * 365, 3)
    assert yearly(Glance(-1, 10_001), kalshi, polymarket, NOW) is None
