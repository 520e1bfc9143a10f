"""The trader process's tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.beacon import BeaconListener, ListenerSetup
from actors.book_relay import BookRelay, BookRelaySetup, BookSource
from actors.bridge import Bridge, BridgeSetup
from actors.clock import Clock, ClockSetup
from actors.journal import Journal, JournalPort, JournalSetup
from actors.leg_checks import TraderRules
from actors.ports import DiscoveryPort, LifePort, LinkPort, Observer, StatusPort, TimerPort, VenuePort, WarmVenue
from actors.relay_uplink import RelayUplink
from actors.risk.trader_limits import TraderLimits
from actors.supervisor import Child, Supervisor, SupervisorSetup
from actors.telemetry import Telemetry, TelemetrySetup
from actors.trader import Trader
from actors.trader_setup import TraderSetup, VenueRoles
from actors.uplink import Uplink
from actors.uplink_setup import UplinkSetup
from actors.venue import Answer, Venue, VenueSetup
from protocol.terms import Platform
from protocol.units import Money


class TraderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What this trader is to do; plain values."""

    trader_id: str
    dry_run: bool
    max_leg_notional: Money
    venue_timeout_us: int
    any_beacon_source: bool
    max_clock_offset_us: int
    about: Mapping[str, Any]
    limits: TraderLimits | None = None
    relays: tuple[Platform, ...] = ()
    rehearsal: bool = False


class TraderPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The outside, as the trader's actors see it. ``venues``: per platform the paper port and the live one.

    ``books``: the feed whose books are relayed, where there is one.
    """

    link: LinkPort
    timer: TimerPort
    discovery: DiscoveryPort | None
    observers: tuple[Observer, ...]
    status: StatusPort
    life: LifePort
    answer: Answer
    journal: JournalPort
    venues: Mapping[Platform, tuple[VenuePort, VenuePort | None]]
    books: BookSource | None = None


class TraderNode(Supervisor):
    """Creates, supervises and stops the actors of the trader process."""

    role = "node"

    def halt(self, reason: str) -> None:
        """A trader that can no longer vouch for its legs ends: its links drop, and the controller knows at once."""
        super().halt(reason)
        self.finish_stop(f"halted: {reason}")


def trader_setup(plan: TraderPlan, ports: TraderPorts) -> SupervisorSetup:
    """The tree as data. A trader that failed ends its process; the next start proves every leg of its journal."""
    platforms = frozenset(ports.venues)
    paper_only = frozenset(p for p, (_, live) in ports.venues.items() if live is None)
    roles = {
        p: VenueRoles(f"venue:{p}:paper", f"venue:{p}:live" if live is not None else None)
        for p, (_, live) in ports.venues.items()
    }
    rules = TraderRules(platforms, plan.max_leg_notional)
    relays = frozenset(plan.relays) if ports.books is not None else frozenset()
    hello = UplinkSetup(
        plan.trader_id,
        platforms,
        paper_only,
        plan.dry_run,
        plan.max_leg_notional,
        relays,
        plan.rehearsal,
        frozenset(p for p, (_, live) in ports.venues.items() if live is not None and isinstance(live, WarmVenue)),
    )
    children: dict[str, Child] = {
        "clock": Child(Clock, lambda: ClockSetup(ports.timer), replaceable=False),
        "telemetry": Child(Telemetry, lambda: TelemetrySetup(ports.observers)),
        "bridge": Child(Bridge, lambda: BridgeSetup(ports.link, "uplink"), replaceable=False),
    }
    for platform, (paper, live) in ports.venues.items():
        children[roles[platform].paper] = venue_child(paper, ports.answer)
        live_role = roles[platform].live
        if live is not None and live_role is not None:
            children[live_role] = venue_child(live, ports.answer)
    setup = TraderSetup(
        rules,
        roles,
        plan.venue_timeout_us,
        plan.dry_run,
        trader_id=plan.trader_id,
        max_clock_offset_us=plan.max_clock_offset_us,
        limits=plan.limits,
    )
    journal = ports.journal
    children["journal"] = Child(Journal, lambda: JournalSetup(journal), replaceable=False)
    children["trader"] = Child(Trader, lambda: setup, replaceable=False)
    children["uplink"] = Child(RelayUplink if relays else Uplink, lambda: hello, replaceable=False)
    if relays and ports.books is not None:
        source = ports.books
        children["relay"] = Child(BookRelay, lambda: BookRelaySetup(plan.relays, source))
    if ports.discovery is not None:
        discovery = ports.discovery
        children["beacon"] = Child(BeaconListener, lambda: ListenerSetup(discovery, plan.any_beacon_source))
    return SupervisorSetup(
        children=children,
        status=ports.status,
        life=ports.life,
        about=plan.about,
        drain=("trader",),
        patience_us=2 * plan.venue_timeout_us + 1_000_000,
    )


def venue_child(port: VenuePort, answer: Answer) -> Child:
    """A venue actor over its port."""
    return Child(Venue, lambda: VenueSetup(port, answer))
