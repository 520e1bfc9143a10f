"""The trade machine: a table, and nothing that is not in it."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trade import OVER, TRANSITIONS, Event, IllegalTransition, State, Trade, TradeLeg, step
from market.opportunity import OpportunityLeg
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Status, TradeId
from protocol.units import CONTRACT, USD, Money, Quantity
from simulation.diagrams import trade_page
from tests.actors.kit import KALSHI_YES, POLY_NO, POLY_YES, Plan, a_leg, arb, outcome

VERDICTS = (Event.UNPROVEN, Event.EQUAL, Event.NOTHING, Event.UNEQUAL)


def placed(leg: Leg, plan: OpportunityLeg) -> Leg:
    """The leg on the instrument of its plan."""
    return msgspec.structs.replace(leg, platform=plan.platform, market=plan.market, side=plan.side)


def proposed(*plans: Plan) -> Trade:
    seen = arb(*plans)
    legs = [
        TradeLeg(placed(a_leg(f"l{index}", quantity=seen.quantity, limit=plan.limit), plan), plan, "local", None)
        for index, plan in enumerate(seen.legs, start=1)
    ]
    return Trade(TradeId("t1"), seen, legs)


def sent(*plans: Plan) -> Trade:
    trade = proposed(*plans)
    trade.sent(5, 6)
    return trade


def told(trade: Trade, news: Outcome) -> State:
    assert trade.report(news)
    return trade.state


def after(*outcomes: Outcome) -> Trade:
    trade = sent()
    for one in outcomes:
        trade.report(one)
    return trade


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_and_event_is_in_the_table_or_refused_by_name(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition) as refused:
            step(state, event)
        assert state in str(refused.value)
        assert event.name in str(refused.value)


def test_what_was_aborted_stays_aborted() -> None:
    assert not [event for event in Event if (State.ABORTED, event) in TRANSITIONS]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.HEDGED, State.FLAT, State.NAKED])
def test_late_news_can_move_every_trade_that_was_answered(state: State) -> None:
    assert {event for event in Event if (state, event) in TRANSITIONS} >= set(VERDICTS)


def test_every_state_is_reached_from_the_first() -> None:
    reached = {State.PROPOSED}
    while more := {after for (state, _), after in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_the_page_in_docs_says_what_the_table_says() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "trade.md"
    again = "run the command in the docstring of simulation/diagrams.py"
    assert page.read_text(encoding="utf-8") == trade_page(), again


def test_the_page_names_every_state_and_draws_every_arrow() -> None:
    page = trade_page()
    assert all(f"**{state}**" in page for state in State)
    assert all(f"{state} --> {to}: {event}" in page for (state, event), to in TRANSITIONS.items())


# -- verdicts --------------------------------------------------------------------------------------------------


def test_dispatch_alone_is_no_fill() -> None:
    trade = sent()
    assert (trade.state, trade.matched, trade.cost, trade.fees) == (State.LEGS_OUT, 0, 0, 0)
    assert trade.edge_locked is None
    assert trade.waiting
    assert not trade.over


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (outcome("l1", Status.FILLED, 10), outcome("l2", Status.FILLED, 10), State.HEDGED),
        (outcome("l1", Status.PARTIAL, 4), outcome("l2", Status.PARTIAL, 4), State.HEDGED),
        (outcome("l1", Status.FILLED, 10), outcome("l2", Status.PARTIAL, "9.99"), State.NAKED),
        (outcome("l1", Status.FILLED, 10), outcome("l2", Status.FILLED, 11), State.NAKED),
        (outcome("l1", Status.FILLED, 10), outcome("l2", Status.UNFILLED), State.NAKED),
        (outcome("l1", Status.UNFILLED), outcome("l2", Status.REJECTED), State.FLAT),
        (outcome("l1", Status.EXPIRED), outcome("l2", Status.EXPIRED), State.FLAT),
        (outcome("l1", Status.UNKNOWN), outcome("l2", Status.FILLED, 10), State.UNKNOWN),
        (outcome("l1", Status.UNKNOWN), outcome("l2", Status.UNFILLED), State.UNKNOWN),
        (outcome("l1", Status.UNKNOWN), outcome("l2", Status.UNKNOWN), State.UNKNOWN),
    ],
)
def test_the_verdict_follows_from_the_proven_fills(first: Outcome, second: Outcome, state: State) -> None:
    trade = sent()
    assert trade.report(first)
    assert trade.state is State.SETTLING
    assert trade.report(second)
    assert trade.state is state
    assert trade.over is (state in OVER)


def test_unknown_is_not_over_and_keeps_the_pair() -> None:
    assert State.UNKNOWN not in OVER
    assert State.NAKED not in OVER


def test_an_unknown_leg_that_is_proven_settles_the_trade() -> None:
    trade = after(outcome("l1", Status.UNKNOWN), outcome("l2", Status.FILLED, 10))
    assert trade.report(outcome("l1", Status.FILLED, 10, revision=1))
    assert trade.state is State.HEDGED


def test_of_one_revision_a_proof_replaces_an_unknown_and_never_the_other_way_round() -> None:
    trade = after(outcome("l1", Status.UNKNOWN), outcome("l2", Status.FILLED, 10))
    assert not trade.report(outcome("l1", Status.UNKNOWN, 5))
    assert trade.report(outcome("l1", Status.FILLED, 10))
    assert not trade.report(outcome("l1", Status.UNKNOWN))
    assert trade.state is State.HEDGED


def test_late_news_moves_a_trade_that_was_over() -> None:
    trade = after(outcome("l1", Status.UNFILLED), outcome("l2", Status.UNFILLED))
    assert trade.state is State.FLAT
    assert told(trade, outcome("l2", Status.PARTIAL, 3, revision=1)) is State.NAKED
    assert told(trade, outcome("l1", Status.PARTIAL, 3, revision=1)) is State.HEDGED
    assert told(trade, outcome("l1", Status.UNFILLED, 0, revision=2)) is State.NAKED
    assert told(trade, outcome("l2", Status.UNFILLED, 0, revision=2)) is State.FLAT


def test_an_older_revision_and_the_same_again_change_nothing() -> None:
    trade = after(outcome("l1", Status.FILLED, 10, revision=3), outcome("l2", Status.FILLED, 10))
    for stale in (outcome("l1", Status.PARTIAL, 2, revision=2), outcome("l1", Status.UNFILLED, 0, revision=3)):
        assert not trade.report(stale)
    assert (trade.state, trade.matched) == (State.HEDGED, 1_000)


def test_the_edge_is_locked_only_when_hedged() -> None:
    filled = outcome("l1", Status.FILLED, 10, fees=Money(70_000))
    trade = after(filled, outcome("l2", Status.FILLED, 10, fees=Money(30_000)))
    assert trade.edge_locked == 10 * USD - 9 * USD - 100_000
    for status, amount in ((Status.UNKNOWN, 10), (Status.PARTIAL, 9), (Status.UNFILLED, 0)):
        trade = after(filled, outcome("l2", status, amount))
        assert trade.state is not State.HEDGED
        assert trade.edge_locked is None


def test_three_legs_are_hedged_only_when_all_three_agree() -> None:
    trade = sent(KALSHI_YES, POLY_NO, POLY_YES)
    for leg_id in ("l1", "l2"):
        trade.report(outcome(leg_id, Status.FILLED, 10))
        assert trade.state is State.SETTLING
    assert told(trade, outcome("l3", Status.FILLED, 10)) is State.HEDGED
    assert told(trade, outcome("l3", Status.PARTIAL, 9, revision=1)) is State.NAKED
    assert trade.matched == 900


def test_what_was_sent_cannot_be_aborted() -> None:
    trade = sent()
    with pytest.raises(IllegalTransition, match="legs_out"):
        trade.refused("too late")


def test_a_refused_trade_keeps_its_reason() -> None:
    trade = proposed()
    trade.refused("no path")
    assert (trade.state, trade.reason, trade.over) == (State.ABORTED, "no path", True)


NEWS = st.builds(
    outcome,
    st.sampled_from(["l1", "l2"]),
    st.sampled_from(Status),
    st.integers(0, 12),
    revision=st.integers(0, 4),
)


@given(st.lists(NEWS, max_size=12))
def test_whatever_the_order_of_news_the_state_is_that_of_the_newest_word_on_each_leg(news: list[Outcome]) -> None:
    trade = sent()
    for one in news:
        trade.report(one)
    held = [leg.outcome for leg in trade.legs.values()]
    for leg_id, kept in zip(trade.legs, held, strict=True):
        told = [one for one in news if one.leg_id == leg_id]
        assert (kept is None) is (not told)
        assert kept is None or kept.revision == max(one.revision for one in told)
    known = [one for one in held if one is not None]
    fills = {one.filled for one in known}
    if len(known) < 2:
        assert trade.state is (State.SETTLING if known else State.LEGS_OUT)
    elif not all(one.status.proven for one in known):
        assert trade.state is State.UNKNOWN
    elif len(fills) == 2:
        assert trade.state is State.NAKED
    else:
        assert trade.state is (State.FLAT if fills == {0} else State.HEDGED)
    assert trade.cost == sum(one.cost for one in known)
    if trade.edge_locked is not None:
        assert trade.edge_locked == trade.matched * (USD // CONTRACT) - trade.cost - trade.fees


def test_a_leg_of_another_trade_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError):
        sent().report(Outcome(leg_id=LegId("x"), status=Status.FILLED, filled=Quantity(1)))
