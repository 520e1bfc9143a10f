"""A signer who trades on a service without a socket; keys that open nothing."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec
from coincurve import PrivateKey

from protocol.units import USD, Money
from tests.venues.loopback_kit import T0
from transport.polymarket_exchange.server import PolymarketServer
from venues.loopback.message import Reply, Request
from venues.polymarket.exchange.account import Account
from venues.polymarket.exchange.eip712 import (
    Version,
    address_of,
    auth_digest,
    digest,
    order_domain,
    wallet_struct,
    wallet_trailer,
)
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.key_ring import ApiKey, l2_signature
from venues.polymarket.exchange.listing import DEMO, Listing, Schedule
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order_request import AMOUNT_DECIMALS, SignedOrder
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind

SECOND: Final = 1_000_000
RAIN, SNOW, HOME = (listing.slug for listing in DEMO)
ANN_KEY: Final = bytes([0x11]) * 32
BOB_KEY: Final = bytes([0x22]) * 32
DOLLARS: Final = 1_000
ZERO: Final = "0x" + "00" * 32
_SALTS: Final = itertools.count(1)

FREE: Final = Listing(slug="free", fee_schedule=None, bids=(("0.4", "100"),), asks=(("0.5", "10"), ("0.6", "100")))
"""A market that charges nothing."""

CHARGED: Final = Listing(
    slug="charged", fee_schedule=Schedule(Decimal("0.04")), bids=(("0.4", "100"),), asks=(("0.47", "100"),)
)


class Member:
    """Calls the service without a socket. The clock is the member's: ``now_us`` goes on by a millisecond a call."""

    def __init__(
        self,
        service: PolymarketService,
        key: bytes = ANN_KEY,
        *,
        kind: WalletKind = WalletKind.EOA,
        dollars: int = DOLLARS,
        now_us: int = T0,
    ) -> None:
        self.service = service
        self.kind = kind
        self.now_us = now_us
        self.key = PrivateKey(key)
        self.address = address_of(self.key.public_key)
        self.account: Account = service.fund(self.address, kind, Money(dollars * USD))
        self.api = self._key()

    # -- calls ---------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: object = None, **query: object) -> Reply:
        """A signed call."""
        self.now_us += 1_000
        raw = b"" if body is None else msgspec.json.encode(body)
        request = Request(
            method=method,
            path=path,
            query={name: str(value) for name, value in query.items()},
            headers=self.headers(method, path, raw),
            body=raw,
        )
        return self.service.handle(request, self.now_us, self.service.faults.request(method, path))

    def headers(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """The five headers of a request, now."""
        timestamp = str(self.service.now_us(self.now_us) // SECOND)
        return {
            "poly_address": self.address,
            "poly_api_key": self.api.key,
            "poly_passphrase": self.api.passphrase,
            "poly_timestamp": timestamp,
            "poly_signature": l2_signature(self.api.secret, timestamp, method, path, body),
        }

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 -- any document
        """What a read answers; it must answer 200."""
        reply = self.call("GET", path, **query)
        assert reply.status == 200, reply.body
        return document(reply)

    def wait(self, seconds: float) -> None:
        """Let the exchange's clock go on."""
        self.now_us += int(seconds * SECOND)
        self.service.advance(self.now_us)

    # -- orders --------------------------------------------------------------------------------------------------

    def market(self, slug: str = RAIN) -> Market:
        """A market by its slug."""
        return next(one for one in self.service.exchange.markets.values() if one.listing.slug == slug)

    def yes(self, slug: str = RAIN) -> str:
        """The id of YES."""
        return self.market(slug).tokens[0]

    def no(self, slug: str = RAIN) -> str:
        """The id of NO."""
        return self.market(slug).tokens[1]

    def body(
        self, token: str, side: str, making: int, taking: int, kind: str = "FAK", **changes: object
    ) -> dict[str, Any]:
        """A signed order as it is posted. ``changes`` of its fields are signed."""
        market = self.service.exchange.by_token[token]
        own = self.account.wallet if self.kind is WalletKind.DEPOSIT else self.address
        order: dict[str, Any] = {
            "salt": next(_SALTS),
            "maker": self.account.wallet,
            "signer": own,
            "tokenId": token,
            "makerAmount": str(making),
            "takerAmount": str(taking),
            "side": side,
            "signatureType": int(self.kind),
            "timestamp": str(self.now_us // 1_000),
            "metadata": ZERO,
            "builder": ZERO,
            "signature": "0x",
        }
        body: dict[str, Any] = {"owner": self.api.key, "orderType": kind, "deferExec": False}
        for name, value in changes.items():
            (order if name in order or name == "expiration" else body)[name] = value
        order["signature"] = self.sign(order, market)
        return {"order": order, **body}

    def sign(self, order: Mapping[str, Any], market: Market, version: Version | None = None) -> str:
        """The signature of an order."""
        domain = order_domain(market.exchange, version or market.domain_version)
        contents = msgspec.convert(order, SignedOrder).contents()
        if self.kind is not WalletKind.DEPOSIT:
            return signature(self.key, digest(domain, contents))
        owner = signature(self.key, digest(domain, wallet_struct(contents, order["signer"])))
        return owner + wallet_trailer(domain, contents).hex()

    def buy(self, token: str, dollars: str, at: str, kind: str = "FAK", **changes: object) -> Reply:
        """An order in dollars."""
        making = int(Decimal(dollars) * USD)
        step = 10 ** (6 - AMOUNT_DECIMALS[self.service.exchange.by_token[token].tick])
        taking = int(Decimal(making) / Decimal(at) // step * step)
        return self.post(self.body(token, "BUY", making, taking, kind, **changes))

    def sell(self, token: str, shares: str, at: str, kind: str = "FAK", **changes: object) -> Reply:
        """An order in shares."""
        making = int(Decimal(shares) * USD)
        return self.post(self.body(token, "SELL", making, int(making * Decimal(at)), kind, **changes))

    def rest(self, token: str, side: str, shares: str, at: str, **changes: object) -> Reply:
        """An order that may rest."""
        size, money = int(Decimal(shares) * USD), int(Decimal(shares) * Decimal(at) * USD)
        making, taking = (money, size) if side == "BUY" else (size, money)
        kind = str(changes.pop("kind", "GTC"))
        return self.post(self.body(token, side, making, taking, kind, **changes))

    def post(self, body: object) -> Reply:
        """``POST /order``."""
        return self.call("POST", "/order", body)

    def _key(self) -> ApiKey:
        reply = self.service.handle(self.l1("POST", "/auth/api-key"), self.now_us, {})
        if reply.status == 400:
            reply = self.service.handle(self.l1("GET", "/auth/derive-api-key"), self.now_us, {})
        made = document(reply)
        return ApiKey(made["apiKey"], made["secret"], made["passphrase"], self.address)

    def l1(self, method: str, path: str, nonce: int = 0, **changes: str) -> Request:
        """A request for an API key."""
        timestamp = str(self.service.now_us(self.now_us) // SECOND)
        headers = {
            "poly_address": self.address,
            "poly_timestamp": timestamp,
            "poly_nonce": str(nonce),
            "poly_signature": signature(self.key, auth_digest(self.address, timestamp, nonce)),
        }
        return Request(method=method, path=path, headers=headers | changes)


def signature(key: PrivateKey, signed: bytes) -> str:
    """65 bytes, as Ethereum has them."""
    raw = key.sign_recoverable(signed, hasher=None)
    return "0x" + raw[:64].hex() + bytes([raw[64] + 27]).hex()


def new_service(listings: Iterable[Listing] = DEMO, *, limited: bool = False, share_step: int = 1) -> PolymarketService:
    """An exchange without anybody."""
    return PolymarketService(listings, limited=limited, share_step=share_step)


def document(reply: Reply) -> Any:  # noqa: ANN401 -- any document
    """The body of a reply."""
    return msgspec.json.decode(reply.body)


def placed(reply: Reply) -> tuple[str, str, str]:
    """Status, making and taking amount of an order that was taken."""
    assert reply.status == 200, reply.body
    answer = document(reply)
    assert answer["success"], answer
    assert answer["errorMsg"] == "", answer
    return answer["status"], answer["makingAmount"], answer["takingAmount"]


def error(reply: Reply) -> tuple[int, str]:
    """Status and text of a refusal."""
    return reply.status, document(reply)["error"]


def break_down(service: PolymarketService, name: str, **how: Any) -> None:
    """One fault that waits."""
    service.break_down(Fault(name=name, **how))


@asynccontextmanager
async def serving(service: PolymarketService | None = None, **options: Any) -> AsyncIterator[PolymarketServer]:
    """The service on a port."""
    server = PolymarketServer(service or new_service(), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
