"""The worst that an order can cost: never below what a venue really charges for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.risk.terms import FILLS, Account, Terms, dearest_terms, terms_of
from market.fees import FeeModel, KalshiFees, PolymarketFees
from market.pair import Pair
from protocol.terms import KALSHI, POLYMARKET, PairId
from protocol.units import CENT, CONTRACT, Money, Price, Quantity
from tests.risk.kit import cents, contracts, usd


def fee_models() -> st.SearchStrategy[FeeModel]:
    rate = st.sampled_from([0, 10_000, 35_000, 70_000])
    precision = st.sampled_from([Money(10_000), Money(100)])
    return st.one_of(
        st.builds(KalshiFees, rate, precision), st.builds(PolymarketFees, rate, st.sampled_from([0, 1, 2]))
    )


@given(
    fees=fee_models(),
    limit=st.integers(1, 99),
    parts=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 98)), min_size=1, max_size=FILLS),
    whole=st.booleans(),
    odd=st.integers(1, 99),
)
def test_no_fills_at_the_limit_or_better_cost_more(
    fees: FeeModel, limit: int, parts: list[tuple[int, int]], whole: bool, odd: int
) -> None:
    tick, step = (CENT, CONTRACT) if whole else (Price(1), Quantity(1))
    fills = [
        (
            Price(max(tick, limit * CENT - (better if whole else 0) * CENT)),
            Quantity(size * (CONTRACT if whole else odd)),
        )
        for size, better in parts
    ]
    terms = Terms(event="e", account=Account(KALSHI), fees=fees, tick=tick, step=step)
    real = sum(price * size for price, size in fills) + fees.total(fills)
    assert real <= terms.worst(cents(limit), Quantity(sum(size for _, size in fills)))


def test_without_fees_the_worst_is_the_limit_exactly() -> None:
    terms = Terms(event="e", account=Account(KALSHI), fees=KalshiFees(0), tick=CENT, step=CONTRACT)
    assert terms.worst(cents(45), contracts(10)) == usd("4.50")
    free = Terms(event="e", account=Account(POLYMARKET), fees=PolymarketFees(0))
    assert free.worst(cents(45), contracts(10)) == usd("4.50")


def test_many_tiny_fills_on_polymarket_each_cost_its_least_fee() -> None:
    fees = PolymarketFees(70_000)
    terms = Terms(event="e", account=Account(POLYMARKET), fees=fees)
    fills = [(cents(1), Quantity(1))] * FILLS
    assert fees.total(fills) == 10 * FILLS
    assert terms.worst(cents(1), Quantity(FILLS)) >= 100 * FILLS + 10 * FILLS


def test_the_terms_of_a_pair() -> None:
    pair = Pair(
        pair_id=PairId("p"),
        market_id=1,
        kalshi_market_ticker="K",
        poly_yes_token="1",
        poly_no_token="2",
        event_id="e",
        kalshi_shard=3,
    )
    kalshi, poly = terms_of(pair, KALSHI), terms_of(pair, POLYMARKET)
    assert (kalshi.event, kalshi.account, str(kalshi.account)) == ("e", Account(KALSHI, "3"), "kalshi shard 3")
    assert (poly.least_notional, poly.account) == (pair.poly_min_notional, Account(POLYMARKET))
    assert (kalshi.market, poly.market) == ("K", "")
    alone = Pair(pair_id=PairId("p"), market_id=1, kalshi_market_ticker="K")
    assert terms_of(alone, KALSHI).event == "p"


def test_a_pair_that_nobody_knows_is_dear() -> None:
    for platform in (KALSHI, POLYMARKET):
        dear = dearest_terms(PairId("gone"), platform)
        assert dear.event == "gone"
        assert dear.worst(cents(50), contracts(100)) > usd("51.75")
