"""A trader that takes no leg any more is no path: no arb is sent by halves into it; it is still there to be asked."""

from __future__ import annotations

from collections.abc import Iterable

from actors.journal import JournalRead
from protocol.terms import KALSHI, POLYMARKET, Platform
from simulation.boxes import ControllerBox, TraderBox
from simulation.pipe import Pipe
from tests.actors.kit import ARB, offer
from tests.market.builders import pair

BROKEN = "database or disk is full"


def joined(*boxes: TraderBox) -> Pipe:
    world = Pipe(ControllerBox([pair()], dry_run=True))
    for box in boxes:
        world.join(box)
    return world


def offered(world: Pipe, pairs: Iterable[int]) -> None:
    for number in pairs:
        offer(world.controller, pair_id=f"pair_{number}")
        world.pump()


def bought(world: Pipe, platform: Platform) -> int:
    frames = [f for wire in world.wires for f in world.controller.frames(wire.conn_id, "execute_leg")]
    return sum(1 for frame in frames if frame["platform"] == platform and frame["action"] == "buy")


def break_journal(box: TraderBox) -> None:
    """As the process that finds its file damaged or its disk full at the start."""
    box.journal.broken = BROKEN
    box.tell("trader", JournalRead((), (), BROKEN))


def test_after_the_first_refusal_nothing_more_is_sent_into_a_trader_without_a_journal() -> None:
    polymarket = TraderBox((POLYMARKET,), trader_id="p")
    world = joined(TraderBox((KALSHI,), trader_id="k"), polymarket)
    polymarket.journal.broken = BROKEN
    offered(world, range(6))
    assert (bought(world, KALSHI), bought(world, POLYMARKET)) == (1, 1)
    assert any("no execution path for polymarket" in reason for reason in world.controller.status()["aborted"])


def test_a_trader_that_comes_without_a_journal_never_becomes_a_path() -> None:
    polymarket = TraderBox((POLYMARKET,), trader_id="p")
    break_journal(polymarket)
    world = joined(TraderBox((KALSHI,), trader_id="k"), polymarket)
    offered(world, range(3))
    assert (bought(world, KALSHI), bought(world, POLYMARKET)) == (0, 0)


def test_a_local_trader_without_a_journal_is_no_path_either() -> None:
    with ControllerBox([pair()], local=(KALSHI, POLYMARKET), dry_run=True) as box:
        box.journals[POLYMARKET].broken = BROKEN
        for number in range(6):
            offer(box, pair_id=f"pair_{number}")
        assert len(box.journals[KALSHI].entries) == 1
        assert any("no execution path for polymarket" in reason for reason in box.status()["aborted"])


def test_a_standby_takes_over_from_a_trader_without_a_journal() -> None:
    first, second = TraderBox(trader_id="first"), TraderBox(trader_id="second")
    world = joined(first, second)
    break_journal(first)
    world.pump()
    world.controller.feed(*ARB)
    world.pump()
    assert [len(world.controller.frames(wire.conn_id, "execute_leg")) for wire in world.wires] == [0, 2]


def test_a_level_1_controller_is_refused_at_its_hello() -> None:
    with TraderBox((KALSHI,)) as box:
        break_journal(box)
        box.say_init(1, [KALSHI])
        (ack,) = box.frames(1, "init_ack")
        assert ack["success"] is False
        assert BROKEN in ack["error"]
