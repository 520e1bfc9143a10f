"""What happens on the exchange, for whoever listens (the WebSocket sessions do)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.units import Price
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Fill, Order
from venues.kalshi.exchange.position import Position


@dataclass(frozen=True, slots=True)
class LevelMoved:
    """``delta`` more (or less) rests at a price; ``cause`` is the order that did it, if one of a member did."""

    market: Market
    is_bid: bool
    price: Price
    delta: int
    cause: Order | None = None


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade, for everybody."""

    market: Market
    fill: Fill


@dataclass(frozen=True, slots=True)
class Filled:
    """A member's side of a trade."""

    account: Account
    fill: Fill


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A member's order is new or changed."""

    account: Account
    order: Order


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A member holds something else of a market."""

    account: Account
    market: Market
    position: Position


@dataclass(frozen=True, slots=True)
class TopMoved:
    """The best prices, their sizes or the last trade of a market are others."""

    market: Market


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Something about a market or an event that is no trade: a message of ``market_lifecycle_v2`` as it is sent."""

    type: str
    msg: Mapping[str, Any]


Event = LevelMoved | Traded | Filled | OrderChanged | PositionChanged | TopMoved | Lifecycle
Listener = Callable[[Event, int], None]
"""Told each event with its time, unix microseconds."""
