"""Gamma's answers, as they come: JSON in texts, pages of both kinds, and what must be refused or left out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing.gamma import read_gamma
from pairing.kalshi import read_kalshi
from pairing.listing import Fees, LeftOut, ListingError
from tests.pairing.kit import gamma_game, one_gamma

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "events",
        "markets",
        "data",
        "market",
        "event",
        "ticker",
        "conditionId",
        "outcomes",
        "clobTokenIds",
        "title",
        "slug",
    ]
)


def market(**changes: Any) -> dict[str, Any]:
    inside: dict[str, Any] = gamma_game(**changes)["markets"][0]
    return inside


def test_every_fact_of_a_market_is_kept() -> None:
    listing = one_gamma(
        gamma_game(line=-3.5, feeSchedule={"rate": 0.05, "exponent": 1}, feesEnabled=True, negRisk=True)
    )
    assert [(outcome.name, outcome.token, outcome.price) for outcome in listing.outcomes] == [
        ("Raptors", "111", 3_900),
        ("Celtics", "222", 6_100),
    ]
    assert (listing.event_id, listing.tick, listing.min_quantity) == ("140909", 100, 500)
    assert listing.line == Decimal("-3.5")
    assert listing.fees == Fees(rate_ppm=50_000)
    assert listing.neg_risk
    assert listing.left_out is None


def test_a_market_of_the_second_version_trades_positions() -> None:
    listing = one_gamma(gamma_game(version="v2", positionIds=["7", "8"]))
    assert [outcome.token for outcome in listing.outcomes] == ["7", "8"]


@pytest.mark.parametrize(
    "page",
    [
        [gamma_game()],
        {"events": [gamma_game()], "next_cursor": "x"},
        {"data": [gamma_game()]},
        [market()],
        {"markets": [market()], "next_cursor": "x"},
        {**market(), "events": [{"id": "140909", "slug": "nba-tor-bos-2026-01-09"}]},
        gamma_game(),
    ],
    ids=["events", "page of events", "data", "markets", "page of markets", "market", "event"],
)
def test_pages_of_every_kind_are_read(page: object) -> None:
    listings, unreadable = read_gamma(page)
    assert unreadable == []
    assert [listing.market_id for listing in listings] == ["0xc0"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcomes": ["A", "B", "C"], "clobTokenIds": ["1", "2", "3"]}, LeftOut.NOT_BINARY),
        ({"enableOrderBook": False}, LeftOut.NO_BOOK),
        ({"clobTokenIds": []}, LeftOut.NO_BOOK),
        ({"closed": True}, LeftOut.CLOSED),
        ({"active": False}, LeftOut.CLOSED),
        ({"acceptingOrders": False}, LeftOut.CLOSED),
    ],
)
def test_what_is_left_out_says_why(changes: dict[str, Any], reason: LeftOut) -> None:
    assert one_gamma(gamma_game(**changes)).left_out is reason


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"conditionId": ""}, "conditionId"),
        ({"question": None}, "question"),
        ({"clobTokenIds": ["1"]}, "clobTokenIds"),
        ({"clobTokenIds": ["1", "1"]}, "same token"),
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": [1, 2]}, "outcomes"),
        ({"gameStartTime": "2026-01-10 00:30"}, "gameStartTime"),
    ],
)
def test_what_cannot_be_read_is_told(changes: dict[str, Any], word: str) -> None:
    listings, (bad,) = read_gamma([gamma_game(**changes)])
    assert listings == []
    assert word in bad.reason


def test_a_text_that_holds_no_json_is_told() -> None:
    _, (bad,) = read_gamma([{**market(), "outcomes": "[Yes, No"}])
    assert "outcomes: must be JSON" in bad.reason


@given(st.dictionaries(KEYS, JSON, max_size=5) | st.lists(JSON, max_size=3))
def test_anything_is_read_or_refused(document: object) -> None:
    for read in (read_gamma, read_kalshi):
        try:
            listings, unreadable = read(json.loads(json.dumps(document)))
        except ListingError:
            continue
        assert all(listing.market_id for listing in listings)
        assert all(bad.reason for bad in unreadable)
