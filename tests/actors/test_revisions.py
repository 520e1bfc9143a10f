"""Two words on one leg: which one holds, live, rebuilt and in the ledger alike; and that no fill is lost by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import ResultSeen
from actors.ledger_state import fold
from actors.leg_words import MISSING_AT_LEVEL_1
from actors.messages import LegReported, QueryLeg
from actors.recovery import rebuild
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, LegId, PairId, Status, TradeId
from protocol.units import Money
from simulation.boxes import ControllerBox
from simulation.doubles import CountingIds
from simulation.memory import MemoryLedger
from tests.actors.kit import LEVEL_2, dollars, never, offer, outcome, report, result, states, trades
from tests.market.builders import pair

PAIRS = {PairId("pair_0"): pair(0)}


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A controller whose two legs are out; nobody answers by itself."""
    with ControllerBox([pair()]) as made:
        for platform in PLATFORMS:
            made.simulate(platform, never)
        offer(made)
        yield made


def tell(box: ControllerBox, said: Outcome, source: str) -> None:
    box.tell("executor", LegReported(said, None, source))


def results_of(box: ControllerBox, leg_id: str) -> list[tuple[int, int]]:
    """Revision and quantity of each result in the ledger."""
    told = [fact.outcome for fact in box.ledger.facts if isinstance(fact, ResultSeen)]
    return [(each.revision, each.filled) for each in told if each.leg_id == leg_id]


# -- a fill is never ignored -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("standby", "first"), [(0, 0), (2, 1)], ids=["the same revision", "a lower revision"])
def test_a_fill_that_the_first_trader_tells_after_a_standby_proved_unfilled_is_not_ignored(
    box: ControllerBox, standby: int, first: int
) -> None:
    report(box, "t1-2", Status.UNFILLED)
    tell(box, outcome("t1-1", Status.UNKNOWN), "test")
    tell(box, outcome("t1-1", Status.UNFILLED, revision=standby), "porto")
    assert states(box) == ["flat"]
    tell(box, outcome("t1-1", Status.FILLED, 10, revision=first), "test")
    assert states(box) == ["naked"]
    assert trades(box)["t1"]["excess"][0]["contracts"] == 10
    assert box.notes("contradicts porto")
    assert results_of(box, "t1-1")[-2:] == [(standby, 0), (standby + 1, 1_000)]
    with ControllerBox([pair()], ledger=MemoryLedger(list(box.ledger.facts))) as again:
        assert states(again) == ["naked"]
        tell(again, outcome("t1-1", Status.FILLED, 10, revision=first), "test")
        assert results_of(again, "t1-1") == results_of(box, "t1-1")


@pytest.mark.parametrize("filled", [0, 10], ids=["taken back", "confirmed"])
def test_a_standbys_final_word_on_a_fill_that_could_be_taken_back_holds(box: ControllerBox, filled: int) -> None:
    report(box, "t1-2", Status.FILLED, 10)
    tell(box, outcome("t1-1", Status.FILLED, 10, revision=1, final=False), "test")
    status = Status.FILLED if filled else Status.UNFILLED
    tell(box, outcome("t1-1", status, filled, revision=0), "porto")
    assert states(box) == ["hedged" if filled else "naked"]
    assert not box.instance("executor").unsettled
    assert not box.notes("contradicts")
    assert results_of(box, "t1-1")[-1] == (2, filled * 100)


def test_a_fill_that_may_be_taken_back_is_asked_about_even_when_its_trader_is_gone(box: ControllerBox) -> None:
    report(box, "t1-2", Status.FILLED, 10)
    tell(box, outcome("t1-1", Status.FILLED, 10, final=False), "test")
    received = box.traders.test_register(KALSHI)
    box.pass_time(65)
    asked = [message for message in received if isinstance(message, QueryLeg)]
    assert len(asked) == 2
    tell(box, outcome("t1-1", Status.FILLED, 10, revision=1), "porto")
    box.pass_time(65)
    assert len([message for message in received if isinstance(message, QueryLeg)]) == 2


def test_a_fill_that_was_told_again_is_no_second_news(box: ControllerBox) -> None:
    tell(box, outcome("t1-1", Status.UNKNOWN), "test")
    tell(box, outcome("t1-1", Status.UNFILLED), "porto")
    for _ in range(3):
        tell(box, outcome("t1-1", Status.FILLED, 10), "test")
    assert results_of(box, "t1-1") == [(0, 0), (0, 0), (1, 1_000)]
    assert len(box.notes("contradicts porto")) == 1


def test_after_a_restart_a_tellers_older_revision_is_still_its_older_one(box: ControllerBox) -> None:
    report(box, "t1-2", Status.UNFILLED)
    tell(box, outcome("t1-1", Status.FILLED, 10, revision=1), "test")
    tell(box, outcome("t1-1", Status.UNFILLED, revision=2), "test")
    with ControllerBox([pair()], ledger=MemoryLedger(list(box.ledger.facts))) as again:
        tell(again, outcome("t1-1", Status.FILLED, 10, revision=1), "test")
        assert again.ledger.facts == box.ledger.facts
        assert not again.notes("contradicts")


def test_a_smaller_fill_of_the_same_revision_changes_nothing_and_is_said(box: ControllerBox) -> None:
    report(box, "t1-1", Status.FILLED, 10)
    report(box, "t1-1", Status.UNFILLED)
    assert trades(box)["t1"]["legs"][0]["filled"] == 10
    assert box.notes("the larger fill counts")


def test_a_smaller_fill_of_a_trade_that_was_over_before_a_restart_is_said_too(box: ControllerBox) -> None:
    for leg_id in ("t1-1", "t1-2"):
        report(box, leg_id, Status.FILLED, 10)
    with ControllerBox([pair()], ledger=MemoryLedger(list(box.ledger.facts))) as again:
        report(again, "t1-1", Status.FILLED, 10)
        assert not again.notes("contradicts")
        report(again, "t1-1", Status.UNFILLED)
        assert again.notes("the larger fill counts")
        assert states(again) == []


def test_its_tellers_own_next_revision_replaces_a_fill_that_was_numbered_anew(box: ControllerBox) -> None:
    report(box, "t1-2", Status.FILLED, 10)
    tell(box, outcome("t1-1", Status.UNKNOWN), "test")
    tell(box, outcome("t1-1", Status.UNFILLED), "porto")
    tell(box, outcome("t1-1", Status.FILLED, 10), "test")
    assert states(box) == ["hedged"]
    tell(box, outcome("t1-1", Status.PARTIAL, 4, revision=1), "test")
    assert trades(box)["t1"]["matched"] == 4


def test_a_fill_that_was_numbered_anew_is_acked_under_its_tellers_number_and_not_before_it_is_durable() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1, **LEVEL_2, trader_id="lisbon", dry_run=False)
        offer(box)
        (leg, _) = box.frames(1, "execute_leg")
        box.tell("executor", LegReported(outcome(leg["leg_id"], Status.UNKNOWN), 1, "lisbon"))
        tell(box, outcome(leg["leg_id"], Status.UNFILLED, revision=1), "local")
        box.ledger.held = True
        for _ in range(2):
            box.tell("executor", LegReported(outcome(leg["leg_id"], Status.FILLED, 10, revision=1), 1, "lisbon"))
        acks = [frame["revision"] for frame in box.frames(1, "leg_ack")]
        assert acks == [0]
        box.ledger.release()
        acks = [frame["revision"] for frame in box.frames(1, "leg_ack")]
        assert acks == [0, 1]


# -- live, rebuilt, and in the ledger --------------------------------------------------------------------------------

WORDS = st.tuples(
    st.builds(
        lambda status, filled, revision: outcome("t1-1", status, filled, revision=revision),
        st.sampled_from(Status),
        st.integers(0, 3),
        st.integers(0, 2),
    ),
    st.sampled_from(["test", "porto"]),
)


@given(st.lists(WORDS, max_size=6))
def test_whatever_is_told_in_whatever_order_all_that_fold_it_agree(words: list[tuple[Outcome, str]]) -> None:
    with ControllerBox([pair()]) as box:
        for platform in PLATFORMS:
            box.simulate(platform, never)
        offer(box)
        for said, source in words:
            tell(box, said, source)
        leg_id = LegId("t1-1")
        live = box.instance("executor").book.trades[TradeId("t1")].legs[leg_id].outcome
        rebuilt = rebuild(box.ledger.facts, PAIRS, CountingIds()).trades[TradeId("t1")].legs[leg_id].outcome
        kept = fold(box.ledger.facts).legs[leg_id].outcome
        assert kept == live
        assert rebuilt == live or (live is None and rebuilt is not None and rebuilt.revision == -1)
        results = [fact.outcome for fact in box.ledger.facts if isinstance(fact, ResultSeen)]
        told = [(each.revision, each.status.proven) for each in results]
        assert len(told) == len(set(told)), "the ledger refuses a second result of a revision"


def test_a_proof_of_the_same_revision_as_an_unknown_is_there_after_a_restart(box: ControllerBox) -> None:
    report(box, "t1-1", Status.UNKNOWN)
    report(box, "t1-1", Status.FILLED, 10)
    report(box, "t1-2", Status.FILLED, 10)
    with ControllerBox([pair()], ledger=MemoryLedger(list(box.ledger.facts))) as again:
        assert again.status()["recovering"] == 0
        assert again.status()["unknown"] == []


# -- what cannot be true, and what should not be ---------------------------------------------------------------------


def test_a_cost_beyond_the_limit_is_recorded_and_said(box: ControllerBox) -> None:
    report(box, "t1-1", Status.FILLED, 10, cost=Money(6_000_000))
    assert dollars(trades(box)["t1"]["legs"][0]["cost_usd"]) == 6
    assert results_of(box, "t1-1") == [(0, 1_000)]
    (note,) = box.notes("beyond the leg's limit")
    assert (note.level, note.leg_id) == ("error", "t1-1")
    assert "$1.50" in note.text


def test_negative_numbers_of_a_local_venue_prove_nothing_and_break_nothing(box: ControllerBox) -> None:
    report(box, "t1-1", Status.FILLED, 10, fees=Money(-1))
    report(box, "t1-2", Status.FILLED, -10)
    assert states(box) == ["unknown"]
    assert len(box.notes("contradicts itself")) == 2
    assert all(position["contracts"] >= 0 for position in box.status()["positions"])


def test_negative_fees_on_the_wire_leave_the_leg_unknown() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1, **LEVEL_2, trader_id="lisbon", dry_run=False)
        offer(box)
        box.receive(1, result("t1-1", status="filled", cost=4.5, fees=-0.01, revision=0))
        assert trades(box)["t1"]["legs"][0]["status"] == "unknown"
        assert box.notes("contradicts itself")


def test_a_negative_fill_on_the_wire_is_refused_and_its_leg_is_unknown_when_its_time_is_up() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1, **LEVEL_2, trader_id="lisbon", dry_run=False)
        offer(box)
        box.receive(1, result("t1-1", filled=-3))
        assert box.notes("filled must be from 0")
        box.pass_time(5.2)
        assert trades(box)["t1"]["legs"][0]["status"] == "unknown"


# -- level 1 ---------------------------------------------------------------------------------------------------------


def failed(leg_id: str) -> dict[str, object]:
    """A time-out as the seed's peers tell it."""
    return {"type": "leg_result", "leg_id": leg_id, "platform": "kalshi", "success": False, "error": "timed out"}


def test_a_level_1_failure_without_filled_is_unknown_and_its_pair_stays_latched() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1)
        offer(box)
        box.receive(1, failed("t1-1"))
        box.receive(1, result("t1-2", platform="polymarket"))
        assert states(box) == ["unknown"]
        assert "timed out" in trades(box)["t1"]["legs"][0]["error"]
        (link,) = box.status()["connections"]
        assert any("a failure no refusal" in promise for promise in link["missing"])
        assert set(MISSING_AT_LEVEL_1) <= set(link["missing"])
        before = len(box.memory.notes)
        written = len(box.frames(1))
        for _ in range(10):
            box.pass_time(4)
            box.receive(1, {"type": "pong", "timestamp": 1})
        offer(box)
        assert states(box) == ["unknown"]
        # Nothing spins: no note, no order and no question, only pings.
        assert [frame["type"] for frame in box.frames(1)[written:] if frame["type"] != "ping"] == []
        assert len(box.memory.notes) - before <= 1
        assert [leg["leg_id"] for leg in box.status()["unknown"]] == ["t1-1"]


def test_a_level_1_failure_in_a_dry_run_is_a_refusal() -> None:
    with ControllerBox([pair()], dry_run=True) as box:
        box.say_hello(1)
        offer(box)
        box.receive(1, failed("t1-1"))
        assert trades(box)["t1"]["legs"][0]["status"] == "rejected"


def test_a_standby_that_can_be_asked_proves_what_a_level_1_peer_left_unknown() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1)
        box.say_hello(2, **LEVEL_2, trader_id="porto", dry_run=False)
        offer(box)
        box.receive(1, failed("t1-1"))
        box.receive(1, result("t1-2", platform="polymarket", filled=0))
        box.pass_time(1)
        query = box.frames(2, "leg_query")[0]
        assert (query["leg_id"], query["platform"]) == ("t1-1", KALSHI)
        box.receive(2, result("t1-1", success=False, filled=0, status="unfilled", revision=query["revision"] + 1))
        assert states(box) == ["flat"]
