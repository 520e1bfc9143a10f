"""One market of the exchange: its listing, its book, what was traded."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from market.fees import KalshiFees, kalshi_fees
from market.matching.match_book import MatchBook
from protocol.units import Money, Price, Quantity
from venues.kalshi.exchange.listing import Listing, MarketStatus
from venues.kalshi.exchange.texts import uuid_text

TAKER_PPM: Final = 70_000
MAKER_PPM: Final = 17_500
_MAKER_PAYS: Final = frozenset({"quadratic_with_maker_fees"})


@dataclass(slots=True)
class Market:
    """What of a market changes. ``clock`` is the exchange clock of the last change of its book."""

    listing: Listing
    status: MarketStatus
    multiplier: Decimal
    fee_type: str
    market_id: str
    book: MatchBook = field(default_factory=MatchBook)
    clock: int = 0
    last_price: Price = Price(0)
    last_size: Quantity = Quantity(0)
    volume: Quantity = Quantity(0)
    traded: Money = Money(0)
    open_interest: Quantity = Quantity(0)
    updated_us: int = 0
    fees_overridden: bool = False
    result: str = ""
    settlement_value: Price | None = None
    """What a YES contract pays, known with the result."""
    settled_us: int = 0

    @classmethod
    def listed(cls, listing: Listing) -> Market:
        """A market as it starts."""
        market_id = uuid_text("market", listing.ticker)
        return cls(listing, listing.status, Decimal(listing.fee_multiplier), listing.fee_type, market_id)

    @property
    def ticker(self) -> str:
        """Its ticker."""
        return self.listing.ticker

    @property
    def shard(self) -> int:
        """Where its money is."""
        return self.listing.exchange_index

    def fees(self, *, taker: bool) -> KalshiFees:
        """What a fill costs."""
        rate = TAKER_PPM if taker else MAKER_PPM if self.fee_type in _MAKER_PAYS else 0
        return kalshi_fees(int(rate * self.multiplier))
