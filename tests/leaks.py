"""What this process holds that a test must give back: threads, child processes, open sockets.

Tasks need no look: ``asyncio.run`` cancels those that are left, and an event loop that is not closed is a warning,
which fails the test too.
"""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 2.0
"""How long a thread may take to end after the test is over."""

_DESCRIPTORS: Final = Path("/proc/self/fd")
_TASKS: Final = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Held:
    """Threads by object, child processes by pid, sockets by inode; the last two are empty without ``/proc``."""

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    sockets: frozenset[str]


def held() -> Held:
    """What the process holds now. A child that ended and was not waited for is held, too."""
    return Held(frozenset(threading.enumerate()), frozenset(_children()), frozenset(_sockets()))


def new_since(before: Held) -> list[str]:
    """Describe, in words, each thing held now that was not held ``before``; threads are given time to end."""
    for thread in set(threading.enumerate()) - before.threads:
        thread.join(PATIENCE_S)
    if _sockets() - before.sockets:
        # What nobody refers to any more is closed by the collector, which also warns about it.
        gc.collect()
    after = held()
    return [
        *(f"thread {thread.name!r}" for thread in after.threads - before.threads),
        *(f"child process {pid}" for pid in sorted(after.children - before.children)),
        *(f"open {socket}" for socket in sorted(after.sockets - before.sockets)),
    ]


def _children() -> set[int]:
    children: set[int] = set()
    if _TASKS.is_dir():
        for task in _TASKS.iterdir():
            try:
                children.update(int(pid) for pid in (task / "children").read_text(encoding="ascii").split())
            except FileNotFoundError:
                continue  # a thread that ended meanwhile, or a kernel that does not list children
    return children


def _sockets() -> set[str]:
    sockets: set[str] = set()
    if _DESCRIPTORS.is_dir():
        for descriptor in _DESCRIPTORS.iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:
                continue  # the descriptor that lists the folder
            if target.startswith("socket:"):
                sockets.add(target)
    return sockets
