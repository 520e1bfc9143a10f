"""The trader as a process: actors, WebSocket client, beacon listener and status, from the start to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from actors.base import Address
from actors.beacon import DatagramSeen
from actors.messages import Note, StopAsked
from actors.ports import Observer, VenuePort
from actors.risk.trader_limits import TraderLimits
from actors.trader_messages import HaltTrader, ResumeTrader, TraderHalted, TraderResumed
from actors.trader_node import TraderNode, TraderPlan, TraderPorts, trader_setup
from protocol.terms import Platform
from protocol.units import Money
from transport.alerts import AlertPlan
from transport.discovery import Discovery
from transport.feeds.port import FeedPort
from transport.feeds.relayed import RelayedFeed
from transport.journal_port import JournalFile
from transport.link.client import LinkClient
from transport.link.policy import ClientPolicy
from transport.live import LiveVenue
from transport.logs import Level, log_event
from transport.process import ArbProcess
from transport.udp import BeaconReceiver

MAX_REASON: Final = 500
"""Characters of an operator's reason."""

ONE_SHOT_GRACE_S: Final = 0.5
"""From the first answer of a one-shot trader to its end."""


@dataclass(frozen=True, kw_only=True)
class TraderOptions:
    """All that a trader process needs to know; no setting is read anywhere below this."""

    trader_id: str
    dry_run: bool
    venues: Mapping[Platform, tuple[VenuePort, VenuePort | None]]
    max_leg_notional: Money
    venue_timeout_us: int
    max_clock_offset_us: int
    open_journal: Callable[[], JournalFile]
    url: str | None
    beacon_port: int
    any_beacon_source: bool = False
    policy: ClientPolicy = field(default_factory=ClientPolicy)
    one_shot: bool = False
    socket: Path | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    observers: tuple[Observer, ...] = ()
    alerts: AlertPlan | None = None
    limits: TraderLimits | None = None
    feed: FeedPort | None = None
    rehearsal: bool = False
    live: tuple[LiveVenue, ...] = ()
    """The live ports among ``venues``, which are connections to be opened and closed."""


class TraderProcess(ArbProcess):
    """One trader. Use :meth:`run`; or :meth:`start` and :meth:`finish` around something of your own."""

    def __init__(self, options: TraderOptions) -> None:
        """Nothing is opened yet."""
        super().__init__(options.socket, options.alerts)
        self.options = options
        self.discovery = Discovery(options.url)
        self._failures = _Failures()
        self.client = LinkClient(
            options.policy,
            self.link_callbacks(),
            next_url=self.discovery.next_url,
            on_failure=self._failures.log,
            rng=Random(),  # noqa: S311 -- spreads reconnects, guards nothing
        )
        self.receiver: BeaconReceiver | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.journal: JournalFile | None = None
        feed = options.feed
        self.relayed = None if feed is None else RelayedFeed(feed, lambda what: self.tell("relay", what))

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
        """Open everything."""
        # First: what a venue refuses must be known before anybody is told that this trader is there.
        for venue in self.options.live:
            await venue.start()
        if self.status is not None:
            await self.status.start()
        if self.options.url is None:
            self.receiver = BeaconReceiver(self.options.beacon_port, self._datagram)
            await self.receiver.start()
            log_event("BEACON", "info", f"no WEBSOCKET_URL: waiting for a beacon on UDP port {self.receiver.port}")
        else:
            log_event("WS", "info", f"controller at {self.options.url} (configured)")
        self._create_actors(self.options.open_journal())
        self.tasks.append(asyncio.create_task(self.client.run(), name="link"))
        if self.relayed is not None:
            self.tasks.append(asyncio.create_task(self.relayed.run(), name="feed"))

    def _create_actors(self, journal: JournalFile) -> None:
        options = self.options
        self.journal = journal
        plan = TraderPlan(
            trader_id=options.trader_id,
            dry_run=options.dry_run,
            max_leg_notional=options.max_leg_notional,
            venue_timeout_us=options.venue_timeout_us,
            any_beacon_source=options.any_beacon_source,
            max_clock_offset_us=options.max_clock_offset_us,
            about=options.about,
            limits=options.limits,
            relays=() if options.feed is None else options.feed.platforms,
            rehearsal=options.rehearsal,
        )
        observers: tuple[Observer, ...] = (*self.observers, _Welcome(self.client, self._failures), *options.observers)
        if options.one_shot:
            observers = (*observers, _OneShot(self))
        ports = TraderPorts(
            link=self.client,
            timer=self.timers,
            discovery=self.discovery if options.url is None else None,
            observers=observers,
            status=self,
            life=self,
            answer=self.host.tell,
            journal=journal,
            venues=options.venues,
            books=self.relayed,
        )
        self.root = self.host.create(TraderNode, "node", trader_setup(plan, ports))

    def who(self, roles: Mapping[str, Address]) -> None:
        """``LifePort``: a new relay has no books, and the feed does not know that."""
        before = self.roles.get("relay")
        super().who(roles)
        if self.relayed is not None and before is not None and before != roles["relay"]:
            self.relayed.feed.resync()

    # -- for this machine's operator ---------------------------------------------------------------------------

    def command(self, command: str, request: dict[str, Any]) -> dict[str, Any]:
        """Halt, reduce or resume this trader, whatever its controller says."""
        trader = self.roles.get("trader")
        if command not in {"halt", "reduce", "resume"}:
            return super().command(command, request)
        if trader is None:
            return {"error": "the process is starting: ask again"}
        reason = str(request.get("reason") or f"arb {command}, no reason given")[:MAX_REASON]
        if command == "resume":
            resumed = self.host.ask(trader, ResumeTrader(reason, force=request.get("force") is True))
            held = resumed.error if isinstance(resumed, TraderResumed) else "the trader gave no answer"
            return {"state": "active" if held is None else "halted", "reason": held}
        halted = self.host.ask(trader, HaltTrader(reason, everything=command == "halt"))
        state = {"state": "halted" if command == "halt" else "reducing", "reason": reason}
        if not isinstance(halted, TraderHalted):
            return state | {"drained": False, "open_legs": None, "failed": None}
        return state | {"drained": True, "open_legs": halted.open_legs, "failed": halted.failed}

    def _datagram(self, payload: bytes, host: str, port: int) -> None:
        self.tell("beacon", DatagramSeen(payload, host, port))

    async def finish(self) -> None:
        """Close everything that was opened; results written last get a moment to leave."""
        for conn_id in self.client.open_ids:
            await self.client.drain(conn_id, 1.0)
        await self.client.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.receiver is not None:
            await self.receiver.stop()
        for venue in self.options.live:
            await venue.close()
        await self.close()
        if self.journal is not None:
            self.journal.close()


class _Failures:
    """Logs attempts to connect that failed: each new reason, and every tenth time, so that a long night is a page."""

    def __init__(self) -> None:
        self._count = 0
        self._reason = ""

    def reset(self) -> None:
        """Connected: the next failure is news."""
        self._count, self._reason = 0, ""

    def log(self, reason: str, attempt: int, delay: float) -> None:  # noqa: ARG002 -- counted from the last success
        """One more."""
        self._count += 1
        level: Level = "warning" if reason != self._reason or self._count % 10 == 0 else "debug"
        self._reason = reason
        log_event("WS", level, f"not connected ({reason}); attempt {self._count + 1} in {delay:.1f} s")


class _Welcome:
    """Hears that the other end is a controller: the way back to it is quick when it is lost, and its loss is news."""

    def __init__(self, client: LinkClient, failures: _Failures) -> None:
        self._client = client
        self._failures = failures

    def observe(self, note: object) -> None:
        """Implements ``Observer``."""
        if isinstance(note, Note) and note.count == "hello_done":
            self._client.welcomed()
            self._failures.reset()


class _OneShot:
    """Stops the trader soon after the first leg was answered: a smoke test of a whole installation.

    Not at once, for legs leave together: the other one of the same arb may be on its way, and must not be refused.
    """

    def __init__(self, process: TraderProcess) -> None:
        self._process = process
        self._fired = False

    def observe(self, note: object) -> None:
        """Implements ``Observer``."""
        if isinstance(note, Note) and note.count == "legs_answered" and not self._fired:
            self._fired = True
            self._process.loop.call_later(ONE_SHOT_GRACE_S, self._stop)

    def _stop(self) -> None:
        if self._process.root is not None and not self._process.ended.is_set():
            self._process.host.tell(self._process.root, StopAsked("one shot: the first leg was answered"))
