"""What is at stake: open orders at their worst and positions at cost, leg by leg, exactly. No limits here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from actors.ledger_book import Fill, PositionBook
from actors.risk.limits import Scope, scopes
from actors.risk.terms import Account, TermsOf
from protocol.outcome import Outcome, newer
from protocol.terms import Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import CONTRACT, USD, Money, Quantity

PAYOUT: Final = USD // CONTRACT
"""Micro-dollars that 1/100 contract pays when its side is right."""


class PoolKey(NamedTuple):
    """One contract at one venue, whichever trades bought it."""

    pair_id: PairId
    platform: Platform
    side: Side


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

    @property
    def outlay(self) -> Money:
        """Paid for what it is proven to have bought, with fees; a sale pays nothing."""
        if self.action is Action.SELL or self.proven is None:
            return Money(0)
        return Money(self.proven.cost + self.proven.fees)

    @property
    def open(self) -> Money:
        """What it can still cost beyond its outlay: nothing once its word is final.

        What is claimed and not proven counts where it is more than was thought possible.
        """
        if self.action is Action.SELL or self.closed:
            return Money(0)
        claimed = self.last.cost + self.last.fees if self.last is not None else 0
        return Money(max(0, max(self.worst, claimed) - self.outlay))

    @property
    def fill(self) -> Fill | None:
        """What it adds to its pool: fees are part of the cost, and come off what a sale brings.

        A sale frees money when its word is final and not before: what it gave back could be taken back.
        """
        done = self.proven
        if done is None or not (done.filled or done.cost or done.fees):
            return None
        if self.action is Action.BUY:
            return Fill(done.filled, done.cost + done.fees, 0)
        return Fill(-done.filled, done.fees - done.cost, 0) if self.closed else None


class Exposure:
    """Money at stake by scope, and cash spoken for by account.

    ``at stake`` of a scope is the sum of what its positions cost (a short: what it can still lose), of what its orders
    can still cost at worst, and of what is kept for trades that are not over (:meth:`keep`). It depends on the legs,
    their places and their newest outcomes alone, not on the order in which these became known.
    """

    def __init__(self, terms: TermsOf) -> None:
        """Nothing at stake. The terms of a pair stay the same for as long as this lives."""
        self.terms = terms
        self.legs: dict[LegId, LegMoney] = {}
        self.of_trade: dict[TradeId, list[LegMoney]] = {}
        self.pools: dict[PoolKey, PositionBook] = {}
        self.out: dict[LegId, LegMoney] = {}
        """Legs without a final word."""
        self.unknown: dict[LegId, LegMoney] = {}
        self.kept: dict[TradeId, dict[Platform, Money]] = {}
        self._pairs: dict[TradeId, PairId] = {}
        self._at_stake: Counter[Scope] = Counter()
        self._spoken_for: Counter[Account] = Counter()
        self._unhedged: dict[PairId, Money] = {}
        self._platforms: dict[Platform, None] = {}
        self._places = 0

    # -- legs and their news ---------------------------------------------------------------------------------

    def add(self, leg: LegMoney) -> None:
        """An order that left, or may have; ``place`` is given here."""
        if leg.leg_id in self.legs:
            return
        before = self._counted(leg)
        leg.place = self._places
        self._places += 1
        self.legs[leg.leg_id] = leg
        self.of_trade.setdefault(leg.trade_id, []).append(leg)
        self._pool(leg)
        self._moved(leg, before)

    def report(self, outcome: Outcome) -> Money | None:
        """Take in what is known of a leg now; returns by how much its outlay rose, None for a leg that is not here.

        The same again, and what is older, changes nothing.
        """
        leg = self.legs.get(outcome.leg_id)
        if leg is None:
            return None
        before, outlay = self._counted(leg), leg.outlay
        if outcome.status.proven and (leg.proven is None or newer(outcome, leg.proven)):
            leg.proven = outcome
        if leg.last is None or newer(outcome, leg.last):
            leg.last = outcome
        self._pool(leg)
        self._moved(leg, before)
        return Money(leg.outlay - outlay)

    def take_out(self, leg_id: LegId) -> LegMoney | None:
        """The leg belongs elsewhere: as if it had never been here."""
        leg = self.legs.get(leg_id)
        if leg is None:
            return None
        before = self._counted(leg)
        del self.legs[leg_id]
        self.of_trade[leg.trade_id].remove(leg)
        if not self.of_trade[leg.trade_id]:
            del self.of_trade[leg.trade_id]
        self._put(leg, None)
        self._moved(leg, before)
        return leg

    # -- money kept for a trade ------------------------------------------------------------------------------

    def keep(self, trade_id: TradeId, pair_id: PairId, lines: dict[Platform, Money]) -> None:
        """Keep so much for the trade in all, by platform, until it is over; what it spends comes out of that."""
        before = {platform: self._spare(trade_id, platform) for platform in lines}
        self.kept.setdefault(trade_id, {}).update(lines)
        self._pairs[trade_id] = pair_id
        for platform in lines:
            self._spared(pair_id, platform, self._spare(trade_id, platform) - before[platform])

    def let_go(self, trade_id: TradeId) -> None:
        """The trade is over: only what it holds, and what is not proven yet, counts from now on."""
        kept = self.kept.get(trade_id, {})
        before = {platform: self._spare(trade_id, platform) for platform in kept}
        self.kept.pop(trade_id, None)
        pair_id = self._pairs.pop(trade_id, None)
        if pair_id is not None:
            for platform, spare in before.items():
                self._spared(pair_id, platform, -spare)

    def used(self, trade_id: TradeId, platform: Platform) -> Money:
        """What the trade's purchases there have cost and can still cost."""
        legs = self.of_trade.get(trade_id, ())
        return Money(sum(leg.outlay + leg.open for leg in legs if leg.key.platform == platform))

    # -- what follows ----------------------------------------------------------------------------------------

    def at_stake(self, scope: Scope) -> Money:
        """The exposure of a scope."""
        return Money(self._at_stake[scope])

    def spoken_for(self, account: Account) -> Money:
        """Cash of the account that open orders may take, or that is kept for trades which are not over."""
        return Money(self._spoken_for[account])

    def every(self) -> Iterator[tuple[Scope, Money]]:
        """All scopes with anything at stake."""
        return ((scope, Money(amount)) for scope, amount in self._at_stake.items() if amount)

    def held(self, key: PoolKey) -> Quantity:
        """Contracts held by proven fills, those included that an open sale may have taken."""
        pool = self.pools.get(key)
        return Quantity(0) if pool is None else pool.holding.contracts

    def selling(self, key: PoolKey) -> Quantity:
        """Contracts that open sales may take."""
        sales = (leg for leg in self.out.values() if leg.key == key and leg.action is Action.SELL)
        return Quantity(sum(max(leg.quantity, leg.proven.filled if leg.proven is not None else 0) for leg in sales))

    @property
    def unhedged(self) -> Money:
        """What contracts without a partner have cost, over all pairs, with what shorts can lose."""
        return Money(sum(self._unhedged.values()))

    def scopes_of(self, pair_id: PairId, platform: Platform) -> tuple[Scope, ...]:
        """Everything that money there counts against."""
        return scopes(pair_id, self.terms(pair_id, platform).event, platform)

    # -- counting --------------------------------------------------------------------------------------------

    def _counted(self, leg: LegMoney) -> tuple[int, int]:
        """At stake, and cash spoken for, by all that this leg has a part in."""
        known = leg.leg_id in self.legs
        flying = self._spare(leg.trade_id, leg.key.platform) + (leg.open if known else 0)
        return flying + self._pooled(leg.key), flying

    def _moved(self, leg: LegMoney, before: tuple[int, int]) -> None:
        after = self._counted(leg)
        self._count(leg.key, after[0] - before[0])
        self._speak(leg.key, after[1] - before[1])
        known = leg.leg_id in self.legs
        for among, belongs in ((self.out, not leg.closed), (self.unknown, leg.unknown)):
            if known and belongs:
                among[leg.leg_id] = leg
            else:
                among.pop(leg.leg_id, None)

    def _spared(self, pair_id: PairId, platform: Platform, change: int) -> None:
        key = PoolKey(pair_id, platform, Side.YES)
        self._count(key, change)
        self._speak(key, change)

    def _count(self, key: PoolKey, change: int) -> None:
        if change:
            for scope in self.scopes_of(key.pair_id, key.platform):
                self._at_stake[scope] += change

    def _speak(self, key: PoolKey, change: int) -> None:
        if change:
            self._spoken_for[self.terms(key.pair_id, key.platform).account] += change

    def _spare(self, trade_id: TradeId, platform: Platform) -> int:
        kept = self.kept.get(trade_id, {}).get(platform)
        return 0 if kept is None else max(0, kept - self.used(trade_id, platform))

    def _pool(self, leg: LegMoney) -> None:
        self._put(leg, leg.fill)

    def _put(self, leg: LegMoney, fill: Fill | None) -> None:
        pool = self.pools.get(leg.key)
        if pool is None:
            if fill is None:
                return
            pool = self.pools[leg.key] = PositionBook()
            self._platforms.setdefault(leg.key.platform)
        pool.put(leg.place, fill)
        if not pool:
            del self.pools[leg.key]
        self._match(leg.key.pair_id)

    def _pooled(self, key: PoolKey) -> int:
        pool = self.pools.get(key)
        if pool is None:
            return 0
        held = pool.holding
        # A short was paid ``-cost`` and may have to pay the dollar for each contract.
        return held.cost if held.contracts >= 0 else max(0, held.cost - held.contracts * PAYOUT)

    def _match(self, pair_id: PairId) -> None:
        """What the pair holds without a partner, at its share of the cost, rounded up."""
        held = {Side.YES: 0, Side.NO: 0}
        cost = {Side.YES: 0, Side.NO: 0}
        shorts = 0
        for key in self._keys(pair_id):
            holding = self.pools[key].holding
            if holding.contracts < 0:
                shorts += self._pooled(key)
            else:
                held[key.side] += holding.contracts
                cost[key.side] += holding.cost
        more = max(held, key=lambda side: held[side])
        excess = held[more] - held[more.opposite]
        at_risk = shorts + (-(-cost[more] * excess // held[more]) if excess else 0)
        if at_risk:
            self._unhedged[pair_id] = Money(at_risk)
        else:
            self._unhedged.pop(pair_id, None)

    def _keys(self, pair_id: PairId) -> Iterator[PoolKey]:
        keys = (PoolKey(pair_id, platform, side) for platform in self._platforms for side in Side)
        return (key for key in keys if key in self.pools)
