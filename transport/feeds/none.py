"""No feed: for a controller whose books all come from traders."""

from __future__ import annotations

import asyncio

from protocol.terms import Platform
from transport.feeds.port import Deliver


class NoFeed:
    """Speaks of no venue, for ever."""

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """None."""
        return ()

    async def run(self, deliver: Deliver) -> None:  # noqa: ARG002 -- the port's signature
        """Deliver nothing until cancelled."""
        await asyncio.Event().wait()

    def resync(self) -> None:
        """Nothing was ever said."""
