"""A venue as it really is: its own books, its own record of every order. This is the truth that everything is held to.

One book a market, in YES terms: an ask at ``p`` is a bid for NO at ``1 - p``. An order takes what is there at its limit
or better, pays the venue's fees, and is gone. Each leg id reaches it at most once; a second arrival is remembered as
such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from market.events import Level
from market.fees import FeeModel, kalshi_fees, polymarket_fees
from market.pair import Pair
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import BUY, KALSHI, NO, POLYMARKET, SELL, YES, LegId, Platform, Side, Status
from protocol.units import DOLLAR, USD, Money, Price, Quantity, notional
from simulation.world.habits import Habit

SMALLEST: Final = Money(USD)
"""What a Polymarket order that takes must be worth."""

MOST_EXTRA_PERCENT: Final = 40

_THIN: Final = Habit.THIN
_REJECTED: Final = Habit.REJECTED
_DELAYED: Final = Habit.DELAYED
_OVERFILL: Final = Habit.OVERFILL
_PROVISIONAL: Final = frozenset({Habit.PROVISIONAL, Habit.REVERTED})

Holder = tuple[str, Side]
"""An instrument's question, and the side of it."""


@dataclass
class Order:
    """One order: what was asked, and what became of it. ``live``: not decided yet; ``provisional``: may be reverted."""

    leg: Leg
    by: str
    arrived_us: int
    filled: Quantity = Quantity(0)
    cost: Money = Money(0)
    fees: Money = Money(0)
    refused: str | None = None
    live: bool = False
    provisional: bool = False
    reverted: bool = False
    known_us: int = 0
    was: list[Quantity] = field(default_factory=list)
    """Every quantity that an honest answer has called filled."""

    def outcome(self) -> Outcome:
        """What an honest answer about it says now."""
        leg = self.leg
        if self.live:
            text = "unknown: accepted, and not matched yet"
            return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, order_id=self.name, error=text, final=False)
        if self.refused is not None:
            return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=self.refused)
        status = Status.UNFILLED
        if self.filled:
            status = Status.FILLED if self.filled >= leg.quantity else Status.PARTIAL
        return Outcome(
            leg_id=leg.leg_id,
            status=status,
            filled=self.filled,
            cost=self.cost,
            fees=self.fees,
            order_id=self.name,
            error="the fill was reverted" if self.reverted else None,
            final=not self.provisional,
        )

    @property
    def name(self) -> str:
        """The venue's own id of it."""
        return f"order-{self.leg.leg_id}"


@dataclass
class Book:
    """Bids and asks in YES terms, best first."""

    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)

    def side(self, side: Side) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Bids and asks for contracts of this side."""
        if side is YES:
            return tuple(self.bids), tuple(self.asks)
        return _mirrored(self.asks), _mirrored(self.bids)

    def take(self, leg: Leg, most: Quantity) -> list[Level]:
        """What an order gets at its limit or better, in the leg's own terms; it is gone from here."""
        on_asks = (leg.action is BUY) == (leg.side is YES)
        levels = self.asks if on_asks else self.bids
        got: list[Level] = []
        left = most
        while levels and left > 0:
            price, size = levels[0]
            own = price if leg.side is YES else Price(DOLLAR - price)
            if (own > leg.limit) if leg.action is BUY else (own < leg.limit):
                break
            taken = Quantity(min(size, left))
            got.append((own, taken))
            left = Quantity(left - taken)
            if taken == size:
                levels.pop(0)
            else:
                levels[0] = (price, Quantity(size - taken))
        return got


def _mirrored(levels: list[Level]) -> tuple[Level, ...]:
    return tuple([(Price(DOLLAR - price), size) for price, size in levels])


class Exchange:
    """One venue.

    ``questions`` names each instrument's market and side; ``changed`` hears of books that trading moved.
    """

    def __init__(
        self,
        platform: Platform,
        questions: Mapping[str, tuple[str, Side | None]],
        fees: Mapping[str, FeeModel],
        changed: Callable[[str], None],
    ) -> None:
        """Open, without quotes."""
        self.platform = platform
        self.questions = questions
        self.fees = fees
        self.changed = changed
        self.books: dict[str, Book] = {market: Book() for market, _ in questions.values()}
        self.named: dict[str, list[tuple[str, Side]]] = {market: [] for market in self.books}
        """By market its instruments, each with the side that its prices are of."""
        for name, (market, side) in questions.items():
            self.named[market].append((name, side or YES))
        self.orders: dict[LegId, Order] = {}
        self.twice: list[LegId] = []
        self.sold_short: list[LegId] = []
        self.reverted = 0
        self.held: dict[Holder, int] = defaultdict(int)
        self.taken_back: dict[Holder, int] = defaultdict(int)
        self.provisional: dict[Holder, int] = defaultdict(int)
        self.unsettled: dict[Holder, list[tuple[int, int]]] = defaultdict(list)
        self.paused: set[str] = set()
        self.cash: int | None = None
        """What the account has, with what live orders may still take; None: no end of it."""
        self.too_dear: list[LegId] = []

    def arrive(self, leg: Leg, by: str, now_us: int, habit: Habit, *, lag_us: int = 0, settle_us: int = 0) -> Order:
        """An order reaches the venue: answers with what it is now."""
        if leg.leg_id in self.orders:
            self.twice.append(leg.leg_id)
            return self.orders[leg.leg_id]
        order = self.orders[leg.leg_id] = Order(leg, by, now_us, known_us=now_us + lag_us)
        order.refused = self._refusal(leg, habit, now_us) or self._beyond_cash(leg)
        if order.refused is not None:
            order.was.append(order.filled)
        if order.refused is None and habit is _DELAYED:
            order.live = True
        elif order.refused is None:
            self.match(order, habit, now_us, settle_us)
        return order

    def match(self, order: Order, habit: Habit, now_us: int, settle_us: int) -> None:
        """Fill what the book gives."""
        leg = order.leg
        order.live = False
        market, holder = self._holder(leg)
        most = leg.quantity
        if habit is _THIN:
            most = Quantity(leg.quantity // 2)
        levels = self.books[market].take(leg, most)
        order.filled = Quantity(sum([size for _, size in levels]))
        order.cost = Money(sum([notional(price, size) for price, size in levels]))
        order.fees = Money(sum(self.fees[market].charges(levels, leg.action))) if levels else Money(0)
        if habit is _OVERFILL and order.filled == leg.quantity:
            # A better price than asked arrives as more shares for the same dollars.
            order.filled = Quantity(order.filled + order.filled * MOST_EXTRA_PERCENT // 250)
        order.was.append(order.filled)
        order.provisional = habit in _PROVISIONAL and bool(order.filled)
        if leg.action is BUY:
            self.held[holder] += order.filled
            self.provisional[holder] += order.filled if order.provisional else 0
            if order.filled and settle_us and self.platform == POLYMARKET:
                self.unsettled[holder].append((now_us + settle_us, order.filled))
            self._pay(order.cost + order.fees)
        else:
            self.held[holder] -= order.filled
            self._pay(order.fees - order.cost)
        if levels:
            self.changed(market)

    def decide(self, order: Order, *, revert: bool) -> None:
        """A provisional fill becomes final, or is taken back."""
        if not order.provisional:
            return
        order.provisional = False
        _, holder = self._holder(order.leg)
        self.provisional[holder] -= order.filled
        if revert:
            self.reverted += 1
            self.held[holder] -= order.filled
            self.taken_back[holder] += order.filled
            self._pay(-order.cost - order.fees)
            order.filled, order.cost, order.fees, order.reverted = Quantity(0), Money(0), Money(0), True
            order.was.append(order.filled)

    def lookup(self, leg_id: LegId, now_us: int) -> Outcome | None:
        """What the venue's own look-up says; it lags behind the matching."""
        order = self.orders.get(leg_id)
        return None if order is None or order.known_us > now_us else order.outcome()

    @property
    def undecided(self) -> bool:
        """Some order's fate is still open here."""
        return any(order.live or order.provisional for order in self.orders.values())

    @property
    def free_cash(self) -> int | None:
        """What it answers when it is asked for its cash: what live orders may take is not there."""
        live = (order.leg for order in self.orders.values() if order.live and order.leg.action is BUY)
        return None if self.cash is None else self.cash - sum(self._worst(leg) for leg in live)

    def _pay(self, amount: int) -> None:
        self.cash = None if self.cash is None else self.cash - amount

    def _beyond_cash(self, leg: Leg) -> str | None:
        if leg.action is SELL or (there := self.free_cash) is None or self._worst(leg) <= there:
            return None
        self.too_dear.append(leg.leg_id)
        return "insufficient balance"

    def _worst(self, leg: Leg) -> int:
        market = self.questions[leg.market][0]
        return notional(leg.limit, leg.quantity) + self.fees[market].total([(leg.limit, leg.quantity)])

    def _holder(self, leg: Leg) -> tuple[str, Holder]:
        market, _ = self.questions[leg.market]
        return market, (market, leg.side)

    def _refusal(self, leg: Leg, habit: Habit, now_us: int) -> str | None:
        if leg.market not in self.questions:
            return "market_not_found"
        market, holder = self._holder(leg)
        own = self.questions[leg.market][1]
        if own is not None and own is not leg.side:
            return f"wrong token: {leg.market} is {own}"
        if habit is _REJECTED:
            return "rejected by the venue"
        if market in self.paused:
            return "market is paused"
        if self.platform == POLYMARKET and notional(leg.limit, leg.quantity) < SMALLEST:
            return "invalid amount for a marketable order: min size $1"
        if leg.action is SELL:
            waiting = [(at, size) for at, size in self.unsettled[holder] if at > now_us]
            self.unsettled[holder] = waiting
            # What was taken back a moment ago nobody can have heard of yet.
            if leg.quantity > self.held[holder] + self.taken_back[holder]:
                self.sold_short.append(leg.leg_id)
            if leg.quantity > self.held[holder] and self.platform == POLYMARKET:
                return "not enough balance"
            # What may still be taken back is not there to be sold.
            locked = sum(size for _, size in waiting) + self.provisional[holder]
            if locked and leg.quantity > self.held[holder] - locked:
                return "unsettled: not enough balance / allowance"
        return None


def exchange_of(platform: Platform, pairs: Sequence[Pair], changed: Callable[[str], None]) -> Exchange:
    """A venue with the instruments of these pairs, and their fees."""
    questions: dict[str, tuple[str, Side | None]] = {}
    fees: dict[str, FeeModel] = {}
    for pair in pairs:
        market = str(pair.pair_id)
        if platform == KALSHI:
            questions[pair.kalshi_market_ticker or ""] = (market, None)
            fees[market] = kalshi_fees(pair.kalshi_rate_ppm)
        else:
            questions[pair.poly_yes_token or ""] = (market, YES)
            questions[pair.poly_no_token or ""] = (market, NO)
            fees[market] = polymarket_fees(pair.polymarket_rate_ppm, 1)
    return Exchange(platform, questions, fees, changed)
