"""The drawing in ``docs/simulation.md``: ``python -m simulation.world.page`` runs its world and writes it in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from actors.facts import LegSent, Purpose
from protocol.terms import KALSHI, POLYMARKET
from simulation.world.habits import CALM, Habit, Habits
from simulation.world.nemesis import Fault, Kind
from simulation.world.network import RESET
from simulation.world.scenario import Scenario, Shape
from simulation.world.timeline import drawing
from simulation.world.trace import Trace
from simulation.world.world import World

PAGE: Final = Path(__file__).parents[2] / "docs" / "simulation.md"
BEGIN: Final = "<!-- drawing: made by python -m simulation.world.page -->"
END: Final = "<!-- end of drawing -->"

SCENARIO: Final = Scenario(
    seed=11,
    minutes=0.6,
    shape=Shape.TWO_TRADERS,
    pairs=1,
    habits={KALSHI: CALM, POLYMARKET: Habits(rates={Habit.THIN: 1.0})},
    # Process 1 is the Kalshi trader: its first result is lost on the way.
    faults=(Fault(kind=Kind.CUT, who=1, moment="send leg_result", nth=1, how=RESET),),
)
"""A result is lost with its connection, and the other venue fills half: the excess is closed once both are known."""


def unwind_after_a_lost_result() -> str:
    """The story of the first trade of that world, as a Mermaid sequence diagram."""
    trace = Trace()
    world = World(SCENARIO, trace=trace)
    result = world.run()
    if result.violation is not None:
        raise RuntimeError(f"the drawn world breaks an invariant: {result.violation}")
    closing = [f for f in world.controller.ledger.facts if isinstance(f, LegSent) and f.purpose is not Purpose.OPEN]
    trade_id = closing[0].trade_id
    legs = [f.leg_id for f in world.controller.ledger.facts if isinstance(f, LegSent) and f.trade_id == trade_id]
    return drawing(trace.lines, legs)


def written(page: str) -> str:
    """The page with the drawing as it is now."""
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n```mermaid\n{unwind_after_a_lost_result()}\n```\n\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
