"""A trader's whole day in random steps, beside an account of it that shares no code with the book of money.

The account knows every order, what the venue really did with it, and what was told. It adds everything up from the
beginning whenever it is asked.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final

import msgspec

from actors.facts import AnyFact, LegSent, Purpose, ResultSeen, TradeOpened, TradeOver
from actors.ledger_state import fold
from actors.risk.approval import Approval, Refused
from actors.risk.limits import ALL, Limits
from actors.risk.reservation import MoneyBook
from actors.risk.terms import FILLS, Account
from market.opportunity import ArbType
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import CENT, Money, Price, Quantity
from tests.risk.kit import FEES, SECOND, T0, Market, a_leg, arb, closing, dollars, order
from tests.risk.reckoning import Order, Reckoning
from tests.risk.recount import the_sums_are_those_of_the_legs

PAIRS = ("pair_0", "pair_1", "pair_2")
PLATFORMS = (KALSHI, POLYMARKET)
NEWS = ("final", "final", "final", "unknown", "claim", "part", "denied")
LAST = 1_000
"""The revision of an order's last word."""

LIMITS = Limits(
    per_pair=dollars(10),
    per_event=dollars(15),
    per_venue=dollars(14),
    total=dollars(24),
    contracts_per_leg=Quantity(1_500),
    trades_in_flight=3,
    orders_per_second={KALSHI: 4, POLYMARKET: 6},
)


class Day(Reckoning):
    """``wild``: venues fill more than asked, charge more than thought, and tell of fills that they had denied."""

    def __init__(self, chance: Random, *, wild: bool) -> None:
        self.chance = chance
        self.wild = wild
        super().__init__(Market(FEES))
        self.book = MoneyBook(LIMITS, self.market)
        self.shard = {"pair_0": "0", "pair_1": "0", "pair_2": "3"}
        """Where the markets really are; of the first two nobody has said it yet."""
        self.moved_us: dict[str, int] = {}
        self.approved_us: dict[TradeId, int] = {}
        self.paid_unseen: set[Account] = set()
        self.dearer = 0
        self.now = T0
        self.number = 0
        self.unsent: dict[TradeId, Approval] = {}
        self.facts: list[AnyFact] = []
        self.cash: dict[Account, int] = {}
        self.left_at: dict[Platform, list[int]] = {platform: [] for platform in PLATFORMS}
        self.paid: list[TradeId] = []
        self.answers: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        """So many random steps, each of them checked; then everything ends flat."""
        if self.whole(0, 2):
            self.cash_stated()
        for _ in range(steps):
            self.chance.choice(STEPS)(self)
            self.check()
        self.end()

    def check(self) -> None:
        """What must hold after every step."""
        self.the_book_agrees_with_the_account()
        self.no_limit_is_passed()
        self.no_cash_is_spent_that_is_not_there()
        self.no_second_has_too_many_orders()

    def whole(self, low: int, high: int) -> int:
        return self.chance.randint(low, high)

    # -- what the venue does ---------------------------------------------------------------------------------

    def truth(self, leg: Leg) -> Outcome:
        """Fills at the limit or better, charged as the venue charges them."""
        most = leg.quantity + (200 if self.wild and leg.action is Action.BUY else 0)
        size = self.chance.choice([0, leg.quantity, leg.quantity, self.whole(0, most // 100) * 100])
        fills: list[tuple[Price, Quantity]] = []
        while size and len(fills) < FILLS - 1:
            part = self.whole(1, size // 100) * 100
            better = self.whole(0, 3) * CENT
            price = leg.limit - better if leg.action is Action.BUY else min(leg.limit + better, 9_900)
            fills.append((Price(max(price, 100)), Quantity(part)))
            size -= part
        if size:
            fills.append((leg.limit, Quantity(size)))
        done = Quantity(sum(part for _, part in fills))
        fees = FEES[leg.platform].total(fills, leg.action) if fills else Money(0)
        if self.wild and done:
            fees = Money(fees + self.whole(0, 50_000))
        status = Status.UNFILLED if not done else Status.PARTIAL if done < leg.quantity else Status.FILLED
        cost = Money(sum(price * part for price, part in fills))
        return Outcome(leg_id=leg.leg_id, status=status, filled=done, cost=cost, fees=fees, revision=LAST)

    def leave(self, approval: Approval, indices: list[int], purpose: Purpose) -> None:
        legs = [order(approval, index, f"{approval.trade_id}-{self.next()}") for index in indices]
        self.book.sent(approval, legs, self.now)
        for leg in legs:
            truth = self.charged(leg, self.truth(leg))
            self.orders[leg.leg_id] = Order(leg, purpose, truth)
            self.left_at[leg.platform].append(self.now)
            self.facts.append(self.sent_fact(leg, purpose))

    def charged(self, leg: Leg, truth: Outcome) -> Outcome:
        """The shard on which the market is pays for it, or nobody does: that happens to who was misled alone."""
        account = self.account(leg)
        if account not in self.cash or leg.action is not Action.BUY:
            return truth
        need = truth.cost + truth.fees
        if need > self.cash[account] and (not self.wild or leg.platform == KALSHI):
            assert self.wild or self.misled(leg), (leg, self.cash)
            return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, revision=LAST)
        assert leg.pair_id is not None
        if account not in self.book.exposure.lane(leg.pair_id, leg.platform).payers:
            self.paid_unseen.add(account)
        self.cash[account] -= need
        return truth

    def misled(self, leg: Leg) -> bool:
        """Whether the market is on another shard than was told, or moved since the trade was approved.

        Or its shard has paid, since it was asked, for a market that was believed to be elsewhere.
        """
        assert leg.pair_id is not None
        assert leg.trade_id is not None
        known = self.book.exposure.lane(leg.pair_id, leg.platform).account.what
        moved = self.moved_us.get(leg.pair_id, -1) >= self.approved_us[leg.trade_id]
        unseen = self.account(leg) in self.paid_unseen
        return leg.platform == KALSHI and (unseen or moved or known != self.account(leg))

    def sent_fact(self, leg: Leg, purpose: Purpose) -> LegSent:
        fields = {name: getattr(leg, name) for name in leg.__struct_fields__ if name != "description"}
        return LegSent(t=self.now, purpose=purpose, path="local", **fields)

    def next(self) -> int:
        self.number += 1
        return self.number

    def account(self, leg: Leg) -> Account:
        assert leg.pair_id is not None
        return Account(leg.platform, self.shard[leg.pair_id] if leg.platform == KALSHI else "")

    # -- trading ---------------------------------------------------------------------------------------------

    def arb_seen(self) -> None:
        """An arb is proposed, and what is approved of it leaves: all at once, or one venue first."""
        pair_id = self.chance.choice(PAIRS)
        one_first = self.whole(0, 2) == 0
        proposal = arb(f"t{self.next()}", pair_id, self.whole(1, 30), self.whole(3, 60), self.whole(3, 60))
        before = self.recount()
        spoken = {account: self.book.exposure.spoken_for(account) for account in self.cash}
        answer = self.book.approve(proposal, self.now)
        self.answers[said(answer)] += 1
        if isinstance(answer, Refused):
            assert self.recount() == before
            return
        assert answer.quantity <= proposal.quantity
        self.kept[answer.trade_id] = {
            leg.platform: self.market(PairId(pair_id), leg.platform).worst(leg.limit, leg.quantity)
            for leg in answer.legs
        }
        self.pair_of[answer.trade_id] = PairId(pair_id)
        self.approved_us[answer.trade_id] = self.now
        self.unsent[answer.trade_id] = answer
        for scope, amount in self.recount().items():
            most = LIMITS.most(scope.kind)
            assert most is None or amount <= most or amount == before.get(scope, 0)
        formers = self.book.exposure.lane(answer.pair_id, KALSHI).payers[1:]
        for account, was in spoken.items():
            if account in formers:
                continue  # its market has moved from there: it holds back more than it needs
            left = self.book.cash.left(account)
            now = self.book.exposure.spoken_for(account)
            assert left is None or now == was or now <= left
        self.facts.append(
            TradeOpened(
                t=self.now,
                trade_id=answer.trade_id,
                pair_id=answer.pair_id,
                market_id=1,
                arb_type=ArbType.KALSHI_YES_POLY_NO,
                quantity=answer.quantity,
                edge=Money(0),
                market_t=0,
                dry_run=False,
            )
        )
        self.leave(answer, [0] if one_first else [0, 1], Purpose.OPEN)
        if not one_first:
            del self.unsent[answer.trade_id]

    def second_leg(self) -> None:
        """The leg that waited leaves, or the trade is given up."""
        if not self.unsent:
            return
        trade_id = self.chance.choice(sorted(self.unsent))
        if self.whole(0, 1):
            free = self.book.rate.free(self.unsent[trade_id].legs[1].platform, self.now)
            if free is None or free > 0:
                self.leave(self.unsent.pop(trade_id), [1], Purpose.OPEN)
        elif self.done(trade_id):
            self.finish(trade_id)

    def told(self) -> None:
        """Something is told of an order, in whatever order the news comes."""
        waiting = sorted(each for each, order in self.orders.items() if not order.closed)
        if waiting:
            self.tell(self.chance.choice(waiting), self.chance.choice(NEWS))

    def tell(self, leg_id: LegId, how: str) -> None:
        order = self.orders[leg_id]
        truth, revision = order.truth, len(order.told)
        news = truth
        if how == "unknown":
            news = Outcome(leg_id=leg_id, status=Status.UNKNOWN, revision=revision, final=False)
        elif how == "claim":
            news = msgspec.structs.replace(truth, status=Status.UNKNOWN, revision=revision, final=False)
        elif how == "part":
            share = self.whole(0, truth.filled // 100) * 100
            status = Status.PARTIAL if share else Status.UNFILLED
            cost = truth.cost * share // truth.filled if share else 0
            news = Outcome(
                leg_id=leg_id, status=status, filled=Quantity(share), cost=Money(cost), revision=revision, final=False
            )
        elif how == "denied" and self.wild:
            news = Outcome(leg_id=leg_id, status=Status.UNFILLED, revision=revision)
        order.told.append(news)
        before = self.book.exposure.at_stake(ALL)
        self.book.report(news, self.now)
        if self.sold_since(order):
            # At average cost, what is left after that sale is dearer than was thought when it was proven.
            self.dearer += max(0, self.book.exposure.at_stake(ALL) - before)
        assert order.leg.trade_id is not None
        self.facts.append(ResultSeen(t=self.now, trade_id=order.leg.trade_id, outcome=news, source="t0"))

    def sold_since(self, order: Order) -> bool:
        """Whether a sale of the same contracts, sent later, was proven before."""
        legs = list(self.orders.values())
        later = legs[legs.index(order) + 1 :]
        key = (order.leg.pair_id, order.leg.platform, order.leg.side)
        mine = (each for each in later if (each.leg.pair_id, each.leg.platform, each.leg.side) == key)
        return any(each.leg.action is Action.SELL and each.proven is not None for each in mine)

    def late_news(self) -> None:
        """What had been denied happened after all."""
        late = sorted(each for each, order in self.orders.items() if order.told and order.last != order.truth)
        if self.wild and late:
            self.tell(self.chance.choice(late), "final")

    def close(self) -> None:
        """A trade whose orders are all proven completes what is missing, or sells what is too much."""
        ready = sorted(trade_id for trade_id in self.kept if self.done(trade_id) and trade_id not in self.unsent)
        if not ready:
            return
        trade_id, sell = self.chance.choice(ready), self.whole(0, 1) == 1
        action = Action.SELL if sell else Action.BUY
        leg = a_leg(self.chance.choice(PLATFORMS), self.whole(1, 99), self.whole(1, 15), action)
        proposal = closing(leg, trade_id=trade_id, pair_id=self.pair_of[trade_id])
        before = self.recount()
        used, kept = self.used(trade_id, leg.platform), self.kept[trade_id].get(leg.platform, 0)
        answer = self.book.approve_closing(proposal, self.now)
        self.answers[f"closing: {said(answer)}"] += 1
        if isinstance(answer, Refused):
            assert self.recount() == before
            return
        if not sell:
            worst = self.market(self.pair_of[trade_id], leg.platform).worst(leg.limit, leg.quantity)
            self.kept[trade_id][leg.platform] = max(kept, used + worst)
        self.approved_us[trade_id] = self.now
        purpose = Purpose.UNWIND if sell else Purpose.COMPLETE
        self.leave(answer, [0], purpose)

    def over(self) -> None:
        """A trade whose orders are all proven is called over: flat, hedged, or dust."""
        ready = sorted(trade_id for trade_id in self.kept if self.done(trade_id))
        if ready:
            self.finish(self.chance.choice(ready))

    def done(self, trade_id: TradeId) -> bool:
        return all(order.closed for order in self.orders.values() if order.leg.trade_id == trade_id)

    def finish(self, trade_id: TradeId) -> None:
        self.book.over(trade_id)
        del self.kept[trade_id]
        self.unsent.pop(trade_id, None)
        self.facts.append(TradeOver(t=self.now, trade_id=trade_id, state="hedged"))

    # -- time, cash and restarts -----------------------------------------------------------------------------

    def time_passes(self) -> None:
        self.now += self.chance.choice([1, 300_000, 999_999, SECOND, SECOND, 5 * SECOND])

    def paid_out(self) -> None:
        """The markets of trades that are over have paid: all that their pair holds is gone."""
        pair_id = self.chance.choice(PAIRS)
        trade_ids = [trade_id for trade_id, pair in self.pair_of.items() if pair == pair_id]
        mine = {each for each, order in self.orders.items() if order.leg.pair_id == pair_id}
        if self.wild or any(trade_id in self.kept for trade_id in trade_ids) or self.whole(0, 3):
            return
        self.book.paid_out(trade_ids)
        self.orders = {each: order for each, order in self.orders.items() if each not in mine}
        self.paid += trade_ids

    def cash_stated(self) -> None:
        """The venue says what is there, of all its shards; at first, and whenever it is asked."""
        platform = self.chance.choice(PLATFORMS)
        accounts = [Account(platform, shard) for shard in (("0", "3") if platform == KALSHI else ("",))]
        if accounts[0] not in self.cash:
            # Before the first word nothing limits it, so what is out by then must not count against the account.
            if self.kept or not all(order.closed for order in self.orders.values()):
                return
            self.cash |= {account: self.whole(100, 2_500) * 10_000 for account in accounts}
        self.state(platform)

    def state(self, platform: Platform) -> None:
        stated = {each.shard: Money(amount) for each, amount in self.cash.items() if each.platform == platform}
        if stated:
            self.paid_unseen -= {each for each in self.cash if each.platform == platform}
            self.book.cash.stated(platform, stated, self.now)

    def shard_told(self) -> None:
        """Somebody says on which shard a market is."""
        pair_id = self.chance.choice(PAIRS)
        self.tell_shard(pair_id)

    def tell_shard(self, pair_id: str) -> None:
        exposure, market = self.book.exposure, f"{pair_id}-market"
        if exposure.shards.tell(KALSHI, market, self.shard[pair_id]):
            exposure.moved_shard(KALSHI, market)

    def market_moved(self) -> None:
        """The venue moves a market to another shard, and says so at once or later."""
        if self.whole(0, 2):
            return
        pair_id = self.chance.choice(PAIRS)
        self.shard[pair_id] = "3" if self.shard[pair_id] == "0" else "0"
        self.moved_us[pair_id] = self.now
        if self.whole(0, 1):
            self.tell_shard(pair_id)

    def restart(self) -> None:
        """All that is left is what the ledger holds; what was approved and had not left never leaves."""
        self.book = MoneyBook(LIMITS, self.market)
        self.book.rebuild(fold(self.facts), paper=False)
        self.book.paid_out(self.paid)
        self.unsent.clear()
        for trade_id in self.kept:
            lines: dict[Platform, int] = {}
            for each in self.orders.values():
                if each.leg.trade_id == trade_id and each.purpose is Purpose.OPEN:
                    lines[each.leg.platform] = lines.get(each.leg.platform, 0) + self.worst(each.leg)
            self.kept[trade_id] = lines
        for platform in PLATFORMS:
            self.state(platform)

    # -- what must hold --------------------------------------------------------------------------------------

    def the_book_agrees_with_the_account(self) -> None:
        assert dict(self.book.exposure.every()) == self.recount()
        the_sums_are_those_of_the_legs(self.book.exposure)

    def no_limit_is_passed(self) -> None:
        if not self.wild:
            for scope, amount in self.book.exposure.every():
                most = LIMITS.most(scope.kind)
                assert most is None or amount <= most + self.dearer, scope
            assert len(self.kept) <= 3

    def no_cash_is_spent_that_is_not_there(self) -> None:
        assert self.wild or all(amount >= 0 for amount in self.cash.values()), self.cash

    def no_second_has_too_many_orders(self) -> None:
        for platform, most in LIMITS.orders_per_second.items():
            times = self.left_at[platform]
            assert all(times[n + most] - times[n] >= SECOND for n in range(len(times) - most))

    def end(self) -> None:
        """Everything is told, everything held is sold: then nothing is at stake, and nothing is kept."""
        self.now += 10 * SECOND
        for leg_id, each in self.orders.items():
            if not each.told or each.last != each.truth:
                self.tell(leg_id, "final")
        for trade_id in list(self.kept):
            self.finish(trade_id)
        for key in list(self.book.exposure.pools):
            self.now += SECOND
            self.flatten(key.pair_id, key.platform, key.side)
        assert dict(self.book.exposure.every()) == {}
        assert self.book.in_flight == 0
        assert not self.book.exposure.out
        assert not self.book.exposure.unknown
        assert not self.book._unsent
        assert not any(tally.amount for tally in self.book.exposure._accounts.values())
        assert self.book.exposure.unhedged == 0

    def flatten(self, pair_id: PairId, platform: Platform, side: Side) -> None:
        """Sell what is held, and buy back what was sold too much: neither is ever refused for want of money."""
        held = self.book.exposure.held(next(k for k in self.book.exposure.pools if k == (pair_id, platform, side)))
        if not held:
            return
        trade_id = TradeId(f"t{self.next()}")
        leg = msgspec.structs.replace(
            a_leg(platform, 50, 1, Action.SELL, side), quantity=Quantity(abs(held)), side=side
        )
        proposal = closing(leg, trade_id=trade_id, pair_id=pair_id)
        if held > 0:
            answer = self.book.approve_closing(proposal, self.now)
            assert isinstance(answer, Approval), answer
            sale = order(answer, 0)
            self.book.sent(answer, [sale], self.now)
        else:
            sale = order(
                closing(msgspec.structs.replace(leg, action=Action.BUY), trade_id=trade_id, pair_id=pair_id), 0
            )
            self.book.take(sale, trade_id)
        money = Money(sale.limit * sale.quantity)
        self.book.report(Outcome(leg_id=sale.leg_id, status=Status.FILLED, filled=sale.quantity, cost=money), self.now)
        self.book.over(trade_id)


def said(answer: Approval | Refused) -> str:
    """In a word, for counting."""
    if isinstance(answer, Refused):
        return f"refused, {answer.reason}"
    return "whole" if answer.cap is None else f"capped, {answer.cap.reason}"


STEPS: Final = (
    *[Day.arb_seen] * 6,
    *[Day.told] * 8,
    *[Day.second_leg] * 2,
    *[Day.close] * 3,
    *[Day.over] * 4,
    *[Day.time_passes] * 3,
    Day.late_news,
    Day.cash_stated,
    Day.shard_told,
    Day.shard_told,
    Day.market_moved,
    Day.paid_out,
    Day.restart,
)
"""What happens, as often as it is here."""
