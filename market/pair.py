"""A pair: the instruments of two venues that are the same question, and what trading them costs."""

from __future__ import annotations

from typing import Final

import msgspec

from market.fees import RATE_UNIT, RETAIL_PRECISION, KalshiFees, PolymarketFees, kalshi_fees, polymarket_fees
from market.opportunity import ArbType
from protocol.terms import PairId
from protocol.units import DOLLAR, USD, Money, Price, Quantity

DEAREST_RATE: Final = 70_000
"""The highest taker rate of either venue: a forgotten rate must not make a loss look like an edge."""


class Pair(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One question, as a Kalshi ticker, a Polymarket YES token and NO token, each optional.

    There is at least one arb to be had: a ticker (alone it gives ``kalshi_only``) or both tokens. Rates and the
    multiplier are millionths. Ticks divide the dollar; the finest, 1/100 of a cent, allows every price.
    ``market_id`` is its number on the wire. ``kalshi_shard``: on which of Kalshi's shards the market is, until a trader
    says it. Raises :class:`ValueError` for what cannot be a pair.
    """

    pair_id: PairId
    market_id: int
    description: str = ""
    event_id: str | None = None
    kalshi_market_ticker: str | None = None
    poly_yes_token: str | None = None
    poly_no_token: str | None = None
    kalshi_rate_ppm: int = DEAREST_RATE
    kalshi_multiplier_ppm: int = RATE_UNIT
    polymarket_rate_ppm: int = DEAREST_RATE
    polymarket_exponent: int = 1
    kalshi_tick: Price = Price(1)
    poly_tick: Price = Price(1)
    kalshi_min_contracts: Quantity = Quantity(1)
    poly_min_notional: Money = USD
    quantity_step: Quantity = Quantity(1)
    kalshi_shard: int | None = None

    def __post_init__(self) -> None:
        if not self.arb_types:
            raise ValueError("needs kalshi_market_ticker, or poly_yes_token and poly_no_token: one side is no pair")
        if self.poly_yes_token is not None and self.poly_yes_token == self.poly_no_token:
            raise ValueError("poly_yes_token and poly_no_token are the same token: each outcome has its own")
        if self.kalshi_rate_ppm * self.kalshi_multiplier_ppm % RATE_UNIT:
            raise ValueError("kalshi_rate times kalshi_multiplier has more than 6 decimals: write the product as rate")
        for name, tick in (("kalshi_tick", self.kalshi_tick), ("poly_tick", self.poly_tick)):
            if not 0 < tick < DOLLAR or DOLLAR % tick:
                raise ValueError(f"{name} must divide the dollar, such as 0.01 or 0.001")
        polymarket_fees(self.polymarket_rate_ppm, self.polymarket_exponent)

    @property
    def arb_types(self) -> tuple[ArbType, ...]:
        """The arbs that its instruments allow, in the order of :class:`ArbType`."""
        kalshi, yes, no = self.kalshi_market_ticker, self.poly_yes_token, self.poly_no_token
        possible = {
            ArbType.POLY_YES_KALSHI_NO: kalshi is not None and yes is not None,
            ArbType.KALSHI_YES_POLY_NO: kalshi is not None and no is not None,
            ArbType.POLY_ONLY: yes is not None and no is not None,
            ArbType.KALSHI_ONLY: kalshi is not None,
        }
        return tuple(arb_type for arb_type, there in possible.items() if there)

    def kalshi_fees(self, precision: Money = RETAIL_PRECISION) -> KalshiFees:
        """The fee model of its Kalshi market, the multiplier folded in."""
        return kalshi_fees(self.kalshi_rate_ppm * self.kalshi_multiplier_ppm // RATE_UNIT, precision)

    def polymarket_fees(self) -> PolymarketFees:
        """The fee model of its Polymarket market."""
        return polymarket_fees(self.polymarket_rate_ppm, self.polymarket_exponent)
