"""The REST calls: who asks, what it costs, what is answered. Which faults strike is handed in by the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from protocol.units import Quantity
from venues.kalshi.exchange import portfolio
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.buckets import CANCEL_COST, DEFAULT_COST, Buckets, too_many
from venues.kalshi.exchange.catalog import SHARDS, Catalog, market_document
from venues.kalshi.exchange.events import Event, Traded
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.faults import Fault, Faults
from venues.kalshi.exchange.key_ring import KEY_HEADER, KeyRing
from venues.kalshi.exchange.order import Order
from venues.kalshi.exchange.order_request import (
    AUTO,
    BatchCancelRequest,
    BatchRequest,
    CancelRequest,
    DecreaseRequest,
    OrderRequest,
    TransferRequest,
    count_of,
    read,
)
from venues.kalshi.exchange.page import number_of
from venues.kalshi.exchange.refusal import Refusal, invalid
from venues.kalshi.exchange.texts import MILLISECOND_US, count_text
from venues.loopback.message import Reply, Request

ROOT: Final = "/trade-api/v2"
SOCKET_PATH: Final = "/trade-api/ws/v2"
_ORDERS: Final = "/portfolio/events/orders"

Handler = Callable[[Account, Request, int, tuple[str, ...]], Reply]


class Rest:
    """Answers requests with the exchange behind it. ``allowance`` holds each account's buckets, by name."""

    def __init__(self, exchange: KalshiExchange, keys: KeyRing, faults: Faults, *, tier: str = "basic") -> None:
        self.exchange = exchange
        self.keys = keys
        self.faults = faults
        self.tier = tier
        self.catalog = Catalog(exchange)
        self.allowance: dict[str, Buckets] = {}
        exchange.listeners.append(self._listen)
        self._private: Final[tuple[tuple[str, re.Pattern[str], Handler], ...]] = tuple(
            (method, re.compile(pattern), handler) for method, pattern, handler in self._routes()
        )

    def handle(self, request: Request, now_us: int, struck: Mapping[str, Fault] | None = None) -> Reply:
        """The reply. Never raises for what a request holds. ``struck``: the faults that answer in its place."""
        try:
            return self._handled(request, now_us, struck or {})
        except Refusal as refusal:
            return Reply.refused(refusal)

    def _handled(self, request: Request, now_us: int, struck: Mapping[str, Fault]) -> Reply:
        if not request.path.startswith(f"{ROOT}/"):
            raise Refusal(404, "not_found", "page not found")
        if "timestamp_expired" in struck:
            raise Refusal(401, "header_timestamp_expired", "header timestamp expired")
        if "rate_limited" in struck:
            raise too_many()
        if "lost_cursor" in struck and request.query.get("cursor"):
            raise Refusal(500, "internal_server_error", "internal server error")
        public = self._public(request, now_us) if request.method == "GET" else None
        return public if public is not None else self._member(request, now_us, struck)

    def buckets(self, account: Account) -> Buckets:
        """The account's rate limits."""
        return self.allowance.setdefault(account.name, Buckets(self.tier))

    # -- for everybody -------------------------------------------------------------------------------------------

    def _public(self, request: Request, now_us: int) -> Reply | None:
        document = self._public_document(request.path.removeprefix(ROOT), request, now_us)
        if document is None:
            return None
        if KEY_HEADER in request.headers:
            account = self._account(request, now_us)
            self.buckets(account).read(DEFAULT_COST, now_us)
        return Reply.of(document)

    def _public_document(self, path: str, request: Request, now_us: int) -> dict[str, Any] | None:
        catalog, query = self.catalog, request.query
        match path.split("/")[1:]:
            case ["exchange", about]:
                return self._exchange_document(about, request, now_us)
            case ["historical", "cutoff"]:
                return catalog.cutoff()
            case ["account", "endpoint_costs"]:
                return portfolio.endpoint_costs()
            case ["markets", *rest]:
                return self._market_document(rest, query)
            case ["events", *rest]:
                return self._event_document(rest, query)
            case ["series", *rest]:
                return self._series_document(rest)
            case _:
                return None

    def _exchange_document(self, about: str, request: Request, now_us: int) -> dict[str, Any] | None:
        match about:
            case "status":
                return self.catalog.status()
            case "schedule":
                return self.catalog.schedule()
            case "user_data_timestamp":
                account = self._account(request, now_us) if KEY_HEADER in request.headers else None
                if account is not None:
                    account.view.catch_up(now_us)
                return portfolio.as_of(account, now_us)
            case _:
                return None

    def _market_document(self, rest: list[str], query: Mapping[str, str]) -> dict[str, Any] | None:
        match rest:
            case []:
                return self.catalog.markets(query)
            case ["orderbooks"]:
                return self.catalog.books(query)
            case ["trades"]:
                return self.catalog.trade_page(query)
            case [ticker]:
                return {"market": market_document(self.catalog.market(ticker))}
            case [ticker, "orderbook"]:
                return self.catalog.book(ticker, query)
            case _:
                return None

    def _event_document(self, rest: list[str], query: Mapping[str, str]) -> dict[str, Any] | None:
        match rest:
            case []:
                return self.catalog.events(query)
            case ["fee_changes"]:
                return {"event_fee_changes": [], "cursor": ""}
            case [ticker]:
                return self.catalog.event(ticker, query)
            case _:
                return None

    def _series_document(self, rest: list[str]) -> dict[str, Any] | None:
        match rest:
            case []:
                return self.catalog.series_list()
            case ["fee_changes"]:
                return {"series_fee_change_arr": []}
            case [ticker]:
                return self.catalog.series(ticker)
            case _:
                return None

    # -- for members ---------------------------------------------------------------------------------------------

    def _member(self, request: Request, now_us: int, struck: Mapping[str, Fault]) -> Reply:
        account = self._account(request, now_us)
        account.view.catch_up(now_us)
        path = request.path.removeprefix(ROOT)
        for method, pattern, handler in self._private:
            found = pattern.fullmatch(path) if method == request.method else None
            if found is not None:
                self._refuse_at_will(account, request, struck)
                return handler(account, request, now_us, found.groups())
        if path == "/portfolio/orders" or path.startswith("/portfolio/orders/"):
            raise Refusal(410, "gone", "use /portfolio/events/orders")
        if any(pattern.fullmatch(path) for _, pattern, _ in self._private):
            raise Refusal(405, "method_not_allowed", "method not allowed")
        raise Refusal(404, "not_found", "page not found")

    def _account(self, request: Request, now_us: int) -> Account:
        name = self.keys.account_of(request.headers, request.method, request.path, now_us)
        return self.exchange.open_account(name)

    @staticmethod
    def _refuse_at_will(account: Account, request: Request, struck: Mapping[str, Fault]) -> None:
        if "insufficient_balance" in struck:
            raise Refusal(400, "insufficient_balance", "insufficient balance")
        if "unfunded_shard" in struck:
            raise Refusal(400, "user_not_found", "user not found")
        if "spent_id" in struck:
            account.spent.add(read(request.body, OrderRequest).client_order_id)
            raise Refusal(409, "order_already_exists", "order already exists")

    def _routes(self) -> tuple[tuple[str, str, Handler], ...]:
        return (
            ("POST", _ORDERS, self._create),
            ("DELETE", _ORDERS, self._cancel_all),
            ("POST", f"{_ORDERS}/batched", self._create_batch),
            ("DELETE", f"{_ORDERS}/batched", self._cancel_batch),
            ("DELETE", f"{_ORDERS}/([^/]+)", self._cancel),
            ("POST", f"{_ORDERS}/([^/]+)/decrease", self._decrease),
            ("POST", "/portfolio/intra_exchange_instance_transfer", self._transfer),
            ("GET", "/portfolio/orders", self._reading(lambda account, query, _: portfolio.orders(account, query))),
            ("GET", "/portfolio/orders/([^/]+)", self._reading(lambda account, _, ids: portfolio.order(account, *ids))),
            ("GET", "/portfolio/fills", self._reading(lambda account, query, _: portfolio.fills(account, query))),
            (
                "GET",
                "/portfolio/positions",
                self._reading(lambda account, query, _: portfolio.positions(account, self.exchange, query)),
            ),
            ("GET", "/historical/orders", self._reading(lambda *_: {"orders": [], "cursor": ""})),
            ("GET", "/historical/fills", self._reading(lambda *_: {"fills": [], "cursor": ""})),
            (
                "GET",
                "/portfolio/settlements",
                self._reading(lambda account, query, _: portfolio.settlements(account, query)),
            ),
            ("GET", "/portfolio/balance", self._balance),
            (
                "GET",
                "/account/limits",
                self._reading(lambda account, *_: portfolio.limits(self.buckets(account))),
            ),
        )

    def _reading(self, document: Callable[[Account, Mapping[str, str], tuple[str, ...]], dict[str, Any]]) -> Handler:
        def handler(account: Account, request: Request, now_us: int, ids: tuple[str, ...]) -> Reply:
            self.buckets(account).read(DEFAULT_COST, now_us)
            return Reply.of(document(account, request.query, ids))

        return handler

    def _balance(self, account: Account, request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        self.buckets(account).balance(now_us)
        return Reply.of(portfolio.balance(account, self.exchange, request.query))

    def _create(self, account: Account, request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        order = read(request.body, OrderRequest)
        self._pay(account, DEFAULT_COST, order.exchange_index, now_us)
        return Reply.of(self.exchange.place(account, order, now_us).document(), 201)

    def _create_batch(self, account: Account, request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        orders = read(request.body, BatchRequest).orders
        self._pay(account, DEFAULT_COST * len(orders), orders[0].exchange_index, now_us)
        return Reply.of({"orders": [self._placed(account, order, now_us) for order in orders]}, 201)

    def _placed(self, account: Account, order: OrderRequest, now_us: int) -> dict[str, Any]:
        try:
            return self.exchange.place(account, order, now_us).document()
        except Refusal as refusal:
            return {"client_order_id": order.client_order_id or None, "error": refusal.document()}

    def _cancel(self, account: Account, request: Request, now_us: int, ids: tuple[str, ...]) -> Reply:
        shard = number_of(request.query, "exchange_index")
        wanted = CancelRequest(ids[0], exchange_index=shard, market_ticker=request.query.get("market_ticker", ""))
        self._pay(account, CANCEL_COST, shard, now_us)
        return Reply.of(self._canceled(account, wanted, now_us))

    def _cancel_batch(self, account: Account, request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        wanted = read(request.body, BatchCancelRequest).orders
        self._pay(account, CANCEL_COST * len(wanted), wanted[0].exchange_index, now_us)
        return Reply.of({"orders": [self._canceled_or_not(account, one, now_us) for one in wanted]})

    def _canceled_or_not(self, account: Account, wanted: CancelRequest, now_us: int) -> dict[str, Any]:
        try:
            return self._canceled(account, wanted, now_us)
        except Refusal as refusal:
            return {"order_id": wanted.order_id, "reduced_by": count_text(0), "error": refusal.document()}

    def _canceled(self, account: Account, wanted: CancelRequest, now_us: int) -> dict[str, Any]:
        self._on_its_shard(account, wanted.order_id, wanted.exchange_index, wanted.market_ticker)
        order, left = self.exchange.cancel(account, wanted.order_id, now_us)
        return {**_ids_of(order, now_us), "reduced_by": count_text(left)}

    def _cancel_all(self, account: Account, _request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        self._pay(account, CANCEL_COST, None, now_us)
        self.exchange.cancel_all(account, now_us)
        return Reply(204)

    def _decrease(self, account: Account, request: Request, now_us: int, ids: tuple[str, ...]) -> Reply:
        wanted = read(request.body, DecreaseRequest)
        if (wanted.reduce_by is None) is (wanted.reduce_to is None):
            raise invalid("exactly one of reduce_by and reduce_to")
        self._pay(account, DEFAULT_COST, wanted.exchange_index, now_us)
        self._on_its_shard(account, ids[0], wanted.exchange_index, wanted.market_ticker)
        by = None if wanted.reduce_by is None else count_of(wanted.reduce_by)
        to = None if wanted.reduce_to is None else _count_or_none(wanted.reduce_to)
        order = self.exchange.decrease(account, ids[0], now_us, by=by, to=to)
        return Reply.of({**_ids_of(order, now_us), "remaining_count": count_text(order.left)})

    def _transfer(self, account: Account, request: Request, now_us: int, _ids: tuple[str, ...]) -> Reply:
        wanted = read(request.body, TransferRequest)
        self._pay(account, DEFAULT_COST, wanted.source_exchange_shard, now_us)
        return Reply.of({"transfer_id": self.exchange.transfer(account, wanted, now_us)})

    def _pay(self, account: Account, cost: int, shard: int | None, now_us: int) -> None:
        """A write without its shard is billed on every one."""
        shards = tuple(SHARDS) if shard in {None, AUTO} or shard is None else (shard,)
        self.buckets(account).write(cost, shards, now_us)

    @staticmethod
    def _on_its_shard(account: Account, order_id: str, shard: int | None, ticker: str) -> None:
        """Without a ticker, an order is looked for on shard 0 unless another was named."""
        order = account.orders.get(order_id)
        if order is None:
            return
        where = order.shard if ticker == order.ticker and shard in {None, AUTO} else 0 if shard is None else shard
        if where != order.shard:
            raise Refusal(404, "not_found", "order not found")

    def _listen(self, event: Event, _now_us: int) -> None:
        if type(event) is Traded:
            self.catalog.trades.append(event.fill)


def _ids_of(order: Order, now_us: int) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "ts_ms": now_us // MILLISECOND_US,
    }


def _count_or_none(text: str) -> Quantity:
    return Quantity(0) if text.strip("0.") == "" else count_of(text)
