"""What an account at a venue holds, as the venue itself says: compared with the ledger, and never taken over."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from protocol.terms import Side
from protocol.units import Money, Price, Quantity


class HeldContracts(msgspec.Struct, frozen=True, gc=False):
    """Contracts of one side of a market; never below zero."""

    market: str
    side: Side
    contracts: Quantity


class ListedOrder(msgspec.Struct, frozen=True, gc=False):
    """One order as the venue lists it. ``client_id`` is empty where the venue does not say it.

    ``left`` rests in the book; ``t_us`` is when it was made, unix microseconds of the venue (0: not said).
    """

    client_id: str
    order_id: str
    market: str
    filled: Quantity
    left: Quantity
    t_us: int = 0


class SettledMarket(msgspec.Struct, frozen=True, gc=False):
    """A market that was paid out: what was held of it, and what a contract of YES was worth (NO the rest of $1)."""

    market: str
    yes: Quantity
    no: Quantity
    value: Price
    t_us: int = 0


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """An account at one moment: everything in it is there, or there is no such value.

    ``orders``: what rests, and everything made from ``listed_from_us`` on (None: this venue lists no orders). ``nets``:
    YES and NO of one market cancel each other out, and what is left is held. ``accounts``: cash by shard. ``moving``:
    markets in which an order of ours was under way meanwhile; what is said of them may be of any moment. ``settled``:
    what was paid out lately, as far as the venue lists it.
    """

    positions: tuple[HeldContracts, ...]
    orders: tuple[ListedOrder, ...] = ()
    accounts: tuple[tuple[str, Money], ...] = ()
    nets: bool = False
    listed_from_us: int | None = None
    moving: tuple[str, ...] = ()
    settled: tuple[SettledMarket, ...] = ()


HoldingsReport = Callable[[Holdings | None, str | None], None]
"""The account, or why it cannot be compared now."""
