"""The world: processes, venues, network and nemesis under one clock, from the first start to the last check.

result = run(Scenario.draw(7))
assert result.violation is None, result
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from actors.ports import VenuePort
from actors.risk.plan import RiskPlan
from actors.risk.trader_limits import TraderLimits
from protocol.leg import Leg
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from protocol.units import USD
from simulation.world.checker import Checker, Found
from simulation.world.disk import SimulatedJournal, SimulatedLedger
from simulation.world.exchange import exchange_of
from simulation.world.exchange_port import ExchangePort, Street
from simulation.world.feed_trouble import trouble
from simulation.world.foreign import Foreign
from simulation.world.garbage import seldom_collected
from simulation.world.intruders import Intruders
from simulation.world.kernel import Kernel, dice
from simulation.world.mad import MadController
from simulation.world.nemesis import Fault, Kind
from simulation.world.network import Network, Station
from simulation.world.operator import Operator
from simulation.world.peer import Peer
from simulation.world.process import (
    SECOND_US,
    ControllerMachine,
    ControllerShape,
    Process,
    Surroundings,
)
from simulation.world.result import Result, Violation
from simulation.world.scenario import Scenario
from simulation.world.succession import second_machine
from simulation.world.tape import Tape
from simulation.world.trace import Trace
from simulation.world.trader_machine import TraderMachine

__all__ = ["Result", "Violation", "World", "run"]

REST_US: Final = 70 * SECOND_US
"""Longer than the longest wait between two questions about a leg, twice."""

MOST_REST_US: Final = 600 * SECOND_US
CASH_EVERY_US: Final = 5 * SECOND_US
DEPOSIT: Final = 10_000 * USD
PROBE_US: Final = 20 * SECOND_US

SKEWS_US: Final = (-3_000_000, -700_000, -200_000, 200_000, 700_000, 3_000_000)


PortMaker = Callable[[Street, Process, Callable[[str], None]], VenuePort]
"""Makes a process's port to a venue, at each of its starts: the street to the venue, the process, its crash points."""

PeerMaker = Callable[[Surroundings], Peer]


class World:
    """One world. :meth:`run` runs it to its end; afterwards everything in it can be looked at."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        trace: Trace | None = None,
        port: PortMaker = ExchangePort,
        peers: Sequence[PeerMaker] = (),
    ) -> None:
        """Everything is there, and nothing has begun.

        ``port`` makes the venue ports of every process; ``peers`` make traders of another kind, beside those that the
        scenario's shape has.
        """
        self.scenario = scenario
        self.kernel = Kernel()
        self.trace = trace or Trace(on=False)
        self.pairs = scenario.make_pairs()
        self._pair_of = {str(pair.pair_id): pair for pair in self.pairs}
        self.moments: Counter[tuple[str, str]] = Counter()
        self.armed: dict[tuple[str, str], dict[int, Fault]] = {}
        self.struck: Counter[str] = Counter()
        self.at_peace = False
        self.gone: set[str] = set()
        self.crashes = 0
        seed = scenario.seed
        self.exchanges = {
            platform: exchange_of(platform, self.pairs, partial(self._book_changed, platform)) for platform in PLATFORMS
        }
        self.streets = {
            platform: Street(seed, self.exchanges[platform], self.kernel, self.trace, scenario.habits[platform])
            for platform in PLATFORMS
        }
        self.network = Network(
            self.kernel, self.trace, dice(seed, "network"), lambda rng: rng.randint(*scenario.delay_us)
        )
        around = Surroundings(
            seed,
            self.kernel,
            self.trace,
            self.network,
            self.streets,
            self.strike,
            self.fault,
            self.died,
            port,
            self.armed,
        )
        for platform, amount in (scenario.cash or {}).items():
            self.exchanges[platform].cash = amount
        every = None if scenario.cash is None else CASH_EVERY_US
        risk = RiskPlan(limits=scenario.limits, rules=scenario.rules, cash_every_us=every)
        self.controller = ControllerMachine(
            around,
            "ctl",
            ControllerShape(self.pairs, scenario.shape.local, scenario.dry_run, scenario.first, risk),
        )
        self.controller.ledger.most_us = scenario.ledger_us
        self.traders = [
            TraderMachine(around, f"trader{number}", platforms, dry_run=scenario.dry_run, limits=scenario.trader_limits)
            for number, platforms in enumerate(scenario.shape.traders, 1)
        ]
        self.peers = [make(around) for make in peers]
        self.home = second_machine(around, self.controller, self._holds_home) if scenario.standby else None
        self.controllers = [self.controller] if self.home is None else self.home.machines
        self.processes: list[Process] = [self.controller, *self.traders, *self.controllers[1:], *self.peers]
        self.checker = Checker(self.pairs, self.exchanges, self.controllers, self.traders, dry_run=scenario.dry_run)
        self.checker.limits = scenario.limits
        self.operator = Operator(self.kernel, self.controller, self.checker)
        self.intruders = Intruders(self.kernel, self.network, self.checker, lambda: self.controller, self._later)
        if scenario.trader_limits is not None:
            self._let_in(around, scenario.trader_limits)
        for street in self.streets.values():
            street.on_place = self._order_leaves
        for trader in (*self.traders, *self.peers):
            trader.controller = self.controller
        self.tape = Tape(seed, self.kernel, self.pairs, self.exchanges, scenario.pace_us)

    def _let_in(self, around: Surroundings, limits: TraderLimits) -> None:
        """A mad controller is about."""
        mad = self.intruders.mad = MadController(around, self.pairs, lambda: self.controller)
        mad.alone = len(self.traders) == 1 and not self.scenario.shape.local
        self.checker.foreign = Foreign(mad, limits, self.exchanges)
        self.processes.append(mad)

    def _holds_home(self, machine: ControllerMachine) -> None:
        """Have that machine run in the home now: its operator and whoever looks for a controller find it."""
        if self.home is None or machine is self.controller:
            return
        self.checker.stale = lambda: [] if self.home is None else self.home.stale
        for each in (*self.traders, *self.peers):
            if each.controller is self.controller:
                each.controller = machine
        self.controller = self.operator.controller = machine
        self.checker.recall(machine)

    def fault(self, text: str) -> None:
        """Something that must never happen has happened."""
        self.checker.fault(text)

    def died(self, process: Process) -> None:
        """A process has ended."""
        self.checker.died(process)

    def _book_changed(self, platform: Platform, market: str) -> None:
        self.checker.books_moved(self._pair_of[market])
        for controller in self.controllers:
            controller.book_changed(platform, market)

    def _order_leaves(self, station: Station, leg: Leg) -> None:
        self.checker.order_leaves(station, leg, self.kernel.now_us)

    # -- the run ---------------------------------------------------------------------------------------------

    def run(self) -> Result:
        """From the first start to rest."""
        with seldom_collected():
            return self._run()

    def _run(self) -> Result:
        violation = None
        try:
            for process in self.processes:
                process.start()
            self._arm()
            self.operator.begin()
            self.kernel.run_until(self.scenario.end_us)
            self.rest()
        except Found as found:
            violation = Violation(found.invariant, found.text, self.kernel.now_us)
        finally:
            for process in self.processes:
                if process.host is not None:
                    process.host.shutdown()
        return self.result(violation)

    def rest(self) -> None:
        """Faults stop, links heal; the system comes to rest, is checked, trades once more, and is checked again."""
        self.peace()
        until = self.kernel.now_us + REST_US
        while any(exchange.undecided for exchange in self.exchanges.values()):
            self.kernel.run_until(self.kernel.now_us + 10 * SECOND_US)
            until = self.kernel.now_us + REST_US
            if self.kernel.now_us > self.scenario.end_us + MOST_REST_US:
                break
        self.kernel.run_until(until)
        self.checker.gone = self.gone
        self.checker.controllers = [self.controller]
        self.checker.at_rest()
        if not self.scenario.dry_run and self.checker.free:
            # Whoever has reached a limit rightly takes nothing more.
            self._probe()

    def peace(self) -> None:
        """Everything is mended."""
        self.at_peace = True
        self.armed.clear()
        self._no_guests()
        self.trace.add(self.kernel.now_us, "world", "peace", "faults stop, links heal")
        self.network.heal()
        for connection in list(self.network.connections.values()):
            if connection.cut is not None:
                for end in connection.ends:
                    self.network.lost(end, connection.conn_id, "healed")
        for street in self.streets.values():
            street.calm()
        for exchange in self.exchanges.values():
            exchange.paused.clear()
            exchange.cash = None if exchange.cash is None else exchange.cash + DEPOSIT
        self.controller.ledger.full = self.controller.ledger.slow = False
        self.controller.free_bytes = None
        for process in self.processes:
            process.skew_us = 0
            for journal in _journals(process):
                journal.full = False
            # A journal that broke while the disk was full is broken for good, noticed by its trader or not yet.
            broken = any(journal.broken is not None for journal in _journals(process))
            if process.name not in self.gone and (not process.alive or process.stuck or broken):
                process.die()
                process.start()
        for feed in self.controller.feeds.values():
            feed.lying_us = 0
            feed.connect()
        self.tape.calm()
        self.tape.breathe()
        self.operator.resume()

    def _no_guests(self) -> None:
        """Who was stopped goes on, who has lost the home ends, and every trader is its own controller's again."""
        for process in self.processes:
            process.wake(process.epoch)
        for machine in self.home.stale if self.home is not None else ():
            machine.die()
        self.intruders.peace(self.traders)

    def _probe(self) -> None:
        """An arb on every pair that nobody can overlook: a system that is well takes it."""
        before = {pair.pair_id: self._count(str(pair.pair_id)) for pair in self.pairs}
        for pair in self.pairs:
            self.tape.tempt(pair)
        self.kernel.run_until(self.kernel.now_us + PROBE_US)
        trades = self.controller.instance("executor").book.trades.values()
        naked = {trade.opportunity.pair_id for trade in trades if not trade.over}
        for pair in self.pairs:
            if pair.pair_id not in naked and self._count(str(pair.pair_id)) == before[pair.pair_id]:
                raise Found("alive", f"an arb on {pair.pair_id} is not taken")
        self.tape.calm()
        self.kernel.run_until(self.kernel.now_us + PROBE_US)
        self.checker.at_rest()

    def _count(self, pair_id: str) -> int:
        return sum(
            1 for each in self.exchanges.values() for order in each.orders.values() if order.leg.pair_id == pair_id
        )

    def result(self, violation: Violation | None) -> Result:
        """What it came to."""
        orders = [order for each in self.exchanges.values() for order in each.orders.values()]
        return Result(
            seed=self.scenario.seed,
            violation=violation,
            simulated_us=self.kernel.now_us,
            trades=len({order.leg.trade_id for order in orders}),
            orders=len(orders),
            faults=sum(self.struck.values()),
            crashes=self.crashes,
            cuts=self.network.cuts,
            frames=self.network.frames,
            digest=self.trace.digest() if self.trace.on else "",
            counts=dict(sorted(self.struck.items())),
        )

    # -- faults ----------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        for fault in self.scenario.faults:
            if fault.who >= len(self.processes):
                continue
            if fault.at_us is not None:
                self.kernel.after(fault.at_us, partial(self._strike_at, fault))
            elif fault.moment is not None:
                name = self.processes[fault.who].name
                self.armed.setdefault((name, fault.moment), {})[fault.nth] = fault

    def strike(self, process: Process, moment: str) -> bool:
        """Something happens to the process; True where it dies of it."""
        if not self.armed:
            return False
        key = (process.name, moment)
        self.moments[key] += 1
        waiting = self.armed.get(key)
        if not waiting:
            return False
        fault = waiting.pop(self.moments[key], None)
        if fault is None:
            return False
        self._note(fault)
        if fault.kind is Kind.CUT:
            self.kernel.after(0, partial(self._cut, process, fault.how))
            return False
        if fault.kind is Kind.HALT:
            self.kernel.after(0, lambda: self._wish(self.operator.halt, fault))
            return False
        if fault.kind is Kind.PORT_RAISES:
            process.port_raises = True
            self.kernel.after(0, lambda: self._after_failure(process, fault))
            return False
        self._comes_back(process, fault)
        return True

    def _strike_at(self, fault: Fault) -> None:
        if self.at_peace:
            return
        self._note(fault)
        process = self.processes[fault.who]
        strikes: dict[Kind, Callable[[], None]] = {
            Kind.KILL: lambda: self._kill(process, fault),
            Kind.KILL_TWICE: lambda: self._kill(process, fault),
            Kind.GONE: lambda: self._gone(process),
            Kind.RESTART: lambda: self._restart(process, fault),
            Kind.CUT: lambda: self._cut(process, fault.how),
            Kind.PARTITION: lambda: self._partition(process, fault),
            Kind.VENUE_DOWN: lambda: self._venue_down(fault),
            Kind.DISK_FULL: lambda: self._disk_full(process, fault),
            Kind.DISK_SLOW: lambda: self._disk_slow(fault),
            Kind.CLOCK: lambda: self._clock(process, fault),
            Kind.PAUSED: lambda: self._pause(fault),
            Kind.HALT: lambda: self._wish(self.operator.halt, fault),
            Kind.REDUCE: lambda: self._wish(self.operator.reduce, fault),
            Kind.ACTOR_FAILS: lambda: self._actor_fails(process, fault),
            Kind.MAD: lambda: self.intruders.take(process, fault),
            Kind.OWN_HALT: lambda: self.intruders.halt(process, fault),
            Kind.FREEZE: lambda: self.controller.freeze(fault.for_us),
            Kind.VOLUME: lambda: self._volume(fault),
            Kind.DISK_LOW: lambda: self._disk_low(fault),
        }
        strikes.get(fault.kind, lambda: self._feed(fault))()

    def _note(self, fault: Fault) -> None:
        self.struck[fault.kind.value] += 1
        self.trace.add(self.kernel.now_us, "nemesis", fault.kind.value, str(fault))

    def _later(self, delay_us: int, what: Callable[[], None]) -> None:
        """Unless there is peace by then: peace mends everything itself."""
        self.kernel.after(delay_us, lambda: None if self.at_peace else what())

    def _kill(self, process: Process, fault: Fault) -> None:
        self._comes_back(process, fault)
        process.die()

    def _gone(self, process: Process) -> None:
        """A trader whose platforms another one serves too never comes back: its machine has burnt."""
        others = [each for each in self.traders if each is not process and each.name not in self.gone]
        if not isinstance(process, TraderMachine) or process.name in self.gone:
            return
        if set(process.platforms) <= {platform for each in others for platform in each.platforms}:
            self.gone.add(process.name)
            self.crashes += 1
            process.die()

    def _comes_back(self, process: Process, fault: Fault) -> None:
        if process.name in self.gone:
            return
        self.crashes += 1
        self._later(fault.for_us + 1, lambda: self._start(process))
        if fault.kind is Kind.KILL_TWICE:
            again = Fault(kind=Kind.KILL, who=fault.who, at_us=0, for_us=fault.for_us)
            wait = 1 + process.rng.randrange(3 * SECOND_US)
            self._later(fault.for_us + wait, lambda: self._kill(process, again))

    def _start(self, process: Process) -> None:
        if process.name not in self.gone:
            process.start()

    def _restart(self, process: Process, fault: Fault) -> None:
        process.stop("restarted by its operator")
        self._later(fault.for_us + 15 * SECOND_US, lambda: self._start(process))

    def _cut(self, process: Process, how: str) -> None:
        for connection in self.network.of(process):
            if connection.cut is None:
                self.network.cut_off(connection, how)

    def _partition(self, process: Process, fault: Fault) -> None:
        self.network.closed_to.add(process.name)
        self._cut(process, "silence")
        self._later(fault.for_us, lambda: self.network.closed_to.discard(process.name))

    def _venue_down(self, fault: Fault) -> None:
        street = self.streets[KALSHI if fault.who % 2 else POLYMARKET]
        street.down = True
        self._later(fault.for_us, lambda: setattr(street, "down", False))

    def _disk_full(self, process: Process, fault: Fault) -> None:
        """The operator makes room and starts the process again."""
        disks: list[SimulatedJournal | SimulatedLedger] = [*_journals(process)]
        if isinstance(process, ControllerMachine):
            disks.append(process.ledger)
        for disk in disks:
            disk.full = True

        def mend() -> None:
            for disk in disks:
                disk.full = False
            self._kill(process, fault)

        self._later(fault.for_us, mend)

    def _disk_slow(self, fault: Fault) -> None:
        self.controller.ledger.slow = True
        self._later(fault.for_us, lambda: setattr(self.controller.ledger, "slow", False))

    def _disk_low(self, fault: Fault) -> None:
        controller = self.controller
        controller.free_bytes = 0
        self._later(fault.for_us, lambda: setattr(controller, "free_bytes", None))

    def _volume(self, fault: Fault) -> None:
        """The first machine notices, at its next write or when its operator ends it."""
        machine = self.controller
        if self.home is not None and self.home.move(machine):
            self._later(fault.for_us, lambda: self._kill(machine, fault))

    def _clock(self, process: Process, fault: Fault) -> None:
        self._set_clock(process, process.rng.choice(SKEWS_US))
        self._later(fault.for_us, lambda: self._set_clock(process, 0))

    def _set_clock(self, process: Process, skew_us: int) -> None:
        process.skew_us = skew_us
        self.checker.clocks_jumped_us = self.kernel.now_us

    def _wish(self, wish: Callable[[], None], fault: Fault) -> None:
        """The operator wants this, and some time later wants to trade again."""
        wish()
        self._later(fault.for_us, self.operator.resume)

    def _actor_fails(self, process: Process, fault: Fault) -> None:
        process.fail(fault.how)
        self._after_failure(process, fault)

    def _after_failure(self, process: Process, fault: Fault) -> None:
        """What halted is started again by its operator."""
        if process.alive and process.stuck:
            self._later(fault.for_us, lambda: self._kill(process, fault))
        elif not process.alive:
            self._later(fault.for_us, lambda: self._start(process))

    def _pause(self, fault: Fault) -> None:
        exchange = self.exchanges[KALSHI if fault.for_us % 2 else POLYMARKET]
        market = str(self.pairs[fault.for_us % len(self.pairs)].pair_id)
        exchange.paused.add(market)
        self._later(fault.for_us, lambda: exchange.paused.discard(market))

    def _feed(self, fault: Fault) -> None:
        trouble(self.controller, self.pairs, fault, self._later)


def _journals(process: Process) -> list[SimulatedJournal]:
    if isinstance(process, TraderMachine):
        return [process.journal]
    return list(process.journals.values()) if isinstance(process, ControllerMachine) else []


def run(scenario: Scenario, *, trace: Trace | None = None) -> Result:
    """Run one world to its end."""
    return World(scenario, trace=trace).run()
