"""The one door: states, breakers, money and memory together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

import msgspec
import pytest

from actors.facts import AnyFact
from actors.recovery import Rebuilt, rebuild
from actors.risk.approval import Approval, NotApproved, Proposal, Reason, Refused
from actors.risk.breaker import BreakerRules
from actors.risk.day import TradingDay
from actors.risk.facts import RiskFact, RiskStateChanged
from actors.risk.guard import RiskGuard
from actors.risk.limits import Limits
from actors.risk.state import RiskState, Who
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Side, Status, TradeId
from protocol.units import Money, Quantity
from simulation.doubles import CountingIds
from tests import fact_kit
from tests.actors.kit import outcome as leg_outcome
from tests.actors.test_trade import after, sent
from tests.market.builders import NO, TICKER, pair
from tests.risk.kit import (
    SECOND,
    T0,
    Market,
    a_leg,
    approved,
    arb,
    closing,
    filled,
    order,
    refused,
    total,
    unknown,
    usd,
    venue,
)

DAY = 24 * 3_600 * SECOND
RULES = BreakerRules(daily_loss=usd(100), unknown_legs=3, clock_offset_us=SECOND, errors_in_row=2, mismatches_in_row=1)
PAIRS = {PairId("pair_0"): pair(0)}


def a_guard(now_us: int = T0, **limits: Any) -> RiskGuard:
    return RiskGuard(Limits(**limits), Market(), RULES, TradingDay(UTC, 0), now_us)


def ask(guard: RiskGuard, proposal: Proposal | None = None, now_us: int = T0) -> Approval | Refused:
    return guard.approve(proposal or arb(), paper=False, now_us=now_us)


def trades_of(facts: Iterable[AnyFact]) -> Rebuilt:
    return rebuild(facts, PAIRS, CountingIds())


def again(facts: Iterable[AnyFact | RiskFact], now_us: int = T0) -> RiskGuard:
    """A guard that finds these facts in its ledger, as they were written and read."""
    written = msgspec.json.encode(tuple(facts))
    read = msgspec.json.decode(written, type=list[AnyFact | RiskFact])
    guard = a_guard(now_us)
    guard.rebuild(read, trades_of, now_us)
    return guard


def state(guard: RiskGuard) -> RiskState:
    """What holds now; asked anew each time, so that no checker takes the last answer for the next."""
    return guard.state


def loses(guard: RiskGuard, amount: str, trade_id: str = "t9", now_us: int = T0) -> None:
    guard.loss.note(TradeId(trade_id), usd(amount), now_us)
    guard.tick(now_us)


def bought_only_yes(guard: RiskGuard) -> None:
    """A trade with ten YES and no NO."""
    approval = approved(ask(guard))
    legs = [order(approval, index) for index in (0, 1)]
    guard.sent(approval, legs, T0)
    guard.report(filled(legs[0]), T0)
    guard.report(filled(legs[1], 0), T0)


SALE = closing(a_leg(KALSHI, 40, 10, Action.SELL))


# -- states ------------------------------------------------------------------------------------------------------------


def test_active_trades_reducing_closes_halted_does_nothing() -> None:
    guard = a_guard()
    bought_only_yes(guard)
    guard.reduce("dinner", T0)
    answer = refused(ask(guard, arb("t2", "pair_2")))
    assert (answer.reason, answer.text) == (Reason.STATE, "reducing: dinner")
    sale = approved(guard.approve_closing(SALE, paper=False, now_us=T0))
    guard.halt("fire", T0)
    assert refused(ask(guard, arb("t3", "pair_2"))).text == "halted: fire"
    assert refused(guard.approve_closing(SALE, paper=False, now_us=T0)).reason is Reason.STATE
    with pytest.raises(NotApproved, match="nothing leaves while halted: fire"):
        guard.sent(sale, [order(sale, 0, "s1")], T0)
    guard.resume("back", T0)
    guard.sent(sale, [order(sale, 0, "s1")], T0)


def test_a_person_who_asked_for_less_gets_it_until_he_asks_for_more() -> None:
    guard = a_guard()
    assert guard.halt("x", T0).state is RiskState.HALTED
    guard.tick(T0 + DAY)
    assert state(guard) is RiskState.HALTED
    assert guard.reduce("half", T0).state is RiskState.REDUCING
    assert guard.resume("whole", T0).state is RiskState.ACTIVE
    assert guard.halt("crashed", T0, Who.SUPERVISOR).state is RiskState.HALTED
    fact = guard.take_facts()[-1]
    assert isinstance(fact, RiskStateChanged)
    assert fact.by == "supervisor"


def test_a_tripped_breaker_reduces_and_resuming_asks_for_its_reason() -> None:
    guard = a_guard()
    loses(guard, "100")
    assert state(guard) is RiskState.REDUCING
    answer = guard.resume("go on", T0)
    assert answer.refused == ("acknowledge first: daily-loss-1 (lost today: $100.00, and at most $100.00 may be)")
    assert guard.resume("go on", T0, ["daily-loss-7"]).refused == (
        "no breaker stands for daily-loss-7: see `arb status`"
    )
    assert state(guard) is RiskState.REDUCING
    assert guard.resume("go on", T0, ["daily-loss-1"]).state is RiskState.ACTIVE
    approved(ask(guard))


def test_every_breaker_that_stands_must_be_acknowledged() -> None:
    guard = a_guard()
    guard.watch.clock("t0", 2 * SECOND, T0)
    loses(guard, "100")
    assert state(guard) is RiskState.HALTED
    answer = guard.resume("go on", T0, ["clock-1"])
    assert (answer.state, answer.refused is not None) == (RiskState.REDUCING, True)
    # To go from halted to reducing, only what halted must be acknowledged.
    guard.watch.clock("t0", 4 * SECOND, T0)
    guard.settle(T0)
    assert guard.reduce("close", T0).refused is not None
    assert guard.reduce("close", T0, ["clock-3"]) == guard.reduce("close", T0)
    assert guard.resume("go on", T0, ["daily-loss-2"]).state is RiskState.ACTIVE


def test_a_cool_down_gives_back_what_it_took_and_no_more() -> None:
    guard = a_guard()
    guard.watch.clock("t0", 2 * SECOND, T0)
    guard.tick(T0)
    assert state(guard) is RiskState.HALTED
    guard.tick(T0 + 60 * SECOND)
    assert state(guard) is RiskState.ACTIVE
    guard.reduce("x", T0)
    guard.watch.clock("t0", 2 * SECOND, T0 + 61 * SECOND)
    guard.tick(T0 + 61 * SECOND)
    assert state(guard) is RiskState.HALTED
    guard.tick(T0 + 200 * SECOND)
    assert state(guard) is RiskState.REDUCING


def test_a_pair_that_is_set_aside_can_be_taken_back_by_its_reason() -> None:
    guard = a_guard()
    guard.moved(after(leg_outcome("l1", filled=10), leg_outcome("l2", filled=4)), T0)
    assert state(guard) is RiskState.ACTIVE
    answer = refused(ask(guard))
    assert (answer.reason, answer.text) == (
        Reason.SET_ASIDE,
        "pair_0 is set aside: the fills of 1 trades in a row differed",
    )
    approved(ask(guard, arb("t2", "pair_2")))
    guard.resume("seen", T0, ["mismatch-1"])
    approved(ask(guard, arb("t3")))


def test_halting_needs_neither_ledger_nor_log() -> None:
    guard = a_guard()
    for _ in range(3):
        guard.halt("again and again", T0)
    assert state(guard) is RiskState.HALTED
    (line,) = guard.take_lines()
    assert line == ("active to halted by the operator: again and again", "risk_halts", None)


# -- what happens ------------------------------------------------------------------------------------------------------


def test_refusals_and_caps_are_counted_and_said_once() -> None:
    guard = a_guard(per_pair=usd(5))
    for number in range(5):
        ask(guard, arb(f"t{number}", size=20))
    assert guard.describe(T0)["capped"] == {"the limit per pair": 1}
    assert guard.describe(T0)["refused"] == {"the limit per pair": 4}
    first, second = guard.take_lines()
    assert first.text.startswith("capped on pair_0, the limit per pair: pair pair_0: $5.40 more")
    assert second.text.startswith("refused on pair_0, the limit per pair: pair pair_0: $0.90 more")
    assert guard.take_lines() == ()


def test_a_result_on_paper_moves_its_leg_to_the_paper_money() -> None:
    guard = a_guard(per_pair=usd(9))
    approval = approved(ask(guard))
    legs = [order(approval, index) for index in (0, 1)]
    guard.sent(approval, legs, T0)
    guard.report(filled(legs[0], paper=True), T0)
    real, paper = (guard.books[kind].exposure for kind in (False, True))
    assert (paper.at_stake(venue(KALSHI)), paper.at_stake(total())) == (usd("4.50"), usd("4.50"))
    guard.books[False].over(TradeId("t1"))
    assert real.at_stake(venue(KALSHI)) == 0
    assert real.at_stake(venue(POLYMARKET)) == usd("4.50")


def test_that_nothing_was_filled_does_not_say_whether_it_was_paper() -> None:
    guard = a_guard()
    guard.adopted(order(arb(), 0, "t1-1"), paper=True)
    guard.report(fact_kit.unfilled(), T0)
    assert guard.paper_of(TradeId("t1"))
    assert again((fact_kit.opened(dry_run=True), fact_kit.sent(), fact_kit.seen(fact_kit.unfilled()))).paper_of(
        TradeId("t1")
    )


def test_real_and_paper_have_the_limits_each_to_itself() -> None:
    guard = a_guard(total=usd(9))
    approved(ask(guard))
    approved(guard.approve(arb("t2"), paper=True, now_us=T0))
    assert refused(ask(guard, arb("t3"))).reason is Reason.TOTAL


def test_a_leg_counts_once_as_an_error_however_often_it_is_told() -> None:
    guard = a_guard()
    approval = approved(ask(guard))
    legs = [order(approval, index) for index in (0, 1)]
    guard.sent(approval, legs, T0)
    guard.report(unknown(legs[0]), T0)
    guard.report(unknown(legs[0], revision=1), T0)
    guard.tick(T0)
    assert state(guard) is RiskState.ACTIVE
    guard.report(Outcome(leg_id=legs[1].leg_id, status=Status.REJECTED), T0)
    guard.tick(T0)
    assert state(guard) is RiskState.REDUCING


def test_a_trade_that_is_over_lets_its_money_go_and_is_judged_once() -> None:
    guard = a_guard()
    guard.books[False].exposure.keep(TradeId("t1"), PairId("pair_0"), {KALSHI: usd(5)})
    guard.moved(after(leg_outcome("l1")), T0)
    assert guard.books[False].in_flight == 1
    trade = after(leg_outcome("l1", filled=10), leg_outcome("l2", filled=10))
    guard.moved(trade, T0)
    guard.moved(trade, T0)
    assert guard.books[False].in_flight == 0
    assert state(guard) is RiskState.ACTIVE
    guard.moved(sent(), T0)
    assert not guard.take_facts()


def test_a_mismatch_counts_once_however_often_its_trade_moves() -> None:
    guard = RiskGuard(Limits(), Market(), BreakerRules(mismatches_in_row=2), TradingDay(UTC, 0), T0)
    for _ in range(5):
        guard.moved(after(leg_outcome("l1", filled=10), leg_outcome("l2", filled=4)), T0)
    approved(ask(guard))


def test_an_adopted_leg_counts_and_only_once() -> None:
    guard = a_guard()
    leg = order(arb(), 0)
    guard.adopted(leg, paper=False)
    guard.adopted(leg, paper=True)
    assert guard.books[False].exposure.at_stake(total()) == usd("4.50")
    assert guard.books[True].exposure.at_stake(total()) == 0


# -- memory ------------------------------------------------------------------------------------------------------------


def test_states_and_breakers_survive_a_restart() -> None:
    guard = a_guard()
    guard.halt("fire", T0)
    risk = guard.take_facts()
    back = again(risk)
    assert (back.state, back.asked, back.reason) == (RiskState.HALTED, RiskState.HALTED, "fire")
    tripped = a_guard()
    loses(tripped, "100")
    back = again(tripped.take_facts())
    assert back.state is RiskState.REDUCING
    assert back.resume("x", T0).refused is not None
    assert back.resume("x", T0, ["daily-loss-1"]).state is RiskState.ACTIVE


def test_a_cool_down_goes_on_over_a_restart() -> None:
    guard = a_guard()
    guard.watch.clock("t0", 2 * SECOND, T0)
    guard.tick(T0)
    risk = guard.take_facts()
    assert again(risk, T0 + 59 * SECOND).state is RiskState.HALTED
    assert again(risk, T0 + 60 * SECOND).state is RiskState.ACTIVE


def both_legs(t: int = T0) -> list[AnyFact]:
    return [
        fact_kit.opened(t=t),
        fact_kit.sent("t1-1", t=t, market=TICKER),
        fact_kit.sent("t1-2", t=t, platform=POLYMARKET, market=NO, side=Side.NO),
    ]


def test_a_start_knows_what_was_lost_today_and_not_what_was_lost_before() -> None:
    bad = fact_kit.outcome("t1-2", cost=usd("6"))
    facts = [*both_legs(), fact_kit.seen(), fact_kit.seen(bad), fact_kit.over()]
    assert again(facts).loss.today(T0) == usd("1.54")
    assert again(facts, T0 + DAY).loss.today(T0 + DAY) == 0
    # The first leg was proven yesterday and lost nothing by itself; the second came today.
    late = [*both_legs(), fact_kit.seen(), fact_kit.seen(bad, t=T0 + DAY)]
    assert again(late, T0 + DAY).loss.today(T0 + DAY) == usd("1.54")


def test_a_start_counts_the_money_and_a_leg_that_may_have_left() -> None:
    guard = again([fact_kit.opened(), fact_kit.sent("t1-1", market=TICKER)])
    exposure = guard.books[False].exposure
    # The other leg was not written down: it may have left, at any price.
    assert exposure.at_stake(total()) == usd("5.20") + usd("9.90")
    assert len(exposure.unknown) == 1
    assert again([fact_kit.opened(dry_run=True)]).books[True].exposure.at_stake(total()) == usd("19.80")


def test_a_trade_that_ended_in_the_moment_of_the_crash_keeps_no_money() -> None:
    cheap = fact_kit.outcome("t1-2", cost=usd(1), fees=usd(0))
    guard = again([*both_legs(), fact_kit.seen(), fact_kit.seen(cheap)])
    assert guard.books[False].in_flight == 0
    assert guard.books[False].exposure.at_stake(total()) == usd("6.37")


def test_a_leg_that_is_dropped_gives_back_its_place_in_the_second() -> None:
    guard = a_guard(orders_per_second={POLYMARKET: 1})
    approval = approved(ask(guard))
    guard.sent(approval, [order(approval, 0)], T0)
    assert refused(ask(guard, arb("t2", "pair_1"))).reason is Reason.ORDER_RATE
    guard.dropped(TradeId("t1"))
    approved(ask(guard, arb("t2", "pair_1")))
    with pytest.raises(NotApproved):
        guard.sent(approval, [order(approval, 1)], T0)


def test_what_was_paid_out_stays_so() -> None:
    guard = a_guard()
    guard.paid_out(PairId("pair_0"), (TradeId("t1"),), T0)
    done = [*both_legs(), fact_kit.seen(), fact_kit.seen(fact_kit.outcome("t1-2")), fact_kit.over()]
    assert again(done).books[False].exposure.at_stake(total()) == usd("10.74")
    assert again([*done, *guard.take_facts()]).books[False].exposure.at_stake(total()) == 0


def test_unknown_legs_trip_after_a_restart_too() -> None:
    facts: list[AnyFact] = []
    for number in range(4):
        facts += [
            fact_kit.opened(f"t{number}"),
            fact_kit.sent(f"t{number}-1", market=TICKER, trade_id=TradeId(f"t{number}")),
            fact_kit.seen(fact_kit.unknown(f"t{number}-1")),
        ]
    guard = again(facts)
    assert state(guard) is RiskState.REDUCING
    assert guard.describe(T0)["breakers"][0]["id"] == "unknown-legs-1"


def test_the_status_is_plain_json() -> None:
    guard = a_guard()
    bought_only_yes(guard)
    loses(guard, "100")
    told = msgspec.json.decode(msgspec.json.encode(guard.describe(T0)))
    assert told["state"] == "reducing"
    assert told["lost_today_usd"] == 100
    assert told["exposure"]["real"]["in total"] == 9
    assert told["breakers"] == [
        {
            "id": "daily-loss-1",
            "what": "",
            "effect": "reduce",
            "text": "lost today: $100.00, and at most $100.00 may be",
            "until_us": None,
        }
    ]


def test_money_of_a_leg_that_nobody_knows_is_nobodys() -> None:
    guard = a_guard()
    guard.report(Outcome(leg_id=LegId("x"), status=Status.FILLED, filled=Quantity(1), cost=Money(1)), T0)
    assert not dict(guard.books[False].exposure.every())


def test_a_leg_of_an_adopted_trade_that_may_have_left_is_of_the_kind_of_its_other_leg() -> None:
    known = fact_kit.seen(fact_kit.outcome("t1-1", paper=True))
    guard = again((fact_kit.adopted(), known))
    assert guard.paper_of(TradeId("t1"))
