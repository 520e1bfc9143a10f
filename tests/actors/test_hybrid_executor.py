"""Per leg local, else remote, else nothing of the arb leaves; one trade at a time per pair."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from actors import trade_book
from actors.messages import LegOrder, OpportunitySeen
from market.opportunity import ArbType
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform, Side, Status
from protocol.units import Money
from simulation.boxes import ControllerBox
from simulation.doubles import ScriptedVenue, filled
from tests.actors.kit import (
    ARB,
    BOOKS,
    KALSHI_NO,
    KALSHI_YES,
    POLY_NO,
    POLY_YES,
    arb,
    fills,
    never,
    offer,
    report,
    states,
    texts,
    trades,
)
from tests.market.builders import NO, TICKER, YES, contracts, kalshi, pair, poly

OTHER = Platform("limitless")


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A pure router: nothing is executed locally."""
    with ControllerBox([pair(0), pair(1)]) as made:
        yield made


def busy(box: ControllerBox) -> bool:
    return box.memory.busy[-1] if box.memory.busy else False


# -- the path of each leg --------------------------------------------------------------------------------------


def test_without_local_platform_and_trader_nothing_is_sent_and_the_reason_is_said(box: ControllerBox) -> None:
    box.feed(*ARB)
    status = box.status()
    assert status["recent_trades"] == []
    assert status["trades"]["aborted"] == 1
    (reason,) = status["aborted"]
    assert "no execution path for kalshi, polymarket" in reason
    assert box.notes("nothing sent: no execution path")
    assert box.link.written == {}


@pytest.mark.parametrize(("there", "missing"), [(KALSHI, POLYMARKET), (POLYMARKET, KALSHI)])
def test_no_half_of_an_arb_is_sent_when_one_platform_has_no_trader(
    box: ControllerBox, there: Platform, missing: Platform
) -> None:
    received = box.traders.test_register(there)
    box.feed(*ARB)
    assert received == []
    assert list(box.status()["aborted"]) == [f"no execution path for {missing}: not local and no trader connected"]


@pytest.mark.parametrize("local", PLATFORMS)
def test_no_half_of_an_arb_is_executed_locally_either(local: Platform) -> None:
    with ControllerBox([pair()], local=(local,)) as box:
        box.feed(*ARB)
        assert box.status()["trades"]["aborted"] == 1
        assert not any(venue.fills for venue in box.venues.values())


def test_all_legs_leave_together_to_the_traders(box: ControllerBox) -> None:
    received = {platform: box.traders.test_register(platform) for platform in PLATFORMS}
    box.feed(*ARB)
    orders = [order for platform in PLATFORMS for order in received[platform]]
    assert [type(order) for order in orders] == [LegOrder, LegOrder]
    assert {order.leg.trade_id for order in orders} == {"t1"}
    assert [order.leg.leg_id for order in orders] == ["t1-1", "t1-2"]
    (trade,) = trades(box).values()
    assert trade["state"] == "legs_out"
    assert [leg["path"] for leg in trade["legs"]] == ["remote:test", "remote:test"]


def test_a_local_platform_is_preferred_to_a_connected_trader() -> None:
    with ControllerBox([pair()], local=(KALSHI,)) as box:
        received = {platform: box.traders.test_register(platform) for platform in PLATFORMS}
        box.feed(*ARB)
        assert received[KALSHI] == []
        assert [order.leg.platform for order in received[POLYMARKET]] == [POLYMARKET]
        assert [fill.leg_id for fill in box.venues[KALSHI].fills] == ["t1-1"]
        assert [leg["path"] for leg in trades(box)["t1"]["legs"]] == ["local", "remote:test"]


def test_with_both_platforms_local_no_trader_is_needed() -> None:
    with ControllerBox([pair()], local=PLATFORMS) as box:
        box.feed(*ARB)
        assert states(box) == ["hedged"]
        assert [len(venue.fills) for venue in box.venues.values()] == [1, 1]


def test_a_trader_that_connects_makes_the_open_arb_tradable_at_once(box: ControllerBox) -> None:
    box.feed(*ARB)
    box.simulate(KALSHI)
    assert states(box) == []
    box.simulate(POLYMARKET)
    assert states(box) == ["hedged"]


def test_an_arb_of_three_legs_on_three_platforms_is_one_trade(box: ControllerBox) -> None:
    third = (OTHER, "third", Side.YES, 10)
    received = {platform: box.traders.test_register(platform) for platform in (*PLATFORMS, OTHER)}
    offer(box, KALSHI_YES, POLY_NO, third)
    assert [len(orders) for orders in received.values()] == [1, 1, 1]
    for index in (1, 2):
        report(box, f"t1-{index}", Status.FILLED, 10)
        assert states(box) == ["settling"]
    report(box, "t1-3", Status.FILLED, 10)
    assert states(box) == ["hedged"]


def test_an_arb_of_three_legs_is_aborted_whole_when_the_third_has_no_path(box: ControllerBox) -> None:
    received = {platform: box.traders.test_register(platform) for platform in PLATFORMS}
    offer(box, KALSHI_YES, POLY_NO, (OTHER, "third", Side.YES, 5))
    assert not any(received.values())
    assert box.notes("no execution path for limitless")


@pytest.mark.parametrize(
    ("arb_type", "legs"),
    [
        (ArbType.KALSHI_YES_POLY_NO, [(KALSHI, TICKER, Side.YES), (POLYMARKET, NO, Side.NO)]),
        (ArbType.POLY_YES_KALSHI_NO, [(POLYMARKET, YES, Side.YES), (KALSHI, TICKER, Side.NO)]),
        (ArbType.POLY_ONLY, [(POLYMARKET, YES, Side.YES), (POLYMARKET, NO, Side.NO)]),
        (ArbType.KALSHI_ONLY, [(KALSHI, TICKER, Side.YES), (KALSHI, TICKER, Side.NO)]),
    ],
)
def test_each_arb_type_buys_the_right_sides_on_the_right_markets(
    box: ControllerBox, arb_type: ArbType, legs: list[tuple[Platform, str, Side]]
) -> None:
    received: list[Leg] = []

    def answer(leg: Leg) -> Outcome:
        received.append(leg)
        return filled(leg)

    for platform in PLATFORMS:
        box.simulate(platform, answer)
    box.feed(*BOOKS[arb_type])
    (trade,) = trades(box).values()
    assert (trade["arb_type"], trade["state"], trade["matched"]) == (arb_type, "hedged", 10)
    assert [(leg.platform, leg.market, leg.side) for leg in received] == legs
    assert {(leg.action, leg.limit, leg.quantity) for leg in received} == {("buy", 4_500, 1_000)}


def test_a_leg_carries_what_its_trader_must_know(box: ControllerBox) -> None:
    received = box.traders.test_register(KALSHI)
    box.traders.test_register(POLYMARKET)
    offer(box)
    (order,) = received
    leg = order.leg
    assert (leg.pair_id, leg.market_id, leg.description) == ("pair_0", 7, "a test")
    assert leg.expires_at_ms == box.clock.unix_us() // 1_000 + 2_000


def test_a_pair_number_beyond_the_wire_is_folded_into_it(box: ControllerBox) -> None:
    received = box.traders.test_register(KALSHI)
    box.traders.test_register(POLYMARKET)
    box.tell("executor", OpportunitySeen(msgspec.structs.replace(arb(), market_id=65_536 + 9)))
    assert received[0].leg.market_id == 9


# -- for money or on paper, never half ---------------------------------------------------------------------------


def test_one_leg_for_money_and_one_on_paper_is_no_arb() -> None:
    live = ScriptedVenue(KALSHI, script=filled)
    with ControllerBox([pair()], local=(KALSHI,), dry_run=False, live={KALSHI: live}) as box:
        box.simulate(POLYMARKET, dry_run=True)
        box.feed(*ARB)
        assert live.placed == []
        assert list(box.status()["aborted"]) == ["kalshi would be traded for real, polymarket only on paper"]


def test_both_legs_for_money_are_traded() -> None:
    live = ScriptedVenue(KALSHI, script=filled)
    with ControllerBox([pair()], local=(KALSHI,), dry_run=False, live={KALSHI: live}) as box:
        box.simulate(POLYMARKET)
        box.feed(*ARB)
        assert [leg.leg_id for leg in live.placed] == ["t1-1"]
        assert states(box) == ["hedged"]


def test_a_dry_run_of_the_controller_reaches_no_live_venue() -> None:
    live = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    with ControllerBox([pair()], local=PLATFORMS, dry_run=True, live=live) as box:
        box.feed(*ARB)
        assert states(box) == ["hedged"]
        assert all(leg["paper"] for leg in trades(box)["t1"]["legs"])
        assert not any(venue.placed for venue in live.values())


# -- one trade at a time per pair --------------------------------------------------------------------------------


def test_a_pair_takes_no_second_trade_while_the_first_is_under_way(box: ControllerBox) -> None:
    received = [box.simulate(platform, never) for platform in PLATFORMS]
    offer(box)
    offer(box)
    assert [len(legs) for legs in received] == [1, 1]
    assert "the pair has a trade that is not over" in box.status()["aborted"]


def test_two_pairs_trade_at_once(box: ControllerBox) -> None:
    received = [box.simulate(platform, never) for platform in PLATFORMS]
    offer(box, pair_id="pair_0")
    offer(box, pair_id="pair_1")
    assert [len(legs) for legs in received] == [2, 2]
    report(box, "t2-1", Status.FILLED, 10)
    report(box, "t2-2", Status.FILLED, 10)
    assert states(box) == ["legs_out", "hedged"]


@pytest.mark.parametrize(
    ("yes", "no", "state", "free"),
    [(10, 10, "hedged", True), (4, 4, "hedged", True), (0, 0, "flat", True), (10, 9, "naked", False)],
)
def test_the_pair_is_released_when_its_trade_is_over_and_not_when_it_is_naked(
    box: ControllerBox, yes: int, no: int, state: str, *, free: bool
) -> None:
    legs = [box.simulate(platform, fills({Side.YES: yes, Side.NO: no})) for platform in PLATFORMS]
    offer(box)
    offer(box)
    assert states(box) == ([state, state] if free else [state])
    assert [len(received) for received in legs] == ([2, 2] if free else [1, 1])


def test_no_delay_releases_a_pair_whose_legs_are_out_or_unknown() -> None:
    with ControllerBox([pair()], leg_timeout_us=50_000_000) as box:
        for platform in PLATFORMS:
            box.simulate(platform, never)
        offer(box)
        box.pass_time(49)
        offer(box)
        assert states(box) == ["legs_out"]
        box.pass_time(2)
        assert states(box) == ["unknown"]
        box.pass_time(3_600)
        offer(box)
        assert states(box) == ["unknown"]


def test_a_trade_that_late_news_opened_again_holds_its_pair_again(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.simulate(platform, never)
    offer(box)
    report(box, "t1-1", Status.FILLED, 10)
    report(box, "t1-2", Status.FILLED, 10)
    report(box, "t1-2", Status.PARTIAL, 9, revision=1)
    offer(box)
    assert states(box) == ["naked"]
    report(box, "t1-2", Status.FILLED, 10, revision=2)
    offer(box)
    assert states(box) == ["hedged", "legs_out"]


# -- counted every time, said once -------------------------------------------------------------------------------


def test_an_abort_is_counted_every_time_and_logged_once_an_episode(box: ControllerBox) -> None:
    for t in range(1, 6):
        box.feed(kalshi([(40, 10)], [(45, 10)], t=t), poly(NO, [(40, 10)], [(45, 10)], t=t))
    # The first book alone is no arb.
    assert box.status()["trades"]["aborted"] == 9
    assert len(box.notes("arb aborted")) == 1
    box.traders.test_register(KALSHI)
    assert len(box.notes("arb aborted")) == 2
    box.feed(kalshi([(40, 10)], [(45, 10)], t=9))
    assert len(box.notes("arb aborted")) == 2


def test_the_same_reason_after_the_paths_changed_is_a_new_episode(box: ControllerBox) -> None:
    box.say_hello(1)
    box.disconnect(1)
    offer(box)
    offer(box)
    assert len(box.notes("arb aborted")) == 1
    box.say_hello(2)
    box.disconnect(2)
    offer(box)
    assert len(box.notes("arb aborted")) == 2


def test_an_abort_is_logged_with_its_pair_under_the_seeds_prefix(box: ControllerBox) -> None:
    offer(box, pair_id="pair_1")
    (note,) = box.notes("arb aborted")
    assert (note.component, note.level, note.pair_id) == ("HYBRID", "warning", "pair_1")


# -- fills come from results ---------------------------------------------------------------------------------------


def test_dispatch_alone_gives_no_position_and_no_cost(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.simulate(platform, never)
    offer(box)
    status = box.status()
    assert status["positions"] == []
    assert status["totals"]["cost_usd"] == 0
    assert status["totals"]["edge_locked_usd"] == 0
    assert status["trades"]["open"] == 1


def test_positions_are_what_results_say(box: ControllerBox) -> None:
    box.simulate(KALSHI, fills({Side.YES: 10, Side.NO: 0}))
    box.simulate(POLYMARKET, fills({Side.YES: 0, Side.NO: 4}))
    offer(box)
    assert [(held["platform"], held["side"], held["contracts"]) for held in box.status()["positions"]] == [
        ("kalshi", "yes", 10),
        ("polymarket", "no", 4),
    ]


@pytest.mark.parametrize("local", [(), PLATFORMS])
def test_two_pairs_that_look_at_one_book_never_trade_the_same_contracts(local: tuple[Platform, ...]) -> None:
    with ControllerBox([pair(0), pair(1, kalshi_market_ticker=TICKER)], local=local) as box:
        if not local:
            for platform in PLATFORMS:
                box.simulate(platform, never)
        # Both pairs become arbs with one frame; Kalshi has 10 contracts for the two of them.
        box.feed(poly(NO, [(40, 10)], [(45, 10)]), poly(f"{NO}-1", [(40, 10)], [(45, 10)]))
        box.feed(kalshi([(40, 10)], [(45, 10)]))
        assert len(states(box)) == 1
        assert "another pair's leg is out on the same book" in box.status()["aborted"]
        if local:
            assert states(box) == ["hedged"]
            assert sum(fill.quantity for fill in box.venues[KALSHI].fills) == contracts(10)


def test_what_the_first_pair_leaves_the_second_one_gets() -> None:
    with ControllerBox([pair(0), pair(1, kalshi_market_ticker=TICKER)], local=PLATFORMS) as box:
        box.feed(poly(NO, [(40, 10)], [(45, 4)]), poly(f"{NO}-1", [(40, 10)], [(45, 10)]))
        box.feed(kalshi([(40, 10)], [(45, 10)]))
        assert [(trade["state"], trade["matched"]) for trade in trades(box).values()] == [("hedged", 4), ("hedged", 6)]


def test_contracts_that_an_unknown_leg_may_have_taken_are_not_traded_until_the_venue_speaks() -> None:
    with ControllerBox([pair(0), pair(1, kalshi_market_ticker=TICKER)]) as box:
        legs = [box.simulate(platform, never) for platform in PLATFORMS]
        box.feed(poly(NO, [(40, 10)], [(45, 10)]), kalshi([(40, 10)], [(45, 10)]))
        report(box, "t1-1", Status.UNKNOWN)
        report(box, "t1-2", Status.UNKNOWN)
        box.feed(poly(f"{NO}-1", [(40, 10)], [(45, 10)]))
        assert [len(received) for received in legs] == [1, 1]
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert [len(received) for received in legs] == [2, 2]


def test_an_unknown_leg_counts_for_what_was_asked_once_however_often_it_is_unknown() -> None:
    with ControllerBox([pair(0), pair(1, kalshi_market_ticker=TICKER)]) as box:
        legs = [box.simulate(platform, never) for platform in PLATFORMS]
        box.feed(poly(NO, [], [(45, 10)]), kalshi([], [(45, 30)]))
        report(box, "t1-1", Status.UNKNOWN)
        report(box, "t1-1", Status.UNKNOWN, revision=1)
        report(box, "t1-2", Status.UNFILLED)
        box.feed(poly(f"{NO}-1", [], [(45, 30)]))
        assert [[leg.quantity for leg in received] for received in legs] == [[1_000, 2_000]] * 2


def test_the_same_liquidity_is_not_traded_again_until_the_venue_speaks(box: ControllerBox) -> None:
    legs = [box.simulate(platform) for platform in PLATFORMS]
    box.feed(*ARB)
    assert [len(received) for received in legs] == [1, 1]
    assert box.status()["open_opportunities"] == 0
    box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
    assert [len(received) for received in legs] == [1, 1]
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=3))
    assert [len(received) for received in legs] == [2, 2]


def test_what_is_left_after_a_fill_is_traded_at_once(box: ControllerBox) -> None:
    legs = [box.simulate(platform, fills({Side.YES: 3, Side.NO: 3})) for platform in PLATFORMS]
    box.feed(*ARB)
    # One contract more would be worth less than Polymarket's least order of a dollar.
    assert [[leg.quantity for leg in received] for received in legs] == [[1_000, 700, 400]] * 2


def test_a_trade_that_filled_nothing_is_not_tried_again_before_the_next_update(box: ControllerBox) -> None:
    legs = [box.simulate(platform, fills({Side.YES: 0, Side.NO: 0})) for platform in PLATFORMS]
    box.feed(*ARB)
    assert [len(received) for received in legs] == [1, 1]
    box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
    assert [len(received) for received in legs] == [2, 2]


# -- what it keeps -----------------------------------------------------------------------------------------------


def test_old_trades_are_let_go_and_stay_in_the_sums(box: ControllerBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_book, "KEPT", 3)
    for platform in PLATFORMS:
        box.simulate(platform)
    for _ in range(9):
        offer(box)
    status = box.status()
    assert [trade["trade_id"] for trade in status["recent_trades"]] == ["t7", "t8", "t9"]
    assert (status["trades"]["hedged"], status["totals"]["edge_locked_usd"]) == (9, 9)


def test_one_timer_watches_all_legs_in_flight_and_none_when_there_are_none() -> None:
    with ControllerBox([pair(0), pair(1)], beacon=False) as box:
        for platform in PLATFORMS:
            box.simulate(platform, never)
        assert box.clock.timers == []
        offer(box, pair_id="pair_0")
        offer(box, pair_id="pair_1")
        assert len(box.clock.timers) == 1
        box.pass_time(1)
        assert len(box.clock.timers) == 1
        box.pass_time(5)
        assert states(box) == ["unknown", "unknown"]
        assert len(box.clock.timers) == 1, "what is unknown is asked about until it is proven"


# -- the gate, and people ----------------------------------------------------------------------------------------


def test_the_gate_is_busy_exactly_while_a_leg_is_out(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.simulate(platform, never)
    assert not busy(box)
    offer(box, pair_id="pair_0")
    assert busy(box)
    offer(box, pair_id="pair_1")
    report(box, "t1-1", Status.FILLED, 10)
    report(box, "t1-2", Status.FILLED, 10)
    assert busy(box)
    report(box, "t2-1", Status.FILLED, 10)
    assert busy(box)
    report(box, "t2-2", Status.UNKNOWN)
    assert not busy(box)


def test_telemetry_hears_of_every_trade_sent_and_of_what_became_of_it(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.simulate(platform)
    offer(box)
    counters = box.status()["counters"]
    assert (counters["trades_sent"], counters["legs_sent"], counters["trades_hedged"]) == (1, 2, 1)


def test_caps_of_the_traders_bound_the_size_of_an_arb() -> None:
    with ControllerBox([pair()], local=PLATFORMS, max_leg_notional=Money(1_350_000)) as box:
        box.feed(*ARB)
        assert {leg["asked"] for leg in trades(box)["t1"]["legs"]} == {3}
        assert not [text for text in texts(box, "TRADER") if "rejected" in text]


def test_both_sides_of_one_market_are_legs_of_their_own(box: ControllerBox) -> None:
    for platform in PLATFORMS:
        box.simulate(platform)
    offer(box, KALSHI_YES, KALSHI_NO)
    offer(box, POLY_YES, POLY_NO, pair_id="pair_1")
    assert states(box) == ["hedged", "hedged"]
    assert {(held["platform"], held["side"]) for held in box.status()["positions"]} == {
        (platform, side) for platform in PLATFORMS for side in Side
    }
