"""What happens on the exchange, for whoever listens (the WebSocket sessions do)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from protocol.units import Price
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Order, Trade

OrderNews = Literal["PLACEMENT", "UPDATE", "CANCELLATION"]


@dataclass(frozen=True, slots=True)
class BookMoved:
    """What rests at these places (bid or not, YES price) is another; and the trades that did it."""

    market: Market
    places: tuple[tuple[bool, Price], ...]
    trades: tuple[Trade, ...] = ()


@dataclass(frozen=True, slots=True)
class TickChanged:
    """The market has another tick size."""

    market: Market
    before: Price


@dataclass(frozen=True, slots=True)
class MarketListed:
    """A market is new."""

    market: Market


@dataclass(frozen=True, slots=True)
class MarketResolved:
    """A market has a winner."""

    market: Market


@dataclass(frozen=True, slots=True)
class OrderNoted:
    """A wallet's order is new, changed or gone."""

    order: Order
    news: OrderNews


@dataclass(frozen=True, slots=True)
class TradeNoted:
    """A trade has another status."""

    trade: Trade


Event = BookMoved | TickChanged | MarketListed | MarketResolved | OrderNoted | TradeNoted
Listener = Callable[[Event, int], None]
"""Told each event with its time, unix microseconds."""
