"""Peers that are not ours: raw JSON over a plain WebSocket, as anyone could write them from the seed alone."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.sync.server import ServerConnection, serve

from tests.e2e.processes import PATIENCE_S

KEEPALIVE: Final = frozenset({"ping", "pong"})

MOST_BEFORE: Final = 1_000
"""Messages that may come before the one that is waited for."""

Message = dict[str, Any]


class Peer:
    """One end of a connection. Pings are answered, as a peer does, while it waits for something else."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, message: Message) -> None:
        """Send an object as a text frame."""
        self.connection.send(json.dumps(message))

    def send_raw(self, frame: str | bytes) -> None:
        """Send whatever this is."""
        self.connection.send(frame)

    def receive(self) -> Message:
        """The next message, whatever it is; fails when none comes in time."""
        message = json.loads(self.connection.recv(PATIENCE_S))
        assert isinstance(message, dict)
        return message

    def next(self, kind: str) -> Message:
        """The next message of this type. Others than keepalive must not come before it."""
        for _ in range(MOST_BEFORE):
            message = self.receive()
            if message["type"] == kind:
                return message
            assert message["type"] in KEEPALIVE, f"waited for {kind}, got {message}"
            if message["type"] == "ping":
                self.send({"type": "pong", "timestamp": message["timestamp"]})
        raise AssertionError(f"no {kind} came")

    def ends(self) -> int:
        """The close code, once the other end has closed; what it says before is skipped."""
        for _ in range(MOST_BEFORE):
            try:
                self.connection.recv(PATIENCE_S)
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd is not None else 1006
        raise AssertionError("it was not closed")


class RawTrader(Peer):
    """The trader's end."""

    def hello(self, *platforms: str) -> Message:
        """Take the `init` and answer it as the seed's trader does."""
        init = self.receive()
        assert init["type"] == "init"
        self.send({"type": "init_ack", "success": True, "platforms": list(platforms), "error": None})
        return init

    def legs(self, count: int) -> list[Message]:
        """The next orders."""
        return [self.next("execute_leg") for _ in range(count)]

    def fill(self, leg: Message, **changes: Any) -> None:
        """Answer an order as the seed's trader does: filled whole at its limit."""
        answer = {
            "type": "leg_result",
            "leg_id": leg["leg_id"],
            "platform": leg["platform"],
            "success": True,
            "filled": leg["contracts"],
            "avg_price": leg["price"],
            "order_id": f"ord_{leg['leg_id'][-4:]}",
            "error": None,
        }
        self.send({name: value for name, value in (answer | changes).items() if value != "absent"})


@contextmanager
def raw_trader(url: str) -> Iterator[RawTrader]:
    """A plain client, connected."""
    with connect(url, proxy=None, compression=None, open_timeout=PATIENCE_S, close_timeout=2, max_size=None) as link:
        yield RawTrader(link)


class RawController:
    """A plain server. Each trader that connects waits in :meth:`accept`."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[Peer] = queue.Queue()
        self.over = threading.Event()
        self.server = serve(self._handle, "127.0.0.1", 0, close_timeout=2)
        self.url = f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"

    def _handle(self, connection: ServerConnection) -> None:
        self.arrived.put(Peer(connection))
        self.over.wait()

    def accept(self) -> Peer:
        """The next trader."""
        return self.arrived.get(timeout=PATIENCE_S)

    def greet(self, *platforms: str, dry_run: bool = True, **more: Any) -> tuple[Peer, Message]:
        """The next trader, greeted as the seed's controller does, and its answer."""
        trader = self.accept()
        trader.send({"type": "init", "platforms": list(platforms), "dry_run": dry_run, **more})
        return trader, trader.next("init_ack")


@contextmanager
def raw_controller() -> Iterator[RawController]:
    """A plain server on a free port of loopback."""
    controller = RawController()
    thread = threading.Thread(target=controller.server.serve_forever, name="raw controller")
    thread.start()
    try:
        yield controller
    finally:
        controller.over.set()
        controller.server.shutdown()
        thread.join(PATIENCE_S)
