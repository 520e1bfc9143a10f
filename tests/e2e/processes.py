"""`arb` processes in a home of their own: started, waited for within bounds, always reaped.

Nothing here sleeps: a wait ends with the log line or the status that it waits for, with the end of the process, or
with an error that shows every log.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from tests.conftest import OUR_VARIABLES
from tests.e2e.forks import Fork, Forks
from tests.ground.project import ROOT
from transport.status_client import StatusError, ask

PATIENCE_S: Final = 30.0
"""Bound of every wait; a machine that is slow by a factor of 20 still passes."""

POLL_S: Final = 0.02
"""Pause between two looks at a status; it ends early when the process does."""

FIRST_PORT: Final = 20_000
PORTS: Final = 12_000
"""Ports below those that the system gives to connections; each test process begins elsewhere among them."""

_numbers: Final = count(os.getpid() * 97)

POLLS: Final = round(PATIENCE_S / POLL_S)

SHOWN: Final = 40
"""Last lines of each log in the message of a failed wait."""

ARB: Final = (sys.executable, "-m", "cli.main")

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


_servers: Final[list[Forks]] = []


@contextmanager
def forking() -> Iterator[None]:
    """Meanwhile processes begin as forks, unless they are asked to be fresh."""
    with Forks() as server:
        _servers.append(server)
        yield
        _servers.remove(server)


def start(
    words: Sequence[str], env: Mapping[str, str], out: int, err: int, through: Sequence[str] | None
) -> Fork | subprocess.Popen[bytes]:
    """Start `arb` with these words: as a fork, or, where a command is given to start it ``through``, from nothing."""
    if _servers and through is None:
        return _servers[-1].start(words, env, out, err)
    command = [*(through or ()), *ARB, *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
    )


class Arb:
    """One `arb run ...`. ``lines`` grows as the process logs; :meth:`status` asks it over its socket."""

    def __init__(
        self, words: tuple[str, ...], env: Mapping[str, str], socket: Path, through: Sequence[str] | None
    ) -> None:
        self.words = words
        self.lines: list[str] = []
        out, write = os.pipe()
        self._out = os.fdopen(out, encoding="utf-8")
        try:
            self.process = start(("run", *words), env, write, write, through)
        finally:
            os.close(write)
        self.socket = socket.with_name(socket.name.format(pid=self.process.pid))
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"log of {self}")
        self._reader.start()

    def __str__(self) -> str:
        return f"arb run {self.words[0]} #{self.process.pid}"

    def _read(self) -> None:
        for line in self._out:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    # Waiting

    def wait_for_line(self, *parts: str, after: int = 0) -> str:
        """The first line (from number ``after`` on) that has all these parts."""
        with self._news:
            self._news.wait_for(lambda: self._find(parts, after) is not None or not self._reader.is_alive(), PATIENCE_S)
            found = self._find(parts, after)
        if found is None:
            raise AssertionError(f"{self} never logged {' ... '.join(parts)!r}\n{self.log()}")
        return found

    def _find(self, parts: tuple[str, ...], after: int) -> str | None:
        return next((line for line in self.lines[after:] if all(part in line for part in parts)), None)

    def wait_until(self, holds: Callable[[Status], object], what: str) -> Status:
        """The first status for which ``holds`` is true."""
        status: Status = {}
        for _ in range(POLLS):
            status = self.status()
            if status and holds(status):
                return status
            if self.wait(POLL_S) is not None:
                raise AssertionError(f"{self} ended before {what}\n{self.log()}")
        raise AssertionError(f"{self}: {what} did not happen; status: {status}\n{self.log()}")

    def status(self) -> Status:
        """What the process says now; empty while it says nothing, or only that it is starting or going down."""
        try:
            said = ask(self.socket, {"command": "status"}, PATIENCE_S)
        except StatusError:
            return {}
        return {} if "error" in said else said

    def wait(self, seconds: float = PATIENCE_S) -> int | None:
        """The exit code, or None when it has not ended within that time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    # Ending

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end, and return its exit code."""
        self.send(number)
        return self.ended()

    def ended(self) -> int:
        """The exit code of a process that is about to end; its log is complete then."""
        code = self.wait()
        if code is None:
            raise AssertionError(f"{self} did not end\n{self.log()}")
        self._reader.join(PATIENCE_S)
        return code

    def kill(self) -> None:
        """SIGKILL, as a crash would be; nothing of it is left."""
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        self._out.close()

    def log(self) -> str:
        """The last lines, for a person who looks for what went wrong."""
        return "\n".join([f"--- {self} ({' '.join(self.words)})", *self.lines[-SHOWN:]])


class Controller(Arb):
    """A controller that listens on loopback."""

    @property
    def port(self) -> int:
        """The port really bound."""
        status = self.wait_until(lambda said: said.get("addresses"), "it listens")
        return int(status["addresses"][0].rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where a trader connects."""
        return f"ws://127.0.0.1:{self.port}"

    def wait_for_paths(self, *platforms: str) -> Status:
        """Exactly these platforms can be executed."""
        return self.wait_until(lambda said: set(said["paths"]) == set(platforms), f"paths to {platforms}")

    def wait_for_trades(self, more: int, state: str = "hedged") -> Status:
        """So many more trades of that state than now."""
        before = self.wait_until(lambda said: "trades" in said, "it has trades")["trades"][state]
        return self.wait_until(lambda said: said["trades"][state] >= before + more, f"{more} more trades {state}")


QUIET_BREAKERS: Final = MappingProxyType(
    {
        "ARB_RISK_ERRORS_IN_ROW": "1000000",
        "ARB_RISK_ERROR_PERCENT": "100",
        "ARB_RISK_MISMATCHES_IN_ROW": "1000000",
        "ARB_RISK_NAKED_USD": "1000000",
        "ARB_RISK_UNKNOWN_LEGS": "1000000",
        "ARB_RISK_DISK_FREE_MB": "0",
    }
)
"""Breakers that never trip: what goes wrong in these tests goes wrong on purpose, and trading goes on."""


class Stage:
    """One ARB_HOME and the processes in it. Beacons go to a port of its own, so that no two stages meet.

    A home that is elsewhere for its processes (``inside``) is theirs by the command that they are started ``through``.
    With a command, even one of no words, its processes are fresh ones; without, they are forks.
    """

    def __init__(
        self,
        home: Path,
        env: Mapping[str, str] = MappingProxyType({}),
        inside: Path | None = None,
        through: Sequence[str] | None = None,
    ) -> None:
        self.home, self.through = home, through
        self.beacon_port = free_port(socket.SOCK_DGRAM)
        inherited = {k: v for k, v in os.environ.items() if not (k.startswith("ARB_") or k in OUR_VARIABLES)}
        self.env = (
            inherited
            | QUIET_BREAKERS
            | {
                "ARB_HOME": str(inside or home),
                "ARB_BEACON_PORT": str(self.beacon_port),
                # A busy machine must not turn a leg into a late one; tests of lateness set their own.
                "ARB_ORDER_TTL_MS": "20000",
                "ARB_LEG_TIMEOUT_MS": "20000",
                "COLUMNS": "80",
                "NO_COLOR": "1",
            }
        )
        self.env |= env
        self.processes: list[Arb] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for arb in self.processes:
            arb.kill()
        # pytest shows this where the test failed, and only there.
        for arb in self.processes:
            sys.stdout.write(f"{arb.log()}\n")

    def controller(self, *words: str, bind: str | None = "127.0.0.1:0", **env: str) -> Controller:
        """Start a controller, by default on any free port of loopback."""
        place = () if bind is None else ("--bind", bind)
        socket = self.home / "run" / "controller.sock"
        controller = Controller(("controller", *place, *words), self.env | env, socket, self.through)
        self.processes.append(controller)
        return controller

    def trader(self, *words: str, **env: str) -> Arb:
        """Start a trader."""
        trader = Arb(("trader", *words), self.env | env, self.home / "run" / "trader-{pid}.sock", self.through)
        self.processes.append(trader)
        return trader

    def arb(self, *words: str, **env: str) -> Done:
        """Run another command to its end."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = start(words, self.env | env, out.fileno(), err.fileno(), self.through)
            try:
                code = process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
            out.seek(0)
            err.seek(0)
            done = Done(-1 if code is None else code, out.read(), err.read())
        if code is None:
            raise AssertionError(f"arb {' '.join(words)} did not end; it said:\n{done.err}")
        return done


@contextmanager
def stages(*envs: Mapping[str, str]) -> Iterator[tuple[Stage, ...]]:
    """So many stages at once, each in a new directory with a short name (a socket's path has 100 bytes)."""
    with ExitStack() as stack:
        homes = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arb-e2e-"))) for _ in envs]
        yield tuple(stack.enter_context(Stage(home, env)) for home, env in zip(homes, envs, strict=True))


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody had a moment ago, and that the system gives to nobody who asks for any."""
    for number in _numbers:
        port = FIRST_PORT + number % PORTS
        with closing(socket.socket(socket.AF_INET, kind)) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError
