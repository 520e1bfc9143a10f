"""Lets recorded time stand still while legs are in flight: a recording cannot react to our orders, a market does."""

from __future__ import annotations

import asyncio


class Gate:
    """Implements ``GatePort``: open while no leg is out."""

    def __init__(self) -> None:
        self._idle = asyncio.Event()
        self._idle.set()

    def set_busy(self, *, busy: bool) -> None:
        """Legs are out, or none is any more."""
        if busy:
            self._idle.clear()
        else:
            self._idle.set()

    async def idle(self) -> None:
        """Wait until no leg is out. The executor gives a leg up after its timeout, so this ends."""
        await self._idle.wait()
