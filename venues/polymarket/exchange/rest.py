"""The REST calls: who asks, what it costs, what is answered. Which faults strike is handed in by the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from venues.loopback.message import Reply, Request
from venues.polymarket.exchange import portfolio
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.authority import Authority
from venues.polymarket.exchange.buckets import Buckets, too_many
from venues.polymarket.exchange.catalog import Catalog
from venues.polymarket.exchange.documents import balance_document
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import Fault, Faults
from venues.polymarket.exchange.gamma import Gamma
from venues.polymarket.exchange.heartbeats import Heartbeats
from venues.polymarket.exchange.key_ring import ApiKey, KeyRing
from venues.polymarket.exchange.order_request import BATCHES, ORDERS, OrderRequest
from venues.polymarket.exchange.placed import Placed
from venues.polymarket.exchange.refusal import DUPLICATED, FAK_KILLED, FOK_KILLED, WRONG_WALLET, Refusal, invalid
from venues.polymarket.exchange.wallets import WalletKind

GAMMA: Final = "/gamma"
DATA: Final = "/data-api"
RELAYER: Final = "/relayer"
MOST_ORDERS: Final = 15
MOST_CANCELED: Final = 3_000
RESTART_S: Final = 2
_EVER: Final = 1 << 63

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_TEXTS: Final = msgspec.json.Decoder(dict[str, str])
_LIST: Final = msgspec.json.Decoder(list[str])


class Rest:
    """Answers requests with the exchange behind it."""

    def __init__(self, exchange: PolymarketExchange, keys: KeyRing, faults: Faults, *, limited: bool = True) -> None:
        self.exchange = exchange
        self.keys = keys
        self.faults = faults
        self.lag_us = 0
        self.authority = Authority()
        self.buckets = Buckets(limited=limited)
        self.heartbeats = Heartbeats(exchange)
        self._catalog = Catalog(exchange)
        self._gamma = Gamma(exchange)

    def handle(self, request: Request, now_us: int, struck: Mapping[str, Fault] | None = None) -> Reply:
        """The reply. Never raises for what a request holds. ``struck``: the faults that answer in its place."""
        try:
            return self._handled(request, now_us, struck or {})
        except Refusal as refusal:
            return Reply.refused(refusal)

    def _handled(self, request: Request, now_us: int, struck: Mapping[str, Fault]) -> Reply:
        if "restarting" in struck:
            raise Refusal(425, "Too Early", headers={"Retry-After": str(RESTART_S)})
        if "rate_limited" in struck:
            raise too_many({})
        if "unauthorized" in struck:
            raise Refusal(401, "Unauthorized/Invalid api key")
        self.buckets.address(request.path, now_us)
        self.heartbeats.advance(now_us)
        self.exchange.advance(now_us)
        public = self._public(request, now_us, struck)
        if public is not None:
            return Reply.of(public[0])
        return self._member(request, now_us, struck)

    # -- for everybody -------------------------------------------------------------------------------------------

    def _public(self, request: Request, now_us: int, struck: Mapping[str, Fault]) -> tuple[Any] | None:
        path, query = request.path, request.query
        if request.method == "POST":
            if path == "/auth/api-key":
                return (self.keys.create(request, now_us).document(),)
            return self._catalog.post(path, request)
        if request.method != "GET":
            return None
        if path == "/auth/derive-api-key":
            return (self.keys.derive(request, now_us).document(),)
        if path.startswith(f"{GAMMA}/"):
            return (self._gamma.answer(path.removeprefix(GAMMA), query),)
        if path == f"{DATA}/positions":
            account = self._account(query.get("user", ""))
            return ([] if "empty_page" in struck else portfolio.positions(self.exchange, account, query),)
        if path == f"{RELAYER}/deployed":
            return ({"deployed": self._account(query.get("address", "")) is not None},)
        return self._catalog.get(path, query, now_us)

    def _account(self, wallet: str) -> Account | None:
        """The wallet's account, however its address is written."""
        known = (one for name, one in self.exchange.accounts.items() if name.lower() == wallet.lower())
        return next(known, None)

    # -- for keys ------------------------------------------------------------------------------------------------

    def _member(self, request: Request, now_us: int, struck: Mapping[str, Fault]) -> Reply:
        key = self.keys.key_of(request, now_us)
        match request.method, request.path.split("/")[1:]:
            case "GET", ["data", *rest]:
                until_us = now_us - self.lag_us if self.lag_us else _EVER
                return Reply.of(self._data(key, rest, request, until_us, struck))
            case "GET", ["balance-allowance", *rest] if rest in ([], ["update"]):
                document = self._balance(key, request.query)
                return Reply.of(document if not rest else "")
            case "GET", ["auth", "api-keys"]:
                mine = [one.key for one in self.keys.keys.values() if one.address == key.address]
                return Reply.of({"apiKeys": mine})
            case "GET", ["auth", "ban-status", "closed-only"]:
                return Reply.of({"closed_only": False})
            case "GET", ["notifications"]:
                return Reply.of([])
            case "POST", ["v1", "heartbeats"]:
                given = _read(_TEXTS, request).get("heartbeat_id", "")
                return self._beat(key, given, now_us)
            case "DELETE", ["auth", "api-key"]:
                del self.keys.keys[key.key]
                return Reply.of("OK")
            case _:
                return self._trading(key, request, now_us)

    def _trading(self, key: ApiKey, request: Request, now_us: int) -> Reply:
        match request.method, request.path:
            case "POST", "/order":
                headers = self.buckets.orders(key.address, 1, now_us)
                placed = self._place(key, _read(ORDERS, request), now_us)
                return Reply.of(placed.document(), headers=headers)
            case "POST", "/orders":
                orders = _read(BATCHES, request)
                if not 0 < len(orders) <= MOST_ORDERS:
                    raise invalid(f"Invalid order payload: 1 to {MOST_ORDERS} orders")
                headers = self.buckets.orders(key.address, len(orders), now_us)
                placed_all = [self._placed_or_not(key, order, now_us).document() for order in orders]
                return Reply.of(placed_all, headers=headers)
            case "DELETE", "/order":
                return self._canceled(key, [_read(_TEXTS, request).get("orderID", "")], now_us)
            case "DELETE", "/orders":
                return self._canceled(key, _read(_LIST, request)[:MOST_CANCELED], now_us)
            case "DELETE", "/cancel-all":
                return self._canceled(key, [order.order_id for order in self.exchange.working(key.key)], now_us)
            case "DELETE", "/cancel-market-orders":
                wanted = _read(_TEXTS, request)
                found = self.exchange.working(key.key, wanted.get("market", ""), wanted.get("asset_id", ""))
                return self._canceled(key, [order.order_id for order in found], now_us)
            case _:
                raise Refusal(404, "not found")

    def _data(
        self, key: ApiKey, rest: list[str], request: Request, until_us: int, struck: Mapping[str, Fault]
    ) -> dict[str, Any] | None:
        query = request.query
        if "empty_page" in struck:
            return {"limit": portfolio.PAGE, "count": 0, "next_cursor": portfolio.END, "data": []}
        match rest:
            case ["order", order_id]:
                return None if "null_lookup" in struck else portfolio.order(self.exchange, key.key, order_id, until_us)
            case ["orders"]:
                return portfolio.orders(self.exchange, key.key, query, until_us)
            case ["trades"]:
                return portfolio.trades(self.exchange, key.key, query, until_us)
            case _:
                raise Refusal(404, "not found")

    def _balance(self, key: ApiKey, query: Mapping[str, str]) -> dict[str, Any]:
        kind, token = query.get("signature_type", "0"), query.get("token_id", "")
        if kind not in {"0", "1", "2", "3"}:
            raise invalid("Invalid signature_type")
        if query.get("asset_type") not in {"COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"}:
            raise invalid("Invalid asset type")
        if query["asset_type"] != "COLLATERAL" and token not in self.exchange.by_token:
            raise invalid("assetAddress invalid hex address")
        wallet_kind = WalletKind(int(kind))
        wallet = self.authority.wallet_of(key.address, wallet_kind)
        account = self.exchange.accounts.get(wallet) or Account(wallet, wallet_kind)
        return balance_document(account, "" if query["asset_type"] == "COLLATERAL" else token)

    def _beat(self, key: ApiKey, given: str, now_us: int) -> Reply:
        try:
            return Reply.of({"heartbeat_id": self.heartbeats.beat(key.key, given, now_us)})
        except Refusal as refusal:
            return Reply.of(refusal.more, refusal.status)

    def _place(self, key: ApiKey, request: OrderRequest, now_us: int) -> Placed:
        if request.owner != key.key:
            raise invalid("the order owner has to be the owner of the API KEY")
        market = self.exchange.by_token.get(request.order.token_id)
        if market is None:
            raise invalid(f"the orderbook {request.order.token_id} does not exist")
        signed = self.authority.check(request.order, market)
        if signed.signer != key.address:
            raise invalid("the order signer address has to be the address of the API KEY")
        struck = self.faults.order(signed.wallet, market.listing.slug)
        early = _early(request, signed.order_id, struck)
        if early is not None:
            return early
        account = self.exchange.open_account(signed.wallet, request.order.kind)
        return self.exchange.place(account, request, signed.order_id, now_us, struck)

    def _placed_or_not(self, key: ApiKey, order: OrderRequest, now_us: int) -> Placed:
        try:
            return self._place(key, order, now_us)
        except Refusal as refusal:
            order_id = str(refusal.more.get("orderID", ""))
            return Placed(order_id=order_id, status="", problem=refusal.text, success=False)

    def _canceled(self, key: ApiKey, order_ids: list[str], now_us: int) -> Reply:
        problems = {order_id: self.exchange.cancel(key.key, order_id, now_us) for order_id in order_ids}
        return Reply.of(
            {
                "canceled": [order_id for order_id, problem in problems.items() if problem is None],
                "not_canceled": {order_id: problem for order_id, problem in problems.items() if problem is not None},
            }
        )


def _early(request: OrderRequest, order_id: str, struck: Mapping[str, Fault]) -> Placed | None:
    """The answer of a fault that does nothing with the order; None where none does. Raises :class:`Refusal`."""
    if "not_enough_balance" in struck:
        text = "the balance is not enough -> balance: 0, order amount: " + request.order.maker_amount
        raise invalid(f"not enough balance / allowance: {text}")
    if "maker_not_allowed" in struck:
        raise invalid(WRONG_WALLET)
    if "duplicated" in struck:
        raise invalid(DUPLICATED)
    if "killed" in struck and request.order_type in {"FOK", "FAK"}:
        raise Refusal(400, FOK_KILLED if request.order_type == "FOK" else FAK_KILLED, {"orderID": order_id})
    if "success_with_error" in struck:
        return Placed(order_id=order_id, status="", problem=struck["success_with_error"].text)
    if "unmatched" in struck:
        return Placed(order_id=order_id, status="unmatched")
    return None


def _read(decoder: msgspec.json.Decoder[Any], request: Request) -> Any:  # noqa: ANN401 -- as the decoder says
    try:
        return decoder.decode(request.body)
    except _UNREADABLE as error:
        raise invalid(f"Invalid order payload: {str(error)[:200]}") from None
