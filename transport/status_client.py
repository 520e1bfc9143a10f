"""Asking the process that runs on this machine how it is: the client end of :mod:`transport.status_socket`.

Plain sockets and no asyncio, so that ``arb status`` starts as fast as Python does.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any, Final

MAX_PATH_BYTES: Final = 100
"""What every system's socket address can hold: 108 bytes on Linux, 104 on macOS, the final zero included."""
MAX_REQUEST_BYTES: Final = 16 * 1024
MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
TIMEOUT_S: Final = 5.0


class StatusError(Exception):
    """Base of every reason why there is no answer, or nobody to give one."""


class PathTooLong(StatusError):
    """The socket's path does not fit into a socket address."""


class NotRunning(StatusError):
    """Nobody listens on the socket."""


class NoAnswer(StatusError):
    """Somebody listens, but did not answer in time or not in words we know."""


def check_path(path: Path) -> None:
    """Raise :class:`PathTooLong` when no system could bind ``path``."""
    size = len(os.fsencode(path))
    if size > MAX_PATH_BYTES:
        raise PathTooLong(
            f"the status socket's path has {size} bytes, and {MAX_PATH_BYTES} is the most that works everywhere: "
            f"{path}. Set ARB_HOME to a shorter directory"
        )


def ask(path: Path, request: dict[str, Any], timeout: float = TIMEOUT_S) -> dict[str, Any]:
    """Send ``request`` to the process that listens on ``path`` and return its answer, within ``timeout`` seconds.

    Numbers with a point come back as :class:`~decimal.Decimal`. Raises :class:`NotRunning` when nobody listens,
    :class:`NoAnswer` when somebody does but says nothing usable, :class:`PathTooLong`.
    """
    check_path(path)
    deadline = monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunning(f"nothing runs here: nobody listens on {path}") from None
        except OSError as error:
            raise NoAnswer(f"cannot ask {path}: {error.strerror or 'no answer in time'}") from error
        try:
            # A process that refuses us does not wait for the request: its answer is there although ours broke off.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(json.dumps(request).encode() + b"\n")
            said = _read_line(connection, deadline)
        except TimeoutError:
            raise NoAnswer(f"the process behind {path} gave no answer in {timeout:g} s") from None
        except OSError as error:
            raise NoAnswer(f"the process behind {path} hung up: {error.strerror}") from error
    return _parse(said, path)


def _read_line(connection: socket.socket, deadline: float) -> bytes:
    """Up to the newline, the end of the stream, or the limit; raises TimeoutError at the deadline."""
    said = bytearray()
    while not said.endswith(b"\n") and len(said) <= MAX_ANSWER_BYTES:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        # Anew each time: a process that sends a byte now and then must not hold us longer than was asked.
        connection.settimeout(left)
        chunk = connection.recv(65_536)
        if not chunk:
            break
        said += chunk
    return bytes(said)


def _parse(said: bytes, path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(said, parse_float=Decimal) if said.endswith(b"\n") else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NoAnswer(f"the process behind {path} gave no usable answer ({len(said)} bytes); is it of this version?")
    return answer
