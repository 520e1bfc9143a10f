"""The operator: halts and resumes, and acknowledges what breakers have tripped; sees what the status socket answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actors.risk.limits import NO_LIMITS
from simulation.world.checker import Checker
from simulation.world.kernel import Kernel
from simulation.world.process import SECOND_US, ControllerMachine

POLL_US: Final = 200_000
ROUND_US: Final = 15 * SECOND_US


class Operator:
    """Looks in every quarter of a minute and acknowledges what stands, unless he halted it himself."""

    def __init__(self, kernel: Kernel, controller: ControllerMachine, checker: Checker) -> None:
        """At the keyboard."""
        self.kernel = kernel
        self.controller = controller
        self.checker = checker
        self.wants: str | None = None
        self.halts = 0
        self.trips = 0

    def begin(self) -> None:
        """Make the rounds."""
        self.kernel.after(ROUND_US, self._round)

    def _round(self) -> None:
        if self.wants is None:
            self.acknowledge()
            if self.checker.limits != NO_LIMITS:
                self.pay_out()
        self.kernel.after(ROUND_US, self._round)

    def acknowledge(self) -> None:
        """Whatever has tripped was seen: trade again."""
        if not self.controller.alive or self.controller.halted is not None:
            return
        risk = self.controller.instance("executor").risk
        if risk.state.value == "active" and not risk.breakers.standing:
            return
        self.trips += 1
        self.checker.resumed()
        self.controller.ask("resume", reason="seen", ack=[trip.reason_id for trip in risk.breakers.standing.values()])

    def pay_out(self) -> None:
        """Markets settle: what they had at stake is free again, where no trade is open."""
        for pair in self.controller.shape.pairs:
            said = self.controller.ask("paid_out", pair=pair.pair_id)
            self.checker.paid_out.update(said.get("trades", ()))

    def halt(self) -> None:
        """Nothing leaves any more, and the answer says when that is certain."""
        self.wants = "halt"
        self.halts += 1
        self._poll("halt")

    def _poll(self, command: str) -> None:
        """Ask again until it has drained, or the wish has changed; a controller that died is asked after its start."""
        if self.wants != "halt":
            return
        said: Mapping[str, Any] = self.controller.ask(command, reason="the operator's test")
        done = said.get("drained") and not said.get("waiting_for") and said.get("kept")
        if said.get("state") == "halted" and done:
            self.checker.halted(set(said.get("out_of_reach", {})))
        self.kernel.after(POLL_US, lambda: self._poll("risk" if said else "halt"))

    def reduce(self) -> None:
        """Closing only: what a halt kept back may leave from the moment he asks, unless he is refused."""
        self.wants = "reduce"
        before = self.checker.resumed()
        said = self.controller.ask("reduce", reason="the operator's test")
        if said.get("state", "halted") == "halted":
            self.checker.halted_us = before

    def resume(self) -> None:
        """Trade again."""
        self.wants = None
        self.acknowledge()
