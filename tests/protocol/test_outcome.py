"""Reading a peer's result: nothing is claimed that it does not prove."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.outcome import Outcome, believable, beyond_limit, newer, outcome_from_result
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Platform, Status
from protocol.units import MAX_QUANTITY, Money, Price, Quantity, average_cents, notional
from protocol.wire import LegResult
from tests.fact_kit import leg as a_leg

ASKED = Quantity(1_000)
LIMIT = Price(5_200)


def read(*, level: int = 2, dry_run: bool = False, **fields: Any) -> Outcome:
    message = {"leg_id": "l1", "platform": "kalshi", "success": True} | fields
    return outcome_from_result(
        LegResult.model_validate(message), asked=ASKED, limit=LIMIT, dry_run=dry_run, level=level
    )


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize(
    ("fields", "status", "filled"),
    [
        ({"success": True, "filled": 10}, Status.FILLED, 1_000),
        ({"success": True, "filled": 4}, Status.PARTIAL, 400),
        ({"success": True, "filled": 0}, Status.UNFILLED, 0),
        ({"success": True, "filled": 12}, Status.FILLED, 1_200),
        ({"success": False, "filled": 0}, Status.REJECTED, 0),
        ({"success": False, "filled": 0, "error": "no money"}, Status.REJECTED, 0),
        ({"success": False}, Status.UNKNOWN, 0),
        ({"success": False, "error": "no money"}, Status.UNKNOWN, 0),
        ({"success": False, "error": "request timed out"}, Status.UNKNOWN, 0),
        ({"success": False, "filled": 3}, Status.PARTIAL, 300),
        ({"success": False, "filled": 10}, Status.FILLED, 1_000),
        ({"success": False, "error": "unknown: timeout"}, Status.UNKNOWN, 0),
        ({"success": False, "error": "unknown: timeout", "filled": 3}, Status.UNKNOWN, 300),
        ({"success": True}, Status.UNKNOWN, 0),
    ],
)
def test_a_result_without_a_status_is_read_by_what_it_proves(
    level: int, fields: dict[str, Any], status: Status, filled: int
) -> None:
    outcome = read(level=level, **fields)
    assert (outcome.status, outcome.filled) == (status, filled)
    assert outcome.final is status.proven
    assert not outcome.paper


def test_in_a_dry_run_success_without_filled_is_as_asked_and_marked_as_paper() -> None:
    outcome = read(level=1, dry_run=True)
    assert (outcome.status, outcome.filled, outcome.cost) == (Status.FILLED, ASKED, notional(LIMIT, ASKED))
    assert outcome.paper


def test_in_a_dry_run_a_failure_is_still_a_failure() -> None:
    told = read(level=1, dry_run=True, success=False, error="no")
    assert (told.status, told.error) == (Status.REJECTED, "no")


def test_a_failure_told_without_a_quantity_keeps_its_reason_and_is_not_final() -> None:
    told = read(level=1, success=False, error="request timed out")
    assert (told.error or "").startswith("unknown: request timed out")
    assert not told.final


@pytest.mark.parametrize(("filled", "cost", "fees"), [(10, 1, -1), (10, -1, 0), (-10, 1, 0), (-10, -10, 0)])
def test_a_negative_number_is_nonsense_and_proves_nothing(filled: int, cost: int, fees: int) -> None:
    told = Outcome(
        leg_id=LegId("l1"), status=Status.FILLED, filled=Quantity(filled), cost=Money(cost), fees=Money(fees)
    )
    read = believable(told)
    assert (read.status, read.final) == (Status.UNKNOWN, False)
    assert (read.error or "").startswith("unknown: the answer contradicts itself")
    assert min(read.filled, read.cost, read.fees) >= 0


def test_negative_fees_on_the_wire_prove_nothing() -> None:
    assert read(filled=10, cost=Decimal("5.2"), fees=Decimal("-0.01")).status is Status.UNKNOWN


def test_what_is_possible_is_believed_as_it_is() -> None:
    told = read(filled=10, cost=Decimal("5.2"), fees=Decimal("0.01"))
    assert believable(told) is told


@pytest.mark.parametrize(
    ("action", "cost", "worse"),
    [
        (Action.BUY, 5_200_000, 0),
        (Action.BUY, 5_200_011, 0),
        (Action.BUY, 5_300_000, 100_000),
        (Action.BUY, 1, 0),
        (Action.SELL, 5_200_000, 0),
        (Action.SELL, 5_100_000, 100_000),
        (Action.SELL, 9_000_000, 0),
    ],
)
def test_a_fill_beyond_its_limit_is_measured(action: Action, cost: int, worse: int) -> None:
    told = Outcome(leg_id=LegId("l1"), status=Status.FILLED, filled=ASKED, cost=Money(cost))
    assert beyond_limit(a_leg("l1", action=action), told) == worse
    assert beyond_limit(a_leg("l1", action=action), msgspec.structs.replace(told, status=Status.UNKNOWN)) == 0


@pytest.mark.parametrize(
    ("platform", "action", "cost", "worse"),
    [
        (POLYMARKET, Action.BUY, 5_205_211, 0),
        (POLYMARKET, Action.BUY, 5_205_212, 5_212),
        (POLYMARKET, Action.SELL, 5_194_800, 5_200),
        (KALSHI, Action.BUY, 5_205_200, 5_200),
    ],
)
def test_what_dollars_bought_beyond_the_last_hundredth_is_no_worse_price(
    platform: Platform, action: Action, cost: int, worse: int
) -> None:
    told = Outcome(leg_id=LegId("l1"), status=Status.FILLED, filled=ASKED, cost=Money(cost))
    leg = msgspec.structs.replace(a_leg("l1", action=action), platform=platform)
    assert beyond_limit(leg, told) == worse


# -- of two outcomes of one leg ------------------------------------------------------------------------------------

OUTCOMES = st.builds(
    lambda status, filled, revision: Outcome(
        leg_id=LegId("l1"), status=status, filled=Quantity(filled), revision=revision
    ),
    st.sampled_from(Status),
    st.integers(0, 3),
    st.integers(-1, 2),
)


@given(OUTCOMES, OUTCOMES)
def test_of_two_outcomes_at_most_one_is_newer(one: Outcome, other: Outcome) -> None:
    assert not (newer(one, other) and newer(other, one))
    assert not newer(one, one)


@given(OUTCOMES, OUTCOMES)
def test_of_one_revision_no_fill_that_is_proven_is_ignored(one: Outcome, other: Outcome) -> None:
    if one.revision == other.revision and one.status.proven and other.status.proven:
        held = one if not newer(other, one) else other
        assert held.filled == max(one.filled, other.filled)


@pytest.mark.parametrize(
    ("status", "filled", "agrees"),
    [
        ("filled", 10, True),
        ("filled", 12, True),
        ("filled", 9.99, False),
        ("filled", 0, False),
        ("filled", None, False),
        ("partial", 5, True),
        ("partial", 0, False),
        ("partial", 10, False),
        ("partial", None, False),
        ("unfilled", 0, True),
        ("unfilled", None, True),
        ("unfilled", 0.01, False),
        ("rejected", 0, True),
        ("rejected", 1, False),
        ("expired", 0, True),
        ("expired", 10, False),
        ("unknown", 0, True),
        ("unknown", 5, True),
    ],
)
def test_a_status_that_contradicts_its_filled_is_unknown(status: str, filled: float | None, *, agrees: bool) -> None:
    exact = None if filled is None else Decimal(str(filled))
    outcome = read(status=status, filled=exact)
    assert outcome.status is (Status(status) if agrees else Status.UNKNOWN)
    assert outcome.filled == int((exact or 0) * 100)
    if not agrees:
        assert (outcome.error or "").startswith("unknown:")
        assert not outcome.final


@pytest.mark.parametrize(
    ("filled", "cost"), [(0, Decimal("0.01")), (10, Decimal("10.01")), (Decimal("0.01"), Decimal("0.010001"))]
)
def test_a_cost_that_no_contract_can_have_is_unknown(filled: Decimal, cost: Decimal) -> None:
    outcome = read(success=True, filled=filled, cost=cost)
    assert outcome.status is Status.UNKNOWN
    assert "contradicts" in (outcome.error or "")


def test_at_level_1_a_status_is_not_believed() -> None:
    assert read(level=1, status="filled").status is Status.UNKNOWN
    assert read(level=1, status="unfilled", filled=10).status is Status.FILLED


def test_a_peers_own_reason_for_not_knowing_is_kept() -> None:
    assert read(level=1, success=False, error="unknown: timeout").error == "unknown: timeout"
    assert read(status="unknown", error="venue down").error == "venue down"


def test_a_level_2_peer_that_says_no_status_is_read_like_level_1() -> None:
    assert read(level=2).status is Status.UNKNOWN


@pytest.mark.parametrize("dry_run", [True, False])
def test_paper_is_marked_when_either_the_peer_or_the_hello_says_so(*, dry_run: bool) -> None:
    assert read(filled=10, paper=True, dry_run=dry_run).paper
    assert read(filled=10, dry_run=dry_run).paper is dry_run


def test_what_a_peer_adds_is_kept() -> None:
    outcome = read(
        status="partial",
        filled=5,
        cost=Decimal("2.600001"),
        fees=Decimal("0.07"),
        order_id="o",
        revision=3,
        final=False,
        latency_ns=9,
        error="half",
    )
    assert outcome == Outcome(
        leg_id=outcome.leg_id,
        status=Status.PARTIAL,
        filled=Quantity(500),
        cost=Money(2_600_001),
        fees=Money(70_000),
        order_id="o",
        error="half",
        revision=3,
        final=False,
        latency_ns=9,
    )


def test_without_a_price_the_limit_is_what_was_paid_at_worst() -> None:
    assert read(level=1, filled=4).cost == notional(LIMIT, Quantity(400))


def test_an_average_price_gives_the_cost() -> None:
    assert read(level=1, filled=4, avg_price=Decimal("51.5")).cost == 2_060_000


@given(st.integers(1, MAX_QUANTITY).map(Quantity), st.data())
def test_a_cost_told_exactly_is_kept_exactly_and_one_told_as_average_within_its_last_digit(
    filled: Quantity, data: st.DataObject
) -> None:
    cost = Money(data.draw(st.integers(0, filled * 10_000)))
    result = LegResult.model_construct(leg_id="l1", platform="kalshi", success=True, filled=filled, cost=cost)
    read_exact = outcome_from_result(result, asked=filled, limit=LIMIT, dry_run=False, level=2)
    assert (read_exact.status, read_exact.cost) == (Status.FILLED, cost)
    average = Decimal(average_cents(cost, filled))
    told = LegResult.model_construct(leg_id="l1", platform="kalshi", success=True, filled=filled, avg_price=average)
    read_average = outcome_from_result(told, asked=filled, limit=LIMIT, dry_run=False, level=1)
    assert abs(read_average.cost - cost) <= filled * Decimal("0.005") + 1


def test_what_a_peer_says_of_an_order_of_another_day_goes_above_todays_mode() -> None:
    assert not read(filled=10, paper=False, dry_run=True).paper
    assert read(filled=10, paper=False, dry_run=True, level=1).paper
