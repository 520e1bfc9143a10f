"""What became of an order, out of all that is known of it: our answer, its entry in the lists, its trades. Pure.

A trade counts from its match on, and no longer once it FAILED. The outcome is final when the order is over, every
trade of it is listed, and each is CONFIRMED or FAILED; before that a fill may still be taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from market.fees import PolymarketFees
from protocol.leg import Leg
from protocol.outcome import Outcome, believable
from protocol.terms import Action, Status
from protocol.units import CONTRACT, DOLLAR, USD, Money, Price
from venues.polymarket.account import FAILED, TERMINAL, Order, Trade
from venues.polymarket.replies import Told, contracts, fill_status, unknown

_QUANTUM: Final = 10
"""Micro-dollars in $0.00001, the step of a fee and the least that is charged."""


class Evidence(msgspec.Struct, frozen=True):
    """All that was found of one order.

    ``order`` None: the venue answered ``null``. ``still``: it was so long ago that all its trades must be listed.
    """

    order_id: str
    order: Order | None
    trades: tuple[Trade, ...]
    told: Told | None = None
    still: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing at all speaks for it."""
        return self.order is None and not self.trades and self.told is None


def trades_of(order_id: str, trades: Iterable[Trade]) -> tuple[Trade, ...]:
    """Those that the order took, each once."""
    return tuple({trade.id: trade for trade in trades if trade.taker_order_id.lower() == order_id.lower()}.values())


def fee_of(fees: PolymarketFees, price: Price, shares: int) -> Money:
    """The fee of one fill, as ``market/fees.py`` has it, on millionths of a share."""
    # Rate 1e-6, each p x (1 - p) 1e-8, shares 1e-6, over the quantum of 1e-5.
    exact: int = fees.rate_ppm * (price * (DOLLAR - price)) ** fees.exponent * shares
    return Money(max(exact // 10 ** (8 * fees.exponent + 7), 1) * _QUANTUM if exact > 0 else 0)


def fees_of(fees: PolymarketFees, trades: Iterable[Trade]) -> Money:
    """What these trades are charged."""
    return Money(sum(fee_of(fees, price, shares) for trade in trades for price, shares in _by_price(trade).items()))


def _by_price(trade: Trade) -> Counter[Price]:
    """Millionths of a share at each price: a trade is charged once for each."""
    found: Counter[Price] = Counter()
    for price, shares in trade.parts():
        found[price] += shares
    return found


def outcome_of(leg: Leg, seen: Evidence, fees: PolymarketFees) -> Outcome:
    """What the evidence proves; not for :attr:`Evidence.empty`."""
    wrong = _contradiction(leg, seen)
    if wrong is not None:
        return unknown(leg, wrong, seen.order_id)
    listed = sum(trade.shares for trade in seen.trades)
    matched = max(listed, seen.told.shares if seen.told else 0, seen.order.matched if seen.order else 0)
    lost = [trade for trade in seen.trades if trade.word == FAILED]
    kept = [trade for trade in seen.trades if trade.word != FAILED]
    missing = matched - listed
    shares = matched - sum(trade.shares for trade in lost)
    # What is cut off of a hundredth cannot be held by us: it must not make the rest look dearer than a dollar.
    most = contracts(shares) * (USD // CONTRACT)
    outcome = Outcome(
        leg_id=leg.leg_id,
        status=Status.UNKNOWN,
        filled=contracts(shares),
        cost=Money(min(most, _cost(leg, seen, kept, lost, missing))),
        fees=Money(fees_of(fees, kept) + (fee_of(fees, leg.limit, missing) if missing else 0)),
        order_id=seen.order_id,
        final=False,
    )
    if not _over(seen):
        return msgspec.structs.replace(outcome, error=f"unknown: {_open_words(seen)}")
    settled = missing == 0 and all(trade.word in TERMINAL for trade in seen.trades)
    status = fill_status(leg, outcome.filled)
    return believable(msgspec.structs.replace(outcome, status=status, error=_why(outcome, lost), final=settled))


def _contradiction(leg: Leg, seen: Evidence) -> str | None:
    side = "BUY" if leg.action is Action.BUY else "SELL"
    found = [(trade.asset_id, trade.side.upper()) for trade in seen.trades]
    if seen.order is not None:
        found.append((seen.order.asset_id, seen.order.side.upper()))
    other = next(((asset, way) for asset, way in found if asset != leg.market or way != side), None)
    if other is None:
        return None
    return f"the order of this id is {other[1]} on {other[0]}, and not {side} on {leg.market}"


def _over(seen: Evidence) -> bool:
    if seen.order is not None:
        # What the list says of a killed order may be older than its trades.
        return seen.order.over and (bool(seen.trades) or seen.order.matched > 0 or seen.still or seen.told is not None)
    return seen.told is not None or (bool(seen.trades) and seen.still)


def _open_words(seen: Evidence) -> str:
    if seen.order is None:
        return "its trades are listed, and its order is not"
    return f"the order is {seen.order.word}" + (", and its trades may not be listed yet" if seen.order.over else "")


def _cost(leg: Leg, seen: Evidence, kept: list[Trade], lost: list[Trade], missing: int) -> Money:
    """Exact where the answer told the whole; else trade by trade, and at the leg's limit where one is missing."""
    buys = leg.action is Action.BUY
    if seen.told is not None and seen.told.shares >= sum(trade.shares for trade in seen.trades):
        return Money(max(0, seen.told.dollars - sum(trade.dollars(buys=buys) for trade in lost)))
    exact = leg.limit * missing
    return Money(sum(trade.dollars(buys=buys) for trade in kept) + (-(-exact // DOLLAR) if buys else exact // DOLLAR))


def _why(outcome: Outcome, lost: list[Trade]) -> str | None:
    if lost:
        names = ", ".join(trade.id[:40] for trade in lost[:3])
        return f"reverted by the chain: {len(lost)} of its trades failed ({names})"
    return None if outcome.filled else "nothing to take at the limit"
