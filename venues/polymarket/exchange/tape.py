"""A recording served as it was recorded: the books that its frames make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from protocol.units import CENT, DOLLAR, Price, UnitError, price_from_dollars
from venues.polymarket.exchange import house
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.listing import TICKS, Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.tape_frame import Recorded, read_frame

_NONSENSE: Final = (UnitError, KeyError, TypeError, AttributeError, ArithmeticError, ValueError)


class TapeBooks:
    """The exchange's books as the recording has them, for whoever comes late, asks by REST, or trades.

    What is taken out of a level is missing until the recording speaks of that level again.
    """

    def __init__(self, exchange: PolymarketExchange) -> None:
        self._exchange = exchange
        self._markets: dict[str, Market] = {}

    def read(self, text: str) -> Recorded | None:
        """See :func:`~venues.polymarket.exchange.tape_frame.read_frame`."""
        return read_frame(text)

    def restart(self) -> None:
        """The recording's connection is new: no book is known until it is said."""
        for market in self._markets.values():
            market.spoken = False
            market.recorded.clear()
            house.set_book(self._exchange, market, {True: {}, False: {}})
            self._exchange.untouch(market)

    def list_markets(self, frames: Iterable[Recorded]) -> int:
        """List every market of which both tokens are spoken of, the first for YES; how many there are.

        A recording does not say on which tick a market was: the coarsest is taken that has all of its prices.
        """
        pairs: dict[str, dict[str, None]] = {}
        prices: dict[str, set[Price]] = {}
        for recorded in frames:
            for one in recorded.objects:
                name = str(one.get("market", ""))
                pairs.setdefault(name, {}).update(dict.fromkeys(_tokens(one)))
                prices.setdefault(name, set()).update(_prices(one))
        for name, tokens in pairs.items():
            if len(tokens) == 2:  # noqa: PLR2004 -- YES and NO
                tick = next(tick for tick in TICKS if tick <= CENT and not any(price % tick for price in prices[name]))
                self._list(name, tuple(tokens), tick)
        return len(self._markets) // 2

    def see(self, recorded: Recorded) -> None:
        """Take the frame into the books. One that makes no sense is left out: it is for the reader to judge."""
        for one in recorded.objects:
            try:
                self._see(one)
            except _NONSENSE:
                continue

    def _see(self, one: Mapping[str, Any]) -> None:
        match one.get("event_type"):
            case "book":
                self._book(one["asset_id"], one)
            case "price_change":
                # What goes first: a level that takes its place must not cross it.
                for change in sorted(one["price_changes"], key=lambda change: _size(change["size"]) > 0):
                    self._change(change, one)
            case _:
                return

    def _book(self, token: str, one: Mapping[str, Any]) -> None:
        market = self._markets[token]
        sides = {is_bid: dict(_levels(one[side])) for is_bid, side in ((True, "bids"), (False, "asks"))}
        market.recorded[token] = sides
        market.spoken = True
        in_yes = {
            market.is_bid(token, buys=is_bid): {market.in_yes(token, price): size for price, size in rows.items()}
            for is_bid, rows in sides.items()
        }
        house.set_book(self._exchange, market, in_yes)
        self._seen(market, one)

    def _change(self, change: Mapping[str, Any], one: Mapping[str, Any]) -> None:
        token, is_bid = change["asset_id"], change["side"].upper() == "BUY"
        price, size = price_from_dollars(change["price"]), _size(change["size"])
        market = self._markets[token]
        if token not in market.recorded:
            return
        market.recorded[token][is_bid][price] = size
        if not size:
            del market.recorded[token][is_bid][price]
        place = market.in_yes(token, price)
        house.set_level(self._exchange, market, place, size, is_bid=market.is_bid(token, buys=is_bid))
        self._seen(market, one)

    def _seen(self, market: Market, one: Mapping[str, Any]) -> None:
        """The recording's own frames tell of it."""
        market.t_us = int(one["timestamp"]) * 1_000
        self._exchange.untouch(market)

    def _list(self, name: str, tokens: tuple[str, ...], tick: Price) -> None:
        market = self._exchange.by_token.get(tokens[0])
        if market is None:
            slug = name if not name.startswith("0x") else f"recorded-{name[2:18]}"
            listing = Listing(
                slug=slug,
                question=slug,
                condition_id=name if name.startswith("0x") else "",
                clob_token_ids=tokens,
                order_price_min_tick_size=Decimal(tick) / DOLLAR,
                fee_schedule=None,
            )
            market = self._exchange.list_market(listing, 0)
        market.spoken = False
        self._markets |= dict.fromkeys(tokens, market)


def _prices(one: Mapping[str, Any]) -> set[Price]:
    """The prices of its levels; one that makes no sense is none."""
    found: set[Price] = set()
    for side in ("bids", "asks", "price_changes"):
        rows = one.get(side)
        for row in rows if isinstance(rows, list) else ():
            with suppress(*_NONSENSE):
                found.add(price_from_dollars(row["price"]))
    return found


def _tokens(one: Mapping[str, Any]) -> list[str]:
    changes = one.get("price_changes")
    named = [one, *(changes if isinstance(changes, list) else ())]
    return [str(item["asset_id"]) for item in named if isinstance(item.get("asset_id"), str)]


def _levels(rows: Iterable[Mapping[str, str]]) -> list[tuple[Price, Shares]]:
    found = [(price_from_dollars(row["price"]), _size(row["size"])) for row in rows]
    return [(price, size) for price, size in found if size and 0 < price < DOLLAR]


def _size(text: str) -> Shares:
    whole, _, part = text.partition(".")
    return Shares(int(whole) * SHARE + int(f"{part:0<6}"[:6]))
