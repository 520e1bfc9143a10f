"""A whole controller, or a whole trader, in a box: the real actors, ports that remember, a clock that is told to move.

with ControllerBox(pairs) as box:
    trader = box.traders.test_register(KALSHI)
    box.feed(FeedBatch(...))
    assert trader[0].leg.side is Side.YES
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from actors.base import Address
from actors.controller import Controller, ControllerPlan, ControllerPorts, controller_setup
from actors.ledger import LedgerWritten
from actors.leg_sender import DEFAULT_UNWIND_LOSS
from actors.messages import Directory, LinkClosed, LinkOpened, LinkText, StatusAsked, StopAsked, TimerDue
from actors.ports import VenuePort
from actors.recovery import Rebuilt, rebuild
from actors.relay_stream import StreamRules
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from actors.risk.trader_limits import TraderLimits
from actors.risk_messages import OperatorAsked
from actors.trader_node import TraderNode, TraderPlan, TraderPorts, trader_setup
from market.events import FeedBatch, FeedEnded
from market.fees import RETAIL_PRECISION
from market.pair import Pair
from market.rules import Rules
from market.scan import Scan
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from protocol.units import USD, Money
from simulation.clock import VirtualClock
from simulation.doubles import (
    CountingIds,
    MemoryLink,
    Remembering,
    RouterHandle,
    SimulatedTrader,
    SimulatedTraderSetup,
    filled,
)
from simulation.memory import MemoryJournal, MemoryLedger
from transport.host import ActorHost
from venues.paper.port import PaperPort
from venues.paper.venue import PaperVenue

SECOND_US = 1_000_000


class Box:
    """What both boxes share: host, clock, memory, and a link without sockets."""

    root: Address

    def __init__(self) -> None:
        """An empty host."""
        self.clock = VirtualClock()
        self.host = ActorHost(self.clock)
        self.link = MemoryLink()
        self.memory = Remembering()
        self.queries = 0

    def __enter__(self) -> Self:
        """Usable in a ``with`` block; closed at its end."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    def begin(self) -> None:
        """Let timers reach the clock actor."""
        self.clock.due = lambda token: self.host.tell(self.address("clock"), TimerDue(token))

    def address(self, role: str) -> Address:
        """Who has that role now."""
        return self.memory.roles[role]

    def instance(self, role: str) -> Any:  # noqa: ANN401 -- whichever actor it is
        """The actor itself, for a look inside (tests only)."""
        return self.host.system._systemBase.actorRegistry[self.address(role).actorAddressString].instance  # noqa: SLF001

    def tell(self, role: str, message: object) -> None:
        """A message from outside to whoever has that role."""
        self.host.tell(self.address(role), message)

    def status(self) -> dict[str, Any]:
        """The status document as of now."""
        self.queries += 1
        self.host.tell(self.root, StatusAsked(self.queries))
        return self.memory.documents[-1]

    def connect(self, conn_id: int, peer: str | None = None) -> None:
        """A connection opens, from a port of its own unless said otherwise."""
        self.tell("bridge", LinkOpened(conn_id, f"127.0.0.1:{conn_id}" if peer is None else peer))

    def receive(self, conn_id: int, message: Mapping[str, Any] | str) -> None:
        """A frame arrives: an object to be written as JSON, or the raw text."""
        self.tell("bridge", LinkText(conn_id, message if isinstance(message, str) else json.dumps(message)))

    def disconnect(self, conn_id: int, reason: str = "reset") -> None:
        """The connection dies."""
        self.tell("bridge", LinkClosed(conn_id, reason))

    def frames(self, conn_id: int, wire_type: str | None = None) -> list[dict[str, Any]]:
        """What was written to a connection, decoded; of one type only where it is named."""
        frames = [json.loads(text) for text in self.link.written.get(conn_id, [])]
        return [frame for frame in frames if wire_type in {None, frame["type"]}]

    def notes(self, text: str) -> list[Any]:
        """The log notes that contain this text."""
        return [note for note in self.memory.notes if text in getattr(note, "text", "")]

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass; every timer fires at its own moment."""
        self.clock.advance(round(seconds * SECOND_US))

    def stop(self) -> None:
        """Stop in order."""
        self.host.tell(self.root, StopAsked("asked to"))

    def close(self) -> None:
        """End the host."""
        self.host.shutdown()


class ControllerBox(Box):
    """A controller with these pairs."""

    def __init__(  # noqa: PLR0913 -- each is a knob that some test turns
        self,
        pairs: Sequence[Pair],
        *,
        local: tuple[Platform, ...] = (),
        dry_run: bool = True,
        rules: Rules | None = None,
        max_silence_us: int | None = None,
        leg_timeout_us: int = 5 * SECOND_US,
        heartbeat_us: int = 5 * SECOND_US,
        live: Mapping[Platform, VenuePort] | None = None,
        max_leg_notional: Money | None = None,
        precision: Money = RETAIL_PRECISION,
        beacon: bool = True,
        journals: Mapping[Platform, MemoryJournal] | None = None,
        ledger: MemoryLedger | None = None,
        max_unwind_loss: Money = DEFAULT_UNWIND_LOSS,
        first: Platform | None = None,
        controller_id: str = "box",
        risk: RiskPlan = NO_RISK_PLAN,
        free_disk: Callable[[], int | None] | None = None,
        relayed: Mapping[Platform, tuple[str, ...]] | None = None,
        relay: StreamRules | None = None,
        paper_cash: Money | None = None,
        reconcile_every_us: int | None = None,
    ) -> None:
        """Start it."""
        super().__init__()
        self.pairs = {pair.pair_id: pair for pair in pairs}
        self.ids = CountingIds()
        self.journals = {platform: MemoryJournal() for platform in PLATFORMS} | dict(journals or {})
        self.ledger = ledger if ledger is not None else MemoryLedger()
        self.ledger.written = lambda token: self.tell("ledger", LedgerWritten(token))
        self.venues = {platform: PaperVenue(platform, precision=precision, cash=paper_cash) for platform in PLATFORMS}
        ports: dict[Platform, tuple[VenuePort, VenuePort | None]] = {
            platform: (PaperPort(self.venues[platform]), (live or {}).get(platform)) for platform in local
        }
        plan = ControllerPlan(
            controller_id=controller_id,
            platforms=PLATFORMS,
            local=local,
            dry_run=dry_run,
            ws_port=9001,
            heartbeat_us=heartbeat_us,
            leg_timeout_us=leg_timeout_us,
            order_ttl_ms=2_000,
            max_silence_us=max_silence_us,
            max_leg_notional=max_leg_notional or Money(1_000_000 * USD),
            make_scan=lambda: Scan(pairs, rules or Rules.from_cents(1)),
            about={"role": "controller", "dry_run": dry_run},
            pairs={pair.pair_id: pair for pair in pairs},
            rebuild=self.rebuild,
            facts=lambda: list(self.ledger.facts),
            max_unwind_loss=max_unwind_loss,
            first=first,
            risk=risk,
            relayed=relayed or {},
            relay=relay or StreamRules(max_silence_us=max_silence_us),
            reconcile_every_us=reconcile_every_us,
        )
        setup = controller_setup(
            plan,
            ControllerPorts(
                link=self.link,
                is_open=self.link.is_open,
                free_disk=free_disk,
                timer=self.clock,
                beacon=self.memory if beacon else None,
                observers=(self.memory,),
                status=self.memory,
                life=self.memory,
                gate=self.memory,
                ids=self.ids,
                answer=self.host.tell,
                journals={platform: self.journals[platform] for platform in local},
                ledger=self.ledger,
                venues=ports,
            ),
        )
        self.root = self.host.create(Controller, "controller", setup)
        self.begin()

    def rebuild(self) -> Rebuilt:
        """What the ledger holds, as trades."""
        return rebuild(self.ledger.facts, self.pairs, self.ids)

    @property
    def traders(self) -> RouterHandle:
        """The router, as the seed's tests use it."""
        return RouterHandle(self.host, self.address("router"))

    def simulate(
        self, platform: Platform, answer: Callable[[Leg], Outcome | None] = filled, *, dry_run: bool = False
    ) -> list[Leg]:
        """A connected trader that answers each leg by script (None: never); answers with the legs it receives."""
        legs: list[Leg] = []
        trader = self.host.system.createActor(SimulatedTrader)
        self.host.tell(trader, SimulatedTraderSetup(answer, legs))
        self.host.tell(trader, Directory(self.memory.roles))
        self.traders.test_register(platform, trader, dry_run=dry_run)
        return legs

    def ask(self, command: str, **request: Any) -> dict[str, Any]:
        """What the status socket's user asks for, and the answer."""
        self.queries += 1
        before = len(self.memory.documents)
        self.host.tell(self.root, OperatorAsked(self.queries, command, request))
        assert len(self.memory.documents) == before + 1, "one answer to one question"  # noqa: S101 -- for tests
        return self.memory.documents[-1]

    def feed(self, *messages: FeedBatch | FeedEnded) -> None:
        """Market data arrives."""
        for message in messages:
            self.tell("scanner", message)

    def say_hello(self, conn_id: int, platforms: Sequence[str] = PLATFORMS, **more: Any) -> None:
        """A trader connects and answers the hello; level 1 unless ``more`` says otherwise."""
        self.connect(conn_id)
        ack = {"type": "init_ack", "success": True, "platforms": list(platforms), "error": None}
        self.receive(conn_id, ack | more)


class TraderBox(Box):
    """A trader process with paper venues (and live ones where given)."""

    def __init__(  # noqa: PLR0913 -- each is a knob that some test turns
        self,
        platforms: tuple[Platform, ...] = (KALSHI, POLYMARKET),
        *,
        dry_run: bool = True,
        max_leg_notional: Money = Money(1_000 * USD),
        venue_timeout_us: int = 4 * SECOND_US,
        max_clock_offset_us: int = SECOND_US,
        journal: MemoryJournal | None = None,
        trader_id: str = "trader-box",
        live: Mapping[Platform, VenuePort] | None = None,
        limits: TraderLimits | None = None,
        start_us: int = 0,
        relays: tuple[Platform, ...] = (),
    ) -> None:
        """Start it, so long after the clock's beginning."""
        super().__init__()
        self.clock.now_us = start_us
        self.journal = journal if journal is not None else MemoryJournal()
        self.venues = {platform: PaperVenue(platform) for platform in platforms}
        plan = TraderPlan(
            trader_id=trader_id,
            dry_run=dry_run,
            max_leg_notional=max_leg_notional,
            venue_timeout_us=venue_timeout_us,
            any_beacon_source=False,
            max_clock_offset_us=max_clock_offset_us,
            about={"role": "trader", "dry_run": dry_run},
            limits=limits,
            relays=relays,
        )
        self.wanted: list[tuple[Platform, tuple[str, ...], tuple[str, ...]]] = []
        ports = TraderPorts(
            link=self.link,
            timer=self.clock,
            discovery=self.memory,
            observers=(self.memory,),
            status=self.memory,
            life=self.memory,
            answer=self.host.tell,
            journal=self.journal,
            venues={p: (PaperPort(venue), (live or {}).get(p)) for p, venue in self.venues.items()},
            books=self if relays else None,
        )
        self.root = self.host.create(TraderNode, "node", trader_setup(plan, ports))
        self.begin()

    def want(self, platform: Platform, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """Implements ``BookSource``."""
        self.wanted.append((platform, add, remove))

    def feed(self, *messages: FeedBatch | FeedEnded) -> None:
        """The trader's own market data arrives."""
        for message in messages:
            self.tell("relay", message)

    def say_init(
        self, conn_id: int, platforms: Sequence[str] = PLATFORMS, *, dry_run: bool = True, **more: Any
    ) -> None:
        """A controller is connected and greets; level 1 unless ``more`` says otherwise (``protocol=2``)."""
        self.connect(conn_id)
        self.receive(conn_id, {"type": "init", "platforms": list(platforms), "dry_run": dry_run} | more)
