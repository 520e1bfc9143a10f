"""The nemesis: a seeded list of faults, each at a moment of the clock or at the n-th time that something happens.

Faults are data, so that a run can be repeated with fewer of them: that is how a history is shrunk. Half of them wait
for the moments between a cause and its effect, which a clock would rarely hit.
"""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import Final

import msgspec

from simulation.world.network import CUTS, REPEAT, RESET

SECOND_US: Final = 1_000_000


class Kind(StrEnum):
    """What can be done to the world."""

    KILL = "kill"
    KILL_TWICE = "kill, and again while it recovers"
    GONE = "killed for good"
    RESTART = "stop in order and start again"
    CUT = "cut"
    PARTITION = "partition"
    VENUE_DOWN = "venue down"
    FEED_DOWN = "feed down"
    FEED_GAP = "feed gap"
    FEED_SILENT = "feed silent"
    FEED_LIES = "feed lies"
    DISK_FULL = "disk full"
    DISK_SLOW = "disk slow"
    CLOCK = "clock jumps"
    PAUSED = "market paused"
    ACTOR_FAILS = "actor fails"
    PORT_RAISES = "port raises"
    HALT = "operator halts, and resumes later"
    REDUCE = "operator reduces, and resumes later"
    MAD = "a mad controller takes the trader's link"
    OWN_HALT = "the trader's own operator halts it, and resumes later"
    FREEZE = "stopped, and goes on later"
    VOLUME = "its disk moves to the standby"
    DISK_LOW = "disk nearly full"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. ``at_us``: when; or ``moment`` and ``nth``: the n-th time that this happens to ``who``.

    ``who`` is a process by number (controllers first) or a venue; ``how`` and ``for_us`` as the kind needs them.
    """

    kind: Kind
    who: int
    at_us: int | None = None
    moment: str | None = None
    nth: int = 0
    how: str = ""
    for_us: int = 0

    def __str__(self) -> str:
        """Return the fault in words."""
        when = f"at {self.at_us / 1e6:.3f} s" if self.at_us is not None else f"at {self.moment!r} number {self.nth}"
        more = f" ({self.how})" if self.how else ""
        return f"{self.kind}{more} of process {self.who} {when}, for {self.for_us / 1e6:.3f} s"


CONTROLLER_MOMENTS: Final = (
    "send execute_leg",
    "sent execute_leg",
    "sent execute_leg",
    "sent execute_leg",
    "send unwind",
    "receive leg_result",
    "ledger write",
    "ledger batch",
    "ledger batch written",
    "send leg_ack",
    "sent leg_ack",
    "send leg_query",
    "sent leg_query",
    "send init",
    "receive init_ack",
)

TRADER_MOMENTS: Final = (
    "receive execute_leg",
    "journal intent",
    "journal intent written",
    "venue order",
    "venue order sent",
    "venue answer",
    "journal outcome",
    "journal outcome written",
    "send leg_result",
    "sent leg_result",
    "receive leg_ack",
    "journal ack written",
    "receive leg_query",
    "journal tombstone",
    "journal tombstone written",
    "venue question",
    "receive init",
    "sent init_ack",
)

LOCAL_MOMENTS: Final = tuple(each for each in TRADER_MOMENTS if each.startswith(("journal", "venue")))

RAISING_MOMENTS: Final = ("venue order sent", "sent leg_result", "sent execute_leg")
"""Where a port can raise after it has done what it was asked for."""

_TIMED: Final = (
    (Kind.KILL, 4),
    (Kind.KILL_TWICE, 2),
    (Kind.GONE, 3),
    (Kind.RESTART, 1),
    (Kind.CUT, 8),
    (Kind.PARTITION, 2),
    (Kind.VENUE_DOWN, 2),
    (Kind.FEED_DOWN, 2),
    (Kind.FEED_GAP, 2),
    (Kind.FEED_SILENT, 5),
    (Kind.FEED_LIES, 2),
    (Kind.DISK_FULL, 1),
    (Kind.DISK_SLOW, 2),
    (Kind.CLOCK, 1),
    (Kind.PAUSED, 1),
    (Kind.ACTOR_FAILS, 2),
    (Kind.HALT, 3),
    (Kind.REDUCE, 1),
)

CONTROLLER_ROLES: Final = ("scanner", "router", "bridge", "telemetry", "executor", "ledger")
LOCAL_ROLES: Final = (*CONTROLLER_ROLES, "trader:kalshi", "venue:kalshi:live", "trader:polymarket", "journal:kalshi")
TRADER_ROLES: Final = ("trader", "uplink", "bridge", "journal", "telemetry", "venue:kalshi:live")
"""Actors that can fail; some are replaced, of others the process halts and its operator starts it again."""


def drawn(rng: Random, end_us: int, processes: list[str], *, rate: float) -> list[Fault]:
    """The faults of one run, ``rate`` of them a minute.

    Each of ``processes`` is a ``controller``, a ``local`` (one that executes some platform itself) or a ``trader``.
    """
    count = sum(1 for _ in range(1_000) if rng.random() < rate * end_us / (60 * SECOND_US) / 1_000)
    reach = rng.choice((3, 15, 80))
    return [_one(rng, end_us, processes, reach) for _ in range(count)]


def _one(rng: Random, end_us: int, processes: list[str], reach: int) -> Fault:
    who = rng.randrange(len(processes))
    if rng.random() < 0.5:  # noqa: PLR2004 -- half and half
        kind = rng.choice(
            (Kind.KILL, Kind.KILL, Kind.KILL_TWICE, Kind.CUT, Kind.CUT, Kind.CUT, Kind.PORT_RAISES, Kind.HALT)
        )
        moments: tuple[str, ...] = TRADER_MOMENTS if processes[who] == "trader" else CONTROLLER_MOMENTS
        if processes[who] == "local":
            moments = (*moments, *LOCAL_MOMENTS)
        if kind is Kind.PORT_RAISES:
            moments = tuple(each for each in moments if each in RAISING_MOMENTS)
        moment = rng.choice(moments)
        # An order that is lost with its connection, and comes when it has been asked about.
        cuts = (REPEAT, RESET) if moment == "sent execute_leg" else (*CUTS, REPEAT)
        return Fault(
            kind=kind,
            who=who,
            moment=moment,
            nth=rng.randint(1, reach),
            how=rng.choice(cuts) if kind is Kind.CUT else "",
            for_us=rng.choice((50_000, SECOND_US, 20 * SECOND_US)),
        )
    kinds, weights = zip(*_TIMED, strict=True)
    kind = rng.choices(kinds, weights)[0]
    how = rng.choice(CUTS) if kind is Kind.CUT else ""
    if kind is Kind.ACTOR_FAILS:
        roles = {"trader": TRADER_ROLES, "local": LOCAL_ROLES}.get(processes[who], CONTROLLER_ROLES)
        how = rng.choice(roles)
    return Fault(
        kind=kind,
        who=who,
        at_us=rng.randrange(end_us),
        how=how,
        for_us=int(rng.choice((0.1, 2, 15, 40)) * SECOND_US * (0.5 + rng.random())),
    )
