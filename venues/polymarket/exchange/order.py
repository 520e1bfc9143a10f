"""Orders and trades as the exchange keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from protocol.units import Money, Price
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.market import Market

OrderType = Literal["GTC", "GTD", "FOK", "FAK"]
OrderStatus = Literal["LIVE", "MATCHED", "DELAYED", "CANCELED"]
TradeStatus = Literal["MATCHED", "MINED", "CONFIRMED", "RETRYING", "FAILED"]
Side = Literal["BUY", "SELL"]
NONE: Final = Shares(0)


@dataclass(slots=True, kw_only=True)
class Order:
    """One order of one wallet. ``price`` is the limit, in the token's own prices.

    ``amount`` is what an order in dollars may spend; None for one in shares. ``size`` is what was asked for (for an
    order in dollars: at the limit), ``left`` what still rests or waits. ``doomed``: no trade of it will ever be mined.
    """

    order_id: str
    account: Account
    owner: str
    market: Market
    token: str
    side: Side
    kind: OrderType
    price: Price
    size: Shares
    left: Shares
    amount: Money | None
    post_only: bool
    expires_s: int
    created_us: int
    status: OrderStatus = "LIVE"
    filled: Shares = NONE
    paid: Money = Money(0)
    due_us: int = 0
    doomed: bool = False
    trades: list[str] = field(default_factory=list)

    @property
    def buys(self) -> bool:
        """Whether it buys its token."""
        return self.side == "BUY"

    @property
    def is_bid(self) -> bool:
        """Its side of the book."""
        return self.market.is_bid(self.token, buys=self.buys)

    @property
    def at_once(self) -> bool:
        """Whether nothing of it ever rests."""
        return self.kind in {"FOK", "FAK"}


@dataclass(slots=True, kw_only=True)
class MakerFill:
    """What one resting order gave to a trade. ``order`` is None for the house's."""

    order: Order | None
    order_id: str
    token: str
    side: Side
    price: Price
    size: Shares


@dataclass(slots=True, frozen=True)
class Move:
    """What a trade moves for one wallet when it is mined: dollars, and shares of a token."""

    account: Account
    money: int
    token: str
    shares: int


@dataclass(slots=True, kw_only=True)
class Trade:
    """What one order took at one price, from one or more makers. Fees are the taker's."""

    trade_id: str
    taker: Order
    price: Price
    size: Shares
    money: Money
    fee: Money
    makers: list[MakerFill]
    moves: list[Move]
    matched_us: int
    updated_us: int
    status: TradeStatus = "MATCHED"
    doomed: bool = False
    moved: bool = False
    transaction: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in {"CONFIRMED", "FAILED"}
