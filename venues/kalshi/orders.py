"""A leg as the body of ``POST /portfolio/events/orders``: the one way in which we trade on Kalshi.

Kalshi has one book for a market, in YES terms: whoever buys NO at ``q`` sells YES at ``1 - q``, and the venue knows by
the position which of the two it was. The table :data:`BOOK_SIDE` is the whole mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from protocol.leg import Leg
from protocol.terms import KALSHI, MAX_LEG_ID, Action, Side
from protocol.units import DOLLAR, Price, Quantity, show_price
from venues.kalshi.grid import MarketRules
from venues.kalshi.hosts import API

CREATE: Final = f"{API}/portfolio/events/orders"

SELF_TRADE: Final = "taker_at_cross"
"""Where our order meets an order of our own, ours of now ends; what it has filled before stands."""

BOOK_SIDE: Final[Mapping[tuple[Action, Side], str]] = {
    (Action.BUY, Side.YES): "bid",
    (Action.SELL, Side.NO): "bid",
    (Action.SELL, Side.YES): "ask",
    (Action.BUY, Side.NO): "ask",
}
"""A bid takes YES asks, an ask takes YES bids."""

_CLIENT_ID: Final = re.compile(rf"[A-Za-z0-9_\-:+=/]{{1,{MAX_LEG_ID}}}", re.ASCII)
_encode: Final = msgspec.json.Encoder().encode


class OrderRefused(ValueError):
    """A leg that is no order on Kalshi; begins with the field, and nothing was sent."""


def yes_price(leg: Leg, rules: MarketRules) -> Price:
    """The leg's limit as a price of the YES book, on the market's grid and never worse for us than the limit.

    A bid is rounded down, an ask up, whichever outcome was meant: what is bought becomes cheaper, what is sold dearer.
    Raises :class:`OrderRefused` where no tick is left.
    """
    limit = leg.limit if leg.side is Side.YES else Price(DOLLAR - leg.limit)
    bid = BOOK_SIDE[leg.action, leg.side] == "bid"
    price = rules.grid.floor(limit) if bid else rules.grid.ceil(limit)
    if price is None:
        worse = "at or below" if leg.action is Action.BUY else "at or above"
        raise OrderRefused(f"price: {leg.market} has no tick {worse} {show_price(leg.limit)} of {leg.side}")
    return price


def dollars(price: Price) -> str:
    """``4700 -> "0.4700"``."""
    return f"{price // DOLLAR}.{price % DOLLAR:04d}"


def contracts(quantity: Quantity) -> str:
    """``600 -> "6.00"``."""
    return f"{quantity // 100}.{quantity % 100:02d}"


def order_fields(leg: Leg, rules: MarketRules) -> dict[str, Any]:
    """The fields of the order. Raises :class:`OrderRefused`."""
    if leg.platform != KALSHI:
        raise OrderRefused(f"platform: this is kalshi, the order is for {leg.platform}")
    if not _CLIENT_ID.fullmatch(leg.leg_id):
        raise OrderRefused(f"leg_id: must be 1 to {MAX_LEG_ID} of the characters A-Z a-z 0-9 _ - : + = /")
    if leg.quantity <= 0:
        raise OrderRefused("contracts: must be at least 0.01")
    if not rules.trades:
        raise OrderRefused(f"market: {leg.market} is {rules.status}")
    fields: dict[str, Any] = {
        "ticker": leg.market,
        "client_order_id": leg.leg_id,
        "side": BOOK_SIDE[leg.action, leg.side],
        "count": contracts(leg.quantity),
        "price": dollars(yes_price(leg, rules)),
        "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": SELF_TRADE,
    }
    if leg.action is Action.SELL:
        # Only what is held is sold: should the position be less than we believe, the venue must not open its opposite.
        fields["reduce_only"] = True
    if rules.shard is not None:
        fields["exchange_index"] = rules.shard
    return fields


def order_body(leg: Leg, rules: MarketRules) -> bytes:
    """The same as JSON. Raises :class:`OrderRefused`."""
    return _encode(order_fields(leg, rules))
