"""What every live venue is to the process that owns it. Imports no venue's library: those are an extra."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from actors.ports import VenuePort
from transport.journal_orders import SignedOrders


class LiveVenueError(Exception):
    """A live venue that cannot be used as configured; says what a person must mend."""


class LiveVenue(VenuePort, Protocol):
    """A venue's port with connections of its own."""

    async def start(self) -> None:
        """Connect. Raises :class:`LiveVenueError` for what only a person can mend; an outage is lived through."""

    async def close(self) -> None:
        """Close everything; also what never started."""


@runtime_checkable
class KeepsOrders(Protocol):
    """A live venue that has its signed orders in the journal of its trader."""

    def keep_in(self, orders: SignedOrders) -> None:
        """From now on there; without it no order leaves."""
