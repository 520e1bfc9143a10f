"""Detection: sized to the last contract that pays, exact to the micro-dollar, the cheapest of the possible arbs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.events import BooksLost, BookSnapshot, FeedBatch, Level, TopStated
from market.fees import DIRECT_PRECISION, ONE, RETAIL_PRECISION, SCALE
from market.opportunity import ArbType, Opportunity
from market.rules import Rules, min_edge_from_cents
from market.sizing import limit_on_tick
from protocol.terms import KALSHI, POLYMARKET, Action, PairId, Platform, Side
from protocol.units import DOLLAR, MAX_QUANTITY, Money, Price, Quantity, notional
from tests.market import reference
from tests.market.builders import NO, TICKER, YES, cents, contracts, frame, kalshi, pair, poly, scan_of

CENT = Rules.from_cents(1)


def found(*batches: FeedBatch, rules: Rules = CENT, **fields: Any) -> Opportunity | None:
    scan, watch = scan_of(*batches, rules=rules, **fields)
    return scan.recheck(watch.pair.pair_id, 7)


def must_find(*batches: FeedBatch, rules: Rules = CENT, **fields: Any) -> Opportunity:
    opportunity = found(*batches, rules=rules, **fields)
    assert opportunity is not None
    return opportunity


# --- the four types -------------------------------------------------------------------------------------------------


def test_poly_yes_kalshi_no() -> None:
    # A YES bid of 60 on Kalshi sells NO at 40.
    arb = must_find(poly(YES, asks=[(52, 10)]), kalshi(bids=[(60, 8)]), description="Will it?")
    assert (arb.arb_type, arb.quantity, arb.t) == (ArbType.POLY_YES_KALSHI_NO, contracts(8), 7)
    yes, no = arb.legs
    assert (yes.platform, yes.market, yes.side, yes.action, yes.limit) == (POLYMARKET, YES, Side.YES, Action.BUY, 5_200)
    assert (no.platform, no.market, no.side, no.action, no.limit) == (KALSHI, TICKER, Side.NO, Action.BUY, 4_000)
    assert (yes.cost, no.cost, arb.cost, arb.fees, arb.edge) == (4_160_000, 3_200_000, 7_360_000, 0, 640_000)
    assert (arb.pair_id, arb.market_id, arb.description) == ("pair_0", 0, "Will it?")
    assert (arb.leg(Side.YES), arb.leg(Side.NO)) == (yes, no)


def test_kalshi_yes_poly_no() -> None:
    arb = must_find(kalshi(asks=[(52, 10)]), poly(NO, asks=[(40, 8)]))
    assert (arb.arb_type, arb.quantity, arb.edge) == (ArbType.KALSHI_YES_POLY_NO, contracts(8), 640_000)
    assert [(leg.platform, leg.market, leg.limit) for leg in arb.legs] == [
        (KALSHI, TICKER, 5_200),
        (POLYMARKET, NO, 4_000),
    ]


def test_poly_only() -> None:
    arb = must_find(poly(YES, asks=[(52, 10)]), poly(NO, asks=[(40, 8)]))
    assert (arb.arb_type, arb.quantity, arb.edge) == (ArbType.POLY_ONLY, contracts(8), 640_000)
    assert [(leg.platform, leg.market) for leg in arb.legs] == [(POLYMARKET, YES), (POLYMARKET, NO)]


def test_kalshi_only() -> None:
    arb = must_find(kalshi(bids=[(60, 8)], asks=[(52, 10)]))
    assert (arb.arb_type, arb.quantity, arb.edge) == (ArbType.KALSHI_ONLY, contracts(8), 640_000)
    assert [(leg.platform, leg.side, leg.limit) for leg in arb.legs] == [
        (KALSHI, Side.YES, 5_200),
        (KALSHI, Side.NO, 4_000),
    ]


def test_a_pair_without_an_instrument_has_only_the_arbs_of_the_others() -> None:
    arb = must_find(kalshi(asks=[(52, 10)]), poly(NO, asks=[(40, 8)]), poly_yes_token=None)
    assert arb.arb_type is ArbType.KALSHI_YES_POLY_NO
    arb = must_find(poly(YES, asks=[(52, 10)]), poly(NO, asks=[(40, 8)]), kalshi_market_ticker=None)
    assert arb.arb_type is ArbType.POLY_ONLY
    assert found(kalshi(bids=[(40, 8)], asks=[(52, 10)]), poly_yes_token=None, poly_no_token=None) is None


def test_without_prices_there_is_nothing() -> None:
    assert found() is None
    assert found(kalshi(), poly(YES), poly(NO)) is None
    assert found(kalshi(asks=[(1, 10)]), poly(YES, asks=[(1, 10)])) is None


# --- which of them --------------------------------------------------------------------------------------------------


def test_the_cheapest_is_chosen_not_the_largest() -> None:
    arb = must_find(poly(YES, asks=[(50, 10)]), kalshi(bids=[(60, 100)], asks=[(55, 100)]), poly(NO, asks=[(39, 5)]))
    assert (arb.arb_type, arb.quantity) == (ArbType.POLY_ONLY, contracts(5))


def test_at_the_same_cost_the_larger_edge_then_the_order_of_types() -> None:
    books = (poly(YES, asks=[(50, 10)]), poly(NO, asks=[(40, 5)]))
    assert must_find(*books, kalshi(bids=[(60, 6)])).arb_type is ArbType.POLY_YES_KALSHI_NO
    assert must_find(*books, kalshi(bids=[(60, 4)])).arb_type is ArbType.POLY_ONLY
    assert must_find(*books, kalshi(bids=[(60, 5)])).arb_type is ArbType.POLY_YES_KALSHI_NO


def test_fees_decide_between_venues_of_one_price() -> None:
    books = (poly(YES, asks=[(50, 10)]), kalshi(bids=[(60, 10)]), poly(NO, asks=[(40, 10)]))
    assert must_find(*books, polymarket_rate_ppm=70_000).arb_type is ArbType.POLY_YES_KALSHI_NO
    assert must_find(*books, kalshi_rate_ppm=70_000).arb_type is ArbType.POLY_ONLY


def test_fees_decide_against_the_venue_of_the_lower_price() -> None:
    books = (poly(YES, asks=[(46, 10)]), kalshi(bids=[(50, 10)]), poly(NO, asks=[(51, 10)]))
    assert must_find(*books).arb_type is ArbType.POLY_YES_KALSHI_NO
    assert must_find(*books, kalshi_rate_ppm=70_000).arb_type is ArbType.POLY_ONLY


@pytest.mark.parametrize(
    ("lost", "left"),
    [
        (frame(KALSHI, BooksLost("gap", (TICKER,))), ArbType.POLY_ONLY),
        (frame(POLYMARKET, BooksLost("gap", (YES,))), ArbType.KALSHI_YES_POLY_NO),
        (frame(POLYMARKET, BooksLost("gap", (NO,))), ArbType.POLY_YES_KALSHI_NO),
        (frame(POLYMARKET, BooksLost("gap")), ArbType.KALSHI_ONLY),
        (frame(POLYMARKET, TopStated(YES, None, cents(1))), ArbType.KALSHI_YES_POLY_NO),
    ],
)
def test_an_unusable_book_takes_away_only_the_arbs_that_need_it(lost: FeedBatch, left: ArbType) -> None:
    books = (poly(YES, asks=[(50, 10)]), kalshi(bids=[(59, 10)], asks=[(53, 10)]), poly(NO, asks=[(40, 10)]))
    assert must_find(*books).arb_type is ArbType.POLY_ONLY
    assert must_find(*books, lost).arb_type is left


# --- how much -------------------------------------------------------------------------------------------------------


def test_both_ladders_are_walked_while_the_next_contract_brings_the_minimum() -> None:
    books = (poly(YES, asks=[(50, 10), (52, 10), (54, 50)]), kalshi(bids=[(60, 5), (55, 20), (53, 50)]))
    arb = must_find(*books, rules=Rules.from_cents(3))
    # 50+40 for 5, 50+45 for 5, 52+45 for 10, then 54+45 is a cent only.
    assert arb.quantity == contracts(20)
    assert (arb.legs[0].limit, arb.legs[1].limit) == (cents(52), cents(45))
    assert arb.cost == notional(cents(50), contracts(10)) + notional(cents(52), contracts(10)) + notional(
        cents(40), contracts(5)
    ) + notional(cents(45), contracts(15))
    assert must_find(*books, rules=Rules.from_cents(1)).quantity == contracts(25)
    assert must_find(*books, rules=Rules.from_cents(8)).quantity == contracts(5)


def test_an_edge_of_exactly_the_minimum_counts_and_of_exactly_nothing_does_not() -> None:
    books = (poly(YES, asks=[(50, 10)]), poly(NO, asks=[(49, 10)]))
    assert must_find(*books, rules=Rules.from_cents(1)).edge == 100_000
    assert found(*books, rules=Rules.from_cents(Decimal("1.000000000001"))) is None
    assert found(poly(YES, asks=[(50, 10)]), poly(NO, asks=[(50, 10)]), rules=Rules()) is None
    assert must_find(poly(YES, asks=[("50", 10)]), poly(NO, asks=[("49.99", 10)]), rules=Rules()).edge == 1_000


def test_the_marginal_fee_is_not_rounded() -> None:
    # 1 - .50 - .465 - .07 x .25 = 0.0175 exactly on the other side of the fee.
    books = (kalshi(asks=[(50, 100)]), poly(NO, asks=[("46.5", 100)]))
    exact = Rules.from_cents(Decimal("1.75"))
    assert must_find(*books, rules=exact, kalshi_rate_ppm=70_000).edge == 1_750_000
    above = Rules.from_cents(Decimal("1.750000000001"))
    assert found(*books, rules=above, kalshi_rate_ppm=70_000) is None


def test_fees_make_an_edge_a_loss() -> None:
    books = (poly(YES, asks=[(50, 10)]), kalshi(bids=[("53.4", 10)]))
    assert must_find(*books, rules=Rules()).edge == 340_000
    assert found(*books, rules=Rules(), kalshi_rate_ppm=70_000, polymarket_rate_ppm=70_000) is None


def test_a_small_order_can_lose_its_edge_to_the_venue_s_rounding() -> None:
    # One contract at 50 c: 1.75 c of fee become 2 c for a retail member.
    books = (kalshi(asks=[(50, 1)]), poly(NO, asks=[("48.1", 10)]))
    fields: dict[str, Any] = {"kalshi_rate_ppm": 70_000, "poly_min_notional": Money(0)}
    assert found(*books, rules=Rules(), **fields) is None
    direct = must_find(*books, rules=Rules(kalshi_precision=DIRECT_PRECISION), **fields)
    assert (direct.fees, direct.edge) == (17_500, 1_500)


def test_the_minimum_holds_on_the_whole_after_the_venue_s_rounding() -> None:
    # 1 - .50 - .47 - .0175 is 1.25 c a contract, of which a retail member's cent leaves 1 c.
    books = (kalshi(asks=[(50, 1)]), poly(NO, asks=[(47, 10)]))
    fields: dict[str, Any] = {"kalshi_rate_ppm": 70_000, "poly_min_notional": Money(0)}
    assert must_find(*books, rules=Rules.from_cents(1), **fields).edge == 10_000
    assert found(*books, rules=Rules.from_cents(Decimal("1.1")), **fields) is None


def test_the_rules_bound_the_quantity() -> None:
    books = (poly(YES, asks=[(50, 10), (51, 10)]), kalshi(bids=[(60, 30)]))
    assert must_find(*books).quantity == contracts(20)
    assert must_find(*books, rules=Rules(max_quantity=contracts(12))).quantity == contracts(12)
    assert must_find(*books, rules=Rules(max_quantity=contracts(7))).legs[0].limit == cents(50)
    assert Rules(max_quantity=Quantity(MAX_QUANTITY + 1)).max_quantity == MAX_QUANTITY


def test_a_leg_s_notional_at_its_limit_is_bounded_by_platform() -> None:
    books = (poly(YES, asks=[(50, 10), (51, 10)]), kalshi(bids=[(60, 30)]))

    def bounded(platform: Platform, dollars: str) -> Opportunity:
        most = Money(int(Decimal(dollars) * 1_000_000))
        return must_find(*books, rules=Rules(max_leg_notional={platform: most}))

    assert bounded(POLYMARKET, "4").quantity == contracts(8)
    # Ten for $5 at 50; one more would be an order at 51 for $5.61.
    assert (bounded(POLYMARKET, "5.05").quantity, bounded(POLYMARKET, "5.05").legs[0].limit) == (
        contracts(10),
        cents(50),
    )
    assert (bounded(POLYMARKET, "7.65").quantity, bounded(POLYMARKET, "7.65").legs[0].limit) == (
        contracts(15),
        cents(51),
    )
    assert bounded(KALSHI, "4").quantity == contracts(10)
    assert found(*books, rules=Rules(max_leg_notional={KALSHI: Money(1)})) is None


def test_the_quantity_is_a_whole_number_of_steps() -> None:
    books = (poly(YES, asks=[(50, "10.37")]), kalshi(bids=[(60, 30)]))
    assert must_find(*books).quantity == contracts("10.37")
    assert must_find(*books, quantity_step=Quantity(100)).quantity == contracts(10)
    assert found(*books, quantity_step=contracts(11)) is None


def test_both_venues_minimums_are_respected() -> None:
    books = (poly(YES, asks=[(50, 10)]), kalshi(bids=[(60, "1.99")]))
    assert found(*books) is None
    assert must_find(*books, poly_min_notional=Money(995_000)).quantity == contracts("1.99")
    assert must_find(poly(YES, asks=[(50, 10)]), kalshi(bids=[(60, 2)])).quantity == contracts(2)
    assert found(poly(YES, asks=[(50, 10)]), kalshi(bids=[(60, 2)]), kalshi_min_contracts=contracts(3)) is None


def test_a_limit_off_the_tick_moves_against_us_and_the_edge_must_hold_there() -> None:
    books = (poly(YES, asks=[("50.5", 10)]), kalshi(bids=[(52, 10)]))
    fine = must_find(*books)
    assert (fine.legs[0].limit, fine.edge) == (cents("50.5"), 150_000)
    coarse = must_find(*books, poly_tick=cents(1))
    assert (coarse.legs[0].limit, coarse.cost) == (cents(51), fine.cost)
    assert found(*books, poly_tick=cents(1), rules=Rules.from_cents(Decimal("1.2"))) is None
    assert must_find(*books, rules=Rules.from_cents(Decimal("1.2"))).edge == 150_000
    assert limit_on_tick(Price(9_950), cents(1)) == DOLLAR
    assert found(poly(YES, asks=[("99.5", 10)]), kalshi(bids=[("99.9", 10)]), poly_tick=cents(1), rules=Rules()) is None


def test_a_leg_carries_the_version_of_the_book_that_it_was_found_in() -> None:
    scan, watch = scan_of(poly(YES, asks=[(52, 10)]), kalshi(bids=[(60, 8)]), kalshi(bids=[(60, 8)]))
    arb = scan.recheck(watch.pair.pair_id, 1)
    assert arb is not None
    assert watch.yes is not None
    assert watch.kalshi is not None
    assert [leg.book_version for leg in arb.legs] == [watch.yes.version, watch.kalshi.version] == [1, 2]


# --- rules ----------------------------------------------------------------------------------------------------------


def test_the_minimum_edge_is_exact() -> None:
    assert min_edge_from_cents(1) == ONE // 100
    assert min_edge_from_cents(Decimal("0.000000000001")) == 1
    assert (
        Rules.from_cents(Decimal("0.5"), max_quantity=contracts(1), kalshi_precision=DIRECT_PRECISION).min_edge
        == ONE // 200
    )


@pytest.mark.parametrize("cents", [-1, 100, Decimal("NaN"), Decimal("Infinity"), Decimal("0.0000000000001")])
def test_what_is_no_minimum_edge_is_refused(cents: Decimal) -> None:
    with pytest.raises(ValueError, match="minimum edge"):
        min_edge_from_cents(cents)


def test_rules_refuse_a_minimum_out_of_range() -> None:
    with pytest.raises(ValueError, match="min_edge"):
        Rules(ONE)


# --- against the reference ------------------------------------------------------------------------------------------

ladder_sizes = st.one_of(st.integers(1, 60), st.integers(100, 500)).map(Quantity)


def ladders(low: int, high: int) -> st.SearchStrategy[list[Level]]:
    """Ladders in a band of prices, mostly on the cent, so that arbs are common and books are deep."""
    band = st.one_of(
        st.integers(low // 100, high // 100).map(lambda cent: Price(cent * 100)), st.integers(low, high).map(Price)
    )
    return st.lists(st.tuples(band, ladder_sizes), max_size=5, unique_by=lambda level: level[0])


pair_fields = st.fixed_dictionaries(
    {
        "kalshi_rate_ppm": st.sampled_from([0, 17_500, 70_000]),
        "kalshi_multiplier_ppm": st.sampled_from([500_000, 1_000_000]),
        "polymarket_rate_ppm": st.sampled_from([0, 40_000, 70_000, 250_000]),
        "polymarket_exponent": st.sampled_from([1, 1, 0, 2]),
        "kalshi_tick": st.sampled_from([1, 10, 100]).map(Price),
        "poly_tick": st.sampled_from([1, 1, 100, 1_000]).map(Price),
        "quantity_step": st.sampled_from([1, 1, 10, 100]).map(Quantity),
        "poly_min_notional": st.sampled_from([0, 1_000_000]).map(Money),
        "kalshi_min_contracts": st.sampled_from([1, 100]).map(Quantity),
    }
)
worlds = st.builds(
    reference.World,
    kalshi=st.none() | st.tuples(ladders(4_000, 7_000), ladders(3_000, 6_000)),
    yes=st.none() | ladders(3_000, 6_000),
    no=st.none() | ladders(3_000, 6_000),
)
limits = st.builds(
    reference.Limits,
    min_edge=st.sampled_from(["0", "0.001", "0.01", "0.0175", "0.05"]).map(Fraction),
    max_quantity=st.none() | st.sampled_from(["0.5", "3", "7.77"]).map(Fraction),
    max_leg_notional=st.dictionaries(
        st.sampled_from(["kalshi", "polymarket"]), st.sampled_from(["0.6", "2", "3.33"]).map(Fraction), max_size=2
    ),
    precision=st.sampled_from(["0.01", "0.0001"]).map(Fraction),
)


def rules_of(limits: reference.Limits) -> Rules:
    most = limits.max_quantity
    return Rules(
        int(limits.min_edge * ONE),
        max_quantity=None if most is None else Quantity(int(most * 100)),
        max_leg_notional={Platform(name): Money(int(value * 10**6)) for name, value in limits.max_leg_notional.items()},
        kalshi_precision=RETAIL_PRECISION if limits.precision == Fraction("0.01") else DIRECT_PRECISION,
    )


def frames_of(world: reference.World) -> list[FeedBatch]:
    def snapshot(platform: Platform, market: str, bids: Sequence[Level], asks: Sequence[Level]) -> FeedBatch:
        return frame(platform, BookSnapshot(market, tuple(bids), tuple(asks)))

    frames = []
    if world.kalshi is not None:
        frames.append(snapshot(KALSHI, TICKER, *world.kalshi))
    if world.yes is not None:
        frames.append(snapshot(POLYMARKET, YES, [], world.yes))
    if world.no is not None:
        frames.append(snapshot(POLYMARKET, NO, [], world.no))
    return frames


@settings(max_examples=150)
@given(pair_fields, worlds, limits)
def test_detection_is_the_contract_by_contract_reference(
    fields: dict[str, Any], world: reference.World, limits: reference.Limits
) -> None:
    expected = reference.find(pair(**fields), world, limits)
    arb = found(*frames_of(world), rules=rules_of(limits), **fields)
    if expected is None:
        assert arb is None
        return
    assert arb is not None
    assert arb.arb_type is expected.arb_type
    assert arb.quantity == expected.quantity * 100
    assert tuple(leg.limit for leg in arb.legs) == tuple(limit * 10_000 for limit in expected.limits)
    assert [arb.cost, arb.fees, arb.edge] == [
        dollars * 10**6 for dollars in (expected.cost, expected.fees, expected.edge)
    ]
    assert arb.cost == sum(leg.cost for leg in arb.legs)
    assert arb.fees == sum(leg.fees for leg in arb.legs)


@given(worlds)
def test_what_is_found_brings_the_minimum_on_the_whole(world: reference.World) -> None:
    arb = found(*frames_of(world), kalshi_rate_ppm=70_000, polymarket_rate_ppm=50_000)
    if arb is not None:
        assert arb.edge == arb.quantity * 10_000 - arb.cost - arb.fees
        assert arb.edge * SCALE >= CENT.min_edge * arb.quantity > 0


def test_an_unknown_pair_id_is_a_bug() -> None:
    scan, _ = scan_of()
    with pytest.raises(KeyError):
        scan.watch(PairId("nobody"))
