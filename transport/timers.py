"""The clock port: the loop's timers, told to the clock actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

MAX_TIMERS: Final = 100_000


class LoopTimers:
    """Implements ``TimerPort`` on an asyncio loop. :meth:`close` cancels everything that is pending."""

    def __init__(self, due: Callable[[int], None], loop: asyncio.AbstractEventLoop | None = None) -> None:
        """``due(token)`` is called when a timer's time has come."""
        self.due = due
        self.loop = loop or asyncio.get_running_loop()
        self.pending: dict[int, asyncio.TimerHandle] = {}

    def call_later(self, delay_us: int, token: int) -> None:
        """Start a timer."""
        if len(self.pending) >= MAX_TIMERS:
            raise RuntimeError(f"more than {MAX_TIMERS} timers pending: something starts them without end")
        self.pending[token] = self.loop.call_later(delay_us / 1e6, self._fire, token)

    def _fire(self, token: int) -> None:
        if self.pending.pop(token, None) is not None:
            self.due(token)

    def close(self) -> None:
        """No timer fires after this."""
        for handle in self.pending.values():
            handle.cancel()
        self.pending.clear()
