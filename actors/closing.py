"""An excess, the books and a limit on the loss, turned into legs that close it. Pure; the executor sends them."""

from __future__ import annotations

from collections.abc import Sequence

from actors.messages import BookView, PairBooks
from actors.trade import SlotKey, Trade
from market.close import ClosePlan, NoPlan, Slot, plan_close
from market.events import Level
from market.fees import FeeModel
from market.opportunity import OpportunityLeg
from market.pair import Pair
from protocol.terms import KALSHI, Platform, Side
from protocol.units import DOLLAR, Money, Price, Quantity, notional


def closing_plan(trade: Trade, books: PairBooks, max_loss: Money) -> ClosePlan | NoPlan:
    """The cheaper way to close the trade's excess on these books, within what is left of the loss allowed to it."""
    slots = [_slot(key, trade, books) for key in trade.slots]
    return plan_close(slots, Money(max_loss - trade.closing_loss))


def closing_legs(trade: Trade, plan: ClosePlan, books: PairBooks) -> list[tuple[OpportunityLeg, Quantity]]:
    """The plan's orders as legs, each with its quantity."""
    legs = []
    for order in plan.orders:
        platform, market, side = trade.slots[order.slot]
        view = _view(books.books, platform, market)
        leg = OpportunityLeg(
            platform=platform,
            market=market,
            action=order.action,
            side=side,
            limit=order.limit,
            cost=notional(order.limit, order.quantity),
            fees=Money(0),
            book_version=view.version if view is not None else 0,
        )
        legs.append((leg, order.quantity))
    return legs


def _slot(key: SlotKey, trade: Trade, books: PairBooks) -> Slot:
    platform, market, side = key
    view, held = _view(books.books, platform, market), trade.holdings()[key]
    bids, asks = ((), ()) if view is None else _sided(view, side)
    kalshi = platform == KALSHI
    return Slot(
        platform=platform,
        market=market,
        side=side,
        held=held.contracts,
        basis=held.basis,
        asks=asks,
        bids=bids,
        fees=_fees(books.pair, platform, books.kalshi_precision),
        least_quantity=books.pair.kalshi_min_contracts if kalshi else Quantity(1),
        least_notional=Money(0) if kalshi else books.pair.poly_min_notional,
    )


def _view(views: Sequence[BookView], platform: Platform, market: str) -> BookView | None:
    return next((view for view in views if (view.platform, view.market) == (platform, market)), None)


def _sided(view: BookView, side: Side) -> tuple[Sequence[Level], Sequence[Level]]:
    """Bids and asks for contracts of this side; a Kalshi book is in YES terms."""
    if view.platform == KALSHI and side is Side.NO:
        return _mirrored(view.asks), _mirrored(view.bids)
    return view.bids, view.asks


def _mirrored(levels: Sequence[Level]) -> tuple[Level, ...]:
    return tuple((Price(DOLLAR - price), size) for price, size in levels)


def _fees(pair: Pair, platform: Platform, precision: Money) -> FeeModel:
    return pair.kalshi_fees(precision) if platform == KALSHI else pair.polymarket_fees()
