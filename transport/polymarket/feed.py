"""Polymarket's market data: sockets enough for every token, their books verified over REST, their terms looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal

from market.events import BooksLost, FeedBatch, FeedEvent
from protocol.terms import POLYMARKET, Platform
from transport.feeds.port import Deliver, FeedClock, Report, no_report
from transport.polymarket.connection import Doubtful, Frame, MarketSocket, SocketPolicy
from transport.polymarket.http import ReadFailed
from transport.polymarket.public import BOOKS, PublicReads
from transport.polymarket.terms import Terms
from venues.capture import CaptureLine
from venues.polymarket.facts import Claim
from venues.polymarket.feed import PolymarketDecoder
from venues.polymarket.hosts import PolymarketHosts
from venues.polymarket.keeper import BookKeeper, KeeperPolicy

MAX_TOKENS: Final = 100_000
"""Tokens of one feed, whatever the policy allows."""

_SECOND_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class FeedPolicy:
    """How many tokens a connection and how many connections, and the times of each part.

    ``max_lag_ms``: a change that is older than this when it comes, by the venue's clock, makes its connection doubtful;
    None where the times are those of a recording. ``look_us`` is how often it is looked which books are due,
    ``terms_us`` how often the terms of every market are asked for again.
    """

    per_connection: int = 250
    connections: int = 8
    max_lag_ms: int | None = 2_000
    look_us: int = 200_000
    terms_us: int = 300_000_000
    socket: SocketPolicy = field(default_factory=SocketPolicy)
    books: KeeperPolicy = field(default_factory=KeeperPolicy)


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked over REST: books, and the terms of these claims. A token of a claim has no book before."""

    reads: PublicReads
    claims: tuple[Claim, ...] = ()


class PolymarketFeed:
    """Implements ``FeedPort`` without a key. Delivers until cancelled.

    A connection that fails loses the books of its own tokens alone. Without ``asking`` nothing is verified and no terms
    are known: for making a recording, which is what came over the socket.
    """

    def __init__(
        self,
        hosts: PolymarketHosts,
        tokens: Iterable[str],
        clock: FeedClock,
        *,
        rng: Random,
        asking: Asking | None = None,
        policy: FeedPolicy | None = None,
        report: Report = no_report,
    ) -> None:
        """Nothing is connected yet."""
        self._url = hosts.market_ws
        self._clock = clock
        self._rng = rng
        self._asking = asking
        self._policy = policy or FeedPolicy()
        self._log = report
        self.record: Callable[[CaptureLine], None] | None = None
        """Given every frame as it came, before it is read, and when a connection begins and ends; nothing we send."""
        self._decoder = PolymarketDecoder()
        self.keeper = BookKeeper(self._policy.books)
        self._wanted: dict[str, None] = dict.fromkeys(tokens)
        self.sockets: list[MarketSocket] = []
        self._running: dict[int, asyncio.Task[None]] = {}
        self._up: set[int] = set()
        self._deliver: Deliver | None = None
        self._skew_ms = 0
        self._ended: asyncio.Event | None = None

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Polymarket alone."""
        return (POLYMARKET,)

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`: what is known is told again, and every book verified soon."""
        self._tell(self.keeper.again())
        now = self._clock.mono_us()
        for socket in self.sockets:
            if socket.number in self._up:
                self.keeper.renew(socket.tokens, now)

    def watch(self, tokens: Iterable[str]) -> None:
        """From now on these tokens, and no others."""
        self._wanted = dict.fromkeys(tokens)
        self._spread()

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled, and close what was opened."""
        self._deliver = deliver
        self._ended = asyncio.Event()
        jobs: list[Coroutine[Any, Any, None]] = [self._failure()]
        if self._asking is not None:
            reads = self._asking.reads
            terms = Terms(reads, self.keeper, self._asking.claims, self._clock, self._tell, self._report)
            terms.begin()
            for claim in self._asking.claims:
                if claim.partner is not None:
                    self.keeper.pair(claim.token, claim.partner)
            jobs += [self._verify(reads), self._look(reads, terms)]
        self._spread()
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.gather(*tasks)
        finally:
            running = [*tasks, *self._running.values()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for _ in self._up:
                self._keep(event="disconnected")
            if self._asking is not None:
                await self._asking.reads.close()

    # -- which socket brings which token ----------------------------------------------------------------------

    def _spread(self) -> None:
        """Tokens stay where they are; new ones fill up the connections in their order, so pairs are seldom parted."""
        limit = self._policy.per_connection
        left = dict.fromkeys(list(self._wanted)[:MAX_TOKENS])
        plans: list[list[str]] = []
        for socket in self.sockets:
            kept = [token for token in socket.tokens if left.pop(token, 0) is None]
            plans.append(kept)
        waiting = list(left)
        for plan in plans:
            room = max(0, limit - len(plan))
            plan.extend(waiting[:room])
            del waiting[:room]
        while waiting and len(plans) < self._policy.connections:
            plans.append(waiting[:limit])
            del waiting[:limit]
        for number, plan in enumerate(plans):
            self._assign(number, plan)
        self._refuse([*waiting, *list(self._wanted)[MAX_TOKENS:]])

    def _assign(self, number: int, tokens: list[str]) -> None:
        if number == len(self.sockets):
            policy = self._policy.socket
            self.sockets.append(MarketSocket(number, self._url, (), self, self._clock, rng=self._rng, policy=policy))
        socket = self.sockets[number]
        socket.change(tokens)
        task = self._running.get(number)
        if tokens and (task is None or task.done()) and self._ended is not None:
            self._running[number] = asyncio.create_task(socket.run(), name=f"polymarket socket {number}")
            self._running[number].add_done_callback(lambda _: self._ended.set() if self._ended else None)

    def _refuse(self, tokens: list[str]) -> None:
        policy = self._policy
        reason = (
            f"more than {policy.connections} connections of {policy.per_connection} tokens: "
            "raise feeds.polymarket_connections"
        )
        if tokens:
            self._tell(self.keeper.bar(tokens, reason, self._clock.mono_us()))
            self._report(f"{len(tokens)} tokens have no book: {reason}")

    async def _failure(self) -> None:
        """A socket's task ends only when it is cancelled or broken; what broke it is a bug, and ends the feed."""
        if self._ended is None:
            return
        while True:
            await self._ended.wait()
            self._ended.clear()
            for task in self._running.values():
                if task.done() and not task.cancelled():
                    task.result()

    # -- what the sockets say (Sink) --------------------------------------------------------------------------

    def up(self, number: int, tokens: tuple[str, ...]) -> None:
        """See :class:`~transport.polymarket.connection.Sink`."""
        first = not self._up
        self._keep(event="connected")
        self._up.add(number)
        self.keeper.begin(number, tokens, self._clock.mono_us())
        if first:
            self._tell(self.keeper.again())

    def renewed(self, number: int) -> None:
        """See :class:`~transport.polymarket.connection.Sink`."""
        self._keep(event="connected")
        self.keeper.renew(self.sockets[number].tokens, self._clock.mono_us())

    def down(self, number: int, tokens: tuple[str, ...], reason: str) -> None:
        """See :class:`~transport.polymarket.connection.Sink`."""
        is_whole = tokens == self.sockets[number].tokens
        was_up = number in self._up
        if is_whole:
            self._up.discard(number)
            self._report(f"connection {number} of {len(tokens)} tokens lost: {reason}")
        if was_up:
            self._keep(event="disconnected")
        events = self.keeper.lose(tokens, reason[:200], self._clock.mono_us())
        if is_whole and not self._up:
            events = (*events, BooksLost(f"the connection was lost: {reason}"[:200]))
        self._tell(events)

    def take(self, number: int, frame: Frame) -> bool:
        """See :class:`~transport.polymarket.connection.Sink`."""
        self._keep(frame=frame if isinstance(frame, str) else frame.decode(errors="replace"))
        read = self._decoder.read(frame)
        decoded = read.decoded
        if decoded.error is not None:
            self._report(decoded.error)
        if any(isinstance(event, BooksLost) and not event.markets for event in decoded.events):
            raise Doubtful(decoded.error or "a frame that makes no sense")
        self._must_be_fresh(read.happened_ms)
        told = self.keeper.frame(number, read, self._clock.mono_us())
        if told or decoded.is_data:
            self._tell(told, is_data=decoded.is_data)
        return decoded.is_data

    def expects(self, number: int) -> bool:
        """See :class:`~transport.polymarket.connection.Sink`."""
        return self.keeper.expects(number)

    def _must_be_fresh(self, happened_ms: int) -> None:
        """What is too old when it comes says nothing about now: it waited somewhere, and more waits behind it."""
        limit = self._policy.max_lag_ms
        if limit is None or not happened_ms:
            return
        lag = self._clock.unix_us() // 1_000 - self._skew_ms - happened_ms
        if lag > limit:
            raise Doubtful(
                f"what it brings is {lag / 1_000:.1f} s old when it comes (at most {limit / 1_000:g} s): polymarket "
                "lags, or this machine's clock is off"
            )

    # -- questions --------------------------------------------------------------------------------------------

    async def _verify(self, reads: PublicReads) -> None:
        """Ask for the books that are due, batch by batch."""
        while True:
            number, tokens = self.keeper.ask(self._clock.mono_us(), BOOKS)
            if not tokens:
                await self._clock.sleep_us(self._policy.look_us)
                continue
            mended = self.keeper.mended
            try:
                found = await reads.books(tokens)
            except ReadFailed as error:
                self.keeper.failed(number, tokens, self._clock.mono_us())
                self._report(f"{len(tokens)} books could not be verified: {error}")
                continue
            self._tell(self.keeper.answered(number, tokens, found, self._clock.mono_us()))
            if self.keeper.mended > mended:
                self._report(f"{self.keeper.mended - mended} books were not what polymarket has: taken from there")

    async def _look(self, reads: PublicReads, terms: Terms) -> None:
        """The terms of every market, and by how much our clock is off."""
        while True:
            await self._compare_clocks(reads)
            whole = await terms.look()
            await self._clock.sleep_us(self._policy.terms_us if whole else self._policy.books.again_us)

    async def _compare_clocks(self, reads: PublicReads) -> None:
        """By how much our clock is ahead at the least, as far as whole seconds can tell: never taken for more."""
        try:
            before_ms = self._clock.unix_us() // 1_000
            theirs_ms = await reads.time_s() * _SECOND_MS
            after_ms = self._clock.unix_us() // 1_000
        except ReadFailed as error:
            self._report(f"polymarket's clock is not known: {error}")
            return
        ahead, behind = before_ms - theirs_ms - _SECOND_MS, theirs_ms - after_ms
        self._skew_ms = ahead if ahead > 0 else -behind if behind > 0 else 0

    # -- out --------------------------------------------------------------------------------------------------

    def _keep(self, *, frame: str | None = None, event: Literal["connected", "disconnected"] | None = None) -> None:
        if self.record is not None:
            self.record(CaptureLine(self._clock.unix_us(), POLYMARKET, frame, event))

    def _tell(self, events: tuple[FeedEvent, ...], *, is_data: bool = False) -> None:
        if self._deliver is not None and (events or is_data):
            self._deliver(FeedBatch(POLYMARKET, self._clock.unix_us(), events, is_data))

    def _report(self, text: str) -> None:
        self._log(POLYMARKET, text)
