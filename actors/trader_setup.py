"""What a trader is told at its start, and what it holds of each leg that it is at work on."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.base import Address
from actors.leg_checks import TraderRules
from actors.risk.trader_limits import TraderLimits
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Platform
from protocol.wire import Book


class VenueRoles(msgspec.Struct, frozen=True):
    """Directory roles of one platform's venues: where dry legs go, and live ones (None: this trader has none)."""

    paper: str
    live: str | None


class TraderSetup(msgspec.Struct, frozen=True):
    """The trader's rules and venues. ``journal`` and ``reports_to`` are roles; ``trader_id`` is stable for ever.

    ``limits``: what it does at most, whoever asks; where they are not given, the ``rules`` alone.

    ``tells_at_start``: what was never acked is told at the start, as there will be no hello to tell it after.
    """

    rules: TraderRules
    venues: Mapping[Platform, VenueRoles]
    venue_timeout_us: int
    dry_run: bool
    journal: str = "journal"
    reports_to: str = "uplink"
    trader_id: str = "local"
    max_clock_offset_us: int = 1_000_000
    tells_at_start: bool = False
    limits: TraderLimits | None = None


class Work(msgspec.Struct):
    """A leg that this trader is at work on.

    ``paper``: where it goes it is for no money. ``foreign``: only asked about, never placed by this process; what
    becomes of it is not for the journal. ``unsure``: an earlier process may have placed it, on whichever of the venues;
    only an order that a venue knows settles it, or the denial of all of them, a live one among them. ``denied``: by
    role, when it first and last said, late enough, that it knows no such order. ``counted``: the trader's limits
    count it because of this work. ``quiet``: it was refused for the same reason as the one before.
    """

    leg: Leg
    asker: Address
    started_us: int
    asked_unix_us: int
    paper: bool
    arb_type: str | None = None
    book: Book | None = None
    refused: Outcome | None = None
    outcome: Outcome | None = None
    placed: bool = False
    foreign: bool = False
    unsure: bool = False
    revision: int = -1
    denied: dict[str, tuple[int, int]] = {}
    counted: bool = False
    quiet: bool = False
