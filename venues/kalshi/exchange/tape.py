"""A recording served as it was recorded: its frames, and the books that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from market.matching.order import Arrival, TimeInForce
from market.matching.plan import Plan
from protocol.units import DOLLAR, Price, Quantity, UnitError, price_from_dollars, quantity_from_text
from venues.kalshi.exchange.account import HOUSE
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.listing import Listing
from venues.kalshi.exchange.market import Market

_CHANNEL_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "orderbook_snapshot": "orderbook_delta",
        "orderbook_delta": "orderbook_delta",
        "trade": "trade",
        "ticker": "ticker",
        "market_lifecycle_v2": "market_lifecycle_v2",
    }
)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class _Frame(msgspec.Struct):
    type: str
    msg: msgspec.Raw
    sid: int = 0
    seq: int | None = None


class _Named(msgspec.Struct):
    market_ticker: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """One frame of the recording, with the channel that it belongs to."""

    channel: str
    kind: str
    ticker: str
    sid: int
    seq: int | None
    msg: msgspec.Raw
    text: str

    def step_after(self, before: int | None) -> int:
        """How far the recorded number went on: 1 where nothing was missed, then as now."""
        return 1 if before is None or self.seq is None else self.seq - before

    def renumbered(self, sid: int, seq: int | None) -> str:
        """The frame with other numbers, its body untouched."""
        frame: dict[str, Any] = {"type": self.kind, "sid": sid}
        if seq is not None:
            frame["seq"] = seq
        return msgspec.json.encode(frame | {"msg": self.msg}).decode()


_FRAMES: Final = msgspec.json.Decoder(_Frame)
_NAMED: Final = msgspec.json.Decoder(_Named)
_BODY: Final = msgspec.json.Decoder(dict[str, Any])


def read_frame(text: str) -> Recorded | None:
    """The recorded frame; None for one of no channel that is served (answers to commands among them)."""
    try:
        frame = _FRAMES.decode(text)
        channel = _CHANNEL_OF.get(frame.type)
        ticker = _NAMED.decode(frame.msg).market_ticker
    except _UNREADABLE:
        return None
    return None if channel is None else Recorded(channel, frame.type, ticker, frame.sid, frame.seq, frame.msg, text)


class TapeBooks:
    """The exchange's books as the recording has them, for whoever comes late, asks by REST, or trades.

    What a member takes out of a book is missing until the recording's next snapshot of it.
    """

    def __init__(self, exchange: KalshiExchange) -> None:
        self._exchange = exchange
        self._tickers: set[str] = set()

    def read(self, text: str) -> Recorded | None:
        """See :func:`read_frame`."""
        return read_frame(text)

    def list_markets(self, frames: Iterable[Recorded]) -> int:
        """List every market that is spoken of; how many there are."""
        tickers = {recorded.ticker for recorded in frames} - {""}
        for ticker in sorted(tickers):
            self.list_market(ticker)
        return len(tickers)

    def restart(self) -> None:
        """The recording's connection is new: no book is known until its snapshot."""
        for ticker in self._tickers:
            market = self._exchange.markets[ticker]
            market.clock = 0
            self._empty(market)

    def list_market(self, ticker: str) -> Market:
        """The market, listed with its first frame; its clock stands at 0 until its first snapshot."""
        market = self._exchange.markets.get(ticker)
        if market is None:
            market = self._exchange.markets[ticker] = Market.listed(Listing(ticker=ticker, title=ticker))
        if ticker not in self._tickers:
            self._tickers.add(ticker)
            market.clock = 0
        return market

    def see(self, recorded: Recorded) -> None:
        """Take the frame into the books. One that makes no sense is left out: it is for the reader to judge."""
        if recorded.channel != "orderbook_delta":
            return
        market = self.list_market(recorded.ticker)
        try:
            body = _BODY.decode(recorded.msg)
            if recorded.kind == "orderbook_snapshot":
                self._snapshot(market, body)
            else:
                self._delta(market, body)
        except (*_UNREADABLE, UnitError, KeyError, TypeError):
            return

    def _snapshot(self, market: Market, body: dict[str, Any]) -> None:
        self._empty(market)
        self._exchange.act(market)
        for key, is_bid in (("yes_dollars_fp", True), ("no_dollars_fp", False)):
            for price, size in body.get(key, ()):
                self._put(market, _yes(price, is_bid=is_bid), quantity_from_text(size), is_bid=is_bid)

    def _delta(self, market: Market, body: dict[str, Any]) -> None:
        if not market.clock:
            return
        self._exchange.act(market)
        is_bid = body["side"] == "yes"
        self._put(
            market, _yes(body["price_dollars"], is_bid=is_bid), quantity_from_text(body["delta_fp"]), is_bid=is_bid
        )

    @staticmethod
    def _put(market: Market, price: Price, delta: Quantity, *, is_bid: bool) -> None:
        order_id = f"{'bid' if is_bid else 'ask'}/{price}"
        size = Quantity(market.book.cancel(order_id) + delta)
        if size > 0:
            arrival = Arrival(
                order_id=order_id,
                owner=HOUSE,
                is_bid=is_bid,
                price=price,
                quantity=size,
                time_in_force=TimeInForce.GOOD_TILL_CANCELED,
            )
            market.book.apply(Plan(arrival=arrival, rests=size))

    @staticmethod
    def _empty(market: Market) -> None:
        for order in market.book.of(HOUSE):
            market.book.cancel(order.order_id)


def _yes(text: str, *, is_bid: bool) -> Price:
    price = price_from_dollars(text)
    return price if is_bid else Price(DOLLAR - price)
