"""Polymarket as the actors' ``VenuePort``: signed orders out, and what became of them back until the chain has spoken.

Promised, as `docs/simulation.md` asks of an adapter: an order is written before :meth:`PolymarketPort.place` returns or
never; its bytes and its hash are in the journal before that; it is written once, and nothing ever signs a leg again;
what is not proven is told as unknown; a fill is told as not final until each of its trades is CONFIRMED.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from actors.journal import JournalBrokenError
from actors.ports import CashReport, Readiness
from protocol.holdings import HoldingsReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import POLYMARKET, Action, LegId, Platform, Status
from protocol.units import DOLLAR, Price
from protocol.wire import Book
from transport.feeds.port import FeedClock
from transport.journal_orders import SignedOrders, SignedRow
from transport.kalshi.bucket import TokenBucket
from transport.kalshi.connection import Answer, Lost
from transport.kalshi.order_wire import Sent
from transport.kalshi.tasks import Tasks
from transport.polymarket.account import PolymarketAccount
from transport.polymarket.heartbeat import Heartbeat
from transport.polymarket.lookup import Asked, find
from transport.polymarket.markets import MarketRulesKept
from transport.polymarket.official import OrderMaker
from transport.polymarket.policy import PortPolicy
from transport.polymarket.session import Session
from transport.polymarket.user_socket import UserSocket
from transport.polymarket.watches import Tell, Watches
from transport.polymarket.wire import PolymarketWire
from transport.venue_rest import ReadFailed
from venues.polymarket.fate import fee_of
from venues.polymarket.market import MarketRules
from venues.polymarket.orders import CREATE, OrderPlan, OrderRefused, plan_order
from venues.polymarket.replies import (
    NO_BALANCE,
    OK,
    UNSETTLED,
    Told,
    read_order_reply,
    rejected,
    unknown,
)

Report = Callable[[Outcome], None]
LookupReport = Callable[[Outcome | None, str | None], None]

MAX_QUESTIONS: Final = 4
"""Questions that are asked of the venue at the same time; the others wait."""

ORDER_RATE: Final = 40
ORDER_BURST: Final = 60
"""Orders a second of one signer, and how many may come at once (standard accounts)."""

MAX_DENIED: Final = 10_000
DENIALS: Final = 2
"""So many times "no such order" is the end of a watch: the trader believes the second."""


class PolymarketPort:
    """One wallet at Polymarket. :meth:`start` and :meth:`close` belong to whoever owns the process."""

    paper = False

    def __init__(
        self,
        wire: PolymarketWire,
        session: Session,
        clock: FeedClock,
        *,
        policy: PortPolicy | None = None,
        markets: Sequence[str] = (),
        socket: Callable[[Callable[[str | None], None]], UserSocket] | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``markets``: tokens whose rules are learnt at the start. ``report`` takes a line for the log."""
        self._wire = wire
        self._session = session
        self._reads = session.reads
        self._clock = clock
        self._policy = policy or PortPolicy()
        self._report = report
        self._tokens = tuple(markets)
        self._tasks = Tasks(report)
        self.markets = MarketRulesKept(self._reads, clock, self._tasks)
        self.watches = Watches(self._reads, self.markets, clock, self._tasks, waits_s=self._policy.waits_s)
        self.watches.settled = self._settled
        self.account = PolymarketAccount(self._reads, self.markets, self._policy)
        self.heart = Heartbeat(self._reads.rest, lambda: self.any_open, report, every_s=self._policy.heartbeat_s)
        self._socket = None if socket is None else socket(self.watches.hint)
        self._orders: SignedOrders | None = None
        self._writes = TokenBucket(ORDER_RATE, ORDER_BURST)
        self._under_way: dict[LegId, Leg] = {}
        self._asking: set[LegId] = set()
        self._denied: dict[LegId, int] = {}
        self._turns = asyncio.Semaphore(MAX_QUESTIONS)
        self._exact = True
        """Whether the venue's ids have been the hashes that we compute, so far."""
        self._watcher: Callable[[str | None], None] | None = None
        self._told: str | None = None
        self._begun = False
        wire.changed = self._reach
        session.changed = self._reach
        # A path for arbs has their markets' rules: where one leg is refused for want of them the other is naked.
        session.prepare = lambda: self.markets.prefetch(self._tokens)

    @property
    def platform(self) -> Platform:
        """The venue's wire name."""
        return POLYMARKET

    @property
    def any_open(self) -> bool:
        """Whether an order of ours may still do something at the venue."""
        return bool(self._under_way) or self.watches.any_open

    def see(self, book: Book) -> None:
        """A real venue has its own books."""

    def keep_in(self, orders: SignedOrders) -> None:
        """See ``KeepsOrders``: the journal of this trader."""
        self._orders = orders
        self.account.leg_of = orders.leg_of

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and learn. Raises ``LiveVenueError`` for what only a person can mend; an outage it lives through."""
        await self._wire.start(patience_s=self._policy.timeout_s)
        self._begun = True
        try:
            async with asyncio.timeout(self._policy.learn_s):
                await self._session.begin()
                await self.account.look()
        except TimeoutError:
            self._report("not everything could be learnt at the start: polymarket is slow")
        except ReadFailed as error:
            self._report(f"not everything could be learnt at the start: {error}")
        self._tasks.start(self._session.keep(), "credentials")
        self._tasks.start(self.markets.keep_fresh(), "market rules")
        self._tasks.start(self.heart.run(), "heartbeat")
        if self._socket is not None:
            self._tasks.start(self._socket.run(), "user channel")
        self._reach()

    async def close(self) -> None:
        """End all of it; what is under way is lost, and asked about at the next start."""
        self._session.close()
        await self._tasks.close()
        await self._wire.close()
        await self._reads.rest.close()

    def watch(self, report: Callable[[str | None], None]) -> None:
        """See ``WatchedVenue``: the connection, the credentials, the engine."""
        self._watcher, self._told = report, None
        self._reach()

    @property
    def stopped(self) -> str | None:
        """Why no order leaves."""
        return self._session.stopped

    def _reach(self) -> None:
        """Say whether an order could leave, when that has changed."""
        lost = self._wire.unreachable
        why = self.stopped or (None if lost is None else f"connection: {lost}")
        if self._watcher is not None and self._begun and (why is None) != (self._told is None):
            self._told = why
            self._watcher(why)

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, leg: Leg, report: Report, *, blind: bool) -> None:  # noqa: ARG002 -- blind concerns paper venues
        """Sign the leg's order, have it in the journal, and write it, now or never; report what became of it."""
        try:
            refused = self._place(leg, report)
        except OrderRefused as error:
            # By rules that may be some minutes old: the next order is judged by newer ones.
            self.markets.doubt(leg.market)
            refused = rejected(leg, str(error))
        except JournalBrokenError as error:
            refused = rejected(leg, f"no journal, no order: {error}")
        if refused is not None:
            report(refused)

    def _place(self, leg: Leg, report: Report) -> Outcome | None:
        """What is known at once; None where the order was written. Raises what :meth:`place` catches."""
        orders, maker = self._orders, self._session.maker
        if self.stopped is not None or maker is None or orders is None:
            return rejected(leg, self.stopped or "journal: there is none to keep signed orders in")
        rules = self.markets.rules(leg.market)
        if rules is None:
            return rejected(leg, f"market: its rules are not known yet: {self.markets.why(leg.market)}")
        plan = plan_order(leg, rules)
        self._affordable(plan, rules, maker)
        if orders.signed(leg.leg_id) is not None:
            # Never twice: what the first one did is found out by its hash.
            return unknown(leg, "an order of this leg was signed before")
        if not self._wire.ready:
            return rejected(leg, f"connection: none to polymarket is free ({self._wire.trouble or 'all are in use'})")
        if not self._writes.take(1, self._clock.mono_us()):
            return rejected(leg, f"rate: polymarket allows {ORDER_RATE} orders a second of one signer")
        signed = maker.make(plan, rules)
        now = self._clock.unix_us()
        orders.sign(leg.leg_id, SignedRow(signed.order_id, signed.body, now))
        return self._write(leg, Asked(leg, signed.order_id, now), signed.body, report)

    def _affordable(self, plan: OrderPlan, rules: MarketRules, maker: OrderMaker) -> None:
        """Raise :class:`OrderRefused` where the exchange contract is known not to be allowed to take so much."""
        allowed = self.account.allowed(maker.exchange_of(rules))
        if plan.side == "BUY" and allowed is not None and allowed < plan.spends:
            raise OrderRefused(
                f"allowance: the contract of {rules.exchange} markets may take less: see `arb doctor polymarket`"
            )

    def _write(self, leg: Leg, asked: Asked, body: bytes, report: Report) -> Outcome | None:
        def done(answer: Answer | Lost) -> None:
            self._under_way.pop(leg.leg_id, None)
            self._answered(asked, answer, report)

        match self._wire.post(CREATE, body, done, expires_at_ms=leg.expires_at_ms):
            case Sent.WRITTEN:
                self._under_way[leg.leg_id] = leg
                self.account.ordered(leg)
                self.heart.wake()
                return None
            case Sent.EXPIRED:
                late = "its deadline had come before it was written"
                return Outcome(leg_id=leg.leg_id, status=Status.EXPIRED, error=late)
            case Sent.NO_CONNECTION:
                return rejected(leg, "connection: none to polymarket is free, nothing was sent")

    def _answered(self, asked: Asked, answer: Answer | Lost, report: Report) -> None:
        leg = asked.leg
        if isinstance(answer, Lost):
            lost = unknown(leg, answer.why, asked.order_id)
            self._follow(asked, lost, report)
            report(lost)
            return
        reply = read_order_reply(leg, asked.order_id, answer.status, answer.body)
        outcome = self._priced(leg, self._in_time(leg, reply.outcome), reply.told)
        if answer.status == OK:
            self._note_answer(leg, answer.body)
        self._session.heard(answer.status, answer.headers, reply.words)
        if outcome.status is Status.REJECTED:
            # Its tick or its state may not be what we believed.
            self.markets.doubt(leg.market)
        if not (outcome.status.proven and outcome.final):
            self._follow(self._named(asked, outcome, reply.told), outcome, report)
        report(outcome)

    def _priced(self, leg: Leg, outcome: Outcome, told: Told | None) -> Outcome:
        """The fill with the fee that it will be charged, at its average price; exact once its trades are listed."""
        rules = self.markets.rules(leg.market)
        if told is None or rules is None or not told.shares:
            return outcome
        price = Price(min(max(1, told.dollars * DOLLAR // told.shares), DOLLAR - 1))
        return msgspec.structs.replace(outcome, fees=fee_of(rules.fees, price, told.shares))

    def _in_time(self, leg: Leg, outcome: Outcome) -> Outcome:
        """A sell that was refused because what was bought is not there yet says nothing of the price."""
        words = outcome.error or ""
        waits = leg.action is Action.SELL and NO_BALANCE in words and self.watches.buys(leg.market)
        return rejected(leg, f"{UNSETTLED} {words}") if waits and outcome.status is Status.REJECTED else outcome

    def _note_answer(self, leg: Leg, body: bytes) -> None:
        if self._orders is None:
            return
        try:
            self._orders.answered(leg.leg_id, body)
        except JournalBrokenError as error:
            # The outcome itself is written by the trader, or not at all; this only tells the exact amounts again.
            self._report(f"the answer to {leg.leg_id} could not be written: {error}")

    def _named(self, asked: Asked, outcome: Outcome, told: Told | None) -> Asked:
        """The order by the name that the venue gave it."""
        order_id = outcome.order_id or asked.order_id
        if order_id.lower() != asked.order_id.lower() and self._exact:
            self._exact = False
            self._report(f"polymarket calls an order {order_id[:80]} that we computed as {asked.order_id}")
        return Asked(asked.leg, order_id, asked.written_us, told or asked.told, self._exact)

    def _follow(self, asked: Asked, outcome: Outcome, tell: Tell) -> None:
        self.watches.begin(asked, outcome, tell)
        self.heart.wake()

    def _settled(self, asked: Asked, outcome: Outcome) -> None:
        """What was bought is there: the venue shall know before it is sold."""
        if asked.leg.action is Action.BUY and outcome.filled:
            self._tasks.start(self.account.refresh(asked.leg.market), "balance of what was bought")

    # -- questions -------------------------------------------------------------------------------------------

    def lookup(self, leg: Leg, report: LookupReport) -> None:
        """Ask what the venue has of the leg's order. Its later news, if it has any, comes by the same way."""
        try:
            asked = self._asked(leg)
        except JournalBrokenError as error:
            report(None, str(error))
            return
        if isinstance(asked, str):
            report(None, asked)
        elif asked is None:
            # A signed order is in the journal before it leaves: this leg has none, and its intent was written here.
            report(None, None)
        elif leg.leg_id in self._asking:
            report(None, "it is being asked about already")
        else:
            self._asking.add(leg.leg_id)
            if not self._tasks.start(self._look(asked, report), f"question about {leg.leg_id}"):
                self._asking.discard(leg.leg_id)
                report(None, "too many questions are open")

    def _asked(self, leg: Leg) -> Asked | str | None:
        """The order to look for; None: there never was one; or why that is not known here."""
        if self._orders is None:
            return "there is no journal to find its order in"
        row = self._orders.signed(leg.leg_id)
        if row is None:
            if self._orders.placed_here(leg.leg_id):
                return None
            return "it was signed by another trader, and only that one's journal knows its hash: start that one again"
        told, order_id = None, row.order_id
        if row.answer is not None:
            reply = read_order_reply(leg, row.order_id, OK, row.answer)
            told, order_id = reply.told, reply.outcome.order_id or row.order_id
        return Asked(leg, order_id, row.noted_us, told, self._exact and order_id.lower() == row.order_id.lower())

    async def _look(self, asked: Asked, report: LookupReport) -> None:
        found: Outcome | None = None
        failed: str | None = "the question broke"
        try:
            async with self._turns:
                rules = await self.markets.learn(asked.leg.market)
                found = await find(self._reads, rules, asked, self._clock.unix_us())
            failed = None
        except ReadFailed as error:
            failed = str(error)
            self._session.doubt(error)
        finally:
            self._asking.discard(asked.leg.leg_id)
        if failed is None:
            self._looked(asked, found, report)
        # Not while being cancelled: whoever would hear it is going, too.
        report(found, failed)

    def _looked(self, asked: Asked, found: Outcome | None, report: LookupReport) -> None:
        """Watch what is not settled, and no longer what is, or is not there."""
        leg_id = asked.leg.leg_id
        if found is None:
            if len(self._denied) >= MAX_DENIED:
                self._denied.clear()
            self._denied[leg_id] = self._denied.get(leg_id, 0) + 1
            if self._denied[leg_id] >= DENIALS:
                self.watches.end(leg_id)
        elif found.status.proven and found.final:
            self.watches.end(leg_id)
            self._settled(asked, found)
        elif not any(one.asked.leg.leg_id == leg_id for one in self.watches):
            self._follow(asked, found, lambda outcome: report(outcome, None))

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

    # -- the account -----------------------------------------------------------------------------------------

    def cash(self, report: CashReport) -> None:
        """Ask for the dollars that can be spent: what is matched and not mined is spent already."""
        if not self._tasks.start(self.account.cash(report, self._clock.unix_us()), "cash"):
            report(None, "too many questions are open")

    def holdings(self, since_us: int, report: HoldingsReport) -> None:
        """Ask for everything that the wallet holds."""
        moving = {leg.market for leg in self._under_way.values()}
        moving |= {watch.asked.leg.market for watch in self.watches if watch.open}
        if not self._tasks.start(self.account.holdings(since_us, moving, report), "holdings"):
            report(None, "too many questions are open")
