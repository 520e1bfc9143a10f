"""Matches into trades: who pays whom, in dollars and shares, where outcomes are bought, minted or merged."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from market.matching.plan import Match, Plan
from protocol.units import Money
from venues.polymarket.exchange.account import HOUSE, Account
from venues.polymarket.exchange.amounts import Shares, paid
from venues.polymarket.exchange.ids import uuid_text
from venues.polymarket.exchange.order import MakerFill, Move, Order, Side, Trade

if TYPE_CHECKING:
    from venues.polymarket.exchange.exchange import PolymarketExchange


class Booking:
    """The part of an exchange that says what a match moves. A dollar buys, or is bought by, a pair of YES and NO."""

    def __init__(self, exchange: PolymarketExchange) -> None:
        self._exchange = exchange

    def cost(self, order: Order, plan: Plan) -> tuple[Money, Money]:
        """What the plan's matches cost or bring, and the fee; nothing is changed."""
        money = fee = 0
        for price, matches in groupby(plan.matches, key=lambda match: match.maker.price):
            own, group = order.market.in_yes(order.token, price), list(matches)
            money += sum(paid(own, Shares(match.quantity), up=order.buys) for match in group)
            fee += order.market.fees.charge(own, Shares(sum(match.quantity for match in group)))
        return Money(money), Money(fee)

    def trades(self, order: Order, plan: Plan, now_us: int) -> list[Trade]:
        """A trade for each price that the plan takes. The orders of both sides are changed; no balance is."""
        grouped = groupby(plan.matches, key=lambda match: match.maker.price)
        return [self._trade(order, list(matches), now_us) for _, matches in grouped]

    def _trade(self, order: Order, matches: list[Match], now_us: int) -> Trade:
        exchange, market = self._exchange, order.market
        price = market.in_yes(order.token, matches[0].maker.price)
        trade_id = uuid_text(exchange.salt, "trade", exchange.count())
        makers: list[MakerFill] = []
        moves: list[Move] = []
        money = 0
        for match in matches:
            part = paid(price, Shares(match.quantity), up=order.buys)
            fill, account = self._maker(order, match)
            makers.append(fill)
            moves.append(self._maker_move(order, fill, account, part))
            self._onto_maker(fill, moves[-1], trade_id)
            money += part
        size = Shares(sum(match.quantity for match in matches))
        fee = market.fees.charge(price, size)
        signed = (-money, size) if order.buys else (money, -size)
        moves.append(Move(order.account, signed[0] - fee, order.token, signed[1]))
        moves.append(Move(exchange.till, fee, order.token, 0))
        order.filled, order.paid = Shares(order.filled + size), Money(order.paid + money)
        order.trades.append(trade_id)
        return Trade(
            trade_id=trade_id,
            taker=order,
            price=price,
            size=size,
            money=Money(money),
            fee=fee,
            makers=makers,
            moves=moves,
            matched_us=now_us,
            updated_us=now_us,
        )

    def _maker(self, order: Order, match: Match) -> tuple[MakerFill, Account]:
        """The resting side of a match: a wallet's order, or the house's, which is for YES."""
        exchange, market, resting = self._exchange, order.market, match.maker
        size = Shares(match.quantity)
        if resting.owner != HOUSE:
            known = exchange.orders[resting.order_id]
            price = market.in_yes(known.token, resting.price)
            fill = MakerFill(
                order=known, order_id=known.order_id, token=known.token, side=known.side, price=price, size=size
            )
            return fill, known.account
        side: Side = "BUY" if resting.is_bid else "SELL"
        fill = MakerFill(
            order=None, order_id=resting.order_id, token=market.tokens[0], side=side, price=resting.price, size=size
        )
        return fill, exchange.house

    @staticmethod
    def _maker_move(order: Order, fill: MakerFill, account: Account, part: Money) -> Move:
        """The same token changes hands; of two outcomes a pair is made for a dollar, or given back for one."""
        other = part if fill.token == order.token else fill.size - part
        if fill.side == "BUY":
            return Move(account, -other, fill.token, fill.size)
        return Move(account, other, fill.token, -fill.size)

    @staticmethod
    def _onto_maker(fill: MakerFill, move: Move, trade_id: str) -> None:
        order = fill.order
        if order is None:
            return
        order.left = Shares(order.left - fill.size)
        order.filled = Shares(order.filled + fill.size)
        order.paid = Money(order.paid + abs(move.money))
        order.trades.append(trade_id)
        if not order.left:
            order.status = "MATCHED"
            order.account.working.pop(order.order_id, None)
