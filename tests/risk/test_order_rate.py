"""Orders a second: exact in every window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.risk.cash import MAX_SPENT, Cash
from actors.risk.order_rate import OrderRate
from actors.risk.terms import Account
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import Money
from tests.risk.kit import SECOND, T0, usd


@given(most=st.integers(0, 5), waits=st.lists(st.sampled_from([0, 1, 400_000, 999_999, SECOND]), max_size=60))
def test_no_second_has_more_and_none_is_refused_that_fits(most: int, waits: list[int]) -> None:
    rate, now, left = OrderRate({KALSHI: most}), T0, list[int]()
    for wait in waits:
        now += wait
        recent = sum(at > now - SECOND for at in left)
        assert rate.free(KALSHI, now) == most - recent
        if recent < most:
            rate.took(KALSHI, now)
            left.append(now)


def test_a_venue_without_a_limit_has_none() -> None:
    rate = OrderRate({KALSHI: 1})
    rate.took(POLYMARKET, T0)
    assert rate.free(POLYMARKET, T0) is None


def test_a_clock_that_was_set_back_frees_nothing_early() -> None:
    rate = OrderRate({KALSHI: 1})
    rate.took(KALSHI, T0)
    rate.took(KALSHI, T0 - 10 * SECOND)
    assert rate.free(KALSHI, T0 + SECOND - 1) == 0
    assert rate.free(KALSHI, T0 + SECOND) == 1


def test_purchases_between_two_statements_are_remembered_without_end_of_memory() -> None:
    cash, account = Cash(), Account(KALSHI)
    cash.spent([account], usd(1), T0)
    assert cash.left(account) is None
    cash.stated(KALSHI, {"": usd(1_000_000)}, cash.asking(T0))
    for number in range(MAX_SPENT + 50):
        cash.spent([account], Money(1), T0 + number)
    assert cash.left(account) == usd(1_000_000) - MAX_SPENT - 50
    cash.spent([account], Money(-5), T0)
    assert cash.left(account) == usd(1_000_000) - MAX_SPENT - 50
