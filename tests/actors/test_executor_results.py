"""Outcomes: never "not filled" without proof, late news applied, sums exact to the micro-dollar, stops that drain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.messages import Drained, SessionLost, StopTrading
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import PLATFORMS, POLYMARKET, LegId, Side, Status
from protocol.units import Money, Quantity
from simulation.boxes import ControllerBox
from simulation.doubles import Say, inbox
from tests.actors.kit import (
    POLY_NO,
    POLY_YES,
    arb,
    dollars,
    never,
    offer,
    report,
    result,
    states,
    trades,
)
from tests.market.builders import pair


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A controller with two traders that never answer by themselves."""
    with ControllerBox([pair(0), pair(1)]) as made:
        for platform in PLATFORMS:
            made.simulate(platform, never)
        yield made


def legs_of(box: ControllerBox, trade_id: str = "t1") -> dict[str, str]:
    return {leg["leg_id"]: leg["status"] for leg in trades(box)[trade_id]["legs"]}


# -- unknown -----------------------------------------------------------------------------------------------------


def test_a_leg_that_is_not_answered_in_time_is_unknown_and_never_unfilled(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10)
    box.pass_time(4.8)
    assert legs_of(box) == {"t1-1": "filled", "t1-2": "waiting"}
    box.pass_time(0.4)
    assert legs_of(box) == {"t1-1": "filled", "t1-2": "unknown"}
    status = box.status()
    assert (status["trades"]["unknown"], status["trades"]["naked"], status["totals"]["unknown_legs"]) == (1, 0, 1)
    (note,) = box.notes("no answer within 5 s")
    assert (note.level, note.leg_id, note.pair_id) == ("error", "t1-2", "pair_0")


def test_what_a_lost_session_had_not_answered_is_unknown_at_once(box: ControllerBox) -> None:
    offer(box)
    box.traders.test_unregister(POLYMARKET)
    assert legs_of(box) == {"t1-1": "waiting", "t1-2": "unknown"}
    assert "the link was lost before the answer" in (trades(box)["t1"]["legs"][1]["error"] or "")


def test_a_lost_session_changes_nothing_that_was_answered(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10)
    report(box, "t1-2", Status.FILLED, 10)
    for platform in PLATFORMS:
        box.traders.test_unregister(platform)
    assert states(box) == ["hedged"]


def test_a_lost_session_concerns_only_what_was_sent_on_it(box: ControllerBox) -> None:
    offer(box)
    box.tell("executor", SessionLost(99, "somebody else's"))
    box.tell("executor", SessionLost(None, "no local trader here"))
    assert legs_of(box) == {"t1-1": "waiting", "t1-2": "waiting"}


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [(Status.FILLED, 10, "hedged"), (Status.UNFILLED, 0, "naked"), (Status.PARTIAL, 3, "naked")],
)
def test_a_late_result_proves_an_unknown_leg(box: ControllerBox, status: Status, filled: int, state: str) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10)
    box.pass_time(6)
    assert states(box) == ["unknown"]
    report(box, "t1-2", status, filled)
    assert states(box) == [state]
    assert box.status()["totals"]["unknown_legs"] == 0


def test_a_proof_releases_the_pair(box: ControllerBox) -> None:
    offer(box)
    box.pass_time(6)
    offer(box)
    assert states(box) == ["unknown"]
    report(box, "t1-1", Status.UNFILLED)
    report(box, "t1-2", Status.UNFILLED)
    offer(box)
    assert states(box) == ["flat", "legs_out"]


def test_an_unknown_that_is_said_again_stays_unknown(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10)
    for revision in range(3):
        report(box, "t1-2", Status.UNKNOWN, revision=revision)
        assert states(box) == ["unknown"]


# -- proven not sent ---------------------------------------------------------------------------------------------


def test_what_was_not_sent_is_rejected_and_that_is_proven(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.traders.test_unregister(platform)
    box.say_hello(1)
    box.link.full.add(1)
    offer(box)
    (trade,) = trades(box).values()
    assert trade["state"] == "flat"
    assert [leg["status"] for leg in trade["legs"]] == ["rejected", "rejected"]
    assert all("not sent: the trader's connection is gone" in leg["error"] for leg in trade["legs"])
    assert box.frames(1, "execute_leg") == []


def test_not_sent_is_news_also_after_the_session_was_given_up(box: ControllerBox) -> None:
    offer(box)
    box.traders.test_unregister(POLYMARKET)
    report(box, "t1-1", Status.UNFILLED)
    report(box, "t1-2", Status.REJECTED)
    assert states(box) == ["flat"]


# -- revisions and strangers ---------------------------------------------------------------------------------------


def test_an_older_revision_changes_neither_trade_nor_position(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10, revision=2)
    before = box.status()
    report(box, "t1-1", Status.PARTIAL, 3, revision=1)
    assert box.status() == before


def test_a_fill_that_is_taken_back_is_taken_out_of_the_position(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 10, final=False)
    report(box, "t1-2", Status.FILLED, 10)
    report(box, "t1-1", Status.UNFILLED, 0, revision=1)
    assert states(box) == ["naked"]
    assert [(held["platform"], held["contracts"]) for held in box.status()["positions"]] == [("polymarket", 10)]


def test_a_result_for_a_leg_that_nobody_sent_is_logged_and_changes_nothing(box: ControllerBox) -> None:
    offer(box)
    before = box.status()
    report(box, "t9-1", Status.FILLED, 10)
    after = box.status()
    assert {**before, "problems": [], "counters": {}} == {**after, "problems": [], "counters": {}}
    assert box.notes("the result of a leg that is not known here")


def test_an_overfill_is_counted_whole_and_never_taken_for_hedged(box: ControllerBox) -> None:
    offer(box)
    report(box, "t1-1", Status.FILLED, 12)
    report(box, "t1-2", Status.FILLED, 10)
    (trade,) = trades(box).values()
    assert (trade["state"], trade["matched"], trade["edge_usd"]) == ("naked", 10, None)
    assert box.status()["positions"][0]["contracts"] == 12


# -- a trader that came back ---------------------------------------------------------------------------------------


def level_2(box: ControllerBox, conn_id: int, trader: str = "lisbon") -> None:
    box.say_hello(conn_id, protocol=2, trader_id=trader, dry_run=False)


def test_a_trader_that_came_back_proves_the_legs_of_its_lost_connection() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        level_2(box, 1)
        offer(box)
        box.disconnect(1)
        assert states(box) == ["unknown"]
        level_2(box, 2)
        for leg_id in ("t1-1", "t1-2"):
            box.receive(2, result(leg_id, status="filled", cost=4.5, revision=0))
        assert states(box) == ["hedged"]
        offer(box)
        assert states(box) == ["hedged", "legs_out"]


def test_another_traders_word_on_a_leg_is_ignored() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        level_2(box, 1)
        offer(box)
        level_2(box, 2, trader="oslo")
        box.receive(2, result("t1-1", status="filled", cost=4.5))
        assert legs_of(box) == {"t1-1": "waiting", "t1-2": "waiting"}
        assert box.notes("ignored a result for a leg that was not sent to oslo")


def test_a_word_on_a_leg_that_nobody_knows_is_ignored() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        level_2(box, 1)
        box.receive(1, result("t9-9", status="filled"))
        assert box.notes("ignored the result of a leg that is not known here (lisbon)")
        assert box.status()["state"] == "ACTIVE"


@pytest.mark.parametrize("hello", [{}, {"trader_id": "lisbon"}, {"protocol": 2}], ids=str)
def test_a_trader_without_a_level_or_a_name_has_no_word_on_other_connections_legs(hello: dict[str, Any]) -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        level_2(box, 1)
        offer(box)
        box.disconnect(1)
        box.say_hello(2, **hello)
        box.receive(2, result("t1-1"))
        assert legs_of(box)["t1-1"] == "unknown"
        assert box.notes("ignored a result for a leg that was not sent here: t1-1")


def test_success_without_filled_after_a_reconnect_proves_nothing_even_if_the_new_hello_is_dry() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        level_2(box, 1)
        offer(box)
        box.disconnect(1)
        box.say_hello(2, protocol=2, trader_id="lisbon", dry_run=True)
        box.receive(2, {"type": "leg_result", "leg_id": "t1-1", "platform": "kalshi", "success": True})
        assert legs_of(box)["t1-1"] == "unknown"


# -- stopping ----------------------------------------------------------------------------------------------------


def test_a_stop_with_nothing_in_flight_is_answered_at_once(box: ControllerBox) -> None:
    box.stop()
    assert box.memory.ends == [("in order", 0, False)]


def test_a_stop_waits_for_the_legs_in_flight_and_starts_nothing_new(box: ControllerBox) -> None:
    offer(box)
    box.stop()
    offer(box, pair_id="pair_1")
    assert states(box) == ["legs_out"]
    assert "stopping: asked to" in box.status()["aborted"]
    report(box, "t1-1", Status.FILLED, 10)
    assert box.memory.ends == []
    report(box, "t1-2", Status.FILLED, 10)
    assert box.memory.ends == [("in order", 0, False)]


def test_a_stop_reports_what_stayed_unknown(box: ControllerBox) -> None:
    offer(box)
    offer(box, pair_id="pair_1")
    for leg_id in ("t2-1", "t2-2"):
        report(box, leg_id, Status.FILLED, 10)
    box.stop()
    assert box.memory.ends == []
    box.pass_time(6)
    assert box.memory.ends == [("in order", 1, False)]


def test_late_news_of_one_trade_hides_no_leg_of_another(box: ControllerBox) -> None:
    offer(box)
    for revision in range(4):
        report(box, "t1-1", Status.FILLED, 10, revision=revision)
        report(box, "t1-2", Status.FILLED, 10, revision=revision)
    offer(box)
    assert box.memory.busy[-1]
    box.stop()
    assert box.memory.ends == []
    for leg_id in ("t2-1", "t2-2"):
        report(box, leg_id, Status.FILLED, 10)
    assert box.memory.ends == [("in order", 0, False)]


def test_a_stop_is_answered_once(box: ControllerBox) -> None:
    asker, answers = inbox(box.host)
    offer(box)
    box.host.tell(asker, Say(box.address("executor"), StopTrading("enough")))
    assert answers == []
    for leg_id in ("t1-1", "t1-2"):
        report(box, leg_id, Status.FILLED, 10)
    report(box, "t1-2", Status.PARTIAL, 9, revision=1)
    box.pass_time(60)
    assert answers == [Drained(0)]


# -- sums --------------------------------------------------------------------------------------------------------


FILL = st.tuples(st.integers(0, 1_200), st.integers(0, 10_000), st.integers(0, 2_000_000))
"""Hundredths of a contract, price, fees in micro-dollars."""


def scripted(script: Iterator[tuple[int, int, int]], kept: list[tuple[Leg, Outcome]]) -> Callable[[Leg], Outcome]:
    def answer(leg: Leg) -> Outcome:
        quantity, price, fees = next(script)
        status = Status.FILLED if quantity >= leg.quantity else (Status.PARTIAL if quantity else Status.UNFILLED)
        said = Outcome(
            leg_id=LegId(leg.leg_id),
            status=status,
            filled=Quantity(quantity),
            cost=Money(quantity * price),
            fees=Money(fees if quantity else 0),
        )
        kept.append((leg, said))
        return said

    return answer


@given(st.lists(st.tuples(FILL, FILL), min_size=1, max_size=8))
def test_positions_and_totals_equal_an_independent_sum_to_the_micro_dollar(
    rounds: list[tuple[tuple[int, int, int], tuple[int, int, int]]],
) -> None:
    kept: list[tuple[Leg, Outcome]] = []
    with ControllerBox([pair(number) for number in range(len(rounds))]) as box:
        script = iter([fill for both in rounds for fill in both])
        for platform in PLATFORMS:
            box.simulate(platform, scripted(script, kept))
        for number in range(len(rounds)):
            offer(box, pair_id=f"pair_{number}")
        status = box.status()
    assert len(kept) == 2 * len(rounds)
    totals = status["totals"]
    assert dollars(totals["cost_usd"]) * 1_000_000 == sum(said.cost for _, said in kept)
    assert dollars(totals["fees_usd"]) * 1_000_000 == sum(said.fees for _, said in kept)
    pairs = [(kept[index][1], kept[index + 1][1]) for index in range(0, len(kept), 2)]
    hedged = [both for both in pairs if both[0].filled == both[1].filled > 0]
    edge = sum(yes.filled * 10_000 - yes.cost - no.cost - yes.fees - no.fees for yes, no in hedged)
    assert dollars(totals["edge_locked_usd"]) * 1_000_000 == edge
    assert dollars(totals["contracts"]) * 100 == sum(yes.filled for yes, _ in hedged)
    naked = sum(yes.filled != no.filled for yes, no in pairs)
    flat = sum(yes.filled == no.filled == 0 for yes, no in pairs)
    counts = status["trades"]
    assert (counts["hedged"], counts["naked"], counts["flat"]) == (len(hedged), naked, flat)
    held = {(leg.pair_id, leg.platform, leg.side): said for leg, said in kept if said.filled}
    assert len(status["positions"]) == len(held)
    for position in status["positions"]:
        said = held[position["pair_id"], position["platform"], Side(position["side"])]
        assert dollars(position["contracts"]) * 100 == said.filled
        assert dollars(position["cost_usd"]) * 1_000_000 == said.cost
        assert dollars(position["fees_usd"]) * 1_000_000 == said.fees
        assert abs(Fraction(dollars(position["avg_price"])) - Fraction(said.cost, said.filled * 100)) <= Fraction(
            1, 20_000
        )


def test_the_record_of_a_trade_adds_up(box: ControllerBox) -> None:
    offer(box, POLY_YES, POLY_NO)
    report(box, "t1-1", Status.FILLED, 10, fees=Money(70_000))
    report(box, "t1-2", Status.FILLED, 10, fees=Money(30_000))
    (trade,) = trades(box).values()
    assert dollars(trade["edge_usd"]) == 10 - dollars(trade["cost_usd"]) - dollars(trade["fees_usd"]) == dollars("0.9")
    assert trade["edge_seen_usd"] == 1
    assert arb().edge == 1_000_000
