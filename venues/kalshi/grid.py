"""The prices at which a Kalshi market takes orders, and what else an order must know of its market."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec

from protocol.units import CENT, DOLLAR, Price, UnitError, price_from_dollars

MAX_RANGES: Final = 100

_Ticker = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PriceRange(msgspec.Struct, frozen=True, gc=False):
    """Prices of the YES side from ``start`` to ``end``, both included, ``step`` apart."""

    start: Price
    end: Price
    step: Price


class PriceGrid:
    """Every price at which the market takes an order: strictly between nothing and a dollar."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: tuple[PriceRange, ...]) -> None:
        """Raises :class:`UnitError` for ranges that cannot be a market's."""
        if not 0 < len(ranges) <= MAX_RANGES:
            raise UnitError(f"a market has 1 to {MAX_RANGES} price ranges, not {len(ranges)}")
        for one in ranges:
            if not (0 <= one.start < one.end <= DOLLAR and one.step > 0):
                raise UnitError(f"a price range from {one.start} to {one.end} in steps of {one.step} is none")
        self.ranges = ranges

    def floor(self, price: Price) -> Price | None:
        """The highest price that is not above this one, None where there is none."""
        found = [_at_most(one, price) for one in self.ranges]
        return max((one for one in found if one is not None), default=None)

    def ceil(self, price: Price) -> Price | None:
        """The lowest price that is not below this one, None where there is none."""
        found = [_at_least(one, price) for one in self.ranges]
        return min((one for one in found if one is not None), default=None)


def _at_most(one: PriceRange, price: Price) -> Price | None:
    top = min(price, one.end, DOLLAR - 1)
    if top < one.start:
        return None
    tick = one.start + (top - one.start) // one.step * one.step
    return Price(tick) if tick > 0 else None


def _at_least(one: PriceRange, price: Price) -> Price | None:
    low = max(price, one.start, 1)
    tick = one.start - (one.start - low) // one.step * one.step
    return Price(tick) if tick <= min(one.end, DOLLAR - 1) else None


CENTS: Final = PriceGrid((PriceRange(Price(0), DOLLAR, CENT),))
"""Whole cents: on the grid of every market there is, as finer ones only add prices between."""


class MarketRules(msgspec.Struct, frozen=True):
    """What an order must know of its market. ``shard`` None: the venue finds it out itself, which takes it longer."""

    ticker: str
    grid: PriceGrid
    shard: int | None = None
    status: str = "active"
    event_ticker: str = ""
    close_time: datetime | None = None
    terms: tuple[str, ...] = ()
    """What the contract is, in the venue's words; where they change, it is perhaps another one."""

    @property
    def trades(self) -> bool:
        """Whether it takes orders; a status of tomorrow is left to the venue."""
        return self.status not in NOT_TRADING


NOT_TRADING: Final = frozenset(
    {"initialized", "inactive", "closed", "determined", "disputed", "amended", "finalized", "settled", "unopened"}
)


class _Range(msgspec.Struct, gc=False):
    start: str
    end: str
    step: str


class _Market(msgspec.Struct, gc=False):
    ticker: _Ticker
    price_ranges: list[_Range]
    status: str
    event_ticker: str = ""
    exchange_index: int | None = None
    close_time: datetime | None = None
    rules_primary: str = ""
    rules_secondary: str = ""
    yes_sub_title: str = ""


class _MarketReply(msgspec.Struct, gc=False):
    market: _Market


class _MarketsReply(msgspec.Struct, gc=False):
    markets: list[_Market]
    cursor: str = ""


_one: Final = msgspec.json.Decoder(_MarketReply)
_many: Final = msgspec.json.Decoder(_MarketsReply)


def read_market(body: bytes) -> MarketRules:
    """The rules in the reply to ``GET /markets/{ticker}``. Raises :class:`ValueError` where it makes no sense."""
    return _rules(_one.decode(body).market)


def read_markets(body: bytes) -> tuple[list[MarketRules], str]:
    """The rules in one page of ``GET /markets``, and the cursor of the next page."""
    reply = _many.decode(body)
    return [_rules(market) for market in reply.markets], reply.cursor


def read_ranges(ranges: list[Mapping[str, str]]) -> PriceGrid:
    """The grid of ``price_ranges``. Raises :class:`ValueError`."""
    return _grid(msgspec.convert(ranges, list[_Range]))


def unknown_market(ticker: str) -> MarketRules:
    """Rules that hold for a market that nobody has looked at: whole cents, on whichever shard it is."""
    return MarketRules(ticker, CENTS)


def _rules(market: _Market) -> MarketRules:
    return MarketRules(
        ticker=market.ticker,
        grid=_grid(market.price_ranges),
        shard=market.exchange_index,
        status=market.status,
        event_ticker=market.event_ticker,
        close_time=market.close_time,
        terms=(str(market.close_time), market.rules_primary, market.rules_secondary, market.yes_sub_title),
    )


def _grid(ranges: list[_Range]) -> PriceGrid:
    return PriceGrid(
        tuple(
            PriceRange(price_from_dollars(one.start), price_from_dollars(one.end), price_from_dollars(one.step))
            for one in ranges
        )
    )
