"""The order book of one instrument, as far as it is known and may be traded on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from market.events import Level
from market.feed_state import FeedState
from market.ladder import NO_ASK, Ladder
from market.matching.matcher import planned
from market.matching.order import Arrival, Resting
from protocol.terms import Platform
from protocol.units import DOLLAR, Price, Quantity

_NEVER: Final = -1
"""The epoch of a book that had no snapshot, or was lost since."""

_TAKER: Final = "we"
_OTHERS: Final = "others"


class Book:
    """Bids and asks of one instrument; a Kalshi book is in YES terms and is read ``mirrored`` for NO.

    Until its first snapshot, and again when it is lost, a book is not :attr:`usable`: it offers nothing and ignores
    changes. ``version`` counts what the venue said about this book (our own takes do not change it: they are
    subtracted until the venue speaks again), ``t`` is when it last said something, unix microseconds.

    Small on purpose, as there may be 300,000: a side is allocated with its first level.
    """

    __slots__ = ("_asks", "_bids", "_epoch", "_feed", "_taken", "market", "t", "version")

    def __init__(self, feed: FeedState, market: str) -> None:
        self._feed = feed
        self.market = market
        self._bids: Ladder | None = None
        self._asks: Ladder | None = None
        self._taken: list[tuple[bool, Price, Quantity]] | None = None
        self._epoch = _NEVER
        self.version = 0
        self.t = 0

    def __repr__(self) -> str:
        state = "usable" if self.usable else "unusable"
        return f"<Book {self.platform} {self.market} {self.best_bid}/{self.best_ask} v{self.version} {state}>"

    @property
    def platform(self) -> Platform:
        """The venue of this book."""
        return self._feed.platform

    @property
    def held(self) -> bool:
        """True from a snapshot until the book is lost: whether changes can be applied, silent feed or not."""
        return self._epoch == self._feed.epoch

    @property
    def usable(self) -> bool:
        """True while the book may be traded on: held, and its feed not silent."""
        return self._epoch == self._feed.epoch and not self._feed.silent

    @property
    def bid_known(self) -> bool:
        """False while the venue says that its best bid is another price than ours."""
        return self._bids is None or self._bids.known

    @property
    def ask_known(self) -> bool:
        """False while the venue says that its best ask is another price than ours."""
        return self._asks is None or self._asks.known

    @property
    def best_bid(self) -> Price | None:
        """The highest bid that can be sold to."""
        price = Price(DOLLAR - self.offer(mirrored=True))
        return price if price > 0 else None

    @property
    def best_ask(self) -> Price | None:
        """The lowest ask that can be bought from."""
        price = Price(self.offer(mirrored=False))
        return price if price < DOLLAR else None

    def offer(self, *, mirrored: bool) -> int:
        """The best price of a buy order (``mirrored``: of the opposite outcome), or ``NO_ASK``, which is above $1.

        A plain integer without a case for "none", as detection asks this four times per update.
        """
        feed = self._feed
        if self._epoch != feed.epoch or feed.silent:
            return NO_ASK
        if mirrored:
            bids = self._bids
            return NO_ASK if bids is None or not bids.known else DOLLAR - bids.best
        asks = self._asks
        return NO_ASK if asks is None or not asks.known else asks.best

    def levels(self, *, buying: bool, mirrored: bool = False, limit: Price | None = None) -> list[Level]:
        """What an order at ``limit`` or better can take, best first; nothing while that side cannot be traded on.

        Prices and ``limit`` are the order's own: of the instrument, or when ``mirrored`` of the opposite outcome,
        where a bid at ``p`` is an ask at ``1 - p``.
        """
        ladder = self._facing(buying=buying, mirrored=mirrored)
        if ladder is None:
            return []
        if not mirrored:
            return ladder.at_or_better(limit)
        own = ladder.at_or_better(None if limit is None else Price(DOLLAR - limit))
        return [(Price(DOLLAR - price), size) for price, size in own]

    def depth(self, *, is_bid: bool) -> Mapping[Price, Quantity]:
        """All that is known of that side, whether it may be traded on or not; nothing while the book is not held."""
        ladder = self._bids if is_bid else self._asks
        return {} if ladder is None or self._epoch != self._feed.epoch else ladder.levels

    def replace(self, bids: Iterable[Level], asks: Iterable[Level], t: int) -> None:
        """A snapshot: this is the whole book, and it is usable."""
        self._epoch = self._feed.epoch
        self._bids = self._replaced(self._bids, tuple(bids), is_bid=True)
        self._asks = self._replaced(self._asks, tuple(asks), is_bid=False)
        self._taken = None
        self._spoken(t)

    def put(self, price: Price, size: Quantity, t: int, *, is_bid: bool) -> None:
        """One level now holds ``size``. Ignored while the book is not held."""
        if self._epoch == self._feed.epoch:
            if self._taken is not None:
                self._restore()
            self._side(is_bid=is_bid).put(price, size)
            self._spoken(t)

    def add(self, price: Price, delta: Quantity, t: int, *, is_bid: bool) -> None:
        """One level changed by ``delta``. Ignored while the book is not held."""
        if self._epoch == self._feed.epoch:
            if self._taken is not None:
                self._restore()
            self._side(is_bid=is_bid).add(price, delta)
            self._spoken(t)

    def confirm(self, best_bid: Price | None, best_ask: Price | None, t: int) -> None:
        """The venue's own word on its best prices: a side where ours differs cannot be traded on until they agree.

        Ignored while the book is not held.
        """
        if self._epoch == self._feed.epoch:
            if self._taken is not None:
                self._restore()
            self._side(is_bid=True).confirm(best_bid)
            self._side(is_bid=False).confirm(best_ask)
            self._spoken(t)

    def forget(self, t: int) -> None:
        """The book is lost: unusable until its next snapshot."""
        self._epoch = _NEVER
        self._bids = self._asks = self._taken = None
        self._spoken(t)

    def take(self, price: Price, quantity: Quantity, *, is_bid: bool) -> Quantity:
        """Take liquidity that we took ourselves out of one level, until the venue next speaks of this book.

        Answers with how much there was to take, 0 while the book is not usable.
        """
        ladder = self._bids if is_bid else self._asks
        if ladder is None or not self.usable:
            return Quantity(0)
        taken = min(ladder.levels.get(price, Quantity(0)), quantity)
        if taken > 0:
            ladder.add(price, Quantity(-taken))
            if self._taken is None:
                self._taken = []
            self._taken.append((is_bid, price, taken))
        return taken

    def consume(self, quantity: Quantity, limit: Price, *, buying: bool, mirrored: bool = False) -> list[Level]:
        """Take up to ``quantity`` at ``limit`` or better, best first, as an immediate-or-cancel order would.

        Answers with the fills, in the order's own prices; what was taken is gone until the venue next speaks. The
        matching engine of the exchanges decides which; to it each level is one order of somebody else.
        """
        is_bid = buying != mirrored
        arrival = Arrival(
            order_id="",
            owner=_TAKER,
            is_bid=is_bid,
            price=Price(DOLLAR - limit) if mirrored else limit,
            quantity=quantity,
        )
        plan = planned(arrival, self._resting(is_bid=not is_bid, limit=arrival.price))
        for match in plan.matches:
            self.take(match.maker.price, match.quantity, is_bid=not is_bid)
        fills = ((match.maker.price, match.quantity) for match in plan.matches)
        return [(Price(DOLLAR - price), filled) for price, filled in fills] if mirrored else list(fills)

    def _resting(self, *, is_bid: bool, limit: Price) -> Iterator[Resting]:
        """The levels of that side that an order at ``limit`` can take, as the engine sees them."""
        for price, size in self.levels(buying=not is_bid, limit=limit):
            yield Resting("", _OTHERS, is_bid, price, size)

    def _facing(self, *, buying: bool, mirrored: bool) -> Ladder | None:
        """The side that such an order takes from, where it can be traded on."""
        ladder = self._bids if buying == mirrored else self._asks
        return ladder if ladder is not None and ladder.known and self.usable else None

    def _side(self, *, is_bid: bool) -> Ladder:
        ladder = self._bids if is_bid else self._asks
        if ladder is None:
            ladder = Ladder(is_bid=is_bid)
            if is_bid:
                self._bids = ladder
            else:
                self._asks = ladder
        return ladder

    def _replaced(self, ladder: Ladder | None, levels: tuple[Level, ...], *, is_bid: bool) -> Ladder | None:
        if ladder is None:
            if not levels:
                return None
            ladder = Ladder(is_bid=is_bid)
        ladder.replace(levels)
        return ladder

    def _restore(self) -> None:
        """Put back what we took: the venue has spoken, and its word includes our fills."""
        taken, self._taken = self._taken, None
        for is_bid, price, quantity in taken or ():
            self._side(is_bid=is_bid).add(price, quantity)

    def _spoken(self, t: int) -> None:
        self.version += 1
        self.t = t
