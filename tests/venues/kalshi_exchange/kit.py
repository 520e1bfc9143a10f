"""A loopback Kalshi for a test, and a member who signs."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from protocol.units import USD, Money
from tests.venues.loopback_kit import T0
from transport.kalshi_exchange.server import KalshiServer
from venues.kalshi.exchange.account import Account
from venues.kalshi.exchange.listing import DEMO, Listing
from venues.kalshi.exchange.rest import ROOT
from venues.kalshi.exchange.service import KalshiService
from venues.loopback.message import Reply, Request

RAIN: Final = "KXDEMO-27DEC31-RAIN"
SNOW: Final = "KXDEMO-27DEC31-SNOW"
HOME: Final = "KXDEMOGAME-27DEC31-HOME"
SECOND: Final = 1_000_000
DOLLARS: Final = 1_000

PrivateKey = Ed25519PrivateKey | rsa.RSAPrivateKey


@cache
def ed25519() -> Ed25519PrivateKey:
    """A key that opens nothing."""
    return Ed25519PrivateKey.generate()


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """A key that opens nothing, of the other kind."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: PrivateKey) -> bytes:
    """Its public half."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write_key(key: PrivateKey, file: Path) -> Path:
    """The private key in a file of its own."""
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def sign(key: PrivateKey, text: str) -> str:
    """A signature as Kalshi takes it."""
    if isinstance(key, Ed25519PrivateKey):
        raw = key.sign(text.encode())
    else:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        raw = key.sign(text.encode(), pss, hashes.SHA256())
    return base64.b64encode(raw).decode()


def headers(method: str, path: str, now_us: int, key: PrivateKey | None = None, key_id: str = "ed") -> dict[str, str]:
    """The three headers."""
    timestamp = str(now_us // 1_000)
    signature = sign(key or ed25519(), f"{timestamp}{method}{path}")
    return {"kalshi-access-key": key_id, "kalshi-access-timestamp": timestamp, "kalshi-access-signature": signature}


def new_service(listings: Iterable[Listing] = DEMO, *, tier: str = "prestige") -> KalshiService:
    """An exchange with two members: `ann` with an Ed25519 key, `bob` with an RSA one; $1000 on shards 0 and 3."""
    service = KalshiService(listings, tier=tier)
    for name, key_id, key in (("ann", "ed", ed25519()), ("bob", "rsa", rsa_key())):
        service.member(name, key_id, public_pem(key), Money(DOLLARS * USD), (0, 3))
    return service


def order_body(**changes: object) -> dict[str, object]:
    """An order that takes six at 47 cents."""
    body: dict[str, object] = {
        "ticker": RAIN,
        "side": "bid",
        "count": "6.00",
        "price": "0.4700",
        "time_in_force": "immediate_or_cancel",
        "self_trade_prevention_type": "taker_at_cross",
        "exchange_index": 0,
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


class Member:
    """Calls the service without a socket. The clock is the member's: ``now_us`` goes on by a millisecond a call."""

    def __init__(self, service: KalshiService, name: str = "ann", *, now_us: int = T0) -> None:
        self.service = service
        self.now_us = now_us
        self.account: Account = service.exchange.open_account(name)
        self._key: PrivateKey = ed25519() if name == "ann" else rsa_key()
        self._key_id = "ed" if name == "ann" else "rsa"

    def call(self, method: str, path: str, body: object = None, **query: object) -> Reply:
        """A signed call; ``path`` is below the root."""
        self.now_us += 1_000
        whole = f"{ROOT}{path}"
        request = Request(
            method=method,
            path=whole,
            query={name: str(value) for name, value in query.items()},
            headers=self.signed(method, whole),
            body=b"" if body is None else msgspec.json.encode(body),
        )
        struck = self.service.faults.request(method, whole)
        return self.service.handle(request, self.now_us, struck)

    def signed(self, method: str, path: str) -> dict[str, str]:
        """The headers of a request of this member, now."""
        return headers(method, path, self.service.now_us(self.now_us), self._key, self._key_id)

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """What a read answers; it must answer 200."""
        reply = self.call("GET", path, **query)
        assert reply.status == 200, reply.body
        return document(reply)

    def order(self, **changes: object) -> dict[str, Any]:
        """What an order came to; it must be taken."""
        reply = self.call("POST", "/portfolio/events/orders", order_body(**changes))
        assert reply.status == 201, reply.body
        return document(reply)

    def refused(self, **changes: object) -> tuple[int, str]:
        """Status and code of an order that is not taken."""
        return refusal(self.call("POST", "/portfolio/events/orders", order_body(**changes)))


def document(reply: Reply) -> dict[str, Any]:
    """The body of a reply."""
    decoded: dict[str, Any] = msgspec.json.decode(reply.body)
    return decoded


def refusal(reply: Reply) -> tuple[int, str]:
    """Status and code of an error."""
    return reply.status, document(reply)["error"]["code"]


@asynccontextmanager
async def serving(service: KalshiService | None = None, **options: Any) -> AsyncIterator[KalshiServer]:
    """The service on a port."""
    server = KalshiServer(service or new_service(), **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def frames_of(texts: Iterable[str]) -> list[Mapping[str, Any]]:
    """WebSocket frames, read."""
    return [msgspec.json.decode(text) for text in texts]
