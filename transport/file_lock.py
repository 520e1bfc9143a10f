"""A lock that only one process can hold, and that a dead process cannot keep."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

_MAX_PID_BYTES: Final = 20


class AlreadyLocked(Exception):
    """Another holder has the lock; ``holder`` is its process id, 0 where it has not said it yet."""

    def __init__(self, path: Path, holder: int) -> None:
        who = f"process {holder}" if holder else "another process"
        super().__init__(f"{who} uses it already ({path} is locked): stop that one first")
        self.holder = holder


class FileLock:
    """An exclusive lock on a file of its own, from :meth:`acquire` to :meth:`release` or the process's death.

    The lock is the kernel's (``flock``): SIGKILL gives it back. The file itself stays; removing it would let two
    processes lock two files of the same name. Not the guarded file is locked but one beside it, because closing any
    handle of a file takes away the locks that SQLite holds on it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock at once, or raise :class:`AlreadyLocked`; :class:`OSError` where the file cannot be made."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode("ascii"))
        except BlockingIOError:
            holder = os.pread(handle, _MAX_PID_BYTES, 0).strip()
            os.close(handle)
            raise AlreadyLocked(self.path, int(holder) if holder.isdigit() else 0) from None
        except OSError:
            os.close(handle)
            raise
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; without one this does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
