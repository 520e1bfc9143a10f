"""Alerts on their way to people: a thread for each service, so that a dead or slow one delays nothing, nor another one.

What happens in a turn is only that a note is looked at and perhaps put into queues; a full queue loses the alert and
counts it. Whether a service has taken an alert is known to its thread alone and shows in the status.

The URLs are secrets: they name accounts and hold their tokens. No log line, error or status shows one; a service is
called by its number and its kind, as in ``2 (ntfy)``. What `apprise` itself logs is not let through for that reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from actors.alert_desk import Alert, AlertDesk, AlertRules
from transport.logs import add_secret, log_event

MAX_WAITING: Final = 100
"""Alerts that wait for one service; more are lost, and counted."""

TICK_S: Final = 1.0

CLOSE_S: Final = 3.0
"""How long the end of the process waits for alerts that are on their way, all services together."""

MAX_SCHEME: Final = 20

Send = Callable[[str, str], bool]
"""Title and text to one service; False or any exception where it has not taken them. It may take its time."""


class AlertsError(Exception):
    """An alert service cannot be used; the text names it by its number and never shows its URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPlan:
    """Who is told what. ``urls`` are those of `apprise`; ``where`` names this process in each alert."""

    urls: tuple[str, ...]
    rules: AlertRules
    zone: tzinfo
    hour: int
    where: str


class AlertService:
    """One service with its queue and its thread, which ends with the process whatever it waits for."""

    def __init__(self, name: str, send: Send) -> None:
        """Starts its thread."""
        self.name = name
        self.sent = 0
        self.failed = 0
        self.lost = 0
        self._send = send
        self._queue: queue.Queue[tuple[str, str] | None] = queue.Queue(MAX_WAITING)
        self._closed = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"alerts {name}", daemon=True)
        self._thread.start()

    def put(self, title: str, text: str) -> None:
        """Have it sent some time; returns at once."""
        try:
            self._queue.put_nowait((title, text))
        except queue.Full:
            self.lost += 1

    def close(self, until: float) -> bool:
        """Send what waits, until that moment (monotonic seconds) at most; True when the thread has ended."""
        self._closed.set()
        # Where it is full the thread looks at `_closed` after each alert.
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(max(0.0, until - time.monotonic()))
        return not self._thread.is_alive()

    def describe(self) -> dict[str, Any]:
        """For the status."""
        counts = {"sent": self.sent, "failed": self.failed, "lost": self.lost}
        return {"service": self.name, "waiting": self._queue.qsize(), **counts}

    def _run(self) -> None:
        while not (self._closed.is_set() and self._queue.empty()):
            item = self._queue.get()
            if item is None:
                return
            self._deliver(*item)

    def _deliver(self, title: str, text: str) -> None:
        try:
            taken = self._send(title, text)
        except Exception:  # noqa: BLE001 -- whatever a service does, the next alert is tried; its text may be a secret
            taken = False
        self.sent += taken
        self.failed += not taken
        if taken is self._failing:
            # Said when it begins and when it is over; in between the status counts.
            self._failing = not taken
            word = "takes no alerts" if self._failing else "takes alerts again"
            log_event("ALERT", "warning", f"alert service {self.name} {word}")


class Alerts:
    """Implements ``Observer``. Nothing here raises into a turn; made and used on the loop's thread."""

    def __init__(self, plan: AlertPlan, services: Iterable[tuple[str, Send]], loop: asyncio.AbstractEventLoop) -> None:
        """Start the services' threads and the look at what is due by time."""
        self.desk = AlertDesk(plan.rules, plan.zone, plan.hour, _now_us())
        self.services = tuple(AlertService(name, send) for name, send in services)
        self.errors = 0
        self._where = plan.where
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = loop.call_later(TICK_S, self._tick)

    def observe(self, note: object) -> None:
        """Take one note."""
        self._guarded(lambda: self.desk.take(note, _now_us()))

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._guarded(lambda: self.desk.tick(_now_us()))

    def _guarded(self, what: Callable[[], list[Alert]]) -> None:
        try:
            for alert in what():
                for service in self.services:
                    service.put(f"arb {self._where}: {alert.kind.title}", alert.text)
        except Exception as error:  # noqa: BLE001 -- an alert that cannot be made must not end what it is about
            self.errors += 1
            if self.errors == 1:
                log_event("ALERT", "error", f"an alert could not be made: {type(error).__name__}")

    def describe(self) -> dict[str, Any]:
        """For the status: what went where, what was kept back, and what was lost."""
        desk = self.desk
        return {
            "services": [service.describe() for service in self.services],
            "held_back": desk.held_back,
            "repeated": sum(desk.again.values()),
            "errors": self.errors,
        }

    def close(self) -> None:
        """Give what waits a moment to leave; a service that hangs is left behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        until = time.monotonic() + CLOSE_S
        for service in self.services:
            if not service.close(until):
                log_event("ALERT", "warning", f"alert service {service.name} did not take its last alerts in time")


def make_alerts(plan: AlertPlan | None) -> Alerts | None:
    """The alerts of the running loop's process; None where nobody is to be told. Raises :class:`AlertsError`."""
    if plan is None or not plan.urls:
        return None
    return Alerts(plan, apprise_services(plan.urls), asyncio.get_running_loop())


def apprise_services(urls: Iterable[str]) -> list[tuple[str, Send]]:
    """A sender for each URL. Raises :class:`AlertsError` for one that `apprise` does not understand."""
    # A tenth of a second, for those alone who have such a service.
    import apprise  # noqa: PLC0415

    for name in ("apprise", "urllib3", "requests"):
        # They name hosts and tokens in their warnings.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    found: list[tuple[str, Send]] = []
    for number, url in enumerate(urls, 1):
        add_secret(url)
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            raise AlertsError(
                f"alerts.urls: number {number} is no URL of a service that apprise knows; see docs/alerts.md"
            )
        scheme = url.partition(":")[0][:MAX_SCHEME]
        found.append((f"{number} ({scheme})", _sender(service)))
    return found


def _sender(service: Any) -> Send:  # noqa: ANN401 -- one of apprise's hundred plugins
    def send(title: str, text: str) -> bool:
        return bool(service.notify(title=title, body=text))

    return send


def _now_us() -> int:
    return time.time_ns() // 1_000
