"""A venue without money: fills orders against the books it was shown, and keeps its own record of every fill."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from market.book import Book
from market.events import Level
from market.feed_state import FeedState
from market.fees import RETAIL_PRECISION, FeeModel, kalshi_fees, polymarket_fees, rate_from_text
from market.pair import DEAREST_RATE
from protocol import wire
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Platform, Side, Status
from protocol.units import DOLLAR, USD, Money, Price, Quantity, notional, show_money, show_price
from venues.paper.account import Account, AccountError
from venues.paper.fill import PaperFill

MAX_BOOKS: Final = 200_000
"""More instruments than that are not kept: the first seen is forgotten."""

FeeLookup = Callable[[str], FeeModel]
"""The fee model of an instrument."""

SMALLEST_NOTIONAL: Final[Mapping[Platform, Money]] = MappingProxyType({POLYMARKET: USD})
"""What an order that takes must be worth at its limit."""

ONE_BOOK_FOR_BOTH_SIDES: Final = frozenset({KALSHI})
"""Platforms whose instrument is the market, with one book in YES terms; elsewhere it is the outcome's own."""


class PaperVenue:
    """One simulated venue: immediate-or-cancel orders against the books of :meth:`see`, no I/O, no clock, no chance.

    An order walks the depth at its limit or better, pays the venue's fees, and takes the liquidity away until that
    book is seen again. An order id is the leg id with ``paper-`` before it; a leg id is executed once, as Kalshi does
    with a client order id. ``fills`` and :meth:`outcome` are the venue's own books: what tests compare with. Both keep
    the newest ``keep`` entries, or all without a limit.

    With an ``account`` the books are kept there: leg ids are unique in the whole account, :meth:`outcome` knows what
    every trader of the account had executed, also before this process began, and ``fills`` are those of this process.

    ``cash`` is what the account began with: buys and their fees come off it, sales add to it, and a buy that could cost
    more than is there is refused. What a market pays when it settles is not modelled, and does not come back. Without
    it there is no end of money, and nothing is said of it.
    """

    def __init__(
        self,
        platform: Platform,
        fees: FeeLookup | None = None,
        *,
        keep: int | None = None,
        precision: Money = RETAIL_PRECISION,
        account: Account | None = None,
        cash: Money | None = None,
    ) -> None:
        self.platform = platform
        self._cash = cash
        self._earned = 0
        self._account = account
        self._precision = precision
        self.fills: deque[PaperFill] = deque(maxlen=keep)
        self._keep = keep
        self._fees = fees
        self._stated_fees: dict[str, FeeModel] = {}
        self._feed = FeedState(platform)
        self._books: dict[str, Book] = {}
        self._outcomes: dict[LegId, Outcome] = {}
        self._held: dict[tuple[str, Side], Quantity] = {}

    def see(self, market: str, bids: Iterable[Level], asks: Iterable[Level], t: int = 0) -> None:
        """Replace the whole book of the instrument (a Kalshi book in YES terms); what was taken is there again."""
        book = self._books.get(market)
        if book is None:
            if len(self._books) >= MAX_BOOKS:
                self.forget(next(iter(self._books)))
            book = self._books[market] = Book(self._feed, market)
        book.replace(bids, asks, t)

    def see_message(self, message: wire.Book) -> None:
        """The same from the wire, with the market's fee rate where the message states one.

        Raises :class:`market.fees.FeeError` for a rate that cannot be one; the book is seen before that.
        """
        bids, asks = message.bids, message.asks
        if message.side is Side.NO and self.platform in ONE_BOOK_FOR_BOTH_SIDES:
            bids, asks = _mirrored(asks), _mirrored(bids)
        self.see(message.market, bids, asks, message.t)
        if message.fee_rate is not None:
            self._stated_fees[message.market] = _model(
                self.platform,
                rate_from_text(message.fee_rate),
                1 if message.fee_exponent is None else message.fee_exponent,
                self._precision,
            )

    def forget(self, market: str) -> None:
        """The book of the instrument is not known any more."""
        self._books.pop(market, None)
        self._stated_fees.pop(market, None)

    def outcome(self, leg_id: LegId) -> Outcome | None:
        """What became of a leg that was executed here, as a venue's order query would say.

        Raises :class:`AccountError` where the account cannot say.
        """
        return self._outcomes.get(leg_id) if self._account is None else self._account.outcome(leg_id)

    def cash(self) -> Money | None:
        """What there is to be spent; None: no end of it. Raises :class:`AccountError` where the account cannot say."""
        if self._cash is None:
            return None
        return Money(self._cash + (self._earned if self._account is None else self._account.earned()))

    def held(self) -> dict[tuple[str, Side], Quantity]:
        """Contracts by market and side. Raises :class:`AccountError` where the account cannot say."""
        return dict(self._held) if self._account is None else self._account.held()

    def execute(self, leg: Leg, *, blind: bool = False) -> Outcome:
        """Execute one order at once and say what became of it; never raises for what is wrong with the order.

        Without a book of the instrument the order is unfilled, or, when ``blind``, filled whole at its limit, for a
        controller that shows no books. Where the account cannot be read or written the outcome is unknown, as that of
        a venue that does not answer.
        """
        try:
            refusal = self._refusal(leg)
            if refusal is not None:
                return _outcome(leg, Status.REJECTED, error=refusal)
            return self._record(leg, *self._filled(leg, blind=blind))
        except AccountError as error:
            return _outcome(leg, Status.UNKNOWN, error=f"unknown: {error}")

    def _filled(self, leg: Leg, *, blind: bool) -> tuple[Outcome, list[PaperFill]]:
        """Take what the book gives."""
        book = self._books.get(leg.market)
        if book is not None:
            mirrored = leg.side is Side.NO and self.platform in ONE_BOOK_FOR_BOTH_SIDES
            buying = leg.action is Action.BUY
            return self._booked(leg, book.consume(leg.quantity, leg.limit, buying=buying, mirrored=mirrored))
        if blind:
            return self._booked(leg, [(leg.limit, leg.quantity)])
        return _outcome(leg, Status.UNFILLED, error=f"no book of {leg.market} was seen: nothing to fill against"), []

    def _refusal(self, leg: Leg) -> str | None:
        """Why the venue refuses the order, or ``None``."""
        if leg.platform != self.platform:
            return f"platform: this is {self.platform}, the order is for {leg.platform}"
        if self.outcome(leg.leg_id) is not None:
            return _exists(leg)
        if leg.quantity <= 0:
            return "contracts: must be at least 0.01"
        if not 0 < leg.limit < DOLLAR:
            return "price: must be above 0 and below 100 cents"
        least = SMALLEST_NOTIONAL.get(self.platform, Money(0))
        worth = notional(leg.limit, leg.quantity)
        if worth < least:
            return f"contracts: {show_money(worth)} at the limit is below the minimum order of {show_money(least)}"
        return self._too_dear(leg)

    def _too_dear(self, leg: Leg) -> str | None:
        there = self.cash()
        if there is None or leg.action is not Action.BUY:
            return None
        worth = notional(leg.limit, leg.quantity)
        need = Money(worth + self._fee_model(leg.market).total([(leg.limit, leg.quantity)]))
        if need <= there:
            return None
        return f"contracts: insufficient balance: {show_money(need)} at the limit, and {show_money(there)} are there"

    def _booked(self, leg: Leg, levels: list[Level]) -> tuple[Outcome, list[PaperFill]]:
        filled = Quantity(sum(quantity for _, quantity in levels))
        if filled == 0:
            edge = "or less" if leg.action is Action.BUY else "or more"
            nothing = f"nothing to {leg.action} at {show_price(leg.limit)} {edge}"
            return _outcome(leg, Status.UNFILLED, error=nothing), []
        charges = self._fee_model(leg.market).charges(levels, leg.action)
        outcome = _outcome(
            leg,
            Status.FILLED if filled == leg.quantity else Status.PARTIAL,
            filled=filled,
            cost=Money(sum(notional(price, quantity) for price, quantity in levels)),
            fees=Money(sum(charges)),
        )
        return outcome, [_fill(leg, *level, fee) for level, fee in zip(levels, charges, strict=True)]

    def _fee_model(self, market: str) -> FeeModel:
        """The fees the book's message stated, else those of the lookup, else the dearest that the venue has."""
        stated = self._stated_fees.get(market)
        if stated is not None:
            return stated
        if self._fees is not None:
            return self._fees(market)
        return _model(self.platform, DEAREST_RATE, 1, self._precision)

    def _record(self, leg: Leg, outcome: Outcome, fills: list[PaperFill]) -> Outcome:
        """Write the order into the books; what they say counts, should another trader have been faster."""
        if self._account is None:
            self._outcomes[outcome.leg_id] = outcome
            if self._keep is not None and len(self._outcomes) > self._keep:
                del self._outcomes[next(iter(self._outcomes))]
        elif not self._account.record(outcome, fills):
            return _outcome(leg, Status.REJECTED, error=_exists(leg))
        self.fills.extend(fills)
        spent = outcome.cost if leg.action is Action.SELL else -outcome.cost
        self._earned += spent - outcome.fees
        if outcome.filled:
            key, sign = (leg.market, leg.side), 1 if leg.action is Action.BUY else -1
            self._held[key] = Quantity(self._held.get(key, 0) + sign * outcome.filled)
        return outcome


def _model(platform: Platform, rate_ppm: int, exponent: int, precision: Money) -> FeeModel:
    return kalshi_fees(rate_ppm, precision) if platform == KALSHI else polymarket_fees(rate_ppm, exponent)


def _mirrored(levels: Iterable[Level]) -> list[Level]:
    return [(Price(DOLLAR - price), size) for price, size in levels]


def _order_id(leg: Leg) -> str:
    return f"paper-{leg.leg_id}"


def _exists(leg: Leg) -> str:
    return f"leg_id: order_already_exists: {leg.leg_id} was executed before"


def _fill(leg: Leg, price: Price, quantity: Quantity, fee: Money) -> PaperFill:
    return PaperFill(
        leg_id=leg.leg_id,
        order_id=_order_id(leg),
        market=leg.market,
        action=leg.action,
        side=leg.side,
        price=price,
        quantity=quantity,
        fee=fee,
    )


def _outcome(
    leg: Leg,
    status: Status,
    *,
    filled: Quantity = Quantity(0),
    cost: Money = Money(0),
    fees: Money = Money(0),
    error: str | None = None,
) -> Outcome:
    return Outcome(
        leg_id=leg.leg_id,
        status=status,
        filled=filled,
        cost=cost,
        fees=fees,
        order_id=None if status is Status.REJECTED else _order_id(leg),
        error=error,
        final=status.proven,
        paper=True,
    )
