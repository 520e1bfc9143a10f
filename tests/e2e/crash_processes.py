"""Processes that kill themselves at a crash point, and the one that starts them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final, Self

from tests.e2e.processes import PATIENCE_S, Status
from tests.ground.project import ROOT
from transport.status_client import StatusError, ask

LOG_SHOWN: Final = 40


class Nursery:
    """Starts processes in forks of one that has imported everything; several threads may ask."""

    def __init__(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.crash_main", "serve"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.server:
            pass

    def start(self, words: tuple[str, ...], env: Mapping[str, str], log: Path) -> int:
        """Start a process; its id."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        with self.lock:
            self.server.stdin.write(json.dumps({"words": words, "env": dict(env), "log": str(log)}) + "\n")
            self.server.stdin.flush()
            return int(self.server.stdout.readline())


class Life:
    """One process from its start to its end."""

    def __init__(
        self,
        nursery: Nursery,
        words: tuple[str, ...],
        env: Mapping[str, str],
        name: str,
        fatal: str | None,
        role: str,
    ) -> None:
        home = Path(env["ARB_HOME"])
        self.name, self.fatal = name, fatal
        self.log, self.trace = home / f"{name}.log", home / f"{name}.trace"
        self.socket = home / "run" / ("controller.sock" if role == "controller" else f"trader-{role}.sock")
        crash = {"CRASH_TRACE": str(self.trace)} | ({"CRASH_AT": fatal} if fatal else {})
        self.pid = nursery.start(words, {**env, **crash}, self.log)
        try:
            self.end: int | None = os.pidfd_open(self.pid)
        except ProcessLookupError:
            self.end = None

    def alive(self, wait_s: float = 0.0) -> bool:
        """Whether it has not ended within that time."""
        if self.end is None:
            return False
        poll = select.poll()
        poll.register(self.end, select.POLLIN)
        if poll.poll(wait_s * 1_000):
            os.close(self.end)
            self.end = None
        return self.end is not None

    def status(self) -> Status:
        """What it says; empty while it says nothing."""
        try:
            said = ask(self.socket, {"command": "status"}, PATIENCE_S)
        except StatusError:
            return {}
        return {} if "error" in said or said.get("pid") != self.pid else said

    def points(self) -> list[str]:
        """The points that it reached, in order; a last one of which only a part was written is none."""
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def died_as_told(self) -> bool:
        """Whether it came to its crash point."""
        return self.fatal is not None and self.points()[-1:] == [self.fatal]

    def complaints(self) -> list[str]:
        """Lines of its log that show a bug, whatever happened around it."""
        return [line for line in self.text() if "Traceback" in line or " failed on " in line]

    def text(self) -> list[str]:
        """Its log."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def shown(self) -> str:
        """The end of its log, for a person."""
        return "\n".join([f"--- {self.name} (pid {self.pid}, to die at {self.fatal})", *self.text()[-LOG_SHOWN:]])

    def stop(self) -> None:
        """End it in order."""
        self.signal(signal.SIGTERM)
        if self.alive(PATIENCE_S):
            raise AssertionError(f"{self.name} did not end")

    def kill(self) -> None:
        """Nothing of it is left."""
        self.signal(signal.SIGKILL)
        self.alive(PATIENCE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to a process that may have ended a moment ago."""
        if self.end is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.end, number)
