"""What is said between actors to compare a venue's account with the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from actors.messages import Message
from protocol.holdings import Holdings
from protocol.terms import Action, LegId, Platform, Side
from protocol.units import Money, Quantity


class HoldingsAsked(Message, frozen=True):
    """What do the accounts of these platforms hold? Answered by a :class:`HoldingsSaid` for each, or not at all.

    ``number`` is the asker's own, and comes back. Orders are wanted from ``since_us`` on (unix microseconds).
    """

    number: int
    platforms: frozenset[Platform]
    since_us: int


class HoldingsSaid(Message, frozen=True):
    """What an account held at some moment after it was asked, or why that cannot be said now. ``who``: the trader.

    ``part``: which of how many; then ``holdings`` is a piece of the account.
    """

    number: int
    platform: Platform
    paper: bool
    holdings: Holdings | None = None
    failed: str | None = None
    who: str = "local"
    part: tuple[int, int] | None = None


class UnknownLeg(Message, frozen=True):
    """A leg of which at most ``left`` contracts more may have been filled than the ledger counts."""

    leg_id: LegId
    market: str
    side: Side
    action: Action
    left: Quantity


class LedgerHeld(Message, frozen=True):
    """The ledger's side of it.

    ``moving``: markets in which something was sent or proven since the venue was asked. ``orders``: of the ids that
    were asked about those that are known, with their proven fill, or None while it is not certain. ``cash`` is what
    all fills and settled markets have brought, fees off; ``settled``: no cost or fee of it can still change.
    """

    held: Mapping[tuple[str, Side], Quantity]
    moving: frozenset[str]
    unknown: tuple[UnknownLeg, ...]
    orders: Mapping[str, Quantity | None]
    cash: Money
    settled: bool
    paid_out: int = 0
    """How often a person said that a market was paid out: what that brought is not in ``cash``."""


class LedgerAsked(Message, frozen=True):
    """What has the ledger of this account, and which of these order ids? ``since_us``: when the venue was asked."""

    number: int
    platform: Platform
    paper: bool
    since_us: int
    ids: frozenset[str]


class LedgerTold(Message, frozen=True):
    """The answer to the :class:`LedgerAsked` of that number."""

    number: int
    platform: Platform
    paper: bool
    ledger: LedgerHeld
