"""One socket of Polymarket's market channel: some hundred tokens, opened again whenever it is in doubt.

The venue has been seen to accept a connection, to answer every PING, and to send nothing for hours. So silence is
counted on market data alone, and ends the connection: the next one is opened first, and takes its place with its first
frame, so that a market in which nothing happens loses no book by it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from transport.feeds.port import FeedClock
from transport.link.backoff import backoff
from transport.polymarket.http import public_tls
from venues.decoded import MAX_FEED_FRAME
from venues.polymarket.commands import PING, subscribe, subscribe_first, unsubscribe

BATCH: Final = 100
"""Tokens of one later command."""

_LIBRARY_LOG: Final = logging.getLogger("arb.polymarket.socket")
_LIBRARY_LOG.addHandler(logging.NullHandler())
_LIBRARY_LOG.propagate = False

Frame = str | bytes


class Doubtful(Exception):
    """Something was said, or was not, after which only a new connection is to be believed."""


_TROUBLE: Final = (OSError, WebSocketException, TimeoutError, Doubtful)


@dataclass(frozen=True, slots=True)
class SocketPolicy:
    """Times in seconds; tests make it hasty.

    ``silent_s``: after so long without market data the next connection is opened; ``dead_s``: it must say something
    within this.
    """

    handshake_s: float = 10.0
    close_s: float = 1.0
    ping_s: float = 10.0
    silent_s: float = 15.0
    dead_s: float = 10.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 15.0
    steady_s: float = 30.0
    tls: ssl.SSLContext | None = None


class Sink(Protocol):
    """Who hears what a socket brings."""

    def up(self, number: int, tokens: tuple[str, ...]) -> None:
        """These tokens were subscribed on a new connection, or on the one that there is."""

    def renewed(self, number: int) -> None:
        """Another connection has taken the place of the last one, with the same tokens."""

    def down(self, number: int, tokens: tuple[str, ...], reason: str) -> None:
        """Nothing comes of these tokens any more."""

    def take(self, number: int, frame: Frame) -> bool:
        """One frame; whether it is market data. Raises :class:`Doubtful`."""

    def expects(self, number: int) -> bool:
        """Whether any of its tokens has a book, so that silence means something."""


class MarketSocket:
    """Runs until cancelled. ``connections`` counts how often one was opened."""

    def __init__(
        self,
        number: int,
        url: str,
        tokens: Iterable[str],
        sink: Sink,
        clock: FeedClock,
        *,
        rng: Random,
        policy: SocketPolicy | None = None,
    ) -> None:
        self.number = number
        self.connections = 0
        self._url = url
        self._tokens: dict[str, None] = dict.fromkeys(tokens)
        self._sink = sink
        self._clock = clock
        self._rng = rng
        self._policy = policy or SocketPolicy()
        self._commands: deque[str] = deque()
        self._wake = asyncio.Event()
        self._heard_us = 0
        self._is_up = False

    @property
    def tokens(self) -> tuple[str, ...]:
        """What it is to bring."""
        return tuple(self._tokens)

    def change(self, tokens: Iterable[str]) -> None:
        """From now on these tokens."""
        wanted = dict.fromkeys(tokens)
        gone = tuple(token for token in self._tokens if token not in wanted)
        new = tuple(token for token in wanted if token not in self._tokens)
        self._tokens = wanted
        if not self._is_up:
            return
        self._commands.extend(unsubscribe(part) for part in _parts(gone))
        self._commands.extend(subscribe(part) for part in _parts(new))
        if gone:
            self._sink.down(self.number, gone, "not watched any more")
        if new:
            self._sink.up(self.number, new)
        self._wake.set()

    async def run(self) -> None:
        """Bring them, whatever it takes."""
        attempt = 0
        policy = self._policy
        while True:
            began = self._clock.mono_us()
            why = await self._attempt()
            self._is_up = False
            self._sink.down(self.number, self.tokens, why)
            if self._clock.mono_us() - began >= policy.steady_s * 1_000_000:
                attempt = 0
            pause = backoff(attempt, self._rng, base=policy.backoff_s, cap=policy.backoff_cap_s)
            await self._clock.sleep_us(int(pause * 1_000_000))
            attempt += 1

    # -- one connection after the other, without a moment between ---------------------------------------------

    async def _attempt(self) -> str:
        """From the first connection to the one that fails; why it did."""
        socket: ClientConnection | None = None
        try:
            socket = await self._open()
            self._is_up = True
            self._sink.up(self.number, self.tokens)
            while True:
                await self._serve(socket)
                socket = await self._replace(socket)
        except InvalidHandshake as error:
            return f"polymarket refused the connection: {error}"
        except _TROUBLE as error:
            return str(error) or type(error).__name__
        finally:
            if socket is not None:
                await socket.close()

    async def _open(self) -> ClientConnection:
        """A connection on which everything is subscribed; what was to be commanded is in that."""
        secure = urlsplit(self._url).scheme == "wss"
        socket = await connect(
            self._url,
            ssl=(self._policy.tls or public_tls()) if secure else None,
            user_agent_header="arb",
            proxy=None,
            compression=None,
            open_timeout=self._policy.handshake_s,
            close_timeout=self._policy.close_s,
            # The venue's keepalive is a text of its own.
            ping_interval=None,
            max_size=MAX_FEED_FRAME,
            logger=_LIBRARY_LOG,
        )
        self.connections += 1
        self._commands.clear()
        self._heard_us = self._clock.mono_us()
        await socket.send(subscribe_first(self.tokens))
        return socket

    async def _serve(self, socket: ClientConnection) -> None:
        """Until it is silent for too long. Raises one of ``_TROUBLE`` where it fails."""
        jobs = (self._read(socket), self._ping(socket), self._command(socket), self._silence())
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if tasks[0] in done:
                raise Doubtful("polymarket closed it")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _replace(self, old: ClientConnection) -> ClientConnection:
        """The next connection, once it has proven that it brings data. The old one is closed in any case."""
        try:
            socket = await self._open()
            try:
                frames = await self._first(socket)
            except BaseException:
                await socket.close()
                raise
        finally:
            await old.close()
        self._sink.renewed(self.number)
        for frame in frames:
            self._sink.take(self.number, frame)
        return socket

    async def _first(self, socket: ClientConnection) -> list[Frame]:
        """The frames up to the first that is not keepalive."""
        reading = asyncio.ensure_future(_data(socket))
        waiting = asyncio.ensure_future(self._clock.sleep_us(int(self._policy.dead_s * 1_000_000)))
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
        finally:
            for task in (reading, waiting):
                task.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)
        policy = self._policy
        raise Doubtful(f"no market data for {policy.silent_s:g} s, nor for {policy.dead_s:g} s on a new connection")

    async def _read(self, socket: ClientConnection) -> None:
        async for frame in socket:
            if self._sink.take(self.number, frame):
                self._heard_us = self._clock.mono_us()

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await self._clock.sleep_us(int(self._policy.ping_s * 1_000_000))
            await socket.send(PING)

    async def _command(self, socket: ClientConnection) -> None:
        while True:
            self._wake.clear()
            while self._commands:
                await socket.send(self._commands.popleft())
            await self._wake.wait()

    async def _silence(self) -> None:
        """Ends when no market data has come for too long; PONG is none."""
        limit = int(self._policy.silent_s * 1_000_000)
        while True:
            while (left := self._heard_us + limit - self._clock.mono_us()) > 0:
                await self._clock.sleep_us(left)
            if self._sink.expects(self.number):
                return
            self._heard_us = self._clock.mono_us()


async def _data(socket: ClientConnection) -> list[Frame]:
    """What came up to the first frame that is not bare text of the keepalive."""
    while True:
        frame = await socket.recv()
        if frame not in {"PONG", b"PONG", "PING", b"PING"}:
            return [frame]


def _parts(tokens: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tokens[start : start + BATCH] for start in range(0, len(tokens), BATCH)]
