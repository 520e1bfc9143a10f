"""What a trade keeps added up is always what its legs come to; a picture of it does not change."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import Purpose
from actors.risk.exposure import PAYOUT
from actors.risk.loss import trade_loss
from actors.trade import Holding, IllegalTransition, State, Trade, TradeLeg
from actors.trade_book import LateRecord, trade_record
from market.opportunity import OpportunityLeg
from protocol.outcome import Outcome
from protocol.terms import Action, Side, Status, TradeId
from protocol.units import Money, Quantity
from tests.actors.kit import KALSHI_YES, POLY_NO, a_leg, arb, outcome

STATUSES = (Status.FILLED, Status.PARTIAL, Status.UNFILLED, Status.UNKNOWN)


def leg_of(plan: OpportunityLeg, leg_id: str, **fields: Any) -> TradeLeg:
    """A leg on the plan's instrument."""
    order = a_leg(leg_id, platform=plan.platform, market=plan.market, side=plan.side, **fields)
    return TradeLeg(order, plan, "local", None)


def news(chance: Random, leg_id: str, revision: int) -> Outcome:
    """Any word on a leg."""
    fees = Money(chance.randint(0, 50_000))
    return outcome(leg_id, chance.choice(STATUSES), chance.randint(0, 12), revision=revision, fees=fees)


def report(trade: Trade, chance: Random) -> None:
    trade.report(news(chance, chance.choice(list(trade.legs)), chance.randint(0, 9)))


def close(trade: Trade, chance: Random) -> None:
    plan, number = chance.choice(trade.opportunity.legs), len(trade.legs) + 1
    action = chance.choice(list(Action))
    leg = leg_of(plan, f"l{number}", action=action)
    leg.purpose = Purpose.UNWIND if action is Action.SELL else Purpose.COMPLETE
    trade.closing([leg], 7)


def adopt(trade: Trade, chance: Random) -> None:
    trade.take_in(leg_of(chance.choice(trade.opportunity.legs), f"l{len(trade.legs) + 1}"))


def correct(trade: Trade, chance: Random) -> None:
    leg = chance.choice(list(trade.legs.values()))
    trade.told(leg, msgspec.structs.replace(leg.leg, side=chance.choice(list(Side))))


def give(trade: Trade, chance: Random) -> None:
    trade.give({chance.choice(trade.slots): Holding(Quantity(chance.randint(1, 99)), Money(chance.randint(0, 99)))})


def too_small(trade: Trade, _chance: Random) -> None:
    trade.too_small()


STEPS: tuple[Callable[[Trade, Random], None], ...] = (report, report, report, close, adopt, correct, give, too_small)


def anew(trade: Trade) -> Trade:
    """The same trade, of which nothing is added up yet."""
    again = Trade(trade.trade_id, trade.opportunity, list(trade.legs.values()), carried=trade.carried)
    again.given, again.state, again.reason = trade.given, trade.state, trade.reason
    again.sent_us, again.sent_unix_us = trade.sent_us, trade.sent_unix_us
    return again


def slowly_lost(trade: Trade) -> int:
    """By the words of :mod:`actors.risk.loss`, without a short cut."""
    held, spent = trade.holdings(), 0
    for leg in trade.legs.values():
        if leg.outcome is not None:
            spent += leg.outcome.fees + leg.outcome.cost * (1 if leg.leg.action is Action.BUY else -1)
    spent += sum(dust.basis for dust in trade.carried.values()) - sum(dust.basis for dust in trade.given.values())
    matched = min([holding.contracts for holding in held.values()] + ([] if len(held) > 1 else [Quantity(0)]))
    for holding in held.values():
        if holding.contracts > max(0, matched):
            extra = min(holding.contracts - matched, holding.contracts)
            spent -= holding.basis * extra // holding.contracts
    return max(0, spent - matched * PAYOUT)


@given(chance=st.randoms(use_true_random=False))
def test_what_is_kept_added_up_is_what_the_legs_come_to(chance: Random) -> None:
    seen = arb(KALSHI_YES, POLY_NO)
    carried = {} if chance.random() < 0.5 else {_slot(seen.legs[0]): Holding(Quantity(7), Money(30_000))}
    trade = Trade(TradeId("t1"), seen, [leg_of(plan, f"l{n}") for n, plan in enumerate(seen.legs, 1)], carried=carried)
    trade.sent(5, 6)
    for _ in range(25):
        late, then = LateRecord(trade), trade_record(anew(trade))
        try:
            chance.choice(STEPS)(trade, chance)
        except IllegalTransition:
            continue
        assert late() == then
        fresh = anew(trade)
        assert trade.sums == fresh.sums
        assert trade.opened() == fresh.opened()
        assert trade.slots == fresh.slots
        assert trade.closing_loss == fresh.closing_loss
        assert trade.edge_locked == fresh.edge_locked
        assert trade_loss(trade) == slowly_lost(trade)


def _slot(plan: OpportunityLeg) -> tuple[Any, str, Side]:
    return plan.platform, plan.market, plan.side


def test_a_record_that_is_made_late_says_what_was_so_when_it_was_told() -> None:
    seen = arb(KALSHI_YES, POLY_NO)
    trade = Trade(TradeId("t1"), seen, [leg_of(plan, f"l{n}") for n, plan in enumerate(seen.legs, 1)])
    trade.sent(5, 6)
    late = LateRecord(trade)
    trade.report(outcome("l1", Status.FILLED, 10))
    trade.report(outcome("l2", Status.FILLED, 10))
    assert trade.state is State.HEDGED
    assert late()["state"] == "legs_out"
    assert [leg["status"] for leg in late()["legs"]] == ["waiting", "waiting"]
    assert late() is late()
