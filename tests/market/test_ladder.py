"""One side of a book."""

from __future__ import annotations

import pytest

from market.ladder import NO_ASK, NO_BID, Ladder
from protocol.units import DOLLAR, Price, Quantity
from tests.market.builders import cents, contracts, levels


@pytest.mark.parametrize(("is_bid", "best", "none"), [(True, 52, NO_BID), (False, 50, NO_ASK)])
def test_best_is_the_highest_bid_and_the_lowest_ask(is_bid: bool, best: int, none: Price) -> None:
    ladder = Ladder(is_bid=is_bid)
    assert ladder.best == none
    for price in (51, 52, 50):
        ladder.put(cents(price), contracts(1))
    assert ladder.best == cents(best)
    for price in (52, 51, 50):
        ladder.put(cents(price), Quantity(0))
    assert ladder.best == none
    assert not ladder.levels


def test_removing_the_best_falls_back_to_the_next() -> None:
    ladder = Ladder(is_bid=False)
    ladder.replace(levels((50, 1), (51, 2), (53, 3)))
    ladder.put(cents(50), Quantity(0))
    assert ladder.best == cents(51)
    ladder.add(cents(51), contracts(-2))
    assert ladder.best == cents(53)


def test_a_change_below_zero_removes_the_level() -> None:
    ladder = Ladder(is_bid=True)
    ladder.add(cents(40), contracts(5))
    ladder.add(cents(40), contracts(-7))
    assert not ladder.levels
    ladder.add(cents(40), contracts(1))
    assert ladder.levels == {cents(40): contracts(1)}


@pytest.mark.parametrize("price", [Price(-100), Price(0), DOLLAR, Price(DOLLAR + 100)])
def test_prices_that_no_order_can_have_are_dropped(price: Price) -> None:
    for is_bid in (True, False):
        ladder = Ladder(is_bid=is_bid)
        ladder.put(price, contracts(1))
        ladder.add(price, contracts(1))
        ladder.replace([(price, contracts(1)), (cents(50), contracts(1))])
        assert list(ladder.levels) == [cents(50)]


def test_a_snapshot_drops_levels_without_size() -> None:
    ladder = Ladder(is_bid=False)
    ladder.replace(levels((50, 0), (51, -1), (52, 1)))
    assert ladder.at_or_better() == list(levels((52, 1)))


def test_levels_at_a_limit_or_better_come_best_first() -> None:
    bids, asks = Ladder(is_bid=True), Ladder(is_bid=False)
    for ladder in (bids, asks):
        ladder.replace(levels((50, 1), (48, 2), (52, 3)))
    assert bids.at_or_better(cents(50)) == list(levels((52, 3), (50, 1)))
    assert asks.at_or_better(cents(50)) == list(levels((48, 2), (50, 1)))
    assert bids.at_or_better() == list(levels((52, 3), (50, 1), (48, 2)))


@pytest.mark.parametrize("empty", [None, Price(0), DOLLAR])
def test_an_empty_side_may_be_stated_in_more_than_one_way(empty: Price | None) -> None:
    for is_bid in (True, False):
        ladder = Ladder(is_bid=is_bid)
        known = []
        ladder.confirm(empty)
        known.append(ladder.known)
        ladder.put(cents(50), contracts(1))
        ladder.confirm(empty)
        known.append(ladder.known)
        ladder.confirm(cents(50))
        known.append(ladder.known)
        assert known == [True, False, True]
