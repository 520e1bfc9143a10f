"""What both processes share: the host, timers, status socket, signals, and an end in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from actors.base import ActorFailed, Address
from actors.messages import LinkClosed, LinkGarbage, LinkOpened, LinkText, StatusAsked, StopAsked, TimerDue
from actors.ports import Observer
from transport.alerts import AlertPlan, make_alerts
from transport.host import ActorHost
from transport.link.callbacks import LinkCallbacks
from transport.log_observer import LogObserver
from transport.logs import log_event
from transport.status_socket import StatusServer
from transport.timers import LoopTimers

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class ArbProcess:
    """A host in a running loop, and the ports that every process has. Implements ``StatusPort`` and ``LifePort``.

    :attr:`ended` is set when the tree has stopped; :attr:`failed` says whether that was a failure.
    """

    def __init__(self, socket: Path | None, alerts: AlertPlan | None = None) -> None:
        """``socket``: where to answer status requests; None for nowhere (tests). ``alerts``: who is told what."""
        self.loop = asyncio.get_running_loop()
        self.alerts = make_alerts(alerts)
        self.host = ActorHost(on_fatal=self._fatal)
        self.log = LogObserver(self.loop)
        self.roles: Mapping[str, Address] = {}
        self.root: Address | None = None
        self.ended = asyncio.Event()
        self.failed = False
        self.left_open = 0
        self.timers = LoopTimers(lambda token: self.tell("clock", TimerDue(token)), self.loop)
        self.status = None if socket is None else StatusServer(socket, self._status)
        self._documents: dict[int, dict[str, Any]] = {}
        self._queries = 0
        self._stop_asked = False

    # -- ports -----------------------------------------------------------------------------------------------

    def who(self, roles: Mapping[str, Address]) -> None:
        """``LifePort``: who has which role."""
        self.roles = roles

    def stopped(self, how: str, left_open: int, *, failed: bool) -> None:
        """``LifePort``: the tree has stopped."""
        if left_open:
            log_event("CONTROL", "error", f"stopped {how} with {left_open} trades or legs whose fate is not proven")
        self.failed = self.failed or failed
        self.left_open = left_open
        self.ended.set()

    def answer(self, query_id: int, document: dict[str, Any]) -> None:
        """``StatusPort``: the document that was asked for."""
        self._documents[query_id] = document

    def tell(self, role: str, message: object) -> None:
        """Tell whoever has that role now."""
        address = self.roles.get(role)
        if address is not None:
            self.host.tell(address, message)

    def link_callbacks(self) -> LinkCallbacks:
        """What a link tells: each event becomes a message to the bridge."""
        return LinkCallbacks(
            on_open=lambda conn_id, peer: self.tell("bridge", LinkOpened(conn_id, peer)),
            on_text=lambda conn_id, text: self.tell("bridge", LinkText(conn_id, text)),
            on_garbage=lambda conn_id, reason: self.tell("bridge", LinkGarbage(conn_id, reason)),
            on_close=lambda conn_id, reason: self.tell("bridge", LinkClosed(conn_id, reason)),
        )

    # -- status ----------------------------------------------------------------------------------------------

    def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request of the status socket; the tree answers within the turn."""
        command = request.get("command", "status")
        return self.snapshot() if command == "status" else self.command(str(command), request)

    def command(self, command: str, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 -- for subclasses
        """Do what this user of this machine asks for, and answer; whoever can reach the socket may ask."""
        return {"error": f"unknown command {command[:40]!r}"}

    def snapshot(self) -> dict[str, Any]:
        """The status document as of now."""
        if self.root is None:
            return {"error": "the process is starting: ask again"}
        self._queries += 1
        self.host.tell(self.root, StatusAsked(self._queries))
        document = self._documents.pop(self._queries, None)
        if document is None:
            return {"error": "the process is going down"}
        return document if self.alerts is None else document | {"alerts": self.alerts.describe()}

    @property
    def observers(self) -> tuple[Observer, ...]:
        """What every process has listening: the log, and the alerts where somebody wants them."""
        return (self.log,) if self.alerts is None else (self.log, self.alerts)

    # -- life ------------------------------------------------------------------------------------------------

    def ask_to_stop(self, reason: str) -> None:
        """Stop in order; asked a second time, stop waiting for legs in flight."""
        if self._stop_asked:
            log_event("CONTROL", "warning", "asked again: not waiting for legs in flight any longer")
            self.ended.set()
            return
        self._stop_asked = True
        if self.root is not None:
            self.host.tell(self.root, StopAsked(reason))
        else:
            self.ended.set()

    def _fatal(self, failure: ActorFailed) -> None:
        log_event("CONTROL", "error", f"{failure.name} failed on {failure.message_type}: {failure.error}")
        log_event("CONTROL", "debug", failure.detail)
        self.failed = True
        self.ended.set()

    def take_signals(self) -> None:
        """Ctrl-C and SIGTERM stop in order from here on."""
        for number in STOP_SIGNALS:
            self.loop.add_signal_handler(number, self.ask_to_stop, signal.Signals(number).name)

    async def close(self) -> None:
        """Nothing of this process is left open: call it last, whatever happened before."""
        for number in STOP_SIGNALS:
            self.loop.remove_signal_handler(number)
        if self.status is not None:
            await self.status.stop()
        self.timers.close()
        self.host.shutdown()
        self.log.flush()
        if self.alerts is not None:
            self.alerts.close()
