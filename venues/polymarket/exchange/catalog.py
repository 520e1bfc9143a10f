"""What everybody may read: books, prices and markets of the CLOB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from protocol.units import DOLLAR, Price
from venues.loopback.message import Request
from venues.polymarket.exchange.amounts import price_text
from venues.polymarket.exchange.documents import book_document, market_document
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.refusal import Refusal, invalid

MOST_TOKENS: Final = 500
"""Of one request for many."""

NO_BOOK: Final = "No orderbook exists for the requested token id"


class _Wanted(msgspec.Struct):
    token_id: str
    side: str = ""


_WANTED: Final = msgspec.json.Decoder(list[_Wanted])


class Catalog:
    """The public reads."""

    def __init__(self, exchange: PolymarketExchange) -> None:
        self._exchange = exchange

    def get(self, path: str, query: Mapping[str, str], now_us: int) -> tuple[Any] | None:
        """What ``GET path`` answers, as a tuple of one; None where it is none of these. Raises :class:`Refusal`."""
        match path.split("/")[1:]:
            case [""] | ["ok"]:
                return ("OK",)
            case ["time"]:
                return (now_us // 1_000_000,)
            case ["version"]:
                return ({"version": 2},)
            case ["clob-markets", condition]:
                return (market_document(self._condition(condition)),)
            case ["markets-by-token", token]:
                market = self._market(token)
                yes, no = market.tokens
                return ({"condition_id": market.condition, "primary_token_id": yes, "secondary_token_id": no},)
            case [name] if name in {"book", "price", "midpoint", "spread", "tick-size", "neg-risk", "last-trade-price"}:
                token = query.get("token_id", "")
                return (self._single(name, self._market(token), token, query),)
            case _:
                return None

    def post(self, path: str, request: Request) -> tuple[Any] | None:
        """What ``POST path`` answers, as :meth:`get`: tokens that nobody knows are left out, without a word."""
        many = {"/books", "/prices", "/midpoints", "/spreads", "/last-trades-prices"}
        if path not in many:
            return None
        wanted = self._read(request)
        known = [
            (one, self._exchange.by_token[one.token_id]) for one in wanted if one.token_id in self._exchange.by_token
        ]
        match path:
            case "/books":
                # Unordered on the real one: whoever relies on the order of asking must notice here.
                return ([book_document(market, one.token_id) for one, market in reversed(known) if market.spoken],)
            case "/prices":
                prices: dict[str, dict[str, str]] = {}
                for one, market in known:
                    prices.setdefault(one.token_id, {})[one.side.upper()] = _price(market, one.token_id, one.side)
                return (prices,)
            case "/midpoints":
                return ({one.token_id: _middle(market, one.token_id) for one, market in known},)
            case "/spreads":
                return ({one.token_id: _spread(market, one.token_id) for one, market in known},)
            case _:
                return ([{"token_id": one.token_id, **_last(market, one.token_id)} for one, market in known],)

    def _single(self, name: str, market: Market, token: str, query: Mapping[str, str]) -> dict[str, Any]:
        match name:
            case "book":
                return book_document(market, token)
            case "price":
                return {"price": _price(market, token, query.get("side", ""))}
            case "midpoint":
                return {"mid": _middle(market, token)}
            case "spread":
                return {"spread": _spread(market, token)}
            case "tick-size":
                return {"minimum_tick_size": market.tick / DOLLAR}
            case "neg-risk":
                return {"neg_risk": market.listing.neg_risk}
            case _:
                return _last(market, token)

    def _market(self, token: str) -> Market:
        market = self._exchange.by_token.get(token)
        if market is None:
            raise Refusal(404, NO_BOOK)
        return market

    def _condition(self, condition: str) -> Market:
        market = self._exchange.markets.get(condition)
        if market is None:
            raise Refusal(404, "market not found")
        return market

    @staticmethod
    def _read(request: Request) -> list[_Wanted]:
        try:
            wanted = _WANTED.decode(request.body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise invalid("Invalid payload") from None
        if len(wanted) > MOST_TOKENS:
            raise invalid(f"Payload exceeds the limit of {MOST_TOKENS}")
        return wanted


def _price(market: Market, token: str, side: str) -> str:
    """The best bid for BUY, the best ask for SELL."""
    if side.upper() not in {"BUY", "SELL"}:
        raise invalid("Invalid side")
    return price_text(_best(market, token, is_bid=side.upper() == "BUY"))


def _best(market: Market, token: str, *, is_bid: bool) -> Price:
    best = market.best(token, is_bid=is_bid)
    if best is None:
        raise Refusal(404, NO_BOOK)
    return best


def _middle(market: Market, token: str) -> str:
    twice = _best(market, token, is_bid=True) + _best(market, token, is_bid=False)
    return f"{twice / 2 / DOLLAR:.5f}".rstrip("0")


def _spread(market: Market, token: str) -> str:
    return price_text(_best(market, token, is_bid=False) - _best(market, token, is_bid=True))


def _last(market: Market, token: str) -> dict[str, str]:
    if not market.last_side:
        return {"price": "0.5", "side": ""}
    return {"price": price_text(market.in_yes(token, market.last_price)), "side": market.last_side}
