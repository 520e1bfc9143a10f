"""Kalshi's market data: one socket, subscribed step by step, watched, and opened again whenever it is in doubt."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from market.events import BooksLost, FeedBatch, FeedEvent, FeedUp, MarketHalted
from protocol.terms import KALSHI, Platform
from transport.feeds.port import Deliver, FeedClock, Report, no_report
from transport.kalshi.access import KalshiAccess
from transport.kalshi.tls import client_tls
from transport.link.backoff import backoff
from transport.venue_rest import ReadFailed
from venues.capture import CaptureLine
from venues.decoded import MAX_FEED_FRAME, Decoded
from venues.kalshi.feed import KalshiDecoder
from venues.kalshi.grid import MarketRules
from venues.kalshi.hosts import SOCKET
from venues.kalshi.subscription import SubscriptionFailed, Subscriptions

Rules = Callable[[Sequence[str]], Awaitable[Sequence[MarketRules]]]
"""Asks what the markets are now; raises :class:`ReadFailed`."""

Record = Callable[[CaptureLine], None]
"""Takes what came over the socket, line by line of a capture file."""

_LIBRARY_LOG: Final = logging.getLogger("arb.kalshi.socket")
_LIBRARY_LOG.addHandler(logging.NullHandler())
_LIBRARY_LOG.propagate = False

_TROUBLE: Final = (OSError, WebSocketException, TimeoutError, SubscriptionFailed, ReadFailed)


class Doubtful(SubscriptionFailed):
    """Something was said, or was not, after which only a new connection is to be believed."""


@dataclass(frozen=True, slots=True)
class FeedPolicy:
    """Times in seconds; tests make it hasty.

    ``probe_s``: after so long without market data one book is asked for, as even a market in which nothing happens must
    answer; ``dead_s``: after so long more the connection is given up. Pings keep the way open and prove nothing.
    """

    handshake_s: float = 10.0
    close_s: float = 1.0
    ping_s: float = 10.0
    probe_s: float = 10.0
    dead_s: float = 10.0
    pause_s: float = 1.0
    backoff_s: float = 0.25
    backoff_cap_s: float = 15.0
    steady_s: float = 30.0
    tls: ssl.SSLContext | None = None


class KalshiFeed:
    """Implements ``FeedPort`` with a key. Delivers until cancelled; an outage is lost books and another attempt."""

    def __init__(
        self,
        access: KalshiAccess,
        markets: Iterable[str],
        clock: FeedClock,
        *,
        rng: Random,
        rules: Rules | None = None,
        policy: FeedPolicy | None = None,
        report: Report = no_report,
    ) -> None:
        """``rules`` is asked at each connection which markets trade, and whether their terms are still the same."""
        self._hosts = access.hosts
        self._credentials = access.credentials
        self._markets = tuple(dict.fromkeys(markets))
        self._clock = clock
        self._rng = rng
        self._rules = rules
        self._policy = policy or FeedPolicy()
        self._log = report
        self.record: Record | None = None
        """Given every frame as it came, before it is read, and when a connection begins and ends; nothing we send."""
        self._decoder = KalshiDecoder()
        self._subscriptions = Subscriptions(())
        self._terms: dict[str, object] = {}
        self._halted: dict[str, str] = {}
        self._deliver: Deliver | None = None
        self._heard_s = 0.0
        self._sent_s: float | None = None
        self._paused_until_s = 0.0
        self._asked_books = False
        self._probed = 0
        self._wake = asyncio.Event()
        self._resync = False
        self.connections = 0

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Kalshi alone."""
        return (KALSHI,)

    def resync(self) -> None:
        """Have every book sent whole again, and what was halted told again."""
        self._resync = True
        self._wake.set()

    def watch(self, markets: Iterable[str]) -> None:
        """From now on these markets, and no others."""
        self._markets = tuple(dict.fromkeys(markets))
        if self._asked_books:
            self._subscriptions.change(self._markets)
            self._wake.set()

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled."""
        self._deliver = deliver
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            why = await self._attempt()
            self._say((BooksLost(f"the connection was lost: {why}"[:200]),), is_data=False)
            self._report(f"connection lost: {why}")
            if asyncio.get_running_loop().time() - began >= self._policy.steady_s:
                attempt = 0
            policy = self._policy
            await asyncio.sleep(backoff(attempt, self._rng, base=policy.backoff_s, cap=policy.backoff_cap_s))
            attempt += 1

    # -- one connection --------------------------------------------------------------------------------------

    async def _attempt(self) -> str:
        """One connection from beginning to end; why it ended."""
        try:
            socket = await self._open()
        except InvalidHandshake as error:
            return f"kalshi refused the connection: {error}"
        except (OSError, WebSocketException, TimeoutError) as error:
            return str(error) or type(error).__name__
        self.connections += 1
        tasks: list[asyncio.Task[None]] = []
        try:
            self._begin()
            tasks = [asyncio.create_task(work) for work in (self._read(socket), self._command(socket), self._watch())]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _TROUBLE as error:
            return str(error) or type(error).__name__
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await socket.close()
            self._keep(event="disconnected")
        return "kalshi closed it"

    async def _open(self) -> ClientConnection:
        url = self._hosts.socket_url
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        return await connect(
            url,
            # Named here although the URL has them: then the library follows no redirect to another machine, which
            # would be shown our signature.
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            ssl=(self._policy.tls or client_tls()) if secure else None,
            additional_headers=self._credentials.headers(self._clock.unix_us() // 1_000, "GET", SOCKET),
            user_agent_header="arb",
            proxy=None,
            compression=None,
            open_timeout=self._policy.handshake_s,
            close_timeout=self._policy.close_s,
            ping_interval=self._policy.ping_s,
            ping_timeout=self._policy.ping_s,
            max_size=MAX_FEED_FRAME,
            logger=_LIBRARY_LOG,
        )

    def _begin(self) -> None:
        """A new connection: nothing of the old one holds."""
        self._decoder.reset()
        self._keep(event="connected")
        self._subscriptions = Subscriptions(())
        self._asked_books = False
        self._heard_s = asyncio.get_running_loop().time()
        self._sent_s = None
        self._resync = False
        self._wake.set()
        self._say((FeedUp(), *self._halts()), is_data=False)

    async def _changed(self) -> list[FeedEvent]:
        """Markets that do not trade, or not under the terms any more under which this process first saw them."""
        if self._rules is None:
            return []
        found = {rules.ticker: rules for rules in await self._rules(self._markets)}
        halts: list[FeedEvent] = []
        for market in self._markets:
            rules = found.get(market)
            if rules is None or not rules.trades:
                self._decoder.stop(market)
                self._report(f"{market} does not trade: {'no such market' if rules is None else rules.status}")
            elif self._terms.setdefault(market, rules.terms) != rules.terms and market not in self._halted:
                self._halted[market] = "its terms were changed while nobody listened"
                halts.append(MarketHalted(market, self._halted[market]))
        return halts

    def _halts(self) -> tuple[FeedEvent, ...]:
        return tuple(MarketHalted(market, reason) for market, reason in self._halted.items())

    async def _read(self, socket: ClientConnection) -> None:
        async for frame in socket:
            self._keep(frame=frame if isinstance(frame, str) else frame.decode(errors="replace"))
            self._take(frame, self._decoder.decode(frame))

    def _take(self, frame: str | bytes, decoded: Decoded) -> None:
        if decoded.is_data:
            self._heard_s = asyncio.get_running_loop().time()
        if decoded.error is not None:
            self._report(decoded.error)
        if decoded.events or decoded.is_data:
            self._say(decoded.events, is_data=decoded.is_data)
        if decoded.ended:
            raise Doubtful(decoded.error or "kalshi ended a subscription")
        for event in decoded.events:
            self._follow(event)
        if decoded.is_data and not self._subscriptions.awaits_snapshot:
            return
        if not self._subscriptions.answered(frame):
            self._paused_until_s = asyncio.get_running_loop().time() + self._policy.pause_s
        self._wake.set()

    def _follow(self, event: FeedEvent) -> None:
        """What an event asks us to do: a book that was lost is asked for, unless its market does not trade."""
        if isinstance(event, MarketHalted):
            self._halted[event.market] = event.reason
        elif isinstance(event, BooksLost):
            if not event.markets:
                raise Doubtful(event.reason)
            self._subscriptions.ask_again(one for one in event.markets if not self._decoder.stands(one))
            self._wake.set()

    async def _command(self, socket: ClientConnection) -> None:
        """Send what is to be sent, one command after the other's answer."""
        while True:
            self._wake.clear()
            if self._resync:
                self._resync = False
                self._say((FeedUp(), *self._halts()), is_data=False)
                self._subscriptions.ask_again(one for one in self._markets if not self._decoder.stands(one))
            pause = self._paused_until_s - asyncio.get_running_loop().time()
            if pause > 0:
                await asyncio.sleep(pause)
            frame = self._subscriptions.next()
            if frame is None and not self._asked_books and self._subscriptions.done:
                # Only now, when nothing that happens to a market is missed any more, is it asked what it is.
                self._asked_books = True
                self._say(tuple(await self._changed()), is_data=False)
                self._subscriptions.change(self._markets)
                continue
            if frame is None:
                await self._wake.wait()
                continue
            self._sent_s = asyncio.get_running_loop().time()
            await socket.send(frame)

    async def _watch(self) -> None:
        """Silence: first a question, then the end. So does a command without an answer."""
        policy = self._policy
        loop = asyncio.get_running_loop()
        probed_s: float | None = None
        while True:
            await asyncio.sleep(min(policy.probe_s, policy.dead_s) / 4)
            now = loop.time()
            if self._subscriptions.under_way and self._sent_s is not None and now - self._sent_s > policy.dead_s:
                raise Doubtful(f"no answer to a command within {policy.dead_s:g} s")
            if now - self._heard_s < policy.probe_s:
                probed_s = None
                continue
            trading = [market for market in self._markets if not self._decoder.stands(market)]
            if not trading:
                continue
            if probed_s is None:
                probed_s = now
                self._probed += 1
                self._subscriptions.ask_again([trading[self._probed % len(trading)]])
                self._wake.set()
            elif now - probed_s > policy.dead_s:
                raise Doubtful(f"no market data within {now - self._heard_s:.0f} s, though asked for")

    def _keep(self, *, frame: str | None = None, event: Literal["connected", "disconnected"] | None = None) -> None:
        if self.record is not None:
            self.record(CaptureLine(self._clock.unix_us(), KALSHI, frame, event))

    # -- out -------------------------------------------------------------------------------------------------

    def _say(self, events: tuple[FeedEvent, ...], *, is_data: bool) -> None:
        if self._deliver is not None:
            self._deliver(FeedBatch(KALSHI, self._clock.unix_us(), events, is_data))

    def _report(self, text: str) -> None:
        self._log(KALSHI, text)
