"""The way of an order: signed and written on a warm connection before :meth:`OrderWire.post` returns, and once.

Nothing here waits, queues or repeats. Where no connection is free nothing is sent, which is known at once; where the
answer does not come nobody knows, and that is said. docs/decisions/0019 says why reads go another way.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final
from urllib.parse import urlsplit

import h11

from transport.feeds.port import FeedClock
from transport.kalshi.clock_offset import ClockOffset
from transport.kalshi.connection import Answer, Connection, Done, Lost
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff
from venues.kalshi.hosts import API, Hosts
from venues.kalshi.signing import Credentials

SPARE: Final = 3
"""Connections that are kept free: a trade's two legs, and one that is being looked after."""

MOST: Final = 16
"""Connections in all: as many orders may be under way."""

KEEP_WARM_S: Final = 20.0
"""A free connection is used after this long at the latest; what stands between may forget it after a minute."""

CONNECT_S: Final = 5.0

AGENT: Final = "arb"

_PROBE: Final = f"{API}/exchange/status"


class Sent(Enum):
    """What became of the attempt to write an order. Only after ``WRITTEN`` can there be one."""

    WRITTEN = "written"
    NO_CONNECTION = "no connection"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class WirePolicy:
    """How patient the wire is; tests make it hasty."""

    timeout_s: float = 4.0
    spare: int = SPARE
    most: int = MOST
    keep_warm_s: float = KEEP_WARM_S
    connect_s: float = CONNECT_S
    retry_base_s: float = 0.25
    tls: ssl.SSLContext | None = None


class WarmWire:
    """Warm connections to one host, opened again as they are lost. Use :meth:`start` and :meth:`close`."""

    def __init__(
        self,
        origin: str,
        clock: FeedClock,
        *,
        rng: Random,
        policy: WirePolicy | None = None,
        offset: ClockOffset | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``origin``: scheme, host and port. ``report`` takes a line for the log."""
        parts = urlsplit(origin)
        secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if secure else 80)
        self._authority = parts.netloc
        self._clock = clock
        self._rng = rng
        self._policy = policy or WirePolicy()
        self._tls = (self._policy.tls or client_tls()) if secure else None
        self._report = report
        self._connections: dict[Connection, float] = {}
        """Each with the loop's time when it was last used."""
        self._opening = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._warmer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None
        self._closed = False
        self._flaps = 0
        """Connections in a row that were lost before they had brought one answer."""
        self._trouble: str | None = None
        self._arrived = asyncio.Event()
        self.offset = offset or ClockOffset()
        self.changed: Callable[[], None] = lambda: None
        """Called when connections came or went."""
        self.written = 0

    # -- for the venue to fill in ----------------------------------------------------------------------------

    probe: str
    """A public path that answers quickly, to keep connections warm."""

    def signed(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """The headers that say who we are, for a request that is written in this moment."""
        raise NotImplementedError

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self, patience_s: float = 0.0) -> None:
        """Begin to connect; waits so long at most for the first connection."""
        self._top_up()
        self._warm_later()
        if patience_s > 0:
            try:
                await asyncio.wait_for(self._arrived.wait(), patience_s)
            except TimeoutError:
                return

    async def close(self) -> None:
        """End every connection; what is under way is lost."""
        self._closed = True
        for timer in (self._warmer, self._again):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.close()

    @property
    def ready(self) -> int:
        """How many orders could leave now."""
        return sum(1 for connection in self._connections if connection.idle)

    @property
    def trouble(self) -> str | None:
        """Why the last attempt to connect failed; None since one succeeded."""
        return self._trouble

    @property
    def unreachable(self) -> str | None:
        """Why there is no connection at all; None where there is one, free or not."""
        return None if self._connections else self._trouble or "not connected"

    # -- an order --------------------------------------------------------------------------------------------

    def post(self, path: str, body: bytes, done: Done, *, expires_at_ms: int | None = None) -> Sent:
        """Write a signed ``POST`` now, or never.

        ``done`` is called once, later, and only after ``Sent.WRITTEN``. The deadline is looked at last, when nothing
        but the writing is left to do.
        """
        connection = self._take()
        if connection is None:
            self._top_up()
            return Sent.NO_CONNECTION
        request = self._request("POST", path, body)
        if expires_at_ms is not None and self._clock.unix_us() >= expires_at_ms * 1_000:
            return Sent.EXPIRED
        self.written += 1
        self._send(connection, request, body, done)
        self._top_up()
        return Sent.WRITTEN

    def _take(self) -> Connection | None:
        """The free connection that was used last: the likeliest to be alive."""
        free = [connection for connection in self._connections if connection.idle]
        return max(free, key=self._connections.__getitem__, default=None)

    def _request(self, method: str, path: str, body: bytes = b"") -> h11.Request:
        headers = [
            ("Host", self._authority),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate"),
            ("Content-Type", "application/json"),
            ("User-Agent", AGENT),
        ]
        if body:
            headers.append(("Content-Length", str(len(body))))
            headers.extend(self.signed(method, path, body).items())
        return h11.Request(method=method, target=path, headers=headers)

    def _send(self, connection: Connection, request: h11.Request, body: bytes, done: Done) -> None:
        sent_us = self._clock.unix_us()
        self._connections[connection] = asyncio.get_running_loop().time()

        def measured(answer: Answer | Lost) -> None:
            if isinstance(answer, Answer):
                self._flaps = 0
                self.offset.date(answer.headers.get("date"), sent_us, self._clock.unix_us())
            done(answer)

        connection.send(request, body, measured, self._policy.timeout_s)

    # -- connections -----------------------------------------------------------------------------------------

    def _top_up(self) -> None:
        """Have enough free connections, within what there may be in all."""
        while (
            not self._closed
            and self.ready + self._opening < self._policy.spare
            and len(self._connections) + self._opening < self._policy.most
        ):
            self._opening += 1
            task = asyncio.get_running_loop().create_task(self._open(), name="order connection")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self) -> None:
        """One connection, tried until it is there."""
        try:
            attempt = 0
            while not await self._connect():
                await asyncio.sleep(backoff(attempt, self._rng, base=self._policy.retry_base_s))
                attempt += 1
        finally:
            self._opening -= 1

    async def _connect(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._policy.connect_s):
                await loop.create_connection(self._made, self._host, self._port, ssl=self._tls)
        except OSError as error:
            # TimeoutError and ssl's errors are some of these.
            self._failed(str(error) or "no connection in time")
            return False
        if self._trouble is not None:
            self._report(f"connected to {self._host} again")
            self._trouble = None
        return True

    def _failed(self, why: str) -> None:
        if self._trouble is None:
            self._report(f"cannot connect to {self._host}: {why}")
        self._trouble = why
        self.changed()

    def _made(self) -> Connection:
        return Connection(on_idle=self._idle, on_lost=self._lost)

    def _idle(self, connection: Connection) -> None:
        self._connections.setdefault(connection, asyncio.get_running_loop().time())
        self._arrived.set()
        self.changed()

    def _lost(self, connection: Connection, why: str) -> None:
        self._connections.pop(connection, None)
        if self._closed:
            return
        self.changed()
        if connection.answers:
            self._top_up()
            return
        # Whoever accepts connections only to drop them is not asked in a circle.
        self._failed(why)
        if self._again is None:
            delay = backoff(self._flaps, self._rng, base=self._policy.retry_base_s)
            self._again = asyncio.get_running_loop().call_later(delay, self._try_again)
        self._flaps += 1

    def _try_again(self) -> None:
        self._again = None
        self._top_up()

    def _warm_later(self) -> None:
        self._warmer = asyncio.get_running_loop().call_later(self._policy.keep_warm_s / 4, self._warm)

    def _warm(self) -> None:
        """Use the free connection that was not used for longest, if an order would still find another one."""
        free = [connection for connection in self._connections if connection.idle]
        now = asyncio.get_running_loop().time()
        if len(free) > 1:
            oldest = min(free, key=self._connections.__getitem__)
            if now - self._connections[oldest] >= self._policy.keep_warm_s / 2:
                self._send(oldest, self._request("GET", self.probe), b"", lambda _: None)
        self._top_up()
        self._warm_later()


class OrderWire(WarmWire):
    """The way to Kalshi."""

    probe = _PROBE

    def __init__(
        self,
        hosts: Hosts,
        credentials: Credentials,
        clock: FeedClock,
        *,
        rng: Random,
        policy: WirePolicy | None = None,
        offset: ClockOffset | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(hosts.rest, clock, rng=rng, policy=policy, offset=offset, report=report)
        self._credentials = credentials

    def signed(self, method: str, path: str, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 -- Kalshi signs no body
        """See :class:`WarmWire`."""
        return self._credentials.headers(self._clock.unix_us() // 1_000, method, path)
