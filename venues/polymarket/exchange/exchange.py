"""The exchange: wallets, markets, and what orders do to them. Time is handed in; the matching is market/matching's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from market.matching.order import Arrival, SelfTrade, TimeInForce
from market.matching.plan import Plan
from protocol.units import USD, Price, Quantity
from venues.polymarket.exchange import house
from venues.polymarket.exchange.account import HOUSE, Account
from venues.polymarket.exchange.amounts import Shares, bought, paid
from venues.polymarket.exchange.booking import Booking
from venues.polymarket.exchange.events import BookMoved, Event, Listener, MarketListed, OrderNoted
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import Listing, levels
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import Order, Trade
from venues.polymarket.exchange.order_request import OrderRequest, Terms, below_minimum, terms_of
from venues.polymarket.exchange.placed import Placed
from venues.polymarket.exchange.refusal import (
    CROSSES,
    DUPLICATED,
    FAK_KILLED,
    FOK_KILLED,
    NOT_READY,
    POST_ONLY_MODE,
    WRONG_WALLET,
    Refusal,
    invalid,
)
from venues.polymarket.exchange.settlement import Settlement
from venues.polymarket.exchange.wallets import WalletKind

SECOND_US: Final = 1_000_000
EARLY_S: Final = 60
"""How long before its expiration a GTD order ends."""

DEFAULT_DELAY_MS: Final = 2_000
MOST_ORDERS: Final = 500_000
TILL: Final = "0x000000000000000000000000000000000000fee5"
"""Where fees go."""

GONE: Final = "order can't be found - already canceled or matched"
HELD: Final = "order can't be canceled while it is delayed"


class PolymarketExchange:
    """Orders in, trades and refusals out. ``salt`` makes the ids of this exchange its own.

    ``share_step`` is the least part of a share that trades, in millionths. Every call takes the time as unix
    microseconds, which must not run backwards.
    """

    def __init__(self, listings: Iterable[Listing], *, salt: str = "arb", share_step: int = 1) -> None:
        self.salt = salt
        self.share_step = share_step
        self.markets: dict[str, Market] = {}
        self.by_token: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {name: Account(name) for name in (HOUSE, TILL)}
        self.orders: dict[str, Order] = {}
        self.spent: set[str] = set()
        self.duplicates = 0
        self.cancel_only = False
        self.post_only = False
        self.deposit_only = False
        self.listeners: list[Listener] = []
        self.settlement = Settlement(self)
        self._count = 0
        self._booking = Booking(self)
        self._held: dict[str, Order] = {}
        self._touched: dict[str, dict[tuple[bool, Price], None]] = {}
        for listing in listings:
            self.list_market(listing, 0)

    # -- what there is -------------------------------------------------------------------------------------------

    def list_market(self, listing: Listing, now_us: int) -> Market:
        """One more market, with its seeded liquidity."""
        market = Market.listed(listing, len(self.markets) + 1)
        self.markets[market.condition] = market
        self.by_token |= dict.fromkeys(market.tokens, market)
        self.tell(MarketListed(market), now_us)
        self.set_book(market, levels(listing.bids), levels(listing.asks), now_us)
        return market

    def open_account(self, wallet: str, kind: WalletKind = WalletKind.EOA) -> Account:
        """The wallet's account, new where there is none."""
        account = self.accounts.get(wallet)
        if account is None:
            account = self.accounts[wallet] = Account(wallet, kind)
        return account

    @property
    def house(self) -> Account:
        """Who the seeded liquidity belongs to."""
        return self.accounts[HOUSE]

    @property
    def till(self) -> Account:
        """Where fees go."""
        return self.accounts[TILL]

    def count(self) -> int:
        """The next number of whatever needs one."""
        self._count += 1
        return self._count

    def tell(self, event: Event, now_us: int) -> None:
        """Every listener."""
        for listener in tuple(self.listeners):
            listener(event, now_us)

    def touch(self, market: Market, price: Price, *, is_bid: bool) -> None:
        """What rests there is another, to be told at the end of what is being done."""
        self._touched.setdefault(market.condition, {})[is_bid, price] = None

    def untouch(self, market: Market) -> None:
        """What rests there is another, and somebody else tells."""
        self._touched.pop(market.condition, None)

    def flush(self, market: Market, now_us: int, trades: Iterable[Trade] = ()) -> None:
        """Tell what of the book is another."""
        places = tuple(self._touched.pop(market.condition, ()))
        if places:
            if market.recorded:
                market.amend(places)
            market.t_us = max(now_us, market.t_us)
            self.tell(BookMoved(market, places, tuple(trades)), now_us)

    # -- orders --------------------------------------------------------------------------------------------------

    def place(
        self,
        account: Account,
        request: OrderRequest,
        order_id: str,
        now_us: int,
        struck: Mapping[str, Fault] | None = None,
    ) -> Placed:
        """Execute an order whose signature was checked. ``struck``: the faults that are meant for it.

        Raises :class:`Refusal`; then nothing happened, but the hash of an order that was killed is spent.
        """
        self.advance(now_us)
        faults = struck or {}
        market = self._market_for(request, account)
        terms = terms_of(request, market, now_us)
        if order_id in self.spent:
            self.duplicates += 1
            raise invalid(DUPLICATED)
        if len(self.orders) >= MOST_ORDERS:
            raise Refusal(503, f"more than {MOST_ORDERS} orders: start another rehearsal")
        order = self._new_order(account, request, order_id, market, terms, now_us)
        order.doomed = "ghost_fill" in faults
        plan = self._plan(order)
        if request.post_only and plan.matches:
            raise invalid(CROSSES)
        self._check_least(order, plan)
        self._check_funds(order, plan)
        if "over_fill" in faults and plan.matches:
            house.better(self, order, faults["over_fill"].ticks)
            plan = self._plan(order)
        self.spent.add(order_id)
        delay_us = self._delay_us(order, plan, faults)
        if delay_us:
            return self._hold(order, delay_us, now_us, live="live_then_filled" in faults)
        if "killed" in faults or self._is_killed(order, plan):
            raise Refusal(400, FOK_KILLED if order.kind == "FOK" else FAK_KILLED, {"orderID": order_id})
        self.orders[order_id] = order
        self._carry_out(order, plan, now_us)
        return Placed.of(order)

    def cancel(self, owner: str, order_id: str, now_us: int) -> str | None:
        """Cancel an order of that key; None, or why not."""
        self.advance(now_us)
        order = self.orders.get(order_id)
        if order is None or order.owner != owner:
            return GONE
        if order_id in self._held:
            return HELD
        if order.status != "LIVE":
            return GONE
        self.end(order, now_us)
        self.flush(order.market, now_us)
        return None

    def working(self, owner: str, condition: str = "", token: str = "") -> list[Order]:
        """The open orders of a key, of one market or token where it is named; oldest first."""
        return [
            order
            for account in self.accounts.values()
            for order in account.working.values()
            if order.owner == owner and condition in {"", order.market.condition} and token in {"", order.token}
        ]

    def advance(self, now_us: int) -> None:
        """Whatever the clock brings: delayed orders, expiry, settlement."""
        due = [order for order in self._held.values() if order.due_us <= now_us]
        for order in sorted(due, key=lambda one: one.due_us):
            self._release(order, now_us)
        late = [
            order
            for account in self.accounts.values()
            for order in account.working.values()
            if order.kind == "GTD" and (order.expires_s - EARLY_S) * SECOND_US <= now_us
        ]
        for order in late:
            self.end(order, now_us)
            self.flush(order.market, now_us)
        self.settlement.advance(now_us)

    def shift(self, by_us: int) -> None:
        """The clock was set: delayed orders and trades wait as long as before."""
        for order in self._held.values():
            order.due_us += by_us
        for trade in self.settlement.unfinished:
            trade.matched_us += by_us

    def end(self, order: Order, now_us: int) -> None:
        """Take a resting order out."""
        order.market.book.cancel(order.order_id)
        order.account.working.pop(order.order_id, None)
        self._held.pop(order.order_id, None)
        order.left, order.status = Shares(0), "CANCELED"
        self._touch_order(order)
        self.tell(OrderNoted(order, "CANCELLATION"), now_us)

    def set_book(
        self, market: Market, bids: Iterable[tuple[Price, Shares]], asks: Iterable[tuple[Price, Shares]], now_us: int
    ) -> None:
        """Have the house's resting liquidity be this, in YES prices; wallets' orders stay."""
        house.set_book(self, market, {True: dict(bids), False: dict(asks)})
        self.flush(market, now_us)

    # -- inside --------------------------------------------------------------------------------------------------

    def _market_for(self, request: OrderRequest, account: Account) -> Market:
        if self.cancel_only:
            raise Refusal(
                503, "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
            )
        if self.post_only and not request.post_only:
            raise Refusal(503, POST_ONLY_MODE)
        market = self.by_token.get(request.order.token_id)
        if market is None:
            raise invalid(f"the orderbook {request.order.token_id} does not exist")
        if market.closed or not market.accepting:
            raise invalid(NOT_READY)
        if self.deposit_only and account.kind is not WalletKind.DEPOSIT:
            raise invalid(WRONG_WALLET)
        return market

    @staticmethod
    def _new_order(
        account: Account, request: OrderRequest, order_id: str, market: Market, terms: Terms, now_us: int
    ) -> Order:
        return Order(
            order_id=order_id,
            account=account,
            owner=request.owner,
            market=market,
            token=request.order.token_id,
            side=request.order.side,
            kind=request.order_type,
            price=terms.price,
            size=terms.size,
            left=terms.size,
            amount=terms.amount,
            post_only=request.post_only,
            expires_s=terms.expires_s,
            created_us=now_us,
        )

    def _plan(self, order: Order) -> Plan:
        """What the order would do now; own orders in its way are given up."""
        quantity = order.left if order.amount is None else self._affordable(order)
        kind = TimeInForce.IMMEDIATE_OR_CANCEL if order.at_once else TimeInForce.GOOD_TILL_CANCELED
        arrival = Arrival(
            order_id=order.order_id,
            owner=order.account.wallet,
            is_bid=order.is_bid,
            price=order.market.in_yes(order.token, order.price),
            quantity=Quantity(quantity),
            time_in_force=kind,
            self_trade=SelfTrade.MAKER,
        )
        return order.market.book.plan(arrival)

    def _affordable(self, order: Order) -> Shares:
        """The shares that the order's dollars buy now: a better price gives more of them."""
        money, shares = int(order.amount or 0), 0
        for resting in order.market.facing(order.token, buys=True):
            price = order.market.in_yes(order.token, resting.price)
            if price > order.price:
                break
            if resting.owner == order.account.wallet:
                continue
            cost = paid(price, Shares(resting.left), up=True)
            if cost > money:
                shares += bought(money, price, self.share_step)
                break
            shares, money = shares + resting.left, money - cost
        return Shares(shares)

    def _is_killed(self, order: Order, plan: Plan) -> bool:
        if not order.at_once:
            return False
        if not plan.matches:
            return True
        if order.kind == "FAK":
            return False
        if order.amount is None:
            return plan.filled < order.left
        # What is left of the dollars buys no further step at the limit: the rest of a cent is nobody's.
        rest = order.amount - self._booking.cost(order, plan)[0]
        return bought(rest, order.price, self.share_step) > 0

    def _check_least(self, order: Order, plan: Plan) -> None:
        if not plan.matches and not order.at_once:
            return
        dollars = paid(order.price, order.size, up=True) if order.amount is None else order.amount
        if dollars < USD:
            raise below_minimum(dollars, order.side)

    def _check_funds(self, order: Order, plan: Plan) -> None:
        """Raise :class:`Refusal` where the wallet has less than the order offers, or the contract may not take it."""
        account, market = order.account, order.market
        if account.unlimited:
            return
        if order.buys:
            cost, fee = self._booking.cost(order, plan)
            rest = paid(order.price, Shares(plan.rests), up=True)
            needs: int = fee + (cost + rest if order.amount is None else order.amount)
            has: int = account.free_cash()
            allowed = account.allowances[market.exchange]
        else:
            needs, has = order.left, account.free_shares(order.token)
            allowed = needs if account.approved[market.exchange] else 0
        if has < needs:
            raise invalid(
                f"not enough balance / allowance: the balance is not enough -> balance: {has}, order amount: {needs}"
            )
        if allowed < needs:
            raise invalid(
                "not enough balance / allowance: the allowance is not enough -> "
                f"spender: {market.exchange}, allowance: {allowed}, order amount: {needs}"
            )

    @staticmethod
    def _delay_us(order: Order, plan: Plan, faults: Mapping[str, Fault]) -> int:
        """How long the order waits before it meets the book; 0 where it is carried out at once."""
        for name in ("delayed", "live_then_filled"):
            if name in faults:
                return (faults[name].ms or DEFAULT_DELAY_MS) * 1_000
        return order.market.listing.seconds_delay * SECOND_US if plan.matches else 0

    def _hold(self, order: Order, delay_us: int, now_us: int, *, live: bool) -> Placed:
        order.due_us, order.status = now_us + delay_us, "LIVE" if live else "DELAYED"
        self.orders[order.order_id] = self._held[order.order_id] = order
        order.account.working[order.order_id] = order
        self.tell(OrderNoted(order, "PLACEMENT"), now_us)
        return Placed.of(order, order.status.lower())

    def _release(self, order: Order, now_us: int) -> None:
        """The delay is over: the order meets the book as it is now."""
        del self._held[order.order_id]
        del order.account.working[order.order_id]
        plan = self._plan(order)
        if order.market.closed or self._is_killed(order, plan):
            order.left, order.status = Shares(0), "CANCELED"
            self.tell(OrderNoted(order, "CANCELLATION"), now_us)
            return
        order.status = "LIVE"
        self._carry_out(order, plan, now_us)

    def _carry_out(self, order: Order, plan: Plan, now_us: int) -> None:
        market = order.market
        for resting in plan.gives_way:
            self.end(self.orders[resting.order_id], now_us)
        for match in plan.matches:
            self.touch(market, match.maker.price, is_bid=match.maker.is_bid)
        market.book.apply(plan)
        trades = self._booking.trades(order, plan, now_us)
        house.sweep(self, market, plan)
        order.left = Shares(plan.rests)
        if plan.rests:
            order.account.working[order.order_id] = order
            self._touch_order(order)
        else:
            order.status = "MATCHED"
        self.tell(OrderNoted(order, "PLACEMENT"), now_us)
        for trade in trades:
            trade.doomed = order.doomed
            market.last_price, market.last_side = market.in_yes(order.token, trade.price), order.side
            for fill in trade.makers:
                if fill.order is not None:
                    self.tell(OrderNoted(fill.order, "UPDATE"), now_us)
            self.settlement.add(trade, now_us)
        self.flush(market, now_us, trades)

    def _touch_order(self, order: Order) -> None:
        price = order.market.in_yes(order.token, order.price)
        self.touch(order.market, price, is_bid=order.is_bid)
