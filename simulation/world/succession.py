"""A home that two machines can run in, one at a time: the controller's ledger, journals, id, count of starts and lock.

The lock is the kernel's: a process that died has given it back, one that is stopped keeps it. Where the home's disk is
moved to the other machine, the first one loses the lock with the disk, and may still run: what it writes fails.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from simulation.world.disk import SimulatedJournal, SimulatedLedger
from simulation.world.kernel import Kernel, dice
from simulation.world.process import ControllerMachine, Surroundings

TRY_US: Final = 1_000_000
"""How often a standby tries to take the lock."""

Heard = Callable[[ControllerMachine], None]


class SharedHome:
    """Implements ``Home`` for two machines or more."""

    def __init__(self, kernel: Kernel, rng: Random, machines: list[ControllerMachine], taken: Heard) -> None:
        """Nobody runs in it. ``taken`` hears who has the lock now."""
        self.kernel = kernel
        self.rng = rng
        self.machines = machines
        self.taken = taken
        self.holder: ControllerMachine | None = None
        self.boots = 0
        self.takeovers = 0
        self.last = machines[0]
        self.waiting: set[str] = set()
        for machine in machines:
            machine.home = self

    def take(self, machine: ControllerMachine) -> bool:
        """Lock it, with its disk."""
        if self.holder not in {None, machine}:
            self.waiting.add(machine.name)
            return False
        if machine.alive:
            return True
        self.holder = machine
        self.waiting.discard(machine.name)
        machine.ledger.full = False
        for journal in machine.journals.values():
            journal.full = False
        if self.last is not machine:
            self.takeovers += 1
            machine.say("takes over", f"from {self.last.name}")
        self.last = machine
        self.taken(machine)
        return True

    def release(self, machine: ControllerMachine) -> None:
        """It has ended: whoever waits tries again within a second."""
        if self.holder is machine:
            self.holder = None
            self._offer()

    def next_boot(self) -> int:
        """Count this start."""
        self.boots += 1
        return self.boots

    @property
    def stale(self) -> list[ControllerMachine]:
        """Those that run without the lock."""
        return [machine for machine in self.machines if machine.alive and machine is not self.holder]

    def move(self, machine: ControllerMachine) -> bool:
        """Take the disk away from the machine that has it, and give it to the other."""
        if self.holder is not machine or not machine.alive or not self.waiting:
            return False
        machine.say("disk gone", "the home is another machine's now")
        machine.ledger.full = True
        for journal in machine.journals.values():
            journal.full = True
        self.holder = None
        self._offer()
        return True

    def _offer(self) -> None:
        for machine in self.machines:
            if machine.name in self.waiting:
                self.kernel.after(1 + self.rng.randrange(TRY_US), partial(self._try, machine))

    def _try(self, machine: ControllerMachine) -> None:
        if machine.name in self.waiting and not machine.alive:
            machine.start()


def second_machine(around: Surroundings, first: ControllerMachine, taken: Heard) -> SharedHome:
    """Put a standby beside the first machine: another machine, the same disk."""
    standby = ControllerMachine(around, f"{first.name}-standby", first.shape)
    standby.controller_id = first.controller_id
    old = first.ledger
    standby.ledger = SimulatedLedger(
        around.kernel,
        dice(around.seed, standby.name, "ledger"),
        standby.moment,
        standby.survives,
        facts=old.facts,
        most_us=old.most_us,
        conflicts=old.conflicts,
        durable=old.durable,
        _keys=old._keys,  # noqa: SLF001 -- one disk
    )
    standby.journals = {
        platform: SimulatedJournal(entries=journal.entries, halted=journal.halted, moment=standby.moment)
        for platform, journal in first.journals.items()
    }
    return SharedHome(around.kernel, dice(around.seed, "home"), [first, standby], taken)
