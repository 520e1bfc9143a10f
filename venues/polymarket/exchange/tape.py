"""A recording served as it was recorded: the books that its frames make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from protocol.units import DOLLAR, Price, UnitError, price_from_dollars
from venues.polymarket.exchange import house
from venues.polymarket.exchange.amounts import SHARE, Shares
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.tape_frame import Recorded

_NONSENSE: Final = (UnitError, KeyError, TypeError, AttributeError, ArithmeticError, ValueError)


class TapeBooks:
    """The exchange's books as the recording has them, for whoever comes late, asks by REST, or trades.

    What is taken out of a level is missing until the recording speaks of that level again.
    """

    def __init__(self, exchange: PolymarketExchange) -> None:
        self._exchange = exchange
        self._markets: dict[str, Market] = {}

    def restart(self) -> None:
        """The recording's connection is new: no book is known until it is said."""
        for market in self._markets.values():
            market.spoken = False
            house.set_book(self._exchange, market, {True: {}, False: {}})
            self._forget(market)

    def list_markets(self, frames: Iterable[Recorded]) -> int:
        """List every market of which both tokens are spoken of, the first for YES; how many there are."""
        pairs: dict[str, dict[str, None]] = {}
        for recorded in frames:
            for one in recorded.objects:
                pairs.setdefault(str(one.get("market", "")), {}).update(dict.fromkeys(_tokens(one)))
        for name, tokens in pairs.items():
            if len(tokens) == 2:  # noqa: PLR2004 -- YES and NO
                self._list(name, tuple(tokens))
        return len(self._markets)

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
                market = self._markets[one["asset_id"]]
                sides = {
                    market.is_bid(one["asset_id"], buys=is_bid): dict(_levels(market, one["asset_id"], one[side]))
                    for is_bid, side in ((True, "bids"), (False, "asks"))
                }
                house.set_book(self._exchange, market, sides)
                market.spoken = True
            case "price_change":
                for change in one["price_changes"]:
                    self._change(change)
                market = self._markets[one["price_changes"][0]["asset_id"]]
            case _:
                return
        market.t_us = int(one["timestamp"]) * 1_000
        self._forget(market)

    def _change(self, change: Mapping[str, Any]) -> None:
        token = change["asset_id"]
        market = self._markets[token]
        if market.spoken:
            is_bid = market.is_bid(token, buys=change["side"].upper() == "BUY")
            place = market.in_yes(token, price_from_dollars(change["price"]))
            house.set_level(self._exchange, market, place, _size(change["size"]), is_bid=is_bid)

    def _list(self, name: str, tokens: tuple[str, ...]) -> None:
        market = self._exchange.by_token.get(tokens[0])
        if market is None:
            slug = name if not name.startswith("0x") else f"recorded-{name[2:18]}"
            listing = Listing(
                slug=slug,
                question=slug,
                condition_id=name if name.startswith("0x") else "",
                clob_token_ids=tokens,
                fee_schedule=None,
            )
            market = self._exchange.list_market(listing, 0)
        market.spoken = False
        self._markets |= dict.fromkeys(tokens, market)

    def _forget(self, market: Market) -> None:
        """The recording's own frames tell of it."""
        self._exchange.untouch(market)


def _tokens(one: Mapping[str, Any]) -> list[str]:
    changes = one.get("price_changes")
    named = [one, *(changes if isinstance(changes, list) else ())]
    return [str(item["asset_id"]) for item in named if isinstance(item.get("asset_id"), str)]


def _levels(market: Market, token: str, rows: Iterable[Mapping[str, str]]) -> list[tuple[Price, Shares]]:
    found = [(market.in_yes(token, price_from_dollars(row["price"])), _size(row["size"])) for row in rows]
    return [(price, size) for price, size in found if size and 0 < price < DOLLAR]


def _size(text: str) -> Shares:
    whole, _, part = text.partition(".")
    return Shares(int(whole) * SHARE + int(f"{part:0<6}"[:6]))
