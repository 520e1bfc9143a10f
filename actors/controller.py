"""The controller's tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from actors.base import Address, handles
from actors.beacon import BeaconBroadcaster, BroadcasterSetup
from actors.bridge import Bridge, BridgeSetup
from actors.clock import Clock, ClockSetup
from actors.facts import AnyFact
from actors.hybrid_executor import HybridExecutor
from actors.journal import Journal, JournalPort, JournalSetup
from actors.ledger import Ledger, LedgerPort, LedgerSetup
from actors.leg_checks import TraderRules
from actors.leg_sender import DEFAULT_UNWIND_LOSS, ExecutorSetup, IsOpen, always_open
from actors.messages import Configured, Description, PathInfo, SessionLost
from actors.ports import (
    BeaconPort,
    GatePort,
    IdSource,
    LifePort,
    LinkPort,
    Observer,
    StatusPort,
    TimerPort,
    VenuePort,
    WarmVenue,
)
from actors.reconciler import Reconciler, ReconcilerSetup
from actors.recovery import Rebuilt
from actors.relay_desk import DeskSetup, RelayDesk
from actors.relay_stream import StreamRules
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from actors.risk.trader_limits import TraderLimits
from actors.risk_messages import OperatorAnswered, OperatorAsked
from actors.router import Router, RouterSetup
from actors.scanner import Scanner, ScannerSetup
from actors.supervisor import Child, Supervisor, SupervisorSetup
from actors.telemetry import Telemetry, TelemetrySetup
from actors.trader import Trader
from actors.trader_setup import TraderSetup, VenueRoles
from actors.venue import Answer, Venue, VenueSetup
from market.pair import Pair
from market.scan import Scan
from protocol.terms import WIRE_VERSION, PairId, Platform
from protocol.units import Money


class ControllerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What this controller is to do; plain values."""

    controller_id: str
    platforms: tuple[Platform, ...]
    local: tuple[Platform, ...]
    dry_run: bool
    ws_port: int
    heartbeat_us: int
    leg_timeout_us: int
    order_ttl_ms: int
    max_silence_us: int | None
    max_leg_notional: Money
    make_scan: Callable[[], Scan]
    about: Mapping[str, Any]
    pairs: Mapping[PairId, Pair] = {}
    rebuild: Callable[[], Rebuilt] | None = None
    facts: Callable[[], Iterable[AnyFact]] = tuple
    max_unwind_loss: Money = DEFAULT_UNWIND_LOSS
    first: Platform | None = None
    risk: RiskPlan = NO_RISK_PLAN
    limits: TraderLimits | None = None
    relayed: Mapping[Platform, tuple[str, ...]] = {}
    relay: StreamRules = StreamRules()
    rehearsal: bool = False
    reconcile_every_us: int | None = None


class ControllerPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The outside, as the controller's actors see it. ``venues``: the local platforms' paper and live ports."""

    link: LinkPort
    timer: TimerPort
    beacon: BeaconPort | None
    observers: tuple[Observer, ...]
    status: StatusPort
    life: LifePort
    gate: GatePort
    ids: IdSource
    answer: Answer
    journals: Mapping[Platform, JournalPort]
    ledger: LedgerPort | None
    venues: Mapping[Platform, tuple[VenuePort, VenuePort | None]]
    is_open: IsOpen = always_open
    free_disk: Callable[[], int | None] | None = None


class Controller(Supervisor):
    """Creates, supervises and stops the actors of the controller process."""

    role = "controller"

    @handles(OperatorAsked)
    def operator_asked(self, message: OperatorAsked, _sender: Address) -> None:
        """The executor does it, unless the process has halted for good: then there is nothing left to be moved."""
        if self.halted is None:
            self.send(self.roles["executor"], message)
            return
        text = f"the process has halted for good, and nothing leaves: {self.halted}; start it again to go on"
        self.config.status.answer(message.query_id, {"state": "halted", "reason": text, "for_good": True})

    @handles(OperatorAnswered)
    def operator_answered(self, message: OperatorAnswered, _sender: Address) -> None:
        """To whoever asked."""
        self.config.status.answer(message.query_id, message.document)

    def document(self, parts: list[Description]) -> dict[str, Any]:
        """The status document; programs find the list of connections also while there is none."""
        whole = {"connections": [], **super().document(parts)}
        risk = whole.get("risk")
        if whole["state"] == "ACTIVE" and isinstance(risk, dict) and risk["state"] != "active":
            whole |= {"state": risk["state"].upper(), "reason": risk["reason"]}
        return whole

    def replaced(self, role: str) -> None:
        """A new local trader knows nothing of what the old one had in hand."""
        if role.startswith(("trader:", "venue:")):
            self.send(self.roles["executor"], SessionLost(None, f"{role} failed and was replaced"))


def controller_setup(plan: ControllerPlan, ports: ControllerPorts) -> SupervisorSetup:
    """The tree as data: who there is, in the order of creation, and what each is told first."""
    children: dict[str, Child] = {
        "clock": Child(Clock, lambda: ClockSetup(ports.timer), replaceable=False),
        "telemetry": Child(Telemetry, lambda: TelemetrySetup(ports.observers)),
        "bridge": Child(Bridge, lambda: BridgeSetup(ports.link, "router")),
        "router": Child(
            Router,
            lambda: RouterSetup(plan.platforms, plan.dry_run, plan.controller_id, plan.heartbeat_us, plan.rehearsal),
        ),
    }
    after: dict[str, object] = {}
    for platform in plan.local:
        children |= local_trader(platform, plan, ports)
        agreed = Configured(frozenset({platform}), plan.dry_run, blind_paper=False)
        after[f"trader:{platform}"] = agreed
    if ports.ledger is not None:
        ledger = ports.ledger
        children["ledger"] = Child(Ledger, lambda: LedgerSetup(ledger, plan.facts), replaceable=False)
    children["executor"] = Child(HybridExecutor, lambda: executor_setup(plan, ports), replaceable=False)
    every = plan.reconcile_every_us
    if every is not None and ports.ledger is not None:
        children["reconciler"] = Child(Reconciler, lambda: ReconcilerSetup(every, local_paths(plan, ports)))
    silence = plan.max_silence_us
    children["scanner"] = Child(Scanner, lambda: ScannerSetup(plan.make_scan, plan.platforms, silence))
    if plan.relayed:
        children["books"] = Child(RelayDesk, lambda: DeskSetup(plan.relayed, plan.relay))
    if ports.beacon is not None:
        beacon = ports.beacon
        children["beacon"] = Child(BeaconBroadcaster, lambda: BroadcasterSetup(beacon, plan.ws_port))
    return SupervisorSetup(
        children=children,
        status=ports.status,
        life=ports.life,
        about=plan.about,
        drain=("executor", *(f"trader:{platform}" for platform in plan.local), "router"),
        patience_us=2 * plan.leg_timeout_us + 1_000_000,
        after=after,
    )


def executor_setup(plan: ControllerPlan, ports: ControllerPorts) -> ExecutorSetup:
    """The executor's rules; a local path is known from the start."""
    return ExecutorSetup(
        local=local_paths(plan, ports),
        is_open=ports.is_open,
        ids=ports.ids,
        gate=ports.gate,
        leg_timeout_us=plan.leg_timeout_us,
        order_ttl_ms=plan.order_ttl_ms,
        max_unwind_loss=plan.max_unwind_loss,
        first=plan.first,
        pairs=plan.pairs,
        rebuild=plan.rebuild,
        dry_run=plan.dry_run,
        risk=plan.risk,
        facts=plan.facts,
        free_disk=ports.free_disk,
    )


def local_paths(plan: ControllerPlan, ports: ControllerPorts) -> dict[Platform, PathInfo]:
    """The platforms that are executed in this process."""
    return {
        platform: PathInfo(
            platform=platform,
            conn_id=None,
            trader="local",
            level=WIRE_VERSION,
            paper=plan.dry_run or ports.venues[platform][1] is None,
            dry_run=plan.dry_run,
            max_leg_notional=plan.max_leg_notional,
            cash=True,
            holdings=True,
            markets=isinstance(ports.venues[platform][1], WarmVenue),
        )
        for platform in plan.local
    }


def local_trader(platform: Platform, plan: ControllerPlan, ports: ControllerPorts) -> dict[str, Child]:
    """A trader for one platform in this process, with its venues."""
    paper, live = ports.venues[platform]
    roles = VenueRoles(f"venue:{platform}:paper", f"venue:{platform}:live" if live is not None else None)
    rules = TraderRules(frozenset({platform}), plan.max_leg_notional)
    setup = TraderSetup(
        rules,
        {platform: roles},
        plan.leg_timeout_us * 4 // 5,
        plan.dry_run,
        journal=f"journal:{platform}",
        reports_to="executor",
        tells_at_start=True,
        limits=plan.limits,
    )
    journal = ports.journals[platform]
    children = {
        f"journal:{platform}": Child(Journal, lambda: JournalSetup(journal), replaceable=False),
        roles.paper: Child(Venue, lambda: VenueSetup(paper, ports.answer)),
        f"trader:{platform}": Child(Trader, lambda: setup),
    }
    if live is not None and roles.live is not None:
        children[roles.live] = Child(Venue, lambda: VenueSetup(live, ports.answer))
    return children
