"""Closing an excess: never more than is held or missing, within the loss allowed, the cheaper way by brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.close import CloseOrder, ClosePlan, NoPlan, Slot, plan_close
from market.events import Level
from market.fees import kalshi_fees, polymarket_fees
from protocol.terms import KALSHI, POLYMARKET, Action, Side
from protocol.units import DOLLAR, USD, Money, Price, Quantity, notional
from tests.market.builders import contracts, levels

NO_LIMIT = Money(10**12)
PAYOUT = 10_000


def slot(held: int, *, basis: int | None = None, bids: tuple[Level, ...] = (), asks: tuple[Level, ...] = ()) -> Slot:
    """Contracts of Kalshi's YES at 45 cents, without fees or minimums."""
    return Slot(
        platform=KALSHI,
        market="K",
        side=Side.YES,
        held=contracts(held),
        basis=Money(held * 450_000 if basis is None else basis),
        asks=asks,
        bids=bids,
        fees=kalshi_fees(0),
    )


def planned(slots: list[Slot], max_loss: Money = NO_LIMIT) -> ClosePlan:
    plan = plan_close(slots, max_loss)
    assert isinstance(plan, ClosePlan)
    return plan


def book(*, rising: bool) -> st.SearchStrategy[tuple[Level, ...]]:
    level = st.tuples(st.integers(100, 9_900).map(Price), st.integers(1, 1_500).map(Quantity))
    return st.lists(level, max_size=4, unique_by=lambda each: each[0]).map(
        lambda found: tuple(sorted(found, reverse=not rising))
    )


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    held = draw(st.integers(0, 1_500))
    on_kalshi = draw(st.booleans())
    return Slot(
        platform=KALSHI if on_kalshi else POLYMARKET,
        market="m",
        side=Side.YES,
        held=Quantity(held),
        basis=Money(held * draw(st.integers(100, 9_900))),
        asks=draw(book(rising=True)),
        bids=draw(book(rising=False)),
        fees=kalshi_fees(70_000) if on_kalshi else polymarket_fees(50_000),
        least_quantity=Quantity(draw(st.sampled_from([1, 100]))),
        least_notional=Money(draw(st.sampled_from([0, USD]))),
    )


LOSS = st.integers(-USD, 20 * USD).map(Money)


@given(st.lists(slots(), min_size=2, max_size=3), LOSS)
def test_a_plan_never_sells_more_than_is_held_nor_buys_more_than_is_missing(held: list[Slot], limit: Money) -> None:
    plan = plan_close(held, limit)
    if not isinstance(plan, ClosePlan):
        return
    assert plan.orders
    assert len({order.slot for order in plan.orders}) == len(plan.orders)
    assert len({order.action for order in plan.orders}) == 1
    most, least = max(each.held for each in held), min(each.held for each in held)
    for order in plan.orders:
        of = held[order.slot]
        assert order.quantity > 0
        if order.action is Action.SELL:
            assert order.quantity <= of.held - least
        else:
            assert order.quantity <= most - of.held


@given(st.lists(slots(), min_size=2, max_size=3), LOSS)
def test_a_plan_stays_within_the_loss_the_book_and_the_minimums(held: list[Slot], limit: Money) -> None:
    plan = plan_close(held, limit)
    if not isinstance(plan, ClosePlan):
        return
    assert plan.loss <= limit
    for order in plan.orders:
        of = held[order.slot]
        buying = order.action is Action.BUY
        side = of.asks if buying else of.bids
        there = sum(size for price, size in side if (price <= order.limit if buying else price >= order.limit))
        assert order.quantity <= there
        assert order.limit in {price for price, _ in side}
        assert order.quantity >= of.least_quantity
        assert notional(order.limit, order.quantity) >= of.least_notional


def by_hand(held: list[Slot], order: CloseOrder) -> int:
    """The loss of one order, from first principles: worth before, less worth after, excess at cost."""
    of = held[order.slot]
    side = of.asks if order.action is Action.BUY else of.bids
    left, fills = order.quantity, []
    for price, size in side:
        part = Quantity(min(left, size))
        if part:
            fills.append((price, part))
        left = Quantity(left - part)
    money, fees = sum(notional(*fill) for fill in fills), of.fees.total(fills, order.action)
    if order.action is Action.SELL:
        return -(-of.basis * order.quantity // of.held) - (money - fees)
    other = held[1 - order.slot]
    return -(-other.basis * order.quantity // other.held) + money + fees - order.quantity * PAYOUT


@given(slots(), slots(), LOSS)
def test_the_loss_said_is_the_loss_by_hand(one: Slot, other: Slot, limit: Money) -> None:
    plan = plan_close([one, other], limit)
    if isinstance(plan, ClosePlan):
        (order,) = plan.orders
        assert plan.loss == by_hand([one, other], order)


PRICE = st.integers(100, 9_900).map(Price)


@given(st.integers(1, 1_000).map(Quantity), st.integers(0, 999).map(Quantity), st.integers(100, 9_900), PRICE, PRICE)
def test_with_one_deep_level_the_choice_is_that_of_brute_force(
    more: Quantity, less: Quantity, unit: int, bid: Price, ask: Price
) -> None:
    if less >= more:
        return
    deep = Quantity(10_000)
    full = Slot(
        platform=KALSHI,
        market="k",
        side=Side.YES,
        held=more,
        basis=Money(more * unit),
        asks=(),
        bids=((bid, deep),),
        fees=kalshi_fees(70_000),
    )
    thin = Slot(
        platform=POLYMARKET,
        market="p",
        side=Side.NO,
        held=less,
        basis=Money(less * unit),
        asks=((ask, deep),),
        bids=(),
        fees=polymarket_fees(50_000),
    )
    excess = Quantity(more - less)
    sale = excess * unit - notional(bid, excess) + full.fees.total([(bid, excess)], Action.SELL)
    completion = excess * unit + notional(ask, excess) + thin.fees.total([(ask, excess)]) - excess * PAYOUT
    plan = planned([full, thin])
    assert plan.loss == min(sale, completion)
    (order,) = plan.orders
    assert order.quantity == excess
    if sale != completion:
        assert order.action is (Action.SELL if sale < completion else Action.BUY)


def test_nothing_in_excess_is_no_plan() -> None:
    assert plan_close([slot(10), slot(10)], NO_LIMIT) is NoPlan.NOTHING
    assert plan_close([slot(0), slot(0)], NO_LIMIT) is NoPlan.NOTHING


def test_without_a_book_there_is_no_plan_and_no_dust() -> None:
    assert plan_close([slot(10), slot(0)], NO_LIMIT) is NoPlan.NO_BOOK


def test_a_loss_beyond_the_limit_is_too_dear() -> None:
    held = [slot(10, bids=levels((20, 10))), slot(0, asks=levels((90, 10)))]
    assert plan_close(held, Money(2 * USD)) is NoPlan.TOO_DEAR
    assert planned(held, Money(5 * USD // 2)).loss == 5 * USD // 2


def test_deep_levels_do_not_keep_the_best_one_from_being_taken() -> None:
    held = [slot(10, bids=levels((44, 2), (10, 8))), slot(0)]
    plan = planned(held, Money(USD))
    assert [(order.quantity, order.limit) for order in plan.orders] == [(200, 4_400)]


@pytest.mark.parametrize("excess", [1, 50, 99])
def test_an_excess_below_both_minimums_is_dust(excess: int) -> None:
    def coarse(held: int, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> Slot:
        return Slot(
            platform=KALSHI,
            market="k",
            side=Side.YES,
            held=Quantity(held),
            basis=Money(held * 4_500),
            asks=asks,
            bids=bids,
            fees=kalshi_fees(0),
            least_quantity=Quantity(100),
        )

    there = levels((40, 10)), levels((45, 10))
    assert plan_close([coarse(1_000 + excess, *there), coarse(1_000, *there)], NO_LIMIT) is NoPlan.DUST
    # One side cannot be seen: nothing says that the other could not close it.
    assert plan_close([coarse(1_000 + excess, (), ()), coarse(1_000, *there)], NO_LIMIT) is NoPlan.NO_BOOK


@given(st.integers(1, 99).map(Quantity), st.integers(100, 5_000))
def test_a_thin_book_never_makes_dust_of_an_excess_that_could_be_traded(there: Quantity, held: int) -> None:
    def coarse(size: int) -> Slot:
        return Slot(
            platform=KALSHI,
            market="k",
            side=Side.YES,
            held=Quantity(size),
            basis=Money(size * 4_500),
            asks=((Price(4_500), there),),
            bids=((Price(4_000), there),),
            fees=kalshi_fees(0),
            least_quantity=Quantity(100),
        )

    assert plan_close([coarse(held), coarse(0)], NO_LIMIT) is NoPlan.NO_BOOK


def test_what_is_less_than_nothing_is_bought_back_and_the_other_side_is_not_sold() -> None:
    short = slot(-10, basis=0, asks=levels((50, 20)), bids=levels((40, 20)))
    plan = planned([short, slot(0, bids=levels((40, 20)), asks=levels((50, 20)))])
    assert [(order.slot, order.action, order.quantity) for order in plan.orders] == [(0, Action.BUY, 1_000)]
    plan = planned([short, slot(5, bids=levels((40, 20)))])
    assert all(order.action is Action.BUY or order.quantity <= 500 for order in plan.orders)


def test_the_price_of_a_contract_that_pays_is_a_dollar() -> None:
    assert PAYOUT * 100 == USD == DOLLAR * 100
