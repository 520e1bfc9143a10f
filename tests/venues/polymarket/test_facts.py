"""Gamma's rows and the CLOB's markets as facts, and pairs as claims."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Price
from tests.market.builders import NO, YES, pair
from tests.shared_data import shared_data
from venues.polymarket.facts import (
    MarketFacts,
    UnreadableFacts,
    changes,
    claims_of,
    objections,
    read_clob,
    read_condition,
    read_gamma,
)

ROW: dict[str, Any] = {
    "conditionId": "0xc",
    "clobTokenIds": '["71", "52"]',
    "outcomes": '["Yes", "No"]',
    "version": "v1",
    "active": True,
    "closed": False,
    "archived": False,
    "enableOrderBook": True,
    "acceptingOrders": True,
    "negRisk": False,
    "orderPriceMinTickSize": 0.001,
    "orderMinSize": 5,
    "feesEnabled": True,
    "feeSchedule": {"rate": 0.05, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
    "gameStartTime": "2026-01-05 02:30:00+00",
    "secondsDelay": 3,
    "umaResolutionStatus": None,
    "a field of tomorrow": {"x": 1},
}
CLOB: dict[str, Any] = {
    "c": "0xc",
    "t": [{"t": "71", "o": "Yes"}, {"t": "52", "o": "No"}],
    "mos": 5,
    "mts": 0.01,
    "ao": True,
    "fd": {"r": 0.04, "e": 1, "to": True},
    "v": "v1",
}


def gamma(**changed: object) -> MarketFacts:
    (facts,) = read_gamma(json.dumps({"markets": [ROW | changed], "next_cursor": "x"}).encode())
    return facts


def clob(**changed: object) -> MarketFacts:
    return read_clob(json.dumps(CLOB | changed).encode())


def test_a_row_of_gamma() -> None:
    assert gamma() == MarketFacts(
        condition="0xc",
        tokens=("71", "52"),
        outcomes=("Yes", "No"),
        rate_ppm=50_000,
        exponent=1,
        tick=Price(10),
        min_size=Decimal(5),
        neg_risk=False,
        version="v1",
        game_start=datetime(2026, 1, 5, 2, 30, tzinfo=UTC),
        seconds_delay=3,
    )


@pytest.mark.parametrize(
    ("changed", "rate"),
    [
        ({"feeSchedule": None, "feesEnabled": False}, 0),
        ({"feeSchedule": None, "feesEnabled": True}, None),
        ({"feeSchedule": {"rate": "0.0725", "exponent": 1}}, 72_500),
    ],
)
def test_what_gamma_says_of_fees(changed: dict[str, object], rate: int | None) -> None:
    assert gamma(**changed).rate_ppm == rate


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"closed": True}, "it is closed"),
        ({"archived": True}, "it is archived"),
        ({"active": False}, "it is not active"),
        ({"enableOrderBook": False}, "it has no order book"),
        ({"acceptingOrders": False}, "it accepts no orders"),
    ],
)
def test_when_a_market_takes_no_orders(changed: dict[str, object], reason: str) -> None:
    assert gamma(**changed).closed == reason


def test_a_market_of_version_2_trades_its_positions() -> None:
    facts = gamma(version="v2", positionIds=["8", "9"], clobTokenIds="[]")
    assert facts.tokens == ("8", "9")


def test_a_market_of_the_clob_holds_over_gammas_row() -> None:
    both = clob().over(gamma())
    assert (both.rate_ppm, both.tick, both.seconds_delay) == (40_000, 100, 3)
    assert clob(fd=None).rate_ppm == 0
    assert clob(ao=False).closed == "it accepts no orders"
    assert clob(nr=True).neg_risk is True
    assert clob(gst="2026-01-05T02:30:00Z").game_start == datetime(2026, 1, 5, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "fee", [{}, {"r": "?"}, {"r": -1}, {"r": "NaN"}, {"r": 0.00000001}, {"r": 0.04, "e": 1.5}, {"r": True}]
)
def test_a_fee_that_cannot_be_computed_with_is_no_market(fee: dict[str, object]) -> None:
    with pytest.raises(UnreadableFacts):
        clob(fd=fee)


def test_a_row_that_makes_no_sense_is_left_out() -> None:
    assert [facts.condition for facts in read_gamma(json.dumps([{"x": 1}, ROW, 7]).encode())] == ["0xc"]


@given(st.binary(max_size=30) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_answer_is_read_or_refused(body: bytes | str) -> None:
    raw = body.encode() if isinstance(body, str) else body
    for read in (read_gamma, read_clob, read_condition):
        try:
            read(raw)
        except UnreadableFacts as error:
            assert str(error)  # noqa: PT017 -- either way is fine


def test_the_claims_of_pairs_and_what_contradicts_them() -> None:
    yes, no = claims_of([pair(polymarket_rate_ppm=40_000)])
    assert (yes.token, yes.partner, no.token, no.partner) == (YES, NO, NO, YES)
    facts = MarketFacts(tokens=(YES, NO), outcomes=("Yes", "No"), rate_ppm=40_000, exponent=1)
    assert objections(yes, facts) == objections(no, facts) == []
    assert changes(facts, facts) == []
    assert len(claims_of([pair(poly_no_token=None)])) == 1
    assert claims_of([pair(poly_no_token=None, poly_yes_token=None)]) == ()


def test_every_market_of_a_real_page_is_read() -> None:
    with gzip.open(shared_data("polymarket_gamma_events_nba_20260109.json.gz")) as file:
        rows = [row for event in json.load(file) for row in event["markets"]]
    found = read_gamma(json.dumps(rows).encode())
    assert len(found) == len(rows) == 738
    assert {len(facts.tokens) for facts in found} == {2}
    assert all(facts.tick in {10, 100} for facts in found)
