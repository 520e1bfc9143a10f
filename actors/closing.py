"""An excess, the books and a limit on the loss, turned into legs that close it. Pure; the executor sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.pair_books import BookView, PairBooks
from actors.trade import SlotKey, Trade, TradeLeg
from market.close import ClosePlan, NoPlan, Slot, plan_close
from market.events import Level
from market.fees import FeeModel
from market.opportunity import OpportunityLeg
from market.pair import Pair
from protocol.terms import KALSHI, Action, Platform, Side, Status
from protocol.units import DOLLAR, Money, Price, Quantity, notional

UNSETTLED: Final = "unsettled:"
"""How the error of a sell begins that was refused because the bought contracts have not settled yet."""

NO_BALANCE: Final = "not enough balance"
"""How Polymarket says the same; a peer may pass its words on."""


def closing_plan(trade: Trade, books: PairBooks, max_loss: Money, *, may_buy: bool = True) -> ClosePlan | NoPlan:
    """The cheaper way to close the trade's excess on these books, within what is left of the loss allowed to it."""
    slots = [_slot(key, trade, books) for key in trade.slots]
    return plan_close(slots, Money(max_loss - trade.closing_loss), may_buy=may_buy)


def closing_legs(trade: Trade, plan: ClosePlan, books: PairBooks) -> list[tuple[OpportunityLeg, Quantity]]:
    """The plan's orders as legs, each with its quantity; none sells below its slot's floor."""
    legs, floors = [], settlement_floors(trade)
    for order in plan.orders:
        platform, market, side = trade.slots[order.slot]
        view = _view(books.books, platform, market)
        sells = order.action is Action.SELL
        limit = max(order.limit, floors.get(trade.slots[order.slot], order.limit)) if sells else order.limit
        leg = OpportunityLeg(
            platform=platform,
            market=market,
            action=order.action,
            side=side,
            limit=limit,
            cost=notional(limit, order.quantity),
            fees=Money(0),
            book_version=view.version if view is not None else 0,
        )
        legs.append((leg, order.quantity))
    return legs


def unseen(trade: Trade, books: PairBooks) -> list[Platform]:
    """The platforms whose book of one of the trade's slots is not known."""
    views = [(platform, _view(books.books, platform, market)) for platform, market, _ in trade.slots]
    return sorted({platform for platform, view in views if view is None or not view.known})


def settlement_floors(trade: Trade) -> dict[SlotKey, Price]:
    """The limits below which slots are not sold: what was bought had not settled when it was first sold at that.

    Such a refusal says nothing of the price. It holds until a sale of the slot is answered otherwise.
    """
    floors: dict[SlotKey, Price] = {}
    for leg in trade.legs.values():
        if _not_settled(leg):
            floors.setdefault(leg.slot, leg.leg.limit)
        elif leg.leg.action is Action.SELL and leg.proven:
            floors.pop(leg.slot, None)
    return floors


def _not_settled(leg: TradeLeg) -> bool:
    if leg.leg.action is not Action.SELL or leg.outcome is None or leg.outcome.status is not Status.REJECTED:
        return False
    error = leg.outcome.error or ""
    return error.startswith(UNSETTLED) or NO_BALANCE in error


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
