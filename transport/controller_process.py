"""The controller as a process: actors, WebSocket server, feeds, beacon and status, from the start to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.base import Address
from actors.controller import Controller, ControllerPlan, ControllerPorts, controller_setup
from actors.facts import AnyFact
from actors.ports import IdSource, Observer, VenuePort
from actors.recovery import Rebuilt, rebuild
from actors.relay_stream import StreamRules
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from actors.risk.trader_limits import TraderLimits
from actors.risk_messages import OperatorAsked
from market.events import FeedBatch, FeedEnded
from market.pair import Pair
from market.scan import Scan
from protocol.terms import PairId, Platform
from protocol.units import Money
from transport.alerts import AlertPlan
from transport.beacons import Beacons
from transport.feeds.port import FeedPort
from transport.gate import Gate
from transport.journal_port import JournalFile
from transport.ledger.store import LedgerStore
from transport.ledger_port import LedgerFile
from transport.link.policy import LinkPolicy
from transport.link.server import LinkServer
from transport.logs import log_event
from transport.process import ArbProcess
from transport.tailscale import TailscaleStatus

FeedMaker = Callable[[Gate], FeedPort]
"""Makes the feed; a replay holds recorded time at the gate."""


@dataclass(frozen=True, kw_only=True)
class ControllerOptions:
    """All that a controller process needs to know; no setting is read anywhere below this."""

    controller_id: str
    platforms: tuple[Platform, ...]
    dry_run: bool
    policy: LinkPolicy
    make_feed: FeedMaker
    make_scan: Callable[[], Scan]
    ids: IdSource
    local: Mapping[Platform, tuple[VenuePort, VenuePort | None]]
    heartbeat_us: int
    leg_timeout_us: int
    order_ttl_ms: int
    max_silence_us: int | None
    max_leg_notional: Money
    pairs: Mapping[PairId, Pair]
    max_unwind_loss: Money
    dispatch_first: Platform | None
    open_ledger: Callable[[], LedgerStore]
    open_journal: Callable[[Platform], JournalFile]
    beacon_port: int | None
    beacon_addresses: tuple[str, ...] = ()
    tailscale: TailscaleStatus = field(default_factory=lambda: TailscaleStatus(running=False))
    socket: Path | None = None
    exit_at_end: bool = False
    risk: RiskPlan = NO_RISK_PLAN
    free_disk: Callable[[], int | None] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    observers: tuple[Observer, ...] = ()
    alerts: AlertPlan | None = None
    limits: TraderLimits | None = None
    rehearsal: bool = False
    relayed: Mapping[Platform, tuple[str, ...]] = field(default_factory=dict)
    relay: StreamRules = field(default_factory=StreamRules)
    reconcile_every_us: int | None = None


class ControllerProcess(ArbProcess):
    """One controller. Use :meth:`run`; or :meth:`start` and :meth:`finish` around something of your own."""

    def __init__(self, options: ControllerOptions) -> None:
        """Nothing is opened yet."""
        super().__init__(options.socket, options.alerts)
        self.options = options
        self.gate = Gate()
        self.feed = options.make_feed(self.gate)
        self.server = LinkServer(options.policy, self.link_callbacks(), on_refused=_refused)
        self.beacons: Beacons | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.store: LedgerStore | None = None
        self.ledger: LedgerFile | None = None
        self.journals: dict[Platform, JournalFile] = {}
        self._speaking = set(self.feed.platforms)

    async def run(self) -> bool:
        """From start to end; True when it ended in order. A signal counts from the first moment on."""
        try:
            self.take_signals()
            await self.start()
            await self.ended.wait()
        finally:
            await self.finish()
        return not self.failed

    async def start(self) -> None:
        """Open everything, the status socket first: a second controller of the same home must not get further."""
        if self.status is not None:
            await self.status.start()
        self._open_books()
        await self.server.start()
        self._create_actors()
        for host, port in self.server.addresses:
            scheme = "wss" if self.options.policy.ssl is not None else "ws"
            log_event("WS", "info", f"listening on {scheme}://{host}:{port}")
        self.tasks.append(asyncio.create_task(self._feed(), name="feed"))
        if self.beacons is not None and self.options.tailscale.running:
            self.tasks.append(asyncio.create_task(self.beacons.refresh(), name="beacon targets"))

    def _open_books(self) -> None:
        """The ledger and the local traders' journals, before anybody can connect."""
        self.store = self.options.open_ledger()
        self.ledger = LedgerFile(self.store, lambda message: self.tell("ledger", message))
        for platform in self.options.local:
            self.journals[platform] = self.options.open_journal(platform)

    def _rebuild(self) -> Rebuilt:
        """What the ledger holds, as trades."""
        if self.store is None:
            raise RuntimeError("the ledger is not open")
        return rebuild(self.store.read(), self.options.pairs, self.options.ids)

    def _facts(self) -> Iterable[AnyFact]:
        """What the ledger holds."""
        return () if self.store is None else self.store.read()

    def _create_actors(self) -> None:
        options = self.options
        if options.beacon_port is not None:
            bound = tuple(host for host, _ in self.server.addresses)
            self.beacons = Beacons(options.beacon_port, bound, options.beacon_addresses, options.tailscale)
            targets = ", ".join(f"{host}:{port}" for host, port in self.beacons.targets) or "nobody"
            log_event("BEACON", "info", f"announcing port {self.server.port} to {targets}")
        plan = ControllerPlan(
            controller_id=options.controller_id,
            platforms=options.platforms,
            local=tuple(options.local),
            dry_run=options.dry_run,
            ws_port=self.server.port,
            heartbeat_us=options.heartbeat_us,
            leg_timeout_us=options.leg_timeout_us,
            order_ttl_ms=options.order_ttl_ms,
            max_silence_us=options.max_silence_us,
            max_leg_notional=options.max_leg_notional,
            make_scan=options.make_scan,
            pairs=options.pairs,
            rebuild=self._rebuild,
            facts=self._facts,
            max_unwind_loss=options.max_unwind_loss,
            first=options.dispatch_first,
            risk=options.risk,
            limits=options.limits,
            relayed=options.relayed,
            relay=options.relay,
            rehearsal=options.rehearsal,
            reconcile_every_us=options.reconcile_every_us,
            about={**options.about, "addresses": [f"{host}:{port}" for host, port in self.server.addresses]},
        )
        ports = ControllerPorts(
            link=self.server,
            is_open=self.server.is_open,
            free_disk=options.free_disk,
            timer=self.timers,
            beacon=self.beacons,
            observers=(*self.observers, *options.observers),
            status=self,
            life=self,
            gate=self.gate,
            ids=options.ids,
            answer=self.host.tell,
            journals=self.journals,
            ledger=self.ledger,
            venues=options.local,
        )
        self.root = self.host.create(Controller, "controller", controller_setup(plan, ports))

    def command(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """What a person asks for is done by the executor in this very turn; log, ledger and status have no part."""
        if self.root is None:
            return {"error": "the process is starting: ask again"}
        self._queries += 1
        self.host.tell(self.root, OperatorAsked(self._queries, command, request))
        return self._documents.pop(self._queries, None) or {"error": "no answer: the process is going down"}

    async def _feed(self) -> None:
        """Run the feed; one that breaks is a feed that ended, and is said."""
        try:
            await self.feed.run(self._deliver)
        except Exception as error:  # noqa: BLE001 -- a broken feed must leave books unusable, not a dead task unseen
            log_event("FEED", "error", f"the feed broke: {error!r}")
            for platform in self.feed.platforms:
                self._deliver(FeedEnded(platform, f"the feed broke: {error!r}", failed=True))

    def who(self, roles: Mapping[str, Address]) -> None:
        """``LifePort``: a new scanner has no books, and the venues do not know that."""
        before = self.roles.get("scanner")
        super().who(roles)
        if before is not None and before != roles["scanner"]:
            self.feed.resync()

    def _deliver(self, what: FeedBatch | FeedEnded) -> None:
        self.tell("scanner", what)
        if isinstance(what, FeedEnded):
            self._speaking.discard(what.platform)
            if self.options.exit_at_end and what.failed:
                self.failed = True
            if not self._speaking and self.options.exit_at_end:
                self.loop.call_soon(self.ask_to_stop, "the feed has ended")

    async def finish(self) -> None:
        """Close everything that was opened."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.server.stop()
        if self.ledger is not None:
            await self.ledger.close()
        await self.close()
        for journal in self.journals.values():
            journal.close()
        if self.store is not None:
            self.store.close()


def _refused(peer: str, reason: str) -> None:
    log_event("WS", "warning", f"refused {peer}: {reason}")
