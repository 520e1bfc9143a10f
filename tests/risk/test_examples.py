"""The worked examples of `docs/risk.md`, number by number."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from actors.ledger_state import fold
from actors.risk.approval import Reason
from actors.risk.breaker import BreakerRules
from actors.risk.day import TradingDay
from actors.risk.guard import RiskGuard
from actors.risk.limits import Limits
from actors.risk.loss import trade_loss
from actors.risk.state import RiskState
from actors.risk.trader_limits import HOUR_US, TraderGate, TraderLimits
from protocol.terms import KALSHI, POLYMARKET, Action, Status, TradeId
from tests import fact_kit
from tests.actors.kit import outcome
from tests.actors.test_trade import after
from tests.ground.project import ROOT
from tests.risk.kit import (
    FEES,
    T0,
    Market,
    a_book,
    a_leg,
    approved,
    arb,
    closing,
    contracts,
    filled,
    order,
    pair,
    refused,
    total,
    trade,
    unknown,
    usd,
)
from tests.risk.test_guard import trades_of
from tests.risk.test_loss import closed
from tests.risk.test_trader_limits import a_leg as ordered

SMALL = Limits(per_pair=usd(10), total=usd(100))
NEW_YORK = ZoneInfo("America/New_York")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def a_guard(now_us: int = T0) -> RiskGuard:
    return RiskGuard(SMALL, Market(), BreakerRules(daily_loss=usd(100)), TradingDay(NEW_YORK, 0), now_us)


def state(guard: RiskGuard) -> RiskState:
    return guard.state


def test_every_example_of_the_page_is_here() -> None:
    page = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
    numbers = {int(number) for number in re.findall(r"^\*\*(\d+)\.", page, re.MULTILINE)}
    mine = {int(name.split("_")[2]) for name in globals() if name.startswith("test_example_")}
    assert numbers == mine == set(range(1, 12))


def test_example_1_exactly_at_the_limit_is_allowed() -> None:
    for size in (20, 21):
        approval = approved(a_book(SMALL).approve(arb(size=size, kalshi=30, poly=20), T0))
        assert (approval.quantity, approval.money) == (contracts(20), usd(10))


def test_example_2_fees_are_money() -> None:
    book = a_book(SMALL, Market(FEES))
    yes, no = trade(book)
    assert book.exposure.at_stake(total()) == usd("9.356588")
    fees = {leg.platform: FEES[leg.platform].total([(leg.limit, leg.quantity)]) for leg in (yes, no)}
    assert fees == {KALSHI: usd("0.18"), POLYMARKET: usd("0.17325")}
    book.report(filled(yes, fees="0.18"), T0)
    book.report(filled(no, fees="0.17325"), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(total()) == usd("9.353250")


def test_example_3_capped_to_what_is_left_and_refused_below_one_contract() -> None:
    book = a_book(SMALL)
    approval = approved(book.approve(arb(size=30), T0))
    assert (approval.quantity, approval.money) == (contracts(11), usd("9.90"))
    assert refused(book.approve(arb("t2", size=30), T0)).text == "pair pair_0: $0.90 more than $9.90, of $10.00"


def test_example_4_all_markets_together() -> None:
    book = a_book(SMALL)
    for number in range(11):
        assert approved(book.approve(arb(f"t{number}", f"pair_{number}"), T0)).money == usd(9)
    approval = approved(book.approve(arb("t11", "pair_11"), T0))
    assert (approval.quantity, approval.money) == (contracts(1), usd("0.90"))
    answer = refused(book.approve(arb("t12", "pair_12"), T0))
    assert (answer.reason, book.room(total())) == (Reason.TOTAL, usd("0.10"))


def test_example_5_a_leg_that_filled_nothing_keeps_its_money() -> None:
    book = a_book(SMALL)
    yes, no = trade(book, size=11)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    assert book.exposure.at_stake(pair()) == usd("9.90")
    answer = refused(book.approve_closing(closing(a_leg(POLYMARKET, 46, 11)), T0))
    assert answer.text == "pair pair_0: $0.11 more than $9.90, of $10.00"
    approval = approved(book.approve_closing(closing(a_leg(KALSHI, 44, 11, Action.SELL)), T0))
    sale = order(approval, 0, "s1")
    book.sent(approval, [sale], T0)
    book.report(filled(sale), T0)
    book.over(TradeId("t1"))
    assert dict(book.exposure.every()) == {}
    done = after(outcome("l1", filled=11), outcome("l2", Status.UNFILLED))
    assert trade_loss(closed(done, Action.SELL, 44, 11)) == usd("0.11")


def test_example_6_unknown_counts_in_full() -> None:
    book = a_book(SMALL)
    yes, no = trade(book, size=11)
    book.report(unknown(yes), T0)
    book.report(filled(no, 0), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(total()) == usd("4.95")
    book.report(filled(yes, 0), T0)
    assert book.exposure.at_stake(total()) == 0


def test_example_7_what_a_venue_does_against_the_order_counts() -> None:
    book = a_book(SMALL)
    yes, no = trade(book)
    book.report(filled(yes, 12), T0)
    book.report(filled(no), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(pair()) == usd("9.90")
    assert refused(book.approve(arb("t2"), T0)).text == "pair pair_0: $0.90 more than $9.90, of $10.00"


def test_example_8_a_hundred_dollars() -> None:
    guard = a_guard()
    for name, lost in (("a", "40"), ("b", "30"), ("c", "29.99")):
        guard.loss.note(TradeId(name), usd(lost), T0)
    for number in range(12):
        guard.moved(after(outcome("l1", filled=10), outcome("l2", filled=10)), T0 + number)
    guard.tick(T0)
    assert state(guard) is RiskState.ACTIVE
    guard.loss.note(TradeId("c"), usd(30), T0)
    guard.tick(T0)
    assert state(guard) is RiskState.REDUCING
    assert "daily-loss-1" in str(guard.resume("go on", T0).refused)
    assert guard.resume("go on", T0, ["daily-loss-1"]).state is RiskState.ACTIVE
    guard.loss.note(TradeId("d"), usd("99.99"), T0)
    guard.tick(T0)
    assert state(guard) is RiskState.ACTIVE
    guard.loss.note(TradeId("d"), usd("100"), T0)
    guard.tick(T0)
    assert state(guard) is RiskState.REDUCING


def test_example_9_midnight_is_where_the_trader_lives() -> None:
    evening, midnight = us("2026-01-07T23:59:00-05:00"), us("2026-01-08T00:00:00-05:00")
    guard = a_guard(evening)
    guard.loss.note(TradeId("t1"), usd("99.99"), evening)
    assert guard.loss.today(midnight - 1) == usd("99.99")
    assert guard.loss.today(midnight) == 0
    assert guard.loss.today(evening) == 0
    late = a_guard(evening)
    late.loss.note(TradeId("t1"), usd(100), evening)
    late.tick(evening)
    late.tick(midnight)
    assert (late.loss.today(midnight), state(late)) == (0, RiskState.REDUCING)


def test_example_10_a_restart_forgets_nothing() -> None:
    book = a_book(SMALL)
    sent = fact_kit.sent(quantity=contracts(11), limit=4_500)
    book.rebuild(fold([fact_kit.opened(), sent, fact_kit.seen(fact_kit.unknown())]), paper=False)
    assert book.exposure.at_stake(total()) == usd("4.95")
    guard = a_guard()
    guard.halt("fire", T0)
    again = a_guard()
    facts = guard.take_facts()
    again.rebuild(facts, trades_of, T0)
    assert state(again) is RiskState.HALTED


def test_example_11_a_mad_controller() -> None:
    limits = TraderLimits(platforms=frozenset({KALSHI}), max_leg_notional=usd(5), max_hour_notional=usd(10))
    gate = TraderGate(limits)
    done, refusals = 0, []
    for number in range(100):
        leg, now = ordered(f"l{number}"), T0 + number * 10_000
        refusal = gate.check(leg, now)
        if refusal is None:
            gate.note(leg, now)
            gate.answered(filled(leg))
            done += 1
        else:
            refusals.append(refusal)
    assert done == 2
    assert refusals == ["contracts: $5.00 more than $10.00 within an hour is above $10.00"] * 98
    assert gate.check(ordered("l100"), T0 + HOUR_US) is None
    gate.note(ordered("l100"), T0 + HOUR_US)
    assert gate.check(ordered("l101"), T0 + HOUR_US) is not None
