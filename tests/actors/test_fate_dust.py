"""What is too small to be traded: recorded, shown, taken in by the next trade of its pair, and counted once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from msgspec.structs import replace

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Status
from protocol.units import Quantity
from simulation.boxes import ControllerBox
from simulation.doubles import filled
from simulation.memory import MemoryLedger
from tests.actors.kit import ARB, KALSHI_NO, POLY_YES, dollars, never, offer, report, states, trades
from tests.actors.test_fate_unwind import flagged, orders, scripted, some
from tests.market.builders import NO, YES, contracts, kalshi, pair, poly


def dusty(box: ControllerBox) -> list[Leg]:
    """Kalshi fills half a contract more than Polymarket, and takes no order below one contract."""
    received: list[Leg] = []
    box.simulate(KALSHI, scripted(received, [filled]))
    box.simulate(POLYMARKET, scripted(received, [some("9.5"), filled]))
    box.feed(*ARB)
    return received


@pytest.fixture
def coarse() -> Iterator[ControllerBox]:
    with ControllerBox([pair(kalshi_min_contracts=contracts(1))], dry_run=False) as made:
        yield made


def test_dust_is_recorded_and_shown(coarse: ControllerBox) -> None:
    dusty(coarse)
    assert states(coarse)[0] == "dust"
    (dust,) = coarse.status()["dust"]
    assert (dust["pair_id"], dust["platform"], dust["side"]) == ("pair_0", KALSHI, "yes")
    assert dollars(dust["contracts"]) == dollars("0.5")
    assert any(getattr(fact, "state", None) == "dust" for fact in coarse.ledger.facts)


def test_dust_is_carried_into_the_next_trade_of_the_pair_and_closed_by_it(coarse: ControllerBox) -> None:
    received = dusty(coarse)
    offer(coarse)
    assert orders(received)[-2:] == [(KALSHI, "buy", "yes", 950), (POLYMARKET, "buy", "no", 1_000)]
    assert states(coarse)[-1] == "hedged"
    assert coarse.status()["dust"] == []
    assert list(trades(coarse).values())[-1]["matched"] == 10


def test_late_news_that_makes_dust_whole_leaves_no_dust_to_carry(coarse: ControllerBox) -> None:
    received = dusty(coarse)
    report(coarse, "t1-2", Status.FILLED, 10, revision=1)
    assert states(coarse) == ["hedged"]
    assert coarse.status()["dust"] == []
    offer(coarse)
    assert [leg.quantity for leg in received[-2:]] == [1_000, 1_000]


@pytest.mark.parametrize(
    ("leg_id", "size", "status"),
    [("t1-2", 10, Status.FILLED), ("t1-1", "9.5", Status.PARTIAL)],
    ids=["the missing half was filled after all", "the half too much was taken back"],
)
def test_late_news_of_dust_that_another_trade_took_in_counts_once(
    coarse: ControllerBox, leg_id: str, size: int | str, status: Status
) -> None:
    dusty(coarse)
    offer(coarse)
    assert states(coarse) == ["hedged", "hedged"]
    report(coarse, leg_id, status, size, revision=1)
    # Over both trades half a contract of NO has no partner now, and it is the first trade's.
    assert states(coarse) == ["naked", "hedged"]
    half = [{"platform": POLYMARKET, "side": "no", "contracts": dollars("0.5")}]
    assert [trade["excess"] for trade in trades(coarse).values()] == [half, []]
    assert coarse.status()["dust"] == []
    coarse.feed(kalshi([(40, 10)], [(60, 10)], t=9), poly(NO, [(40, 10)], [(45, 10)], t=9))
    assert states(coarse) == ["dust", "hedged"]
    assert [(held["side"], held["contracts"]) for held in coarse.status()["dust"]] == [("no", dollars("0.5"))]


def test_dust_that_was_given_away_stays_given_away_after_a_restart(coarse: ControllerBox) -> None:
    dusty(coarse)
    offer(coarse)
    with ControllerBox(
        [pair(kalshi_min_contracts=contracts(1))], ledger=MemoryLedger(list(coarse.ledger.facts))
    ) as again:
        assert again.status()["dust"] == []
        report(again, "t1-2", Status.FILLED, 10, revision=1)
        assert states(again) == ["naked"]
        assert trades(again)["t1"]["excess"] == [{"platform": POLYMARKET, "side": "no", "contracts": dollars("0.5")}]


@pytest.mark.parametrize("dry_before", [True, False])
def test_dust_of_paper_is_not_taken_in_by_a_trade_for_money_nor_the_other_way(*, dry_before: bool) -> None:
    def part(leg: Leg, size: int, paper: bool) -> Outcome:
        return replace(filled(leg, Quantity(min(size, leg.quantity))), paper=paper)

    ledger = MemoryLedger()
    received: list[Leg] = []
    for dry, sizes in ((dry_before, (1_000, 950)), (not dry_before, (1_000, 1_000))):
        with ControllerBox([pair(kalshi_min_contracts=contracts(1))], dry_run=dry, ledger=ledger) as box:
            for platform, size in zip((KALSHI, POLYMARKET), sizes, strict=True):
                box.simulate(platform, scripted(received, [partial(part, size=size, paper=dry)]), dry_run=dry)
            box.ids.count = len(received)
            box.feed(*ARB)
            assert [held["contracts"] for held in box.status()["dust"]] == [dollars("0.5")]
            ledger = MemoryLedger(list(box.ledger.facts))
    assert [leg.quantity for leg in received] == [1_000] * 4


def test_the_cost_of_dust_moves_with_it_to_the_micro_dollar(coarse: ControllerBox) -> None:
    dusty(coarse)
    offer(coarse)
    coarse.feed(poly(NO, [(40, 10)], [(45, 10)], t=9))
    report(coarse, "t1-2", Status.FILLED, 13, revision=1)
    assert states(coarse) == ["hedged", "hedged"]
    both = list(coarse.instance("executor").book.trades.values())
    spent = sum(trade.cost + trade.fees for trade in both)
    assert sum(trade.matched for trade in both) == 950 + 1_000
    assert sum(trade.edge_locked or 0 for trade in both) == 1_950 * 10_000 - spent


def test_dust_of_two_trades_of_a_pair_is_not_forgotten(coarse: ControllerBox) -> None:
    received = dusty(coarse)
    held = coarse.instance("executor")
    # An arb in the other slots cannot take the dust in, and leaves some of its own.
    coarse.traders.test_unregister(POLYMARKET)
    coarse.simulate(POLYMARKET, scripted(received, [some("9.5")]))
    coarse.feed(poly(YES, [(40, 10)], [(45, 10)], t=2))
    offer(coarse, POLY_YES, KALSHI_NO)
    assert sum(len(left) for left in held.dust.values()) == len([s for s in states(coarse) if s == "dust"])


def test_a_thin_book_makes_no_dust_of_a_large_excess() -> None:
    with ControllerBox([pair(kalshi_min_contracts=contracts(1))]) as box:
        box.simulate(KALSHI, filled)
        box.simulate(POLYMARKET, never)
        box.feed(*ARB)
        box.feed(poly(NO, [(40, 10)], [(45, "0.5")], t=2), kalshi([(40, "0.5")], [(45, 10)], t=2))
        report(box, "t1-2", Status.UNFILLED)
        assert states(box) == ["naked"]
        assert flagged(box)


def test_what_was_sold_and_then_taken_back_is_dust_below_nothing_and_the_next_trade_buys_so_much_more(
    coarse: ControllerBox,
) -> None:
    received: list[Leg] = []
    coarse.simulate(KALSHI, scripted(received, [filled]))
    coarse.simulate(POLYMARKET, scripted(received, [some(0), filled]))
    coarse.feed(kalshi([(44, 100)], [(55, 100)]), poly(NO, [(40, 100)], [(90, 100)]))
    offer(coarse)
    assert orders(received)[-1] == (KALSHI, "sell", "yes", 1_000)
    assert states(coarse) == ["flat"]
    report(coarse, "t1-1", Status.PARTIAL, "9.5", revision=1)
    assert states(coarse) == ["dust"]
    (dust,) = coarse.status()["dust"]
    assert (dust["platform"], dust["side"], dollars(dust["contracts"])) == (KALSHI, "yes", dollars("-0.5"))
    offer(coarse)
    assert orders(received)[-2:] == [(KALSHI, "buy", "yes", 1_050), (POLYMARKET, "buy", "no", 1_000)]
    assert states(coarse) == ["flat", "hedged"]
    assert coarse.status()["dust"] == []
