"""The book of trades: what is dropped keeps its sums, what is open is never dropped."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from actors.trade import Trade, TradeLeg
from actors.trade_book import KEPT, TradeBook, trade_record
from protocol.terms import Status, TradeId
from protocol.units import Money
from tests.actors.kit import a_leg, arb, outcome


def trade(number: int, status: Status = Status.FILLED, filled: int = 10) -> Trade:
    """A trade whose two legs ended alike."""
    seen = arb(pair_id=f"pair_{number}")
    legs = [
        TradeLeg(
            msgspec.structs.replace(
                a_leg(f"t{number}-{index}", quantity=seen.quantity),
                platform=plan.platform,
                market=plan.market,
                side=plan.side,
            ),
            plan,
            "local",
            None,
        )
        for index, plan in enumerate(seen.legs, start=1)
    ]
    made = Trade(TradeId(f"t{number}"), seen, legs)
    made.sent(0, 0)
    for leg in legs:
        made.report(outcome(leg.leg.leg_id, status, filled, fees=Money(1)))
    return made


def settled(book: TradeBook, *made: Trade) -> None:
    for one in made:
        book.add(one)
        book.release(one)
        book.settle(one)


def test_memory_is_bounded_and_the_sums_forget_nothing() -> None:
    book = TradeBook()
    settled(book, *(trade(number) for number in range(KEPT + 7)))
    assert len(book.trades) == KEPT
    assert len(book.by_leg) == 2 * KEPT
    assert not book.pair_in_use
    sums = book.sums()
    assert sums["hedged"] == KEPT + 7
    assert sums["contracts"] == 1_000 * (KEPT + 7)
    assert sums["cost"] == 9_000_000 * (KEPT + 7)
    assert sums["fees"] == 2 * (KEPT + 7)
    assert sums["edge"] == (1_000_000 - 2) * (KEPT + 7)


def test_naked_and_unknown_trades_are_kept_however_old() -> None:
    book = TradeBook()
    naked = trade(-1)
    naked.report(outcome("t-1-1", Status.PARTIAL, 9, revision=1))
    unknown = trade(-2)
    unknown.report(outcome("t-2-1", Status.UNKNOWN, revision=1))
    settled(book, naked, unknown)
    settled(book, *(trade(number) for number in range(KEPT + 7)))
    assert naked.trade_id in book.trades
    assert unknown.trade_id in book.trades
    assert book.sums()["unknown_legs"] == 1


def test_a_trade_that_settled_twice_is_dropped_once() -> None:
    book = TradeBook()
    twice = trade(-1)
    settled(book, twice)
    book.settle(twice)
    settled(book, *(trade(number) for number in range(KEPT + 7)))
    assert book.sums()["hedged"] == KEPT + 8


def test_a_pair_is_free_when_the_last_trade_that_holds_it_lets_go() -> None:
    book = TradeBook()
    first, second = trade(1), trade(1)
    second.trade_id = TradeId("t1b")
    book.add(first)
    book.latch(first)
    assert book.release(first)
    assert not book.release(first)
    book.latch(first)
    book.add(second)
    book.latch(second)
    assert not book.release(second)
    assert book.release(first)
    assert not book.pair_in_use


def test_a_record_says_what_was_asked_and_what_was_filled() -> None:
    record = trade_record(trade(3))
    assert (record["trade_id"], record["state"], record["matched"]) == ("t3", "hedged", 10)
    assert (record["cost_usd"], record["edge_usd"]) == (9, Decimal("0.999998"))
    assert trade_record(trade(4, Status.UNFILLED, 0))["legs"][0]["price"] is None
    leg = record["legs"][0]
    assert (leg["asked"], leg["filled"], leg["price"], leg["limit"], leg["status"]) == (10, 10, 45, 52, "filled")
