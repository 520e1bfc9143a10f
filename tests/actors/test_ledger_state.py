"""The state of a ledger: the same for the same facts, whatever is told twice, late, or in another order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import AnyFact, Purpose, ResultSeen
from actors.ledger_agreement import compare, compare_summaries, plain_sums, summary, sums_of
from actors.ledger_book import Fill
from actors.ledger_holding import Holding
from actors.ledger_state import BookKey, LedgerState, TradeRecord, fold
from actors.ledger_view import PAYOUT, flow, pairs, positions, totals, trades
from protocol.outcome import Outcome, newer
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Side, Status, TradeId
from protocol.units import Money, Quantity, money_from_dollars, quantity_from_text
from tests.fact_kit import PAIR, T0, adopted, opened, outcome, over, remark, seen, sent, unfilled, unknown


def held(contracts: int, cost: int) -> Holding:
    return Holding(Quantity(contracts), Money(cost))


REAL_YES = BookKey(paper=False, pair_id=PAIR, platform=KALSHI, side=Side.YES)


def filled(leg_id: str, contracts: str, dollars: str, fees: str = "0", **fields: Any) -> ResultSeen:
    values: dict[str, Any] = {
        "filled": quantity_from_text(contracts),
        "cost": money_from_dollars(Decimal(dollars)),
        "fees": money_from_dollars(Decimal(fees)),
    }
    return seen(outcome(leg_id, **{**values, **fields}))


def trade_of(state: LedgerState) -> TradeRecord:
    return state.trades[TradeId("t1")]


HEDGED: list[AnyFact] = [
    opened(),
    sent("t1-1"),
    sent("t1-2", platform=POLYMARKET, side=Side.NO),
    filled("t1-1", "10", "5.20", "0.17"),
    filled("t1-2", "10", "4.50", "0.03"),
    over(),
]

NAKED: list[AnyFact] = [
    opened("t2"),
    sent("t2-1"),
    sent("t2-2", platform=POLYMARKET, side=Side.NO),
    filled("t2-1", "10", "5.20", "0.17"),
    filled("t2-2", "4", "1.80", "0.01", status=Status.PARTIAL),
    over("t2", "naked"),
]

UNWOUND: list[AnyFact] = [
    *NAKED,
    sent("t2-3", action=Action.SELL, purpose=Purpose.UNWIND),
    filled("t2-3", "6", "3.00", "0.11"),
    over("t2", "hedged"),
]


# By hand


def test_a_hedged_trade_locks_its_edge_in() -> None:
    state = fold(HEDGED)
    (pair,) = pairs(state)
    assert (pair.yes, pair.no, pair.matched, pair.excess, pair.state) == (1_000, 1_000, 1_000, 0, "even")
    assert (pair.locked_in, pair.fees, pair.realised, pair.at_risk) == (300_000, 200_000, 0, 0)
    (trade,) = trades(state)
    assert (trade.earned, trade.record.state, trade.paper) == (100_000, "hedged", False)
    total = totals([pair])
    assert (total.net, total.locked_in, total.net + total.locked_in) == (-200_000, 300_000, trade.earned)


def test_a_naked_trade_is_at_risk_for_what_has_no_partner() -> None:
    state = fold(NAKED)
    (pair,) = pairs(state)
    assert (pair.yes, pair.no, pair.matched) == (1_000, 400, 400)
    assert (pair.excess, pair.excess_side, pair.state) == (600, Side.YES, "naked")
    assert (pair.at_risk, pair.locked_in) == (3_120_000, 120_000)
    assert [trade.trade_id for trade in state.naked_trades()] == ["t2"]
    assert next(trades(state)).earned is None


def test_a_sold_excess_is_realised_at_average_cost() -> None:
    state = fold(UNWOUND)
    (pair,) = pairs(state)
    assert (pair.yes, pair.no, pair.matched, pair.excess, pair.state) == (400, 400, 400, 0, "even")
    # 6 of 10 contracts bought for $5.20 had cost $3.12 and brought $3.00.
    assert (pair.realised, pair.fees, pair.locked_in) == (-120_000, 290_000, 120_000)
    (trade,) = trades(state)
    assert trade.earned == pair.realised - pair.fees + pair.locked_in == -290_000
    assert list(state.open_trades()) == []


def test_an_excess_that_a_verdict_calls_even_is_dust() -> None:
    state = fold([*NAKED[:-1], over("t2", "hedged")])
    (pair,) = pairs(state)
    assert (pair.excess, pair.state) == (600, "dust")
    assert totals([pair]).dust == 3_120_000


def test_dust_that_the_next_trade_of_the_pair_closes_is_gone() -> None:
    next_trade: list[AnyFact] = [
        opened("t3"),
        sent("t3-1"),
        sent("t3-2", platform=POLYMARKET, side=Side.NO),
        filled("t3-1", "10", "5.00"),
        filled("t3-2", "16", "7.00"),
        over("t3"),
    ]
    (pair,) = pairs(fold([*NAKED[:-1], over("t2", "hedged"), *next_trade]))
    assert (pair.excess, pair.state, pair.matched) == (0, "even", 2_000)


def test_an_excess_while_a_trade_is_under_way_is_open() -> None:
    (pair,) = pairs(fold(HEDGED[:4]))
    assert (pair.state, pair.excess) == ("open", 1_000)


def test_paper_and_real_are_never_added_up() -> None:
    state = fold([*HEDGED[:4], filled("t1-2", "10", "4.50", paper=True), over()])
    real, paper = pairs(state)
    assert (real.paper, real.yes, real.no, real.matched, real.at_risk) == (False, 1_000, 0, 0, 5_200_000)
    assert (paper.paper, paper.yes, paper.no, paper.matched) == (True, 0, 1_000, 0)


def test_a_fill_that_turns_out_to_be_paper_moves_to_the_other_book() -> None:
    state = fold([sent(), seen(unfilled()), filled("t1-1", "10", "5.20", revision=1, paper=True)])
    assert [(position.paper, position.contracts) for position in positions(state)] == [(True, 1_000)]
    state.add(filled("t1-1", "10", "5.20", revision=2))
    assert [(position.paper, position.contracts) for position in positions(state)] == [(False, 1_000)]


def test_selling_more_than_is_held_is_a_short_and_at_risk() -> None:
    state = fold([sent(action=Action.SELL), filled("t1-1", "10", "4.00")])
    (pair,) = pairs(state)
    assert (pair.yes, pair.matched, pair.cost, pair.at_risk) == (-1_000, 0, -4_000_000, 6_000_000)


# Outcomes by revision


def test_unknown_moves_no_money_until_it_is_proven() -> None:
    state = fold([opened(), sent(), seen(unknown(filled=Quantity(300), cost=Money(-5)))])
    assert positions(state) == []
    assert [leg.leg_id for leg in state.open_legs()] == ["t1-1"]
    state.add(filled("t1-1", "3", "1.50", revision=1))
    assert state.books[REAL_YES].holding == held(300, 1_500_000)


def test_what_was_proven_counts_while_later_news_is_unknown() -> None:
    state = fold([opened(), sent(), filled("t1-1", "3", "1.50", final=False), over(), seen(unknown(revision=1))])
    assert state.books[REAL_YES].holding == held(300, 1_500_000)
    assert trade_of(state).open
    assert state.legs[LegId("t1-1")].outcome == unknown(revision=1)


def test_a_fill_that_is_reverted_is_as_if_it_had_never_been() -> None:
    sale: list[AnyFact] = [sent("t1-2", action=Action.SELL), filled("t1-2", "4", "2.40")]
    with_revert = fold([sent(), filled("t1-1", "10", "5.20", final=False), *sale, seen(unfilled(revision=1))])
    never = fold([sent(), seen(unfilled(revision=1)), *sale])
    assert [line for line in compare(with_revert, never) if not line.startswith("facts")] == []
    assert with_revert.books[REAL_YES].holding == held(-400, -2_400_000)


@pytest.mark.parametrize(
    ("news", "held", "replaces"),
    [
        (outcome(revision=1), unknown(), True),
        (outcome(), unknown(), True),
        (unknown(revision=1), outcome(), True),
        (unknown(), outcome(), False),
        (outcome(), outcome(filled=5), True),
        (outcome(filled=5), outcome(), False),
        (outcome(), outcome(revision=1), False),
        (unknown(), unknown(), False),
    ],
)
def test_which_outcome_holds(news: Outcome, held: Outcome, *, replaces: bool) -> None:
    assert newer(news, held) is replaces
    state = fold([sent(), seen(held), seen(news)])
    assert state.legs[LegId("t1-1")].outcome == (news if replaces else held)


# Open, over, orphaned


@pytest.mark.parametrize(
    ("facts", "is_open", "state"),
    [
        (HEDGED, False, "hedged"),
        (HEDGED[:-1], True, "open"),
        (HEDGED[:1], True, "open"),
        ([*HEDGED, filled("t1-1", "10", "5.20", "0.18", revision=1)], False, "hedged"),
        ([*HEDGED, filled("t1-1", "9", "5.20", revision=1)], True, "open"),
        ([*HEDGED, filled("t1-1", "9", "5.20", revision=1), over(state="naked")], False, "naked"),
        ([*HEDGED, seen(unknown("t1-1", revision=1))], True, "open"),
        ([*HEDGED, sent("t1-3")], True, "open"),
        ([*HEDGED, filled("t1-1", "8", "5.20", revision=-1)], False, "hedged"),
        ([opened(), over(state="aborted")], False, "aborted"),
    ],
)
def test_a_trade_is_open_until_a_verdict_on_all_that_is_known(
    facts: list[AnyFact], *, is_open: bool, state: str
) -> None:
    trade = trade_of(fold(facts))
    assert (trade.open, trade.state) == (is_open, state)


def test_legs_without_a_final_word_are_those_to_ask_about() -> None:
    state = fold(
        [
            sent("t1-1"),
            sent("t1-2"),
            sent("t1-3"),
            sent("t1-4"),
            seen(unknown("t1-2")),
            filled("t1-3", "1", "0.50", final=False),
            filled("t1-4", "1", "0.50"),
            filled("t9-1", "1", "0.50"),
        ]
    )
    assert [leg.leg_id for leg in state.open_legs()] == ["t1-1", "t1-2", "t1-3"]
    assert [leg.leg_id for leg in state.orphans()] == ["t9-1"]


def test_a_result_of_a_leg_that_nobody_knows_counts_once_the_leg_is_adopted() -> None:
    state = fold([filled("t1-1", "10", "5.20", "0.17")])
    assert (positions(state), list(state.open_trades())) == ([], [])
    state.add(adopted())
    assert state.books[REAL_YES].holding == held(1_000, 5_200_000)
    (trade,) = state.open_trades()
    assert (trade.opened, trade.pair_id, trade.t) == (None, PAIR, T0)
    assert state.legs[LegId("t1-1")].purpose is None
    state.add(opened())
    assert trade.opened == opened()


def test_facts_are_counted_as_the_ledger_records_them() -> None:
    state = fold([opened(), opened(), sent(), adopted(), seen(unknown()), seen(), seen(), over(), over(), remark()])
    assert state.facts == 7


def test_flow_counts_the_legs_it_is_given() -> None:
    state = fold(UNWOUND)
    sale = state.legs[LegId("t2-3")]
    assert flow(state, [sale]) == (-120_000, 110_000, 1)
    every = flow(state, state.legs.values())
    (pair,) = pairs(state)
    assert (every.realised, every.fees, every.legs) == (pair.realised, pair.fees, 3)


# Agreement


def test_equal_states_agree_and_others_say_where_they_do_not() -> None:
    assert compare(fold(UNWOUND), fold(UNWOUND)) == []
    assert compare_summaries(summary(fold(UNWOUND)), summary(fold(UNWOUND))) == []
    found = compare(fold(UNWOUND), fold(UNWOUND[:-2]))
    assert [line.split(":")[0] for line in found] == [
        "facts",
        "trade t2 state",
        "leg t2-3 outcome",
        "leg t2-3 proven",
        "leg t2-3 realised",
        "real pair_0 kalshi yes",
    ]


def test_summaries_name_what_differs() -> None:
    one, other = summary(fold(HEDGED)), summary(fold([*HEDGED, *NAKED]))
    found = compare_summaries(one, other)
    assert "facts: 6 here, 12 there" in found
    assert "real naked_usd: 0 here, 3.12 there" in found
    assert any(line.startswith("positions pair_0 kalshi yes real: ") for line in found)


def test_a_summary_survives_json() -> None:
    said = summary(fold([*UNWOUND, sent("t5-1")]))
    encoder = msgspec.json.Encoder(decimal_format="number")
    again = msgspec.json.Decoder(float_hook=Decimal).decode(encoder.encode(said))
    assert compare_summaries(again, said) == []
    assert said["real"]["realised_usd"] == Decimal("-0.12")
    assert (said["open_trades"], said["open_legs"], said["trades"], said["legs"]) == (1, 1, 2, 4)


# Any ledger

LEGS = [f"t{trade}-{index}" for trade in range(3) for index in (1, 2)]


@st.composite
def results(draw: st.DrawFn, leg_id: str) -> list[ResultSeen]:
    """Several revisions of one leg; a number of a revision means one thing."""
    found = []
    for revision in range(draw(st.integers(0, 3))):
        claimed = draw(st.booleans())
        if claimed:
            found.append(seen(unknown(leg_id, revision=revision)))
        if not claimed or draw(st.booleans()):
            # No contract costs more than the dollar it pays: what says otherwise never gets this far.
            filled_now = draw(st.integers(0, 2_000))
            became = Outcome(
                leg_id=LegId(leg_id),
                status=Status.PARTIAL,
                filled=Quantity(filled_now),
                cost=Money(draw(st.integers(0, PAYOUT)) * filled_now),
                fees=Money(draw(st.integers(0, 10**5))),
                revision=revision,
                final=draw(st.booleans()),
                paper=draw(st.booleans()),
            )
            found.append(seen(became))
    return found


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[AnyFact], list[ResultSeen]]:
    """Trades with their legs, and results of any of them, in an order in which they could have become known."""
    first: list[AnyFact] = []
    said: list[ResultSeen] = []
    for leg_id in LEGS:
        if leg_id.endswith("-1"):
            first.append(opened(leg_id.partition("-")[0]))
        first.append(
            sent(
                leg_id,
                pair_id=PairId(draw(st.sampled_from(("p", "q")))),
                platform=draw(st.sampled_from((KALSHI, POLYMARKET))),
                side=draw(st.sampled_from(Side)),
                action=draw(st.sampled_from(Action)),
            )
        )
        said += draw(results(leg_id))
    return first, draw(st.permutations(said))


def same(one: LedgerState, other: LedgerState) -> bool:
    return compare(one, other) == [] and compare_summaries(summary(one), summary(other)) == []


@given(ledger=ledgers(), data=st.data())
def test_the_order_in_which_results_become_known_makes_no_difference(
    ledger: tuple[list[AnyFact], list[ResultSeen]], data: st.DataObject
) -> None:
    legs, said = ledger
    assert same(fold([*legs, *said]), fold([*legs, *data.draw(st.permutations(said))]))


@given(ledger=ledgers(), data=st.data())
def test_what_is_said_again_changes_nothing(
    ledger: tuple[list[AnyFact], list[ResultSeen]], data: st.DataObject
) -> None:
    facts = [*ledger[0], *ledger[1]]
    again = list(facts)
    for index in data.draw(st.lists(st.integers(0, len(facts) - 1), max_size=10)):
        again.insert(data.draw(st.integers(again.index(facts[index]) + 1, len(again))), facts[index])
    assert same(fold(facts), fold(again))


@given(ledger=ledgers())
def test_a_result_before_its_leg_is_worth_the_same(ledger: tuple[list[AnyFact], list[ResultSeen]]) -> None:
    legs, said = ledger
    one, other = fold([*legs, *said]), fold([*said, *legs])
    assert one.books.keys() == other.books.keys()
    assert positions(one) == positions(other)
    assert pairs(one) == pairs(other)
    assert one.facts == other.facts


@given(ledger=ledgers())
def test_money_adds_up_at_every_step(ledger: tuple[list[AnyFact], list[ResultSeen]]) -> None:
    state = LedgerState()
    for fact in [*ledger[0], *ledger[1]]:
        state.add(fact)
        proven = [(leg.asked, leg.proven) for leg in state.legs.values() if leg.asked and leg.proven]
        spent = sum(became.cost for asked, became in proven if asked.action is Action.BUY)
        received = sum(became.cost for asked, became in proven if asked.action is Action.SELL)
        fees = sum(became.fees for _, became in proven)
        found = pairs(state)
        total = totals(found)
        assert (total.spent, total.received, total.fees) == (spent, received, fees)
        assert total.spent - total.received == total.cost - total.realised
        for pair in found:
            matched_cost = pair.matched * PAYOUT - pair.locked_in
            cash = pair.received - pair.spent - pair.fees
            rest = pair.cost - matched_cost
            assert cash + pair.matched * PAYOUT == pair.realised - pair.fees + pair.locked_in - rest
            assert pair.at_risk >= 0
        assert flow(state, state.legs.values())[:2] == (total.realised, total.fees)
        assert sum(trade.spent for trade in trades(state)) == spent
        assert total.naked + total.dust + total.open == sum(pair.at_risk for pair in found)
    assert compare_summaries(sums_of(state), plain_sums([*ledger[0], *ledger[1]])) == []


def test_a_plain_sum_differs_where_a_book_is_wrong() -> None:
    state = fold(HEDGED)
    state.books[REAL_YES].put(0, Fill(1_000, 5_200_001, 170_000))
    found = compare_summaries(sums_of(state), plain_sums(HEDGED))
    assert found == ["real pair_0 kalshi yes paid: 5200001 here, 5200000 there"]


@given(ledger=ledgers())
def test_one_by_one_or_all_at_once_is_the_same(ledger: tuple[list[AnyFact], list[ResultSeen]]) -> None:
    facts = [*ledger[0], *ledger[1]]
    step_by_step = LedgerState()
    for number, fact in enumerate(facts, 1):
        step_by_step.add(fact)
        assert same(step_by_step, fold(facts[:number]))


VERDICTS = st.builds(over, st.sampled_from(("t0", "t1", "t2")), st.sampled_from(("hedged", "naked")))


@given(ledger=ledgers(), verdicts=st.lists(VERDICTS, max_size=6), data=st.data())
def test_what_is_open_is_known_without_looking_at_everything(
    ledger: tuple[list[AnyFact], list[ResultSeen]], verdicts: list[AnyFact], data: st.DataObject
) -> None:
    state = LedgerState()
    for fact in data.draw(st.permutations([*ledger[0], *ledger[1], *verdicts])):
        state.add(fact)
        trades_now, legs_now = list(state.trades.values()), list(state.legs.values())
        assert list(state.open_trades()) == [trade for trade in trades_now if trade.open]
        assert list(state.naked_trades()) == [trade for trade in trades_now if trade.naked and not trade.open]
        by_place = sorted((leg for leg in legs_now if leg.asked is not None), key=lambda leg: leg.place)
        assert list(state.open_legs()) == [leg for leg in by_place if not leg.closed]
