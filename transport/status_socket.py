"""A local socket that only this user can open: one JSON line in, one JSON line out, then it is closed.

The safety is the directory's: mode 0700 and owned by us, checked at every start, so that no other user can reach
the socket, replace it, or put one of his own in its place. The lock beside it makes two starts at the same instant
end with one process that runs and one that says so; the system releases it however a process dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final

import msgspec

from transport.status_client import MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, StatusError, check_path

EXCHANGE_S: Final = 5.0
"""From the connection to the end of the answer."""
MAX_CLIENTS: Final = 16

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

Answer = dict[str, Any]


class AlreadyRunning(StatusError):
    """Another process listens on this socket: a second one of the same ARB_HOME is not started."""


class UnsafePlace(StatusError):
    """The directory or the file is not ours alone; the message says how to mend it."""


class StatusServer:
    """Answers each request with ``answer(request)``, which may be a coroutine function.

    A request that is no JSON object, too long, too slow or one too many gets ``{"error": ...}`` or a closed
    connection; an ``answer`` that raises is a bug: it goes to the loop's exception handler, and the asker is told.
    """

    def __init__(
        self, path: Path, answer: Callable[[Answer], Answer | Awaitable[Answer]], *, exchange_s: float = EXCHANGE_S
    ) -> None:
        self._path = path
        self._answer = answer
        self._exchange_s = exchange_s
        self._lock: int | None = None
        self._server: asyncio.Server | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises :class:`AlreadyRunning`, :class:`UnsafePlace` or PathTooLong, all of them StatusError."""
        check_path(self._path)
        _make_private(self._path.parent)
        self._lock = _take_lock(self._path)
        try:
            _remove_stale(self._path)
            listener = _listen(self._path)
        except StatusError:
            self._release()
            raise
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST_BYTES)

    async def stop(self) -> None:
        """Remove the socket, cut exchanges that are still going on, release the lock. Idempotent."""
        if self._server is None:
            return
        self._path.unlink(missing_ok=True)
        self._server.close()
        for exchange in tuple(self._exchanges):
            exchange.cancel()
        if self._exchanges:
            await asyncio.wait(tuple(self._exchanges))
        await self._server.wait_closed()
        self._server = None
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            # The file stays: to remove it would let a third process lock a new one while a second waits for this.
            os.close(self._lock)
            self._lock = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- asyncio runs us as one
        self._exchanges.add(task)
        try:
            async with asyncio.timeout(self._exchange_s):
                is_one_too_many = len(self._exchanges) > MAX_CLIENTS
                writer.write(_TOO_MANY if is_one_too_many else await self._reply(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            pass  # the asker has gone, or is too slow; there is nobody to tell
        except asyncio.CancelledError:
            pass  # only stop() cancels us, and it waits
        finally:
            writer.transport.abort()
            self._exchanges.discard(task)

    async def _reply(self, reader: asyncio.StreamReader) -> bytes:
        try:
            request = json.loads(await reader.readuntil())
        except asyncio.LimitOverrunError:
            return _encode({"error": f"a request has at most {MAX_REQUEST_BYTES} bytes"})
        except (asyncio.IncompleteReadError, ValueError, RecursionError):
            return _encode({"error": "a request is one line of JSON"})
        if not isinstance(request, dict):
            return _encode({"error": "a request is a JSON object"})
        try:
            said = self._answer(request)
            return _encode(await said if isawaitable(said) else said)
        except Exception as error:  # noqa: BLE001 -- a bug in the answer must not look like a process that hangs
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"the answer to status request {str(request)[:200]} raised", "exception": error}
            )
            return _encode({"error": f"internal error: {type(error).__name__}"})


def _encode(said: Answer) -> bytes:
    line = _ENCODER.encode(said) + b"\n"
    return line if len(line) <= MAX_ANSWER_BYTES else b'{"error": "the answer is too long"}\n'


_TOO_MANY: Final = _encode({"error": f"more than {MAX_CLIENTS} are asking at once: try again"})


def _make_private(directory: Path) -> None:
    """``directory`` exists, is ours, and nobody else may enter it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found, link = directory.stat(), directory.lstat()
    except OSError as error:
        raise UnsafePlace(
            f"cannot make the directory {directory}: {error.strerror}; set ARB_HOME to another"
        ) from error
    # A link of our own to a directory of our own will do; another user's link could point elsewhere tomorrow.
    if {found.st_uid, link.st_uid} != {os.geteuid()}:
        raise UnsafePlace(f"{directory} belongs to another user: set ARB_HOME to a directory of your own")
    if found.st_mode & 0o077:
        raise UnsafePlace(f"other users may enter {directory}: close it with `chmod 700 {directory}`")


def _take_lock(path: Path) -> int:
    """A lock that this process holds until it dies. Raises :class:`AlreadyRunning`."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnsafePlace(f"cannot open {path}.lock: {error.strerror}; move away what is there") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise _already_running(path) from error
    return lock


def _remove_stale(path: Path) -> None:
    """Nothing is at ``path``, or it was the socket of a dead process and is no more."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UnsafePlace(f"{path} is not a socket, and would have to be replaced by one: move it away")
    if _is_answered(path):
        raise _already_running(path)
    path.unlink()


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # noqa: FBT003 -- the socket module's own signature
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True  # somebody listens, and has too much to do
        return True


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Made with its final mode: between a bind and a chmod another process could slip in.
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    except OSError as error:
        listener.close()
        raise UnsafePlace(f"cannot make the socket {path}: {error.strerror}; set ARB_HOME to another") from error
    finally:
        os.umask(before)
    return listener


def _already_running(path: Path) -> AlreadyRunning:
    return AlreadyRunning(
        f"another process runs already and answers on {path}: see `arb status`, stop it first, "
        "or give this one an ARB_HOME of its own"
    )
