"""What an order must know of its market is said by the venue, or there is no order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import DOLLAR, Price
from tests.venues.polymarket.material import CONDITION, MARKET, NO, V2, YES, rules
from venues.polymarket.market import TICKS, MarketUnknown, is_v2, left_out, read_gamma_fees, read_market


def read(told: dict[str, object], token: str = YES) -> object:
    return read_market(CONDITION, token, json.dumps(told).encode())


def test_a_market_as_it_was_captured() -> None:
    found = rules()
    assert (found.tokens, found.tick, found.neg_risk, found.version) == ((YES, NO), 100, False, "v1")
    assert (found.fees.rate_ppm, found.fees.exponent, found.exchange, found.accepting) == (40_000, 1, "standard", True)


@pytest.mark.parametrize("missing", ["mts", "nr", "fd", "v", "ao", "mos"])
def test_what_is_missing_is_named_and_never_guessed(missing: str) -> None:
    with pytest.raises(MarketUnknown, match=f"`{missing}`"):
        read({name: value for name, value in MARKET.items() if name != missing})


def test_what_is_asked_for_elsewhere_is_named() -> None:
    told = {name: value for name, value in MARKET.items() if name not in {"nr", "fd"}}
    assert left_out(json.dumps(told).encode()) == {"nr", "fd"}
    found = read_market(CONDITION, YES, json.dumps(told).encode(), neg_risk=True, fees=rules().fees)
    assert (found.exchange, found.fees.rate_ppm) == ("neg-risk", 40_000)


@pytest.mark.parametrize(
    "other",
    [
        {"c": "0x" + "cd" * 32},
        {"t": [{"t": NO}]},
        {"mts": 0.02},
        {"v": "v3"},
        {"v": "v2"},
        {"fd": {"r": 2, "e": 1}},
        {"fd": {"r": 0.04, "e": 1.5}},
    ],
)
def test_what_contradicts_itself_is_no_market(other: dict[str, object]) -> None:
    with pytest.raises(MarketUnknown):
        read({**MARKET, **other})


def test_a_market_without_fees_and_one_of_the_second_protocol() -> None:
    assert rules(fd=None).fees.rate_ppm == 0
    found = rules(t=[{"t": V2}], v="v2")
    assert (found.version, found.exchange) == ("v2", "v3")
    assert (is_v2(V2), is_v2(YES)) == (True, False)


def test_gamma_says_what_the_order_book_leaves_out() -> None:
    def page(**told: object) -> bytes:
        return json.dumps({"markets": [{"conditionId": CONDITION, **told}]}).encode()

    schedule = {"rate": 0.05, "exponent": 1, "takerOnly": True, "rebateRate": 0.25}
    found = read_gamma_fees(CONDITION, page(feesEnabled=True, feeSchedule=schedule))
    assert found is not None
    assert found.rate_ppm == 50_000
    free = read_gamma_fees(CONDITION, page(feesEnabled=False))
    assert free is not None
    assert free.rate_ppm == 0
    assert read_gamma_fees("0xother", page()) is None
    with pytest.raises(MarketUnknown, match="feeSchedule"):
        read_gamma_fees(CONDITION, page(feesEnabled=True))


@given(tick=st.sampled_from(sorted(TICKS)), price=st.integers(0, DOLLAR))
def test_prices_are_rounded_to_the_tick_and_never_against_us(tick: Price, price: int) -> None:
    found = rules(mts=tick / DOLLAR)
    low, high = found.floor(Price(price)), found.ceil(Price(price))
    assert low is None or (low % tick == 0 and tick <= low <= min(price, DOLLAR - tick) and price - low < tick + tick)
    assert high is None or (high % tick == 0 and max(price, tick) <= high <= DOLLAR - tick)
