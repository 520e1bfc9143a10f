"""Fills that differ: closed the cheaper way, never by selling what is not held, flagged where nothing can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from actors.ledger import LedgerBroken
from actors.messages import StopTrading
from actors.risk_messages import OperatorAsked
from actors.trade import State
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Action, Side, Status
from protocol.units import USD, Money
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from tests.actors.kit import ARB, fills, never, offer, report, states, trades
from tests.market.builders import NO, contracts, kalshi, pair, poly

Answer = Callable[[Leg], Outcome | None]


def scripted(received: list[Leg], answers: list[Answer]) -> Answer:
    """Answers by script, the last one for ever; remembers every leg of both platforms in order."""

    def answer(leg: Leg) -> Outcome | None:
        received.append(leg)
        return (answers.pop(0) if len(answers) > 1 else answers[0])(leg)

    return answer


def some(size: int | str) -> Answer:
    return lambda leg: filled(leg, contracts(size))


def lost(leg: Leg) -> Outcome:
    return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, error="unknown: 502", final=False)


def unsettled(leg: Leg) -> Outcome:
    return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error="unsettled: the bought contracts are not there yet")


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """Two traders answer by script; the books hold one arb."""
    with ControllerBox([pair(0), pair(1)], dry_run=False) as made:
        yield made


def play(box: ControllerBox, kalshi_says: list[Answer], poly_says: list[Answer]) -> list[Leg]:
    """Both platforms answer by script, the arb is there, and what was ordered is told in order."""
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, kalshi_says))
    box.simulate(POLYMARKET, scripted(received, poly_says))
    box.feed(*ARB)
    return received


def orders(received: list[Leg]) -> list[tuple[str, str, str, int]]:
    return [(leg.platform, leg.action.value, leg.side.value, leg.quantity) for leg in received]


def flagged(box: ControllerBox) -> bool:
    return bool(box.status()["trades"]["naked"]) and bool(box.notes("NAKED"))


# -- the cheaper way ---------------------------------------------------------------------------------------------


def test_one_leg_unfilled(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), some(0), filled])
    # The other leg's level was not taken: completing costs nothing more, selling back would cost 5 cents each.
    assert orders(received)[2] == (POLYMARKET, "buy", "no", 1_000)
    assert states(box) == ["naked"]
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
    assert states(box)[0] == "hedged"
    assert trades(box)["t1"]["matched"] == 10


def test_partial_on_both_legs(box: ControllerBox) -> None:
    received = play(box, [some(8)], [some(4), filled])
    assert orders(received)[2] == (POLYMARKET, "buy", "no", 400)
    assert trades(box)["t1"]["matched"] == 8
    assert states(box)[0] == "hedged"


def test_overfill(box: ControllerBox) -> None:
    received = play(box, [filled], [some(14), filled])
    # Nothing is left to buy on Kalshi, so what is too much goes back.
    assert orders(received)[2] == (POLYMARKET, "sell", "no", 400)
    assert (trades(box)["t1"]["state"], trades(box)["t1"]["matched"]) == ("hedged", 10)


def test_selling_is_chosen_where_completing_is_dearer(box: ControllerBox) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [filled]))
    box.simulate(POLYMARKET, scripted(received, [never]))
    box.feed(*ARB)
    box.feed(poly(NO, [(40, 10)], [(80, 10)], t=2))
    report(box, "t1-2", Status.UNFILLED)
    assert orders(received)[2] == (KALSHI, "sell", "yes", 1_000)
    assert received[2].limit == 4_000
    assert states(box) == ["flat"]


def test_every_attempt_has_an_id_of_its_own(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0)])
    for t in range(2, 6):
        box.feed(poly(NO, [(40, 10)], [(45, 10)], t=t))
    ids = [leg.leg_id for leg in received]
    assert len(ids) == len(set(ids)) > 4
    assert {leg.trade_id for leg in received} == {"t1"}


def test_the_loss_allowed_to_a_trade_holds_over_all_its_attempts() -> None:
    with ControllerBox([pair()], dry_run=False, max_unwind_loss=Money(USD // 4)) as box:
        received: list[Leg] = []
        box.simulate(KALSHI, scripted(received, [filled, some(2), filled]))
        box.simulate(POLYMARKET, scripted(received, [never]))
        box.feed(*ARB)
        box.feed(poly(NO, t=2), kalshi([(35, 2)], [(45, 10)], t=2))
        report(box, "t1-2", Status.UNFILLED)
        assert orders(received)[2] == (KALSHI, "sell", "yes", 200)
        # 20 cents are lost; 8 more at 40 would lose 40 more.
        box.feed(kalshi([(40, 8)], [(45, 10)], t=3))
        assert len(received) == 3
        assert states(box) == ["naked"]
        assert "max_unwind_loss" in trades(box)["t1"]["reason"]


# -- never while anything is unknown -----------------------------------------------------------------------------


def test_both_unknown(box: ControllerBox) -> None:
    received = play(box, [lost], [lost])
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
    assert states(box) == ["unknown"]
    assert len(received) == 2
    offer(box)
    assert len(received) == 2
    assert {leg["leg_id"] for leg in box.status()["unknown"]} == {"t1-1", "t1-2"}
    report(box, "t1-1", Status.FILLED, 10, revision=1)
    assert states(box) == ["unknown"]
    assert len(received) == 2
    report(box, "t1-2", Status.FILLED, 10, revision=1)
    assert states(box) == ["hedged"]


def test_unwind_itself_unknown(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), lost])
    closing = received[2].leg_id
    assert states(box) == ["unknown"]
    for t in range(2, 5):
        box.feed(poly(NO, [(40, 10)], [(45, 10)], t=t))
    assert len(received) == 3
    assert [leg["leg_id"] for leg in box.status()["unknown"]] == [closing]
    report(box, closing, Status.PARTIAL, 4, revision=1)
    assert orders(received)[3][1:] == ("buy", "no", 600)


def test_an_unwind_that_is_not_answered_in_time_is_unknown_and_not_sent_again(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), never])
    assert states(box) == ["unwinding"]
    box.pass_time(6)
    assert states(box) == ["unknown"]
    box.pass_time(600)
    assert len(received) == 3


def test_late_news_of_an_opening_leg_while_the_unwind_is_out_is_applied(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), never])
    report(box, "t1-2", Status.FILLED, 10, revision=1)
    assert states(box) == ["unwinding"]
    report(box, received[2].leg_id, Status.FILLED, 10)
    # Bought twice: the second ten are an excess as well.
    assert received[3].quantity == 1_000
    assert (received[3].platform, received[3].action) in {(KALSHI, Action.BUY), (POLYMARKET, Action.SELL)}


def test_a_purchase_taken_back_after_its_sale_sells_nothing_else() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        received: list[Leg] = []
        box.simulate(KALSHI, scripted(received, [filled]))
        box.simulate(POLYMARKET, scripted(received, [never]))
        box.feed(*ARB, poly(NO, [(40, 10)], t=2))
        report(box, "t1-2", Status.UNFILLED)
        assert states(box) == ["flat"]
        report(box, "t1-1", Status.UNFILLED, revision=1)
        assert [leg.action for leg in received[3:]].count(Action.SELL) == 0
        assert states(box) != ["flat"]


def test_news_that_leaves_a_trade_naked_is_decided_on_at_once(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), some(0), never])
    assert len(received) == 3
    report(box, "t1-2", Status.PARTIAL, 4, revision=1)
    assert orders(received)[3:] == [(POLYMARKET, "buy", "no", 600)]


# -- what cannot be closed ---------------------------------------------------------------------------------------


def test_naked_is_retried_when_the_book_changes_and_not_before(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0)])
    sent = len(received)
    box.pass_time(600)
    assert len(received) == sent
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
    assert len(received) == sent + 1


def test_naked_without_a_book_says_so_and_is_flagged() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.simulate(KALSHI, filled)
        box.simulate(POLYMARKET, fills({Side.NO: 0}))
        offer(box)
        assert flagged(box)
        assert trades(box)["t1"]["reason"] == "no book to close it on"
        assert trades(box)["t1"]["excess"] == [{"platform": KALSHI, "side": "yes", "contracts": 10}]


def test_naked_without_a_path_is_closed_as_soon_as_there_is_one() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        received: list[Leg] = []
        for platform in PLATFORMS:
            box.simulate(platform, never)
        box.feed(*ARB)
        for platform in PLATFORMS:
            box.traders.test_unregister(platform)
        report(box, "t1-1", Status.FILLED, 10)
        report(box, "t1-2", Status.UNFILLED, revision=1)
        assert flagged(box)
        assert "no execution path" in trades(box)["t1"]["reason"]
        for platform in PLATFORMS:
            box.simulate(platform, scripted(received, [filled]))
        assert len(received) >= 1
        assert states(box)[0] in {"hedged", "flat"}


def test_a_sell_that_is_not_settled_is_retried_at_the_same_price(box: ControllerBox) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [some(0)]))
    box.simulate(POLYMARKET, scripted(received, [never, unsettled, unsettled, filled]))
    box.feed(*ARB)
    box.feed(kalshi([(40, 10)], [(80, 10)], t=2))
    report(box, "t1-2", Status.FILLED, 10)
    sells = [leg for leg in received if leg.action is Action.SELL]
    assert len(sells) == 1
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=3))
    assert len([leg for leg in received if leg.action is Action.SELL]) == 1
    box.pass_time(2.2)
    box.pass_time(2.2)
    sells = [leg for leg in received if leg.action is Action.SELL]
    assert [(leg.limit, leg.quantity) for leg in sells] == [(4_000, 1_000)] * 3
    assert states(box) == ["flat"]


@pytest.mark.parametrize(("bid", "limit"), [(30, 4_000), (42, 4_200)])
def test_a_sell_that_is_not_settled_is_never_retried_lower_whatever_the_bid_does(
    box: ControllerBox, bid: int, limit: int
) -> None:
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [some(0)]))
    box.simulate(POLYMARKET, scripted(received, [never, unsettled, unsettled, some(0), filled]))
    box.feed(*ARB)
    box.feed(kalshi([(40, 10)], [(80, 10)], t=2))
    report(box, "t1-2", Status.FILLED, 10)
    box.feed(poly(NO, [(bid, 10)], [(45, 10)], t=3))
    box.pass_time(2.2)
    box.pass_time(2.2)
    sells = [leg for leg in received if leg.action is Action.SELL]
    assert [leg.limit for leg in sells] == [4_000, limit, limit]
    # That one was refused by nobody, it only found no buyer: from here on the price is the book's again.
    box.feed(poly(NO, [(bid, 10)], [(45, 10)], t=4))
    sells = [leg for leg in received if leg.action is Action.SELL]
    assert [leg.limit for leg in sells][3:] == [bid * 100]
    assert states(box) == ["flat"]


def test_polymarkets_own_words_for_it_are_understood(box: ControllerBox) -> None:
    def words(leg: Leg) -> Outcome:
        return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error="400: not enough balance / allowance")

    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [some(0)]))
    box.simulate(POLYMARKET, scripted(received, [never, words, filled]))
    box.feed(*ARB)
    box.feed(kalshi([(40, 10)], [(80, 10)], t=2))
    report(box, "t1-2", Status.FILLED, 10)
    box.feed(poly(NO, [(30, 10)], [(45, 10)], t=3))
    box.pass_time(2.2)
    assert [leg.limit for leg in received if leg.action is Action.SELL] == [4_000, 4_000]


def test_a_naked_trade_says_that_the_controller_stops() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.simulate(KALSHI, filled)
        box.simulate(POLYMARKET, fills({Side.NO: 0}))
        offer(box)
        assert states(box) == ["naked"]
        box.tell("executor", StopTrading("halted: a test"))
        assert trades(box)["t1"]["reason"] == "stopping: halted: a test"
        box.feed(*ARB)
        assert trades(box)["t1"]["reason"] == "stopping: halted: a test"


def test_a_naked_trade_says_that_the_ledger_is_broken(box: ControllerBox) -> None:
    play(box, [filled], [some(0)])
    assert states(box) == ["naked"]
    box.tell("ledger", LedgerBroken("disk full"))
    assert "disk full" in trades(box)["t1"]["reason"]
    assert any("disk full" in note.text for note in box.notes("NAKED"))


def test_a_trade_that_becomes_naked_while_stopping_says_so(first: ControllerBox) -> None:
    received = play(first, [filled], [never])
    first.tell("executor", StopTrading("asked to"))
    report(first, received[0].leg_id, Status.FILLED, 10)
    assert trades(first)["t1"]["reason"] == "stopping: asked to"


def test_a_stop_during_unwinding_waits_for_the_closing_leg_and_sends_no_other(box: ControllerBox) -> None:
    received = play(box, [filled], [some(0), never])
    box.stop()
    assert box.memory.ends == []
    report(box, received[2].leg_id, Status.PARTIAL, 4)
    assert len(received) == 3
    assert box.memory.ends == [("in order", 1, False)]


# -- one venue first ---------------------------------------------------------------------------------------------


@pytest.fixture
def first() -> Iterator[ControllerBox]:
    with ControllerBox([pair()], first=POLYMARKET, dry_run=False) as made:
        yield made


@pytest.mark.parametrize(("size", "then"), [(10, 1_000), (4, 400)])
def test_the_second_venue_gets_what_the_first_really_filled(first: ControllerBox, size: int, then: int) -> None:
    received = play(first, [filled], [some(size), never])
    assert orders(received)[:2] == [(POLYMARKET, "buy", "no", 1_000), (KALSHI, "buy", "yes", then)]
    assert states(first)[0] == "hedged"


def test_nothing_at_the_first_venue_sends_nothing_to_the_second(first: ControllerBox) -> None:
    received = play(first, [filled], [some(0)])
    assert {leg.platform for leg in received} == {POLYMARKET}
    assert states(first)[0] == "flat"


def test_an_unknown_first_leg_holds_the_second_until_it_is_proven(first: ControllerBox) -> None:
    received = play(first, [filled], [lost])
    first.pass_time(60)
    assert len(received) == 1
    assert states(first) == ["unknown"]
    report(first, received[0].leg_id, Status.PARTIAL, 3, revision=1)
    assert orders(received)[1] == (KALSHI, "buy", "yes", 300)


def test_a_first_fill_whose_second_leg_cannot_be_sent_is_naked_and_never_hedged(first: ControllerBox) -> None:
    received = play(first, [filled], [never])
    first.traders.test_unregister(KALSHI)
    report(first, received[0].leg_id, Status.FILLED, 10)
    # Selling it back is the only way left, and it is worse than completing: no leg can leave for Kalshi.
    assert len(received) == 1
    assert flagged(first)
    assert trades(first)["t1"]["excess"] == [{"platform": POLYMARKET, "side": "no", "contracts": 10}]


def test_a_stop_after_the_first_leg_leaves_it_naked_and_flagged(first: ControllerBox) -> None:
    received = play(first, [filled], [never])
    first.stop()
    report(first, received[0].leg_id, Status.FILLED, 10)
    assert len(received) == 1
    assert states(first) == ["naked"]
    assert first.memory.ends == [("in order", 1, False)]


def test_late_news_of_a_first_leg_that_was_unfilled_is_naked_and_not_hedged(first: ControllerBox) -> None:
    received = play(first, [never], [some(0), never])
    assert states(first)[0] == "flat"
    report(first, received[0].leg_id, Status.PARTIAL, 3, revision=1)
    trade = trades(first)["t1"]
    assert trade["state"] in {State.NAKED, State.UNWINDING}
    assert trade["matched"] == 0


@pytest.mark.parametrize("halted", [False, True])
def test_a_closing_leg_is_in_the_ledger_before_it_leaves_and_a_halt_meanwhile_keeps_it_here(*, halted: bool) -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        received = {platform: box.simulate(platform, never) for platform in PLATFORMS}
        box.feed(*ARB)
        report(box, "t1-1", Status.FILLED, 10)
        box.ledger.held = True
        report(box, "t1-2", Status.UNFILLED)
        assert sum(len(legs) for legs in received.values()) == 2
        if halted:
            box.tell("executor", OperatorAsked(1, "halt", {"reason": "lunch"}))
        box.ledger.release()
        assert sum(len(legs) for legs in received.values()) == (2 if halted else 3)
        assert not box.instance("executor").failed
