"""The wallet's account as the trader is asked about it: what can be spent, and all that is held, of one moment.

Balances are what the chain has. A trade moves them when it is mined, and counts for us from its match on: what lies
between is taken from our trades. What fails is given back by the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from actors.journal import JournalBrokenError
from actors.ports import CashReport
from protocol.holdings import HeldContracts, Holdings, HoldingsReport, ListedOrder
from protocol.leg import Leg
from protocol.terms import LegId, Side
from protocol.units import Money, Quantity
from transport.polymarket.markets import MarketRulesKept
from transport.polymarket.policy import PortPolicy
from transport.polymarket.reads import PolymarketReads, asset_of
from transport.venue_rest import ReadFailed
from venues.polymarket.account import FAILED, BalanceAllowance, Order, Trade
from venues.polymarket.fate import fees_of
from venues.polymarket.replies import MICRO, contracts

RECENT_S: Final = 3_600
"""A trade that is older is on the chain, or never will be."""

UNMINED: Final = frozenset({"MATCHED", "MATCHED_NOT_BROADCASTED", "RETRYING"})
"""Statuses of a trade that counts for us and has not moved the balances, or not any more."""

HUNDREDTH: Final = 10_000
"""Millionths of a share in the least that is traded."""

MAX_TOKENS: Final = 500
"""Tokens whose balance is read for one look at the account."""


class PolymarketAccount:
    """Asked one question at a time, each answered whole or not at all."""

    def __init__(self, reads: PolymarketReads, markets: MarketRulesKept, policy: PortPolicy) -> None:
        self._reads = reads
        self._markets = markets
        self._policy = policy
        self._known: BalanceAllowance | None = None
        self._sides: dict[str, Side] = {}
        self.leg_of: Callable[[str], LegId | None] = lambda _: None
        """Whose order it is, by the journal."""

    def allowed(self, contract: str) -> Money | None:
        """What the contract may take at most, when that was last asked; None where it was not."""
        return None if self._known is None else Money(self._known.allowed(contract))

    def ordered(self, leg: Leg) -> None:
        """An order of this token has left: which outcome it is, the pair knows best."""
        if len(self._sides) < MAX_TOKENS * 10:
            self._sides[leg.market] = leg.side

    async def look(self) -> BalanceAllowance:
        """Dollars and allowances, as they are now. Raises :class:`ReadFailed`."""
        self._known = await self._reads.balance()
        return self._known

    async def refresh(self, token: str) -> None:
        """Have the venue look at the chain for this token; where that fails, it does so by itself later."""
        try:
            rules = await self._markets.learn(token)
            await self._reads.refresh(asset_of(rules), token)
        except ReadFailed:
            return

    # -- cash ------------------------------------------------------------------------------------------------

    async def cash(self, report: CashReport, now_us: int) -> None:
        """Dollars that can be spent: the balance, less what is matched and not mined, as far as a contract may."""
        found: list[tuple[str, Money]] | None = None
        failed: str | None = "the question broke"
        try:
            # The trades first: one that is mined in between is taken off twice, and never not at all.
            trades = await self._recent(now_us // MICRO - RECENT_S)
            balance = await self.look()
            unmined = [trade for trade in trades if _buys(trade) and trade.word in UNMINED]
            spent = sum([await self._dollars(trade) for trade in unmined])
            may = max((int(value) for value in balance.allowances.values()), default=0)
            found, failed = [("", Money(max(0, min(balance.amount - spent, may))))], None
        except ReadFailed as error:
            failed = str(error)
        report(found, failed)

    async def _dollars(self, trade: Trade) -> Money:
        """What a trade takes off the balance, or (below zero) brings; fees in either way."""
        rules = await self._markets.learn(trade.asset_id)
        fees = fees_of(rules.fees, [trade]) if _takes(trade) else Money(0)
        dollars = trade.dollars(buys=_buys(trade))
        return Money(dollars + fees if _buys(trade) else fees - dollars)

    async def _recent(self, since_s: int) -> list[Trade]:
        return [trade for trade in await self._reads.trades(after_s=since_s) if trade.word != FAILED]

    # -- holdings --------------------------------------------------------------------------------------------

    async def holdings(self, since_us: int, moving: set[str], report: HoldingsReport) -> None:
        """Everything; ``moving``: tokens in which an order of ours may be under way."""
        found: Holdings | None = None
        failed: str | None = "the question broke"
        try:
            found, failed = await self._hold(since_us, moving), None
        except ReadFailed as error:
            failed = str(error)
        except JournalBrokenError as error:
            failed = f"journal: {error}"
        report(found, failed)

    async def _hold(self, since_us: int, moving: set[str]) -> Holdings:
        since_s = max(0, since_us // MICRO)
        trades, resting = await self._recent(since_s), await self._reads.open_orders()
        unmined = [trade for trade in trades if trade.word in UNMINED]
        listed = {position.asset for position in await self._reads.positions()}
        tokens = sorted(listed | {trade.asset_id for trade in trades})
        if len(tokens) > MAX_TOKENS:
            raise ReadFailed(f"{len(tokens)} tokens are held: more than can be compared")
        shares = {token: await self._shares(token) + _moved(unmined, token) for token in tokens}
        balance = await self.look()
        spent = sum([await self._dollars(trade) for trade in unmined])
        again, still = await self._recent(since_s), await self._reads.open_orders()
        if _marks(trades, resting) != _marks(again, still):
            raise ReadFailed("the account moved while it was read")
        return Holdings(
            positions=tuple([await self._held(token, amount) for token, amount in shares.items() if contracts(amount)]),
            orders=tuple(self._orders(trades, resting)),
            accounts=(("", Money(balance.amount - spent)),),
            nets=False,
            listed_from_us=since_us,
            moving=tuple(sorted(moving)),
        )

    async def _shares(self, token: str) -> int:
        """On the chain, without the dust: what dollars bought beyond whole hundredths is counted by nobody."""
        held = await self._reads.shares(await self._markets.learn(token), token)
        bought: Counter[str] = Counter()
        for trade in await self._reads.trades(token):
            if trade.asset_id == token and _buys(trade) and _takes(trade) and trade.word not in {FAILED, *UNMINED}:
                bought[trade.taker_order_id] += trade.shares
        return max(0, held - sum(shares % HUNDREDTH for shares in bought.values()))

    async def _held(self, token: str, shares: int) -> HeldContracts:
        rules = await self._markets.learn(token)
        side = self._sides.get(token) or (Side.YES if rules.tokens[0] == token else Side.NO)
        return HeldContracts(token, side, contracts(max(0, shares)))

    def _orders(self, trades: Iterable[Trade], resting: Iterable[Order]) -> list[ListedOrder]:
        """What rests, and what the trades say of orders that do not."""
        filled: dict[str, list[Trade]] = {}
        for trade in trades:
            if _takes(trade):
                filled.setdefault(trade.taker_order_id, []).append(trade)
        found = [
            ListedOrder(
                self.leg_of(order_id) or "",
                order_id,
                mine[0].asset_id,
                contracts(sum(trade.shares for trade in mine)),
                Quantity(0),
                min(trade.unix_us for trade in mine),
            )
            for order_id, mine in filled.items()
        ]
        found += [
            ListedOrder(
                self.leg_of(order.id) or "",
                order.id,
                order.asset_id,
                contracts(order.matched),
                contracts(order.left),
                order.unix_us,
            )
            for order in resting
            if order.id not in filled
        ]
        return found


def _takes(trade: Trade) -> bool:
    return trade.trader_side.upper() != "MAKER"


def _buys(trade: Trade) -> bool:
    return trade.side.upper() == "BUY"


def _moved(unmined: Iterable[Trade], token: str) -> int:
    """What these trades bring of the token, in millionths."""
    mine = [trade for trade in unmined if trade.asset_id == token]
    return sum(trade.shares // HUNDREDTH * HUNDREDTH if _buys(trade) else -trade.shares for trade in mine)


def _marks(trades: Iterable[Trade], resting: Iterable[Order]) -> tuple[object, object]:
    """What must not have changed."""
    return {(trade.id, trade.word) for trade in trades}, {(order.id, order.matched) for order in resting}
