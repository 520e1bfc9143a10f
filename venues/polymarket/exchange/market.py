"""One market of the exchange: its listing, its one book for both tokens, what was traded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from market.matching.match_book import MatchBook
from market.matching.order import Resting
from protocol.units import DOLLAR, Price
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.contracts import EXCHANGE, EXCHANGE_V3, NEG_RISK_EXCHANGE
from venues.polymarket.exchange.eip712 import Version
from venues.polymarket.exchange.fees import FeeSchedule
from venues.polymarket.exchange.listing import Listing


@dataclass(slots=True)
class Market:
    """What of a market changes. The book is in YES prices and millionths of a share; NO is its mirror.

    ``spoken`` is False while a recording has not yet said what the book is; ``t_us`` is the book's last change.
    ``recorded``: levels by token and side (bids under True) as a recording has them, crossed or not; they are what is
    shown, while orders meet the book.
    """

    listing: Listing
    condition: str
    tokens: tuple[str, str]
    tick: Price
    accepting: bool
    closed: bool
    fees: FeeSchedule
    number: int
    book: MatchBook = field(default_factory=MatchBook)
    spoken: bool = True
    last_price: Price = Price(0)
    last_side: str = ""
    winner: str = ""
    t_us: int = 0
    recorded: dict[str, dict[bool, dict[Price, Shares]]] = field(default_factory=dict)

    @classmethod
    def listed(cls, listing: Listing, number: int) -> Market:
        """A market as it starts."""
        return cls(
            listing=listing,
            condition=listing.condition,
            tokens=listing.tokens,
            tick=listing.tick,
            accepting=listing.accepting_orders,
            closed=listing.closed,
            fees=listing.fees,
            number=number,
        )

    @property
    def exchange(self) -> str:
        """The contract that its orders are signed for."""
        if self.listing.version == "v2":
            return EXCHANGE_V3
        return NEG_RISK_EXCHANGE if self.listing.neg_risk else EXCHANGE

    @property
    def domain_version(self) -> Version:
        """The version of the domain that its orders are signed in."""
        return "3" if self.listing.version == "v2" else "2"

    def is_yes(self, token: str) -> bool:
        """Whether the token is YES; else it is NO."""
        return token == self.tokens[0]

    def other(self, token: str) -> str:
        """The token of the other outcome."""
        return self.tokens[1] if self.is_yes(token) else self.tokens[0]

    def outcome(self, token: str) -> str:
        """What the token's outcome is called."""
        return self.listing.outcome_names[0 if self.is_yes(token) else 1]

    def in_yes(self, token: str, price: Price) -> Price:
        """A price of the token in YES prices, and the other way round."""
        return price if self.is_yes(token) else Price(DOLLAR - price)

    def is_bid(self, token: str, *, buys: bool) -> bool:
        """On which side of the book an order is: who buys NO offers YES."""
        return buys if self.is_yes(token) else not buys

    def levels(self, token: str, *, is_bid: bool) -> list[tuple[Price, Shares]]:
        """Prices of the token with what rests there in all, best first."""
        mirrored = self.book.levels(is_bid=self.is_bid(token, buys=is_bid))
        return [(self.in_yes(token, price), Shares(size)) for price, size in mirrored]

    def shown(self, token: str, *, is_bid: bool) -> list[tuple[Price, Shares]]:
        """What is told of a side of the token's book, best first."""
        if token not in self.recorded:
            return self.levels(token, is_bid=is_bid)
        return sorted(self.recorded[token][is_bid].items(), reverse=is_bid)

    def amend(self, places: Iterable[tuple[bool, Price]]) -> None:
        """Orders changed what rests at these places of the book (bid or not, YES price): show that, too."""
        for token, sides in self.recorded.items():
            for is_bid, place in places:
                side = sides[self.is_bid(token, buys=is_bid)]
                size = Shares(self.book.size(place, is_bid=is_bid))
                side[self.in_yes(token, place)] = size
                if not size:
                    del side[self.in_yes(token, place)]

    def best(self, token: str, *, is_bid: bool) -> Price | None:
        """The token's best price of that side."""
        best = self.book.best(is_bid=self.is_bid(token, buys=is_bid))
        return None if best is None else self.in_yes(token, best)

    def facing(self, token: str, *, buys: bool) -> Iterator[Resting]:
        """The orders that an order of the token would meet, as they would be filled."""
        return self.book.orders(is_bid=not self.is_bid(token, buys=buys))
