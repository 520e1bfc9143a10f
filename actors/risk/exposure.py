"""What is at stake: open orders at their worst and positions at cost, leg by leg, exactly. No limits here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from actors.ledger_book import Fill, PositionBook
from actors.risk.limits import Scope, scopes
from actors.risk.shards import Shards
from actors.risk.terms import Account, Terms, TermsOf
from protocol.outcome import Outcome, newer
from protocol.terms import BUY, SELL, YES, Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import CONTRACT, USD, Money, Quantity

PAYOUT: Final = USD // CONTRACT
"""Micro-dollars that 1/100 contract pays when its side is right."""


class PoolKey(NamedTuple):
    """One contract at one venue, whichever trades bought it."""

    pair_id: PairId
    platform: Platform
    side: Side


class Counted(msgspec.Struct, frozen=True, gc=False):
    """A leg's part in the sums: paid already, still to be paid at worst, and what its pool gets (None: nothing)."""

    outlay: int
    open: int
    fill: Fill | None


_NOTHING_COUNTED: Final = Counted(0, 0, None)


class LegMoney(msgspec.Struct):
    """One order: what it can cost at ``worst`` (a sale: nothing), and what is known of it.

    ``place`` is its place among all legs, as in the ledger. ``last`` is the outcome that holds, ``proven`` the newest
    proven one.
    """

    leg_id: LegId
    trade_id: TradeId
    key: PoolKey
    action: Action
    quantity: Quantity
    worst: Money
    place: int
    last: Outcome | None = None
    proven: Outcome | None = None

    @property
    def closed(self) -> bool:
        """There is a final word."""
        return self.last is not None and self.last.status.proven and self.last.final

    @property
    def unknown(self) -> bool:
        """It was answered, and the answer proves nothing."""
        return self.last is not None and not self.last.status.proven

    def counted(self) -> Counted:
        """What it has cost, what it can still cost, and what it adds to its pool.

        Only what is proven to be bought has cost something, fees included; a sale costs nothing. Beyond that a purchase
        can cost its worst until its word is final, or what is claimed and not proven where that is more. In the pool
        fees are part of the cost, and come off what a sale brings; a sale frees money when its word is final and not
        before: what it gave back could be taken back.
        """
        last, done = self.last, self.proven
        closed = last is not None and last.status.proven and last.final
        moved = done is not None and bool(done.filled or done.cost or done.fees)
        if self.action is not BUY:
            if done is None or not (moved and closed):
                return _NOTHING_COUNTED
            return Counted(0, 0, Fill(-done.filled, done.fees - done.cost, 0))
        outlay = 0 if done is None else done.cost + done.fees
        still = 0
        if not closed:
            claimed = 0 if last is None else last.cost + last.fees
            still = max(0, max(self.worst, claimed) - outlay)
        return Counted(outlay, still, Fill(done.filled, outlay, 0) if done is not None and moved else None)


_What = TypeVar("_What", Scope, Account)


class Tally(Generic[_What]):
    """The running sum of one scope, or of one account's cash."""

    __slots__ = ("amount", "what")

    def __init__(self, what: _What) -> None:
        """Nothing yet."""
        self.what: _What = what
        self.amount = 0


class Lane:
    """One pair on one platform: its terms, and every sum that money there counts in. Looked up once, and kept.

    Its market may move to another shard. What was spoken for by then counts on both until nothing is: orders that
    were under way when it moved are paid by one of the two.
    """

    __slots__ = ("account", "cash", "former", "tallies", "terms")

    def __init__(self, terms: Terms, tallies: tuple[Tally[Scope], ...], account: Tally[Account]) -> None:
        """As the terms say."""
        self.terms = terms
        self.tallies = tallies
        self.account = account
        self.former: list[Tally[Account]] = []
        self.cash = 0

    def count(self, stake: int, cash: int) -> None:
        """So much more is at stake, and so much more cash is spoken for."""
        if stake:
            for tally in self.tallies:
                tally.amount += stake
        if cash:
            self.cash += cash
            self.account.amount += cash
            if self.former:
                for other in self.former:
                    other.amount += cash
                if not self.cash:
                    self.former.clear()

    def move(self, account: Tally[Account]) -> None:
        """It is paid from another account now; of no known shard it never was in two places."""
        before = self.account
        if account is before:
            return
        self.account = account
        if account in self.former:
            self.former.remove(account)
        else:
            account.amount += self.cash
        if self.cash and before.what.shard:
            self.former.append(before)
        else:
            before.amount -= self.cash

    @property
    def payers(self) -> tuple[Account, ...]:
        """The accounts of which one pays for what is bought there now."""
        return (self.account.what, *(tally.what for tally in self.former))

    def may_take(self, account: Account) -> bool:
        """Whether the account may have to pay for it: also one that is the whole, or where no shard is known."""
        return any(
            each.platform == account.platform and (not each.shard or not account.shard or each.shard == account.shard)
            for each in self.payers
        )


_NOTHING_KEPT: Final[Mapping[Platform, Money]] = {}


class Exposure:
    """Money at stake by scope, and cash spoken for by account.

    ``at stake`` of a scope is the sum of what its positions cost (a short: what it can still lose), of what its orders
    can still cost at worst, and of what is kept for trades that are not over (:meth:`keep`). It depends on the legs,
    their places and their newest outcomes alone, not on the order in which these became known.

    All sums are carried along and never added up anew: what an order costs does not grow with what there is.
    """

    def __init__(self, terms: TermsOf, shards: Shards | None = None) -> None:
        """Nothing at stake. The terms of a pair stay the same for as long as this lives; its shard may not."""
        self.terms = terms
        self.shards = shards or Shards()
        self.legs: dict[LegId, LegMoney] = {}
        self.of_trade: dict[TradeId, list[LegMoney]] = {}
        self.pools: dict[PoolKey, PositionBook] = {}
        self.out: dict[LegId, LegMoney] = {}
        """Legs without a final word."""
        self.unknown: dict[LegId, LegMoney] = {}
        self.kept: dict[TradeId, dict[Platform, Money]] = {}
        self._pairs: dict[TradeId, PairId] = {}
        self._used: dict[TradeId, dict[Platform, int]] = {}
        self._lanes: dict[tuple[PairId, Platform], Lane] = {}
        self._lanes_of: dict[tuple[Platform, str], list[Lane]] = {}
        self._scopes: dict[Scope, Tally[Scope]] = {}
        self._accounts: dict[Account, Tally[Account]] = {}
        self._shards_of: dict[Platform, list[Tally[Account]]] = {}
        self._pools_of: dict[PairId, dict[PoolKey, PositionBook]] = {}
        self._unhedged: dict[PairId, Money] = {}
        self._places = 0

    # -- legs and their news ---------------------------------------------------------------------------------

    def add(self, leg: LegMoney) -> None:
        """An order that left, or may have; ``place`` is given here."""
        if leg.leg_id in self.legs:
            return
        leg.place = self._places
        self._places += 1
        self.legs[leg.leg_id] = leg
        self.of_trade.setdefault(leg.trade_id, []).append(leg)
        counted = leg.counted()
        pooled = 0 if counted.fill is None else self._put(leg, counted.fill)
        self._moved(leg, counted.outlay + counted.open, counted.open, pooled)

    def report(self, outcome: Outcome) -> Money | None:
        """Take in what is known of a leg now; returns by how much its outlay rose, None for a leg that is not here.

        The same again, and what is older, changes nothing.
        """
        leg = self.legs.get(outcome.leg_id)
        if leg is None:
            return None
        before = leg.counted()
        if outcome.status.proven and (leg.proven is None or newer(outcome, leg.proven)):
            leg.proven = outcome
        if leg.last is None or newer(outcome, leg.last):
            leg.last = outcome
        now = leg.counted()
        pooled = 0 if now.fill == before.fill else self._put(leg, now.fill)
        rose, opened = now.outlay - before.outlay, now.open - before.open
        self._moved(leg, rose + opened, opened, pooled)
        return Money(rose)

    def take_out(self, leg_id: LegId) -> LegMoney | None:
        """The leg belongs elsewhere: as if it had never been here."""
        leg = self.legs.get(leg_id)
        if leg is None:
            return None
        pooled = self._put(leg, None)
        del self.legs[leg_id]
        self.of_trade[leg.trade_id].remove(leg)
        counted = leg.counted()
        self._moved(leg, -counted.outlay - counted.open, -counted.open, pooled)
        if not self.of_trade[leg.trade_id]:
            del self.of_trade[leg.trade_id]
            del self._used[leg.trade_id]
        return leg

    # -- money kept for a trade ------------------------------------------------------------------------------

    def keep(self, trade_id: TradeId, pair_id: PairId, lines: dict[Platform, Money]) -> None:
        """Keep so much for the trade in all, by platform, until it is over; what it spends comes out of that."""
        kept = self.kept.setdefault(trade_id, {})
        self._pairs[trade_id] = pair_id
        for platform, line in lines.items():
            used = self.used(trade_id, platform)
            more = max(0, line - used) - max(0, kept.get(platform, 0) - used)
            kept[platform] = line
            self.lane(pair_id, platform).count(more, more)

    def let_go(self, trade_id: TradeId) -> None:
        """The trade is over: only what it holds, and what is not proven yet, counts from now on."""
        kept = self.kept.pop(trade_id, _NOTHING_KEPT)
        pair_id = self._pairs.pop(trade_id, None)
        if pair_id is not None:
            for platform, line in kept.items():
                spare = max(0, line - self.used(trade_id, platform))
                self.lane(pair_id, platform).count(-spare, -spare)

    def used(self, trade_id: TradeId, platform: Platform) -> Money:
        """What the trade's purchases there have cost and can still cost."""
        used = self._used.get(trade_id)
        return Money(0 if used is None else used.get(platform, 0))

    # -- what follows ----------------------------------------------------------------------------------------

    def at_stake(self, scope: Scope) -> Money:
        """The exposure of a scope."""
        tally = self._scopes.get(scope)
        return Money(0 if tally is None else tally.amount)

    def spoken_for(self, account: Account) -> Money:
        """Cash of the account that open orders may take, or that is kept for trades which are not over.

        What is on no known shard may take it from any; without a shard's name the account is the whole.
        """
        tallies = self._shards_of.get(account.platform, ())
        if not account.shard:
            return Money(sum([tally.amount for tally in tallies]))
        return Money(sum([tally.amount for tally in tallies if tally.what.shard in {"", account.shard}]))

    def out_at(self, account: Account) -> Money:
        """The same of open orders alone."""
        legs = self.out.values()
        return Money(
            sum(leg.counted().open for leg in legs if self.lane(leg.key.pair_id, leg.key.platform).may_take(account))
        )

    def moved_shard(self, platform: Platform, market: str) -> None:
        """The market is on another shard than before."""
        for lane in self._lanes_of.get((platform, market), ()):
            lane.move(self._account(lane.terms))

    def every(self) -> Iterator[tuple[Scope, Money]]:
        """All scopes with anything at stake."""
        return ((scope, Money(tally.amount)) for scope, tally in self._scopes.items() if tally.amount)

    def held(self, key: PoolKey) -> Quantity:
        """Contracts held by proven fills, those included that an open sale may have taken."""
        pool = self.pools.get(key)
        return Quantity(0) if pool is None else pool.holding.contracts

    def selling(self, key: PoolKey) -> Quantity:
        """Contracts that open sales may take."""
        sales = (leg for leg in self.out.values() if leg.key == key and leg.action is SELL)
        return Quantity(sum(max(leg.quantity, leg.proven.filled if leg.proven is not None else 0) for leg in sales))

    @property
    def unhedged(self) -> Money:
        """What contracts without a partner have cost, over all pairs, with what shorts can lose."""
        return Money(sum(self._unhedged.values()))

    def lane(self, pair_id: PairId, platform: Platform) -> Lane:
        """The pair on the platform, with everything that money there counts against."""
        lane = self._lanes.get((pair_id, platform))
        if lane is None:
            terms = self.terms(pair_id, platform)
            there = scopes(pair_id, terms.event, platform)
            tallies = tuple(self._scopes.setdefault(scope, Tally(scope)) for scope in there)
            lane = self._lanes[pair_id, platform] = Lane(terms, tallies, self._account(terms))
            self._lanes_of.setdefault((platform, terms.market), []).append(lane)
        return lane

    def _account(self, terms: Terms) -> Tally[Account]:
        account = self.shards.account(terms)
        tally = self._accounts.get(account)
        if tally is None:
            tally = self._accounts[account] = Tally(account)
            self._shards_of.setdefault(account.platform, []).append(tally)
        return tally

    # -- counting --------------------------------------------------------------------------------------------

    def _moved(self, leg: LegMoney, more_used: int, more_open: int, more_pooled: int) -> None:
        """The leg's part in every sum has changed by so much."""
        trade_id, platform = leg.trade_id, leg.key.platform
        used = self._used.setdefault(trade_id, {})
        before = used.get(platform, 0)
        after = used[platform] = before + more_used
        kept = self.kept.get(trade_id, _NOTHING_KEPT).get(platform)
        if kept is not None:
            # What the trade spends comes out of what is kept for it.
            more_open += max(0, kept - after) - max(0, kept - before)
        self.lane(leg.key.pair_id, platform).count(more_open + more_pooled, more_open)
        leg_id, last = leg.leg_id, leg.last
        known = leg_id in self.legs
        unproven = last is not None and not last.status.proven
        if known and (last is None or unproven or not last.final):
            self.out[leg_id] = leg
        else:
            self.out.pop(leg_id, None)
        if known and unproven:
            self.unknown[leg_id] = leg
        else:
            self.unknown.pop(leg_id, None)

    def _put(self, leg: LegMoney, fill: Fill | None) -> int:
        """Have the leg's fill in its pool; returns by how much more the pool costs for it."""
        key = leg.key
        pool = self.pools.get(key)
        if pool is None:
            if fill is None:
                return 0
            pool = self.pools[key] = PositionBook()
            self._pools_of.setdefault(key.pair_id, {})[key] = pool
        before = _pooled(pool)
        pool.put(leg.place, fill)
        if not pool:
            del self.pools[key], self._pools_of[key.pair_id][key]
        self._match(key.pair_id)
        return _pooled(pool) - before

    def _match(self, pair_id: PairId) -> None:
        """What the pair holds without a partner, at its share of the cost, rounded up."""
        yes = no = yes_cost = no_cost = shorts = 0
        for key, pool in self._pools_of[pair_id].items():
            holding = pool.holding
            if holding.contracts < 0:
                shorts += _pooled(pool)
            elif key.side is YES:
                yes += holding.contracts
                yes_cost += holding.cost
            else:
                no += holding.contracts
                no_cost += holding.cost
        excess = abs(yes - no)
        cost, held = (yes_cost, yes) if yes >= no else (no_cost, no)
        at_risk = shorts + (-(-cost * excess // held) if excess else 0)
        if at_risk:
            self._unhedged[pair_id] = Money(at_risk)
        else:
            self._unhedged.pop(pair_id, None)


def _pooled(pool: PositionBook) -> int:
    held = pool.holding
    # A short was paid ``-cost`` and may have to pay the dollar for each contract.
    return held.cost if held.contracts >= 0 else max(0, held.cost - held.contracts * PAYOUT)
