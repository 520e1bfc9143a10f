"""Kalshi's market data frames (AsyncAPI 2.0.0) as events.

Rules of the venue that this file rests on:

- A book has bids only, on both sides; a NO bid at ``q`` is a YES ask at ``1 - q``. That is the convention of
  ``use_yes_price: false``, which whoever subscribes must ask for explicitly.
- ``seq`` counts the messages of one subscription (``sid``), whatever their type, without holes. A hole or a step back
  means that something was missed: every book of that subscription is lost until its next snapshot, and counting goes
  on from the new number. A snapshot is whole in itself and is taken even then.
- A side that is empty is absent from a snapshot. A delta is a change of a level's size, not its new size.
- ``trade`` and ``ticker`` say nothing about the book; they prove that the feed lives.
- A market that is paused or closed has no book, whatever is sent of it (``market_lifecycle_v2``); when it is active
  again its snapshot must be asked for. One whose close, terms or fees changed keeps its book, and nothing opens on it.
  Where one of these messages was missed, any market may be paused: every book is lost.

A recording of bare deltas (no ``sid``, no ``seq``) decodes too; a market that a numbered subscription feeds does not
take them, as nobody could say what was missed before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from market.events import BooksLost, BookSnapshot, FeedEvent, Level, LevelChanged, MarketHalted
from protocol.units import DOLLAR, Price, UnitError
from venues.decoded import MAX_FEED_FRAME, MAX_MARKET, Decoded, UnknownTypes, malformed
from venues.kalshi.commands import LIFECYCLE
from venues.numbers import Numbers

MAX_SUBSCRIPTIONS: Final = 1_000
"""Subscriptions of one connection; a client of ours makes one a channel."""

MAX_MARKETS: Final = 200_000
"""Markets whose snapshot one connection may send."""

STOPPED: Final = frozenset({"deactivated", "determined", "settled"})
"""What happens to a market after which it does not trade."""

CHANGED: Final[Mapping[str, str]] = {
    "close_date_updated": "its close date was changed",
    "metadata_updated": "its terms were changed",
}
"""What happens to a market after which it is perhaps not what its pair was approved with."""

SUBSCRIPTION_ENDED: Final = frozenset({10, 25})
"""Error codes after which the venue sends nothing more on the subscription: channel error, buffer overflow."""

_Market = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_MARKET)]
_WireLevel = tuple[str, str]


class _SnapshotBody(msgspec.Struct, gc=False):
    market_ticker: _Market
    yes_dollars_fp: list[_WireLevel] = []
    no_dollars_fp: list[_WireLevel] = []


class _DeltaBody(msgspec.Struct, gc=False):
    market_ticker: _Market
    price_dollars: str
    delta_fp: str
    side: Literal["yes", "no"]


class _Frame(msgspec.Struct, tag_field="type", gc=False):
    sid: int | None = None
    seq: int | None = None


class _Snapshot(_Frame, tag="orderbook_snapshot", kw_only=True, gc=False):
    msg: _SnapshotBody


class _Delta(_Frame, tag="orderbook_delta", kw_only=True, gc=False):
    msg: _DeltaBody


class _Trade(_Frame, tag="trade", gc=False): ...


class _Ticker(_Frame, tag="ticker", gc=False): ...


class _LifecycleBody(msgspec.Struct, gc=False):
    market_ticker: _Market
    event_type: str
    is_deactivated: bool | None = None


class _Lifecycle(_Frame, tag="market_lifecycle_v2", kw_only=True, gc=False):
    msg: _LifecycleBody


class _FeeBody(msgspec.Struct, gc=False):
    event_ticker: _Market


class _Fees(_Frame, tag="event_fee_update", kw_only=True, gc=False):
    msg: _FeeBody


class _Subscribed(_Frame, tag="subscribed", kw_only=True, gc=False):
    msg: Any = None


class _Unsubscribed(_Frame, tag="unsubscribed", gc=False): ...


class _Ok(_Frame, tag="ok", kw_only=True, gc=False):
    # A list of subscriptions in the answer to one command, an object in those to others.
    msg: Any = None


class _Error(_Frame, tag="error", kw_only=True, gc=False):
    msg: Any = None


class _Header(msgspec.Struct, gc=False):
    """What can be read of a frame that is none of the above, or a broken one."""

    type: str
    sid: int | None = None
    seq: int | None = None


_Known = _Snapshot | _Delta | _Trade | _Ticker | _Lifecycle | _Fees | _Subscribed | _Unsubscribed | _Ok | _Error
_KNOWN_TYPES: Final = frozenset(known.__struct_config__.tag for known in get_args(_Known))
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_ALIVE: Final = Decoded(is_data=True)
_NOTHING: Final = Decoded()


class KalshiDecoder:
    """One connection's frames to events. Stateful (sequence numbers, which market is on which subscription), pure.

    ``unknown_types`` counts the frames that were ignored for their type, by type.
    """

    def __init__(self) -> None:
        self.unknown_types = UnknownTypes()
        self._frames = msgspec.json.Decoder(_Known)
        self._headers = msgspec.json.Decoder(_Header)
        self._numbers = Numbers()
        self._seq: dict[int, int] = {}
        self._sid_of: dict[str, int] = {}
        self._stopped: set[str] = set()
        self._lifecycle_sids: set[int] = set()

    def reset(self) -> None:
        """Forget the connection that was: the next frame is the first of a new one."""
        self._seq.clear()
        self._sid_of.clear()
        self._stopped.clear()
        self._lifecycle_sids.clear()

    def stop(self, market: str) -> None:
        """The market does not trade, as something else than a frame has told: it has no book until it is activated."""
        if len(self._stopped) < MAX_MARKETS:
            self._stopped.add(market)

    def stands(self, market: str) -> bool:
        """Whether the market is known not to trade."""
        return market in self._stopped

    def decode(self, frame: str | bytes) -> Decoded:
        """What the frame says. Never raises; a frame that makes no sense costs the books that it may have been about.

        Those are the books of its subscription where that can be read and is known, else every book of the venue.
        """
        if len(frame) > MAX_FEED_FRAME:
            return malformed(f"frame of {len(frame)} characters, the limit is {MAX_FEED_FRAME}")
        try:
            message = self._frames.decode(frame)
        except _UNREADABLE as error:
            return self._unreadable(frame, str(error))
        try:
            return self._delta(message) if type(message) is _Delta else self._other(message)
        except UnitError as error:
            return self._senseless(str(error), message.sid)

    def _delta(self, message: _Delta) -> Decoded:
        sid, seq, body = message.sid, message.seq, message.msg
        market = body.market_ticker
        if sid is not None and seq is not None:
            gap = self._advance(sid, seq)
            if gap is not None:
                return gap
        elif self._lacks_number(message, market):
            return self._senseless("orderbook_delta without its `sid` or `seq`", sid)
        if self._sid_of.get(market, sid) != sid:
            return Decoded(is_data=True, note=f"a delta of {market} on a subscription that it has left: ignored")
        if market in self._stopped:
            return _ALIVE
        is_bid = body.side == "yes"
        price = self._numbers.price(body.price_dollars)
        delta = self._numbers.change(body.delta_fp)
        return Decoded((LevelChanged(market, is_bid, price if is_bid else Price(DOLLAR - price), delta),), is_data=True)

    def _other(self, message: _Known) -> Decoded:
        match message:
            case _Snapshot():
                return self._snapshot(message)
            case _Unsubscribed():
                return self._ended(message, "unsubscribed")
            case _Error():
                return self._error(message)
            case _Ok():
                return self._ok(message)
            case _Trade() | _Ticker():
                return self._counted(message) or _ALIVE
            case _Lifecycle() | _Fees():
                return self._lifecycle(message) if isinstance(message, _Lifecycle) else self._fees(message)
            case _Subscribed():
                return self._subscribed(message)
            case _:
                return self._counted(message) or _NOTHING

    def _snapshot(self, message: _Snapshot) -> Decoded:
        sid, body = message.sid, message.msg
        market = body.market_ticker
        if self._lacks_number(message, market):
            return self._senseless("orderbook_snapshot without its `sid` or `seq`", sid)
        # The sequence first: if the numbers below make no sense, the next frame must not look like a gap, too.
        gap = self._counted(message)
        bids = self._levels(body.yes_dollars_fp, is_bid=True)
        asks = self._levels(body.no_dollars_fp, is_bid=False)
        if sid is not None:
            if market not in self._sid_of and len(self._sid_of) >= MAX_MARKETS:
                return self._senseless(f"snapshots of more than {MAX_MARKETS} markets on one connection", None)
            self._sid_of[market] = sid
        before = gap.events if gap is not None else ()
        book = () if market in self._stopped else (BookSnapshot(market, bids, asks),)
        return Decoded((*before, *book), is_data=True, error=gap.error if gap else None)

    def _levels(self, wire: list[_WireLevel], *, is_bid: bool) -> tuple[Level, ...]:
        numbers = self._numbers
        levels: dict[Price, Level] = {}
        for price_text, size_text in wire:
            price, size = numbers.price(price_text), numbers.change(size_text)
            if size < 0:
                raise UnitError(f"a level's size must not be negative: {size_text!r}")
            if price in levels:
                raise UnitError(f"two sizes for the level {price_text!r}")
            levels[price] = (price if is_bid else Price(DOLLAR - price), size)
        return tuple(level for level in levels.values() if level[1])

    def _ok(self, message: _Ok) -> Decoded:
        """An update's answer lists every market that the subscription has now: books of the others stand still."""
        gap = self._counted(message)
        listed = message.msg.get("market_tickers") if isinstance(message.msg, dict) else None
        if gap is not None or message.sid is None or not isinstance(listed, list):
            return gap or _NOTHING
        # Compared as texts one by one: an element of any other kind must not raise here.
        left = {market for market in listed if isinstance(market, str)}
        removed = tuple(market for market in self._markets(message.sid) if market not in left)
        for market in removed:
            del self._sid_of[market]
        return Decoded((BooksLost("removed from the subscription", removed),)) if removed else _NOTHING

    def _subscribed(self, message: _Subscribed) -> Decoded:
        said = message.msg if isinstance(message.msg, dict) else {}
        sid = said.get("sid")
        if said.get("channel") == LIFECYCLE and isinstance(sid, int) and len(self._lifecycle_sids) < MAX_SUBSCRIPTIONS:
            self._lifecycle_sids.add(sid)
        return self._counted(message) or _NOTHING

    def _lifecycle(self, message: _Lifecycle) -> Decoded:
        """The channel tells of every market there is; what stopped is remembered also before its first snapshot."""
        body, gap = message.msg, self._counted(message)
        market, what = body.market_ticker, body.event_type
        events: list[FeedEvent] = []
        if what in STOPPED or body.is_deactivated is True:
            self.stop(market)
            events.append(BooksLost(f"{what}: it does not trade"[:200], (market,)))
        elif what == "activated" or body.is_deactivated is False:
            self._stopped.discard(market)
            events.append(BooksLost("it trades again: its book must come whole", (market,)))
        elif what in CHANGED:
            events.append(MarketHalted(market, CHANGED[what]))
        if market not in self._sid_of:
            return gap or _NOTHING
        note = f"{market}: {what}"[:200]
        return Decoded((*(gap.events if gap else ()), *events), error=gap.error if gap else None, note=note)

    def _fees(self, message: _Fees) -> Decoded:
        gap, event = self._counted(message), message.msg.event_ticker
        reason = f"the fees of {event} were changed"
        own = (market for market in self._sid_of if market.startswith(f"{event}-") or market == event)
        halted = tuple(MarketHalted(market, reason) for market in own)
        return Decoded((*(gap.events if gap else ()), *halted), error=gap.error if gap else None)

    def _error(self, message: _Error) -> Decoded:
        body = message.msg if isinstance(message.msg, dict) else {}
        code, text = body.get("code"), str(body.get("msg"))[:200]
        said = f"kalshi error {code if isinstance(code, int) else '?'}: {text}"
        if isinstance(code, int) and code in SUBSCRIPTION_ENDED:
            return self._ended(message, said, error=said)
        gap = self._counted(message)
        return Decoded(gap.events if gap else (), error=said)

    def _ended(self, message: _Unsubscribed | _Error, reason: str, error: str | None = None) -> Decoded:
        """The venue ended a subscription; one that it does not name may be any."""
        sid = message.sid
        if sid is None:
            self.reset()
            return Decoded((BooksLost(reason),), error=error, ended=True)
        events = self._lost(sid, reason)
        for market in self._markets(sid):
            del self._sid_of[market]
        self._seq.pop(sid, None)
        return Decoded(events, error=error, note=None if error else reason, ended=True)

    def _lacks_number(self, message: _Snapshot | _Delta, market: str) -> bool:
        """Both numbers or, on a market that no numbered subscription feeds, neither; anything else is no frame."""
        if message.sid is None and message.seq is None:
            return market in self._sid_of
        return message.sid is None or message.seq is None

    def _counted(self, message: _Known | _Header) -> Decoded | None:
        """Count the message where it has a number; the loss that it proves, if it does."""
        if message.sid is None or message.seq is None:
            return None
        return self._advance(message.sid, message.seq)

    def _advance(self, sid: int, seq: int) -> Decoded | None:
        last = self._seq.get(sid)
        if last is None and len(self._seq) >= MAX_SUBSCRIPTIONS:
            self.reset()
            return malformed(f"more than {MAX_SUBSCRIPTIONS} subscriptions on one connection")
        self._seq[sid] = seq
        if last is None or seq == last + 1:
            return None
        reason = f"gap in the sequence of sid {sid}: {seq} came after {last}"[:200]
        return Decoded(self._lost(sid, reason), is_data=True, error=reason)

    def _unreadable(self, frame: str | bytes, reason: str) -> Decoded:
        """A frame of an unknown type is ignored, though counted; one of a known type, or of none, makes no sense."""
        try:
            header = self._headers.decode(frame)
        except _UNREADABLE:
            return malformed(f"not a kalshi frame: {reason}")
        gap = self._counted(header)
        if header.type in _KNOWN_TYPES:
            return self._senseless(f"{header.type}: {reason}", header.sid)
        note = self.unknown_types.count(header.type)
        return gap or Decoded(note=note)

    def _senseless(self, reason: str, sid: int | None) -> Decoded:
        return malformed(reason, () if sid is None else self._markets(sid))

    def _lost(self, sid: int, reason: str) -> tuple[FeedEvent, ...]:
        """Nothing is lost with a subscription that feeds no book, but for that of what happens to markets."""
        if sid in self._lifecycle_sids:
            return (BooksLost(reason),)
        markets = self._markets(sid)
        return (BooksLost(reason, markets),) if markets else ()

    def _markets(self, sid: int) -> tuple[str, ...]:
        return tuple(market for market, owner in self._sid_of.items() if owner == sid)
