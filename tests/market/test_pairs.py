"""The pairs file: read exactly, refused with the place and the fix, written back the same."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import pairs as pairs_module
from market.fees import DIRECT_PRECISION
from market.opportunity import ArbType
from market.pair import DEAREST_RATE, Pair
from market.pairs import MAX_MULTIPLIER, PairsError, format_pairs, parse_pairs
from protocol.terms import PairId
from protocol.units import Money, Price, Quantity
from protocol.wire import MAX_NAME, MAX_TEXT
from tests.market.builders import cents
from tests.shared_data import shared_data

MINIMAL = """
[[pairs]]
pair_id = "a"
kalshi_market_ticker = "KXA"
poly_yes_token = "1"
poly_no_token = "2"
"""


def parsed(text: str) -> list[Pair]:
    return parse_pairs(text, "pairs.toml")


def refusal(text: str) -> str:
    with pytest.raises(PairsError) as refused:
        parsed(text)
    return str(refused.value)


def refusal_if_any(text: str) -> str | None:
    """The refusal; anything but a :class:`PairsError` fails the test that asks."""
    try:
        parsed(text)
    except PairsError as error:
        return str(error)
    return None


def test_the_pairs_of_the_recordings() -> None:
    pairs = parse_pairs(shared_data("pairs.toml").read_text(), "pairs.toml")
    assert [(pair.pair_id, pair.market_id) for pair in pairs] == [("nba_mvp_2026_shai", 0), ("nba_mvp_2026_luka", 1)]
    shai = pairs[0]
    assert shai.description == "NBA MVP 2025-26: Shai Gilgeous-Alexander"
    assert shai.kalshi_market_ticker == "KXNBAMVP-26-SGIL"
    assert (shai.poly_yes_token or "").startswith("2904")
    assert (shai.kalshi_rate_ppm, shai.polymarket_rate_ppm) == (70_000, 0)
    assert shai.arb_types == tuple(ArbType)


def test_what_is_not_said_is_the_dearest_fee_and_the_finest_tick() -> None:
    (pair,) = parsed(MINIMAL)
    assert pair.kalshi_rate_ppm == pair.polymarket_rate_ppm == DEAREST_RATE == 70_000
    assert (pair.kalshi_multiplier_ppm, pair.polymarket_exponent) == (1_000_000, 1)
    assert (pair.kalshi_tick, pair.poly_tick, pair.quantity_step, pair.kalshi_min_contracts) == (1, 1, 1, 1)
    assert pair.poly_min_notional == 1_000_000
    assert (pair.description, pair.event_id) == ("", None)


def test_every_field_is_read() -> None:
    (pair,) = parsed(
        MINIMAL
        + """
description = "A: yes?"
event_id = "EV"
kalshi_tick = "0.01"
poly_tick = 0.001
kalshi_min_contracts = 1
poly_min_notional = "2.50"
quantity_step = "0.5"
kalshi_shard = 3
fees = { kalshi_rate = "0.07", kalshi_multiplier = "0.5", polymarket_rate = 0.05, polymarket_exponent = 2 }
"""
    )
    assert (pair.description, pair.event_id) == ("A: yes?", "EV")
    assert (pair.kalshi_tick, pair.poly_tick) == (cents(1), Price(10))
    assert (pair.kalshi_min_contracts, pair.poly_min_notional, pair.quantity_step) == (100, 2_500_000, 50)
    assert (pair.kalshi_shard, parsed(MINIMAL)[0].kalshi_shard) == (3, None)
    assert parsed(format_pairs([pair])) == [pair]
    assert pair.kalshi_fees().rate_ppm == 35_000
    assert pair.kalshi_fees(DIRECT_PRECISION).precision == DIRECT_PRECISION
    assert (pair.polymarket_fees().rate_ppm, pair.polymarket_fees().exponent) == (50_000, 2)


@pytest.mark.parametrize("value", ['"0.07"', "0.07", '"7e-2"'])
def test_a_rate_may_be_text_or_a_number_and_is_exact(value: str) -> None:
    assert parsed(MINIMAL + f"fees = {{ kalshi_rate = {value} }}")[0].kalshi_rate_ppm == 70_000


@pytest.mark.parametrize(
    ("fields", "arb_types"),
    [
        ({"kalshi_market_ticker": "K"}, [ArbType.KALSHI_ONLY]),
        ({"poly_yes_token": "1", "poly_no_token": "2"}, [ArbType.POLY_ONLY]),
        ({"kalshi_market_ticker": "K", "poly_yes_token": "1"}, [ArbType.POLY_YES_KALSHI_NO, ArbType.KALSHI_ONLY]),
        ({"kalshi_market_ticker": "K", "poly_no_token": "2"}, [ArbType.KALSHI_YES_POLY_NO, ArbType.KALSHI_ONLY]),
    ],
)
def test_an_instrument_may_be_missing_as_long_as_an_arb_is_left(
    fields: dict[str, str], arb_types: list[ArbType]
) -> None:
    text = '[[pairs]]\npair_id = "a"\n' + "\n".join(f'{key} = "{value}"' for key, value in fields.items())
    assert list(parsed(text)[0].arb_types) == arb_types


REFUSED = [
    ("[[pairs]", "pairs.toml: not TOML: "),
    ("", "no pairs in it: write one [[pairs]] table"),
    ("pairs = []", "no pairs in it"),
    ("pairs = 3", "no pairs in it"),
    ("pairs = [3]", "pair 1: must be a [[pairs]] table"),
    ("[[pair]]", "unknown key pair: a pairs file holds [[pairs]] tables only"),
    ("[[pairs]]\nkalshi_market_ticker = 'K'", "pairs.toml: pair 1: pair_id: missing"),
    ("[[pairs]]\npair_id = 'a'", "pair 1 ('a'): needs kalshi_market_ticker, or poly_yes_token and poly_no_token"),
    ("[[pairs]]\npair_id = 'a'\npoly_yes_token = '1'", "needs kalshi_market_ticker, or poly_yes_token"),
    ("[[pairs]]\npair_id = 'a'\npoly_yes_token = '1'\npoly_no_token = '1'", "are the same token"),
    ("[[pairs]]\npair_id = 1", "pair 1: pair_id: must be a text"),
    ("[[pairs]]\npair_id = ''", "pair_id: must be a text of 1 to"),
    (f"[[pairs]]\npair_id = '{'a' * (MAX_NAME + 1)}'", "pair_id: must be a text of 1 to"),
    ("[[pairs]]\npair_id = 'a b'", "pair_id: must be printable and without spaces"),
    ('[[pairs]]\npair_id = "a\\nb"', "pair_id: must be printable"),
    (MINIMAL + f"description = '{'a' * (MAX_TEXT + 1)}'", "description: must be a text of at most"),
    (MINIMAL + "description = 1", "description: must be a text"),
    (MINIMAL + "kalshi_ticker = 'K'", "pair 1 ('a'): unknown key kalshi_ticker: allowed are pair_id, description, "),
    (MINIMAL + "kalshi_ticker = 'K'", ", fees"),
    (MINIMAL + "fees = { rate = '1' }", "unknown key fees.rate: allowed are kalshi_rate, kalshi_multiplier, "),
    (MINIMAL + "fees = 0.07", "fees: must be a table"),
    (MINIMAL + "fees = { kalshi_rate = '7 %' }", "pair 1 ('a'): fees.kalshi_rate: a rate is a decimal text"),
    (MINIMAL + "fees = { kalshi_rate = 7 }", "fees.kalshi_rate: a rate is a fraction from 0 to 1"),
    (MINIMAL + "fees = { polymarket_rate = true }", "fees.polymarket_rate: a rate is a decimal text"),
    (MINIMAL + "fees = { polymarket_rate = nan }", "fees.polymarket_rate: a rate is a fraction"),
    (MINIMAL + "fees = { polymarket_exponent = 9 }", "an exponent is a whole number from 0 to 4, not 9"),
    (MINIMAL + "fees = { polymarket_exponent = 1.5 }", "fees.polymarket_exponent: must be a whole number"),
    (MINIMAL + "fees = { polymarket_exponent = true }", "fees.polymarket_exponent: must be a whole number"),
    (MINIMAL + "fees = { kalshi_multiplier = -1 }", "fees.kalshi_multiplier: must be a number of at least 0"),
    (MINIMAL + "fees = { kalshi_multiplier = 11 }", "fees.kalshi_multiplier: must be from 0 to 10"),
    (MINIMAL + "fees = { kalshi_multiplier = '0.0000001' }", "at most 6 decimals"),
    (MINIMAL + "fees = { kalshi_rate = '0.000001', kalshi_multiplier = '0.5' }", "more than 6 decimals"),
    (MINIMAL + "kalshi_tick = '0.03'", "kalshi_tick must divide the dollar"),
    (MINIMAL + "poly_tick = '0'", "poly_tick must divide the dollar"),
    (MINIMAL + "poly_tick = '1'", "poly_tick must divide the dollar"),
    (MINIMAL + "poly_tick = '0.00001'", "poly_tick: price has more decimals than can be traded"),
    (MINIMAL + "poly_tick = 'x'", "poly_tick: must be a number such as"),
    (MINIMAL + "poly_tick = [1]", "poly_tick: must be a number such as"),
    (MINIMAL + "poly_tick = true", "poly_tick: must be a number such as"),
    (MINIMAL + "poly_tick = inf", "poly_tick: must be a number of at least 0"),
    (MINIMAL + "kalshi_shard = '3'", "kalshi_shard: must be a whole number from 0 to 999, such as 3"),
    (MINIMAL + "kalshi_shard = -1", "kalshi_shard: must be a whole number"),
    (MINIMAL + "kalshi_shard = true", "kalshi_shard: must be a whole number"),
    (MINIMAL + "quantity_step = 0", "quantity_step: must be at least 0.01"),
    (MINIMAL + "quantity_step = '0.001'", "quantity_step: quantity has more decimals"),
    (MINIMAL + "kalshi_min_contracts = '1e99'", "kalshi_min_contracts: quantity is out of any sensible range"),
    (MINIMAL + MINIMAL, "pair 2 ('a'): pair_id: the same as of pair 1 ('a'): remove one"),
    (MINIMAL + MINIMAL.replace('"a"', '"b"'), "pair 2 ('b'): instruments: the same as of pair 1 ('a')"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_wrong_file_is_refused_with_the_place_and_the_fix(text: str, reason: str) -> None:
    message = refusal(text)
    assert message.startswith("pairs.toml: ")
    assert reason in message
    assert len(message) < 1_000


def test_more_pairs_than_the_wire_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "MAX_PAIRS", 2)
    pairs = [
        Pair(pair_id=PairId(f"p{number}"), market_id=number, kalshi_market_ticker=f"K{number}") for number in range(3)
    ]
    assert len(parsed(format_pairs(pairs[:2]))) == 2
    assert "3 pairs are more than the wire can number: at most 2" in refusal(format_pairs(pairs))


def test_the_wire_numbers_65536_pairs() -> None:
    assert pairs_module.MAX_PAIRS == 65_536


def test_one_ticker_may_be_in_two_pairs_when_the_tokens_differ() -> None:
    other = MINIMAL.replace('"a"', '"b"').replace('"1"', '"3"')
    assert [pair.market_id for pair in parsed(MINIMAL + other)] == [0, 1]


def test_a_pair_made_by_hand_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="same token"):
        Pair(pair_id=PairId("a"), market_id=0, poly_yes_token="1", poly_no_token="1")
    assert Pair(pair_id=PairId("a"), market_id=99_999, kalshi_market_ticker="K").market_id == 99_999


names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C", "Z"]), min_size=1, max_size=12
)
ticks = st.sampled_from([1, 10, 25, 50, 100, 1_000]).map(Price)
fields = st.fixed_dictionaries(
    {
        "kalshi_market_ticker": names,
        "poly_yes_token": st.none() | names.map("y".__add__),
        "poly_no_token": st.none() | names.map("n".__add__),
        "description": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "event_id": st.none() | names,
        "kalshi_rate_ppm": st.integers(0, 1_000_000),
        "kalshi_multiplier_ppm": st.sampled_from([0, 1_000_000, MAX_MULTIPLIER * 1_000_000]),
        "polymarket_rate_ppm": st.integers(0, 1_000_000),
        "polymarket_exponent": st.integers(0, 4),
        "kalshi_tick": ticks,
        "poly_tick": ticks,
        "kalshi_min_contracts": st.integers(1, 10**9).map(Quantity),
        "poly_min_notional": st.integers(0, 10**12).map(Money),
        "quantity_step": st.integers(1, 10**6).map(Quantity),
    }
)


@given(st.lists(fields, min_size=1, max_size=3))
def test_what_is_written_is_read_back_the_same(many: list[dict[str, Any]]) -> None:
    pairs = [
        Pair(pair_id=PairId(f"p{number}"), market_id=number, **{**values, "kalshi_market_ticker": f"K{number}"})
        for number, values in enumerate(many)
    ]
    assert parsed(format_pairs(pairs)) == pairs


def test_every_control_character_survives_the_file() -> None:
    text = "".join(map(chr, range(0xA0))) + '\\ " \u2028'
    pair = Pair(pair_id=PairId("a"), market_id=0, kalshi_market_ticker="K", description=text)
    assert parsed(format_pairs([pair])) == [pair]


@given(st.text(max_size=200) | st.text(alphabet='[]pairs_d="\n {}.,0123', max_size=60).map("[[pairs]]\n".__add__))
def test_no_text_raises_anything_but_a_pairs_error(text: str) -> None:
    assert (refusal_if_any(text) or "pairs.toml: ").startswith("pairs.toml: ")


toml_values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.decimals(allow_nan=True, places=3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(
    ["pair_id", "kalshi_market_ticker", "poly_yes_token", "poly_no_token", "fees", "poly_tick", "quantity_step"]
)


@given(st.lists(st.dictionaries(keys, toml_values, max_size=7), max_size=3))
def test_no_document_raises_anything_but_a_pairs_error(tables: list[dict[str, Any]]) -> None:
    def loads(_: str, *, parse_float: type[Decimal]) -> dict[str, Any]:
        del parse_float
        return {"pairs": tables}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tomllib, "loads", loads)
        assert (refusal_if_any("") or "pairs.toml: ").startswith("pairs.toml: ")
