"""A ledger whose markets have settled: what was paid is booked once, whoever says it and whenever."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import AnyFact, ResultSeen
from actors.ledger_agreement import compare_summaries, plain_sums, sums_of
from actors.ledger_state import LedgerState, fold
from actors.ledger_view import flow, pairs, positions, totals
from actors.risk.facts import PaidOut
from protocol.terms import KALSHI, POLYMARKET, PairId, TradeId
from protocol.units import Price
from tests.actors.test_ledger_state import HEDGED, filled, ledgers, same
from tests.fact_kit import PAIR, T0, sent, settled

ENDS = st.lists(
    st.one_of(
        st.builds(
            settled,
            st.integers(0, 10_000),
            platform=st.sampled_from((KALSHI, POLYMARKET)),
            paper=st.booleans(),
        ),
        st.builds(
            PaidOut,
            t=st.just(T0),
            pair_id=st.sampled_from((PairId("p"), PairId("q"))),
            trade_ids=st.just(()),
            value=st.sampled_from((None, Price(0), Price(10_000))),
        ),
    ),
    max_size=4,
)


@given(ledger=ledgers(), ends=ENDS)
def test_money_adds_up_where_markets_have_settled(
    ledger: tuple[list[AnyFact], list[ResultSeen]], ends: list[AnyFact]
) -> None:
    facts = [*ledger[0], *ledger[1], *ends]
    state = fold(facts)
    total = totals(pairs(state))
    assert total.spent - total.received == total.cost - total.realised
    gained = sum(state.settled_gains().values())
    assert flow(state, state.legs.values()).realised + gained == total.realised
    assert compare_summaries(sums_of(state), plain_sums(facts)) == []


@pytest.mark.parametrize(
    ("value", "kalshi", "polymarket"), [(10_000, 4_800_000, -4_500_000), (0, -5_200_000, 5_500_000)]
)
def test_a_hedged_trade_ends_closed_when_both_sides_are_paid(value: int, kalshi: int, polymarket: int) -> None:
    """The venue's word on its own market, a person's on the rest: what was locked in is earned, whoever was right."""
    (before,) = pairs(fold(HEDGED))
    first = fold([*HEDGED, settled(value)])
    (half,) = pairs(first)
    assert (half.state, half.matched, half.excess, half.at_risk) == ("settling", 0, 0, 0)
    assert (half.realised, half.locked_in) == (kalshi, polymarket)
    assert half.realised + half.locked_in == before.locked_in
    paid = PaidOut(t=T0 + 4_000, pair_id=PAIR, trade_ids=(TradeId("t1"),))
    for facts in ([*HEDGED, settled(value), paid], [*HEDGED, paid, settled(value)]):
        (after,) = pairs(fold(facts))
        assert (after.state, after.yes, after.no, after.cost, after.at_risk) == ("even", 0, 0, 0, 0)
        assert (after.realised, after.locked_in, after.fees) == (before.locked_in, 0, before.fees)


def test_a_persons_word_alone_books_what_it_says() -> None:
    def ended(**fields: Any) -> LedgerState:
        return fold([*HEDGED, PaidOut(t=T0, pair_id=PAIR, trade_ids=(TradeId("t1"),), **fields)])

    assert pairs(ended()) == pairs(fold(HEDGED)), "nobody said what it was worth"
    (pair,) = pairs(ended(value=Price(0)))
    assert (pair.realised, pair.cost) == (300_000, 0)


def test_what_becomes_known_after_a_settlement_is_settled_too() -> None:
    late: list[AnyFact] = [sent("t9-1"), filled("t9-1", "2", "1.00")]
    assert same(fold([*HEDGED, *late, settled()]), fold([*HEDGED, settled(), *late]))
    assert same(fold([*HEDGED, settled(0), settled()]), fold([*HEDGED, settled(), settled()])), "the newest word holds"


def test_a_book_of_two_markets_is_settled_by_nobodys_word_on_one() -> None:
    mixed = [*HEDGED, sent("t9-1", market="ANOTHER"), filled("t9-1", "2", "1.00")]
    assert positions(fold([*mixed, settled()])) == positions(fold(mixed))
