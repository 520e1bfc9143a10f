"""What risk must know of one market of a pair: its event, whose cash pays, what an order can cost at worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from market.fees import RETAIL_PRECISION, SCALE, FeeModel, KalshiFees, kalshi_fees, polymarket_fees
from market.pair import DEAREST_RATE, Pair
from protocol.terms import KALSHI, PairId, Platform
from protocol.units import CENT, CONTRACT, Money, Price, Quantity, notional

FILLS: Final = 8
"""Fills of one order whose rounding the reserve covers. What more of them cost is counted when it is told."""

POLYMARKET_QUANTUM: Final = 10
"""Polymarket charges at least $0.00001 a fill."""


class Account(NamedTuple):
    """Where cash lies: a platform, and the shard of it (empty where it has none)."""

    platform: Platform
    shard: str = ""

    def __str__(self) -> str:
        """``kalshi``, ``kalshi shard 3``: for people."""
        return f"{self.platform} shard {self.shard}" if self.shard else self.platform


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """One pair on one platform. Its ``account`` has a shard's name where the pairs file says it, of ``market``.

    An order below ``least`` contracts, or below ``least_notional`` at its limit, is refused by the venue.
    """

    event: str
    account: Account
    fees: FeeModel
    market: str = ""
    tick: Price = Price(1)
    step: Quantity = Quantity(1)
    least: Quantity = Quantity(1)
    least_notional: Money = Money(0)
    rounding: int = 0
    """The most that rounding can add to the fees of one order, in micro-dollars: follows from the others."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "rounding", self._rounding())

    def worst(self, limit: Price, quantity: Quantity) -> Money:
        """The most that an order to buy so many at this limit can cost, fees included, in at most :data:`FILLS` fills.

        Price plus fee rises with the price at every rate below 1, so the worst fill is one at the limit. What rounding
        adds is bounded fill by fill; where sizes are whole contracts and prices whole cents, Kalshi gives all but one
        step of it back within the order.
        """
        fee = -(-self.fees.marginal(limit) * quantity // SCALE)
        return Money(notional(limit, quantity) + fee + self.rounding)

    def _rounding(self) -> int:
        if not isinstance(self.fees, KalshiFees):
            return FILLS * (POLYMARKET_QUANTUM + 1) if self.fees.marginal(CENT) else 0
        whole = self.step % CONTRACT == 0 and self.tick % CENT == 0
        if whole and not self.fees.rate_ppm:
            return 0
        return self.fees.precision if whole else FILLS * (self.fees.precision + 1)


TermsOf = Callable[[PairId, Platform], Terms]
"""The terms of any pair on any platform; of one that is not known (any more), the dearest."""


def terms_of(pair: Pair, platform: Platform, *, precision: Money = RETAIL_PRECISION) -> Terms:
    """The terms of a pair on a platform. A pair without an event is an event of its own."""
    kalshi = platform == KALSHI
    shard = str(pair.kalshi_shard) if kalshi and pair.kalshi_shard is not None else ""
    return Terms(
        event=pair.event_id or pair.pair_id,
        account=Account(platform, shard),
        market=(pair.kalshi_market_ticker or "") if kalshi else "",
        fees=pair.kalshi_fees(precision) if kalshi else pair.polymarket_fees(),
        tick=pair.kalshi_tick if kalshi else pair.poly_tick,
        step=pair.quantity_step,
        least=pair.kalshi_min_contracts if kalshi else Quantity(1),
        least_notional=Money(0) if kalshi else pair.poly_min_notional,
    )


def dearest_terms(pair_id: PairId, platform: Platform) -> Terms:
    """Terms of a pair that nobody knows any more but the ledger: an event of its own, at the highest rates."""
    fees: FeeModel = kalshi_fees(DEAREST_RATE) if platform == KALSHI else polymarket_fees(DEAREST_RATE)
    return Terms(event=pair_id, account=Account(platform), fees=fees)
