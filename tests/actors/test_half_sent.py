"""No half of an arb leaves: what can be known of every leg's way is asked before the first of them goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform, Status
from simulation.boxes import ControllerBox
from tests.actors.kit import ARB, report, states, trades
from tests.market.builders import NO, kalshi, pair, poly


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    """A trader for each platform, on a connection of its own."""
    with ControllerBox([pair()], dry_run=False) as made:
        for conn_id, platform in enumerate(PLATFORMS, start=1):
            made.say_hello(conn_id, [platform])
        yield made


@pytest.mark.parametrize("dead", PLATFORMS)
def test_nothing_leaves_when_a_socket_is_dead_that_nobody_was_told_of(box: ControllerBox, dead: Platform) -> None:
    box.link.broken.add(PLATFORMS.index(dead) + 1)
    box.feed(*ARB)
    assert [box.frames(conn_id, "execute_leg") for conn_id in (1, 2)] == [[], []]
    (reason,) = box.status()["aborted"]
    assert f"no execution path for {dead}" in reason


def test_no_local_leg_leaves_before_the_other_ones_socket_is_known_to_be_there() -> None:
    with ControllerBox([pair()], local=(KALSHI,)) as box:
        box.say_hello(1, [POLYMARKET])
        box.link.broken.add(1)
        box.feed(*ARB)
        assert not box.venues[KALSHI].fills
        assert box.status()["trades"]["aborted"] == 1
        box.link.broken.discard(1)
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert len(box.venues[KALSHI].fills) == 1


def test_what_closes_an_excess_does_not_leave_by_halves_either(box: ControllerBox) -> None:
    box.feed(*ARB)
    legs = {frame["platform"]: frame["leg_id"] for each in (1, 2) for frame in box.frames(each, "execute_leg")}
    box.link.broken.add(PLATFORMS.index(POLYMARKET) + 1)
    report(box, legs[KALSHI], Status.FILLED, 10)
    report(box, legs[POLYMARKET], Status.UNFILLED)
    box.feed(poly(NO, [(40, 10)], [(45, 10)], t=2))
    assert states(box) == ["naked"]
    assert "no execution path for polymarket" in trades(box)["t1"]["reason"]


def test_a_socket_that_fails_only_when_it_is_written_to_is_proven_not_sent(box: ControllerBox) -> None:
    # That cannot be asked beforehand: what the other side filled is an excess, and is closed as one.
    box.link.full.add(PLATFORMS.index(POLYMARKET) + 1)
    box.feed(*ARB)
    status = {leg["platform"]: leg["status"] for leg in trades(box)["t1"]["legs"]}
    assert status == {KALSHI: "waiting", POLYMARKET: "rejected"}
