"""What became of an order, asked of Polymarket: the order by its hash, then our trades, then the balance of its token.

``null`` for an order proves nothing: the venue says it of orders that did fill. "No such order" is said only when there
is neither order nor trade, so long after it was written that both must be listed, and when the balance of the token is
what its trades explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Action
from transport.polymarket.reads import PolymarketReads
from transport.venue_rest import ReadFailed
from venues.polymarket.account import FAILED, Trade
from venues.polymarket.fate import Evidence, outcome_of, trades_of
from venues.polymarket.market import MarketRules
from venues.polymarket.replies import MICRO, Told

MARGIN_S: Final = 60
"""Clocks may differ by so much, and a list begins that much earlier than what is looked for."""

STILL_US: Final = 10 * MICRO
"""So long after an order was written its trades are listed, and so is itself."""

UNEXPLAINED_US: Final = 600 * MICRO
"""So long after the order a balance that nobody can explain holds up nothing any more."""

LEAST_MOVED: Final = 10_000
"""Millionths of a share: less than that is dust of what was bought for dollars."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The order that is looked for. ``exact``: the venue's ids are the hashes that we compute."""

    leg: Leg
    order_id: str
    written_us: int
    told: Told | None = None
    exact: bool = True


async def find(reads: PolymarketReads, rules: MarketRules, asked: Asked, now_us: int) -> Outcome | None:
    """What the venue has of the order; None: nothing, for certain. Raises :class:`ReadFailed`: not known."""
    leg, age = asked.leg, now_us - asked.written_us
    # The order first: trades that are read after it are at least as new.
    order = await reads.order(asked.order_id)
    listed = await reads.trades(leg.market, after_s=asked.written_us // MICRO - MARGIN_S)
    seen = Evidence(
        order_id=asked.order_id,
        order=order,
        trades=trades_of(asked.order_id, listed),
        told=asked.told,
        still=age >= STILL_US,
    )
    if not seen.empty:
        return outcome_of(leg, seen, rules.fees)
    if not asked.exact:
        raise ReadFailed("not listed by the hash that we computed; but polymarket names its orders by other ids")
    if age < STILL_US:
        raise ReadFailed(f"neither order nor trade is listed, but it was written only {age / MICRO:.1f} s ago")
    if age < UNEXPLAINED_US:
        await _explained(reads, rules, leg)
    return None


async def _explained(reads: PolymarketReads, rules: MarketRules, leg: Leg) -> None:
    """Raise :class:`ReadFailed` where the token's balance is not what all trades of it make."""
    balance = await reads.shares(rules, leg.market)
    trades = [trade for trade in await reads.trades(leg.market) if trade.word != FAILED]
    made = sum(_moved(trade) for trade in trades)
    more, less = balance - made >= LEAST_MOVED, made - balance >= LEAST_MOVED
    if (more and leg.action is Action.BUY) or (less and leg.action is Action.SELL):
        raise ReadFailed("neither order nor trade is listed, but the balance of its token is not what its trades made")


def _moved(trade: Trade) -> int:
    # As a maker our own side is the other one; where that was another token it is not of this list's balance.
    return trade.shares if trade.side.upper() == "BUY" else -trade.shares
