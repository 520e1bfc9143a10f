"""A controller or a trader as a process of the world: the real actors over simulated ports, which can die at any point.

A death is an exception that no actor catches, raised inside a port: what the actors had done until then is done, what
came after never happens. The disk stays, as far as it was synced; a start finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final, Protocol

from actors.base import ActorFailed, Address
from actors.controller import Controller, ControllerPlan, ControllerPorts, controller_setup
from actors.facts import AnyFact
from actors.messages import Note, StopAsked, TimerDue
from actors.ports import VenuePort
from actors.recovery import Rebuilt, rebuild
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from actors.risk_messages import OperatorAsked
from market.events import FeedBatch
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.terms import PLATFORMS, Platform
from protocol.units import USD, Money, Quantity
from simulation.clock import START_UNIX_US
from simulation.world.disk import SimulatedJournal, SimulatedLedger
from simulation.world.exchange_port import Street
from simulation.world.kernel import Kernel, dice
from simulation.world.network import Network, kind_of
from simulation.world.tape import Feed
from simulation.world.trace import Trace
from transport.host import ActorHost
from transport.ids import BootIds
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

SECOND_US: Final = 1_000_000
MAX_CONTRACTS: Final = Quantity(25_00)
LEG_TIMEOUT_US: Final = 5 * SECOND_US
ORDER_TTL_MS: Final = 2_000
MAX_SILENCE_US: Final = 10 * SECOND_US
UNWIND_LOSS: Final = Money(5 * USD)


class Killed(BaseException):
    """The process dies here."""


class PortBroke(Exception):
    """A port raised, after it had done what it was asked for."""


class Nonsense:
    """A message that no actor handles."""


@dataclass
class Surroundings:
    """What every process of a world shares."""

    seed: int
    kernel: Kernel
    trace: Trace
    network: Network
    streets: Mapping[Platform, Street]
    strike: Callable[[Process, str], bool]
    """A moment has come; True where the process dies of it."""
    on_fault: Callable[[str], None]
    """Something that must never happen has happened."""
    on_death: Callable[[Process], None]
    """A process has ended, one way or another, and its disk is what it is."""
    port: Callable[[Street, Process, Callable[[str], None]], VenuePort]
    """Makes a process's port to a venue."""
    armed: Mapping[tuple[str, str], object]
    """Moments at which something is to happen; while there is none, nobody need be asked."""


class Process:
    """One process: its clock, its disk, and its life. ``epoch`` counts its starts."""

    def __init__(self, around: Surroundings, name: str) -> None:
        """Not started yet."""
        self.around = around
        self.kernel = around.kernel
        self.name = name
        self.rng: Random = dice(around.seed, name)
        self.epoch = 0
        self.alive = False
        self.skew_us = 0
        self.host: ActorHost | None = None
        self.root: Address | None = None
        self.roles: Mapping[str, Address] = {}
        self.halted: str | None = None
        self.stopped: str | None = None
        self.killed_at = ""
        self.asked_to_fail = 0
        self.port_raises = False
        self.documents: list[dict[str, Any]] = []
        self.asleep: list[tuple[Address, object]] | None = None
        """What came while the process was stopped; None while it runs."""
        self.waking = False

    # -- time and chance -------------------------------------------------------------------------------------

    def unix_us(self) -> int:
        """Unix time by this machine's clock."""
        return START_UNIX_US + self.kernel.now_us + self.skew_us

    def mono_us(self) -> int:
        """Monotonic time."""
        return self.kernel.now_us

    def call_later(self, delay_us: int, token: int) -> None:
        """Implements ``TimerPort``."""
        self.kernel.after(delay_us, partial(self._due, self.epoch, token))

    def _due(self, epoch: int, token: int) -> None:
        if epoch == self.epoch:
            self.tell("clock", TimerDue(token))

    def moment(self, kind: str) -> None:
        """A port's point at which the process may die; only inside a turn."""
        if self.around.armed and self.around.strike(self, kind):
            self.killed_at = kind
            raise Killed(kind)
        if self.port_raises:
            self.port_raises = False
            raise PortBroke(kind)

    def survives(self, kind: str) -> bool:
        """The same outside a turn."""
        if self.alive and self.around.armed and self.around.strike(self, kind):
            self.killed_at = kind
            self.die()
        return self.alive

    # -- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start, or start again, on the disk as it is."""
        if self.alive:
            return
        self.epoch += 1
        self.alive = True
        self.halted = self.stopped = None
        self.say("start", f"start {self.epoch}")
        self.host = ActorHost(self, self._fatal)
        try:
            self.root = self.build(self.host)
            self.started()
        except Killed:
            self.die()

    def build(self, host: ActorHost) -> Address:
        """Create the actors; answers with the root."""
        raise NotImplementedError

    def started(self) -> None:
        """The actors are there."""

    def die(self) -> None:
        """SIGKILL: at once, and nothing is said to anybody."""
        if self.alive:
            self.say("killed", self.killed_at or "at rest")
            self.killed_at = ""
            self._end(politely=False)

    def _end(self, *, politely: bool) -> None:
        self.alive = False
        self.asleep = None
        if self.host is not None:
            self.host.shutdown()
        self.around.network.died(self, politely=politely)
        self.crashed()
        self.around.on_death(self)

    def crashed(self) -> None:
        """What the death leaves on the disk."""

    def fail(self, role: str) -> None:
        """Have an actor raise: it is sent what nobody handles."""
        if self.alive and role in self.roles:
            self.asked_to_fail = 1
            self.tell(role, Nonsense())
            self.asked_to_fail = 0

    def stop(self, reason: str) -> None:
        """Stop in order."""
        if self.alive and self.root is not None:
            self._deliver(self.root, StopAsked(reason))

    def freeze(self, for_us: int) -> None:
        """SIGSTOP: its sockets and locks stay, and what comes waits until it goes on."""
        if self.alive and self.asleep is None:
            self.say("stopped", f"for {for_us / 1e6:.3f} s")
            self.asleep = []
            self.kernel.after(for_us, partial(self.wake, self.epoch))

    def wake(self, epoch: int) -> None:
        """SIGCONT: everything that came meanwhile comes now, in its order."""
        if epoch != self.epoch or self.asleep is None:
            return
        waiting, self.asleep, self.waking = self.asleep, None, True
        self.say("goes on", f"{len(waiting)} messages have waited")
        for address, message in waiting:
            if epoch == self.epoch:
                self._deliver(address, message)
        self.waking = False

    def tell(self, role: str, message: object) -> None:
        """Deliver a message to whoever has that role."""
        if self.alive and role in self.roles:
            self._deliver(self.roles[role], message)

    def _deliver(self, address: Address, message: object) -> None:
        host = self.host
        if host is None or not self.alive:
            return
        if self.asleep is not None:
            self.asleep.append((address, message))
            return
        if host.running:
            host.tell(address, message)
            return
        try:
            host.tell(address, message)
        except Killed:
            self.die()
            return
        if self.stopped is not None and self.alive:
            self.say("ended", self.stopped)
            self._end(politely=True)

    def answer(self, address: Address, message: object) -> None:
        """Tell an actor something from a port."""
        self._deliver(address, message)

    def link_lost(self, conn_id: int) -> None:
        """The transport has learnt that a connection is gone."""

    def say(self, kind: str, text: str) -> None:
        """Write a line of the trace."""
        self.around.trace.add(self.kernel.now_us, self.name, kind, text)

    def _fatal(self, failure: ActorFailed) -> None:
        self.around.on_fault(f"{self.name}: {failure.name} failed on {failure.message_type}: {failure.detail}")

    @property
    def stuck(self) -> bool:
        """It halted, or takes no legs any more: its operator starts it again."""
        return self.halted is not None

    # -- the ports that are the process itself ---------------------------------------------------------------

    def send(self, conn_id: int, text: str) -> bool:
        """Implements ``LinkPort``."""
        kind = kind_of(text)
        if not self.around.armed and not self.port_raises:
            self.before_send(kind, text)
            return self.around.network.send(self, conn_id, text, kind)
        self.moment(f"send {kind}")
        if kind == "execute_leg" and '"action":"sell"' in text:
            self.moment("send unwind")
        self.before_send(kind, text)
        written = self.around.network.send(self, conn_id, text, kind)
        self.moment(f"sent {kind}")
        return written

    def is_open(self, conn_id: int) -> bool:
        """Whether a frame could be written to that connection now."""
        return self.around.network.is_open(self, conn_id)

    def before_send(self, kind: str, text: str) -> None:
        """For what must be true before a frame leaves."""

    def close(self, conn_id: int, code: int, reason: str) -> None:  # noqa: ARG002 -- the port's signature
        """Implements ``LinkPort``."""
        self.around.network.drop(self, conn_id, reason)

    def drop(self, conn_id: int, reason: str) -> None:
        """Implements ``LinkPort``."""
        self.around.network.drop(self, conn_id, reason)

    def observe(self, note: object) -> None:
        """Implements ``Observer``."""
        if type(note) is Note:
            if note.level != "info":
                self.say(f"{note.component.lower()} {note.level}", f"{note.leg_id or ''} {note.text}")
            if note.count == "actor_failures" and not self.asked_to_fail and PortBroke.__name__ not in note.text:
                self.around.on_fault(f"{self.name}: {note.text}")
            if note.count == "halts" and note.component == "CONTROL":
                self.halted = note.text

    def set_busy(self, *, busy: bool) -> None:
        """Implements ``GatePort``."""

    def instance(self, role: str) -> Any:  # noqa: ANN401 -- whichever actor it is
        """The actor itself, for the checker to look into."""
        if self.host is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.host.system._systemBase.actorRegistry[self.roles[role].actorAddressString].instance  # noqa: SLF001

    def venue_ports(self, platform: Platform) -> tuple[VenuePort, VenuePort | None]:
        """The paper port and the live one."""
        live = self.around.port(self.around.streets[platform], self, self.moment)
        return PaperPort(PaperVenue(platform)), live


class Life:
    """Implements ``LifePort`` and ``StatusPort`` for a process."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def who(self, roles: Mapping[str, Address]) -> None:
        """Who has which role now."""
        self.process.roles = roles

    def stopped(self, how: str, left_open: int, *, failed: bool) -> None:  # noqa: ARG002 -- the port's signature
        """Nothing more will be done."""
        self.process.stopped = how
        self.process.halted = how if failed else None

    def answer(self, _query_id: int, document: dict[str, object]) -> None:
        """The status document."""
        self.process.documents.append(document)


class Home(Protocol):
    """A controller's home that a standby shares: one process at a time runs in it."""

    def take(self, machine: ControllerMachine) -> bool:
        """Lock it; False where another holds it, and then the machine is started once it is free."""

    def release(self, machine: ControllerMachine) -> None:
        """The process has ended."""

    def next_boot(self) -> int:
        """The number of this start."""


@dataclass
class ControllerShape:
    """What a controller of this world is to do."""

    pairs: Sequence[Pair]
    local: tuple[Platform, ...] = ()
    dry_run: bool = False
    first: Platform | None = None
    risk: RiskPlan = NO_RISK_PLAN


class ControllerMachine(Process):
    """A controller process with its ledger, its boot counter and, for local platforms, its journals."""

    def __init__(self, around: Surroundings, name: str, shape: ControllerShape) -> None:
        """Not started; its disk is empty."""
        super().__init__(around, name)
        self.shape = shape
        self.ledger = SimulatedLedger(around.kernel, dice(around.seed, name, "ledger"), self.moment, self.survives)
        self.journals = {platform: SimulatedJournal(moment=self.moment) for platform in shape.local}
        self.feeds: dict[Platform, Feed] = {}
        self.ids: BootIds | None = None
        self.on_send: Callable[[str, str], None] = sent_nothing
        self.controller_id = name
        self.free_bytes: int | None = None
        """What is free where the ledger lies."""
        self.home: Home | None = None
        """What it shares with a standby; without one its disk is its own."""

    def start(self) -> None:
        """Start, if nobody else runs in its home."""
        if self.home is None or self.home.take(self):
            super().start()

    def build(self, host: ActorHost) -> Address:
        """Create the controller's tree."""
        shape = self.shape
        pairs = {pair.pair_id: pair for pair in shape.pairs}
        boot = self.epoch if self.home is None else self.home.next_boot()
        self.ids = ids = BootIds(self.controller_id, boot, self.unix_us() // 1_000)
        self.ledger.tell = lambda message: self.tell("ledger", message)

        def rebuilt() -> Rebuilt:
            return rebuild(self.ledger.facts, pairs, ids)

        def facts() -> list[AnyFact]:
            return list(self.ledger.facts)

        plan = ControllerPlan(
            controller_id=self.controller_id,
            platforms=PLATFORMS,
            local=shape.local,
            dry_run=shape.dry_run,
            ws_port=9001,
            heartbeat_us=5 * SECOND_US,
            leg_timeout_us=LEG_TIMEOUT_US,
            order_ttl_ms=ORDER_TTL_MS,
            max_silence_us=MAX_SILENCE_US,
            max_leg_notional=Money(1_000 * USD),
            make_scan=lambda: Scan(shape.pairs, Rules.from_cents(1, max_quantity=MAX_CONTRACTS)),
            about={"role": "controller"},
            pairs=pairs,
            rebuild=rebuilt,
            facts=facts,
            max_unwind_loss=UNWIND_LOSS,
            first=shape.first,
            risk=shape.risk,
        )
        life = Life(self)
        ports = ControllerPorts(
            link=self,
            timer=self,
            beacon=None,
            observers=(self,),
            status=life,
            life=life,
            gate=self,
            ids=ids,
            answer=self.answer,
            journals=self.journals,
            ledger=self.ledger,
            venues={platform: self.venue_ports(platform) for platform in shape.local},
            is_open=self.is_open,
            free_disk=lambda: self.free_bytes,
        )
        return host.create(Controller, "controller", controller_setup(plan, ports))

    def ask(self, command: str, **request: object) -> dict[str, Any]:
        """What its operator asks at the status socket; nothing where nobody answers."""
        self.documents.clear()
        if self.alive and self.asleep is None and self.root is not None:
            self._deliver(self.root, OperatorAsked(1, command, request))
        return self.documents[-1] if self.documents else {}

    def started(self) -> None:
        """Its feeds connect."""
        for platform, street in self.around.streets.items():
            rng = dice(self.around.seed, self.name, "feed", platform, self.epoch)
            feed = Feed(self.kernel, rng, street.exchange, partial(self._take, self.epoch))
            self.feeds[platform] = feed
            self.kernel.after(rng.randint(50_000, 1_000_000), partial(self._connect, feed, self.epoch))

    def _connect(self, feed: Feed, epoch: int) -> None:
        if epoch == self.epoch and self.alive:
            feed.connect()

    def _take(self, epoch: int, batch: FeedBatch) -> None:
        if epoch == self.epoch:
            self.tell("scanner", batch)

    def book_changed(self, platform: Platform, market: str) -> None:
        """A venue's book is another one now: its feed shows it."""
        if self.alive and platform in self.feeds:
            self.feeds[platform].changed(market)

    def crashed(self) -> None:
        """Feeds end with the process; disks keep what was synced."""
        self.feeds = {}
        self.ledger.crash(self.rng)
        for journal in self.journals.values():
            journal.crash(self.rng)
        if self.home is not None:
            self.home.release(self)

    def before_send(self, kind: str, text: str) -> None:
        """The checker looks at what leaves."""
        self.on_send(kind, text)


def sent_nothing(_kind: str, _text: str) -> None:
    """Nobody looks at what is sent."""
