"""A start is a recovery: trades rebuilt from facts cut anywhere, legs adopted, what is naked closed, then traded."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import AnyFact, Purpose, Remark, ResultSeen
from actors.messages import LegReported
from actors.recovery import rebuild
from actors.trade import State
from market.opportunity import ArbType
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import PLATFORMS, POLYMARKET, Action, LegId, PairId, Side, Status, TradeId
from protocol.units import Quantity
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import CountingIds, ScriptedVenue, filled
from simulation.memory import MemoryLedger
from simulation.pipe import Pipe
from tests.actors.kit import ARB, a_leg, offer, outcome, report, states, texts, trades
from tests.fact_kit import opened, over, seen, sent, unknown
from tests.market.builders import NO, TICKER, YES, kalshi, pair, poly

PAIRS = {PairId("pair_0"): pair(0)}

SECOND = 1_000_000


def both_sent() -> list[AnyFact]:
    return [opened(), sent("t1-1", market=TICKER), sent("t1-2", platform=POLYMARKET, market=NO, side=Side.NO)]


def started(facts: list[AnyFact], *, pairs: int = 1) -> ControllerBox:
    """A controller that finds these facts in its ledger."""
    box = ControllerBox([pair(number) for number in range(pairs)], dry_run=False, ledger=MemoryLedger(facts))
    box.ids.count = 100
    return box


def told(leg: Leg, status: Status = Status.FILLED, size: int = 10, **more: object) -> LegReported:
    """A trader tells of a leg with everything that it knows of it."""
    return LegReported(outcome(leg.leg_id, status, size), None, "lisbon", leg, **more)  # type: ignore[arg-type]


def poly_leg(leg_id: str = "t1-2", **fields: object) -> Leg:
    return a_leg(leg_id, platform=POLYMARKET, market=NO, side=Side.NO, **fields)


# -- what a start takes up -----------------------------------------------------------------------------------------


def test_a_leg_without_a_result_is_unknown_and_asked_about_before_anything_is_traded() -> None:
    with started([*both_sent(), seen(outcome("t1-1", Status.FILLED, 10))]) as box:
        assert box.status()["recovering"] == 1
        assert states(box) == ["unknown"]
        legs = [box.simulate(platform, filled) for platform in PLATFORMS]
        box.feed(*ARB)
        assert legs == [[], []]
        assert any("recovering" in reason for reason in box.status()["aborted"])
        report(box, "t1-2", Status.FILLED, 10)
        assert states(box)[0] == "hedged"
        offer(box)
        assert all(legs)


def test_controller_restarted_with_three_trades_open() -> None:
    ledger = MemoryLedger()
    venues = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    trader = TraderBox(dry_run=False, live=venues)
    facts = ledger.facts
    with ControllerBox([pair(n) for n in range(3)], dry_run=False, ledger=ledger) as box:
        pipe = Pipe(box)
        wire = pipe.join(trader)
        for number in range(3):
            offer(box, pair_id=f"pair_{number}")
            box.clock.advance(1_000)
        pipe.pump()
        assert states(box) == ["legs_out"] * 3
        pipe.cut(wire)
    by_id = {leg.leg_id: leg for venue in venues.values() for leg in venue.placed}
    assert len(by_id) == 6
    # Meanwhile: the first filled whole, of the second one leg, of the third nothing.
    for leg_id in ("t1-1", "t1-2", "t2-1"):
        venues[by_id[LegId(leg_id)].platform].answer(filled(by_id[LegId(leg_id)]))
    for leg_id in ("t2-2", "t3-1", "t3-2"):
        leg = by_id[LegId(leg_id)]
        venues[leg.platform].answer(Outcome(leg_id=leg.leg_id, status=Status.UNFILLED))
    with ControllerBox([pair(n) for n in range(3)], dry_run=False, ledger=MemoryLedger(list(facts))) as box:
        box.ids.count = 100
        assert box.status()["recovering"] == 3
        pipe = Pipe(box)
        wire = pipe.join(trader)
        pipe.advance(10 * SECOND)
        assert states(box) == ["hedged", "naked", "flat"]
        assert box.status()["unknown"] == []
        for venue in venues.values():
            venue.script = filled
        box.feed(kalshi([(40, 10)], [(45, 10)], market=f"{TICKER}-1"), poly(f"{NO}-1", [(40, 10)], [(45, 10)]))
        pipe.pump()
        assert states(box)[1] in {"hedged", "flat"}
    placed = [leg.leg_id for venue in venues.values() for leg in venue.placed]
    assert len(placed) == len(set(placed))
    trader.close()


def test_a_recovered_naked_trade_is_closed() -> None:
    facts = [*both_sent(), seen(outcome("t1-1", Status.FILLED, 10)), seen(outcome("t1-2", Status.UNFILLED))]
    with started(facts) as box:
        assert states(box) == ["naked"]
        received = [box.simulate(platform, filled) for platform in PLATFORMS]
        box.feed(poly(NO, [(20, 10)], [(45, 10)]), kalshi([(40, 10)], [(45, 10)]))
        assert [leg.quantity for leg in received[1]] == [1_000]
        assert states(box) == ["hedged"]


def naked_facts() -> list[AnyFact]:
    return [*both_sent(), seen(outcome("t1-1", Status.FILLED, 10)), seen(outcome("t1-2", Status.UNFILLED))]


def test_after_a_start_the_cheaper_way_is_not_chosen_before_both_books_were_seen() -> None:
    with started(naked_facts()) as box:
        received = [box.simulate(platform, filled) for platform in PLATFORMS]
        # Selling at 35 cents loses a dollar; the other book, a moment later, completes at a gain.
        box.feed(kalshi([(35, 10)], [(50, 10)]))
        box.pass_time(1.9)
        assert received == [[], []]
        assert "waiting for the book of polymarket" in trades(box)["t1"]["reason"]
        box.feed(poly(NO, [(40, 10)], [(45, 10)]))
        assert [leg.action for leg in received[1]] == [Action.BUY]
        assert states(box)[0] == "hedged"


@pytest.mark.parametrize("seen_first", [YES, NO])
def test_two_books_of_one_venue_are_two_books(seen_first: str) -> None:
    facts: list[AnyFact] = [
        opened(arb_type=ArbType.POLY_ONLY),
        sent("t1-1", platform=POLYMARKET, market=YES),
        sent("t1-2", platform=POLYMARKET, market=NO, side=Side.NO),
        seen(outcome("t1-1", Status.FILLED, 10)),
        seen(outcome("t1-2", Status.UNFILLED)),
    ]
    with started(facts) as box:
        received = [box.simulate(platform, filled) for platform in PLATFORMS]
        box.feed(poly(seen_first, [(35, 10)], [(50, 10)]))
        box.pass_time(1.5)
        assert received == [[], []]
        assert "waiting for the book of polymarket" in trades(box)["t1"]["reason"]


def test_after_two_seconds_what_is_naked_is_closed_on_the_one_book_that_is_known() -> None:
    with started(naked_facts()) as box:
        received = [box.simulate(platform, filled) for platform in PLATFORMS]
        box.feed(kalshi([(35, 10)], [(50, 10)]))
        box.pass_time(2.2)
        assert [leg.action for leg in received[0]] == [Action.SELL]
        assert states(box) == ["flat"]


def test_dust_of_an_earlier_run_is_carried_into_the_next_trade() -> None:
    half = outcome("t1-2", Status.PARTIAL, "9.5")
    facts = [*both_sent(), seen(outcome("t1-1", Status.FILLED, 10)), seen(half), over(state="dust")]
    with started(facts) as box:
        assert box.status()["recovering"] == 0
        assert [held["side"] for held in box.status()["dust"]] == ["yes"]
        received = [box.simulate(platform, filled) for platform in PLATFORMS]
        offer(box)
        assert [[leg.quantity for leg in legs] for legs in received] == [[950], [1_000]]
        assert states(box) == ["hedged"]
        facts = list(box.ledger.facts)
    with started(facts) as box:
        assert box.status()["dust"] == []


def test_late_news_of_a_trade_that_was_over_before_the_start_opens_it_again() -> None:
    done: list[AnyFact] = [seen(outcome("t1-1", Status.FILLED, 10)), seen(outcome("t1-2", Status.FILLED, 10)), over()]
    facts: list[AnyFact] = [*both_sent(), *done]
    with started(facts) as box:
        assert states(box) == []
        box.tell("executor", told(poly_leg(quantity=Quantity(1_000)), Status.FILLED, 10))
        assert states(box) == []
        report(box, "t1-2", Status.PARTIAL, 9, revision=1)
        assert states(box) == ["naked"]
        assert box.status()["recent_trades"][0]["matched"] == 9
        offer(box)
        assert states(box) == ["naked"]


# -- legs the ledger never knew ------------------------------------------------------------------------------------


def test_one_leg_that_the_ledger_never_knew_is_adopted_and_the_other_asked_about() -> None:
    with started([]) as box:
        box.tell("executor", told(a_leg("t1-1"), arb_type="kalshi_yes_poly_no"))
        assert states(box) == ["unknown"]
        assert [leg["leg_id"] for leg in box.status()["unknown"]] == ["t1-2"]
        report(box, "t1-2", Status.UNFILLED)
        assert states(box) == ["naked"]
        assert trades(box)["t1"]["excess"][0]["contracts"] == 10
        assert "LegAdopted" in [type(fact).__name__ for fact in box.ledger.facts]


def test_both_legs_that_the_ledger_never_knew_are_one_trade() -> None:
    with started([]) as box:
        box.tell("executor", told(a_leg("t1-1"), arb_type="kalshi_yes_poly_no"))
        box.tell("executor", told(poly_leg(), arb_type="kalshi_yes_poly_no"))
        assert states(box) == ["hedged"]
        assert trades(box)["t1"]["matched"] == 10
        facts = list(box.ledger.facts)
    with started(facts) as box:
        assert box.status()["recovering"] == 0


def test_a_closing_leg_that_the_ledger_never_knew_is_applied_to_its_trade() -> None:
    facts = [*both_sent(), seen(outcome("t1-1", Status.FILLED, 10)), seen(outcome("t1-2", Status.UNFILLED))]
    with started(facts) as box:
        box.tell("executor", told(a_leg("t9-1", action=Action.SELL)))
        assert states(box) == ["flat"]
        (trade,) = trades(box).values()
        assert [leg["purpose"] for leg in trade["legs"]] == ["open", "open", "unwind"]
        facts = list(box.ledger.facts)
    assert rebuild(facts, PAIRS, CountingIds()).trades[TradeId("t1")].state is State.FLAT


def test_a_trade_known_only_by_an_open_and_a_closing_leg_is_not_taken_for_hedged() -> None:
    with started([]) as box:
        box.tell("executor", told(a_leg("t1-1"), arb_type="kalshi_yes_poly_no"))
        box.tell("executor", told(a_leg("t9-1", action=Action.SELL), Status.PARTIAL, 4))
        facts = list(box.ledger.facts)
    (trade,) = rebuild(facts, PAIRS, CountingIds()).trades.values()
    assert trade.state is State.UNKNOWN
    assert len(trade.slots) == 2


def test_a_missing_leg_of_an_adopted_trade_is_asked_of_the_venue_and_not_of_a_standby_alone() -> None:
    venues = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    venues[POLYMARKET].knows = filled
    with ControllerBox([pair()], dry_run=False) as box, TraderBox(dry_run=False, live=venues) as standby:
        pipe = Pipe(box)
        pipe.join(standby)
        box.tell("executor", told(a_leg("t1-1"), arb_type="kalshi_yes_poly_no"))
        pipe.advance(10 * SECOND)
        assert states(box)[0] == "hedged"


@pytest.mark.parametrize("arb_type", [ArbType.POLY_ONLY, ArbType.KALSHI_ONLY])
def test_what_kind_of_arb_was_adopted_is_known_after_a_second_restart(arb_type: ArbType) -> None:
    leg = a_leg("t1-1") if arb_type is ArbType.KALSHI_ONLY else poly_leg("t1-2")
    with started([]) as box:
        box.tell("executor", told(leg, arb_type=arb_type.value))
        (first,) = trades(box).values()
        facts = list(box.ledger.facts)
    with started(facts) as box:
        (second,) = trades(box).values()
        assert second["arb_type"] == first["arb_type"] == arb_type
        assert {each["platform"] for each in second["legs"]} == {leg.platform}


def test_a_leg_adopted_before_its_kind_of_arb_was_written_down_is_guessed_as_ever() -> None:
    old = b'{"fact":"legadopted","t":1,"leg_id":"t1-1","trade_id":"t1","pair_id":"pair_0","market_id":7,'
    old += b'"platform":"kalshi","market":"KX","action":"buy","side":"yes","limit":5200,"quantity":1000,"source":"x"}'
    fact = msgspec.json.decode(old, type=AnyFact)
    (trade,) = rebuild([fact], PAIRS, CountingIds()).trades.values()
    assert trade.opportunity.arb_type is ArbType.KALSHI_YES_POLY_NO


# -- a pair that is not configured any more ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 0])
def test_a_trade_known_by_one_leg_whose_pair_is_gone_is_unknown_and_never_hedged_or_flat(size: int) -> None:
    status = Status.FILLED if size else Status.UNFILLED
    facts = [both_sent()[0], both_sent()[1], seen(outcome("t1-1", status, size))]
    with started(facts, pairs=0) as box:
        assert states(box) == ["unknown"]
        assert "add the pair" in trades(box)["t1"]["reason"]
        assert [note.level for note in box.notes("trade t1 cannot be proven: its pair is not configured")] == ["error"]
        assert trades(box)["t1"]["matched"] == 0
        box.pass_time(60)
        assert states(box) == ["unknown"]


@pytest.mark.parametrize(("size", "state"), [(10, "hedged"), (0, "naked"), (4, "naked")])
def test_the_other_legs_news_of_a_trade_whose_pair_is_gone_settles_it(size: int, state: str) -> None:
    status = Status.FILLED if size == 10 else (Status.PARTIAL if size else Status.UNFILLED)
    facts = [both_sent()[0], both_sent()[1], seen(outcome("t1-1", Status.FILLED, 10))]
    with started(facts, pairs=0) as box:
        box.tell("executor", told(poly_leg(), status, size))
        assert states(box) == [state]
        facts = list(box.ledger.facts)
    with started(facts, pairs=0) as box:
        assert states(box) == ([] if state == "hedged" else [state])


def test_a_trade_of_one_leg_that_was_over_stays_over_when_its_pair_is_gone() -> None:
    # One venue first, and it filled nothing: the other leg was never sent.
    facts = [both_sent()[0], both_sent()[1], seen(outcome("t1-1", Status.UNFILLED)), over(state="flat")]
    with started(facts, pairs=0) as box:
        assert box.status()["recovering"] == 0
        report(box, "t1-1", Status.PARTIAL, 3, revision=1)
        assert states(box) != ["hedged"]


def test_a_leg_of_a_pair_that_is_not_known_is_not_acked_and_said() -> None:
    with started([]) as box:
        box.tell("executor", told(a_leg("t1-1", pair_id=PairId("pair_9"))))
        assert states(box) == []
        assert box.notes("add the pair, then it is adopted")


# -- facts cut anywhere --------------------------------------------------------------------------------------------

SIZES = st.sampled_from([0, 3, 10, 12])


def word(leg_id: str, size: int, revision: int) -> Outcome:
    status = Status.FILLED if size >= 10 else (Status.PARTIAL if size else Status.UNFILLED)
    return outcome(leg_id, status, size, revision=revision)


def story(first: int, second: int, close: int) -> tuple[list[AnyFact], list[tuple[Leg, Outcome]]]:
    """A trade's facts to the end, and what its traders have to tell of each leg."""
    legs = [a_leg("t1-1"), poly_leg()]
    words = [word("t1-1", first, 1), word("t1-2", second, 1)]
    facts: list[AnyFact] = [*both_sent(), seen(unknown("t1-1")), *(seen(each) for each in words)]
    if first != second:
        closing = a_leg("t9-1", action=Action.SELL) if first > second else poly_leg("t9-1", action=Action.SELL)
        legs.append(closing)
        words.append(word("t9-1", min(close, abs(first - second)), 0))
        where = {"platform": closing.platform, "market": closing.market, "side": closing.side}
        left = msgspec.structs.replace(sent("t9-1"), trade_id=TradeId("t1"), action=Action.SELL, **where)
        facts.append(msgspec.structs.replace(left, purpose=Purpose.UNWIND))
        facts.append(ResultSeen(t=1, trade_id=TradeId("t1"), outcome=words[-1], source="t0"))
    return facts, list(zip(legs, words, strict=True))


@given(SIZES, SIZES, SIZES, st.integers(0, 8))
def test_facts_cut_anywhere_and_results_told_again_end_in_the_same_state(
    first: int, second: int, close: int, cut: int
) -> None:
    facts, words = story(first, second, close)

    def end(known: list[AnyFact]) -> dict[str, object]:
        with started(list(known)) as box:
            for leg, said in words:
                box.tell("executor", LegReported(said, None, "lisbon", leg, "kalshi_yes_poly_no"))
            trade = rebuild(box.ledger.facts, PAIRS, CountingIds()).trades[TradeId("t1")]
            return {
                "state": trade.state,
                "holdings": trade.holdings(),
                "cost": trade.cost,
                "legs": {leg_id: leg.outcome for leg_id, leg in trade.legs.items()},
                "unknown": box.status()["unknown"],
            }

    assert end(facts[:cut]) == end(facts)


@given(SIZES, SIZES, SIZES, st.integers(0, 8))
def test_whatever_prefix_of_the_facts_is_left_nothing_that_was_filled_is_forgotten(
    first: int, second: int, close: int, cut: int
) -> None:
    facts, _ = story(first, second, close)
    known = facts[:cut]
    rebuilt = rebuild(known, PAIRS, CountingIds())
    filled_now = {fact.outcome.leg_id: fact.outcome for fact in known if isinstance(fact, ResultSeen)}
    held = {leg_id: leg.outcome for trade in rebuilt.trades.values() for leg_id, leg in trade.legs.items()}
    for leg_id, said in filled_now.items():
        assert held[leg_id] == said
    for trade in rebuilt.trades.values():
        assert len(trade.slots) == 2
        if trade.state is State.HEDGED:
            assert all(leg.proven for leg in trade.legs.values())


@pytest.mark.parametrize("arb_type", list(ArbType))
def test_an_opened_trade_whose_legs_were_not_written_has_both_legs_to_ask_about(arb_type: ArbType) -> None:
    (trade,) = rebuild([opened(arb_type=arb_type)], PAIRS, CountingIds()).trades.values()
    assert trade.state is State.UNKNOWN
    assert list(trade.legs) == ["t1-1", "t1-2"]
    assert len(set(trade.slots)) == 2


def test_the_recovery_is_remarked_in_the_ledger_and_said() -> None:
    with started(both_sent()) as box:
        assert any("recovering: 1 trades are not over" in text for text in texts(box))
        assert [fact.text for fact in box.ledger.facts if isinstance(fact, Remark)]


def test_late_news_of_a_trade_that_was_over_assumes_no_leg_that_was_never_sent() -> None:
    # One venue first: it filled nothing, so the other leg was never sent. Then the same is told again, as news.
    first = outcome("t1-1", Status.UNFILLED, 0)
    again = msgspec.structs.replace(first, revision=1)
    facts: list[AnyFact] = [opened(), sent("t1-1"), seen(first), over(state="flat"), seen(again)]
    rebuilt = rebuild(facts, {PairId("pair_0"): pair()}, CountingIds())
    trade = rebuilt.trades[TradeId("t1")]
    assert (trade.state, list(trade.legs)) == (State.FLAT, ["t1-1"])
