"""A trader as a process of the world, and whatever else looks for a controller by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from actors.base import Address
from actors.risk.trader_limits import TraderLimits
from actors.trader_node import TraderNode, TraderPlan, TraderPorts, trader_setup
from protocol.terms import Platform
from protocol.units import USD, Money
from simulation.world.disk import SimulatedJournal
from simulation.world.process import SECOND_US, Killed, Life, Process, Surroundings, sent_nothing
from transport.host import ActorHost
from transport.link.backoff import backoff

VENUE_TIMEOUT_US: Final = 4 * SECOND_US


class Caller(Process):
    """A process that finds the controller by itself and comes back to it for ever, as the real link does."""

    def __init__(self, around: Surroundings, name: str) -> None:
        """Not started. ``controller`` says whom it connects to."""
        super().__init__(around, name)
        self.controller: Process | None = None
        self.attempts = 0
        self.conn_id: int | None = None

    def started(self) -> None:
        """Look for the controller."""
        self.attempts, self.conn_id = 0, None
        self._retry(0.1)

    def _retry(self, delay_s: float) -> None:
        self.kernel.after(int(delay_s * SECOND_US) + 1_000, partial(self._attempt, self.epoch))

    def _attempt(self, epoch: int) -> None:
        if epoch != self.epoch or not self.alive or self.conn_id is not None or self.controller is None:
            return
        # One that is stopped accepts nobody.
        there = self.controller.asleep is None
        conn_id = self.around.network.connect(self, self.controller) if there else None
        if epoch != self.epoch:
            return
        if conn_id is None:
            self.attempts += 1
            self._retry(backoff(self.attempts, self.rng))
        else:
            self.conn_id = conn_id

    def link_lost(self, conn_id: int) -> None:
        """Connect again."""
        if conn_id == self.conn_id:
            self.conn_id = None
            self._retry(backoff(0, self.rng))


class TraderMachine(Caller):
    """A trader process with its journal."""

    def __init__(
        self,
        around: Surroundings,
        name: str,
        platforms: tuple[Platform, ...],
        *,
        dry_run: bool = False,
        limits: TraderLimits | None = None,
    ) -> None:
        """Not started; its disk is empty."""
        super().__init__(around, name)
        self.platforms = platforms
        self.limits = limits
        self.dry_run = dry_run
        self.journal = SimulatedJournal(moment=self.moment)
        self.on_send: Callable[[str, str], None] = sent_nothing

    def build(self, host: ActorHost) -> Address:
        """Create the trader's tree."""
        plan = TraderPlan(
            trader_id=self.name,
            dry_run=self.dry_run,
            max_leg_notional=self.most_of_a_leg,
            venue_timeout_us=VENUE_TIMEOUT_US,
            any_beacon_source=False,
            max_clock_offset_us=SECOND_US,
            about={"role": "trader"},
            limits=self.limits,
        )
        life = Life(self)
        ports = TraderPorts(
            link=self,
            timer=self,
            discovery=None,
            observers=(self,),
            status=life,
            life=life,
            answer=self.answer,
            journal=self.journal,
            venues={platform: self.venue_ports(platform) for platform in self.platforms},
        )
        return host.create(TraderNode, "node", trader_setup(plan, ports))

    @property
    def most_of_a_leg(self) -> Money:
        """What it says of itself in the hello."""
        most = None if self.limits is None else self.limits.max_leg_notional
        return Money(1_000 * USD) if most is None else most

    def ask_trader(self, message: object) -> object:
        """What its own operator asks on this machine; None where nobody answers."""
        if not self.alive or self.asleep is not None or self.host is None or "trader" not in self.roles:
            return None
        try:
            return self.host.ask(self.roles["trader"], message)
        except Killed:
            self.die()
            return None

    @property
    def stuck(self) -> bool:
        """Its journal broke: it takes no legs any more."""
        return self.halted is not None or self.instance("trader").broken is not None

    def crashed(self) -> None:
        """The disk keeps what was synced."""
        self.journal.crash(self.rng)

    def before_send(self, kind: str, text: str) -> None:
        """The checker looks at what leaves."""
        self.on_send(kind, text)
