"""Kalshi as the actors' ``VenuePort``: orders out, what became of them back, and questions about what is not proven.

Promised, as `docs/simulation.md` asks of an adapter: an order is written before :meth:`KalshiPort.place` returns or
never; it is written once; what is not proven is told as unknown; "no such order" is said only as `lookup.py` has it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from actors.ports import CashReport, Readiness, ShardsReport
from protocol.holdings import Holdings, HoldingsReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, Platform, Status
from protocol.units import Money
from protocol.wire import Book
from transport.feeds.port import FeedClock
from transport.kalshi.bucket import BASIC_WRITE, DEFAULT_COST, TokenBucket
from transport.kalshi.connection import Answer, Lost
from transport.kalshi.funds import ShardFunds
from transport.kalshi.holdings import read_holdings
from transport.kalshi.lookup import DAY_S, Span, find
from transport.kalshi.markets import MarketRulesKept
from transport.kalshi.order_wire import OrderWire, Sent
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import clock_wrong
from transport.kalshi.tasks import Tasks
from transport.live import LiveVenueError
from transport.venue_rest import ReadFailed
from venues.kalshi.account import filled_so_far
from venues.kalshi.grid import MarketRules
from venues.kalshi.orders import CREATE, OrderRefused, order_body
from venues.kalshi.replies import ALREADY_EXISTS, CLOCK, OrderReply, read_order_reply, rejected, unknown

Report = Callable[[Outcome], None]
LookupReport = Callable[[Outcome | None, str | None], None]

MAX_REMEMBERED: Final = 50_000
"""Orders of which the time of writing is kept, to know when a question about them can be answered."""

MAX_QUESTIONS: Final = 4
"""Questions that are asked of the venue at the same time; the others wait."""

SECOND_US: Final = 1_000_000

QUIET_US: Final = 60 * SECOND_US
"""So long after the last order every read knows of it."""

REFUSED_KEY: Final = frozenset({401, 403})
KEY_UNKNOWN: Final = 401

CLOCK_US: Final = 1_000_000
"""Clocks that differ by more for certain are worth a line in the log."""


class KeyRefusedByVenue(LiveVenueError):
    """Kalshi does not take our key, or our clock; a person must mend it."""


@dataclass(frozen=True, slots=True)
class PortPolicy:
    """Times in seconds; tests make it hasty. ``timeout_s``: how long an order may be under way, as the wire has it."""

    timeout_s: float = 4.0
    settle_s: tuple[float, ...] = (0.25, 0.75, 1.0, 2.0, 4.0, 8.0)
    """Waits before each look for the fills of an order that was answered."""
    clock_again_s: float = 5.0
    learn_s: float = 10.0
    """How long the start waits for what is good to know."""


@dataclass(slots=True)
class Placed:
    """What is kept of an order of this process; ``foreign``: another's, and when it was asked about first."""

    unix_us: int
    order_id: str | None = None
    foreign: bool = False
    spent: bool = False
    """Kalshi has said that there was an order of this id already."""


class KalshiPort:
    """One account at Kalshi. :meth:`start` and :meth:`close` belong to whoever owns the process."""

    paper = False

    def __init__(
        self,
        wire: OrderWire,
        reads: KalshiReads,
        clock: FeedClock,
        *,
        policy: PortPolicy | None = None,
        markets: Sequence[str] = (),
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``markets``: tickers whose rules are learnt at the start. ``report`` takes a line for the log."""
        self._wire = wire
        self._reads = reads
        self._clock = clock
        self._policy = policy or PortPolicy()
        self._report = report
        self._tickers = tuple(markets)
        self._tasks = Tasks(report)
        self.markets = MarketRulesKept(reads, clock, self._tasks)
        self.funds = ShardFunds(clock)
        self._writes = TokenBucket(BASIC_WRITE)
        self._placed: dict[LegId, Placed] = {}
        self._asking: set[LegId] = set()
        self._turns = asyncio.Semaphore(MAX_QUESTIONS)
        self._clock_off = False
        self._ordered_us: int | None = None
        self._begun_us = clock.unix_us()
        self._under_way: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self.stopped: str | None = None
        """Why no order leaves, until Kalshi takes our signatures again."""
        self._watcher: Callable[[str | None], None] | None = None
        self._told: str | None = None
        self._begun = False
        wire.changed = self._reach

    @property
    def platform(self) -> Platform:
        """The venue's wire name."""
        return KALSHI

    def see(self, book: Book) -> None:
        """A real venue has its own books."""

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, and learn what is needed. Raises :class:`KeyRefusedByVenue`; an outage it lives through."""
        await self._wire.start(patience_s=self._policy.timeout_s)
        self._begun = True
        try:
            async with asyncio.timeout(self._policy.learn_s):
                await self._learn_all()
        except TimeoutError:
            self._report("not everything could be learnt at the start: kalshi is slow")
        except ReadFailed as error:
            if clock_wrong(error):
                self._stop()
            elif error.status in REFUSED_KEY:
                await self.close()
                raise KeyRefusedByVenue(f"kalshi does not take this key: {error}; see `arb doctor kalshi`") from None
            self._report(f"not everything could be learnt at the start: {error}")

    async def _learn_all(self) -> None:
        """The account's pace, and the markets that it will trade or has traded in."""
        limits = await self._reads.limits()
        if limits.write.refill_rate > 0:
            self._writes.resize(limits.write.refill_rate, limits.write.bucket_capacity)
        held = [position.ticker for position in await self._reads.positions() if position.contracts]
        await self.markets.prefetch([*self._tickers, *held])
        self._watch_clock()

    async def close(self) -> None:
        """End all of it; what is under way is lost, and asked about at the next start."""
        await self._tasks.close()
        await self._wire.close()
        await self._reads.rest.close()

    def watch(self, report: Callable[[str | None], None]) -> None:
        """See ``WatchedVenue``: the connection, the clock, the key."""
        self._watcher, self._told = report, None
        self._reach()

    def _reach(self) -> None:
        """Say whether an order could leave, when that has changed."""
        lost = self._wire.unreachable
        why = self.stopped or (None if lost is None else f"connection: {lost}")
        if self._watcher is not None and self._begun and (why is None) != (self._told is None):
            self._told = why
            self._watcher(why)

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, leg: Leg, report: Report, *, blind: bool) -> None:  # noqa: ARG002 -- blind concerns paper venues
        """Write the leg's order now or never, and report what became of it."""
        why = self.stopped
        if why is None:
            rules = self.markets.rules(leg.market)
            try:
                body = order_body(leg, rules)
            except OrderRefused as error:
                # By rules that may be some minutes old: the next order is judged by newer ones.
                self.markets.doubt(leg.market)
                why = str(error)
            else:
                why = self._unfunded(leg, rules) or self._write(leg, body, report)
        if why is not None:
            report(rejected(leg, why))

    def _write(self, leg: Leg, body: bytes, report: Report) -> str | None:
        """Write it; why it was not written, for what is to be told as refused."""
        if not self._writes.take(DEFAULT_COST, self._clock.mono_us()):
            return f"rate: kalshi allows {self._writes.rate // DEFAULT_COST} orders a second on this account"
        placed = self._remember(leg.leg_id)

        def done(answer: Answer | Lost) -> None:
            self._under_way[leg.market] -= 1
            self._answered(leg, placed, answer, report)

        match self._wire.post(CREATE, body, done, expires_at_ms=leg.expires_at_ms):
            case Sent.WRITTEN:
                self._ordered_us = placed.unix_us
                self._under_way[leg.market] += 1
                self._written[leg.market] += 1
                return None
            case Sent.EXPIRED:
                del self._placed[leg.leg_id]
                late = "its deadline had come before it was written"
                report(Outcome(leg_id=leg.leg_id, status=Status.EXPIRED, error=late))
                return None
            case Sent.NO_CONNECTION:
                del self._placed[leg.leg_id]
                return (
                    f"connection: none to kalshi is free, nothing was sent ({self._wire.trouble or 'all are in use'})"
                )

    def _remember(self, leg_id: LegId, *, foreign: bool = False) -> Placed:
        known = self._placed.get(leg_id)
        if known is not None and known.foreign is foreign:
            return known
        while len(self._placed) >= MAX_REMEMBERED:
            del self._placed[next(iter(self._placed))]
        placed = self._placed[leg_id] = Placed(self._clock.unix_us(), foreign=foreign)
        return placed

    def _answered(self, leg: Leg, placed: Placed, answer: Answer | Lost, report: Report) -> None:
        if isinstance(answer, Lost):
            report(unknown(leg, answer.why))
            return
        reply = read_order_reply(leg, answer.status, answer.body)
        outcome = reply.outcome
        placed.order_id = outcome.order_id
        placed.spent = reply.code == ALREADY_EXISTS
        if reply.ts_ms is not None:
            now = self._clock.unix_us()
            self._wire.offset.observe(reply.ts_ms * 1_000, 1_000, placed.unix_us, now)
        self._learn(leg, reply, answer.status)
        self._watch_clock()
        report(outcome)
        if outcome.status.proven and not outcome.final and outcome.order_id is not None:
            self._tasks.start(self._settle(leg, outcome.order_id, outcome, report), f"fills of {leg.leg_id}")

    def _learn(self, leg: Leg, reply: OrderReply, status: int) -> None:
        """What a refusal says about more than this order."""
        if reply.code == CLOCK:
            self._stop()
        elif status == KEY_UNKNOWN:
            self._stop("key: kalshi does not take this key any more: see `arb doctor kalshi`")
        elif reply.outcome.status is Status.REJECTED:
            # Its price, its shard or its status may not be what we believed.
            self.markets.doubt(leg.market)

    async def _settle(self, leg: Leg, order_id: str, told: Outcome, report: Report) -> None:
        """Have cost and fees from the fills, as soon as the venue lists all of them."""
        for wait in self._policy.settle_s:
            await asyncio.sleep(wait)
            try:
                fills = await self._reads.fills(order_id=order_id)
            except ReadFailed:
                continue
            exact = filled_so_far(leg, order_id, fills, told)
            if exact is not None:
                report(exact)
                return

    # -- the clock -------------------------------------------------------------------------------------------

    def _stop(self, why: str | None = None) -> None:
        """Our signatures are not taken, by default for their time: nothing leaves before one is taken again."""
        if self.stopped is None:
            clock = f"clock: kalshi refuses our time ({self._wire.offset}): set this machine's clock by NTP"
            self.stopped = why or clock
            self._report(f"no order leaves any more: {self.stopped}")
            self._tasks.start(self._until_right(), "signatures")
            self._reach()

    def _doubt(self, error: ReadFailed) -> None:
        """A read that was refused for its signature says that orders will be, too."""
        if clock_wrong(error):
            self._stop()
        elif error.status == KEY_UNKNOWN:
            self._stop("key: kalshi does not take this key any more: see `arb doctor kalshi`")

    def _watch_clock(self) -> None:
        """Say it once when the clocks have come too far apart, before Kalshi refuses our time; and when they agree."""
        off = abs(self._wire.offset.certain_us) > CLOCK_US
        if off != self._clock_off:
            self._clock_off = off
            self._report(
                f"clock: {self._wire.offset}" + (": set this machine's clock by NTP" if off else ", which is fine")
            )

    async def _until_right(self) -> None:
        while self.stopped is not None:
            await asyncio.sleep(self._policy.clock_again_s)
            try:
                await self._reads.limits()
            except ReadFailed:
                continue
            self.stopped = None
            self._reach()
            self._report(f"kalshi takes our signatures again ({self._wire.offset}): orders may leave")

    # -- questions -------------------------------------------------------------------------------------------

    def lookup(self, leg: Leg, report: LookupReport) -> None:
        """Ask what the venue has of the leg's order."""
        if leg.leg_id in self._asking:
            report(None, "it is being asked about already")
            return
        self._asking.add(leg.leg_id)
        if not self._tasks.start(self._look(leg, report), f"question about {leg.leg_id}"):
            self._asking.discard(leg.leg_id)
            report(None, "too many questions are open")

    async def _look(self, leg: Leg, report: LookupReport) -> None:
        found: Outcome | None = None
        failed: str | None = "the question broke"
        try:
            async with self._turns:
                found = await find(self._reads, leg, self._span(leg))
            failed = None
        except ReadFailed as error:
            failed = str(error)
            self._doubt(error)
        finally:
            self._asking.discard(leg.leg_id)
        # Not while being cancelled: whoever would hear it is going, too.
        report(found, failed)

    # -- markets ---------------------------------------------------------------------------------------------

    def learn(self, markets: Sequence[str], report: Callable[[Sequence[Readiness]], None]) -> None:
        """Read the rules of these ahead of any order."""
        if not self._tasks.start(self._ahead(markets, report), "rules of markets"):
            report([(market, "too many questions are open") for market in markets])

    async def _ahead(self, markets: Sequence[str], report: Callable[[Sequence[Readiness]], None]) -> None:
        report(await self.markets.stated(markets, self._policy.learn_s))

    def watch_markets(self, report: Callable[[Readiness], None]) -> None:
        """See ``WarmVenue``."""
        self.markets.news = report

    # -- cash ------------------------------------------------------------------------------------------------

    def cash(self, report: CashReport) -> None:
        """Ask for the cash of each shard; answered when no order of ours can be missing from it."""
        self.cash_and_shards((), lambda accounts, _shards, failed: report(accounts, failed))

    def cash_and_shards(self, markets: Sequence[str], report: ShardsReport) -> None:
        """The same, and on which shard these markets are now."""
        if not self._tasks.start(self._count(markets, report), "cash"):
            report(None, (), "too many questions are open")

    async def _count(self, markets: Sequence[str], report: ShardsReport) -> None:
        accounts: list[tuple[str, Money]] | None = None
        shards: list[tuple[str, str]] = []
        failed: str | None = "the question broke"
        try:
            await self._caught_up(self._clock.unix_us())
            balance = await self._reads.balance()
            self.funds.take(balance)
            accounts, failed = self.funds.accounts(balance), None
            shards = await self.markets.shards(markets) if markets else []
        except ReadFailed as error:
            # What the account has is known all the same where only the markets could not be asked for.
            failed = None if accounts is not None else str(error)
            self._doubt(error)
        report(accounts, shards, failed)

    async def _look_again(self) -> None:
        try:
            self.funds.take(await self._reads.balance())
        except ReadFailed as error:
            self._doubt(error)

    def _unfunded(self, leg: Leg, rules: MarketRules) -> str | None:
        """Why the leg cannot be paid: its market's shard has nothing, and other shards' cash does not count there."""
        if self.funds.stale:
            self.funds.asked()
            self._tasks.start(self._look_again(), "cash by shard")
        return None if leg.action is Action.SELL else self.funds.against(rules)

    # -- holdings --------------------------------------------------------------------------------------------

    def holdings(self, since_us: int, report: HoldingsReport) -> None:
        """Ask for everything that the account holds; answered when the reads know of every order before this moment."""
        before = self._written.copy()

        def moved() -> set[str]:
            left = {market for market, count in self._written.items() if count != before[market]}
            return left | {market for market, count in self._under_way.items() if count} | under_way

        under_way = {market for market, count in self._under_way.items() if count}
        if not self._tasks.start(self._hold(since_us, moved, report), "holdings"):
            report(None, "too many questions are open")

    async def _hold(self, since_us: int, moved: Callable[[], set[str]], report: HoldingsReport) -> None:
        found: Holdings | None = None
        failed: str | None = "the question broke"
        try:
            now = self._clock.unix_us()
            # An earlier process may have ordered just before this one began.
            await self._caught_up(now, last_us=max(self._ordered_us or 0, self._begun_us))
            found, failed = await read_holdings(self._reads, since_us, moved), None
        except ReadFailed as error:
            failed = str(error)
        report(found, failed)

    async def _caught_up(self, now_us: int, *, last_us: int | None = None) -> None:
        """Wait until the reads know of everything before ``now_us``. Raises :class:`ReadFailed` where they lag on.

        Where nothing was ordered lately nothing can be missing; then the venue's time of the account may stand still.
        """
        last_us = self._ordered_us if last_us is None else last_us
        if last_us is None or now_us - last_us > QUIET_US:
            return
        known_from = (now_us + (self._wire.offset.offset_us or 0) + self._wire.offset.doubt_us) / SECOND_US
        for wait in (*self._policy.settle_s, 0.0):
            if (await self._reads.as_of()).timestamp() >= known_from:
                return
            await asyncio.sleep(wait)
        raise ReadFailed("kalshi's reads lag behind its orders")

    # -- times -----------------------------------------------------------------------------------------------

    def _span(self, leg: Leg) -> Span:
        """Between which moments of the venue's clock the order can have arrived."""
        offset = (self._wire.offset.offset_us or 0) / SECOND_US
        doubt = self._wire.offset.doubt_us / SECOND_US
        placed = self._placed.get(leg.leg_id)
        if placed is not None and not placed.foreign:
            begun = latest = placed.unix_us / SECOND_US
        elif leg.expires_at_ms is not None:
            # Nothing is written after its deadline; how long before, nobody here knows.
            latest = leg.expires_at_ms / 1_000
            begun = latest - DAY_S
        else:
            # Nobody knows when, but before it was asked about first: from then on this counts as its time.
            latest = self._remember(leg.leg_id, foreign=True).unix_us / SECOND_US
            begun = 0.0
        late = latest + self._policy.timeout_s + offset + doubt
        if placed is None:
            return Span(begun + offset - doubt, late)
        if placed.spent:
            begun = 0.0
        return Span(begun + offset - doubt, late, placed.order_id, placed.spent)
