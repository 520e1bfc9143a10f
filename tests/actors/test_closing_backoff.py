"""What closes an excess and is refused: tried ever less often and never given up, whatever the books do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.closing_backoff import FIRST_US, LAST_US, MATERIAL, ClosingBackoff, Line
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, Side, Status, TradeId
from protocol.units import Price
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from tests.actors.kit import ARB, states, trades
from tests.actors.test_fate_unwind import Answer, flagged, scripted, some
from tests.market.builders import NO, kalshi, pair, poly
from transport.log_observer import _telling

T = TradeId("t1")
BUY = Line(KALSHI, "K", Side.YES, Action.BUY, "lisbon")
SELL = Line(POLYMARKET, "N", Side.NO, Action.SELL, "lisbon")


def refused(why: str) -> Answer:
    return lambda leg: Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=why)


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """Two traders answer by script; the books hold one arb."""
    with ControllerBox([pair(0)], dry_run=False) as made:
        yield made


def busy(box: ControllerBox, seconds: int, start: int, price: int = 45) -> None:
    """The other venue's book moves ten times a second."""
    for number in range(seconds * 10):
        box.feed(kalshi([(40, 10 + number % 2)], [(price, 10 + number % 2)], t=start + number))
        box.pass_time(0.1)


def test_a_refused_way_is_tried_a_handful_of_times_a_minute_and_never_given_up(box: ControllerBox) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [refused("400: insufficient_balance")]))
    box.simulate(POLYMARKET, scripted([], [filled, refused("403: trading is paused")]))
    box.feed(*ARB)
    busy(box, 60, 2)
    assert 5 <= len(received) <= 8
    assert states(box) == ["naked"]
    assert flagged(box)
    assert len(box.notes("NAKED: trade t1 stays open: refused")) <= 2, "once for each reason"
    assert "tried again, ever less often" in trades(box)["t1"]["reason"]
    before = len(received)
    busy(box, 180, 1_000)
    assert 2 <= len(received) - before <= 5, "once a minute is not never"
    assert len(box.notes("closing the excess")) >= len(received) - 1


def test_without_any_move_of_the_books_it_is_tried_again_all_the_same_and_closes(box: ControllerBox) -> None:
    received: list[Leg] = []
    no = refused("429: too many requests")
    box.simulate(KALSHI, scripted(received, [no, no, no, filled]))
    box.simulate(POLYMARKET, scripted([], [filled]))
    box.feed(*ARB)
    box.pass_time(10)
    assert [leg.action for leg in received] == [Action.BUY] * 4
    assert states(box) == ["hedged"]


def test_a_purchase_that_stays_refused_gives_way_to_a_sale(box: ControllerBox) -> None:
    bought: list[Leg] = []
    other: list[Leg] = []
    box.simulate(KALSHI, scripted(bought, [refused("400: market_not_found")]))
    box.simulate(POLYMARKET, scripted(other, [filled]))
    box.feed(*ARB)
    box.feed(poly(NO, [(40, 20)], [(45, 10)], t=2))
    box.pass_time(10)
    assert states(box) == ["flat"]
    assert [leg.action for leg in other] == [Action.BUY, Action.SELL]
    assert len(bought) == 4, "the arb's own leg, and three that would have completed it"


def test_a_leg_that_merely_found_nothing_is_tried_at_every_change_of_a_book(box: ControllerBox) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [some(0)]))
    box.simulate(POLYMARKET, scripted([], [filled, some(0)]))
    box.feed(*ARB)
    busy(box, 3, 2)
    assert len(received) > 20


def test_a_person_who_resumes_has_it_tried_at_once(box: ControllerBox) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [refused("400: insufficient_balance")]))
    box.simulate(POLYMARKET, scripted([], [filled, refused("paused")]))
    box.feed(*ARB)
    box.pass_time(100)
    before = len(received)
    box.ask("resume", reason="money was moved")
    assert len(received) == before + 1


# -- alone -------------------------------------------------------------------------------------------------------


def waits(backoff: ClosingBackoff, why: str, times: int, now: int = 0) -> list[int]:
    found = []
    for _ in range(times):
        backoff.refused(T, BUY, Price(4_000), why, now)
        until = backoff.until_us(T, {BUY: Price(4_000)})
        found.append((until - now) // FIRST_US)
        now = until
    return found


def test_the_wait_doubles_to_a_minute() -> None:
    assert waits(ClosingBackoff(), "no", 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_new_reason_begins_again_and_reasons_that_take_turns_do_not() -> None:
    backoff = ClosingBackoff()
    assert waits(backoff, "a", 3) == [1, 2, 4]
    assert waits(backoff, "b", 2) == [1, 2]
    assert waits(backoff, "a", 2) == [4, 8]
    assert waits(backoff, "b", 1) == [16]


def test_numbers_make_no_other_reason_and_the_text_stays_that_of_the_first() -> None:
    backoff = ClosingBackoff()
    assert waits(backoff, "needs $3.10, has $2", 2) == [1, 2]
    assert waits(backoff, "needs $3.20, has $1", 1) == [4]
    held = backoff.holds(T, {BUY: Price(4_000)}, 1)
    assert held == "refused: needs $3.10, has $2: tried again, ever less often"


def test_another_price_need_not_wait_but_for_a_second_and_another_order_not_at_all() -> None:
    backoff, far = ClosingBackoff(), Price(4_000 + MATERIAL)
    waits(backoff, "no", 6)
    at = 31 * FIRST_US
    backoff.refused(T, BUY, Price(4_000), "no", at)
    assert backoff.holds(T, {BUY: Price(4_100)}, at + 2 * FIRST_US) is not None
    assert backoff.holds(T, {BUY: far}, at + FIRST_US - 1) is not None
    assert backoff.holds(T, {BUY: far}, at + FIRST_US) is None
    assert backoff.holds(T, {SELL: Price(4_000)}, at) is None
    assert backoff.holds(T, {BUY._replace(path="oslo"): Price(4_000)}, at) is None, "somebody else executes it"
    assert backoff.holds(TradeId("t2"), {BUY: Price(4_000)}, at) is None
    backoff.taken(T, BUY)
    assert backoff.holds(T, {BUY: Price(4_000)}, at) is None


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 5 * FIRST_US), st.integers(1, 99), st.sampled_from("abc")), min_size=1, max_size=200
    )
)
def test_never_two_attempts_within_a_second_whatever_prices_and_reasons_do(moves: list[tuple[int, int, str]]) -> None:
    backoff, now, sent = ClosingBackoff(), 0, []
    for step, cents, why in moves:
        now += step
        limit = Price(cents * 100)
        if backoff.holds(T, {BUY: limit}, now) is None:
            sent.append(now)
            backoff.refused(T, BUY, limit, why, now)
        assert backoff.until_us(T, {BUY: limit}) - now <= LAST_US
    assert all(after - before >= FIRST_US for before, after in pairwise(sent))


def test_the_log_line_of_a_trade_does_not_grow_with_its_attempts() -> None:
    legs = [{"platform": "kalshi", "side": "yes", "status": "rejected", "filled": 0, "asked": 1} for _ in range(99)]
    legs[50] |= {"status": "unknown"}
    told = list(_telling(legs))
    assert len(told) == 7
    assert told[-1] == "and 93 attempts that filled nothing"
