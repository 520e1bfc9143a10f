"""A mad controller on the wire, and a trader whose own limits hold whatever it is sent, over restarts too."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import pytest

from actors.messages import DoLeg
from actors.risk.trader_limits import HOUR_US, TraderLimits
from actors.trader_messages import HaltTrader
from protocol.terms import KALSHI, PLATFORMS, Action, Side, Status
from protocol.units import CENT, USD, Money, Price, Quantity, notional
from simulation.boxes import SECOND_US, TraderBox
from simulation.doubles import ScriptedVenue, filled
from simulation.memory import MemoryJournal
from tests.actors.kit import LEVEL_2, a_leg, burst, only_result, order, outcome, results
from tests.market.builders import TICKER

LIMITS = TraderLimits(
    platforms=frozenset({KALSHI}),
    markets=frozenset({TICKER}),
    max_leg_notional=Money(5 * USD),
    max_hour_notional=Money(10 * USD),
    orders_per_second={KALSHI: 5},
    least_price=Price(5 * CENT),
    most_price=Price(95 * CENT),
)


def a_box(venue: ScriptedVenue, journal: MemoryJournal | None = None, *, at_us: int = 0) -> TraderBox:
    """A live trader with these limits, after the hello of a controller that means harm."""
    most = Money(5 * USD)
    box = TraderBox(
        dry_run=False, live={KALSHI: venue}, journal=journal, start_us=at_us, limits=LIMITS, max_leg_notional=most
    )
    box.say_init(1, dry_run=False, **LEVEL_2)
    return box


def at_stake(venue: ScriptedVenue) -> Money:
    """What the orders that reached the venue can lose."""
    worst = (
        notional(leg.limit if leg.action is Action.BUY else Price(100 * CENT - leg.limit), leg.quantity)
        for leg in venue.placed
    )
    return Money(sum(worst))


# -- one at a time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"platform": "polymarket", "poly_token": "1"}, "platform: polymarket is not executed by this trader"),
        ({"kalshi_market_ticker": "KXOTHER"}, "market: KXOTHER is not on this trader's list of markets"),
        ({"price": 4, "contracts": 1}, "price: 4c is outside this trader's band of 5c-95c"),
        ({"price": 96, "contracts": 1}, "price: 96c is outside this trader's band of 5c-95c"),
        ({"price": 50, "contracts": 10.01}, "max_leg_notional of $5.00"),
        ({"price": 40, "contracts": 10, "action": "sell"}, "max_leg_notional of $5.00"),
    ],
)
def test_an_order_beyond_a_limit_is_refused_by_its_field(
    venue: ScriptedVenue, fields: dict[str, Any], why: str
) -> None:
    with a_box(venue) as box:
        box.receive(1, order(**{"price": 50, "contracts": 1} | fields))
        told = only_result(box)
        assert (told["status"], why in told["error"]) == ("rejected", True), told
        assert sum(box.status()["traders"][0]["refused"].values()) == 1
    assert venue.placed == []


def test_exactly_at_every_limit_is_executed(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        for leg_id in ("l1", "l2"):
            box.receive(1, order(leg_id, price=50, contracts=10))
        box.receive(1, order("l3", price=50, contracts=0.01))
        assert [leg.leg_id for leg in venue.placed] == ["l1", "l2"]
        assert "within an hour is above $10.00" in only_result(box)["error"]


def test_orders_in_one_turn_do_not_share_the_room_for_one(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        legs = [a_leg(f"l{number}", limit=Price(50 * CENT), quantity=Quantity(1_000)) for number in range(4)]
        answers = burst(box, *map(DoLeg, legs))
        assert [leg.leg_id for leg in venue.placed] == ["l0", "l1"]
        assert [told.outcome.status for told in answers] == [Status.REJECTED] * 2


def test_orders_a_second_are_counted_by_the_traders_clock(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        for number in range(7):
            box.receive(1, order(f"l{number}", price=10, contracts=1))
        assert len(venue.placed) == 5
        assert "one order more than 5 in one second" in results(box)[0]["error"]
        box.pass_time(1)
        box.receive(1, order("later", price=10, contracts=1))
        assert venue.placed[-1].leg_id == "later"


def test_what_is_refused_counts_for_nothing(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        for number in range(50):
            box.receive(1, order(f"bad{number}", price=99, contracts=1))
        box.receive(1, order("good", price=50, contracts=10))
        assert [leg.leg_id for leg in venue.placed] == ["good"]


def test_an_order_that_certainly_left_nothing_gives_its_room_back(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        for number in range(2):
            box.receive(1, order(f"l{number}", price=50, contracts=10))
        venue.answer(outcome("l0", Status.REJECTED))
        box.pass_time(1)
        box.receive(1, order("l2", price=50, contracts=10))
        assert [leg.leg_id for leg in venue.placed] == ["l0", "l1", "l2"]


def test_an_id_that_is_sent_again_takes_no_room(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with a_box(venue, journal) as box:
        box.receive(1, order("l1", price=50, contracts=10))
    with a_box(venue, journal) as box:
        for _ in range(4):
            box.receive(1, order("l1", price=50, contracts=10))
        assert box.status()["traders"][0]["hour_notional_usd"] == 5
        box.pass_time(1)
        box.receive(1, order("l2", price=50, contracts=10))
        assert [leg.leg_id for leg in venue.placed] == ["l1", "l2"]


def test_an_old_id_that_is_sent_again_takes_no_room(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with a_box(venue, journal) as box:
        box.receive(1, order("l1", price=50, contracts=10))
    with a_box(venue, journal, at_us=2 * HOUR_US) as box:
        for _ in range(4):
            box.receive(1, order("l1", price=50, contracts=10))
        assert box.status()["traders"][0]["hour_notional_usd"] == 0
    assert len(venue.placed) == 1


def test_many_refusals_for_one_reason_are_one_line_and_a_count(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        for number in range(20):
            box.receive(1, order(f"bad{number}", price=99, contracts=1))
        levels = [note.level for note in box.notes("outside this trader's band")]
        assert levels == ["warning"] + ["debug"] * 19
        assert box.status()["traders"][0]["refused"] == {"price band": 20}


def test_paper_takes_no_room_from_real_orders(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with TraderBox(limits=LIMITS, journal=journal) as box:
        box.say_init(1, **LEVEL_2)
        for number in range(2):
            box.receive(1, order(f"paper{number}", price=50, contracts=10))
        assert box.status()["traders"][0]["hour_notional_usd"] == 10
    with a_box(venue, journal) as box:
        for number in range(3):
            box.receive(1, order(f"real{number}", price=50, contracts=10))
        assert [leg.leg_id for leg in venue.placed] == ["real0", "real1"]


# -- over restarts -------------------------------------------------------------------------------------------------


def test_the_hour_comes_back_from_the_journal(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with a_box(venue, journal) as box:
        box.receive(1, order("l1", price=50, contracts=10))
        box.receive(1, order("l2", price=50, contracts=10))
    with a_box(venue, journal, at_us=HOUR_US - 2 * SECOND_US) as box:
        box.receive(1, order("l3", price=50, contracts=1))
        assert "within an hour" in results(box)[-1]["error"]
    with a_box(venue, journal, at_us=HOUR_US) as box:
        box.receive(1, order("l4", price=50, contracts=1))
        assert venue.placed[-1].leg_id == "l4"


def test_an_order_without_a_fate_counts_in_full_after_a_restart(venue: ScriptedVenue) -> None:
    journal = MemoryJournal()
    with a_box(venue, journal) as box:
        for number in range(2):
            box.receive(1, order(f"l{number}", price=50, contracts=10))
    venue.script = filled
    with a_box(venue, journal) as box:
        box.receive(1, order("l2", price=50, contracts=1))
        assert "within an hour" in results(box)[-1]["error"]


def test_a_journal_that_cannot_be_read_lets_nothing_through(venue: ScriptedVenue) -> None:
    journal = MemoryJournal(unread="the disk is gone")
    with a_box(venue, journal) as box:
        box.receive(1, order("l1", price=50, contracts=1))
        assert results(box)[-1]["status"] in {"rejected", "unknown"}
    assert venue.placed == []


# -- a controller gone mad -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_mad_controller_cannot_get_past_the_limits(venue: ScriptedVenue, seed: int) -> None:
    rng, journal, ids = Random(seed), MemoryJournal(), count()
    venue.script = filled
    moments: list[tuple[int, int]] = []
    at_us = 0
    for _life in range(4):
        with a_box(venue, journal, at_us=at_us) as box:
            for _ in range(150):
                known = len(venue.placed)
                box.receive(1, mad_frame(rng, ids))
                if rng.random() < 0.1:
                    box.disconnect(1)
                    box.say_init(1, dry_run=False, **LEVEL_2)
                moments += [(box.clock.unix_us(), number) for number in range(known, len(venue.placed))]
                box.pass_time(rng.choice([0, 0, 0, 0.1, 1, 60]))
            at_us = box.clock.now_us
    assert venue.placed, "it must have let something through"
    check_limits(venue, moments)


def mad_frame(rng: Random, ids: count[int]) -> dict[str, Any]:
    """Whatever a controller could want: too much, too often, elsewhere, again, resumed and unlimited."""
    if rng.random() < 0.1:
        hello = {"type": "init", "platforms": ["kalshi", "x"], "dry_run": False} | LEVEL_2
        return rng.choice([hello, {"type": "resume", "reason": "go on", "number": rng.randint(0, 9)}])
    leg_id = f"m{next(ids) if rng.random() < 0.9 else rng.randint(0, 50)}"
    fields: dict[str, Any] = {
        "price": rng.choice([1, 4.99, 5, 50, 95, 95.01, 99]),
        "contracts": rng.choice([0.01, 1, 5, 10, 100, 100_000]),
        "action": rng.choice(["buy", "buy", "sell"]),
        "side": rng.choice(["yes", "no"]),
        "kalshi_market_ticker": rng.choice([TICKER, TICKER, TICKER, "KXOTHER"]),
        "expires_at_ms": None,
        "max_leg_notional": 10**9,
    }
    return order(leg_id, **fields)


def check_limits(venue: ScriptedVenue, moments: list[tuple[int, int]]) -> None:
    """No order, no hour and no second is beyond a limit."""
    assert len({leg.leg_id for leg in venue.placed}) == len(venue.placed)
    assert len(moments) == len(venue.placed)
    for leg in venue.placed:
        assert leg.platform in PLATFORMS
        assert leg.market == TICKER
        assert 5 * CENT <= leg.limit <= 95 * CENT
        assert at_stake(one(leg)) <= 5 * USD
    for now, last in moments:
        hour = [venue.placed[number] for at, number in moments if now - HOUR_US < at <= now and number <= last]
        assert at_stake(one(*hour)) <= 10 * USD
        second = [number for at, number in moments if now - SECOND_US < at <= now and number <= last]
        assert len(second) <= 5


def one(*legs: Any) -> ScriptedVenue:
    """A venue that has these."""
    venue = ScriptedVenue(KALSHI)
    venue.placed.extend(legs)
    return venue


# -- reducing ------------------------------------------------------------------------------------------------------


def test_reducing_sells_what_this_trader_holds_and_no_more_over_restarts(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with a_box(venue, journal) as box:
        box.receive(1, order("bought", price=50, contracts=10))
        box.receive(1, {"type": "halt", "reason": "enough", "number": 1})
        box.receive(1, order("again", price=50, contracts=1))
        assert "only what is held may be sold (enough)" in results(box)[-1]["error"]
    with a_box(venue, journal, at_us=2 * HOUR_US) as box:
        box.receive(1, order("more", price=95, contracts=10.01, action="sell"))
        assert "10 are held here" in results(box)[-1]["error"]
        box.receive(1, order("other", price=95, contracts=1, action="sell", side="no"))
        assert "0 are held here" in results(box)[-1]["error"]
        box.receive(1, order("sold", price=95, contracts=10, action="sell"))
        box.receive(1, order("twice", price=95, contracts=1, action="sell"))
    assert [(leg.leg_id, leg.side) for leg in venue.placed] == [("bought", Side.YES), ("sold", Side.YES)]


# -- every refusal is counted --------------------------------------------------------------------------------------


def counted(box: TraderBox) -> dict[str, int]:
    return dict(box.status()["traders"][0]["refused"])


def test_whatever_is_refused_is_counted_by_what_was_against_it(venue: ScriptedVenue) -> None:
    journal, venue.script = MemoryJournal(), filled
    with TraderBox((KALSHI,), dry_run=False, live={KALSHI: venue}, journal=journal, limits=LIMITS) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, order("l1", price=50, contracts=10))
        against: dict[str, dict[str, Any]] = {
            "platform": {"platform": "polymarket", "poly_token": "1"},
            "market": {"kalshi_market_ticker": "KXOTHER"},
            "no market": {"kalshi_market_ticker": None},
            "price band": {"price": 4, "contracts": 1},
            "notional per leg": {"price": 50, "contracts": 10.01},
            "expired": {"price": 50, "contracts": 1, "expires_at_ms": 1},
            "makes no sense": {"price": 400},
        }
        for number, (what, fields) in enumerate(against.items()):
            box.receive(1, order(f"bad{number}", **{"price": 50, "contracts": 1} | fields))
            assert counted(box).get(what) == 1, (what, counted(box))
        box.receive(1, order("l2", price=50, contracts=10))
        box.receive(1, order("l3", price=50, contracts=10))
        assert counted(box)["notional per hour"] == 1
        box.tell("trader", HaltTrader("enough", everything=False))
        box.receive(1, order("l4", price=50, contracts=1))
        box.tell("trader", HaltTrader("a fire"))
        box.receive(1, order("l5", price=50, contracts=1, action="sell"))
        assert (counted(box)["reduce only"], counted(box)["halted"]) == (1, 1)
        told = [frame for frame in results(box) if frame["status"] in {"rejected", "expired"}]
        assert sum(counted(box).values()) == len(told) == len(against) + 3


def test_what_a_halt_or_a_broken_journal_stops_on_its_way_out_is_counted_too(venue: ScriptedVenue) -> None:
    with a_box(venue) as box:
        box.journal.broken = "the disk is full"
        box.receive(1, order("l1", price=50, contracts=1))
        assert counted(box) == {"no journal": 1}
    with a_box(venue) as box:
        burst(box, DoLeg(a_leg("l9", limit=Price(5_000), quantity=Quantity(100))), HaltTrader("a fire"))
        assert venue.placed == []
        assert counted(box) == {"halted": 1}
