"""What the uplink and the trader say to each other, and nobody else: whom is served, and orders that made no sense."""

from __future__ import annotations

from actors.messages import Message
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform


class Serving(Message, frozen=True):
    """Uplink to trader, before the rest of the hello: legs that come from now on are this controller's.

    None: it has not said who it is.
    """

    controller_id: str | None


class RefuseOrder(Message, frozen=True):
    """Uplink to trader: an order under this id could not be read. Answer: `OrderRefused`, or what is known of the id.

    Whatever the answer, the id is never executed from now on.
    """

    leg_id: LegId
    platform: Platform
    reason: str


class OrderRefused(Message, frozen=True):
    """Trader to uplink: the answer to an order of which not even the leg is known."""

    platform: Platform
    outcome: Outcome


class OutOfService(Message, frozen=True):
    """Trader to uplink or executor: it takes no leg any more, and why. What it knows it still tells."""

    platforms: frozenset[Platform]
    reason: str
