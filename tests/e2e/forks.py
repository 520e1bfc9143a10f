"""`arb` processes that begin as forks of one that has imported everything: a start costs a tenth of one from nothing.

That one from nothing works is shown by the tests that start ``fresh`` ones (tests/e2e/test_life.py), and in tests/cli.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Self

from tests.ground.project import ROOT

PATIENCE_S: Final = 30.0
"""Bound of a start and of an end."""

LARGEST: Final = 131_072
"""Most bytes of what is asked: the words and the environment."""

IMPORTED: Final = (
    "cli.main",
    "cli.ledger",
    "cli.replay",
    "cli.run_controller",
    "cli.run_trader",
    "cli.status",
    "sqlalchemy.dialects.sqlite",
    "uvloop",
)
"""What `arb` imports when it needs it."""


class Fork:
    """One process: what the tests use of a ``Popen``."""

    def __init__(self, answers: socket.socket) -> None:
        self._answers = answers
        self._code: int | None = None
        self.pid = self._next()

    def wait(self, timeout: float = PATIENCE_S) -> int:
        """The exit code, negative for a signal; raises ``TimeoutExpired`` when it has not ended in time."""
        if self._code is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"arb #{self.pid}", timeout)
            self._code = self._next()
            self._answers.close()
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        try:
            self.wait(0)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _next(self) -> int:
        self._answers.settimeout(PATIENCE_S)
        return int(self._answers.recv(32))


class Forks:
    """Starts processes in forks of its server, which ends with it. Several threads may ask."""

    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.e2e.forks", str(theirs.fileno())]
            self._server = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asks.close()
        self._server.wait(PATIENCE_S)

    def start(self, words: Sequence[str], env: Mapping[str, str], out: int, err: int) -> Fork:
        """Start `arb` with these words, this environment alone, and nothing to read; ``out`` and ``err`` stay open."""
        answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            asked = json.dumps({"words": words, "env": dict(env)}).encode()
            socket.send_fds(self._asks, [asked], [theirs.fileno(), out, err])
        return Fork(answers)


def serve(asks: socket.socket) -> None:
    """Start what is asked for until nobody is there to ask; returns in each process started, which then is `arb`."""
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    # Whoever types Ctrl-C means the tests, which end what they have started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(asks, LARGEST, 3)
        if not asked:
            sys.exit()
        if os.fork() == 0:
            asks.close()
            return attend(asked, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def reap(*_: object) -> None:
    """Wait for those that have ended, so that their time counts as the tests' own."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attend(asked: bytes, answers: int, out: int, err: int) -> None:
    """Start the process, say its id, wait for it, and say how it ended; returns in the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=answers) as says:
        child = os.fork()
        if child != 0:
            os.close(out)
            os.close(err)
            says.send(b"%d" % child)
            says.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            os._exit(0)
    become(json.loads(asked), out, err)


def become(asked: dict[str, dict[str, str]], out: int, err: int) -> None:
    """Be that process."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for theirs, ours in ((out, 1), (err, 2)):
        os.dup2(theirs, ours)
    for descriptor in {out, err}:
        os.close(descriptor)
    # Those of the server know what its own files can do.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 -- for as long as it lives
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["arb", *asked["words"]]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    importlib.import_module("cli.main").main()
