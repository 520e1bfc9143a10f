"""Both ends at once: a controller and a trader in their boxes, every frame of one carried to the other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform, Status
from protocol.units import Quantity
from simulation.boxes import Box, ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import ARB, dollars, offer, outcome, states, trades
from tests.market.builders import NO, kalshi, pair, poly


class Wire:
    """Carries frames between the two boxes until both are quiet; connections are numbered alike at both ends."""

    def __init__(self, controller: ControllerBox, *traders: TraderBox) -> None:
        self.controller = controller
        self.traders = list(traders)
        self.ends: dict[int, TraderBox] = {}
        self.carried: dict[tuple[int, int], int] = {}

    def connect(self, conn_id: int, trader: TraderBox) -> None:
        self.ends[conn_id] = trader
        trader.connect(conn_id)
        self.controller.connect(conn_id)
        self.carry()

    def cut(self, conn_id: int) -> None:
        """The link dies; what was written and not carried is lost."""
        trader = self.ends.pop(conn_id)
        self.controller.disconnect(conn_id)
        trader.disconnect(conn_id)

    def carry(self) -> None:
        """Until nobody has anything to say."""
        while any(self.one_way(conn_id) for conn_id in list(self.ends)):
            pass

    def one_way(self, conn_id: int) -> bool:
        trader = self.ends[conn_id]
        down = self.move(0, conn_id, self.controller, trader)
        return self.move(1, conn_id, trader, self.controller) or down

    def move(self, way: int, conn_id: int, source: Box, target: Box) -> bool:
        frames = source.link.written.get(conn_id, [])
        start = self.carried.get((way, conn_id), 0)
        self.carried[way, conn_id] = len(frames)
        for text in list(frames[start:]):
            target.receive(conn_id, text)
        return len(frames) > start


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A dry controller without local platforms, and a dry trader for both."""
    with ControllerBox([pair(0), pair(1)]) as controller, TraderBox() as trader:
        made = Wire(controller, trader)
        made.connect(1, trader)
        yield made


def no_frame_was_refused(wire: Wire) -> bool:
    boxes: list[Box] = [wire.controller, *wire.traders]
    return not any(box.notes("does not parse") or box.notes("unknown type") for box in boxes)


def test_an_arb_becomes_two_fills_at_the_prices_of_the_books_that_were_seen(wire: Wire) -> None:
    wire.controller.feed(*ARB)
    wire.carry()
    (trade,) = trades(wire.controller).values()
    assert (trade["state"], trade["matched"], trade["edge_usd"]) == ("hedged", 10, 1)
    assert [(leg["status"], leg["price"], leg["paper"]) for leg in trade["legs"]] == [("filled", 45, True)] * 2
    assert [len(venue.fills) for venue in wire.traders[0].venues.values()] == [1, 1]
    assert no_frame_was_refused(wire)


def test_both_ends_agree_on_what_they_are(wire: Wire) -> None:
    (line,) = wire.controller.status()["connections"]
    link = wire.traders[0].status()["link"]
    assert (line["trader_id"], line["level"], line["state"], line["dry_run"]) == ("trader-box", 2, "ready", True)
    assert (link["controller_id"], link["level"], link["state"]) == ("box", 2, "ready")
    assert line["report"]["dry_run_by"] == link["dry_run_by"] == "dry run, wanted by both ends"


def test_an_idle_link_is_kept_by_both_ends_for_ever(wire: Wire) -> None:
    for _ in range(600):
        wire.controller.pass_time(1)
        wire.traders[0].pass_time(1)
        wire.carry()
    assert wire.controller.link.ended == wire.traders[0].link.ended == []
    assert wire.controller.traders.is_connected(KALSHI)


def test_the_depth_is_walked_and_its_fees_paid_as_the_controller_saw_them() -> None:
    fees = {"kalshi_rate_ppm": 70_000, "polymarket_rate_ppm": 50_000}
    with ControllerBox([pair(0, **fees)]) as controller, TraderBox() as trader:
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        controller.feed(kalshi([], [(40, 5), (41, 5), (42, 30)]), poly(NO, [], [(44, 7), (45, 50)]))
        wire.carry()
        (trade,) = trades(controller).values()
        assert trade["state"] == "hedged"
        assert dollars(trade["edge_usd"]) == dollars(trade["edge_seen_usd"])
        paid = sum(fill.fee for venue in trader.venues.values() for fill in venue.fills)
        assert dollars(trade["fees_usd"]) * 1_000_000 == paid > 0


def test_one_platform_local_and_the_other_remote_make_one_trade() -> None:
    with ControllerBox([pair()], local=(KALSHI,)) as controller, TraderBox((POLYMARKET,)) as trader:
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        controller.feed(*ARB)
        wire.carry()
        assert states(controller) == ["hedged"]
        assert (len(controller.venues[KALSHI].fills), len(trader.venues[POLYMARKET].fills)) == (1, 1)


def test_a_link_that_dies_with_a_result_in_hand_leaves_unknown_and_the_reconnect_proves_it() -> None:
    live = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    with ControllerBox([pair()], dry_run=False) as controller, TraderBox(dry_run=False, live=live) as trader:
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        controller.feed(*ARB)
        wire.carry()
        wire.cut(1)
        for platform, leg_id in ((KALSHI, "t1-1"), (POLYMARKET, "t1-2")):
            live[platform].answer(outcome(leg_id, Status.FILLED, 10))
        assert states(controller) == ["unknown"]
        wire.connect(2, trader)
        assert states(controller) == ["hedged"]
        assert [len(venue.placed) for venue in live.values()] == [1, 1]


def test_an_order_that_was_lost_with_the_link_is_never_taken_for_unfilled() -> None:
    live = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    with ControllerBox([pair()], dry_run=False) as controller, TraderBox(dry_run=False, live=live) as trader:
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        controller.feed(*ARB)
        wire.cut(1)
        wire.connect(2, trader)
        assert states(controller) == ["unknown"]
        assert not any(venue.placed for venue in live.values())
        offer(controller)
        assert states(controller) == ["unknown"]


@pytest.mark.parametrize("dry_end", ["controller", "trader"])
def test_when_either_end_is_dry_no_live_venue_sees_an_order(dry_end: str) -> None:
    live = {platform: ScriptedVenue(platform) for platform in PLATFORMS}
    with (
        ControllerBox([pair()], dry_run=dry_end == "controller") as controller,
        TraderBox(dry_run=dry_end == "trader", live=live) as trader,
    ):
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        controller.feed(*ARB)
        wire.carry()
        assert states(controller) == ["hedged"]
        assert all(leg["paper"] for leg in trades(controller)["t1"]["legs"])
        assert not any(venue.placed for venue in live.values())


def test_a_live_and_a_dry_trader_are_never_two_halves_of_one_arb() -> None:
    live = ScriptedVenue(KALSHI)
    with (
        ControllerBox([pair()], dry_run=False) as controller,
        TraderBox((KALSHI,), dry_run=False, live={KALSHI: live}, trader_id="real") as real,
        TraderBox((POLYMARKET,), dry_run=True, trader_id="dry") as dry,
    ):
        wire = Wire(controller, real, dry)
        wire.connect(1, real)
        wire.connect(2, dry)
        controller.feed(*ARB)
        wire.carry()
        assert live.placed == []
        assert list(controller.status()["aborted"]) == ["kalshi would be traded for real, polymarket only on paper"]


BOOKS = st.lists(
    st.tuples(st.sampled_from(PLATFORMS), st.integers(30, 60), st.integers(1, 40), st.integers(1, 40)),
    min_size=1,
    max_size=12,
)


@given(BOOKS)
def test_whatever_the_market_does_the_controllers_sums_are_the_venues_fills(
    updates: list[tuple[Platform, int, int, int]],
) -> None:
    with ControllerBox([pair(0, kalshi_rate_ppm=70_000)]) as controller, TraderBox() as trader:
        wire = Wire(controller, trader)
        wire.connect(1, trader)
        for t, (platform, ask, first, second) in enumerate(updates, start=1):
            asks = [(ask, first), (ask + 1, second)]
            controller.feed(kalshi([], asks, t=t) if platform == KALSHI else poly(NO, [], asks, t=t))
            wire.carry()
        status = controller.status()
        fills = [fill for venue in trader.venues.values() for fill in venue.fills]
        assert dollars(status["totals"]["cost_usd"]) * 1_000_000 == sum(fill.price * fill.quantity for fill in fills)
        assert dollars(status["totals"]["fees_usd"]) * 1_000_000 == sum(fill.fee for fill in fills)
        held: dict[str, int] = {}
        for fill in fills:
            held[fill.side] = held.get(fill.side, 0) + fill.quantity
        shown = {held["side"]: Quantity(int(dollars(held["contracts"]) * 100)) for held in status["positions"]}
        assert shown == held
        assert status["trades"]["naked"] == status["trades"]["unknown"] == 0
        seen = sum((dollars(trade["edge_seen_usd"]) for trade in status["recent_trades"]), Decimal(0))
        assert dollars(status["totals"]["edge_locked_usd"]) == seen
