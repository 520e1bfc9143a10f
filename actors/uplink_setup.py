"""What the trader's end of the wire is told at its start."""

from __future__ import annotations

import msgspec

from protocol.terms import Platform
from protocol.units import Money


class UplinkSetup(msgspec.Struct, frozen=True):
    """What this trader says of itself.

    ``paper``: the platforms that need the controller's book for a fill. ``relays``: those whose books it can relay.
    ``markets``: those of which it states in which markets it can order, where that is for money.
    """

    trader_id: str
    platforms: frozenset[Platform]
    paper: frozenset[Platform]
    dry_run: bool
    max_leg_notional: Money
    relays: frozenset[Platform] = frozenset()
    rehearsal: bool = False
    markets: frozenset[Platform] = frozenset()
