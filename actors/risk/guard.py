"""The one door of risk: what may leave is asked here, what happened is told here. Pure; an actor owns it.

In the order of a trade: :meth:`RiskGuard.approve`, then :meth:`RiskGuard.sent` for the orders that leave with it,
:meth:`RiskGuard.report` for what became of each, :meth:`RiskGuard.approve_closing` and again ``sent`` where an excess
is closed, and :meth:`RiskGuard.moved` whenever the trade has a new state. :meth:`RiskGuard.tick` is due every second
or so. What it writes down (:meth:`RiskGuard.take_facts`) and what it says (:meth:`RiskGuard.take_lines`) is its
owner's to pass on; nothing here waits for that, so that a halt works without ledger and log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from actors.facts import AnyFact
from actors.ledger_state import fold
from actors.recovery import ASSUMED, Rebuilt
from actors.risk.approval import Approval, NotApproved, Proposal, Reason, Refused
from actors.risk.breaker import Breaker, BreakerRules, Breakers
from actors.risk.day import TradingDay
from actors.risk.facts import BreakerCleared, BreakerTripped, PaidOut, RiskFact, RiskStateChanged
from actors.risk.limits import Kind, Limits
from actors.risk.loss import DailyLoss, trade_loss
from actors.risk.readiness import Readiness
from actors.risk.refusals import Refusals
from actors.risk.reservation import MoneyBook, meant_on_paper
from actors.risk.shards import Shards
from actors.risk.state import RiskState, Who, step, strictest
from actors.risk.terms import TermsOf
from actors.risk.watch import Watch, is_error, match_of
from actors.trade import State, Trade
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import PairId, Platform, TradeId
from protocol.units import Money, Price, money_to_dollars, quantity_to_wire

MAX_JUDGED: Final = 10_000
"""Trades of which it is remembered that their match was judged."""

REFUSALS: Final = "risk"
HALTS: Final = "risk_halts"
TRIPS: Final = "breakers_tripped"
MOVES: Final = "state_changes"
PAIRS_ASIDE: Final = "pairs_set_aside"
MOVED: Final = "markets_moved"
"""What lines are counted as, and by that become alerts (`actors/alert_desk.py`)."""

_NAKED: Final = State.NAKED
_PROVEN: Final = frozenset({State.HEDGED, State.FLAT, State.NAKED, State.DUST, State.SIZING})


class Moved(msgspec.Struct, frozen=True):
    """The answer to who wants another state: what holds now, and why that is not what was wanted."""

    state: RiskState
    refused: str | None = None


class Said(NamedTuple):
    """A line for the log, with the counter that says what it is about; and of which pair, where it is of one."""

    text: str
    counter: str
    pair_id: PairId | None = None


class RiskGuard:
    """Guarantees: no approval beyond a limit, none against the state, and every one counted until its trade is over."""

    def __init__(
        self,
        limits: Limits,
        terms: TermsOf,
        rules: BreakerRules,
        day: TradingDay,
        now_us: int,
        *,
        paper: Limits | None = None,
    ) -> None:
        """Active, with nothing at stake and nothing lost; :meth:`rebuild` takes up what was before.

        ``paper``: the limits of paper money, where they are others.
        """
        self.terms = terms
        self.shards = Shards()
        self.readiness = Readiness()
        self.books = {
            False: MoneyBook(limits, terms, self.shards),
            True: MoneyBook(paper or limits, terms, self.shards),
        }
        self.breakers = Breakers(rules)
        self.watch = Watch(self.breakers)
        self.day = day
        self.loss = DailyLoss(day, now_us)
        self.refusals = Refusals()
        self.state = RiskState.ACTIVE
        self.asked = RiskState.ACTIVE
        self.reason = ""
        self._judged: dict[TradeId, None] = {}
        self._facts: list[RiskFact] = []
        self._lines: list[Said] = []

    # -- asking ----------------------------------------------------------------------------------------------

    def approve(self, proposal: Proposal, *, paper: bool, now_us: int) -> Approval | Refused:
        """Whether this trade may be made, and how much of it."""
        unready = None if paper else self.readiness.against(proposal)
        answer = self._against(proposal.pair_id) or unready or self.books[paper].approve(proposal, now_us)
        self._note(answer, proposal.pair_id, now_us)
        return answer

    def approve_closing(self, proposal: Proposal, *, paper: bool, now_us: int) -> Approval | Refused:
        """May these legs close an excess? Allowed in every state but HALTED, also on a pair that is set aside."""
        answer: Approval | Refused
        if self.state is RiskState.HALTED:
            answer = Refused(reason=Reason.STATE, what=self.state, text=f"halted: {self.reason}")
        else:
            answer = self.books[paper].approve_closing(proposal, now_us)
        self._note(answer, proposal.pair_id, now_us)
        return answer

    def turned_down(self, pair_id: PairId, now_us: int) -> Refused | None:
        """Why no trade on this pair may be made whatever its size: for who would ask a person first. It counts."""
        refused = self._against(pair_id)
        if refused is not None:
            self._note(refused, pair_id, now_us)
        return refused

    def sent(self, approval: Approval, legs: Sequence[Leg], now_us: int) -> None:
        """These orders leave now. Raises :class:`NotApproved` for what no approval covers, and while halted."""
        if self.state is RiskState.HALTED:
            raise NotApproved(f"nothing leaves while halted: {self.reason}")
        for book in self.books.values():
            if book.gave(approval):
                book.sent(approval, legs, now_us)
                return
        raise NotApproved("this approval was not given here, or is used up")

    def _against(self, pair_id: PairId) -> Refused | None:
        if self.state is not RiskState.ACTIVE:
            return Refused(reason=Reason.STATE, what=self.state, text=f"{self.state}: {self.reason}")
        aside = self.breakers.set_aside(pair_id)
        if aside is not None:
            return Refused(reason=Reason.SET_ASIDE, what=pair_id, text=f"{pair_id} is set aside: {aside.text}")
        return None

    def _note(self, answer: Approval | Refused, subject: str, now_us: int) -> None:
        told = answer if isinstance(answer, Refused) else answer.cap
        if told is None:
            self.refusals.passed(subject)
        elif self.refusals.note(told, subject, now_us):
            word = "refused" if isinstance(told, Refused) else "capped"
            self._lines.append(Said(f"{word} on {subject}, {told.reason}: {told.text}", REFUSALS))

    # -- what happens ----------------------------------------------------------------------------------------

    def adopted(self, leg: Leg, *, paper: bool) -> None:
        """A leg that left without our knowing of it, as a trader tells."""
        if leg.trade_id is not None and all(leg.leg_id not in book.exposure.legs for book in self.books.values()):
            self.books[paper].take(leg, leg.trade_id)

    def report(self, outcome: Outcome, now_us: int) -> None:
        """What became of a leg, as far as it is known."""
        for paper, book in self.books.items():
            leg = book.exposure.legs.get(outcome.leg_id)
            if leg is None:
                continue
            if leg.last is None:
                self.watch.answered(leg.key.platform, error=is_error(outcome), now_us=now_us)
            # That nothing was filled is found out by looking it up, which says nothing of the kind of money.
            if outcome.status.proven and outcome.filled and outcome.paper is not paper:
                book.move_to(self.books[outcome.paper], outcome.leg_id)
                book = self.books[outcome.paper]  # noqa: PLW2901 -- that is where it is now
            book.report(outcome, now_us)
            break

    def moved(self, trade: Trade, now_us: int) -> None:
        """The trade has a new state: count what it lost, judge its match once, and let go of its money when it is over.

        A trade that late news opens again gets nothing kept for it; what it holds and what is open counts as ever.
        """
        self.loss.note(trade.trade_id, trade_loss(trade), now_us)
        if trade.state is not _NAKED:
            self.loss.mark(trade.trade_id, Money(0), now_us)
        if trade.state in _PROVEN and trade.trade_id not in self._judged:
            self._judge(trade, now_us)
        if trade.over:
            for book in self.books.values():
                book.over(trade.trade_id)

    def paper_of(self, trade_id: TradeId) -> bool:
        """Whether what the trade has bought is paper: nothing of it is in the book of real money."""
        return trade_id not in self.books[False].exposure.of_trade

    def known_on_paper(self, trade_id: TradeId) -> bool:
        """Whether it has orders, and all of them are paper."""
        return self.paper_of(trade_id) and trade_id in self.books[True].exposure.of_trade

    def on_shard(self, platform: Platform, market: str, shard: str) -> None:
        """The market is on this shard now: its cash pays for what is bought there."""
        before = self.shards.told(platform, market)
        if not self.shards.tell(platform, market, shard):
            return
        for book in self.books.values():
            book.exposure.moved_shard(platform, market)
        if before is not None:
            self._lines.append(Said(f"{market} has moved from shard {before} of {platform} to shard {shard}", MOVED))

    def never(self, trade_id: TradeId) -> None:
        """What was approved for this trade is not sent, and there is no such trade."""
        for book in self.books.values():
            book.over(trade_id)

    def dropped(self, trade_id: TradeId) -> None:
        """The trade's legs that had to wait for the first one are not sent after all."""
        for book in self.books.values():
            book.lapse(trade_id)

    def _judge(self, trade: Trade, now_us: int) -> None:
        if trade.later:
            return
        self._judged[trade.trade_id] = None
        if len(self._judged) > MAX_JUDGED:
            del self._judged[next(iter(self._judged))]
        asked = trade.opportunity.quantity
        fills = [(int(asked), int(held.contracts)) for held in trade.opened().holdings.values()]
        self.watch.matched(trade.opportunity.pair_id, match_of(fills), now_us)

    def trades_of(self, pair_id: PairId) -> tuple[TradeId, ...]:
        """The trades of the pair with anything at stake."""
        found = (
            trade_id
            for book in self.books.values()
            for trade_id, legs in book.exposure.of_trade.items()
            if any(leg.key.pair_id == pair_id for leg in legs)
        )
        return tuple(dict.fromkeys(found))

    def aside(self, pair_id: PairId, reason: str, now_us: int) -> None:
        """A person sets the pair aside: no new trade on it for as long as the rules say."""
        self.breakers.trip(Breaker.ASIDE, pair_id, 1, reason, now_us)

    def paid_out(
        self, pair_id: PairId, trade_ids: tuple[TradeId, ...], now_us: int, *, value: Price | None = None
    ) -> None:
        """Both venues have paid for what these trades held: for a contract of YES this much, if that was said."""
        for book in self.books.values():
            book.paid_out(trade_ids)
        self._facts.append(PaidOut(t=now_us, pair_id=pair_id, trade_ids=trade_ids, value=value))

    def tick(self, now_us: int) -> None:
        """Look at the numbers of the whole, clear what has cooled down, and settle the state."""
        exposures = [book.exposure for book in self.books.values()]
        self.watch.naked(Money(max(each.unhedged for each in exposures)), now_us)
        self.watch.unknown(sum(len(each.unknown) for each in exposures), now_us)
        self.watch.lost(self.loss.today(now_us), now_us)
        self.breakers.tick(now_us)
        self.settle(now_us)

    # -- states ----------------------------------------------------------------------------------------------

    def halt(self, reason: str, now_us: int, who: Who = Who.OPERATOR) -> Moved:
        """Nothing leaves from now on. Always done; who waits for what is under way asks the executor."""
        return self._ask(RiskState.HALTED, reason, now_us, who)

    def reduce(self, reason: str, now_us: int, acks: Iterable[str] = ()) -> Moved:
        """Only closing from now on. Where that is looser than what holds, it is a resume by half."""
        return self._ask(RiskState.REDUCING, reason, now_us, Who.OPERATOR, acks)

    def resume(self, reason: str, now_us: int, acks: Iterable[str] = ()) -> Moved:
        """Trade again. Every breaker that stands must be acknowledged by the id of its reason."""
        return self._ask(RiskState.ACTIVE, reason, now_us, Who.OPERATOR, acks)

    def _ask(self, wanted: RiskState, reason: str, now_us: int, who: Who, acks: Iterable[str] = ()) -> Moved:
        refused = self._acknowledge(acks, now_us)
        if refused is None and strictest(wanted, self.state) is not wanted:
            standing = "; ".join(f"{trip.reason_id} ({trip.text})" for trip in self.breakers.beyond(wanted))
            refused = f"acknowledge first: {standing}" if standing else None
        if refused is not None:
            self.settle(now_us)
            return Moved(self.state, refused)
        self.asked = wanted
        self._move(strictest(wanted, self.breakers.demands), reason, now_us, who)
        return Moved(self.state)

    def _acknowledge(self, acks: Iterable[str], now_us: int) -> str | None:
        strangers = [ack for ack in acks if not self.breakers.acknowledge(ack, now_us)]
        return f"no breaker stands for {', '.join(strangers)}: see `arb status`" if strangers else None

    def settle(self, now_us: int) -> None:
        """Have the state that the breakers demand, and no stricter one than was asked for; say who is set aside."""
        for trip in self.breakers.take_set_aside():
            until = "" if trip.until_us is None else f" until {self.day.clock(trip.until_us)}"
            count = PAIRS_ASIDE if trip.breaker is Breaker.MISMATCH else REFUSALS
            self._lines.append(Said(f"{trip.what} is set aside{until}: {trip.text}", count, PairId(trip.what)))
        if self.asked is self.state and not self.breakers.standing:
            return
        wanted = strictest(self.asked, self.breakers.demands)
        if wanted is self.state:
            return
        if strictest(wanted, self.state) is wanted:
            trip = next(self.breakers.beyond(self.state))
            self._move(wanted, f"{trip.reason_id}: {trip.text}", now_us, Who.BREAKER)
        else:
            self._move(wanted, "what tripped the breaker is mended", now_us, Who.COOL_DOWN)

    def _move(self, after: RiskState, reason: str, now_us: int, who: Who) -> None:
        before, self.state, self.reason = self.state, step(self.state, after, who), reason
        self._facts.extend(self.breakers.take_facts())
        self._facts.append(
            RiskStateChanged(t=now_us, state=self.state.value, asked=self.asked.value, by=who.value, reason=reason)
        )
        if before is not after:
            self._lines.append(Said(f"{before} to {after} by the {who}: {reason}", _count_of(after, who)))

    # -- memory ----------------------------------------------------------------------------------------------

    def rebuild(self, facts: Iterable[AnyFact], trades: Callable[[Iterable[AnyFact]], Rebuilt], now_us: int) -> None:
        """Take up what the ledger holds; once, at a start. ``trades``: :func:`actors.recovery.rebuild` with the pairs.

        What a breaker had counted without tripping is forgotten, and so is what an excess would lose if it were
        closed: the books say that again.
        """
        plain: list[AnyFact] = []
        paid: list[TradeId] = []
        for fact in facts:
            match fact:
                case BreakerTripped() | BreakerCleared():
                    self.breakers.fold(fact)
                case RiskStateChanged():
                    self.state, self.asked = RiskState(fact.state), RiskState(fact.asked)
                    self.reason = fact.reason
                case PaidOut():
                    paid.extend(fact.trade_ids)
                case _:
                    plain.append(fact)
        state, rebuilt = fold(plain), trades(plain)
        for paper, book in self.books.items():
            assumed = [
                leg.leg
                for trade in rebuilt.trades.values()
                for leg in trade.legs.values()
                if leg.path == ASSUMED and meant_on_paper(state.trades[trade.trade_id]) is paper
            ]
            book.rebuild(state, paper=paper, assumed=assumed)
            for trade in rebuilt.trades.values():
                # One that ended in the moment of the crash: its verdict was never written, nobody moves it now.
                if trade.over:
                    book.over(trade.trade_id)
            book.paid_out(paid)
        begin = self.loss.begin_us
        before = trades([fact for fact in plain if fact.t < begin])
        self.loss.take_up(_losses(before), _losses(rebuilt))
        self._judged = dict.fromkeys(rebuilt.trades)
        self.tick(now_us)

    def take_facts(self) -> tuple[RiskFact, ...]:
        """What is to be written down, in the order in which it happened."""
        facts = (*self._facts, *self.breakers.take_facts())
        if facts:
            self._facts.clear()
        return facts

    def take_lines(self) -> tuple[Said, ...]:
        """What is to be said in the log."""
        if not self._lines:
            return ()
        lines = tuple(self._lines)
        self._lines.clear()
        return lines

    def describe(self, now_us: int) -> dict[str, Any]:
        """For the status: plain JSON values."""
        return {
            "state": self.state.value,
            "reason": self.reason,
            "lost_today_usd": money_to_dollars(self.loss.today(now_us)),
            "limits": self._limits(),
            "breakers": [
                {"id": trip.reason_id, "what": trip.what, "effect": trip.effect.value, "text": trip.text}
                | {"until_us": trip.until_us}
                for trip in self.breakers.standing.values()
            ],
            "exposure": {
                name: {str(scope): money_to_dollars(amount) for scope, amount in sorted(book.exposure.every())}
                for name, book in (("real", self.books[False]), ("paper", self.books[True]))
            },
            **self.refusals.counts,
        }

    def _limits(self) -> dict[str, Any]:
        """Those that are set, in dollars, contracts and pieces; of real money, as paper has the same in dollars."""
        limits, rules = self.books[False].limits, self.breakers.rules
        dollars = {kind.value: limits.most(kind) for kind in Kind} | {"daily_loss": rules.daily_loss}
        most = limits.contracts_per_leg
        said = {name: money_to_dollars(amount) for name, amount in dollars.items() if amount is not None}
        said |= {} if most is None else {"contracts": quantity_to_wire(most)}
        return said | ({} if limits.trades_in_flight is None else {"in_flight": limits.trades_in_flight})


def _count_of(after: RiskState, who: Who) -> str:
    if after is RiskState.HALTED:
        return HALTS
    return TRIPS if who is Who.BREAKER else MOVES


def _losses(rebuilt: Rebuilt) -> dict[TradeId, Money]:
    losses = {trade_id: trade_loss(trade) for trade_id, trade in rebuilt.trades.items()}
    return {trade_id: lost for trade_id, lost in losses.items() if lost}
