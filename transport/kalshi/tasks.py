"""Work that runs behind a call that must return at once; ended together, and none of it unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

MAX_TASKS: Final = 2_000


class Tasks:
    """The tasks of one client. ``report`` hears of one that broke, which is a bug of ours."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, None], name: str) -> bool:
        """Run it; False where there is too much under way, or the end has come: then it never began."""
        if self._closed or len(self._running) >= MAX_TASKS:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return True

    def __len__(self) -> int:
        return len(self._running)

    async def close(self) -> None:
        """Cancel what runs, and wait for its end."""
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._report(f"{task.get_name()} broke: {task.exception()!r}")
