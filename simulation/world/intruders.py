"""How the mad controller comes by a trader's link and loses it again, and what a trader's own operator does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.trader_messages import HaltTrader, ResumeTrader, TraderHalted
from simulation.world.checker import Checker
from simulation.world.kernel import Kernel
from simulation.world.mad import MadController
from simulation.world.nemesis import Fault
from simulation.world.network import RESET, Network
from simulation.world.process import ControllerMachine, Process
from simulation.world.trader_machine import TraderMachine

AGAIN_US: Final = 200_000


class Intruders:
    """Carries out the faults of its kind. ``later`` runs something unless there is peace by then."""

    def __init__(
        self,
        kernel: Kernel,
        network: Network,
        checker: Checker,
        honest: Callable[[], ControllerMachine],
        later: Callable[[int, Callable[[], None]], None],
    ) -> None:
        """Nobody is there yet."""
        self.kernel = kernel
        self.network = network
        self.checker = checker
        self.honest = honest
        self.later = later
        self.mad: MadController | None = None
        self.had: dict[str, int] = {}
        self.halted: dict[str, int] = {}
        self.takeovers = 0

    # -- the mad one -----------------------------------------------------------------------------------------

    def take(self, process: Process, fault: Fault) -> None:
        """Its link is the mad one's for a while: by a connection beside the old one, or after a reset."""
        if self.mad is None or not isinstance(process, TraderMachine):
            return
        self.takeovers += 1
        turn = self.had[process.name] = self.had.get(process.name, 0) + 1
        self.mad.expect(process, fault.how)
        process.controller = self.mad
        old = [each for each in self.network.of(process) if each.cut is None]
        if fault.for_us % 2:
            for connection in old:
                self.network.cut_off(connection, RESET)
        elif process.alive and process.asleep is None:
            conn_id = self.network.connect(process, self.mad)
            process.conn_id = process.conn_id if conn_id is None else conn_id
        self.later(fault.for_us, lambda: self.give_back(process, turn))

    def give_back(self, process: TraderMachine, turn: int) -> None:
        """The trader finds the honest controller again."""
        if self.had.get(process.name) == turn and self.mad is not None:
            process.controller = self.honest()
            self.mad.leave(process)

    # -- the operator of a trader's machine ------------------------------------------------------------------

    def halt(self, process: Process, fault: Fault) -> None:
        """Halt that trader here: whatever a controller says, it takes nothing until it is resumed here."""
        if isinstance(process, TraderMachine):
            turn = self.halted[process.name] = self.halted.get(process.name, 0) + 1
            self._say_halt(process, turn)
            self.later(fault.for_us, lambda: self.resume(process, turn))

    def _say_halt(self, process: TraderMachine, turn: int) -> None:
        if self.halted.get(process.name) != turn:
            return
        said = process.ask_trader(HaltTrader("the machine's own operator"))
        if isinstance(said, TraderHalted) and said.failed is None:
            self.checker.own_halt(process.name, self.kernel.now_us)
        else:
            self.kernel.after(AGAIN_US, lambda: self._say_halt(process, turn))

    def resume(self, process: TraderMachine, turn: int) -> None:
        """It may trade again; asked again until the trader has heard it."""
        if self.halted.get(process.name) == turn:
            self.halted[process.name] = turn + 1
            self._say_resume(process, turn + 1)

    def _say_resume(self, process: TraderMachine, turn: int) -> None:
        if self.halted.get(process.name) != turn:
            return
        self.checker.own_halt(process.name, None)
        if process.ask_trader(ResumeTrader("the machine's own operator")) is None:
            self.kernel.after(AGAIN_US, lambda: self._say_resume(process, turn))

    def peace(self, traders: list[TraderMachine]) -> None:
        """Everybody has his own trader again."""
        for trader in traders:
            if trader.name in self.had:
                self.give_back(trader, self.had[trader.name])
            if trader.name in self.halted:
                self.resume(trader, self.halted[trader.name])
