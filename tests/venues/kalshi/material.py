"""Keys made for these tests, and legs."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from protocol.leg import Leg
from protocol.terms import KALSHI, Action, LegId, Side
from protocol.units import Price, Quantity
from venues.kalshi.keys import read_key
from venues.kalshi.signing import Credentials

PASSPHRASE = b"open sesame, please"
TICKER = "KXTEST-26NOV22-T1"
KEY_ID = "test-key-id"


@cache
def ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@cache
def rsa(bits: int = 2048) -> RSAPrivateKey:
    return generate_rsa(65_537, bits)


@cache
def credentials() -> Credentials:
    return Credentials(KEY_ID, read_key(pem(ed25519())))


def pem(
    key: Ed25519PrivateKey | RSAPrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    passphrase: bytes | None = None,
) -> bytes:
    lock: KeySerializationEncryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, form, lock)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def elliptic_pem() -> bytes:
    return generate_ec(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def leg(
    action: Action = Action.BUY,
    side: Side = Side.YES,
    limit: int = 4_700,
    quantity: int = 600,
    *,
    leg_id: str = "coid-1",
    market: str = TICKER,
    expires_at_ms: int | None = None,
) -> Leg:
    return Leg(
        leg_id=LegId(leg_id),
        trade_id=None,
        pair_id=None,
        market_id=0,
        platform=KALSHI,
        market=market,
        action=action,
        side=side,
        limit=Price(limit),
        quantity=Quantity(quantity),
        expires_at_ms=expires_at_ms,
    )
