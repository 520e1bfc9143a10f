"""The exchange: accounts, markets, and what orders do to them. Time is handed in; the matching is market/matching's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from market.matching.order import Arrival, Resting, TimeInForce
from market.matching.plan import Ended, Plan
from protocol.units import Money, Price, Quantity
from venues.kalshi.exchange.account import HOUSE, Account
from venues.kalshi.exchange.booking import Booking
from venues.kalshi.exchange.events import Event, LevelMoved, Lifecycle, Listener, OrderChanged, TopMoved
from venues.kalshi.exchange.listing import Listing, MarketStatus, levels
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.order import Order
from venues.kalshi.exchange.order_request import AUTO, OrderRequest, TransferRequest
from venues.kalshi.exchange.placed import Placed
from venues.kalshi.exchange.price_grid import on_grid
from venues.kalshi.exchange.refusal import Refusal, invalid
from venues.kalshi.exchange.settlement import determination
from venues.kalshi.exchange.texts import SECOND_US, uuid_text

_REASONS: Final = {Ended.POST_ONLY_CROSS: "PostOnlyCrossCancel", Ended.SELF_TRADE: "SelfTradeCancel"}

CENTICENT: Final = 100
"""Micro-dollars in a hundredth of a cent."""

MOST_ORDERS: Final = 500_000
"""Orders of one account; a rehearsal is over long before."""


class KalshiExchange:
    """Orders in, fills and refusals out. ``salt`` makes the ids of this exchange its own.

    Every call takes the time as unix microseconds, which must not run backwards.
    """

    def __init__(self, listings: Iterable[Listing], *, salt: str = "arb") -> None:
        self.salt = salt
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {HOUSE: Account(HOUSE)}
        self.exchange_active = True
        self.trading_active = True
        self.listeners: list[Listener] = []
        self._orders = 0
        self._clock = 0
        self._booking = Booking(self)
        for listing in listings:
            self.list_market(listing, 0)

    # -- what there is -------------------------------------------------------------------------------------------

    def list_market(self, listing: Listing, now_us: int) -> Market:
        """One more market, with its seeded liquidity."""
        market = self.markets[listing.ticker] = Market.listed(listing)
        self.set_book(market, levels(listing.bids), levels(listing.asks), now_us)
        return market

    def open_account(self, name: str) -> Account:
        """The account of that name, new where there is none."""
        return self.accounts.setdefault(name, Account(name))

    def fund(self, account: Account, shard: int, money: Money, now_us: int) -> None:
        """Money in (below 0: out)."""
        account.move(shard, money)
        self._booking.publish_balance(account, now_us)

    def transfer(self, account: Account, request: TransferRequest, now_us: int) -> str:
        """Money from one shard to another, at once; the id of the transfer. Raises :class:`Refusal`."""
        money = Money(request.amount * CENTICENT)
        ticket = f"transfer/{request.client_transfer_id}"
        if request.client_transfer_id and ticket in account.spent:
            raise Refusal(409, "transfer_already_exists", "a transfer with this id was accepted before")
        if account.available(request.source_exchange_shard) < money:
            raise Refusal(400, "insufficient_balance", "insufficient balance")
        account.spent.add(ticket)
        account.move(request.source_exchange_shard, Money(-money))
        account.move(request.destination_exchange_shard, money)
        self._booking.publish_balance(account, now_us)
        return self.next_trade_id()

    @property
    def house(self) -> Account:
        """Who the seeded liquidity belongs to."""
        return self.accounts[HOUSE]

    def tell(self, event: Event, now_us: int) -> None:
        """Every listener."""
        for listener in tuple(self.listeners):
            listener(event, now_us)

    def act(self, market: Market) -> None:
        """One more action of the exchange's clock, on this market."""
        self._clock += 1
        market.clock = self._clock

    def next_trade_id(self) -> str:
        """The id of the next trade."""
        self._orders += 1
        return uuid_text(self.salt, "trade", self._orders)

    # -- orders --------------------------------------------------------------------------------------------------

    def place(self, account: Account, request: OrderRequest, now_us: int) -> Placed:
        """Execute an order. Raises :class:`Refusal`; then nothing happened, but a killed order's id is spent."""
        self.expire(now_us)
        price, count = request.check(now_us // SECOND_US)
        market = self._market_for(account, request)
        self._check_trading(market)
        if not on_grid(price, market.listing.ranges):
            raise Refusal(400, "invalid_price", "invalid price")
        if len(account.orders) >= MOST_ORDERS:
            raise Refusal(503, "exchange_unavailable", f"more than {MOST_ORDERS} orders: start another rehearsal")
        coid = request.client_order_id
        if coid in account.spent:
            raise Refusal(409, "order_already_exists", "order already exists")
        quantity = count
        if request.reduce_only:
            quantity = account.position(market.ticker).closable(count, is_bid=request.is_bid)
        order = self._new_order(account, market, request, price, count, now_us)
        plan = self._plan(market, order, request, quantity)
        if plan.ended is Ended.KILLED:
            account.spent.update({coid} - {""})
            raise Refusal(409, "fill_or_kill_insufficient_resting_volume", "fill or kill insufficient resting volume")
        self._booking.check_money(account, market, order, plan)
        account.spent.update({coid} - {""})
        account.orders[order.order_id] = order
        order.left = Quantity(quantity)
        self._carry_out(account, market, order, plan, now_us)
        self._booking.publish_order(account, order, now_us)
        return Placed.of(order, now_us)

    def cancel(self, account: Account, order_id: str, now_us: int, reason: str | None = None) -> tuple[Order, Quantity]:
        """Cancel; answers with the order and what was left of it. Raises :class:`Refusal` 404 where none rests."""
        self.expire(now_us)
        order = account.orders.get(order_id)
        if order is None or order.state != "resting":
            raise Refusal(404, "not_found", "order not found")
        return order, self._end(account, order, now_us, reason)

    def cancel_all(self, account: Account, now_us: int) -> None:
        """Cancel everything that rests."""
        self.expire(now_us)
        for order in [order for orders in account.resting.values() for order in orders.values()]:
            self._end(account, order, now_us, None)

    def decrease(
        self, account: Account, order_id: str, now_us: int, *, by: Quantity | None, to: Quantity | None
    ) -> Order:
        """Make a resting order smaller; its place is kept. Raises :class:`Refusal`."""
        self.expire(now_us)
        order = account.orders.get(order_id)
        if order is None or order.state != "resting":
            raise Refusal(404, "not_found", "order not found")
        target = order.left - by if by is not None else to if to is not None else order.left
        if not 0 <= target <= order.left:
            raise invalid(f"decrease: from {order.left / 100} contracts to less, not to {target / 100}")
        if target == 0:
            self._end(account, order, now_us, "Decrease")
            return order
        taken = Quantity(order.left - target)
        market = self.markets[order.ticker]
        self.act(market)
        market.book.reduce(order_id, taken)
        order.left, order.updated_us, order.reason = Quantity(target), now_us, "Decrease"
        self.tell(LevelMoved(market, order.is_bid, order.price, -taken, order), now_us)
        self._changed(account, market, order, now_us)
        return order

    def expire(self, now_us: int) -> None:
        """End every order whose time is over."""
        for account in self.accounts.values():
            due = [
                order
                for orders in account.resting.values()
                for order in orders.values()
                if order.expires_s is not None and order.expires_s * SECOND_US <= now_us
            ]
            for order in due:
                self._end(account, order, now_us, "ExpiryCancel")

    # -- what the operator does ----------------------------------------------------------------------------------

    def set_book(
        self,
        market: Market,
        bids: Iterable[tuple[Price, Quantity]],
        asks: Iterable[tuple[Price, Quantity]],
        now_us: int,
    ) -> None:
        """Have the house's resting liquidity be this; members' orders stay. What would cross one is left out."""
        self.act(market)
        wanted = {(True, price): size for price, size in bids} | {(False, price): size for price, size in asks}
        there = {(order.is_bid, order.price): order for order in market.book.of(HOUSE)}
        for place, order in there.items():
            if wanted.get(place) != order.left:
                self._withdraw(market, order, now_us)
        for (is_bid, price), size in wanted.items():
            order_now = there.get((is_bid, price))
            if order_now is None or order_now.order_id not in market.book:
                self._offer(market, price, size, now_us, is_bid=is_bid)
        self.tell(TopMoved(market), now_us)

    def set_status(self, market: Market, status: MarketStatus, now_us: int) -> None:
        """Pause, reopen, close, settle a market.

        Reopening a paused one cancels what rests there, as Kalshi does. A market that is finalized pays what it was
        determined to be worth.
        """
        before, market.status = market.status, status
        market.updated_us = now_us
        if before == status:
            return
        if status in {"active", "closed"} and before == "inactive":
            self._end_all(market, now_us, "HaltCancel")
        elif status not in {"active", "inactive"}:
            self._end_all(market, now_us, "CloseCancel")
        kind = {"active": "activated", "inactive": "deactivated"}.get(status)
        if status == "inactive":
            self._end_all(market, now_us, "HaltCancel", only_on_pause=True)
        if kind is not None:
            msg = {"market_ticker": market.ticker, "event_type": kind, "is_deactivated": status == "inactive"}
            self.tell(Lifecycle("market_lifecycle_v2", msg), now_us)
        elif status in {"determined", "closed", "finalized"}:
            kind = {"determined": "determined", "closed": "close_date_updated", "finalized": "settled"}[status]
            stamp = {"determined": "determination_ts", "closed": "close_ts", "finalized": "settled_ts"}[status]
            said = determination(market) if status == "determined" else {}
            msg = {"market_ticker": market.ticker, "event_type": kind, stamp: now_us // SECOND_US, **said}
            self.tell(Lifecycle("market_lifecycle_v2", msg), now_us)
        if status == "finalized":
            self._booking.pay_out(market, now_us)

    # -- inside --------------------------------------------------------------------------------------------------

    def _market_for(self, account: Account, request: OrderRequest) -> Market:
        """The market; on a shard without money it is not found, as misleading as on the real one."""
        market = self.markets.get(request.ticker)
        if market is None or request.exchange_index not in {None, AUTO, market.shard}:
            raise Refusal(400, "market_not_found", "market not found")
        if not account.unlimited and not account.cash.get(market.shard) and not account.position(market.ticker).net:
            code = "market_not_found" if market.shard in account.cash else "user_not_found"
            raise Refusal(400, code)
        return market

    def _check_trading(self, market: Market) -> None:
        if not self.exchange_active:
            raise Refusal(503, "exchange_unavailable", "the exchange is down for maintenance")
        if not self.trading_active:
            raise Refusal(409, "trading_is_paused", "trading is paused")
        if market.status == "inactive":
            raise Refusal(409, "market_paused", "trading on this market is paused")
        if market.status != "active":
            raise Refusal(409, "market_closed", "this market is not open")

    def _new_order(
        self, account: Account, market: Market, request: OrderRequest, price: Price, count: Quantity, now_us: int
    ) -> Order:
        self._orders += 1
        return Order(
            number=self._orders,
            order_id=uuid_text(self.salt, "order", self._orders),
            client_order_id=request.client_order_id,
            user_id=account.user_id,
            ticker=market.ticker,
            shard=market.shard,
            is_bid=request.is_bid,
            price=price,
            initial=count,
            left=count,
            self_trade=request.self_trade_prevention_type,
            created_us=now_us,
            updated_us=now_us,
            expires_s=request.expiration_time,
            cancel_on_pause=request.cancel_order_on_pause,
            order_group_id=request.order_group_id,
        )

    @staticmethod
    def _plan(market: Market, order: Order, request: OrderRequest, quantity: Quantity) -> Plan:
        return market.book.plan(
            Arrival(
                order_id=order.order_id,
                owner=order.user_id,
                is_bid=order.is_bid,
                price=order.price,
                quantity=quantity,
                time_in_force=TimeInForce(request.time_in_force),
                self_trade=order.self_trade,
                post_only=request.post_only,
            )
        )

    def _carry_out(self, account: Account, market: Market, order: Order, plan: Plan, now_us: int) -> None:
        self.act(market)
        for resting in plan.gives_way:
            self._end(account, account.orders[resting.order_id], now_us, "SelfTradeCancel")
        for match in plan.matches:
            self._booking.trade(account, market, order, match, now_us)
        market.book.apply(plan)
        if plan.rests:
            account.rest(order)
            self.tell(LevelMoved(market, order.is_bid, order.price, plan.rests, order), now_us)
        else:
            order.left = Quantity(0)
            order.state = "executed" if order.filled == order.initial else "canceled"
            order.reason = _reason(order, plan)
        self.tell(OrderChanged(account, order), now_us)
        self.tell(TopMoved(market), now_us)

    def _end(self, account: Account, order: Order, now_us: int, reason: str | None) -> Quantity:
        """Take a resting order out; what was left of it."""
        market = self.markets[order.ticker]
        self.act(market)
        left = market.book.cancel(order.order_id)
        account.unrest(order)
        order.left, order.state, order.reason, order.updated_us = Quantity(0), "canceled", reason, now_us
        self.tell(LevelMoved(market, order.is_bid, order.price, -left, order), now_us)
        self._changed(account, market, order, now_us)
        return left

    def _changed(self, account: Account, market: Market, order: Order, now_us: int) -> None:
        self.tell(OrderChanged(account, order), now_us)
        self.tell(TopMoved(market), now_us)
        self._booking.publish_order(account, order, now_us)

    def _end_all(self, market: Market, now_us: int, reason: str, *, only_on_pause: bool = False) -> None:
        for account in self.accounts.values():
            for order in list(account.resting.get(market.ticker, {}).values()):
                if order.cancel_on_pause or not only_on_pause:
                    self._end(account, order, now_us, reason)

    def _withdraw(self, market: Market, order: Resting, now_us: int) -> None:
        left = market.book.cancel(order.order_id)
        self.tell(LevelMoved(market, order.is_bid, order.price, -left), now_us)

    def _offer(self, market: Market, price: Price, size: Quantity, now_us: int, *, is_bid: bool) -> None:
        facing = market.book.best(is_bid=not is_bid)
        if facing is not None and (price >= facing if is_bid else price <= facing):
            return
        self._orders += 1
        order_id = uuid_text(self.salt, "house", self._orders)
        arrival = Arrival(
            order_id=order_id,
            owner=HOUSE,
            is_bid=is_bid,
            price=price,
            quantity=size,
            time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        )
        market.book.apply(Plan(arrival=arrival, rests=size))
        self.tell(LevelMoved(market, is_bid, price, size), now_us)


def _reason(order: Order, plan: Plan) -> str | None:
    """Why an order ended as soon as it was placed, in the venue's words; a rest that was not filled has none."""
    if order.state == "executed":
        return "Trade"
    if plan.arrival.quantity < order.initial:
        return "ReduceOnlyCancel"
    return None if plan.ended is None else _REASONS.get(plan.ended)
