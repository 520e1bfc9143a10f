"""A mad controller at the trader's door: whatever it sends, the trader's own limits hold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.journal import JournalEntry
from actors.leg_checks import exposure
from actors.risk.trader_limits import HOUR_US, TraderGate, TraderLimits
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Platform, Side, Status
from protocol.units import Money, Price, Quantity
from tests.risk.kit import SECOND, T0, cents, contracts, filled, unknown, usd

LIMITS = TraderLimits(
    platforms=frozenset({KALSHI}),
    markets=frozenset({"M"}),
    max_leg_notional=usd(5),
    max_hour_notional=usd(10),
    orders_per_second={KALSHI: 3},
    least_price=cents(5),
    most_price=cents(95),
)


def a_leg(leg_id: str = "l1", **fields: Any) -> Leg:
    values: dict[str, Any] = {
        "leg_id": LegId(leg_id),
        "trade_id": None,
        "pair_id": None,
        "market_id": 1,
        "platform": KALSHI,
        "market": "M",
        "action": Action.BUY,
        "side": Side.YES,
        "limit": cents(50),
        "quantity": contracts(10),
    }
    return Leg(**values | fields)


def entry(leg: Leg, asked_us: int, outcome: Outcome | None) -> JournalEntry:
    return JournalEntry(
        leg_id=leg.leg_id,
        platform=leg.platform,
        leg=leg,
        outcome=outcome,
        asked_us=asked_us,
        acked=-1,
        dry=False,
        tombstone=False,
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"platform": POLYMARKET}, "platform: polymarket is not executed by this trader"),
        ({"market": "N"}, "market: N is not on this trader's list of markets"),
        ({"limit": Price(499)}, "price: 4.99c is outside this trader's band of 5c-95c"),
        ({"limit": Price(9_501)}, "price: 95.01c is outside this trader's band of 5c-95c"),
        ({"quantity": Quantity(1_001)}, "contracts: $5.005 is above this trader's max_leg_notional of $5.00"),
        (
            {"action": Action.SELL, "limit": cents(40)},
            "contracts: $6.00 is above this trader's max_leg_notional of $5.00",
        ),
    ],
)
def test_what_is_refused_names_the_field_and_the_limit(fields: dict[str, Any], text: str) -> None:
    assert TraderGate(LIMITS).check(a_leg(**fields), T0) == text


@pytest.mark.parametrize("fields", [{}, {"limit": cents(5)}, {"limit": cents(95), "quantity": contracts(5)}])
def test_exactly_at_a_limit_is_let_through(fields: dict[str, Any]) -> None:
    assert TraderGate(LIMITS).check(a_leg(**fields), T0) is None


def test_the_hour_rolls() -> None:
    gate = TraderGate(LIMITS)
    gate.note(a_leg("l1"), T0)
    gate.note(a_leg("l2"), T0 + 10 * SECOND)
    text = "contracts: $5.00 more than $10.00 within an hour is above $10.00"
    assert gate.check(a_leg("l3"), T0 + HOUR_US - 1) == text
    assert gate.check(a_leg("l3"), T0 + HOUR_US) is None
    assert gate.hour(T0 + HOUR_US) == usd(5)


def test_what_left_nothing_does_not_count_and_an_overfill_does() -> None:
    gate = TraderGate(LIMITS)
    gate.note(a_leg("l1"), T0)
    gate.answered(Outcome(leg_id=LegId("l1"), status=Status.UNKNOWN, final=False))
    assert gate.hour(T0) == usd(5)
    gate.answered(Outcome(leg_id=LegId("l1"), status=Status.REJECTED, revision=1))
    assert gate.hour(T0) == 0
    gate.note(a_leg("l2"), T0)
    gate.answered(filled(a_leg("l2"), 14))
    assert gate.hour(T0) == usd(7)
    gate.answered(filled(a_leg("l2"), 0, revision=0))
    assert gate.hour(T0) == usd(7)


def test_the_hour_is_exact_to_the_micro_dollar() -> None:
    for most, refused in ((usd(10), False), (Money(usd(10) - 1), True)):
        gate = TraderGate(msgspec.structs.replace(LIMITS, max_hour_notional=most))
        gate.note(a_leg("l1"), T0)
        assert (gate.check(a_leg("l2"), T0) is not None) is refused


def test_late_news_within_the_hour_counts() -> None:
    gate = TraderGate(LIMITS)
    gate.note(a_leg("l1"), T0)
    gate.answered(filled(a_leg("l1"), 0))
    gate.answered(filled(a_leg("l1"), 14, revision=2))
    assert gate.hour(T0) == usd(7)
    assert gate.sellable(KALSHI, "M", Side.YES) == contracts(14)


def test_orders_a_second() -> None:
    gate = TraderGate(msgspec.structs.replace(LIMITS, max_hour_notional=None))
    for number in range(3):
        gate.note(a_leg(f"l{number}"), T0)
    assert gate.check(a_leg("l9"), T0 + SECOND - 1) == "leg_id: one order more than 3 in one second to kalshi"
    assert gate.check(a_leg("l9"), T0 + SECOND) is None


def test_reducing_only_what_is_held_here_is_sold() -> None:
    gate = TraderGate(TraderLimits(platforms=frozenset({KALSHI})))
    gate.note(a_leg("l1"), T0)
    gate.answered(filled(a_leg("l1"), 6))
    gate.reduce_only = "halted by the controller"
    assert gate.check(a_leg("l2"), T0) == "action: only what is held may be sold (halted by the controller)"
    sale = a_leg("s1", action=Action.SELL, quantity=contracts(7))
    assert gate.check(sale, T0) == "contracts: 6 are held here, and no more may be sold (halted by the controller)"
    sale = a_leg("s1", action=Action.SELL, quantity=contracts(6))
    assert gate.check(sale, T0) is None
    gate.note(sale, T0)
    gate.answered(unknown(sale))
    assert gate.sellable(KALSHI, "M", Side.YES) == 0
    gate.answered(filled(sale, 2))
    assert gate.sellable(KALSHI, "M", Side.YES) == contracts(4)
    assert gate.sellable(KALSHI, "M", Side.NO) == 0


def test_an_hour_later_only_what_is_held_is_remembered() -> None:
    gate = TraderGate(LIMITS)
    gate.note(a_leg("l1"), T0)
    gate.note(a_leg("l1"), T0)
    gate.answered(filled(a_leg("l1")))
    assert gate.hour(T0 + HOUR_US) == 0
    assert not gate._done
    assert gate.sellable(KALSHI, "M", Side.YES) == contracts(10)
    gate.note(a_leg("l2"), T0 + HOUR_US)
    gate.hour(T0 + 3 * HOUR_US)
    gate.answered(filled(a_leg("l2"), 3))
    assert not gate._done
    assert gate.sellable(KALSHI, "M", Side.YES) == contracts(13)


_ORDERS = st.lists(
    st.tuples(
        st.sampled_from([KALSHI, POLYMARKET]),
        st.sampled_from(["M", "N"]),
        st.sampled_from(list(Action)),
        st.integers(1, 9_999),
        st.integers(1, 2_000),
        st.sampled_from([0, 1, SECOND // 2, SECOND, HOUR_US // 3]),
        st.sampled_from(["filled", "rejected", "unknown", "waiting"]),
        st.booleans(),
    ),
    max_size=60,
)


@given(_ORDERS)
def test_a_mad_controller_passes_no_limit_restarts_or_not(
    orders: list[tuple[Platform, str, Action, int, int, int, str, bool]],
) -> None:
    gate, now = TraderGate(LIMITS), T0
    journal: list[JournalEntry] = []
    done: list[tuple[int, Money]] = []
    for number, (platform, market, action, limit, quantity, wait, fate, restarts) in enumerate(orders):
        now += wait
        leg = a_leg(
            f"l{number}",
            platform=platform,
            market=market,
            action=action,
            limit=Price(limit),
            quantity=Quantity(quantity),
        )
        if restarts:
            hour = gate.hour(now)
            gate = TraderGate(LIMITS)
            gate.rebuild(journal)
            assert gate.hour(now) == hour
        if gate.check(leg, now) is not None:
            continue
        gate.note(leg, now)
        outcome = {
            "filled": filled(leg),
            "rejected": Outcome(leg_id=leg.leg_id, status=Status.REJECTED),
            "unknown": unknown(leg),
            "waiting": None,
        }[fate]
        if outcome is not None:
            gate.answered(outcome)
        journal.append(entry(leg, now, outcome))
        assert (platform, market) == (KALSHI, "M")
        assert 500 <= limit <= 9_500
        at_risk = exposure(action, Price(limit), Quantity(quantity))
        assert at_risk <= usd(5)
        done.append((now, Money(0) if fate == "rejected" else at_risk))
        assert sum(amount for at, amount in done if at > now - HOUR_US) <= usd(10)
        assert sum(at > now - SECOND for at, _ in done) <= 3
