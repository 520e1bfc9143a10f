"""A leg as an order of Polymarket, and a signed order as the bytes of ``POST /order``.

What is bought at once is an *amount* there: so many dollars are offered, and all of them are spent. A better price
brings more shares than were asked for, which is told as what it is. So that the limit holds for the whole, the dollars
are the leg's limit times its quantity, cut to the cent: at the limit itself that may be a fraction of a share less than
the leg asks, and never a micro-dollar more. What is sold is an amount of shares. See docs/decisions/0025.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from protocol.leg import Leg
from protocol.terms import POLYMARKET, Action
from protocol.units import CENT, CONTRACT, DOLLAR, Money, Price, Quantity, show_money, show_price
from venues.polymarket.market import LEAST_DOLLARS, MarketRules

CREATE: Final = "/order"

ORDER_TYPE: Final = "FAK"
"""Fill what is there at the limit or better, and kill the rest."""

CENT_MONEY: Final = Money(10_000)

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class OrderRefused(ValueError):
    """A leg that is no order on Polymarket; begins with the field, and nothing was sent."""


class OrderPlan(msgspec.Struct, frozen=True):
    """What is to be signed: ``amount`` is dollars where it buys, shares where it sells."""

    token: str
    side: Literal["BUY", "SELL"]
    price: Price
    amount: Decimal

    @property
    def limit(self) -> Decimal:
        """The price in dollars."""
        return Decimal(self.price) / DOLLAR

    @property
    def spends(self) -> Money:
        """The most that it costs without fees; nothing where it sells."""
        return Money(int(self.amount * 1_000_000)) if self.side == "BUY" else Money(0)


class SignedFields(msgspec.Struct, frozen=True):
    """A signed order, as the official client has it; only what of it goes out."""

    builder: str
    expiration: int
    maker: str
    maker_amount: int
    metadata: str
    salt: int
    side: str
    signature: str
    signature_type: int
    signer: str
    taker_amount: int
    timestamp: int
    token_id: str


def plan_order(leg: Leg, rules: MarketRules) -> OrderPlan:
    """The order that the leg means, never worse for us than the leg. Raises :class:`OrderRefused`."""
    _meant(leg, rules)
    price = rules.floor(leg.limit) if leg.action is Action.BUY else rules.ceil(leg.limit)
    if price is None:
        worse = "at or below" if leg.action is Action.BUY else "at or above"
        raise OrderRefused(f"price: the market has no tick {worse} {show_price(leg.limit)}")
    if leg.action is Action.SELL:
        return OrderPlan(leg.market, "SELL", price, Decimal(leg.quantity) / CONTRACT)
    cents = buy_cents(price, leg.quantity)
    if cents < LEAST_DOLLARS * 100:
        spent = show_money(Money(price * leg.quantity))
        raise OrderRefused(f"contracts: {spent} is less than the ${LEAST_DOLLARS} that polymarket takes at least")
    return OrderPlan(leg.market, "BUY", price, Decimal(cents) / CENT)


def buy_cents(price: Price, quantity: Quantity) -> int:
    """The whole cents that so many contracts cost at most at this price."""
    return price * quantity // CENT_MONEY


def _meant(leg: Leg, rules: MarketRules) -> None:
    if leg.platform != POLYMARKET:
        raise OrderRefused(f"platform: this is polymarket, the order is for {leg.platform}")
    if leg.quantity <= 0:
        raise OrderRefused("contracts: must be at least 0.01")
    if leg.market not in rules.tokens:
        raise OrderRefused(f"market: {leg.market} is no token of {rules.condition}")
    if not rules.accepting:
        raise OrderRefused("market: it takes no orders now")


def order_body(signed: SignedFields, owner: str) -> bytes:
    """The bytes that are posted, as the official client writes them. ``owner`` is our API key."""
    fields: Mapping[str, Any] = {
        "deferExec": False,
        "order": {
            "builder": signed.builder,
            "expiration": str(signed.expiration),
            "maker": signed.maker,
            "makerAmount": str(signed.maker_amount),
            "metadata": signed.metadata,
            "salt": signed.salt,
            "side": signed.side,
            "signature": signed.signature,
            "signatureType": signed.signature_type,
            "signer": signed.signer,
            "takerAmount": str(signed.taker_amount),
            "timestamp": str(signed.timestamp),
            "tokenId": signed.token_id,
        },
        "orderType": ORDER_TYPE,
        "owner": owner,
    }
    return _encode(fields)
