"""Polymarket's market channel frames as events.

Rules of the venue that this file rests on:

- A frame is one object, or an array of them; ``PING`` and ``PONG`` are bare text.
- ``book`` is the whole book of a token, its levels in any order. ``price_change`` lists levels with their new size (0
  removes), and beside each the best prices of that token after the frame. There is no sequence number: these best
  prices are the only check, so they are passed on as :class:`~market.events.TopStated`, once per token, as last stated.
- An empty side has a best bid of ``"0"``, a best ask of ``"0"`` or ``"1"``. A best price that is missing or an empty
  text states nothing, and then nothing is claimed of either side.
- Sizes may have more than two decimals (what a dollar amount left of a level). They are cut to what can be traded,
  never rounded up; a level below 0.01 is none. While the venue calls such a level its best, the book's top is unknown:
  an arbitrage may be missed there, none is invented.
- ``timestamp`` is unix milliseconds of the venue; of a book when it was as it is, of anything else when it happened.
- A market whose tick changed or that was resolved is not the one any more that its pair was made for: nothing opens
  on it. What was resolved has no book either, whatever is sent of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import msgspec

from market.events import (
    BooksLost,
    BookSnapshot,
    FeedEvent,
    Level,
    LevelSet,
    MarketHalted,
    TickSet,
    TopStated,
)
from protocol.units import DOLLAR, Price, UnitError, price_from_dollars
from venues.decoded import MAX_FEED_FRAME, MAX_MARKET, MAX_REASON, Decoded, UnknownTypes, malformed
from venues.numbers import Numbers

MAX_CONDITIONS: Final = 20_000
"""Markets of which it is remembered which tokens are theirs; of one more, a result names just the tokens it names."""

MAX_OUTCOMES: Final = 16
"""Tokens that are remembered of one market; it has two."""

RESOLVED: Final = "market resolved"
"""How what is said of a market with a result begins."""

_MAX_MILLIS: Final = 10**13
_Token = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_MARKET)]


class _WireLevel(msgspec.Struct, gc=False):
    price: str
    size: str


class _Change(msgspec.Struct, gc=False):
    asset_id: _Token
    price: str
    size: str
    side: Literal["BUY", "SELL", "buy", "sell"]
    best_bid: str | None = None
    best_ask: str | None = None


class _Event(msgspec.Struct, tag_field="event_type", kw_only=True, gc=False):
    timestamp: Any = None


class _Book(_Event, tag="book", gc=False):
    asset_id: _Token
    bids: list[_WireLevel]
    asks: list[_WireLevel]
    market: Any = None


class _PriceChange(_Event, tag="price_change", gc=False):
    price_changes: list[_Change]


class _BestBidAsk(_Event, tag="best_bid_ask", gc=False):
    asset_id: _Token
    best_bid: str | None = None
    best_ask: str | None = None


class _LastTrade(_Event, tag="last_trade_price", gc=False): ...


class _TickSize(_Event, tag="tick_size_change", gc=False):
    asset_id: _Token
    new_tick_size: str
    old_tick_size: str | None = None


class _Resolved(_Event, tag="market_resolved", gc=False):
    market: str | None = None
    winning_asset_id: _Token | None = None
    winning_outcome: str | None = None
    assets_ids: list[_Token] | None = None
    asset_ids: list[_Token] | None = None


class _NewMarket(_Event, tag="new_market", gc=False):
    market: str | None = None


_Known = _Book | _PriceChange | _BestBidAsk | _LastTrade | _TickSize | _Resolved | _NewMarket
_KNOWN_TYPES: Final = frozenset(known.__struct_config__.tag for known in get_args(_Known))
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_KEEPALIVE: Final = frozenset({"PING", "PONG", b"PING", b"PONG"})
_NOTHING: Final = Decoded()


class Stamped(NamedTuple):
    """What a frame says, and when, by the venue's clock, in unix milliseconds (0: it does not say).

    ``stamps`` has one entry for each of ``decoded.events``. ``happened_ms`` is when the newest thing in it happened, of
    a book not told, as that of a quiet market is old without being late.
    """

    decoded: Decoded
    stamps: tuple[int, ...] = ()
    happened_ms: int = 0


class _Said:
    """What the objects of one frame have said so far."""

    __slots__ = ("errors", "events", "happened_ms", "is_data", "notes", "stamps")

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.stamps: list[int] = []
        self.happened_ms = 0
        self.errors: list[str] = []
        self.notes: list[str] = []
        self.is_data = False

    def lose(self, reason: str, markets: tuple[str, ...] = ()) -> None:
        """These books (none named: all of them) can no longer be trusted from here on."""
        text = reason[:MAX_REASON]
        self.errors.append(text)
        self.events.append(BooksLost(text, markets))

    def stamp(self, item: _Known) -> None:
        """What was added since the last one is of this object's time."""
        ms = _millis(item.timestamp)
        self.stamps.extend([ms] * (len(self.events) - len(self.stamps)))
        if type(item) is not _Book and ms > self.happened_ms:
            self.happened_ms = ms

    def decoded(self) -> Decoded:
        """All of it as a value."""
        return Decoded(
            tuple(self.events),
            self.is_data,
            "; ".join(self.errors)[:MAX_REASON] or None,
            "; ".join(self.notes)[:MAX_REASON] or None,
        )


class PolymarketDecoder:
    """One connection's frames to events. Pure; it remembers which tokens a market has, of those whose book came.

    ``unknown_types`` counts the objects that were ignored for their type, by type.
    """

    def __init__(self) -> None:
        self.unknown_types = UnknownTypes()
        self._frames = msgspec.json.Decoder(_Known | list[_Known])
        self._numbers = Numbers()
        self._tokens: dict[str, dict[str, None]] = {}

    def reset(self) -> None:
        """Which tokens a market has is the same on every connection: there is nothing to forget."""

    def decode(self, frame: str | bytes) -> Decoded:
        """What the frame says. Never raises; what makes no sense costs the books that it may have been about.

        Those are the books of the tokens that the broken part names, else every book of the venue.
        """
        return self.read(frame).decoded

    def read(self, frame: str | bytes) -> Stamped:
        """The same, with the venue's times."""
        if len(frame) > MAX_FEED_FRAME:
            return Stamped(malformed(f"frame of {len(frame)} characters, the limit is {MAX_FEED_FRAME}"), (0,))
        if frame in _KEEPALIVE:
            return Stamped(_NOTHING)
        said = _Said()
        try:
            message = self._frames.decode(frame)
        except _UNREADABLE as error:
            self._piecewise(frame, str(error), said)
        else:
            for item in message if isinstance(message, list) else (message,):
                self._take(item, said)
        said.stamps.extend([0] * (len(said.events) - len(said.stamps)))
        return Stamped(said.decoded(), tuple(said.stamps), said.happened_ms)

    def _take(self, item: _Known, said: _Said) -> None:
        match item:
            case _PriceChange():
                said.is_data = True
                self._price_change(item, said)
            case _Book():
                said.is_data = True
                self._book(item, said)
            case _BestBidAsk():
                said.is_data = True
                self._best_bid_ask(item, said)
            case _LastTrade():
                said.is_data = True
            case _TickSize():
                said.is_data = True
                _tick_size(item, said)
            case _Resolved():
                self._resolved(item, said)
            case _NewMarket():
                said.notes.append(f"new market {item.market}")
        said.stamp(item)

    def _price_change(self, item: _PriceChange, said: _Said) -> None:
        numbers = self._numbers
        tops: dict[str, TopStated] = {}
        broken: set[str] = set()
        for change in item.price_changes:
            token = change.asset_id
            if token in broken:
                continue
            try:
                is_bid = change.side in {"BUY", "buy"}
                said.events.append(LevelSet(token, is_bid, numbers.price(change.price), numbers.size(change.size)))
                top = self._top(token, change.best_bid, change.best_ask)
            except UnitError as error:
                said.lose(f"price_change: {error}", (token,))
                broken.add(token)
                continue
            if top is not None:
                tops[token] = top
        said.events.extend(top for token, top in tops.items() if token not in broken)

    def _book(self, item: _Book, said: _Said) -> None:
        try:
            bids, asks = self._levels(item.bids), self._levels(item.asks)
        except UnitError as error:
            said.lose(f"book: {error}", (item.asset_id,))
        else:
            self._belongs(item.asset_id, item.market)
            said.events.append(BookSnapshot(item.asset_id, bids, asks))

    def _belongs(self, token: str, market: object) -> None:
        if not isinstance(market, str) or not 0 < len(market) <= MAX_MARKET:
            return
        tokens = self._tokens.get(market)
        if tokens is None:
            if len(self._tokens) < MAX_CONDITIONS:
                self._tokens[market] = {token: None}
        elif len(tokens) < MAX_OUTCOMES:
            tokens[token] = None

    def _levels(self, wire: list[_WireLevel]) -> tuple[Level, ...]:
        numbers = self._numbers
        levels: dict[Price, Level] = {}
        for level in wire:
            price = numbers.price(level.price)
            if price in levels:
                raise UnitError(f"two sizes for the level {level.price!r}")
            levels[price] = (price, numbers.size(level.size))
        return tuple(level for level in levels.values() if level[1])

    def _best_bid_ask(self, item: _BestBidAsk, said: _Said) -> None:
        try:
            top = self._top(item.asset_id, item.best_bid, item.best_ask)
        except UnitError as error:
            said.lose(f"best_bid_ask: {error}", (item.asset_id,))
        else:
            if top is not None:
                said.events.append(top)

    def _top(self, token: str, bid_text: str | None, ask_text: str | None) -> TopStated | None:
        if not bid_text or not ask_text:
            return None
        bid, ask = self._numbers.best(bid_text), self._numbers.best(ask_text)
        if bid == DOLLAR:
            raise UnitError("best_bid must be below 1 dollar")
        return TopStated(token, bid or None, ask if 0 < ask < DOLLAR else None)

    def _resolved(self, item: _Resolved, said: _Said) -> None:
        """What has a result is not traded any more, whatever its book still shows."""
        said.notes.append(f"market {item.market} resolved: {item.winning_outcome}")
        winner = () if item.winning_asset_id is None else (item.winning_asset_id,)
        known = self._tokens.get(item.market or "", ())
        tokens = tuple(dict.fromkeys((*winner, *(item.assets_ids or ()), *(item.asset_ids or ()), *known)))
        if tokens:
            said.events.append(BooksLost(RESOLVED, tokens))
            reason = f"{RESOLVED}: {item.winning_outcome}"[:MAX_REASON]
            said.events.extend(MarketHalted(token, reason) for token in tokens)

    def _piecewise(self, frame: str | bytes, reason: str, said: _Said) -> None:
        """A frame that is not wholly of known, sound objects: take those that are."""
        try:
            raw = msgspec.json.decode(frame)
        except _UNREADABLE:
            said.lose(f"not a polymarket frame: {reason}")
            return
        for item in raw if isinstance(raw, list) else [raw]:
            kind = item.get("event_type") if isinstance(item, dict) else None
            if isinstance(kind, str) and kind not in _KNOWN_TYPES:
                said.notes.append(self.unknown_types.count(kind))
                continue
            try:
                known = msgspec.convert(item, _Known)
            except _UNREADABLE as error:
                said.lose(f"{kind if isinstance(kind, str) else 'no event_type'}: {error}", _tokens(item))
            else:
                self._take(known, said)


def _tick_size(item: _TickSize, said: _Said) -> None:
    """The new tick holds; whether the pair is still worth its risk on it is for a person to say."""
    text = f"its tick size is {item.new_tick_size}, was {item.old_tick_size}"[:MAX_REASON]
    said.notes.append(f"{item.asset_id}: {text}")
    tick = read_tick(item.new_tick_size)
    if tick is not None:
        said.events.append(TickSet(item.asset_id, tick))
    said.events.append(MarketHalted(item.asset_id, text))


def read_tick(text: str) -> Price | None:
    """A tick in dollars; None for what is none: it divides the dollar."""
    try:
        tick = price_from_dollars(text)
    except UnitError:
        return None
    return tick if 0 < tick < DOLLAR and DOLLAR % tick == 0 else None


def _millis(stamp: object) -> int:
    """Unix milliseconds of a ``timestamp``; 0 for what says no time."""
    if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() and len(stamp) <= len(str(_MAX_MILLIS)):
        stamp = int(stamp)
    return stamp if type(stamp) is int and 0 < stamp < _MAX_MILLIS else 0


def _tokens(item: object) -> tuple[str, ...]:
    """The tokens that a broken object names; none where it is not sure that these are all."""
    if not isinstance(item, dict):
        return ()
    changes = item.get("price_changes")
    named = [item] if changes is None else changes
    if not isinstance(named, list):
        return ()
    tokens = [part.get("asset_id") if isinstance(part, dict) else None for part in named]
    sound = [token for token in tokens if isinstance(token, str) and 0 < len(token) <= MAX_MARKET]
    return tuple(dict.fromkeys(sound)) if len(sound) == len(tokens) else ()
