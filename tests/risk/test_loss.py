"""What a day lost: of every trade what came since the day began, and nothing of what others earned."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import Purpose
from actors.risk.day import TradingDay
from actors.risk.loss import DailyLoss, trade_loss
from actors.trade import Trade, TradeLeg
from protocol.terms import Action, Status, TradeId
from protocol.units import Money
from tests.actors.kit import KALSHI_YES, a_leg, arb, outcome
from tests.actors.test_trade import after, placed
from tests.market.builders import cents, contracts
from tests.risk.kit import T0, usd

DAY = 24 * 3_600_000_000
NOON = T0


def daily() -> DailyLoss:
    return DailyLoss(TradingDay(UTC, 0), NOON)


def closed(trade: Trade, action: Action, price: int, size: int, fees: str = "0") -> Trade:
    """The Kalshi excess of the trade is sold (or bought more of) at this price."""
    plan = arb(KALSHI_YES).legs[0]
    leg = a_leg("c1", action=action, quantity=contracts(size), limit=cents(price))
    purpose = Purpose.UNWIND if action is Action.SELL else Purpose.COMPLETE
    trade.closing([TradeLeg(placed(leg, plan), plan, "local", None, purpose=purpose)], 9)
    cost = Money(price * 100 * size * 100)
    trade.report(outcome("c1", Status.FILLED, size, cost=cost, fees=usd(fees)))
    return trade


def test_a_hedged_trade_that_earns_has_lost_nothing() -> None:
    assert trade_loss(after(outcome("l1", filled=10), outcome("l2", filled=10))) == 0


def test_a_hedged_trade_that_cost_more_than_it_pays_has_lost_that() -> None:
    trade = after(outcome("l1", filled=10), outcome("l2", filled=10, cost=usd("5.60"), fees=usd("0.10")))
    assert trade_loss(trade) == usd("0.20")


def test_an_excess_alone_is_no_loss_and_what_it_was_sold_below_cost_is() -> None:
    trade = after(outcome("l1", filled=10), outcome("l2", Status.UNFILLED))
    assert trade_loss(trade) == 0
    assert trade_loss(closed(trade, Action.SELL, 40, 4, "0.02")) == usd("0.22")


def test_a_trade_that_was_sold_flat_has_lost_what_it_did_not_bring() -> None:
    trade = after(outcome("l1", filled=10), outcome("l2", Status.UNFILLED))
    assert trade_loss(closed(trade, Action.SELL, 44, 10)) == usd("0.10")


def test_gains_make_no_room_for_losses_of_others() -> None:
    loss = daily()
    loss.note(TradeId("t1"), usd(0), NOON)
    loss.note(TradeId("t2"), usd(3), NOON)
    loss.note(TradeId("t3"), usd(4), NOON)
    assert loss.today(NOON) == usd(7)
    loss.note(TradeId("t3"), usd(1), NOON)
    assert loss.today(NOON) == usd(4)


def test_a_mark_counts_while_it_stands() -> None:
    loss = daily()
    loss.mark(TradeId("t1"), usd(2), NOON)
    loss.note(TradeId("t1"), usd(1), NOON)
    assert loss.today(NOON) == usd(3)
    loss.mark(TradeId("t1"), usd(-2), NOON)
    assert loss.today(NOON) == usd(1)


def test_a_new_day_begins_at_zero_and_yesterdays_loss_that_grows_counts_today() -> None:
    loss = daily()
    loss.note(TradeId("t1"), usd(5), NOON)
    assert loss.today(NOON + DAY) == 0
    loss.note(TradeId("t1"), usd(6), NOON + DAY)
    assert loss.today(NOON + DAY) == usd(1)
    loss.note(TradeId("t1"), usd(2), NOON + DAY)
    assert loss.today(NOON + DAY) == 0


def test_a_clock_that_was_set_back_opens_no_day_again() -> None:
    loss = daily()
    loss.note(TradeId("t1"), usd(5), NOON)
    assert loss.today(NOON + DAY) == 0
    loss.note(TradeId("t1"), usd(6), NOON + DAY)
    assert loss.today(NOON) == usd(1) == loss.today(NOON + DAY)


_STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 50), st.booleans(), st.integers(0, DAY // 2)), max_size=40
)


@given(_STEPS)
def test_today_is_what_came_since_the_day_began(steps: list[tuple[str, int, bool, int]]) -> None:
    loss, day, now = daily(), TradingDay(UTC, 0), NOON
    whole: dict[tuple[str, bool], int] = {}
    before: dict[str, int] = {}
    begin = day.around(now)[0]

    def of(name: str) -> int:
        return whole.get((name, True), 0) + whole.get((name, False), 0)

    for name, amount, is_mark, wait in steps:
        now += wait
        if day.around(now)[0] != begin:
            begin, before = day.around(now)[0], {each: of(each) for each in "abc"}
        whole[name, is_mark] = amount
        (loss.mark if is_mark else loss.note)(TradeId(name), Money(amount), now)
        assert loss.today(now) == sum(max(0, of(each) - before.get(each, 0)) for each in "abc")
    # A start knows the losses as they stood when the day began, and as they stand; marks come with the books.
    again = DailyLoss(day, now)
    again.take_up(
        {TradeId(each): Money(amount) for each, amount in before.items()},
        {TradeId(each): Money(of(each)) for each in "abc"},
    )
    assert again.today(now) == loss.today(now)


@pytest.mark.parametrize("lost", [1, 99])
def test_a_loss_is_forgotten_where_it_turned_out_to_be_none(lost: int) -> None:
    loss = daily()
    loss.note(TradeId("t1"), Money(lost), NOON)
    loss.note(TradeId("t1"), Money(0), NOON)
    assert (loss.today(NOON), loss._lost) == (0, {})
