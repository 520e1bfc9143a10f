"""Crash points: every durable write, frame, and order to a real venue, by name, as the code of a process shows them.

A point is ``<what>:before`` or ``<what>:after``, and ``#n`` when it is reached for the n-th time in a process. What a
write is, is read off the classes themselves, so that a write method added later is a crash point without being listed.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final

from transport.journal import Journal
from transport.kalshi.connection import Answer, Connection
from transport.ledger.store import LedgerStore
from transport.link.callbacks import LinkCallbacks
from transport.link.client import LinkClient
from transport.link.server import LinkServer
from transport.paper_account import PaperAccount
from transport.process import ArbProcess

WRITES: Final = (
    ("journal", Journal, frozenset({"_writing"})),
    ("ledger", LedgerStore, frozenset({"_insert", "insert"})),
    ("paper", PaperAccount, frozenset({"transaction"})),
)
"""A durable class, and the names of which a public method of it uses one when it writes."""

SIDES: Final = ("before", "after")

AnyCall = Callable[..., Any]


def write_methods() -> Iterator[tuple[str, type, str]]:
    """Every public method that writes: the point's name, the class, the method's name."""
    for prefix, owner, signs in WRITES:
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_") and signs & set(method.__code__.co_names):
                yield f"{prefix}.{name}", owner, name


def write_points() -> frozenset[str]:
    """The points of all writes, as the code has them."""
    return frozenset(f"{point}:{side}" for point, _, _ in write_methods() for side in SIDES)


class Points:
    """Notes every point that is reached in ``trace``, and kills this process at ``fatal``."""

    def __init__(self, trace: Path, fatal: str | None, slow_ms: int = 0) -> None:
        self.trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.fatal, self.slow_ms = fatal, slow_ms
        self.counts: Counter[str] = Counter()
        self.lock = Lock()  # the ledger is written on a thread of its own
        self.told: dict[str, tuple[int, Callable[[], object]]] = {}

    def when(self, name: str, times: int, tell: Callable[[], object]) -> None:
        """Call this when the point is reached for the n-th time; at once where it was."""
        self.told[name] = times, tell
        if self.counts[name] >= times:
            tell()

    def reach(self, name: str) -> None:
        """A point; nothing of this process happens after the fatal one, on no thread."""
        with self.lock:
            self.counts[name] += 1
            place = f"{name}#{self.counts[name]}"
            os.write(self.trace, f"{place}\n".encode())
            if place == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()
        times, tell = self.told.get(name, (0, None))
        if tell is not None and self.counts[name] >= times:
            tell()

    def around(self, name: str, call: AnyCall, *args: object, **options: object) -> Any:  # noqa: ANN401 -- as the call
        """Call between two points."""
        self.reach(f"{name}:before")
        result = call(*args, **options)
        self.reach(f"{name}:after")
        return result

    def install(self) -> None:
        """Put points around every write, send and receive of this process."""
        for point, owner, name in write_methods():
            slow_ms = self.slow_ms if owner is LedgerStore else 0
            setattr(owner, name, self._around_method(point, getattr(owner, name), slow_ms))
        setattr(Path, "replace", self._around_replace(Path.replace))  # noqa: B010 -- mypy lets no method be assigned
        for link in (LinkServer, LinkClient):
            setattr(link, "send", self._around_send(link.send))  # noqa: B010 -- mypy lets no method be assigned
        setattr(ArbProcess, "link_callbacks", self._around_receive(ArbProcess.link_callbacks))  # noqa: B010
        setattr(Connection, "send", self._around_post(Connection.send))  # noqa: B010 -- mypy lets no method be assigned

    def _around_method(self, point: str, method: AnyCall, slow_ms: int) -> AnyCall:
        @functools.wraps(method)
        def slowly(*args: object, **options: object) -> object:
            Event().wait(slow_ms / 1_000)
            return method(*args, **options)

        @functools.wraps(method)
        def call(*args: object, **options: object) -> object:
            return self.around(point, slowly if slow_ms else method, *args, **options)

        return call

    def _around_replace(self, replace: AnyCall) -> AnyCall:
        """Small files (the count of starts, the ledger's id) are written anew and then take the old one's name."""

        def call(path: Path, target: Path) -> object:
            return self.around(f"replace {target.name}", replace, path, target)

        return call

    def _around_send(self, send: AnyCall) -> AnyCall:
        def call(link: object, conn_id: int, text: str) -> object:
            return self.around(f"send {kind(text)}", send, link, conn_id, text)

        return call

    def _around_post(self, send: AnyCall) -> AnyCall:
        """An order's bytes on the way to its venue, and the answer that was read, before anybody hears of it."""

        def call(connection: object, request: Any, body: bytes, done: AnyCall, timeout_s: float) -> object:  # noqa: ANN401 -- h11's
            if request.method != b"POST":
                return send(connection, request, body, done, timeout_s)
            venue = "kalshi" if b"trade-api" in request.target else "polymarket"

            def answered(answer: object) -> object:
                said = "answer" if isinstance(answer, Answer) else "no answer"
                return self.around(f"{said} {venue}", done, answer)

            return self.around(f"post {venue}", send, connection, request, body, answered, timeout_s)

        return call

    def _around_receive(self, make: Callable[[ArbProcess], LinkCallbacks]) -> Callable[[ArbProcess], LinkCallbacks]:
        def call(process: ArbProcess) -> LinkCallbacks:
            callbacks = make(process)
            return LinkCallbacks(
                on_open=lambda *args: self.around("link opened", callbacks.on_open, *args),
                on_text=lambda conn_id, text: self.around(f"receive {kind(text)}", callbacks.on_text, conn_id, text),
                on_garbage=callbacks.on_garbage,
                on_close=lambda *args: self.around("link closed", callbacks.on_close, *args),
            )

        return call


def kind(text: str) -> str:
    """The type of a frame; and whether it says where the cash of a market is."""
    frame = json.loads(text)
    return "cash by shard" if frame["type"] == "cash" and frame.get("shards") else str(frame["type"])
