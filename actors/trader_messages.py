"""What a trader hears besides legs: whom it serves, orders that made no sense, halts and their ends."""

from __future__ import annotations

from enum import StrEnum

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


class VenueOut(Message, frozen=True):
    """Venue to trader, trader to uplink or executor: no order can reach this venue, and why; None: it can again."""

    platform: Platform
    reason: str | None


class Who(StrEnum):
    """Who halts a trader: its controller, or the operator of its own machine."""

    CONTROLLER = "controller"
    OPERATOR = "operator"


class HaltTrader(Message, frozen=True):
    """Operator to his own trader: take no leg; without ``everything``, none but a sale of what is held.

    Answer: `TraderHalted`. (The controller says `TakeNoLegs`, which is another halt beside this one.)
    """

    reason: str
    everything: bool = True


class TraderHalted(Message, frozen=True):
    """The trader is halted, and no order that it took before can still leave. ``open_legs`` had left before.

    ``failed``: why a restart will not remember it.
    """

    open_legs: int
    failed: str | None = None


class ResumeTrader(Message, frozen=True):
    """The operator's halt is over; with ``force`` the controller's is, too. Answer: `TraderResumed`."""

    reason: str
    force: bool = False


class TraderResumed(Message, frozen=True):
    """The operator's halt is over; ``error`` says whose else holds, None where legs are taken again."""

    error: str | None


class WatchState(Message, frozen=True):
    """To a trader: tell the sender whether it is halted, now and whenever that changes."""


class TraderState(Message, frozen=True):
    """Whether any halt stands; where ``reducing``, sales of what the trader holds itself are still taken."""

    halted: bool
    reducing: bool = False


class Fence(Message, frozen=True):
    """Trader to a venue, behind the orders that are on their way to it. Answer: `Fenced`."""

    number: int
    role: str


class Fenced(Message, frozen=True):
    """Every order sent before the fence was handed to the venue's port."""

    number: int
    role: str
