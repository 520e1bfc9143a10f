"""Trades into the books of both sides: money, fees, positions, fills, and what of it the reads will show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.matching.plan import Match, Plan
from protocol.units import Money, Price, Quantity
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.documents import fill_document, order_document, position_document
from venues.kalshi.exchange.events import Filled, LevelMoved, OrderChanged, PositionChanged, Traded
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Fill, Order
from venues.kalshi.exchange.position import unit_cost
from venues.kalshi.exchange.refusal import Refusal
from venues.kalshi.exchange.settlement import Settlement
from venues.kalshi.exchange.texts import money_text

if TYPE_CHECKING:
    from venues.kalshi.exchange.exchange import KalshiExchange


class Booking:
    """The part of an exchange that moves money."""

    def __init__(self, exchange: KalshiExchange) -> None:
        self._exchange = exchange

    def check_money(self, account: Account, market: Market, order: Order, plan: Plan) -> None:
        """Raise :class:`Refusal` where what the plan costs is more than what is there. Closing never is."""
        if account.unlimited:
            return
        held, carried, moves = account.position(market.ticker).copy(), order.carried, 0
        model = market.fees(taker=True)
        for match in plan.matches:
            revenue = held.fill(match.maker.price, match.quantity, is_bid=order.is_bid)
            fee, carried = model.charge(match.maker.price, match.quantity, revenue, carried)
            moves += revenue - fee
        opening = plan.rests - held.closable(plan.rests, is_bid=order.is_bid)
        moves -= opening * unit_cost(order.price, is_bid=order.is_bid)
        if moves < 0 and account.available(market.shard) + moves < 0:
            raise Refusal(400, "insufficient_balance", "insufficient balance")

    def trade(self, account: Account, market: Market, order: Order, match: Match, now_us: int) -> None:
        """One match of the plan; the book itself is changed by the plan."""
        exchange, maker_order, price = self._exchange, None, match.maker.price
        trade_id = exchange.next_trade_id()
        longs = self._longs(market)
        for maker in exchange.accounts.values():
            maker_order = maker.orders.get(match.maker.order_id)
            if maker_order is not None:
                self._fill(maker, market, maker_order, match, trade_id, now_us, taker=False)
                break
        else:
            house = exchange.house.position(market.ticker)
            house.fill(price, match.quantity, is_bid=match.maker.is_bid)
        fill = self._fill(account, market, order, match, trade_id, now_us, taker=True)
        market.last_price, market.last_size = price, match.quantity
        market.volume = Quantity(market.volume + match.quantity)
        market.traded = Money(market.traded + price * match.quantity)
        market.open_interest = Quantity(market.open_interest + self._longs(market) - longs)
        exchange.tell(LevelMoved(market, match.maker.is_bid, price, -match.quantity, order), now_us)
        exchange.tell(Traded(market, fill), now_us)

    def pay_out(self, market: Market, now_us: int) -> None:
        """Everybody who holds something of the market gets what it is worth, and holds nothing of it any more.

        Nothing happens where the market has no result.
        """
        value = market.settlement_value
        if value is None:
            return
        for account in self._exchange.accounts.values():
            held = account.positions.get(market.ticker)
            if held is not None and held.net:
                self._pay(account, market, value, now_us)
        market.open_interest, market.settled_us = Quantity(0), now_us

    def _pay(self, account: Account, market: Market, value: Price, now_us: int) -> None:
        held = account.position(market.ticker)
        revenue = Money(abs(held.net) * unit_cost(value, is_bid=held.net > 0))
        settlement = Settlement(market, held.net, held.cost, held.fees, revenue, now_us)
        held.realized += revenue - held.cost
        held.net, held.cost, held.updated_us = 0, 0, now_us
        if account.unlimited:
            return
        account.move(market.shard, revenue)
        account.settlements.append(settlement)
        account.view.publish("settlements", market.ticker, settlement.document(), now_us)
        account.view.publish("positions", market.ticker, None, now_us)
        self._exchange.tell(PositionChanged(account, market, held.copy()), now_us)
        self.publish_balance(account, now_us)

    def _longs(self, market: Market) -> int:
        """All YES that is held."""
        held = (account.positions.get(market.ticker) for account in self._exchange.accounts.values())
        return sum(max(position.net, 0) for position in held if position is not None)

    def _fill(
        self, account: Account, market: Market, order: Order, match: Match, trade_id: str, now_us: int, *, taker: bool
    ) -> Fill:
        price, quantity = match.maker.price, match.quantity
        position = account.position(market.ticker)
        revenue = position.fill(price, quantity, is_bid=order.is_bid)
        fee, order.carried = market.fees(taker=taker).charge(price, quantity, revenue, order.carried)
        account.move(market.shard, revenue - fee)
        position.fees += fee
        position.updated_us = order.updated_us = now_us
        self._onto(order, price, quantity, fee, taker=taker)
        fill = Fill(
            number=len(account.fills) + 1,
            trade_id=trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            ticker=market.ticker,
            shard=market.shard,
            is_bid=order.is_bid,
            price=price,
            quantity=quantity,
            is_taker=taker,
            fee=fee,
            position=position.net,
            t_us=now_us,
        )
        account.fills.append(fill)
        self._publish_fill(account, market, order, fill, now_us)
        return fill

    @staticmethod
    def _onto(order: Order, price: Price, quantity: Quantity, fee: Money, *, taker: bool) -> None:
        cost = unit_cost(price, is_bid=order.is_bid) * quantity
        order.left = Quantity(order.left - quantity)
        order.filled += quantity
        order.yes_cost += price * quantity
        if taker:
            order.taker_filled += quantity
            order.taker_cost += cost
            order.taker_fees += fee
        else:
            order.maker_cost += cost
            order.maker_fees += fee
            order.reason = "Trade"
            if not order.left:
                order.state = "executed"

    def _publish_fill(self, account: Account, market: Market, order: Order, fill: Fill, now_us: int) -> None:
        exchange, position = self._exchange, account.position(market.ticker)
        if not fill.is_taker:
            if not order.left:
                account.unrest(order)
            exchange.tell(OrderChanged(account, order), now_us)
            self.publish_order(account, order, now_us)
        account.view.publish("fills", f"{fill.trade_id}/{fill.order_id}", fill_document(fill), now_us)
        account.view.publish("positions", market.ticker, position_document(market, position), now_us)
        exchange.tell(Filled(account, fill), now_us)
        exchange.tell(PositionChanged(account, market, position.copy()), now_us)
        self.publish_balance(account, now_us)

    def publish_order(self, account: Account, order: Order, now_us: int) -> None:
        """The reads will show the order as it is now."""
        account.view.publish("orders", order.order_id, order_document(order), now_us)
        self.publish_balance(account, now_us)

    def publish_balance(self, account: Account, now_us: int) -> None:
        """The reads will show the money as it is now."""
        for shard in sorted(account.cash):
            free = account.available(shard)
            account.view.publish("balances", str(shard), {"money": free, "text": money_text(free), "t": now_us}, now_us)
